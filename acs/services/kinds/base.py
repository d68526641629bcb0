"""What a kind of operation is: its row, what its plan may need, and the checks that kinds share.

The one rule: a kind is added in one file of its family and in the table of the package, and nowhere else; sessions
and operations know kinds only by their row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from acs.cwmp import paths
from acs.cwmp.messages import Message
from acs.errors import InvalidInput
from acs.services.plans import Outcome, Plan
from acs.services.plans.bears import UNTRIED, Bears
from acs.services.plans.provisioning import ProvisionInputs
from acs.services.plans.restoring import RestoreInputs
from acs.services.waking.settings import WakingSettings
from acs.store.records import Credentials, Json, OperationRecord

#: Longest parameter name of TR-069 (A.3.2.1).
NAME_LENGTH = paths.MAX_LENGTH
#: Names or values in one operation; a page of a user interface needs hundreds.
NAMES = 5_000
#: Sessions that a CPE may break off, or faults that may pass, while it is asked the same thing.
ATTEMPTS = 3
#: The value types that TR-106 allows on the wire.
XSD_TYPES: Final = frozenset(
    f"xsd:{name}"
    for name in (
        "string", "int", "unsignedInt", "long", "unsignedLong", "boolean", "dateTime", "base64Binary", "hexBinary",
    )
)  # fmt: skip


class Ending(StrEnum):
    """What tells how an operation ended."""

    #: the CPE's answer; where a session broke, it is asked again
    ANSWER = "answer"
    #: a boot after the answer: sent at most once
    RESTART = "restart"
    #: a reset to factory state after the answer: sent at most once
    RESET = "reset"
    #: results that the device holds when it says `8 DIAGNOSTICS COMPLETE`, read in another session
    RESULTS = "results"
    #: a report that carries the command key: TransferComplete, DUStateChangeComplete, `M ScheduleInform`
    REPORT = "report"


class Arguments(BaseModel):
    """What a kind takes: closed to unknown names, and the schema that the API documents."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NoArguments(Arguments):
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file is fetched from or sent to; `size_bytes` 0 = not known."""

    url: str
    username: str = ""
    password: str = field(default="", repr=False)
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PlanContext:
    """What a plan may need besides its operation. `root` is "Device." or alike; credentials only where asked for.

    `place` is the file's place, for a kind `with_place`; `bears` what the model was seen to bear in a refresh;
    `progress` what an earlier session left of the plan.
    """

    root: str
    names_per_request: int
    requests: int
    periodic_inform_s: int = 0
    credentials: Credentials | None = None
    version: str = "1.0"
    place: Place | None = None
    bears: Bears = UNTRIED
    progress: Json = None
    #: what the device is told to be woken; only for a kind `with_credentials`
    waking: WakingSettings | None = None
    #: what the rules want of the device; only for a kind `with_provision`
    provision: ProvisionInputs | None = None
    #: what is put back; only for a kind `with_restore`
    restore: RestoreInputs | None = None


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a session shows of a device after an operation was sent to it."""

    at: datetime
    events: tuple[tuple[str, str], ...]
    #: the device booted after the sending
    booted: bool
    software_version: str
    #: before this session's Inform
    previous_version: str | None = None


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of operation.

    `check` returns the arguments as they are stored; `plan` makes its RPCs; `rpc` is the one that the device must
    have. `once`: nothing but proof sends it twice. `retries`: a fault that may pass is asked again later.
    `on_inform` and `on_report` say what an Inform or a report of the CPE shows of an operation that was sent; None
    is nothing yet. `lasts_s` adds to its deadline what its arguments ask for. `secrets` are arguments that are kept
    sealed. `collect` makes the RPCs that read what a test has found, `stop` those that break it off; `why_not_stop`
    (operation, root, features that the model lacks) says why they would be in vain. `feature` names what the
    model must have, so that one that lacks it is not asked again. `internal`: only the server itself may ask for it.
    """

    name: str
    check: Callable[[Mapping[str, Any]], dict[str, Json]]
    plan: Callable[[OperationRecord, PlanContext], Plan]
    ending: Ending = Ending.ANSWER
    rpc: str = ""
    arguments: type[Arguments] = NoArguments
    repeatable: bool = True
    retries: bool = False
    attempts: int = ATTEMPTS
    with_credentials: bool = False
    #: its plan needs the credential with which the device shall prove itself to us
    with_own_credentials: bool = False
    with_place: bool = False
    with_provision: bool = False
    internal: bool = False
    on_inform: Callable[[OperationRecord, Sighting], Outcome | None] | None = None
    on_report: Callable[[OperationRecord, Message, Sighting], Outcome | None] | None = None
    lasts_s: Callable[[Mapping[str, Json]], float] | None = None
    secrets: tuple[str, ...] = ()
    #: values of parameters that are secrets by their name are kept sealed too
    secret_values: bool = False
    #: needs what is put back
    with_restore: bool = False
    #: never during a call or an upgrade: what the device says of it is read in the session, right before
    guarded: bool = False
    collect: Callable[[OperationRecord, PlanContext], Plan] | None = None
    stop: Callable[[OperationRecord, PlanContext], Plan] | None = None
    why_not_stop: Callable[[OperationRecord, str, frozenset[str]], str | None] | None = None
    feature: Callable[[OperationRecord], str] | None = None

    @property
    def writes_names(self) -> bool:
        """Whether its arguments name parameters or rows that it writes, so that some need a second person."""
        return self.secret_values or self.name == "delete_object"

    @property
    def reboots(self) -> bool:
        """Whether it takes effect after the session, so that evidence decides and the session ends after it."""
        return self.ending in (Ending.RESTART, Ending.RESET)

    @property
    def once(self) -> bool:
        """Whether it disturbs the subscriber or cannot be undone, so that only proof sends it again."""
        return self.reboots or not self.repeatable


def check_with(model: type[Arguments]) -> Callable[[Mapping[str, Any]], dict[str, Json]]:
    """The check of a kind whose arguments are a model; the message names the argument."""

    def check(arguments: Mapping[str, Any]) -> dict[str, Json]:
        try:
            wanted = model.model_validate(dict(arguments))
        except ValidationError as error:
            raise InvalidInput(_complaint(model, error)) from error
        return wanted.model_dump(mode="json", exclude_none=True, exclude_defaults=True)

    return check


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
    name = paths.check(value, where)
    if paths.is_partial(name) and not partial:
        raise InvalidInput(f"{where}: {name!r} is a partial path; only a parameter can be set")
    return name


def check_nothing(arguments: Mapping[str, Any]) -> dict[str, Json]:
    """The check of a kind without arguments."""
    only(arguments)
    return {}


def _complaint(model: type[Arguments], error: ValidationError) -> str:
    first = error.errors()[0]
    where = ".".join(["arguments", *map(str, first["loc"])])
    if first["type"] == "extra_forbidden":
        return f"{where}: not an argument of this kind; it takes: {', '.join(model.model_fields) or 'none'}"
    if first["type"] == "missing":
        return f"{where}: is needed; {model.__doc__}"
    return f"{where}: {first['msg'].removeprefix('Value error, ')}"
