"""Sessions of subscribers, as BRASes account for them: which line has one, at which address, since when.

    Start, Interim ─► open: bras.session = up, bras.address     Stop ─► bras.session = none, unless another is open
    On, Off        ─► every session of the NAS has ended         no Interim for long ─► bras.session = stale

The rule of this file: a packet is answered when what it says is on disk; the same packet again changes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from acs.config import RadiusSection, read_secret
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.context_sources import RADIUS, ContextSources
from acs.services.lines import known_line
from acs.services.networks import is_in, parse_address
from acs.services.radius import Accounting, Status
from acs.services.session_lines import SessionLines
from acs.store import access_sessions as session_store
from acs.store import facts as fact_store
from acs.store.access_sessions import AccessSession
from acs.store.records import ContextFact
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: why an open session is doubted
SILENT = "no interim"
_DELAY_S = 86_400
_TICK_S = 30.0
#: how long after a stop the packet of its start is taken for one that was sent again: ids and packets come round
_SENT_AGAIN = timedelta(hours=1)
#: seconds between two notes that a client is there
_HEARD_S = 10.0


@dataclass(frozen=True, slots=True)
class Client:
    """Who may send accounting. `networks` are where it sends from."""

    name: str
    secret: bytes


@dataclass(frozen=True, slots=True)
class Arrived:
    """A proven request: from whom, and when it came."""

    client: str
    request: Accounting
    at: datetime

    @property
    def true_at(self) -> datetime:
        """When it happened: the NAS may have kept it for a while (Acct-Delay-Time)."""
        return self.at - timedelta(seconds=min(self.request.delay_s, _DELAY_S))


class RadiusSessions:
    """Takes accounting requests, many in one transaction."""

    def __init__(self, store: Store, config: RadiusSection, sources: ContextSources, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._sources = sources
        self._clock = clock
        self._lines = SessionLines(config)
        self._clients = [
            (
                entry,
                Client(entry.name, read_secret(entry.secret_file, f"radius.clients.{entry.name}.secret_file").encode()),
            )
            for entry in config.clients
        ]
        self._heard: dict[str, datetime] = {}
        for entry in config.clients:
            sources.expected[f"radius {entry.name}"] = (RADIUS, config.quiet_s)

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"silent sessions": (_TICK_S, self.turn)} if self._clients else {}

    def client_of(self, address: str) -> Client | None:
        """Who sends from an address."""
        parsed = parse_address(address)
        return next((client for entry, client in self._clients if is_in(parsed, entry.networks)), None)

    async def take(self, arrived: Sequence[Arrived]) -> None:
        """Store what the requests say; when this returns they may be answered.

        Raises:
            StoreError: nothing was stored; they are not answered, and the NAS sends them again.
        """
        async with self._store.transaction() as tx:
            facts: dict[tuple[str, str], ContextFact] = {}
            for batch in _runs(arrived):
                if batch[0].request.status in (Status.ON, Status.OFF):
                    found = await self._nas_restarted(tx, batch[0])
                else:
                    found = await self._sessions(tx, batch)
                facts.update({(fact.line, fact.name): fact for fact in found})
            await fact_store.put(tx, list(facts.values()))
        for name in {one.client for one in arrived}:
            await self._note_heard(name)

    async def on_line(self, actor: Actor, line: str) -> list[AccessSession]:
        """The sessions of a line, the youngest first.

        Raises:
            NotFound: no such line.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            await known_line(tx, line)
            return await session_store.on_line(tx, line)

    async def turn(self) -> int:
        """Doubt sessions of which nothing was heard for long, and forget old ones; returns how many are doubted."""
        now = self._clock()
        before = now - timedelta(seconds=self._config.stale_s)
        async with self._store.transaction() as tx:
            silent = await session_store.silent(tx, before)
            await session_store.mark(tx, silent, SILENT)
            lines = sorted({one.line for one in silent if one.line is not None})
            open_ = await session_store.open_on(tx, lines)
            doubted = [line for line in lines if all(one.heard_at < before for one in open_.get(line, []))]
            facts = [ContextFact(line, "bras.session", "stale", now, _source_of(open_, line)) for line in doubted]
            await fact_store.put(tx, facts)
            await session_store.prune(tx, now - timedelta(days=self._config.keep_days))
        return len(silent)

    async def _nas_restarted(self, tx: Transaction, one: Arrived) -> list[ContextFact]:
        nas = _nas_of(one)
        cause = "NAS on" if one.request.status is Status.ON else "NAS off"
        lines = await session_store.close_nas(tx, nas, one.true_at, cause)
        log.info("radius.nas_restarted", nas=nas, lines=len(lines), status=cause)
        still = await session_store.open_on(tx, lines)
        source = f"radius {one.client}"
        return [ContextFact(line, "bras.session", "none", one.true_at, source) for line in lines if not still.get(line)]

    async def _sessions(self, tx: Transaction, batch: Sequence[Arrived]) -> list[ContextFact]:
        known = await session_store.get_many(tx, [(_nas_of(one), one.request.session) for one in batch])
        changed: list[tuple[Arrived, AccessSession]] = []
        left: list[tuple[Arrived, str]] = []
        for one in batch:
            key = (_nas_of(one), one.request.session)
            if not one.request.session or one.request.status is None:
                continue
            before = known.get(key)
            if before is not None and before.heard_at > one.true_at:
                continue  # an Interim or a Start that was overtaken by its Stop
            if before is not None and _sent_again(one, before):
                continue
            if before is not None and _is_another(one.request, before):
                left += [(one, before.line)] if before.line is not None and before.stopped_at is None else []
                before = None
            after = await self._told(tx, one, before)
            known[key] = after
            changed.append((one, after))
        await session_store.put(tx, [session for _, session in changed])
        return await self._ended(tx, left) + await self._facts(tx, changed)

    async def _told(self, tx: Transaction, one: Arrived, before: AccessSession | None) -> AccessSession:
        said, at = one.request, one.true_at
        stopped = at if said.status is Status.STOP else None
        if before is None:
            line = await self._lines.line_of(tx, said)
            before = AccessSession(
                _nas_of(one), said.session, line.id if line is not None else None, said.login, said.address,
                said.port, said.circuit, said.calling, at - timedelta(seconds=min(said.session_s, 10**8)), at,
            )  # fmt: skip
        elif before.line is None:
            line = await self._lines.line_of(tx, said)  # the inventory may have learned it since
            before = replace(before, line=line.id if line is not None else None)
        return replace(
            before,
            address=said.address or before.address,
            heard_at=at,
            stopped_at=stopped,
            cause=said.cause if stopped is not None else "",
            start_packet=said.authenticator.hex() if said.status is Status.START else before.start_packet,
            in_octets=max(said.in_octets, before.in_octets),
            out_octets=max(said.out_octets, before.out_octets),
        )

    async def _ended(self, tx: Transaction, left: Sequence[tuple[Arrived, str]]) -> list[ContextFact]:
        """What is known of lines whose open session's id was given to another session."""
        open_ = await session_store.open_on(tx, sorted({line for _, line in left}))
        return [
            ContextFact(line, "bras.session", "none", one.true_at, f"radius {one.client}")
            for one, line in left
            if line not in open_
        ]

    async def _facts(self, tx: Transaction, changed: Sequence[tuple[Arrived, AccessSession]]) -> list[ContextFact]:
        lines = sorted({session.line for _, session in changed if session.line is not None})
        open_ = await session_store.open_on(tx, lines)
        facts = []
        for one, session in changed:
            if session.line is None:
                continue
            source, at = f"radius {one.client}", session.heard_at
            living = open_.get(session.line, [])
            facts.append(ContextFact(session.line, "bras.session", "up" if living else "none", at, source))
            if living and living[0].address:
                facts.append(ContextFact(session.line, "bras.address", living[0].address, at, source))
        return facts

    async def _note_heard(self, client: str) -> None:
        now = self._clock()
        last = self._heard.get(client)
        if last is None or now - last > timedelta(seconds=_HEARD_S):
            self._heard[client] = now
            await self._sources.heard(f"radius {client}", RADIUS)


def _sent_again(one: Arrived, before: AccessSession) -> bool:
    """Whether this is the very packet that began a session which has ended since."""
    said = one.request
    if said.status is not Status.START or before.stopped_at is None:
        return False
    return said.authenticator.hex() == before.start_packet and one.true_at - before.stopped_at <= _SENT_AGAIN


def _is_another(said: Accounting, before: AccessSession) -> bool:
    """Whether a NAS gave the id of a session to another one: it starts after the stop, or has another subscriber."""
    if said.status is Status.START and before.stopped_at is not None:
        return True
    told = [(said.login, before.login)]
    if said.status is Status.START:
        told += [(said.circuit, before.circuit), (said.port, before.port), (said.calling, before.calling)]
    return any(now and then and now != then for now, then in told)


def _nas_of(one: Arrived) -> str:
    return one.request.nas or one.client


def _runs(arrived: Sequence[Arrived]) -> list[list[Arrived]]:
    """The requests in their order, those about sessions together between those about a whole NAS."""
    runs: list[list[Arrived]] = []
    for one in arrived:
        whole = one.request.status in (Status.ON, Status.OFF)
        if whole or not runs or runs[-1][0].request.status in (Status.ON, Status.OFF):
            runs.append([one])
        else:
            runs[-1].append(one)
    return runs


def _source_of(open_: Mapping[str, Sequence[AccessSession]], line: str) -> str:
    found = open_.get(line)
    return f"radius {found[0].nas}" if found else "radius"
