"""Reading an agent: GET, walks of one subtree, and whole columns, for SNMP v1, v2c and v3.

The rule: a caller gets the whole answer, or a part that says that it is a part; never a part that looks whole.
Library errors leave this module as ProbeError kinds. An answer that never came says nothing about the line.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

from probes.errors import ProbeTimeout, ProbeUnreadable
from probes.snmp import walking
from probes.snmp.library import Library, Rows, resolve, translated
from probes.snmp.manners import MAX_VARBINDS, Manners
from probes.snmp.tables import Table, fill_tails, join_columns
from probes.snmp.target import Oid, SnmpTarget, V3User, Value, Version, WriteAccess
from probes.snmp.walking import MAX_ROWS, Next, Walk
from probes.snmp.wire import NO_SUCH_NAME, TOO_BIG

__all__ = [
    "MAX_ROWS",
    "MAX_VARBINDS",
    "Gate",
    "Manners",
    "Oid",
    "Session",
    "SnmpTarget",
    "Table",
    "V3User",
    "Value",
    "Version",
    "Walk",
    "WriteAccess",
    "columns",
    "get",
    "join_columns",
    "open_session",
    "walk",
]

_Answer = TypeVar("_Answer")
#: every request of a session goes through one of these: it may wait, or refuse, and it sees how the request ended
Gate = Callable[[], AbstractAsyncContextManager[None]]

#: each try waits this much longer than the one before [E]
_BACK_OFF = 1.5


async def get(
    target: SnmpTarget, oids: Iterable[Oid], *, gate: Gate | None = None, manners: Manners | None = None
) -> dict[Oid, Value]:
    """Values by OID; one request for up to 24 OIDs. An OID that the agent does not have is absent.

    Raises:
        ProbeTimeout: no answer after all retries.
        ProbeRefused: wrong user or password (v3), or an address that is none.
        ProbeUnreadable: the answer is not SNMP.
    """
    async with open_session(target, gate=gate, manners=manners) as session:
        return await session.get(oids)


async def walk(
    target: SnmpTarget,
    root: Oid,
    *,
    limit: int = MAX_ROWS,
    gate: Gate | None = None,
    manners: Manners | None = None,
) -> Walk:
    """All instances below `root`, in the agent's order, at most `limit`.

    An agent that stops answering half-way, or answers in circles, gives an incomplete walk, not an error.

    Raises:
        ProbeTimeout: not even the first answer came.
        ProbeRefused, ProbeUnreadable: as `get`.
    """
    async with open_session(target, gate=gate, manners=manners) as session:
        return await session.walk(root, limit=limit)


async def columns(
    target: SnmpTarget,
    oids: Mapping[str, Oid],
    *,
    below: str = "",
    gate: Gate | None = None,
    manners: Manners | None = None,
) -> Table:
    """Columns of one table as rows by index; `below` keeps to the rows whose index begins with it.

    A column that ends before the others is asked for what is missing at its end: some agents leave a column early.

    Raises:
        ProbeTimeout: the agent did not answer at all.
        ProbeRefused, ProbeUnreadable: as `get`.
    """
    async with open_session(target, gate=gate, manners=manners) as session:
        walks = {name: await session.walk(f"{oid}.{below}" if below else oid) for name, oid in oids.items()}
        return await fill_tails(join_columns(oids, walks), oids, walks, session)


@asynccontextmanager
async def open_session(
    target: SnmpTarget, *, gate: Gate | None = None, manners: Manners | None = None
) -> AsyncIterator["Session"]:
    """A session for several requests, one after the other; with v3 it saves a discovery per request.

    Raises:
        ProbeTimeout, ProbeRefused, ProbeUnreadable: as `get`.
    """
    session = await Session.opened(target, gate=gate, manners=manners)
    try:
        yield session
    finally:
        session.close()


class Session:
    """One socket to one agent. One request at a time: who wants more at once opens more sessions."""

    def __init__(
        self, target: SnmpTarget, address: str, library: Library, gate: Gate | None, manners: Manners | None
    ) -> None:
        self._target = target
        self._address = address
        self._library = library
        self._gate = gate
        self._manners = manners if manners is not None else Manners()

    @classmethod
    async def opened(cls, target: SnmpTarget, *, gate: Gate | None = None, manners: Manners | None = None) -> "Session":
        """A session whose agent was found (v3: its engine answered and took the user)."""
        address = await resolve(target)
        with translated(target):
            session = cls(target, address, Library(target, address), gate, manners)
        if target.version is Version.V3:
            try:
                await session._exchange(session._library.discover)
            except BaseException:
                session.close()
                raise
        return session

    def close(self) -> None:
        """Let the socket go."""
        self._library.close()

    async def get(self, oids: Iterable[Oid]) -> dict[Oid, Value]:
        """As the module's `get`."""
        wanted = list(oids)
        found: dict[Oid, Value] = {}
        while wanted:
            some, wanted = wanted[: self._manners.varbinds], wanted[self._manners.varbinds :]
            found |= await self._get(some)
        return found

    async def walk(self, root: Oid, *, limit: int = MAX_ROWS) -> Walk:
        """As the module's `walk`."""
        self._manners.begin(self._target.max_repetitions)
        return await walking.walk(self, root, limit)

    async def rows_after(self, oid: Oid, *, singly: bool) -> Rows:
        """The rows of one answer behind an OID; a question that is not answered is made smaller, then asked again."""
        if singly or self._target.version is Version.V1:
            return await self._exchange(lambda: self._rows(oid, 0))
        rows = await self._exchange(lambda: self._rows(oid, self._manners.repetitions), self._manners.choked)
        self._manners.answered(len(rows))
        return rows

    async def next_after(self, oid: Oid) -> Next:
        """What follows an OID, asked for alone; an error is told from the end where the answer can be read."""
        rows = await self._exchange(lambda: self._rows(oid, 0))
        if rows:
            return Next(rows[0])
        said = self._library.said()
        at_end = said is None or not said.error or (said.error == NO_SUCH_NAME and self._target.version is Version.V1)
        return Next() if at_end or said is None else Next(error=said.error_name)

    def at_end(self) -> bool:
        """Whether the last answer, an empty one, was the end of everything in the words of version 1.

        A longer question is doubted: some agents say "end" where they mean "too much".
        """
        said = self._library.said()
        return self._target.version is Version.V1 and said is not None and said.error == NO_SUCH_NAME

    def choked(self) -> bool:
        """Ask for fewer rows from now on; False when it is the least already."""
        return self._manners.choked()

    async def _get(self, oids: Sequence[Oid]) -> dict[Oid, Value]:
        answer = await self._exchange(lambda: self._values(oids))
        found = {oid: value for oid in oids if (value := answer.get(oid)) is not None}
        if len(found) == len(oids):
            return found
        missing = [oid for oid in oids if oid not in found]
        said = self._library.said()
        if said is None:
            return found | await self._halves(missing, found)
        if said.error == TOO_BIG and len(oids) > 1:
            self._manners.too_many(len(oids))
            return await self._get(oids[: len(oids) // 2]) | await self._get(oids[len(oids) // 2 :])
        if said.error:
            return found | (await self._without(oids, said.index) if len(oids) > 1 else {})
        told = {one.oid for one in said.varbinds}
        left = [oid for oid in missing if oid not in told]
        # an agent that answers less than it was asked for is asked for the rest, as long as it answers something
        return found | (await self._get(left) if left and len(left) < len(oids) else {})

    async def _told(self, answer: Awaitable[_Answer], *, any_value: Callable[[_Answer], bool]) -> _Answer:
        """What an answer brings; an agent that answers every question with an error is not understood."""
        found = await answer
        said = None if any_value(found) else self._library.said()
        failed = said is not None and said.error not in (0, TOO_BIG, NO_SUCH_NAME)
        if self._manners.only_errors(failed=failed) and said is not None:
            raise ProbeUnreadable(f"{self._target} answers {said.error_name} whatever it is asked; look at the agent")
        return found

    async def _rows(self, after: Oid, repetitions: int) -> Rows:
        return await self._told(self._library.next_rows(after, repetitions), any_value=bool)

    async def _values(self, oids: Sequence[Oid]) -> dict[Oid, Value | None]:
        return await self._told(
            self._library.get(oids), any_value=lambda answer: any(value is not None for value in answer.values())
        )

    async def _without(self, oids: Sequence[Oid], index: int) -> dict[Oid, Value]:
        """An error for one varbind spoils the answer for all (RFC 1157 §4.1.2): ask again without the one at fault."""
        if 1 <= index <= len(oids):
            rest = [oid for position, oid in enumerate(oids, start=1) if position != index]
            return await self._get(rest)
        half = len(oids) // 2
        return await self._get(oids[:half]) | await self._get(oids[half:])

    async def _halves(self, oids: Sequence[Oid], found: Mapping[Oid, Value]) -> dict[Oid, Value]:
        """SNMPv3 hides the error from us: an empty answer is asked for once more in two halves."""
        if found or len(oids) < 2:
            return {}
        halves = (oids[: len(oids) // 2], oids[len(oids) // 2 :])
        more: dict[Oid, Value] = {}
        for half in halves:
            answer = await self._exchange(lambda half=half: self._library.get(half))  # type: ignore[misc]  # binds it
            more |= {oid: value for oid in half if (value := answer.get(oid)) is not None}
        if more:
            self._manners.too_many(len(oids))
        return more

    async def _exchange(
        self, ask: Callable[[], Awaitable[_Answer]], smaller: Callable[[], object] | None = None
    ) -> _Answer:
        """One request with its retries, each with more patience, library errors translated."""
        for attempt in range(self._target.retries + 1):
            try:
                patience = self._target.timeout_s * _BACK_OFF**attempt
                if self._gate is None:
                    return await self._once(ask, patience)
                async with self._gate():
                    return await self._once(ask, patience)
            except TimeoutError:
                if smaller is not None:
                    smaller()
        raise self._silence()

    async def _once(self, ask: Callable[[], Awaitable[_Answer]], patience_s: float) -> _Answer:
        with translated(self._target):
            async with asyncio.timeout(patience_s):
                return await ask()

    def _silence(self) -> ProbeTimeout:
        tries = self._target.retries + 1
        return ProbeTimeout(
            f"{self._target} did not answer SNMP in {tries} tries; check route, address and credentials"
        )
