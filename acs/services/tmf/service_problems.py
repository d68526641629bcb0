"""TMF656 Service Problem v4: mass outages as service problems. Pure.

    candidate acknowledged    confirmed inProgress    restored resolved    closed closed    dismissed cancelled

The rule of this file: an outage says how many lines are down and of how many; its lines are named as services only
where they are asked for.

Source: TMF656 v4.0.0. Required on creation: category, priority, description, reason, originatorParty.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from acs.services.tmf.instants import stamp, without_none
from acs.store.outages import OutageLine, OutageRecord, OutageTicket

#: where the interface is served
BASE = "/tmf-api/serviceProblemManagement/v4"

#: our states → ServiceProblemStateType
STATES: Mapping[str, str] = {
    "candidate": "acknowledged",
    "confirmed": "inProgress",
    "restored": "resolved",
    "closed": "closed",
    "dismissed": "cancelled",
}
#: lines down → priority, 1 is the highest; the first that is reached counts
_PRIORITIES = ((500, 1), (100, 2), (30, 3), (10, 4))
_LEAST_PRIORITY = 5


def service_problem(
    outage: OutageRecord,
    base: str,
    system: str,
    lines: Sequence[OutageLine] = (),
    tickets: Sequence[OutageTicket] = (),
) -> dict[str, Any]:
    """An outage as a TMF656 ServiceProblem. `system` is what we are called; without `base` there are no addresses."""
    ended = outage.restored_at or outage.closed_at
    text = outage.detail or f"{outage.hit} of {outage.members} lines down at {outage.level} {outage.scope}"
    return without_none(
        {
            "id": outage.id,
            "href": f"{base}{BASE}/serviceProblem/{outage.id}" if base else None,
            "name": f"{outage.kind} outage at {outage.level} {outage.scope}",
            "category": "system.originated",
            "priority": priority(outage.hit),
            "description": text,
            "reason": outage.kind,
            "originatingSystem": system,
            "originatorParty": {"id": system, "role": "system", "@referredType": "System"},
            "affectedNumberOfServices": outage.hit,
            "affectedResource": [{"id": outage.scope, "name": outage.level, "@referredType": "Resource"}],
            "rootCauseResource": [{"id": outage.scope, "name": outage.level, "@referredType": "Resource"}],
            "affectedService": [{"id": one.line, "@referredType": "Line"} for one in lines] or None,
            "troubleTicket": [{"id": one.ticket, "@referredType": "TroubleTicket"} for one in tickets] or None,
            "impactImportanceFactor": str(impact(outage)),
            "status": STATES[outage.state],
            "statusChangeDate": stamp(outage.changed_at),
            "statusChangeReason": outage.note or None,
            "creationDate": stamp(outage.opened_at),
            "lastUpdate": stamp(outage.changed_at),
            "resolutionDate": stamp(ended) if ended is not None else None,
            "characteristic": _characteristics(outage),
            "@type": "ServiceProblem",
        }
    )


def priority(hit: int) -> int:
    """How important it is to mend it, 1 (highest) to 10, by the number of lines that are down."""
    return next((one for least, one in _PRIORITIES if hit >= least), _LEAST_PRIORITY)


def impact(outage: OutageRecord) -> int:
    """The share of the scope's lines that are down, 0 to 100."""
    return min(100, round(100 * outage.hit / max(1, outage.members)))


def severity(hit: int) -> str:
    """The severity of a trouble ticket for so many lines."""
    return "Critical" if priority(hit) <= 2 else "Major"


def _characteristics(outage: OutageRecord) -> list[dict[str, Any]]:
    told: dict[str, Any] = {
        "k": outage.hit,
        "n": outage.members,
        "level": outage.level,
        "node": outage.node,
        "witness": outage.witness,
        "since": stamp(outage.since),
        "dgShare": outage.gasp_share,
    }
    return [{"name": name, "value": value} for name, value in told.items() if value is not None]
