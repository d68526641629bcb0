"""TMF642 Alarm v4: what access nodes tell and what we notice ourselves, as alarms. Pure.

The rule of this file: the official definition has whole numbers as ids. An alarm of an access node keeps its number;
one of ours is known by the microsecond in which it was made, which is the first half of its own id (`externalAlarmId`).

Source: TMF642 v4.0.0; categories, severities and causes of X.733.
"""

from collections.abc import Mapping
from typing import Any

from acs.services.alarms import MANAGEMENT_LOST, PRECISION
from acs.services.tmf.instants import stamp, without_none
from acs.services.translation import translated
from acs.store.access import AccessAlarm
from acs.store.alarms import AlarmRecord
from probes.traps import AlarmKind

#: where the interface is served
BASE = "/tmf-api/alarm/v4"

#: numbers of access nodes' alarms are below it, the microseconds of ours above it
_FIRST_MICROSECOND = 2**48
#: hexadecimal digits of an id of ours that are its microsecond
_DIGITS = 14

_COMMUNICATIONS, _EQUIPMENT, _QUALITY, _SECURITY = (
    "Communications Alarm",
    "Equipment Alarm",
    "Quality of Service Alarm",
    "Security Service or Mechanism Violation",
)

#: kind → category, severity, probable cause of X.733
_KINDS: Mapping[str, tuple[str, str, str]] = {
    AlarmKind.ONT_LOS: (_COMMUNICATIONS, "major", "lossOfSignal"),
    AlarmKind.ONT_DYING_GASP: (_EQUIPMENT, "minor", "powerProblem"),
    AlarmKind.ONT_DOWN: (_COMMUNICATIONS, "major", "communicationsSubsystemFailure"),
    AlarmKind.ONT_UP: (_COMMUNICATIONS, "cleared", "communicationsSubsystemFailure"),
    AlarmKind.ONT_UNKNOWN: (_SECURITY, "warning", "configurationOrCustomizationError"),
    AlarmKind.PON_LOS: (_COMMUNICATIONS, "critical", "lossOfSignal"),
    AlarmKind.PON_UP: (_COMMUNICATIONS, "cleared", "lossOfSignal"),
    AlarmKind.LINK_DOWN: (_COMMUNICATIONS, "major", "communicationsSubsystemFailure"),
    AlarmKind.LINK_UP: (_COMMUNICATIONS, "cleared", "communicationsSubsystemFailure"),
    AlarmKind.PEER_DYING_GASP: (_EQUIPMENT, "minor", "powerProblem"),
    AlarmKind.COLD_START: (_EQUIPMENT, "warning", "equipmentMalfunction"),
    AlarmKind.WARM_START: (_EQUIPMENT, "warning", "equipmentMalfunction"),
    AlarmKind.AUTH_FAILURE: (_SECURITY, "warning", "authenticationFailure"),
    AlarmKind.OTHER: (_EQUIPMENT, "indeterminate", "indeterminate"),
}
#: what we notice ourselves is about who devices are, but for
_OURS = (_SECURITY, "warning", "authenticationFailure")
_OTHERS_OF_OURS: Mapping[str, tuple[str, str, str]] = {
    MANAGEMENT_LOST: (_COMMUNICATIONS, "critical", "communicationsSubsystemFailure"),
    PRECISION: (_QUALITY, "minor", "thresholdCrossed"),
}


def alarm_of(alarm: AlarmRecord, base: str, system: str, language: str = "en") -> dict[str, Any]:
    """One of our own alarms as a TMF642 Alarm; `language` is that of its details."""
    category, severity, cause = _OTHERS_OF_OURS.get(alarm.kind, _OURS)
    subject_type, _, subject = alarm.subject.partition(":")
    number = number_of(alarm.id)
    return without_none(
        {
            "id": number,
            "href": f"{base}{BASE}/alarm/{number}" if base else None,
            "externalAlarmId": alarm.id,
            "alarmType": category,
            "perceivedSeverity": severity if alarm.cleared_at is None else "cleared",
            "probableCause": cause,
            "specificProblem": alarm.kind,
            "alarmDetails": "; ".join(translated(one, language) for one in (_seen(alarm), *_told(alarm.detail))),
            "alarmedObject": {"id": subject or alarm.subject},
            "alarmedObjectType": subject_type,
            "sourceSystemId": system,
            "reportingSystemId": system,
            "state": "raised" if alarm.cleared_at is None else "cleared",
            "ackState": "unacknowledged",
            "alarmRaisedTime": stamp(alarm.raised_at),
            "alarmReportingTime": stamp(alarm.raised_at),
            "alarmChangedTime": stamp(alarm.cleared_at or alarm.last_at),
            "alarmClearedTime": stamp(alarm.cleared_at) if alarm.cleared_at is not None else None,
            "clearUserId": alarm.cleared_by,
            "@type": "Alarm",
        }
    )


def alarm_of_node(alarm: AccessAlarm, base: str, system: str, language: str = "en") -> dict[str, Any]:
    """What an access node told as a TMF642 Alarm; the end of a trouble is an alarm of severity cleared.

    `language` is that of how often it was seen; what the node told stays in its own words.
    """
    category, severity, cause = _KINDS.get(alarm.kind, _KINDS[AlarmKind.OTHER])
    place = f"{alarm.node} {alarm.place}".strip()
    return without_none(
        {
            "id": alarm.id,
            "href": f"{base}{BASE}/alarm/{alarm.id}" if base else None,
            "externalAlarmId": f"{alarm.node}/{alarm.id}",
            "alarmType": category,
            "perceivedSeverity": severity,
            "probableCause": cause,
            "specificProblem": alarm.kind,
            "alarmDetails": "; ".join(filter(None, (translated(_seen(alarm), language), alarm.detail))),
            "alarmedObject": {"id": place},
            "alarmedObjectType": "AccessNode" if not alarm.place else "AccessPort",
            "affectedService": [{"id": alarm.line}] if alarm.line is not None else None,
            "serviceAffecting": True if alarm.line is not None and severity != "cleared" else None,
            "sourceSystemId": alarm.node,
            "reportingSystemId": system,
            "state": "cleared" if alarm.clears else "raised",
            "ackState": "unacknowledged",
            "alarmRaisedTime": stamp(alarm.at),
            "alarmReportingTime": stamp(alarm.at),
            "alarmChangedTime": stamp(alarm.last_at),
            "alarmClearedTime": stamp(alarm.at) if alarm.clears else None,
            "@type": "Alarm",
        }
    )


def number_of(id_: str) -> int:
    """The number of one of our own alarms."""
    return int(id_[:_DIGITS], 16)


def id_prefix(number: int) -> str | None:
    """What the id of an alarm of ours with this number begins with; None: it is an access node's."""
    return None if number < _FIRST_MICROSECOND else f"{number:0{_DIGITS}x}"


def _seen(alarm: AlarmRecord | AccessAlarm) -> str:
    return f"seen {alarm.count} times"


def _told(detail: Mapping[str, Any]) -> list[str]:
    """What an alarm of ours says, part by part."""
    return [_part(name, detail[name]) for name in sorted(detail) if detail[name] is not None]


def _part(name: str, value: Any) -> str:
    shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    match name:
        case "address":
            return f"address: {shown}"
        case "addresses":
            return f"addresses: {shown}"
        case "since":
            return f"since: {shown}"
        case "devices":
            return f"devices: {shown}"
        case "urls":
            return f"addresses of management: {shown}"
        case "why" | "ended":
            return shown
        case _:
            return f"{name}: {shown}"
