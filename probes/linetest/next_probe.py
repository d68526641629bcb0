"""Which missing fact to measure next: the one that is expected to save most money per second of probing.

The rule of this file: two points per fact, "met" and "not met", weighed by what is believed now; what is saved is the
expected cost of the best decision before and after. Asking the subscriber is a probe like any other and has its price.
"""

from collections.abc import Container, Iterable, Sequence
from operator import mul

from probes.linetest.costs import Money, excess, money_of
from probes.linetest.model import VerdictKind
from probes.linetest.pack import Pack
from probes.linetest.scorecard import Scored
from probes.linetest.view import View

#: only so many of the likeliest causes choose the probe
_LEADING = 4
#: cards that name no fault: what they lack is asked for by coverage
_NO_FAULT = ("nff", "other")

#: a decision against each of the leading causes: what it costs where that one is the truth
Prices = tuple[tuple[float, ...], ...]


def next_probe(
    pack: Pack,
    ranked: Sequence[Scored],
    view: View,
    wanted: Iterable[str] = (),
    obtainable: Container[str] | None = None,
    barred: Container[str] = (),
) -> str | None:
    """Return the name of the fact to measure next, None when nothing that is missing could change the decision.

    `wanted` are facts without which a rule forbids the likeliest cause (coverage, siblings): they come first.
    `obtainable` are those that can be had where this is judged: they come before all others; None: nobody knows.
    `barred` are facts that may not be measured in this test. Without causes (`ranked` is empty) it is the quickest one
    that is wanted.
    """
    leading = ranked[:_LEADING]
    lacking = sorted((_seconds(pack, fact), fact) for fact in wanted if fact not in view.values and fact not in barred)
    first = [fact for _, fact in lacking]
    if not leading:
        had = [fact for fact in first if obtainable is not None and fact in obtainable]
        return next(iter(had or first), None)
    asks = {fact for item in leading if item.card.id not in _NO_FAULT for fact in item.card.asks}
    then = sorted(fact for fact in asks if fact not in view.values and fact not in barred)
    prices = _prices(leading, money_of(pack.file.engine, business=view.values.get("account.business") is True))
    if obtainable is not None:
        for facts in (first, then):
            found = _most_telling(pack, leading, prices, [fact for fact in facts if fact in obtainable])
            if found is not None:
                return found
    return _most_telling(pack, leading, prices, first or then) or (first[0] if first else None)


def _prices(leading: Sequence[Scored], money: Money) -> Prices:
    """Every decision that the leading causes stand for, and leaving it open, against each of them."""
    verdicts = [item.card.cause.verdict for item in leading]
    rows = [
        tuple(excess(said, truth, money, same_cause=n == m) for m, truth in enumerate(verdicts))
        for n, said in enumerate(verdicts)
        if said is not VerdictKind.INCONCLUSIVE
    ]
    return (*rows, tuple(excess(VerdictKind.INCONCLUSIVE, truth, money) for truth in verdicts))


def _most_telling(pack: Pack, leading: Sequence[Scored], prices: Prices, facts: Iterable[str]) -> str | None:
    beliefs = [item.posterior for item in leading]
    now = _least(prices, beliefs) / sum(beliefs)
    best, found = 0.0, None
    for fact in sorted(facts):
        gain = _gain(leading, prices, beliefs, now, fact) / _seconds(pack, fact)
        if gain >= best and gain > 1e-9:
            best, found = gain, fact
    return found


def _seconds(pack: Pack, fact: str) -> float:
    rule = pack.file.facts.get(fact)
    return rule.probe_s if rule is not None and rule.probe_s else pack.file.engine.default_probe_s


def _least(prices: Prices, beliefs: Sequence[float]) -> float:
    """The cost of the cheapest decision under these beliefs."""
    return min([float(sum(map(mul, row, beliefs))) for row in prices])


def _gain(leading: Sequence[Scored], prices: Prices, beliefs: Sequence[float], now: float, fact: str) -> float:
    """Return the money that knowing the fact is expected to save, with a hair for doubt that costs nothing yet."""
    met, unmet = [], []
    for item, belief in zip(leading, beliefs, strict=True):
        yes, no = item.card.asks.get(fact, (1.0, 1.0))
        met.append(belief * yes)
        unmet.append(belief * no)
    sum_met, sum_unmet = sum(met), sum(unmet)
    share = sum_met / (sum_met + sum_unmet)
    after = share * _least(prices, met) / sum_met + (1.0 - share) * _least(prices, unmet) / sum_unmet
    clearer = share * max(met) / sum_met + (1.0 - share) * max(unmet) / sum_unmet - max(beliefs) / sum(beliefs)
    return max(0.0, now - after) + 1e-3 * max(0.0, clearer)
