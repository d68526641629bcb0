"""What is offered to sessions: an operation that was requested while its device is in one, or on its way into one.

    offered ─▶ the Inform that is being taken, else the open session ─▶ done in it
                                                       └─▶ left undone ─▶ the device is called

The one rule: who offers an operation and is told that it is taken calls nobody. So whatever becomes of the session, the
operation is done in it, passed on to the one that replaces it, or handed back by `Parts.left`, which calls the device:
but for a device that comes by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from acs.services.kinds import Kind
from acs.services.kinds.base import Ending
from acs.services.session_parts import Parts
from acs.services.visits import Visit
from acs.store.records import OperationRecord, OperationState


class Offer(NamedTuple):
    """An operation for a session. `call`: its device is called for it where the session leaves it undone."""

    operation: OperationRecord
    kind: Kind
    call: bool = True


class Offers:
    """Takes operations for sessions."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        #: device → what was offered since its newest Inform came, which is not yet a session
        self._coming: dict[str, list[Offer]] = {}

    @contextmanager
    def coming(self, key: str) -> Iterator[list[Offer]]:
        """Take what is offered to a device while its Inform is read; `arrived` empties the list, else it is left."""
        early: list[Offer] = []
        self._coming[key] = early
        try:
            yield early
        finally:
            if self._coming.get(key) is early:
                del self._coming[key]
            if early:
                self._parts.left(key, [offer.operation.id for offer in early if offer.call])

    def take(self, visit: Visit | None, offer: Offer) -> bool:
        """Whether the Inform that is being taken, or else the session, will do the operation.

        A session that is adrift will do it if the CPE comes back after all, and promises nothing.
        """
        early = self._coming.get(offer.operation.device)
        if early is not None:
            early.append(offer)
            return True
        if visit is None or not visit.takes_work:
            return False
        _give(visit, offer._replace(call=offer.call and not visit.adrift))
        return not visit.adrift

    def leave(self, visit: Visit) -> None:
        """Hand back what the session took and did not begin: it is over, or its CPE is away."""
        if not visit.offered:
            return
        offered, visit.offered = visit.offered, set()
        if not visit.comes_by_itself:
            waiting = [each for each in visit.due if each[0].id in offered and not _waits_for_a_test(visit, each[1])]
            self._parts.left(visit.key, [operation.id for operation, _ in waiting])

    def arrived(self, visit: Visit, early: list[Offer], old: Visit | None) -> None:
        """The session has begun: it does what was offered before, to its Inform or to the session it replaces.

        Only what was still queued passes from one session to the other; of all else the new one has judged for itself.
        """
        if old is not None and old.offered:
            passed = [Offer(*each) for each in old.due if each[0].id in old.offered]
            early += [offer for offer in passed if offer.operation.state is OperationState.QUEUED]
            old.offered.difference_update(offer.operation.id for offer in passed)
        for offer in early:
            _give(visit, offer)
        early.clear()


def _waits_for_a_test(visit: Visit, kind: Kind) -> bool:
    """Whether it is a test, and another begins with the session's end: the CPE says by itself when that is over."""
    return visit.closing and kind.ending is Ending.RESULTS


def _give(visit: Visit, offer: Offer) -> None:
    if all(offer.operation.id != known.id for known, _ in visit.due):
        visit.due.append((offer.operation, offer.kind))
    if offer.call:
        visit.offered.add(offer.operation.id)
