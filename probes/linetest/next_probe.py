"""Which missing fact to measure next: the one that is expected to settle most per second of probing.

The rule of this file: two points per fact, "met" and "not met", weighed by what is believed now; asking the
subscriber is a probe like any other and has its price in the pack.
"""

from collections.abc import Container, Iterable, Sequence

from probes.linetest.pack import Pack
from probes.linetest.scorecard import Scored
from probes.linetest.view import View

#: only so many of the likeliest causes choose the probe
_LEADING = 5
#: cards that name no fault: what they lack is asked for by coverage
_NO_FAULT = ("nff", "other")


def next_probe(
    pack: Pack,
    ranked: Sequence[Scored],
    view: View,
    wanted: Iterable[str] = (),
    obtainable: Container[str] | None = None,
) -> str | None:
    """Return the name of the fact to measure next, None when nothing that is missing could change the belief.

    `wanted` are facts without which a rule forbids the likeliest cause (coverage, siblings): they come first.
    `obtainable` are those that can be had where this is judged: they come before all others; None: nobody knows.
    """
    leading = ranked[:_LEADING]
    lacking = sorted((_seconds(pack, fact), fact) for fact in wanted if fact not in view.values)
    first = [fact for _, fact in lacking]
    asks = {fact for item in leading if item.card.id not in _NO_FAULT for fact in item.card.asks}
    then = sorted(fact for fact in asks if fact not in view.values)
    if obtainable is not None:
        for facts in (first, then):
            found = _most_telling(pack, leading, [fact for fact in facts if fact in obtainable])
            if found is not None:
                return found
    return _most_telling(pack, leading, first or then) or (first[0] if first else None)


def _most_telling(pack: Pack, leading: Sequence[Scored], facts: Iterable[str]) -> str | None:
    gains = [(gain / _seconds(pack, fact), fact) for fact in facts if (gain := _gain(leading, fact)) > 0]
    return max(gains)[1] if gains else None


def _seconds(pack: Pack, fact: str) -> float:
    rule = pack.file.facts.get(fact)
    return rule.probe_s if rule is not None and rule.probe_s else pack.file.engine.default_probe_s


def _gain(leading: Sequence[Scored], fact: str) -> float:
    """Return the expected drop of doubt (1 − the greatest belief) when the fact is known."""
    met, unmet = [], []
    for item in leading:
        yes, no = item.card.asks.get(fact, (1.0, 1.0))
        met.append(item.posterior * yes)
        unmet.append(item.posterior * no)
    sum_met, sum_unmet = sum(met), sum(unmet)
    share = sum_met / (sum_met + sum_unmet)
    doubt = 1.0 - leading[0].posterior / sum(item.posterior for item in leading)
    return doubt - share * (1.0 - max(met) / sum_met) - (1.0 - share) * (1.0 - max(unmet) / sum_unmet)
