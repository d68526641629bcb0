"""Results of a finished test: parameters in, named values out, and the throughput of TR-143. Pure.

The rule of this file: what cannot be computed is left out, never zero.
"""

from collections.abc import Mapping
from datetime import datetime

from acs.cwmp.types import parse_datetime
from acs.profiles.convert import boolean, number
from acs.profiles.diagnostics.schema import Diagnostic, Output, Table, Throughput, name_for

Result = dict[str, "Result"] | list["Result"] | str | float | int | bool | None

#: Seconds of a transfer under which a throughput is noise of the clock.
_SHORTEST_S = 1e-4


def results_of(
    test: Diagnostic, root: str, values: Mapping[str, str], inputs: Mapping[str, object]
) -> dict[str, Result]:
    """What the test gave.

    Args:
        values: parameters of the test's object → text, names whole.
        inputs: what the test was asked with.
    """
    base = test.object_of(root)
    assert base is not None
    found = _read(test.results, base, root, values)
    if test.table is not None:
        found[test.table.name] = _rows(test.table, base, root, values)
    if test.throughput is not None:
        found |= _speeds(test.throughput, base, values, inputs)
    return found


def _read(outputs: Mapping[str, Output], base: str, root: str, values: Mapping[str, str]) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for name, output in outputs.items():
        value = _value(output, output.factor, values.get(base + name_for(output.parameter, root)))
        if not value and output.else_ is not None:  # a detailed time of 0 is that of a device without one
            value = _value(output, 1.0, values.get(base + output.else_))
        if value is not None:
            found[name] = value
    return found


def _value(output: Output, factor: float, text: str | None) -> Result:
    text = (text or "").strip()
    if not text:
        return None
    match output.as_:
        case "text":
            return text
        case "flag":
            return boolean(text)
        case "numbers":
            return [_scaled(each, factor) for each in text.split(",") if each.strip()]
        case _:
            return _scaled(text, factor)


def _scaled(text: str, factor: float) -> float | int | None:
    value = number(text.strip())
    if value is None:
        return None
    scaled = round(value * factor, 6)
    return int(scaled) if scaled.is_integer() else scaled


def _rows(table: Table, base: str, root: str, values: Mapping[str, str]) -> list[Result]:
    path = base + table.path
    instances = {name[len(path) :].split(".", 1)[0] for name in values if name.startswith(path)}
    rows = sorted(int(each) for each in instances if each.isdecimal())
    return [_read(table.columns, f"{path}{row}.", root, values) for row in rows]


def _speeds(
    throughput: Throughput, base: str, values: Mapping[str, str], inputs: Mapping[str, object]
) -> dict[str, Result]:
    """Megabits per second, and the times of the connection in milliseconds.

    Source: TR-143, §4.3 and Appendix A; with several connections the bytes under full loading count.
    """
    found: dict[str, Result] = {}
    begun, ended = _time(values, base, "BOMTime"), _time(values, base, "EOMTime")
    size = number(values.get(base + throughput.bytes, ""))
    if _wrapped(throughput, values, base):
        size = None
    elif not size and throughput.length_input is not None:
        given = inputs.get(throughput.length_input)
        size = float(given) if isinstance(given, int | float) else None
    loaded_us = number(values.get(base + "PeriodOfFullLoading", ""))
    loaded = number(values.get(base + throughput.full_bytes, ""))
    if loaded and loaded_us:
        found["mbit_s"] = round(8.0 * loaded / loaded_us, 3)
    elif size and begun is not None and ended is not None and (taken_s := _seconds(begun, ended)) > _SHORTEST_S:
        found["mbit_s"] = round(8.0 * size / taken_s / 1e6, 3)
    for name, first, last in (
        ("connect_ms", "TCPOpenRequestTime", "TCPOpenResponseTime"),
        ("first_byte_ms", "ROMTime", "BOMTime"),
    ):
        start, end = _time(values, base, first), _time(values, base, last)
        if start is not None and end is not None and end >= start:
            found[name] = round(_seconds(start, end) * 1000.0, 3)
    return found


def _wrapped(throughput: Throughput, values: Mapping[str, str], base: str) -> bool:
    """Whether a counter of 32 bits (TR-098) began anew: the interface cannot have moved less than the test."""
    test = number(values.get(base + throughput.bytes, ""))
    total = number(values.get(base + throughput.bytes.replace("Test", "Total"), ""))
    return bool(test and total and total < test)


def _time(values: Mapping[str, str], base: str, leaf: str) -> datetime | None:
    return parse_datetime(values.get(base + leaf))


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()
