"""What a session has to say to the store goes in one write, and becomes known when it is on disk."""

from dataclasses import replace
from datetime import datetime

import structlog

from acs.errors import InvalidInput
from acs.metrics import Metrics
from acs.services.bus import Bus
from acs.services.session_parts import Parts
from acs.services.visits import Visit
from acs.store.records import FINAL_STATES, OperationTransition, SessionCommit, TreeUpdate
from acs.store.store import Store

log = structlog.get_logger()


class SessionCommits:
    """Writes what is pending of a visit, and tells who listens."""

    def __init__(self, store: Store, bus: Bus, metrics: Metrics, parts: Parts) -> None:
        self._store = store
        self._bus = bus
        self._metrics = metrics
        self._parts = parts

    async def write(self, visit: Visit, now: datetime, *, ended: bool = False) -> bool:
        """Write what is pending; False when the last change was refused: somebody else changed the operation.

        Raises:
            StoreError: nothing was written.
        """
        pending, visit.pending = tuple(visit.pending), []
        wanted, visit.wanted = tuple(visit.wanted), []
        tree, visit.tree = visit.tree, None
        uptime = int(visit.uptime_s) if visit.uptime_s is not None else None
        commit = SessionCommit(
            visit.key, visit.session.id, now, pending, tree, wanted, ended=ended, stored=visit.stored, uptime_s=uptime
        )
        try:
            committed = await self._store.sessions.commit(commit)
        except InvalidInput as error:
            if tree is None:
                raise
            log.warning("values.refused", device=visit.key, why=str(error))
            committed = await self._store.sessions.commit(replace(commit, tree=None))
            tree = None
        if tree is not None:
            self._told(visit, tree)
        if ended:
            visit.stored = False
        for transition, step in zip(pending, committed.steps, strict=True):
            if step is not None:
                self._bus.publish(f"operation:{step.operation_id}", step)
                self._count(transition, visit)
        return not pending or committed.steps[-1] is not None

    def _told(self, visit: Visit, tree: TreeUpdate) -> None:
        """What was read is stored: those hear of it who make something of it."""
        if self._parts.recorder is not None:
            self._parts.recorder.read(visit.device, tree)
        if self._parts.notes is not None:
            self._parts.notes.read(visit.device, tree)

    def _count(self, transition: OperationTransition, visit: Visit) -> None:
        if transition.to_state in FINAL_STATES:
            self._metrics.operations.labels(transition.to_state.value).inc()
            log.info("operation.ended", operation=transition.operation_id, device=visit.key, state=transition.to_state)
