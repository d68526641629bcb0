"""How often a line may be rebooted, resynced and tested on request, for one ticket and in all.

The rule of this file: a reboot counts whoever asked for it, a person, a hook or a rule; nothing automatic gets past.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from acs.config import HooksSection
from acs.errors import TooMany
from acs.store import hooks as hook_store
from acs.store import lines as line_store
from acs.store import operations as operation_store
from acs.store.records import OperationRecord, OperationState
from acs.store.transaction import Transaction

REBOOT, RESYNC, TEST, IS_IT_FIXED = "reboot", "resync", "line-test", "is-it-fixed"
#: kinds that restart a CPE
RESTARTS = ("reboot", "factory_reset")
#: how the idempotency keys of operations begin that a hook asked for
OPERATION_KEY = "hook:"
#: restarts of a device that are looked at
_OPERATIONS = 200
#: ends of an operation that never reached the device
_NEVER_LEFT = (OperationState.EXPIRED, OperationState.CANCELLED)


class ActionLimits:
    """Counts what was asked for."""

    def __init__(self, config: HooksSection) -> None:
        self._config = config

    async def check(
        self, tx: Transaction, hook: str, line: str, ticket: str | None, devices: Sequence[str], now: datetime
    ) -> None:
        """Refuse one more action on the line.

        Raises:
            TooMany: the limit of the line or of the ticket is reached; it says which, and when there is room again.
        """
        window = timedelta(hours=self._config.window_h)
        family, per_line, per_ticket = self._limits(hook)
        count, oldest = await hook_store.count(tx, family, now - window, line=line)
        _refuse(hook, f"line {line}", count, per_line, oldest, window, now)
        if ticket is not None:
            count, oldest = await hook_store.count(tx, family, now - window, ticket=ticket)
            if hook == REBOOT:
                others = await self._restarts_by_others(tx, line, ticket, now - window)
                count, oldest = (
                    count + len(others),
                    min([*others, *([oldest] if oldest is not None else [])], default=None),
                )
            _refuse(hook, f"ticket {ticket}", count, per_ticket, oldest, window, now)
        if hook == REBOOT:
            await self.check_restarts(tx, devices, now)

    async def check_restarts(self, tx: Transaction, devices: Sequence[str], now: datetime) -> None:
        """Refuse one more restart of any of the devices, counting those that anybody asked for.

        Raises:
            TooMany: see `check`.
        """
        window = timedelta(hours=self._config.window_h)
        for device in devices:
            asked = [one.created_at for one in await _restarts(tx, device, now - window)]
            oldest = min(asked, default=None)
            _refuse(REBOOT, f"device {device}", len(asked), self._config.reboots_per_line, oldest, window, now)

    async def _restarts_by_others(self, tx: Transaction, line: str, ticket: str, since: datetime) -> list[datetime]:
        """When a CPE of the line was restarted for the ticket without a hook; the hook's own are counted as calls."""
        return [
            one.created_at
            for device in await line_store.devices_on(tx, line)
            for one in await _restarts(tx, device.key, since)
            if one.ticket == ticket and not (one.idempotency_key or "").startswith(OPERATION_KEY)
        ]

    def _limits(self, hook: str) -> tuple[tuple[str, ...], int, int]:
        config = self._config
        if hook == REBOOT:
            return (REBOOT,), config.reboots_per_line, config.reboots_per_ticket
        if hook == RESYNC:
            return (RESYNC,), config.resyncs_per_line, config.resyncs_per_ticket
        return (TEST, IS_IT_FIXED), config.tests_per_line, config.tests_per_ticket


async def _restarts(tx: Transaction, device: str, since: datetime) -> list[OperationRecord]:
    found = await operation_store.list_operations(tx, device=device, kinds=RESTARTS, limit=_OPERATIONS)
    return [one for one in found if one.created_at > since and one.state not in _NEVER_LEFT]


def _refuse(
    hook: str, what: str, count: int, limit: int, oldest: datetime | None, window: timedelta, now: datetime
) -> None:
    if count < limit:
        return
    wait_s = int((oldest + window - now).total_seconds()) + 1 if oldest is not None else 60
    raise TooMany(
        f"{what}: {count} calls of {hook} within {window.total_seconds() / 3600:g} hours, and {limit} are allowed; "
        "a person looks at the line now, or the limit in [hooks] is raised",
        retry_after_s=max(1, wait_s),
    )
