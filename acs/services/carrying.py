"""Long readings outlive their session: a refresh that breaks off goes on where it was.

    the session breaks      ──▶ the plan itself waits in memory for the device's next session
    the process dies        ──▶ what is left to do is in the store, written every CHECKPOINT requests with what was read

The one rule: what is carried is only a shortcut; an operation begins anew where nothing is found.
"""

from collections import OrderedDict
from datetime import datetime
from typing import Final

from acs.services.plans import Plan, RefreshPlan
from acs.services.visits import Visit
from acs.store import abilities as ability_store
from acs.store.records import Json, OperationRecord, TreeUpdate
from acs.store.store import Store

#: Requests between two notes in the store: what a death of the process may cost.
CHECKPOINT: Final = 8
#: Plans that wait in memory.
WAITING: Final = 256


class Carrying:
    """Plans that wait for their device's next session."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._plans: OrderedDict[str, RefreshPlan] = OrderedDict()

    def leave(self, visit: Visit, *, broken: bool) -> None:
        """A session ends: keep the plan that it was busy with. `broken`: the device may have broken off over it."""
        if not isinstance(visit.plan, RefreshPlan) or visit.running is None:
            return
        if broken:
            visit.plan.broke_off()
        self._plans[visit.running.id] = visit.plan
        while len(self._plans) > WAITING:
            self._plans.popitem(last=False)

    def take(self, operation: OperationRecord) -> Plan | None:
        """The plan of the operation, if one waits."""
        return self._plans.pop(operation.id, None)

    async def noted(self, operation: OperationRecord) -> Json:
        """What a dead process left of the operation; None for one that begins."""
        if not operation.attempts:
            return None
        async with self._store.reading() as tx:
            return await ability_store.get_progress(tx, operation.id)

    async def checkpoint(self, visit: Visit, now: datetime) -> None:
        """Note, now and then, what is left to do, and give what was read to the next commit."""
        plan, running = visit.plan, visit.running
        if not isinstance(plan, RefreshPlan) or running is None or plan.requests % CHECKPOINT:
            return
        async with self._store.transaction() as tx:
            await ability_store.put_progress(tx, running.id, plan.progress(), now)
        reads = plan.flush()
        if reads.values:
            visit.tree = TreeUpdate(reads.values, now, tuple(reads.whole))

    async def over(self, plan: RefreshPlan, operation: OperationRecord) -> None:
        """The operation is over: its notes are thrown away."""
        if plan.noted:
            async with self._store.transaction() as tx:
                await ability_store.drop_progress(tx, operation.id)
