"""What a kind of operation is: its row, what its plan may need, and the checks that kinds share.

The one rule: a kind is added in one file of its family and in the table of the package, and nowhere else; sessions
and operations know kinds only by their row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from acs.errors import InvalidInput
from acs.services.plans import Plan
from acs.store.records import Credentials, Json, OperationRecord

#: Longest parameter name of TR-069 (A.3.2.1).
NAME_LENGTH = 256
#: Names or values in one operation; a page of a user interface needs hundreds.
NAMES = 5_000
#: The value types that TR-106 allows on the wire.
XSD_TYPES: Final = frozenset(
    f"xsd:{name}"
    for name in (
        "string", "int", "unsignedInt", "long", "unsignedLong", "boolean", "dateTime", "base64Binary", "hexBinary",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a plan may need besides its operation. `root` is "Device." or alike; credentials only where asked for."""

    root: str
    names_per_request: int
    requests: int
    periodic_inform_s: int = 0
    credentials: Credentials | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation.

    `check` returns the arguments as they are stored; `plan` makes its RPCs. `reboots`: it takes effect after the
    session and at most once, so evidence decides about it and the session ends after it. `with_credentials`: its
    plan needs the connection-request credentials. `internal`: only the server itself may ask for it.
    """

    name: str
    check: Callable[[Mapping[str, Any]], dict[str, Json]]
    plan: Callable[[OperationRecord, PlanContext], Plan]
    reboots: bool = False
    with_credentials: bool = False
    internal: bool = False


def only(arguments: Mapping[str, Any], *names: str) -> None:
    """Refuse arguments with other names.

    Raises:
        InvalidInput: one is not among `names`.
    """
    for argument in arguments:
        if argument not in names:
            known = ", ".join(names) or "none"
            raise InvalidInput(f"arguments.{argument}: not an argument of this kind; it takes: {known}")


def parameter_name(value: object, where: str, *, partial: bool) -> str:
    """A parameter name or, if `partial`, a partial path, as it came.

    Raises:
        InvalidInput: it is none.
    """
    if not isinstance(value, str) or not value or len(value) > NAME_LENGTH or not value.isprintable() or " " in value:
        raise InvalidInput(f"{where}: must be a parameter name of at most {NAME_LENGTH} characters without blanks")
    if value.endswith(".") and not partial:
        raise InvalidInput(f"{where}: {value!r} is a partial path; only a parameter can be set")
    return value


def check_nothing(arguments: Mapping[str, Any]) -> dict[str, Json]:
    """The check of a kind without arguments."""
    only(arguments)
    return {}
