"""What was refused, in the audit trail: who asked for what, from where, and why not.

The rule of this file: each refusal has its line; where one address sends more than anybody mistypes, the rest is
counted and the next line tells the number, or a line of its own within a minute, so that a flood of refusals is no way
to fill the disk, and none to be forgotten.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from acs.errors import StoreError
from acs.services import audit
from acs.services.actor import Actor
from acs.services.background import Background
from acs.services.clock import Clock, utc_now
from acs.store.reach import View, viewing
from acs.store.records import Json
from acs.store.store import Store

log = structlog.get_logger()

#: refusals of one address that get a line each at once, and how many more per second
_BURST = 1_000.0
_PER_S = 2.0
#: addresses remembered
_ORIGINS = 10_000
#: seconds after which what was only counted is told by a line of its own
_TELL_S, _CLOSE_S = 60.0, 5.0
_PATH_CHARS = 200
#: table of the store → what its rows are called in a target
_THINGS = {
    "devices": "device", "lines": "line", "operations": "operation", "line_tests": "line_test", "tickets": "ticket",
    "outages": "outage",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """One refused request. `actor` None: nobody in particular; `things`: what is there but out of reach."""

    actor: Actor | None
    origin: str
    method: str
    path: str
    status: int
    things: tuple[str, ...] = ()
    ticket: str = ""


class Refusals:
    """Writes refusals into the audit trail."""

    def __init__(self, store: Store, *, clock: Clock = utc_now, tell_s: float = _TELL_S) -> None:
        self._store = store
        self._tell_s = tell_s
        self._closing = asyncio.Event()
        self._background = Background()
        self._telling: asyncio.Task[None] | None = None
        self._clock = clock
        #: hears of the address of each request of nobody in particular; see `SecurityNotes.refused_user`
        self.heard: Callable[[str], None] = lambda _origin: None
        self._left: OrderedDict[str, tuple[float, datetime]] = OrderedDict()
        self._skipped: dict[str, int] = {}

    async def note(self, refusal: Refusal) -> None:
        """Keep a refusal; a store that fails is told in the log, and the refusal stands all the same."""
        now = self._clock()
        if refusal.actor is None:
            self.heard(refusal.origin)
        if not self._take(refusal.origin, now):
            self._skip(refusal.origin)
            return
        actor = refusal.actor or _nobody(refusal.origin)
        told: dict[str, Json] = {"request": f"{refusal.method} {refusal.path[:_PATH_CHARS]}", "status": refusal.status}
        if len(refusal.things) > 1:
            told["things"] = [_shown(each) for each in refusal.things]
        if skipped := self._skipped.pop(refusal.origin, 0):
            told["not_noted_before"] = skipped
        target = _shown(refusal.things[0]) if refusal.things else "api:"
        try:
            with viewing(View(ticket=refusal.ticket)):
                async with self._store.transaction() as tx:
                    await audit.note(tx, actor, "access.refused", target, now, after=told)
        except StoreError as error:
            log.error("audit.not_written", problem=str(error))

    async def close(self) -> None:
        """Tell what was counted and not told yet."""
        self._closing.set()
        await self._background.close(_CLOSE_S)

    def _skip(self, origin: str) -> None:
        self._skipped[origin] = self._skipped.get(origin, 0) + 1
        if self._telling is None or self._telling.done():
            self._telling = self._background.start(self._tell())

    async def _tell(self) -> None:
        """A line for each address of which refusals were counted, and no line told it since."""
        while self._skipped:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), self._tell_s)
            counted, self._skipped = self._skipped, {}
            try:
                await self._write(counted)
            except StoreError as error:
                log.error("audit.not_written", problem=str(error))
                for origin, count in counted.items():
                    self._skipped[origin] = self._skipped.get(origin, 0) + count
                if self._closing.is_set():
                    return

    async def _write(self, counted: Mapping[str, int]) -> None:
        now = self._clock()
        async with self._store.transaction() as tx:
            for origin, count in counted.items():
                await audit.note(
                    tx, _nobody(origin), "access.refusals_counted", "api:", now, after={"not_noted": count}
                )

    def _take(self, origin: str, now: datetime) -> bool:
        left, at = self._left.get(origin, (_BURST, now))
        left = min(_BURST, left + (now - at).total_seconds() * _PER_S)
        self._left[origin] = (max(0.0, left - 1.0), now)
        self._left.move_to_end(origin)
        while len(self._left) > _ORIGINS:
            self._left.popitem(last=False)
        return left >= 1.0


def _nobody(origin: str) -> Actor:
    return Actor("nobody", "token", frozenset(), origin)


def _shown(thing: str) -> str:
    table, _, key = thing.partition(":")
    return f"{_THINGS.get(table, table)}:{key}"
