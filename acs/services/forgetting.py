"""Forgetting what is no more: a device that was scrapped, a line whose contract has ended.

    its row ─→ all that hangs on it goes with it; the audit keeps what it was, and who said so

The one rule: nothing is forgotten while something is under way for it; what is in the way is named.
"""

from acs.errors import Conflict, no_device
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.backup_desk import SCHEDULED
from acs.services.clock import Clock
from acs.services.lines import known_line, shown_line
from acs.store import devices, line_tests, lines, operations
from acs.store.records import DUE_STATES, DeviceRecord, Json, LineTestState, OperationRecord, OperationState
from acs.store.store import Store

#: Operations under way that are looked through: more than one device ever has.
_LOOK = 1_000


class Forgetting:
    """Use cases that remove."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def device(self, actor: Actor, key: str) -> None:
        """Forget a device: its tree, history, operations, configurations and credentials. If it informs, it is new.

        Raises:
            NotFound: no device has this key.
            Conflict: an operation of it has not ended.
        """
        actor.require(Scope.INVENTORY)
        async with self._store.transaction() as tx:
            known = await devices.hold(tx, key)
            if known is None:
                raise no_device(key)
            found = await operations.list_operations(tx, device=key, states=DUE_STATES, limit=_LOOK)
            due = next((each for each in found if not _only_ours(each)), None)
            if due is not None:
                raise Conflict(
                    f"device {key} has operation {due.id} ({due.kind}), which is {due.state}; "
                    "wait for its end, or cancel it: secondline operation cancel"
                )
            await audit.note(tx, actor, "device.forgotten", f"device:{key}", self._clock(), before=_shown(known))
            await devices.remove(tx, key)

    async def line(self, actor: Actor, line_id: str) -> None:
        """Forget a line: its tests, facts and readings. Its tickets stay, and its devices are on no line then.

        Raises:
            NotFound: no line has this id.
            Conflict: a test of it runs.
        """
        actor.require(Scope.INVENTORY)
        async with self._store.transaction() as tx:
            await lines.hold(tx, line_id)
            known = await known_line(tx, line_id)
            running = await line_tests.list_line_tests(tx, line=line_id, states=[LineTestState.RUNNING], limit=1)
            if running:
                raise Conflict(f"line {line_id} is being tested ({running[0].id}); wait for the verdict")
            now = self._clock()
            await audit.note(tx, actor, "line.forgotten", f"line:{line_id}", now, before=shown_line(known))
            await lines.remove(tx, line_id)


def _only_ours(operation: OperationRecord) -> bool:
    """Whether nobody asked for it and the device was not told of it: a backup by the schedule waits on every device."""
    return operation.kind == SCHEDULED and operation.state is OperationState.QUEUED


def _shown(device: DeviceRecord) -> dict[str, Json]:
    names = ("manufacturer", "product_class", "serial_number", "software_version", "line")
    return {name: getattr(device, name) for name in names}
