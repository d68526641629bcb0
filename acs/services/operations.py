"""Operations: what is wanted on one device, from the request to its end.

    queued ─→ sent ─→ succeeded | failed
      │        └─→ unknown ─→ succeeded | failed | sent (again, on proof only)
      └─→ expired | cancelled

The one rule: an operation is written as `sent` before its first RPC leaves; see `reboot_evidence` for what may
follow.
"""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from acs.services.actor import Actor
from acs.store.records import OperationRecord, OperationState, OperationStep


class Operations:
    """Request, read, cancel and follow operations."""

    async def request(
        self,
        actor: Actor,
        device_key: str,
        kind: str,
        arguments: Mapping[str, Any],
        *,
        deadline_s: float | None = None,
        reason: str = "",
        ticket: str | None = None,
        idempotency_key: str | None = None,
    ) -> OperationRecord:
        """Queue an operation and call the device; the same idempotency key of the same actor gives the first one."""
        raise NotImplementedError

    async def get(self, actor: Actor, operation_id: str) -> OperationRecord:
        """The operation as it stands."""
        raise NotImplementedError

    async def list(
        self, actor: Actor, device: str | None = None, state: OperationState | None = None, limit: int = 100
    ) -> list[OperationRecord]:
        """Operations, newest first."""
        raise NotImplementedError

    async def cancel(self, actor: Actor, operation_id: str) -> OperationRecord:
        """Cancel a queued operation."""
        raise NotImplementedError

    async def wait(self, operation_id: str, timeout_s: float) -> OperationRecord:
        """The operation once it has ended, or as it stands after `timeout_s`."""
        raise NotImplementedError

    def watch(self, operation_id: str) -> AsyncIterator[OperationStep]:
        """Its steps so far, then each new one; ends after a final state."""
        raise NotImplementedError
