"""TMF653 Service Test Management v4: line tests as service tests, their facts as measures, depths as specifications.
Pure.

The rule of this file: a fact is a measure with the instant at which it was measured; what was not measured is named
in the characteristic `notMeasured` and never given a value.

Source: TMF653 v4.2.0. There is no member for a verdict: it stands in characteristics by the names below.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from acs.services.tmf.instants import stamp, without_none
from acs.store.records import LineTestRecord, LineTestState
from probes.facts import FACTS, FactKind
from probes.linetest.depths import FULL, QUICK, SELF_SERVICE

#: where the interface is served
BASE = "/tmf-api/serviceTestManagement/v4"

#: our states → those that TMF653 recommends
STATES: Mapping[LineTestState, str] = {
    LineTestState.RUNNING: "inProgress",
    LineTestState.DONE: "completed",
    LineTestState.FAILED: "failed",
}
#: for so long after its end a test says how the line is
VALID = timedelta(minutes=30)

#: depth → (name, description) of its specification
_DEPTHS: Mapping[str, tuple[str, str]] = {
    QUICK: ("Quick line test", "What is stored and the access node; seconds"),
    SELF_SERVICE: ("Subscriber's check", "Nothing that interrupts the service"),
    "normal": ("Line test", "Access node, CPE, ping and the operator's other systems"),
    FULL: ("Full line test", "As a line test, with more time for slow CPEs"),
}
_VALUE_TYPES: Mapping[FactKind, str] = {
    FactKind.NUMBER: "number",
    FactKind.COUNT: "integer",
    FactKind.FLAG: "boolean",
    FactKind.INSTANT: "dateTime",
}
#: qualities of facts that have a value
_MEASURED = ("ok", "stale")


def service_test(test: LineTestRecord, base: str, *, background: bool = False) -> dict[str, Any]:
    """A line test as a TMF653 ServiceTest. `base`: scheme and host that addresses begin with; empty: no addresses.

    `background`: nobody asked for it.
    """
    verdict = test.verdict if isinstance(test.verdict, dict) else {}
    title = _english(verdict.get("title"))
    ended = test.finished_at
    return without_none(
        {
            "id": test.id,
            "href": f"{base}{BASE}/serviceTest/{test.id}" if base else None,
            "name": f"Line test of {test.line}",
            "description": title or test.detail or None,
            "mode": "PROACTIVE" if background else "ONDEMAND",
            "state": STATES[test.state],
            "startDateTime": stamp(test.created_at),
            "endDateTime": stamp(ended) if ended is not None else None,
            "relatedService": without_none({"id": test.line, "name": test.service, "@referredType": "Line"}),
            "testSpecification": without_none({"id": test.depth, "version": _pack_version(verdict)}),
            "validFor": _valid_for(ended) if test.state is LineTestState.DONE else None,
            "characteristic": _characteristics(test, verdict),
            "testMeasure": _measures(test, verdict) or None,
            "@type": "ServiceTest",
        }
    )


def specifications(version: str, changed_at: datetime | None, base: str) -> list[dict[str, Any]]:
    """Every depth of a line test as a TMF653 ServiceTestSpecification; `version` is that of the deciding pack."""
    measures = [_definition(name) for name in sorted(FACTS)]
    return [
        without_none(
            {
                "id": depth,
                "href": f"{base}{BASE}/serviceTestSpecification/{depth}" if base else None,
                "name": name,
                "description": text,
                "isBundle": False,
                "lifecycleStatus": "active",
                "version": version,
                "lastUpdate": stamp(changed_at) if changed_at is not None else None,
                "testMeasureDefinition": measures,
                "@type": "ServiceTestSpecification",
            }
        )
        for depth, (name, text) in _DEPTHS.items()
    ]


def _characteristics(test: LineTestRecord, verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    pack = verdict.get("pack")
    told: dict[str, Any] = {"ticketId": test.ticket, "depth": test.depth, "detail": test.detail or None}
    told |= {name: verdict.get(name) for name in ("verdict", "cause", "location", "action", "queue")}
    told |= {
        "confidence": verdict.get("posterior"),
        "needsHuman": verdict.get("needs_human"),
        "rulePack": f"{pack.get('version')}+{pack.get('hash')}" if isinstance(pack, dict) else None,
        "notMeasured": verdict.get("not_measured"),
        "text": _english(verdict.get("text")) or None,
    }
    return [_characteristic(name, value) for name, value in told.items() if value is not None]


def _characteristic(name: str, value: Any) -> dict[str, Any]:
    return {"name": name, "valueType": _type_of(value), "value": value}


def _type_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case list():
            return "array"
        case _:
            return "string"


def _measures(test: LineTestRecord, verdict: Mapping[str, Any]) -> list[dict[str, Any]]:
    facts = test.facts if isinstance(test.facts, dict) else {}
    listed = facts.get("facts")
    against = _evidence_by_fact(verdict)
    found = []
    for fact in listed if isinstance(listed, list) else []:
        if isinstance(fact, dict) and fact.get("quality") in _MEASURED and fact.get("value") is not None:
            found.append(_measure(fact, against.get(str(fact.get("name")), []), str(verdict.get("cause", ""))))
    return found


def _measure(fact: Mapping[str, Any], against: list[Mapping[str, Any]], cause: str) -> dict[str, Any]:
    name = str(fact["name"])
    spec = FACTS.get(name)
    value = fact["value"]
    return without_none(
        {
            "metricName": name,
            "metricDescription": spec.title.get("en") if spec is not None else None,
            "unitOfMeasure": str(fact.get("unit") or "") or None,
            "captureMethod": " ".join(filter(None, (str(fact.get("source", "")), str(fact.get("method", ""))))),
            "captureDateTime": stamp(datetime.fromisoformat(str(fact["at"]))),
            "value": _characteristic("value", value),
            "ruleViolation": [_violation(one, cause) for one in against] or None,
        }
    )


def _violation(line: Mapping[str, Any], cause: str) -> dict[str, Any]:
    """A line of the sum that spoke for the cause: what a healthy line shows, and what it weighed."""
    points = float(line.get("points", 0))
    weighed = {"name": "evidence", "appliedAction": f"{cause}:{points:+.1f}dB", "repeatAction": False}
    return {"name": cause, "description": str(line.get("norm", "")), "appliedConsequence": [weighed]}


def _evidence_by_fact(verdict: Mapping[str, Any]) -> dict[str, list[Mapping[str, Any]]]:
    found: dict[str, list[Mapping[str, Any]]] = {}
    listed = verdict.get("evidence")
    for line in listed if isinstance(listed, list) else []:
        if isinstance(line, dict) and line.get("held") and float(line.get("points") or 0) > 0:
            found.setdefault(str(line.get("fact")), []).append(line)
    return found


def _definition(name: str) -> dict[str, Any]:
    spec = FACTS[name]
    unit = {"unitOfMeasure": spec.unit} if spec.unit else {}
    kind = _VALUE_TYPES.get(spec.kind, "string")
    return {"name": name, "metricName": name, "metricDescription": spec.title["en"], "valueType": kind, **unit}


def _valid_for(ended: datetime | None) -> dict[str, str] | None:
    if ended is None:
        return None
    return {"startDateTime": stamp(ended), "endDateTime": stamp(ended + VALID)}


def _pack_version(verdict: Mapping[str, Any]) -> str | None:
    pack = verdict.get("pack")
    return str(pack.get("version")) if isinstance(pack, dict) else None


def _english(text: Any) -> str:
    return str(text.get("en", "")) if isinstance(text, dict) else ""
