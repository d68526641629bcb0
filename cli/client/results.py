"""What the API answers, as values with types. The rule: the fields are those of the OpenAPI document; a test holds it.

A field that a newer server adds is left out; one that it lacks is an error that names it.
"""

import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the inventory."""

    id: str
    technology: str
    address: str
    node: str
    frame: int | None
    slot: int | None
    port: int | None
    splitter: str
    ont: int | None
    gpon_serial: str
    account: str
    services: tuple[str, ...]
    pppoe_login: str
    cable_length_m: float | None
    device_serials: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Device:
    """A CPE."""

    key: str
    manufacturer: str
    product_class: str
    serial_number: str
    software_version: str
    hardware_version: str
    address: str
    line: str | None
    first_seen_at: datetime
    last_inform_at: datetime
    last_boot_at: datetime | None


@dataclass(frozen=True, slots=True)
class Found:
    """One match of a search."""

    device: Device | None
    line: Line | None
    tags: tuple[str, ...]
    phones: tuple[str, ...]
    numbers: dict[str, float]


@dataclass(frozen=True, slots=True)
class SearchPage:
    """A page of matches."""

    items: tuple[Found, ...]
    total: int
    after: str | None


@dataclass(frozen=True, slots=True)
class Operation:
    """What was wanted on a device and what became of it."""

    id: str
    device: str
    kind: str
    arguments: dict[str, Any]
    state: str
    created_at: datetime
    deadline_at: datetime
    actor: str
    reason: str
    ticket: str | None
    finished_at: datetime | None
    fault_code: int | None
    fault_string: str | None
    result: Any
    detail: str


@dataclass(frozen=True, slots=True)
class LineTest:
    """A line test; `verdict` is None until it is done."""

    id: str
    line: str
    state: str
    depth: str
    created_at: datetime
    finished_at: datetime | None
    ticket: str | None
    verdict: Any
    detail: str


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket that was taken."""

    id: str
    event_id: str
    received_at: datetime
    line: str | None
    line_test: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class Closure:
    """How a ticket was closed."""

    ticket: str
    code: str
    cause: str
    at: datetime
    actor: str
    visited: bool | None
    overridden: bool
    line: str | None
    line_test: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    part: int
    whole: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of support for one part, such as a region."""

    name: str
    tests: int
    tickets: int
    verdicts: dict[str, int]
    closed: int
    fixed_remotely: Share
    dispatched: Share
    repeats: Share
    verdict_median_s: float | None
    verdict_p95_s: float | None
    norms: dict[str, Share]


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of a time."""

    since: datetime
    until: datetime
    by: str
    whole: bool
    total: Figures
    parts: tuple[Figures, ...]


#: result → the schema of the OpenAPI document that it is made of
SCHEMAS: Final[Mapping[type, str]] = {
    Line: "LineAnswer",
    Device: "DeviceAnswer",
    Found: "FoundAnswer",
    SearchPage: "SearchAnswer",
    Operation: "OperationAnswer",
    LineTest: "LineTestAnswer",
    Ticket: "TicketAnswer",
    Closure: "ClosureAnswer",
    Share: "ShareAnswer",
    Figures: "FiguresAnswer",
    Report: "ReportAnswer",
}


def read(kind: type[Result], value: Any) -> Result:
    """The JSON value as a value of this type.

    Raises:
        ValueError: it is something else; the message names the field.
    """
    read_value: Result = _read(kind, value, kind.__name__)
    return read_value


def _read(kind: Any, value: Any, place: str) -> Any:
    if kind is Any:
        return value
    origin = get_origin(kind)
    if origin in (types.UnionType, Union):
        return (
            None if value is None else _read(next(one for one in get_args(kind) if one is not type(None)), value, place)
        )
    if origin is tuple:
        return tuple(_read(get_args(kind)[0], one, place) for one in _of(list, value, place))
    if origin is dict:
        return {name: _read(get_args(kind)[1], one, f"{place}.{name}") for name, one in _of(dict, value, place).items()}
    if is_dataclass(kind):
        return _record(kind, _of(dict, value, place), place)
    if kind is datetime:
        return datetime.fromisoformat(_of(str, value, place))
    if kind is float:
        return float(_of((int, float), value, place))
    return _of(kind, value, place)


def _record(kind: Any, value: Mapping[str, Any], place: str) -> Any:
    told = {}
    for name, inner in _hints(kind).items():
        if name not in value:
            raise ValueError(f"{place}.{name} is missing: the server is older than this client, or no secondline")
        told[name] = _read(inner, value[name], f"{place}.{name}")
    return kind(**told)


def _of(kind: Any, value: Any, place: str) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{place} is {type(value).__name__}, not what the API's description says")
    return value


@cache
def _hints(kind: Any) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {each.name: hints[each.name] for each in fields(kind)}
