"""Events of our interfaces (service tests, service problems, alarms) as hubs send them, and who hears which. Pure.

The rule of this file: a listener's query filters by the type of the event and by members of the thing that it tells of.

Source: the event structures of TMF653 v4.2.0, TMF656 v4.0.0 and TMF642 v4.0.0 (`timeOcurred` is spelled so there);
queries as in TMF630: `eventType=A,B&field=value`.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl

from acs.errors import InvalidInput
from acs.services.tmf.instants import stamp
from acs.services.tmf.selection import matches


class Interface(StrEnum):
    """An interface with a hub."""

    #: TMF653
    SERVICE_TEST = "serviceTest"
    #: TMF656
    SERVICE_PROBLEM = "serviceProblem"
    #: TMF642
    ALARM = "alarm"


#: interface → the events that it sends
EVENT_TYPES: Mapping[Interface, tuple[str, ...]] = {
    Interface.SERVICE_TEST: ("ServiceTestCreateEvent", "ServiceTestStateChangeEvent"),
    Interface.SERVICE_PROBLEM: (
        "ServiceProblemCreateEvent",
        "ServiceProblemStateChangeEvent",
        "ServiceProblemAttributeValueChangeEvent",
    ),
    Interface.ALARM: ("AlarmCreateEvent", "AlarmStateChangeEvent"),
}


def notice(
    interface: Interface, event_type: str, event_id: str, thing: Mapping[str, Any], at: datetime
) -> dict[str, Any]:
    """The body of an event about a thing, which is a whole payload of its interface."""
    told = {"eventId": event_id, "eventType": event_type, "eventTime": stamp(at), "timeOcurred": stamp(at)}
    title = str(thing.get("name") or thing.get("specificProblem") or thing.get("id"))
    return {**told, "domain": interface.value, "title": title, "event": {interface.value: dict(thing)}}


def is_wanted(query: str, event_type: str, thing: Mapping[str, Any]) -> bool:
    """Whether a listener with this query hears of an event."""
    types, filters = _parsed(query)
    return (not types or event_type in types) and matches(thing, filters)


def check_query(query: str, interface: Interface) -> None:
    """Refuse a query that names an event which the interface does not send.

    Raises:
        InvalidInput: it says which there are.
    """
    types, _ = _parsed(query)
    unknown = sorted(set(types) - set(EVENT_TYPES[interface]))
    if unknown:
        known = ", ".join(EVENT_TYPES[interface])
        raise InvalidInput(f"query: no event here is called {unknown[0][:80]!r}; there are {known}")


def _parsed(query: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The types of events, and the filters on the thing: `event.serviceTest.state=…` and `state=…` are the same."""
    pairs = parse_qsl(query.lstrip("?"), keep_blank_values=True, max_num_fields=20) if query else []
    types = [one for name, value in pairs if name == "eventType" for one in value.split(",") if one]
    prefixes = tuple(f"event.{one.value}." for one in Interface)
    filters = []
    for name, value in pairs:
        if name not in ("eventType", "fields"):
            prefix = next((one for one in prefixes if name.startswith(one)), "")
            filters.append((name.removeprefix(prefix), value))
    return types, filters
