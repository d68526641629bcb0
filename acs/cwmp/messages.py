"""Every RPC of TR-069 Amendment 6 in both directions: one frozen dataclass per message, named as in Annex A.

The one rule: the name of a class is the name of its element, and the order of its fields is the order of the schema.
Every field has a default, so that a message of a CPE that leaves elements out can still be read.

    ACS → CPE   GetParameterValues …   answered by   GetParameterValuesResponse …   or SoapFault
    CPE → ACS   Inform, TransferComplete …           InformResponse …               or SoapFault
    both        GetRPCMethods                        GetRPCMethodsResponse
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

from acs.cwmp.structs import (
    DECORATION,
    NO_DEVICE,
    NO_FAULT,
    REPEATED,
    AllQueuedTransferStruct,
    ArgStruct,
    AutonOpResultStruct,
    DeviceId,
    EventStruct,
    FaultStruct,
    OperationStruct,
    OpResultStruct,
    OptionStruct,
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    QueuedTransferStruct,
    SetParameterAttributesStruct,
    SetParameterValuesFault,
    TimeWindowStruct,
)


class Message:
    """What the Body of an envelope holds: a request, a response or a fault."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class SoapFault(Message):
    """The refusal of a request. An outcome, not an exception: 8xxx from the ACS, 9xxx from the CPE.

    Fault code 0 means that the peer sent a SOAP fault without a CWMP code. `fault_source` is the SOAP faultcode:
    "Client" when the same request would fail again, "Server" when the receiver could not do it now.
    """

    fault_code: int = 0
    fault_string: str = ""
    fault_source: Literal["Client", "Server"] = "Client"
    set_parameter_values_faults: tuple[SetParameterValuesFault, ...] = ()


# Generic, both directions (A.3.1)


@dataclass(frozen=True, slots=True)
class GetRPCMethods(Message):
    """Ask the other side for the RPCs it understands."""


@dataclass(frozen=True, slots=True)
class GetRPCMethodsResponse(Message):
    """The RPCs that the sender understands."""

    method_list: tuple[str, ...] = ()


# The ACS asks, the CPE answers (A.3.2, A.4.1)


@dataclass(frozen=True, slots=True)
class SetParameterValues(Message):
    """Set parameters, all or none. On success the CPE stores the parameter key (≤ 32 characters)."""

    parameter_list: tuple[ParameterValueStruct, ...] = ()
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class SetParameterValuesResponse(Message):
    """Status 0: applied; 1: committed, but applied only later."""

    status: int = 0


@dataclass(frozen=True, slots=True)
class GetParameterValues(Message):
    """Read parameters by full name or partial path; one unknown name makes the whole call fail with 9005."""

    parameter_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GetParameterValuesResponse(Message):
    """The values; hidden ones (passwords) read as empty strings."""

    parameter_list: tuple[ParameterValueStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class GetParameterNames(Message):
    """List what is below a path: the next level only, or all of it. An empty path is the root."""

    parameter_path: str = ""
    next_level: bool = False


@dataclass(frozen=True, slots=True)
class GetParameterNamesResponse(Message):
    """Parameters and objects; the names of objects end in "."."""

    parameter_list: tuple[ParameterInfoStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class SetParameterAttributes(Message):
    """Set notification and access list of parameters."""

    parameter_list: tuple[SetParameterAttributesStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class SetParameterAttributesResponse(Message):
    """The attributes were set."""


@dataclass(frozen=True, slots=True)
class GetParameterAttributes(Message):
    """Read notification and access list of parameters."""

    parameter_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GetParameterAttributesResponse(Message):
    """Notification and access list of parameters."""

    parameter_list: tuple[ParameterAttributeStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class AddObject(Message):
    """Add a row to a table; the object name is the table's path and ends in "."."""

    object_name: str = ""
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class AddObjectResponse(Message):
    """The instance number that the CPE chose (≥ 1; 0 has been seen), and the status as in SetParameterValues."""

    instance_number: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class DeleteObject(Message):
    """Delete a row and all below it; the object name is the instance's path and ends in "."."""

    object_name: str = ""
    parameter_key: str = ""


@dataclass(frozen=True, slots=True)
class DeleteObjectResponse(Message):
    """Status as in SetParameterValues."""

    status: int = 0


@dataclass(frozen=True, slots=True)
class Reboot(Message):
    """Reboot after the session; the next Inform carries `M Reboot` with this command key (≤ 32 characters)."""

    command_key: str = ""


@dataclass(frozen=True, slots=True)
class RebootResponse(Message):
    """The CPE will reboot after the session."""


@dataclass(frozen=True, slots=True)
class Download(Message):
    """Fetch a file. `file_size` in bytes (0 unknown), `delay_seconds` counted from receipt."""

    command_key: str = ""
    file_type: str = ""
    url: str = ""
    username: str = ""
    password: str = ""
    file_size: int = 0
    target_file_name: str = ""
    delay_seconds: int = 0
    success_url: str = ""
    failure_url: str = ""


@dataclass(frozen=True, slots=True)
class DownloadResponse(Message):
    """Status 0: fetched and applied, no TransferComplete follows; 1: exactly one TransferComplete follows."""

    status: int = 1
    start_time: datetime | None = None
    complete_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class Upload(Message):
    """Send a file to a URL."""

    command_key: str = ""
    file_type: str = ""
    url: str = ""
    username: str = ""
    password: str = ""
    delay_seconds: int = 0


@dataclass(frozen=True, slots=True)
class UploadResponse(Message):
    """Status as in DownloadResponse."""

    status: int = 1
    start_time: datetime | None = None
    complete_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class FactoryReset(Message):
    """Reset to factory state after the session; the next Inform carries `0 BOOTSTRAP`."""


@dataclass(frozen=True, slots=True)
class FactoryResetResponse(Message):
    """The CPE will reset itself after the session."""


@dataclass(frozen=True, slots=True)
class ScheduleInform(Message):
    """Inform again after some seconds (> 0), with `3 SCHEDULED` and `M ScheduleInform`."""

    delay_seconds: int = 0
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleInformResponse(Message):
    """The Inform is scheduled."""


@dataclass(frozen=True, slots=True)
class GetQueuedTransfers(Message):
    """List the transfers that the ACS asked for (deprecated since CWMP 1.1)."""


@dataclass(frozen=True, slots=True)
class GetQueuedTransfersResponse(Message):
    """At most 16 transfers."""

    transfer_list: tuple[QueuedTransferStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class GetAllQueuedTransfers(Message):
    """List all transfers, whoever asked for them (CWMP 1.1)."""


@dataclass(frozen=True, slots=True)
class GetAllQueuedTransfersResponse(Message):
    """At most 16 transfers."""

    transfer_list: tuple[AllQueuedTransferStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleDownload(Message):
    """Fetch a file within one or two time windows (CWMP 1.2); always answered by a TransferComplete later."""

    command_key: str = ""
    file_type: str = ""
    url: str = ""
    username: str = ""
    password: str = ""
    file_size: int = 0
    target_file_name: str = ""
    time_window_list: tuple[TimeWindowStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleDownloadResponse(Message):
    """The download is scheduled."""


@dataclass(frozen=True, slots=True)
class CancelTransfer(Message):
    """Cancel the transfers of a command key (CWMP 1.2); 9021 when it is too late."""

    command_key: str = ""


@dataclass(frozen=True, slots=True)
class CancelTransferResponse(Message):
    """The transfers are cancelled; no TransferComplete follows."""


@dataclass(frozen=True, slots=True)
class ChangeDUState(Message):
    """Install, update or uninstall deployment units (CWMP 1.2)."""

    operations: tuple[OperationStruct, ...] = field(default=(), metadata=REPEATED)
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class ChangeDUStateResponse(Message):
    """Accepted; a DUStateChangeComplete follows."""


@dataclass(frozen=True, slots=True)
class SetVouchers(Message):
    """Hand over vouchers (obsolete)."""

    voucher_list: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SetVouchersResponse(Message):
    """The vouchers were taken."""


@dataclass(frozen=True, slots=True)
class GetOptions(Message):
    """Ask for one option, or for all by an empty name (obsolete)."""

    option_name: str = ""


@dataclass(frozen=True, slots=True)
class GetOptionsResponse(Message):
    """The options."""

    option_list: tuple[OptionStruct, ...] = ()


# The CPE asks, the ACS answers (A.3.3, A.4.2)


@dataclass(frozen=True, slots=True)
class Inform(Message):
    """Opens a session: who, why, and the values that changed. `current_time` None: the CPE does not know the time."""

    device_id: DeviceId = NO_DEVICE
    event: tuple[EventStruct, ...] = ()
    max_envelopes: int = field(default=1, metadata=DECORATION)
    current_time: datetime | None = None
    retry_count: int = field(default=0, metadata=DECORATION)
    parameter_list: tuple[ParameterValueStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class InformResponse(Message):
    """The Inform is stored; MaxEnvelopes is always 1."""

    max_envelopes: int = field(default=1, metadata=DECORATION)


@dataclass(frozen=True, slots=True)
class TransferComplete(Message):
    """How a Download, Upload or ScheduleDownload ended; repeated until it is answered."""

    command_key: str = ""
    fault_struct: FaultStruct = NO_FAULT
    start_time: datetime | None = None
    complete_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class TransferCompleteResponse(Message):
    """The outcome is stored."""


@dataclass(frozen=True, slots=True)
class AutonomousTransferComplete(Message):
    """How a transfer ended that the ACS did not ask for (CWMP 1.1)."""

    announce_url: str = ""
    transfer_url: str = ""
    is_download: bool = False
    file_type: str = ""
    file_size: int = 0
    target_file_name: str = ""
    fault_struct: FaultStruct = NO_FAULT
    start_time: datetime | None = None
    complete_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class AutonomousTransferCompleteResponse(Message):
    """The report is stored."""


@dataclass(frozen=True, slots=True)
class DUStateChangeComplete(Message):
    """How the operations of a ChangeDUState ended, in their order (CWMP 1.2)."""

    results: tuple[OpResultStruct, ...] = field(default=(), metadata=REPEATED)
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class DUStateChangeCompleteResponse(Message):
    """The outcome is stored."""


@dataclass(frozen=True, slots=True)
class AutonomousDUStateChangeComplete(Message):
    """Deployment units changed without the ACS (CWMP 1.2)."""

    results: tuple[AutonOpResultStruct, ...] = field(default=(), metadata=REPEATED)


@dataclass(frozen=True, slots=True)
class AutonomousDUStateChangeCompleteResponse(Message):
    """The report is stored."""


@dataclass(frozen=True, slots=True)
class RequestDownload(Message):
    """The CPE wants a file; the ACS may send a Download or not."""

    file_type: str = ""
    file_type_arg: tuple[ArgStruct, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestDownloadResponse(Message):
    """The wish was heard."""


@dataclass(frozen=True, slots=True)
class Kicked(Message):
    """A user pressed something on the CPE's pages (deprecated)."""

    command: str = ""
    referer: str = ""
    arg: str = ""
    next: str = ""


@dataclass(frozen=True, slots=True)
class KickedResponse(Message):
    """Where the user's browser goes next."""

    next_url: str = ""


#: Requests that the ACS may send to a CPE, each answered by the message of the same name with "Response".
ACS_REQUESTS: Final[tuple[type[Message], ...]] = (
    GetRPCMethods, SetParameterValues, GetParameterValues, GetParameterNames, SetParameterAttributes,
    GetParameterAttributes, AddObject, DeleteObject, Reboot, Download, Upload, FactoryReset, ScheduleInform,
    GetQueuedTransfers, GetAllQueuedTransfers, ScheduleDownload, CancelTransfer, ChangeDUState, SetVouchers, GetOptions,
)  # fmt: skip
#: Requests that a CPE may send to the ACS.
CPE_REQUESTS: Final[tuple[type[Message], ...]] = (
    GetRPCMethods, Inform, TransferComplete, AutonomousTransferComplete, DUStateChangeComplete,
    AutonomousDUStateChangeComplete, RequestDownload, Kicked,
)  # fmt: skip
_RESPONSES: Final[tuple[type[Message], ...]] = (
    GetRPCMethodsResponse, SetParameterValuesResponse, GetParameterValuesResponse, GetParameterNamesResponse,
    SetParameterAttributesResponse, GetParameterAttributesResponse, AddObjectResponse, DeleteObjectResponse,
    RebootResponse, DownloadResponse, UploadResponse, FactoryResetResponse, ScheduleInformResponse,
    GetQueuedTransfersResponse, GetAllQueuedTransfersResponse, ScheduleDownloadResponse, CancelTransferResponse,
    ChangeDUStateResponse, SetVouchersResponse, GetOptionsResponse, InformResponse, TransferCompleteResponse,
    AutonomousTransferCompleteResponse, DUStateChangeCompleteResponse, AutonomousDUStateChangeCompleteResponse,
    RequestDownloadResponse, KickedResponse,
)  # fmt: skip

#: Element name → class, for every message but the fault.
MESSAGES: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {cls.__name__: cls for cls in (*ACS_REQUESTS, *CPE_REQUESTS, *_RESPONSES)}
)
#: Request → the response that answers it.
RESPONSE_OF: Final[Mapping[type[Message], type[Message]]] = MappingProxyType(
    {cls: MESSAGES[f"{cls.__name__}Response"] for cls in (*ACS_REQUESTS, *CPE_REQUESTS)}
)


def rpc_name(message: Message | None) -> str:
    """The name of a message on the wire, such as "GetParameterValuesResponse"; "Fault", or "an empty message"."""
    if message is None:
        return "an empty message"
    return "Fault" if isinstance(message, SoapFault) else type(message).__name__
