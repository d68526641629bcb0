"""What other rooms do for sessions: put in where the application is put together; what is missing is left out."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from acs.services.keeping import Keeping
from acs.services.provisioning import Provisioning
from acs.services.recorder import Recorder
from acs.services.security_notes import SecurityNotes
from acs.services.styles import Styles
from acs.services.transfers import NoTransfers, Transfers
from acs.services.visits import Visit
from acs.store.records import Credentials, DeviceRecord, OperationRecord, SessionOpened


class IdentityHooks(Protocol):
    """What `identity.Identity` does for sessions."""

    async def begun(self, visit: Visit, opened: SessionOpened, now: datetime) -> bool:
        """Look at a device that is in quarantine or told what does not go together; whether it is admitted."""

    async def greeting(self, visit: Visit, opened: SessionOpened, now: datetime) -> OperationRecord | None:
        """The stored operation that gives the device a credential of its own; None where that is not its turn."""

    async def credentials(self, key: str, now: datetime) -> Credentials:
        """The credential that the device is told, made and stored before."""


@dataclass(slots=True)
class Parts:
    """The rooms that sessions ask."""

    #: called with a device whose line must be looked for, and whether it is new; see `Devices.came`
    noticed: Callable[[DeviceRecord, bool], None] = lambda _device, _new: None
    #: called with a device and the operations that its session took and left undone; see `ConnectionRequests.again`
    left: Callable[[str, Sequence[str]], None] = lambda _device, _operations: None
    #: how each device wants to be spoken to
    styles: Styles = field(default_factory=Styles)
    #: what is done about who a device is when its session begins; see `identity.Identity`
    identity: IdentityHooks | None = None
    #: what the rules want of a device; None where nobody provisions
    provisioning: Provisioning | None = None
    #: whether operations of a kind must wait, because writes are frozen; see `Freeze.holds`
    frozen: Callable[[str], Awaitable[bool]] | None = None
    #: gives files of our own file server their place; see `transfers`
    transfers: Transfers = field(default_factory=NoTransfers)
    #: keeps configurations before changes, and holds what must wait; see `keeping`
    keeping: Keeping | None = None
    #: the stored operation for a device that takes over from another; see `Takeovers.operation_for`
    takes_over: Callable[[Visit, SessionOpened, datetime], Awaitable[OperationRecord | None]] | None = None
    #: keeps history of what is read; None where nobody wants any
    recorder: Recorder | None = None
    #: notes what only the whole fleet makes telling; None where nobody looks at that
    notes: SecurityNotes | None = None
