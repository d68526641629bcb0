"""Operations that follow from others: what a device applies later is read again later."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from acs.services.identifiers import new_id
from acs.store.records import OperationRecord, OperationState

#: Hours in which a device may show what it has applied: it may wait for a reboot at night.
HOURS = 24


def reading_again(operation: OperationRecord, names: Sequence[str], now: datetime) -> OperationRecord:
    """The reading, in a later session, of what a SetParameterValues with Status 1 committed."""
    id = new_id()
    return OperationRecord(
        id=id,
        device=operation.device,
        kind="get",
        arguments={"names": list(names)},
        state=OperationState.QUEUED,
        command_key=id,
        created_at=now,
        deadline_at=now + timedelta(hours=HOURS),
        actor="system",
        reason=f"operation {operation.id} set values that the device applies later",
        ticket=operation.ticket,
    )
