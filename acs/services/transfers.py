"""Where a file of an operation is fetched from or sent to, when the operation names no URL.

The one rule: the place is asked for when the RPC is about to leave, so that a signed URL is fresh and of one use.
"""

from datetime import datetime
from typing import Protocol

from acs.services.kinds.base import Place
from acs.store.records import DeviceRecord, OperationRecord


class Transfers(Protocol):
    """Gives places in our own file server."""

    def why_not(self, operation: OperationRecord) -> str | None:
        """Why there is no place for the operation's file; None when there is one."""

    async def place_of(self, operation: OperationRecord, device: DeviceRecord, now: datetime) -> Place:
        """The place of the file: `arguments["file"]` of a download, a new one of an upload."""


class NoTransfers:
    """A server without a file server."""

    def why_not(self, operation: OperationRecord) -> str | None:
        """Always the reason."""
        return f"{operation.kind} without a URL needs the file server, and none is configured; give url"

    async def place_of(self, operation: OperationRecord, device: DeviceRecord, now: datetime) -> Place:
        """Never called: `why_not` gave the reason."""
        raise AssertionError(f"operation {operation.id} of {device.key} has no place at {now}")
