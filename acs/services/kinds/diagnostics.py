"""The kind that runs a test on the device: started in one session, read when the device says that it is over.

The one rule: which tests there are, and what they take, stands in `acs/profiles/diagnostics`.
"""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import Field

from acs.cwmp.writing import writable
from acs.errors import InvalidInput
from acs.profiles.diagnostics import DIAGNOSTICS, Diagnostic, Input
from acs.services.kinds.base import Arguments, Ending, Kind, PlanContext, check_with
from acs.services.plans import Plan
from acs.services.plans.breaking_off import StopPlan, feature_of
from acs.services.plans.diagnostics import CollectPlan, StartPlan, feature
from acs.store.records import Json, OperationRecord

#: Seconds beyond the time that a test should take, before the device is asked whether it is over.
PATIENCE_S: Final = 60.0
#: Longest text of an input (TR-098, TR-181: 256).
TEXT: Final = 256


class Diagnose(Arguments):
    """`test`: which one (ping, traceroute, nslookup, download …); `inputs`: what it takes, such as host and count."""

    test: str = Field(max_length=32)
    inputs: dict[str, Any] = Field(default_factory=dict)


def _check(arguments: Mapping[str, Any]) -> dict[str, Json]:
    given = check_with(Diagnose)(arguments)
    test = DIAGNOSTICS.get(str(given["test"]))
    if test is None:
        raise InvalidInput(f"arguments.test: {given['test']!r} is no test; one of {', '.join(DIAGNOSTICS)}")
    inputs = given.get("inputs", {})
    assert isinstance(inputs, dict)
    for name, value in inputs.items():
        _check_input(test, name, value)
    for name, known in test.inputs.items():
        if known.required and name not in inputs:
            raise InvalidInput(f"arguments.inputs.{name}: is needed for the test {given['test']}")
    return given


def _check_input(test: Diagnostic, name: str, value: object) -> None:
    where = f"arguments.inputs.{name}"
    known = test.inputs.get(name)
    if known is None:
        raise InvalidInput(f"{where}: the test takes {', '.join(test.inputs) or 'nothing'}")
    problem = _number_problem(known, value) if known.type == "unsignedInt" else _text_problem(known, value)
    if problem is not None:
        raise InvalidInput(f"{where}: {problem}")


def _number_problem(known: Input, value: object) -> str | None:
    least, most = known.min or 0, known.max or 4_294_967_295
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return None
    return f"must be a whole number from {least} to {most}"


def _text_problem(known: Input, value: object) -> str | None:
    if known.type == "boolean":
        return None if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, str) or not value or len(value) > TEXT or not writable(value):
        return f"must be a text of 1 to {TEXT} characters that XML can carry"
    if known.values and value not in known.values:
        return f"must be one of {', '.join(known.values)}"
    return None


def _test_of(operation: OperationRecord) -> tuple[str, Diagnostic, Mapping[str, Json]]:
    name, inputs = str(operation.arguments["test"]), operation.arguments.get("inputs", {})
    assert isinstance(inputs, dict)
    return name, DIAGNOSTICS[name], inputs


def _start(operation: OperationRecord, context: PlanContext) -> Plan:
    name, test, inputs = _test_of(operation)
    return StartPlan(name, test, context.root, inputs, operation.command_key)


def _collect(operation: OperationRecord, context: PlanContext) -> Plan:
    _, test, inputs = _test_of(operation)
    return CollectPlan(test, context.root, inputs)


def _stop(operation: OperationRecord, context: PlanContext) -> Plan:
    name, test, inputs = _test_of(operation)
    return StopPlan(operation.id, name, test, context.root, inputs, operation.command_key)


def _why_not_stop(operation: OperationRecord, root: str, lacking: frozenset[str]) -> str | None:
    name, test, _ = _test_of(operation)
    if root not in test.cancel_roots:
        return f"the data model {root.rstrip('.')} has no way to break this test off"
    if feature_of(name) in lacking:
        return "this model cannot break this test off: it was asked before"
    return None


def _lasts_s(arguments: Mapping[str, Json]) -> float:
    inputs = arguments.get("inputs", {})
    assert isinstance(inputs, dict)
    return DIAGNOSTICS[str(arguments["test"])].duration_s(inputs) + PATIENCE_S


def _feature(operation: OperationRecord) -> str:
    return feature(str(operation.arguments["test"]))


KINDS = (
    Kind(
        "diagnose", _check, _start, Ending.RESULTS, "SetParameterValues", Diagnose,
        collect=_collect, stop=_stop, why_not_stop=_why_not_stop, lasts_s=_lasts_s, feature=_feature,
    ),
)  # fmt: skip
