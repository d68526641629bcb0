"""What was refused, in the audit trail: who asked for what, from where, and why not.

The rule of this file: each refusal has its line; where one address sends more than anybody mistypes, the rest is
counted and the next line tells the number, so that a flood of refusals is no way to fill the disk.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from acs.errors import StoreError
from acs.services import audit
from acs.services.actor import Actor
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

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
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
            self._skipped[refusal.origin] = self._skipped.get(refusal.origin, 0) + 1
            return
        actor = refusal.actor or Actor("nobody", "token", frozenset(), refusal.origin)
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

    def _take(self, origin: str, now: datetime) -> bool:
        left, at = self._left.get(origin, (_BURST, now))
        left = min(_BURST, left + (now - at).total_seconds() * _PER_S)
        self._left[origin] = (max(0.0, left - 1.0), now)
        self._left.move_to_end(origin)
        while len(self._left) > _ORIGINS:
            gone, _ = self._left.popitem(last=False)
            self._skipped.pop(gone, None)
        return left >= 1.0


def _shown(thing: str) -> str:
    table, _, key = thing.partition(":")
    return f"{_THINGS.get(table, table)}:{key}"
