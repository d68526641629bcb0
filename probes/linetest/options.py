"""What may be done, cheapest first: the expected cost of every action that the leading causes ask for.

Trying from here costs its price, and the visit where it does not help: with 60 against 2,500 it pays from a chance of
2.4 % on. A visit pays when P(visit) > C/(C+L), a line crew first only when P(line) > C_line/(C_line+C_home).
The rule of this file: it orders and gives reasons; the verdict stands.
"""

from collections.abc import Sequence

from probes.linetest.costs import Money, money_of
from probes.linetest.model import Step, VerdictKind
from probes.linetest.pack import Pack
from probes.linetest.postgates import often, tried, unsafe
from probes.linetest.scorecard import Scored
from probes.linetest.view import View

#: causes with less belief bring no action of their own
_LEAST = 0.02
_LEADING = 5


def steps(pack: Pack, ranked: Sequence[Scored], view: View) -> tuple[Step, ...]:
    """Return the actions in order of expected cost; those that may not be done come last."""
    money = money_of(pack.file.engine, business=view.values.get("account.business") is True)
    chances: dict[tuple[VerdictKind, str], float] = {}
    for item in ranked[:_LEADING]:
        cause = item.card.cause
        if item.posterior < _LEAST or cause.verdict in (VerdictKind.NFF, VerdictKind.INCONCLUSIVE):
            continue
        key = (cause.verdict, cause.action)
        chances[key] = chances.get(key, 0.0) + item.posterior
    found = [_step(pack, verdict, action, belief, money, view) for (verdict, action), belief in chances.items()]
    return tuple(sorted(found, key=lambda one: (bool(one.refused), one.expected, one.verdict.value, one.action)))


def priority(pack: Pack, view: View) -> str:
    """Return high for a subscriber who comes again and again, or was visited lately; else normal."""
    visits = view.values.get("visits_30d", 0)
    visited = isinstance(visits, int | float) and visits >= 1
    return "high" if visited or often(pack, view) else "normal"


def _step(pack: Pack, verdict: VerdictKind, action: str, belief: float, money: Money, view: View) -> Step:
    rule = pack.file.action.get(action)
    after = money.visit_home
    if verdict is VerdictKind.DISPATCH_HOME:
        cost, chance, after = money.visit_home, belief, money.visit_line
    elif verdict is VerdictKind.DISPATCH_LINE:
        cost, chance = money.visit_line, belief
    elif verdict is VerdictKind.REMOTE_FIX and rule is not None:
        cost, chance = rule.cost, belief * rule.p_fix
    elif verdict in (VerdictKind.ATTACH_OUTAGE, VerdictKind.OPEN_OUTAGE, VerdictKind.ESCALATE_CORE):
        cost, chance = money.look, belief
    else:
        cost, chance = money.look, belief * 0.5
    expected = cost + (1.0 - chance) * after
    return Step(verdict, action, round(chance, 4), cost, round(expected, 1), _refused(pack, verdict, action, view))


def _refused(pack: Pack, verdict: VerdictKind, action: str, view: View) -> tuple[str, ...]:
    if verdict is not VerdictKind.REMOTE_FIX:
        return ("action_already_tried",) if tried(action, view) else ()
    reasons = unsafe(pack, action, view)
    if tried(action, view):
        reasons.append("action_already_tried")
    if often(pack, view):
        reasons.append("repeated_contacts")
    return tuple(reasons)
