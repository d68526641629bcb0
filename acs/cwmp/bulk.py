"""Bulk data reports of CPEs: the body of an HTTP report becomes values by name and time.

    CSV   ParameterPerRow | ParameterPerColumn        JSON   ObjectHierarchy | NameValuePair

The one rule: a report of a known form is read whole or refused; a value is never guessed from a broken line. Several
reports in one body are those that a CPE kept while the collector was away, the oldest first.

Source: TR-069 Amendment 6, Annex N (TR-157 Amendment 10, Annex A).
"""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from acs.cwmp.types import STRING, parse_datetime
from acs.errors import ProtocolError

#: Reports in one body; a CPE that kept a week of hours has 168.
REPORTS: Final = 2_000
#: Values in one body.
VALUES: Final = 200_000
#: Objects in objects; the deepest path of the standard models has 14 parts.
DEPTH: Final = 32
#: Longest name; twice what a Reference may have.
NAME: Final = 512

_TIME: Final = "ReportTimestamp"
_NAME_COLUMN, _VALUE_COLUMN, _TYPE_COLUMN = "ParameterName", "ParameterValue", "ParameterType"
_COLLECTED: Final = "CollectionTime"


class Form(StrEnum):
    """How a report is laid out: the header BBF-Report-Format."""

    PER_ROW = "ParameterPerRow"
    PER_COLUMN = "ParameterPerColumn"
    HIERARCHY = "ObjectHierarchy"
    PAIRS = "NameValuePair"


@dataclass(frozen=True, slots=True)
class Report:
    """The values of one moment: name → (text, xsd type). `at` None: the CPE was told to send no time."""

    at: datetime | None
    values: Mapping[str, tuple[str, str]]


def decode(body: bytes, content_type: str, form: str, *, separator: str = ",", escape: str = '"') -> tuple[Report, ...]:
    """The reports of a body, the oldest first; empty when the CPE had nothing to report.

    Args:
        content_type: the header, which says CSV or JSON; other words of it do not matter, UTF-8 is read.
        form: the header BBF-Report-Format, with or without quotes; without it the form is told by the body.
        separator, escape: as the CPE's profile sets them (CSVEncoding).

    Raises:
        ProtocolError: no report of a known form (`status_hint` 400 or 415), or over a limit (413).
    """
    text = _text(body)
    wanted = _form(form)
    if "json" in content_type.lower() or wanted in (Form.HIERARCHY, Form.PAIRS):
        return tuple(_json_reports(text))
    if "csv" in content_type.lower() or wanted in (Form.PER_ROW, Form.PER_COLUMN):
        return _csv_reports(text, wanted, separator, escape)
    raise ProtocolError(f"bulk data of type {content_type[:64]!r} is not read; CSV and JSON are", status_hint=415)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ProtocolError("the report is not UTF-8") from error


def _form(header: str) -> Form | None:
    name = header.strip().strip('"').lower()
    if not name:
        return None
    for form in Form:
        if form.value.lower() == name:
            return form
    raise ProtocolError(f"BBF-Report-Format {header[:64]!r} is not known; one of {', '.join(Form)}", status_hint=415)


def _csv_reports(text: str, form: Form | None, separator: str, escape: str) -> tuple[Report, ...]:
    rows = _csv_rows(text, separator, escape)
    header = next(rows, None)
    if header is None:
        return ()
    names = [name.strip() for name in header]
    per_row = _NAME_COLUMN in names and _VALUE_COLUMN in names
    if form is Form.PER_ROW and not per_row:
        raise ProtocolError(f"a report per row needs the columns {_NAME_COLUMN} and {_VALUE_COLUMN}")
    if form is None or form is Form.PER_ROW:
        return tuple(_per_row(names, rows)) if per_row else tuple(_per_column(names, rows))
    return tuple(_per_column(names, rows))


def _csv_rows(text: str, separator: str, escape: str) -> Iterator[list[str]]:
    """The rows that hold anything; blanks after a separator are dropped, as the standard's own example has them."""
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=separator, quotechar=escape, skipinitialspace=True, strict=True
    )
    cells = 0
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ProtocolError(f"line {reader.line_num} of the report is not CSV: {error}") from error
        cells += len(row)
        if cells > 4 * VALUES:
            raise ProtocolError(f"the report has more than {4 * VALUES} cells", status_hint=413)
        if any(cell.strip() for cell in row):
            yield row


def _per_row(names: list[str], rows: Iterator[list[str]]) -> Iterator[Report]:
    """Rows that follow each other with the same time are one report."""
    place = {name: column for column, name in enumerate(names)}
    name_at, value_at = place[_NAME_COLUMN], place[_VALUE_COLUMN]
    type_at, time_at = place.get(_TYPE_COLUMN), place.get(_TIME)
    stamp: str | None = None
    found: dict[str, tuple[str, str]] = {}
    budget = _Budget()
    for row in rows:
        _check_width(row, names)
        now = row[time_at].strip() if time_at is not None else ""
        if found and now != stamp:
            yield Report(_instant(stamp), budget.report(found))
            found = {}
        stamp = now
        kind = row[type_at].strip() if type_at is not None else ""
        budget.put(found, row[name_at].strip(), row[value_at], _xsd(kind))
    if found:
        yield Report(_instant(stamp), budget.report(found))


def _per_column(names: list[str], rows: Iterator[list[str]]) -> Iterator[Report]:
    budget = _Budget()
    for row in rows:
        _check_width(row, names)
        found: dict[str, tuple[str, str]] = {}
        at: datetime | None = None
        for name, value in zip(names, row, strict=True):
            if name == _TIME:
                at = _instant(value.strip())
            else:
                budget.put(found, name, value, STRING)
        yield Report(at, budget.report(found))


def _check_width(row: list[str], names: list[str]) -> None:
    if len(row) != len(names):
        raise ProtocolError(f"a row of the report has {len(row)} cells; its header has {len(names)}")


def _json_reports(text: str) -> Iterator[Report]:
    try:
        whole = json.loads(text, parse_constant=_no_number)
    except RecursionError as error:
        raise ProtocolError("the report is nested too deep") from error
    except ValueError as error:
        raise ProtocolError(f"the report is not JSON: {error}") from error
    reports = whole.get("Report") if isinstance(whole, dict) else None
    if not isinstance(reports, list) or not all(isinstance(each, dict) for each in reports):
        raise ProtocolError('the report must be an object with a list "Report" of objects')
    budget = _Budget()
    for each in reports:
        collected = each.pop(_COLLECTED, None)
        found: dict[str, tuple[str, str]] = {}
        _flatten(each, "", found, budget, 0)
        yield Report(_instant(None if collected is None else str(collected)), budget.report(found))


def _flatten(
    node: Mapping[str, Any], prefix: str, found: dict[str, tuple[str, str]], budget: "_Budget", depth: int
) -> None:
    """Names and values of nested objects; of flat ones too, which are just not nested."""
    if depth > DEPTH:
        raise ProtocolError(f"the report is nested more than {DEPTH} deep")
    for key, value in node.items():
        name = f"{prefix}{key}"
        match value:
            case dict():
                _flatten(value, f"{name}.", found, budget, depth + 1)
            case bool():
                budget.put(found, name, "1" if value else "0", "xsd:boolean")
            case int() | float():
                budget.put(found, name, json.dumps(value), "xsd:long" if isinstance(value, int) else "xsd:decimal")
            case str():
                budget.put(found, name, value, STRING)
            case None:
                budget.put(found, name, "", STRING)
            case _:
                raise ProtocolError(f"the value of {name[:128]} is a list; a report holds texts, numbers and booleans")


class _Budget:
    """Bounds what one body may hold."""

    def __init__(self) -> None:
        self._reports = 0
        self._values = 0

    def put(self, found: dict[str, tuple[str, str]], name: str, value: str, kind: str) -> None:
        """Take a value; the last one of a name counts."""
        if not name or len(name) > NAME:
            raise ProtocolError(f"a name in the report has {len(name)} characters; 1 to {NAME} are read")
        self._values += 1
        if self._values > VALUES:
            raise ProtocolError(f"the report holds more than {VALUES} values", status_hint=413)
        found[name] = (value if kind == STRING else value.strip(), kind)

    def report(self, found: dict[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
        """Count a report and give its values back."""
        self._reports += 1
        if self._reports > REPORTS:
            raise ProtocolError(f"the body holds more than {REPORTS} reports", status_hint=413)
        return found


def _instant(text: str | None) -> datetime | None:
    """Seconds since 1970, or ISO 8601; None where there is no time.

    Raises:
        ProtocolError: it is neither: without its time a report could not be told from a repeated one.
    """
    if text is None or not text.strip():
        return None
    stamp = text.strip()
    try:
        seconds = float(stamp)
    except ValueError:
        found = parse_datetime(stamp)
        if found is None:
            raise ProtocolError(f"{stamp[:64]!r} is no time of collection") from None
        return found
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise ProtocolError(f"{stamp[:64]!r} is no time of collection") from None


def _xsd(kind: str) -> str:
    """A TR-106 type as an xsd type; text when it is none."""
    bare = kind.removeprefix("xsd:")
    return f"xsd:{bare}" if bare.isalnum() and len(bare) <= 32 else STRING


def _no_number(name: str) -> Any:
    raise ProtocolError(f"the report holds {name}, which is no number of JSON")


def reference_of(name: str, references: Mapping[str, str]) -> str | None:
    """The parameter that a name in a report stands for; None when it cannot be told.

    Args:
        references: Name → Reference of the profile's Parameter rows. A Reference may hold `*`, whose instance numbers
            are appended to the Name from left to right, or be a partial path, whose remainder follows them.
    """
    if name.startswith(("Device.", "InternetGatewayDevice.")):
        return name
    for alias in sorted(references, key=len, reverse=True):
        rest = name.removeprefix(alias)
        if rest == name or (rest and not rest.startswith(".")):
            continue
        return _filled(references[alias], [part for part in rest.split(".") if part])
    return None


def _filled(reference: str, rest: list[str]) -> str | None:
    parts = reference.split(".")
    stars = parts.count("*")
    instances, remainder = rest[:stars], rest[stars:]
    if len(instances) < stars or not all(each.isdecimal() for each in instances):
        return None
    if bool(remainder) is not reference.endswith("."):
        return None
    waiting = iter(instances)
    whole = ".".join(next(waiting) if part == "*" else part for part in parts)
    return whole + ".".join(remainder)
