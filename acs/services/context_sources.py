"""Systems that tell us of lines: which of them are down, since when, and who hears of it.

    ok ─ no answer, or nothing pushed in time ─► down: alarm, /health, every line test says so
     └──────────────── an answer ◄──────────────┘

The rule of this file: what a system that is down said before grows old and is then not concluded from; nothing is
put in its place.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from acs.config import ContextSection
from acs.services.actor import Actor, Scope
from acs.services.alarms import Alarms
from acs.services.clock import Clock
from acs.services.gathering import SourceReport, SourceState
from acs.store import alarms as alarm_store
from acs.store import context_sources as source_store
from acs.store.context_sources import ContextSource
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

#: an alarm: a system that tells us of lines is down
DOWN = "source.down"
PUSH, PULL, RADIUS = "push", "pull", "radius"


class ContextSources:
    """Keeps how it stands with every source."""

    def __init__(self, store: Store, config: ContextSection, alarms: Alarms, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._alarms = alarms
        self._clock = clock
        #: source → seconds within which it must be heard; RADIUS clients add themselves
        self.expected: dict[str, tuple[str, float]] = {
            name: (PUSH, seconds) for name, seconds in config.expected.items()
        }

    def jobs(self) -> Mapping[str, tuple[float, Callable[[], Awaitable[object]]]]:
        """What the worker does for it."""
        return {"expected sources": (self._config.tick_s, self.turn)} if self.expected else {}

    async def heard(
        self, name: str, kind: str, *, entries: int = 0, left_out: int = 0, etag: str = "", at: datetime | None = None
    ) -> None:
        """A source answered: whatever was wrong with it is over."""
        now = at or self._clock()
        async with self._store.transaction() as tx:
            before = await source_store.hold(tx, ContextSource(name, kind, now))
            await source_store.put(
                tx, ContextSource(name, kind, now, now, entries=entries, left_out=left_out, etag=etag)
            )
            if before.down_since is not None:
                await self._over(tx, name, now)
        if before.down_since is not None:
            log.info("source.back", source=name, kind=kind)

    async def pushed(self, name: str, entries: int) -> None:
        """A system handed something in; only those of which it is expected are watched."""
        if name in self.expected:
            await self.heard(name, PUSH, entries=entries)

    async def failed(self, name: str, kind: str, problem: str) -> None:
        """A source gave no answer that can be used."""
        await self._fail(name, kind, lambda _known, _now: problem)

    async def turn(self) -> None:
        """Look at the sources that must be heard within a time."""
        now = self._clock()
        async with self._store.reading() as tx:
            known = {one.name: one for one in await source_store.every(tx)}
        for name, (kind, seconds) in self.expected.items():
            one = known.get(name)
            if one is None:
                async with self._store.transaction() as tx:  # its time begins now
                    await source_store.hold(tx, ContextSource(name, kind, now))
            elif _silence(one, now, seconds):
                await self._fail(name, kind, partial(_silence, seconds=seconds))

    async def _fail(self, name: str, kind: str, why: Callable[[ContextSource, datetime], str]) -> None:
        """Note that a source is down, as `why` finds it once it is held; "": it is well after all."""
        now = self._clock()
        async with self._store.transaction() as tx:
            before = await source_store.hold(tx, ContextSource(name, kind, now))
            problem = why(before, now)
            if not problem:
                return
            since = before.down_since or now
            await source_store.put(tx, replace(before, kind=kind, tried_at=now, down_since=since, problem=problem))
        if before.down_since is None:
            log.warning("source.down", source=name, kind=kind, problem=problem)
        self._alarms.raise_soon(DOWN, f"source:{name}", {"why": problem, "since": since.isoformat()})

    async def find(self, actor: Actor) -> list[ContextSource]:
        """Every source that was ever heard or asked, by name."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await source_store.every(tx)

    async def down(self) -> int:
        """How many sources are down."""
        async with self._store.reading() as tx:
            return len(await source_store.every(tx, down=True))

    async def _over(self, tx: Transaction, name: str, now: datetime) -> None:
        for alarm in await alarm_store.list_alarms(tx, active=True, kind=DOWN, subject=f"source:{name}"):
            await alarm_store.clear_alarm(tx, alarm.id, "server", now)


async def down_reports(tx: Transaction) -> list[SourceReport]:
    """What a line test says of the systems that are down now."""
    return [
        SourceReport(f"context:{one.name}", SourceState.FAILED, 0, 0, f"down since {_text(one)}: {one.problem}")
        for one in await source_store.every(tx, down=True)
    ]


def _silence(source: ContextSource, now: datetime, seconds: float) -> str:
    """What is wrong with a source that must be heard within so many seconds; "" while it is, or when it is known."""
    last = source.ok_at or source.tried_at
    if source.down_since is not None or now - last <= timedelta(seconds=seconds):
        return ""
    return f"nothing came since {last.isoformat(timespec='seconds')}"


def _text(source: ContextSource) -> str:
    return source.down_since.isoformat(timespec="seconds") if source.down_since is not None else ""
