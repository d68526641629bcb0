"""The structs of TR-069 Annex A: one frozen dataclass each, fields in schema order under their Annex A names.

The codec in `soap.py` walks these classes; a field is written as the CamelCase of its name. A `tuple` is a SOAP array,
unless its field carries REPEATED: then the element itself is repeated. A field of type `X | None` that is None is left
out, except a dateTime, whose None is the standard's Unknown Time (0001-01-01T00:00:00Z).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

#: Metadata of a tuple field whose element is repeated in place (ChangeDUState, DUStateChangeComplete), not an array.
REPEATED: Final[Mapping[str, bool]] = {"repeated": True}
#: Metadata of a field that carries no meaning for us: nonsense in it is read as the default instead of refused.
DECORATION: Final[Mapping[str, bool]] = {"decoration": True}


@dataclass(frozen=True, slots=True)
class DeviceId:
    """Who the CPE says it is. Kept as sent: OUI may come in lower case, ProductClass may be empty or hold slashes."""

    manufacturer: str = ""
    oui: str = ""
    product_class: str = ""
    serial_number: str = ""


#: The identity of an Inform that names none.
NO_DEVICE: Final = DeviceId()


@dataclass(frozen=True, slots=True)
class EventStruct:
    """Why the CPE informs. The command key is empty except for `M …` events; vendor codes are kept verbatim."""

    event_code: str = ""
    command_key: str = ""


@dataclass(frozen=True, slots=True)
class ParameterValueStruct:
    """A parameter with the text and the xsd type that were sent; `types.python_value` gives the typed value."""

    name: str = ""
    value: str = ""
    type: str = "xsd:string"


@dataclass(frozen=True, slots=True)
class ParameterInfoStruct:
    """A parameter or object (name ends in ".") and whether it can be set, added to or deleted."""

    name: str = ""
    writable: bool = False


@dataclass(frozen=True, slots=True)
class SetParameterAttributesStruct:
    """New attributes of a parameter or partial path. Notification is 0…6 (3…6 need CWMP 1.4)."""

    name: str = ""
    notification_change: bool = False
    notification: int = 0
    access_list_change: bool = False
    access_list: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParameterAttributeStruct:
    """The attributes of a parameter: notification 0…6 and who besides the ACS may write it."""

    name: str = ""
    notification: int = 0
    access_list: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TimeWindowStruct:
    """When a scheduled download may happen: seconds from receipt; max_retries -1 leaves the number to the CPE."""

    window_start: int = 0
    window_end: int = 0
    window_mode: str = "1 At Any Time"
    user_message: str = ""
    max_retries: int = 0


@dataclass(frozen=True, slots=True)
class QueuedTransferStruct:
    """A transfer that has not been reported yet. State: 1 not started, 2 in progress, 3 finishing."""

    command_key: str = ""
    state: int = 1


@dataclass(frozen=True, slots=True)
class AllQueuedTransferStruct:
    """A transfer that has not been reported yet, whoever asked for it. State as in QueuedTransferStruct."""

    command_key: str = ""
    state: int = 1
    is_download: bool = False
    file_type: str = ""
    file_size: int = 0
    target_file_name: str = ""


@dataclass(frozen=True, slots=True)
class FaultStruct:
    """How a transfer or deployment unit operation ended; fault code 0 is success."""

    fault_code: int = 0
    fault_string: str = ""


#: Success.
NO_FAULT: Final = FaultStruct()


@dataclass(frozen=True, slots=True)
class SetParameterValuesFault:
    """Why one parameter of a SetParameterValues was refused (9001, 9002, 9005…9008)."""

    parameter_name: str = ""
    fault_code: int = 0
    fault_string: str = ""


@dataclass(frozen=True, slots=True)
class OptionStruct:
    """A voucher option (obsolete). None as expiration date: the option does not expire."""

    option_name: str = ""
    voucher_sn: int = 0
    state: int = 0
    mode: int = 0
    start_date: datetime | None = None
    expiration_date: datetime | None = None
    is_transferable: int = 0


@dataclass(frozen=True, slots=True)
class ArgStruct:
    """A name and value that qualify the file of a RequestDownload."""

    name: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class InstallOpStruct:
    """Install a deployment unit from a URL."""

    url: str = ""
    uuid: str | None = None
    username: str | None = None
    password: str | None = None
    execution_env_ref: str | None = None


@dataclass(frozen=True, slots=True)
class UpdateOpStruct:
    """Update one deployment unit, or all that match what is given."""

    uuid: str | None = None
    version: str | None = None
    url: str | None = None
    username: str | None = None
    password: str | None = None


@dataclass(frozen=True, slots=True)
class UninstallOpStruct:
    """Remove a deployment unit."""

    uuid: str = ""
    version: str | None = None
    execution_env_ref: str | None = None


#: An operation of ChangeDUState; on the wire its xsi:type says which.
OperationStruct = InstallOpStruct | UpdateOpStruct | UninstallOpStruct


@dataclass(frozen=True, slots=True)
class OpResultStruct:
    """The outcome of one operation of a ChangeDUState. CurrentState: Installed, Uninstalled or Failed."""

    uuid: str = ""
    deployment_unit_ref: str = ""
    version: str = ""
    current_state: str = ""
    resolved: bool = False
    execution_unit_ref_list: str = ""
    start_time: datetime | None = None
    complete_time: datetime | None = None
    fault: FaultStruct = NO_FAULT


@dataclass(frozen=True, slots=True)
class AutonOpResultStruct(OpResultStruct):
    """The outcome of an operation that the ACS did not ask for. OperationPerformed: Install, Update or Uninstall."""

    operation_performed: str = ""
