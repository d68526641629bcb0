"""Is it one line or many? The binomial tail over the siblings of a line, and the sib.* facts from their states.

The rule of this file: counts are compared with chance, never with a fixed share.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from math import comb, exp
from statistics import median

from probes.facts import Fact, Scalar
from probes.linetest.mass_outage import log_tail

#: so many lines are summed one by one
_SUMMED = 256


@dataclass(frozen=True, slots=True)
class SiblingState:
    """One ONT of the same PON port as it was read now; None where it was not read.

    `gasps` tells whether the model sends a dying gasp; `last_down_cause` is the fact's enumeration (los, losi, dgi …).
    """

    ont: int
    up: bool | None
    last_down_at: datetime | None = None
    last_down_cause: str | None = None
    rx_dbm: float | None = None
    baseline_rx_dbm: float | None = None
    olt_rx_dbm: float | None = None
    gasps: bool | None = None
    splitter: str | None = None
    flaps_24h: int | None = None


@dataclass(frozen=True, slots=True)
class Baselines:
    """What is known from earlier readings: days behind the medians, None when nothing was stored."""

    days: float | None = None


@dataclass(frozen=True, slots=True)
class SiblingRules:
    """Limits of the counting; a pack's [outage] table holds the same figures."""

    dead_after_days: float = 7.0
    step_db: float = -2.0
    flaps_24h: int = 3
    explains: float = 0.8


def binomial_tail(n: int, k: int, p: float) -> float:
    """Return P(at least k of n) when each happens with chance p by itself."""
    if k <= 0:
        return 1.0
    if n > _SUMMED:  # their binomial coefficients are no floating-point numbers any more
        return exp(log_tail(n, k, p))
    return sum(comb(n, i) * p**i * (1.0 - p) ** (n - i) for i in range(k, n + 1))


@lru_cache(maxsize=4096)
def kmin(n: int, window_min: float, alpha: float, per_day: float) -> int:
    """Return the least count of *other* ONTs, of the n on the port with this one, that chance does not explain.

    Example: n = 32, 15 min, alpha 1e-4, 0.3 falls a day each → 4.
    """
    others = max(n - 1, 0)
    p = min(1.0, per_day * window_min / 1440.0)
    for k in range(1, others + 1):
        if binomial_tail(others, k, p) <= alpha:
            return k
    return others + 1


def sibling_facts(
    readings: Sequence[SiblingState],
    this_ont: int,
    *,
    now: datetime,
    window_s: float,
    baselines: Baselines | None = None,
    rules: SiblingRules = SiblingRules(),
    source: str = "olt",
) -> list[Fact]:
    """Return the sib.* facts of one ONT from the states of all ONTs of its port, itself included, in any order.

    Counted at the splitter when it is known, but at the port for an ONT that fell while less than 80 % of the port's
    falls are on its splitter: where others fell says nothing of one that lives. An ONT that is down without a fall
    time was never up, and one that is down for over `dead_after_days` is dead: neither counts. A fact that nothing was
    read for is left out.
    """
    alive = [state for state in readings if not _dead(state, now, rules)]
    this = next((state for state in alive if state.ont == this_ont), None)
    if this is None:
        this = next((state for state in readings if state.ont == this_ont), None)
        alive = [*alive, *([this] if this is not None else [])]
    fallen = [state for state in alive if state.ont != this_ont and _fell_with(state, this, now, window_s)]
    members, level = _level(alive, this, fallen, rules)
    others = [state for state in members if state.ont != this_ont]
    ours = [state for state in fallen if state in members]
    values: dict[str, Scalar | None] = {"sib.level": level}
    values |= _counts(members, ours, this) | _light(others, rules) | _spread(alive, fallen, this, level)
    flaps = [state.flaps_24h for state in others if state.flaps_24h is not None]
    values["sib.others_flapping"] = sum(count >= rules.flaps_24h for count in flaps) if flaps else None
    values["sib.baseline_days"] = baselines.days if baselines is not None else None
    return [Fact(name, value, now, source) for name, value in values.items() if value is not None]


def _dead(state: SiblingState, now: datetime, rules: SiblingRules) -> bool:
    if state.up is not False:
        return False
    return state.last_down_at is None or now - state.last_down_at > timedelta(days=rules.dead_after_days)


def _fell_with(state: SiblingState, this: SiblingState | None, now: datetime, window_s: float) -> bool:
    if state.up is not False or state.last_down_at is None:
        return False
    centre = this.last_down_at if this is not None and this.up is False and this.last_down_at is not None else now
    return abs((state.last_down_at - centre).total_seconds()) <= window_s


def _level(
    alive: list[SiblingState], this: SiblingState | None, fallen: list[SiblingState], rules: SiblingRules
) -> tuple[list[SiblingState], str]:
    if this is None or this.splitter is None:
        return alive, "pon"
    near = [state for state in alive if state.splitter == this.splitter]
    spread = sum(state in near for state in fallen) < rules.explains * len(fallen)
    if len(near) < 2 or (this.up is False and spread):
        return alive, "pon"
    return near, "splitter"


def _counts(
    members: list[SiblingState], fallen: list[SiblingState], this: SiblingState | None
) -> dict[str, Scalar | None]:
    known = [state for state in members if state.up is not None]
    if not known:
        return {}
    down = sum(state.up is False for state in known)
    timeless = this is not None and this.up is False and this.last_down_at is None
    falls = [*fallen, *([this] if this is not None and this.up is False else [])]
    causes = [state.last_down_cause for state in falls if state.gasps is not False and state.last_down_cause]
    return {
        "sib.n": len(known),
        "sib.up": len(known) - down,
        "sib.down_ratio": round(down / len(known), 3),
        "sib.others_down_window": None if timeless else len(fallen),
        "sib.dg_ratio": round(causes.count("dgi") / len(causes), 3) if causes else None,
    }


def _light(others: list[SiblingState], rules: SiblingRules) -> dict[str, Scalar | None]:
    light = [state.rx_dbm for state in others if state.rx_dbm is not None]
    upstream = [state.olt_rx_dbm for state in others if state.olt_rx_dbm is not None]
    steps = [
        state.rx_dbm - state.baseline_rx_dbm
        for state in others
        if state.rx_dbm is not None and state.baseline_rx_dbm is not None
    ]
    return {
        "sib.rx_median_dbm": round(median(light), 2) if light else None,
        "sib.olt_rx_median_dbm": round(median(upstream), 2) if upstream else None,
        "sib.rx_step_median_db": round(median(steps), 2) if steps else None,
        "sib.rx_delta_share": round(sum(step <= rules.step_db for step in steps) / len(steps), 3) if steps else None,
    }


def _spread(
    alive: list[SiblingState], fallen: list[SiblingState], this: SiblingState | None, level: str
) -> dict[str, Scalar | None]:
    """Return how many splitters the falls cross, and how the other splitters of the port fare."""
    falls = [*fallen, *([this] if this is not None and this.up is False else [])]
    if not alive or any(state.splitter is None for state in falls):
        return {}
    out: dict[str, Scalar | None] = {"sib.splitters_hit": len({state.splitter for state in falls})}
    if level == "splitter" and this is not None:
        rest = [state.up for state in alive if state.splitter not in (None, this.splitter) and state.up is not None]
        out["sib.pon_rest_up_ratio"] = round(rest.count(True) / len(rest), 3) if rest else None
    return out
