"""Reading an agent: GET, walks of one subtree, and whole columns, for SNMP v1, v2c and v3.

The rule: a caller gets the whole answer, or a part that says that it is a part; never a part that looks whole.
Library errors leave this module as ProbeError kinds. An answer that never came says nothing about the line.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TypeVar

from gufo.snmp import (
    Aes128Key,
    Aes192Key,
    Aes256Key,
    DesKey,
    Md5Key,
    Sha1Key,
    Sha224Key,
    Sha256Key,
    Sha384Key,
    Sha512Key,
    SnmpAuthError,
    SnmpError,
    SnmpVersion,
    User,
)
from gufo.snmp._fast import GetIter
from gufo.snmp.aio import SnmpSession

from probes.errors import NoSuchHost, ProbeRefused, ProbeTimeout, ProbeUnreadable

#: an OID in numbers without a leading dot
Oid = str
#: OCTET STRING is bytes, OBJECT IDENTIFIER and IpAddress are text, every number is int
Value = int | float | bytes | str
_Answer = TypeVar("_Answer")

#: varbinds in one GET: what access nodes answer in one frame with room to spare [E]
MAX_VARBINDS = 24
#: rows of one walk: more than any table that a line test reads [E]
MAX_ROWS = 100_000
#: each try waits this much longer than the one before [E]
_BACK_OFF = 1.5
#: an agent that lost several answers in a row gets smaller questions: this part of the first, at least four [E]
_SMALLER = 4


class Version(StrEnum):
    """The SNMP versions that the client speaks."""

    V1 = "1"
    V2C = "2c"
    V3 = "3"


_AUTH = {
    "md5": Md5Key,
    "sha": Sha1Key,
    "sha224": Sha224Key,
    "sha256": Sha256Key,
    "sha384": Sha384Key,
    "sha512": Sha512Key,
}
_PRIVACY = {"des": DesKey, "aes128": Aes128Key, "aes192": Aes192Key, "aes256": Aes256Key}
_LIBRARY_VERSION = {Version.V1: SnmpVersion.v1, Version.V2C: SnmpVersion.v2c, Version.V3: SnmpVersion.v3}
#: the library's own timeout, beyond any of ours: the deadline is kept here
_NO_TIMEOUT_S = 3600.0


@dataclass(frozen=True, slots=True)
class V3User:
    """One user of SNMPv3 (RFC 3414). An empty password means that this protection is not used."""

    name: str
    auth: str = "sha"
    auth_password: str = field(default="", repr=False)
    privacy: str = "aes128"
    privacy_password: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Refuse protocols that do not exist, before anything is sent."""
        if self.auth not in _AUTH or self.privacy not in _PRIVACY:
            raise ProbeRefused(
                f"SNMPv3 user {self.name}: auth is one of {', '.join(_AUTH)}, privacy one of {', '.join(_PRIVACY)}"
            )


@dataclass(frozen=True, slots=True)
class SnmpTarget:
    """Where an agent is and how to talk to it. `timeout_s` is for the first try; every retry waits 1.5 times longer."""

    address: str
    port: int = 161
    community: str = field(default="public", repr=False)
    version: Version = Version.V2C
    user: V3User | None = None
    timeout_s: float = 2.0
    retries: int = 2
    max_repetitions: int = 25

    def __str__(self) -> str:
        return f"{self.address} port {self.port}"


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk gave. `complete` is False when it stopped before the end of the subtree; `problem` says why."""

    rows: tuple[tuple[Oid, Value], ...]
    complete: bool = True
    problem: str = ""
    #: the agent fell silent on the way
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by row: `rows[index][column name]`; a cell that the agent does not have is absent."""

    rows: Mapping[str, Mapping[str, Value]]
    complete: bool = True
    problem: str = ""


async def get(target: SnmpTarget, oids: Iterable[Oid]) -> dict[Oid, Value]:
    """Values by OID; one request for up to 24 OIDs. An OID that the agent does not have is absent.

    Raises:
        ProbeTimeout: no answer after all retries.
        ProbeRefused: wrong user or password (v3), or an address that is none.
        ProbeUnreadable: the answer is not SNMP.
    """
    async with open_session(target) as session:
        return await session.get(oids)


async def walk(target: SnmpTarget, root: Oid, *, limit: int = MAX_ROWS) -> Walk:
    """All instances below `root`, in the agent's order, at most `limit`.

    An agent that stops answering half-way, or answers in circles, gives an incomplete walk, not an error.

    Raises:
        ProbeTimeout: not even the first answer came.
        ProbeRefused, ProbeUnreadable: as `get`.
    """
    async with open_session(target) as session:
        return await session.walk(root, limit=limit)


async def columns(target: SnmpTarget, oids: Mapping[str, Oid], *, below: str = "") -> Table:
    """Columns of one table as rows by index; `below` keeps to the rows whose index begins with it.

    Raises:
        ProbeTimeout: the agent did not answer at all.
        ProbeRefused, ProbeUnreadable: as `get`.
    """
    async with open_session(target) as session:
        walks = {name: await session.walk(f"{oid}.{below}" if below else oid) for name, oid in oids.items()}
    return join_columns(oids, walks)


def join_columns(oids: Mapping[str, Oid], walks: Mapping[str, Walk]) -> Table:
    """Rows by index out of walks by column name; complete when every walk is."""
    rows: dict[str, dict[str, Value]] = {}
    for name, one in walks.items():
        skip = len(oids[name]) + 1
        for oid, value in one.rows:
            rows.setdefault(oid[skip:], {})[name] = value
    problems = [f"{name}: {one.problem}" for name, one in walks.items() if not one.complete]
    return Table(rows=rows, complete=not problems, problem="; ".join(problems))


@asynccontextmanager
async def open_session(target: SnmpTarget) -> AsyncIterator["Session"]:
    """A session for several requests, one after the other; with v3 it saves a discovery per request.

    Raises:
        ProbeTimeout, ProbeRefused, ProbeUnreadable: as `get`.
    """
    yield await Session.opened(target)


class Session:
    """One socket to one agent. One request at a time: who wants more at once opens more sessions."""

    def __init__(self, target: SnmpTarget, library: "_Library") -> None:
        self._target = target
        self._library = library

    @classmethod
    async def opened(cls, target: SnmpTarget) -> "Session":
        """A session whose agent was found (v3: its engine answered and took the user)."""
        address = await _resolve(target)
        with _translated(target):
            session = cls(target, _library_session(target, address))
        if target.version is Version.V3:
            await session._exchange(session._library.refresh)
        return session

    async def get(self, oids: Iterable[Oid]) -> dict[Oid, Value]:
        """As the module's `get`."""
        wanted = list(oids)
        found: dict[Oid, Value] = {}
        for start in range(0, len(wanted), MAX_VARBINDS):
            found |= await self._get(wanted[start : start + MAX_VARBINDS])
        return found

    async def walk(self, root: Oid, *, limit: int = MAX_ROWS) -> Walk:
        """As the module's `walk`."""
        first = await self._pass(root, limit, self._target.max_repetitions)
        if not first.silent:
            return first
        if not first.rows:
            raise self._silence()
        # Silence in the middle of a table is most often an answer that was too long for the agent or for the path
        second = await self._pass(root, limit, max(4, self._target.max_repetitions // _SMALLER))
        return max(second, first, key=lambda walk: len(walk.rows))

    async def _pass(self, root: Oid, limit: int, repetitions: int) -> Walk:
        """Read to the end of the subtree, or until it goes no further."""
        position = GetIter(root, repetitions)
        rows: dict[Oid, Value | None] = {}
        while True:
            try:
                batch = await self._exchange(lambda: self._library.rows_after(position))
            except ProbeTimeout:
                return _walk_of(rows, f"no answer after {len(rows)} rows of {root}", silent=True)
            if not batch:
                return _walk_of(rows)
            expected = len(rows) + len(batch)
            rows.update(batch)
            if len(rows) < expected:
                return _walk_of(rows, f"the agent answers in circles: {batch[-1][0]} or its neighbours came twice")
            if len(rows) > limit:
                return _walk_of(dict(islice(rows.items(), limit)), f"{root} has more than {limit} rows")

    async def _get(self, oids: Sequence[Oid]) -> dict[Oid, Value]:
        answer = await self._exchange(lambda: self._library.get_many(oids))
        found = {oid: value for oid, value in answer.items() if value is not None}
        # The library hides the error status. An empty answer is "too big", or in v1 "one of these does not exist"
        if found or not self._may_split(oids):
            return found
        half = len(oids) // 2
        return await self._get(oids[:half]) | await self._get(oids[half:])

    def _may_split(self, oids: Sequence[Oid]) -> bool:
        return len(oids) > (1 if self._target.version is Version.V1 else MAX_VARBINDS // 2)

    async def _exchange(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """One request with its retries, each with more patience, library errors translated."""
        for attempt in range(self._target.retries + 1):
            try:
                with _translated(self._target):
                    async with asyncio.timeout(self._target.timeout_s * _BACK_OFF**attempt):
                        return await ask()
            except TimeoutError:
                continue
        raise self._silence()

    def _silence(self) -> ProbeTimeout:
        tries = self._target.retries + 1
        return ProbeTimeout(
            f"{self._target} did not answer SNMP in {tries} tries; check route, address and credentials"
        )


class _Library(SnmpSession):
    """The library's session with a walk that takes whole answers: row by row costs twice the CPU."""

    async def rows_after(self, position: GetIter) -> list[tuple[Oid, Value | None]]:
        """The next rows of a walk, one answer long; none at its end. It may be asked again after a timeout."""
        try:
            if not self._allow_bulk:
                await self._send(lambda: self._sock.send_get_next(position))
                return [await self._recv(lambda: self._sock.recv_get_next(position))]
            await self._send(lambda: self._sock.send_get_bulk(position))
            batch = await self._recv(lambda: self._sock.recv_get_bulk(position))
        except StopAsyncIteration:
            return []
        return [row for row in batch if row is not None]


def _walk_of(rows: Mapping[Oid, Value | None], problem: str = "", *, silent: bool = False) -> Walk:
    """The walk as the caller sees it; rows without a value (NULL) are left out."""
    found = tuple((oid, value) for oid, value in rows.items() if value is not None)
    return Walk(rows=found, complete=not problem, problem=problem, silent=silent)


@contextmanager
def _translated(target: SnmpTarget) -> Iterator[None]:
    """Library errors as ProbeError kinds; TimeoutError passes, for the caller counts tries."""
    try:
        yield
    except TimeoutError:
        raise
    except SnmpAuthError as error:
        raise ProbeRefused(f"{target} refuses the SNMP user; check its name, passwords and protocols") from error
    except SnmpError as error:
        raise ProbeUnreadable(f"{target} answered what is no SNMP answer: {error}") from error
    except (OSError, ValueError) as error:
        raise ProbeRefused(f"SNMP to {target} cannot be sent: {error}; check address and credentials") from error
    except BaseException as error:
        # The library is Rust: some malformed answers make it panic, which arrives as a BaseException of a type that
        # cannot be imported. One datagram from anywhere must not end the event loop.
        if type(error).__name__ != "PanicException":
            raise
        raise ProbeUnreadable(f"{target} answered with bytes that no SNMP library reads") from error


async def _resolve(target: SnmpTarget) -> str:
    """The target's address in numbers; names are asked of the resolver without blocking the loop."""
    try:
        return str(ipaddress.ip_address(target.address))
    except ValueError:
        pass
    try:
        async with asyncio.timeout(target.timeout_s):
            found = await asyncio.get_running_loop().getaddrinfo(target.address, None, type=socket.SOCK_DGRAM)
    except (OSError, TimeoutError) as error:
        raise NoSuchHost(
            f"the name {target.address[:120]} has no address; check it or write the address itself"
        ) from error
    return str(found[0][4][0])


def _library_session(target: SnmpTarget, address: str) -> _Library:
    return _Library(
        address,
        target.port,
        community=target.community,
        user=_library_user(target),
        version=_LIBRARY_VERSION[target.version],
        timeout=_NO_TIMEOUT_S,
    )


def _library_user(target: SnmpTarget) -> User | None:
    if target.version is not Version.V3:
        return None
    if target.user is None:
        raise ValueError("SNMPv3 needs a user")
    user = target.user
    return User(
        user.name,
        auth_key=_AUTH[user.auth](user.auth_password.encode()) if user.auth_password else None,
        priv_key=_PRIVACY[user.privacy](user.privacy_password.encode()) if user.privacy_password else None,
    )
