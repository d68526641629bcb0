"""Facts that follow from others: light against its own past, contact with a device, what the ticket says. Pure.

The rule of this file: a derived fact is as old as what it is derived from, and says so in its method.
"""

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from acs.profiles.schema import Optics
from acs.profiles.tree import optical_class_of
from acs.services.cases import LIGHT, REPEATED, Case, KnownDevice, instant_of
from acs.services.context import Baseline, baseline_of
from acs.services.gathering import SourceReport, SourceState, of_context
from acs.services.merging import is_stale
from probes.facts import FACTS, Fact, Scalar

#: by how much an Inform may be late, as a share of its interval, before it counts as missed
_LATE_SHARE = 1.2

#: (kind of operation, on a set-top box) → the action of the rules that it is
_ACTIONS = {
    ("reboot", False): "reboot_cpe",
    ("reboot", True): "reboot_stb",
    ("set", False): "push_settings",
    ("provision", False): "push_settings",
}
#: how facts come that another system goes on sending; what a subscriber said in a ticket is said once
_FED = ("handed in", "snapshot")
#: how sources begin that speak only when something happens, or in rounds: their silence is none
_OWN_EARS = ("trap ", "polling ")
#: dBm that optics write for "no reading": the floor of SFF-8472's scale, and a register that was never filled
_NO_LIGHT_DBM = (-40.0, 0.0)
#: sources that are our own probes
_OWN_PROBES = ("access", "ping")


def light_facts(case: Case, facts: Mapping[str, Fact], *, min_points: int = 3) -> list[Fact]:
    """The step of the light against the line's own 7-day median, now or, for a dark ONT, before it fell."""
    derived: list[Fact] = []
    now_light = facts.get(LIGHT)
    usual = baseline_of(case.own_light) if len(case.own_light) >= min_points else None
    if now_light is not None and usual is not None and _is_level(now_light.value):
        derived.append(_delta("ont.rx_delta_db", float(now_light.value or 0.0), usual, now_light.at))
    state = facts.get("ont.run_state")
    if state is None or state.value != "offline":
        return derived
    fell_at = instant_of(facts.get("ont.last_down_at")) or state.at
    before = [point for point in case.own_light if point[0] <= fell_at]
    if before:
        at, level = before[-1]
        derived.append(Fact("ont.last_rx_dbm", level, at, "history", "last reading before the fall"))
        usual = baseline_of(before)
        if usual is not None:
            derived.append(_delta("ont.last_rx_delta_db", level, usual, at))
    return derived


def line_facts(case: Case, *, optical_class: str) -> list[Fact]:
    """What the inventory and the ticket say, and the optical class: the model's where its profile knows it."""
    line, at = case.line, case.now
    said: dict[str, Scalar | None] = {
        "line.cable_length_m": line.cable_length_m,
        "ticket.service": case.test.service,
    }
    facts = [Fact(name, value, at, "inventory", "as stored") for name, value in said.items() if value is not None]
    if line.technology != "pon":
        return facts
    known = next((found for device in case.devices if (found := _optics_of(device)) is not None), None)
    if known is not None:
        return [*facts, Fact("ont.optical_class", known.optical_class, at, "profile", known.source)]
    return [*facts, Fact("ont.optical_class", optical_class, at, "inventory", "as stored")]


def _optics_of(device: KnownDevice) -> Optics | None:
    return None if device.profile is None else optical_class_of(device.profile, device.model_names)


def device_facts(device: KnownDevice, now: datetime) -> list[Fact]:
    """What follows from when the device came, whatever its tree says."""
    record = device.record
    age_s = max(0.0, (now - record.last_inform_at).total_seconds())
    if device.is_stb:
        return []
    return [
        Fact("cpe.inform_age_s", round(age_s), now, "cwmp", "last Inform"),
        Fact("cpe.boots_24h", device.boots_24h, now, "cwmp", "Informs with 1 BOOT"),
    ]


def contact_fact(
    device: KnownDevice, now: datetime, *, answered_at: datetime | None, call_failed: bool, fresh_contact_s: float
) -> Fact | None:
    """Whether the device can be reached: by an answer in this test, a call that failed, or its last Inform.

    A failed call says nothing where the device sits behind an address translation, or where it came on its own a
    moment ago. Without call or answer, its last Inform stands until the next one is overdue, or until the device was
    sent into a restart.
    """
    name = "stb.reachable" if device.is_stb else "cpe.reachable"
    record = device.record
    if answered_at is not None:
        return Fact(name, True, answered_at, "cwmp", "it answered in this test")
    age_s = (now - record.last_inform_at).total_seconds()
    if call_failed and not _behind_nat(device) and age_s > fresh_contact_s:
        return Fact(name, False, now, "cwmp", "connection request failed")
    if device.interval_s is not None and age_s > device.interval_s * _LATE_SHARE + fresh_contact_s:
        return None
    if device.sent_away_at is not None and record.last_inform_at < device.sent_away_at:
        return None
    return Fact(name, True, record.last_inform_at, "cwmp", "last Inform")


def contact_counts(told: Mapping[str, Fact], own_tickets_14d: int, now: datetime) -> list[Fact]:
    """`contacts_14d` from our own tickets where the ticket system does not say it, or said it too long ago, or less.

    Our own count is a lower bound: two or more are told, fewer prove nothing.
    """
    if "contacts_14d" in told or own_tickets_14d < REPEATED:
        return []
    return [Fact("contacts_14d", own_tickets_14d, now, "tickets", "own count: at least")]


def actions_tried(case: Case) -> list[Fact]:
    """`actions.tried`: what was done on the line's devices for this ticket, or rebooted since it was opened."""
    ticket = case.test.ticket
    if ticket is None:
        return []
    opened_at = case.complained_at
    told = case.told_by_name.get("actions.tried")
    names = [told.value] if told is not None and isinstance(told.value, str) else []
    at = told.at if told is not None else None
    for device in case.devices:
        for operation in device.done:
            since = opened_at is not None and operation.created_at >= opened_at and operation.kind == "reboot"
            action = _ACTIONS.get((operation.kind, device.is_stb))
            if action is None or not (since or operation.ticket == ticket):
                continue
            names.append(action)
            done_at = operation.finished_at or operation.created_at
            at = done_at if at is None else max(at, done_at)
    text = ",".join(dict.fromkeys(names))
    return [] if at is None else [Fact("actions.tried", text, at, "operations", "done for this ticket")]


def sources_down(reports: Sequence[SourceReport], told: Sequence[Fact], now: datetime) -> int:
    """How many of our own data sources gave no answer: probes that failed, and systems all of whose facts are stale.

    A CPE that does not answer is not counted: that is about the CPE.
    """
    unanswered = (SourceState.FAILED, SourceState.LATE)
    failed = sum(report.state in unanswered and report.name in _OWN_PROBES for report in reports)
    ageing = [
        fact
        for fact in told
        if fact.method in _FED
        and fact.name in FACTS
        and FACTS[fact.name].max_age_s is not None
        and not fact.source.startswith(_OWN_EARS)
    ]
    silent = {fact.source for fact in ageing} - {fact.source for fact in ageing if not is_stale(fact, now)}
    down = {report.name.removeprefix("context:") for report in reports if of_context(report)}
    return failed + len(silent | down)


def usable_text(facts: Mapping[str, Fact], name: str, now: datetime) -> str:
    """The text of a fact that is not stale; empty where there is none."""
    fact = facts.get(name)
    return fact.value if fact is not None and isinstance(fact.value, str) and not is_stale(fact, now) else ""


def _delta(name: str, level: float, usual: Baseline, at: datetime) -> Fact:
    method = f"against the median {usual.median:.1f} dBm of {usual.days:.1f} days"
    return Fact(name, round(level - usual.median, 2), at, "history", method)


def _is_level(value: Scalar | None) -> bool:
    """A level of light that was measured; what optics write where they see none is no step of the light."""
    return isinstance(value, int | float) and not isinstance(value, bool) and value not in _NO_LIGHT_DBM


def _behind_nat(device: KnownDevice) -> bool:
    """The device names a private address for calls, but its Informs come from another one."""
    host = urlsplit(device.record.connection_request_url).hostname or ""
    try:
        named, seen = ipaddress.ip_address(host), ipaddress.ip_address(device.record.address)
    except ValueError:
        return False
    return named.is_private and named != seen
