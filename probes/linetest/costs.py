"""What a decision costs when another one was right: the prices of `[engine]`, in the operator's own money.

The right decision costs nothing here: what counts is the money and the days that a wrong one adds. The bench, the
comparison of packs and the choice of the next probe use the same table. Pure.
"""

from dataclasses import dataclass
from functools import lru_cache

from probes.linetest.form import EngineSettings
from probes.linetest.model import VerdictKind

_MASS = (VerdictKind.ATTACH_OUTAGE, VerdictKind.OPEN_OUTAGE, VerdictKind.ESCALATE_CORE)
_VISITS = (VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE)
_HERE = (VerdictKind.REMOTE_FIX, VerdictKind.GUIDE_CUSTOMER)
_OPEN = (VerdictKind.INCONCLUSIVE, VerdictKind.MONITOR_24H)


@dataclass(frozen=True, slots=True)
class Money:
    """Prices of a site, any currency: a visit, a line crew, a day lost, an engineer's look, a repeat, a false alarm."""

    visit_home: float
    visit_line: float
    day_lost: float
    look: float
    repeat: float
    noc: float


def money_of(engine: EngineSettings, *, business: bool = False) -> Money:
    """Return the prices of a pack; a business line loses more in a day."""
    day = engine.cost_day_lost_business if business else engine.cost_day_lost
    return Money(
        engine.cost_visit_home, engine.cost_visit_line, day, engine.cost_look, engine.cost_repeat, engine.cost_noc
    )


@lru_cache(maxsize=4096)
def excess(said: VerdictKind, truth: VerdictKind, money: Money, *, same_cause: bool = False) -> float:
    """Return what saying `said` costs more than saying the truth. `same_cause`: the cause was right as well."""
    if said is VerdictKind.INCONCLUSIVE:
        return money.look if truth is not VerdictKind.INCONCLUSIVE else 0.0
    if said is truth:
        return 0.0 if same_cause else _same_kind(said, money)
    if said in _MASS and truth in _MASS:
        return money.look
    return _spent(said, truth, money) + _lost(said, truth, money)


def visit_needed(truth: VerdictKind) -> bool:
    """Whether somebody must go there."""
    return truth in _VISITS


def handling(said: VerdictKind, money: Money) -> float:
    """Return what carrying out a verdict costs, right or wrong: for comparing what two packs would spend."""
    prices = {
        VerdictKind.DISPATCH_HOME: money.visit_home,
        VerdictKind.DISPATCH_LINE: money.visit_line,
        VerdictKind.INCONCLUSIVE: money.look,
        VerdictKind.NFF: 0.0,
    }
    return prices.get(said, money.look if said not in _MASS else 0.0)


def _same_kind(said: VerdictKind, money: Money) -> float:
    """The right people with the wrong cause: a visit may lack the part, a script is read for nothing."""
    if said is VerdictKind.DISPATCH_HOME:
        return 0.25 * money.visit_home
    if said is VerdictKind.DISPATCH_LINE:
        return 0.25 * money.visit_line
    return money.look if said in _HERE else 0.0


def _spent(said: VerdictKind, truth: VerdictKind, money: Money) -> float:
    """What was done for nothing."""
    if said is VerdictKind.DISPATCH_LINE:
        return money.visit_line
    if said is VerdictKind.DISPATCH_HOME:
        return money.visit_home
    if said in _MASS:
        return money.noc
    return 0.0 if said is VerdictKind.NFF else money.look


def _lost(said: VerdictKind, truth: VerdictKind, money: Money) -> float:
    """What was not done although it was needed."""
    if truth in (VerdictKind.NFF, *_OPEN):
        return 0.0
    if said is VerdictKind.NFF:
        return money.repeat + (money.day_lost if truth in _VISITS else 0.0)
    if truth in _VISITS:
        return money.day_lost if said not in _VISITS else 0.5 * money.day_lost
    return money.repeat
