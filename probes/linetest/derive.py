"""What the engine itself works out from several facts: light against its class, the fall against the complaint.

The rule of this file: a derived value exists only when every fact behind it was measured; its name begins with "@".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from probes.facts import Facts, Scalar
from probes.linetest.outage import kmin


@dataclass(frozen=True, slots=True)
class Derived:
    """One derived value: the fact that stands for it in the evidence, and all facts that it needs."""

    base: str
    needs: tuple[str, ...]


#: derived name → what it is made of
DERIVED: Mapping[str, Derived] = {
    # dB above the receiver's sensitivity: negative is below it
    "@light_margin_db": Derived("ont.rx_dbm", ("ont.rx_dbm",)),
    # the same; an ONT of unknown class is taken for the most sensitive one, so that ignorance never convicts
    "@light_margin_best_db": Derived("ont.rx_dbm", ("ont.rx_dbm",)),
    # dB below the receiver's overload: negative is too much light
    "@light_headroom_db": Derived("ont.rx_dbm", ("ont.rx_dbm",)),
    # dB against the median of the siblings, at the ONT and at the OLT
    "@light_against_siblings_db": Derived("ont.rx_dbm", ("ont.rx_dbm", "sib.rx_median_dbm")),
    "@olt_light_against_siblings_db": Derived("ont.olt_rx_dbm", ("ont.olt_rx_dbm", "sib.olt_rx_median_dbm")),
    # offline now, or unread and three witnesses say so; and the last fall is not known to lie outside the window before
    # the complaint
    "@down_in_window": Derived("ont.last_down_at", ("ont.run_state",)),
    # offline as the OLT says, or, where its state was not read, as two other witnesses say and none denies
    "@down": Derived("ont.run_state", ("ont.run_state",)),
    # the same, of a model that is not known to fall silent without power
    "@los_speaks": Derived("ont.last_down_cause", ("ont.run_state",)),
    # more siblings fell with this line than chance explains
    "@fell_together": Derived("sib.others_down_window", ("sib.n", "sib.others_down_window")),
    # the subscriber's equipment was heard after the fall that the OLT reports
    "@heard_after_fall": Derived("cpe.reachable", ("ont.run_state", "cpe.reachable")),
    # it fell before the ticket and came back after it
    "@restored": Derived("ont.last_up_at", ("ont.last_up_at", "ticket.opened_at")),
}


@dataclass(frozen=True, slots=True)
class Limits:
    """Figures of the pack that derived values are held against."""

    sensitivity_dbm: Mapping[str, float]
    overload_dbm: Mapping[str, float]
    default_class: str
    best_class: str
    window_min: float
    alpha: float
    onset_per_day: float
    complaint_window_h: float


def derive(
    values: dict[str, Scalar],
    instants: Mapping[str, datetime],
    facts: Facts,
    now: datetime,
    limits: Limits,
) -> dict[str, Scalar]:
    """Return the derived values: `instants` are the INSTANT facts, `facts` tell when each was read."""
    return _light(values, limits) | _fall(values, instants, facts, now, limits) | _together(values, limits)


def _number(values: Mapping[str, Scalar], name: str) -> float | None:
    value = values.get(name)
    return None if value is None or isinstance(value, str) else float(value)


def _light(values: Mapping[str, Scalar], limits: Limits) -> dict[str, Scalar]:
    out: dict[str, Scalar] = {}
    known = values.get("ont.optical_class")
    worst = best = str(known)
    if known not in limits.sensitivity_dbm:
        worst, best = limits.default_class, limits.best_class
    rx, olt_rx = _number(values, "ont.rx_dbm"), _number(values, "ont.olt_rx_dbm")
    median, olt_median = _number(values, "sib.rx_median_dbm"), _number(values, "sib.olt_rx_median_dbm")
    if rx is not None:
        out["@light_margin_db"] = round(rx - limits.sensitivity_dbm[worst], 3)
        out["@light_margin_best_db"] = round(rx - limits.sensitivity_dbm[best], 3)
        out["@light_headroom_db"] = round(limits.overload_dbm[worst] - rx, 3)
        if median is not None:
            out["@light_against_siblings_db"] = round(rx - median, 3)
    if olt_rx is not None and olt_median is not None:
        out["@olt_light_against_siblings_db"] = round(olt_rx - olt_median, 3)
    return out


def _fall(
    values: Mapping[str, Scalar],
    instants: Mapping[str, datetime],
    facts: Facts,
    now: datetime,
    limits: Limits,
) -> dict[str, Scalar]:
    out: dict[str, Scalar] = {}
    state, fell_at, rose_at = (
        values.get("ont.run_state"),
        instants.get("ont.last_down_at"),
        instants.get("ont.last_up_at"),
    )
    opened_at = instants.get("ticket.opened_at")
    witnesses = _witnesses(values, fell_at, rose_at)
    if state is not None:
        out["@down"] = state == "offline"
    elif witnesses >= 2:
        # enough where the neighbours fell as well; to send somebody for this line alone all three must say so
        out["@down"] = True
    if state == "offline" or (state is None and witnesses >= 3):
        # the cause of the last fall is the cause of this one: the ONT has not come back since; only a time can deny it
        window = timedelta(hours=limits.complaint_window_h)
        in_time = fell_at is None or ((opened_at or now) - fell_at <= window and fell_at <= now)
        recent = in_time and not (fell_at is not None and rose_at is not None and rose_at > fell_at)
        out["@down_in_window"] = recent
        out["@los_speaks"] = recent and values.get("ont.gasp_supported") is not False
    elif state is not None:
        out["@down_in_window"] = out["@los_speaks"] = False
    if state == "offline" and values.get("cpe.reachable") is True:
        fallen = fell_at or facts["ont.run_state"].at
        out["@heard_after_fall"] = facts["cpe.reachable"].at - fallen > timedelta(seconds=60)
    if rose_at is not None and opened_at is not None:
        before = fell_at is None or fell_at <= opened_at
        out["@restored"] = state == "online" and before and opened_at <= rose_at <= now
    return out


def _witnesses(values: Mapping[str, Scalar], fell_at: datetime | None, rose_at: datetime | None) -> int:
    """How many of three say that the line is down, beside the OLT: session, contact, a fall without a rise; 0 where
    one of them denies it."""
    session, heard = values.get("bras.session"), values.get("cpe.reachable")
    if session == "up" or heard is True or (rose_at is not None and (fell_at is None or rose_at > fell_at)):
        return 0
    return sum((fell_at is not None, session == "none", heard is False))


def _together(values: Mapping[str, Scalar], limits: Limits) -> dict[str, Scalar]:
    n, fallen = _number(values, "sib.n"), _number(values, "sib.others_down_window")
    if n is None or fallen is None or n < 1:
        return {}
    least = kmin(min(int(n), 4096), limits.window_min, limits.alpha, limits.onset_per_day)
    return {"@fell_together": fallen >= least}
