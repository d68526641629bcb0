"""Which missing fact to measure next: the one that is expected to settle most per second of probing.

The rule of this file: two points per fact, "met" and "not met", weighed by what is believed now; asking the
subscriber is a probe like any other and has its price in the pack.
"""

from collections.abc import Iterable, Sequence

from probes.linetest.pack import Pack
from probes.linetest.scorecard import Scored
from probes.linetest.view import View

#: only so many of the likeliest causes choose the probe
_LEADING = 5
#: cards that name no fault: what they lack is asked for by coverage
_NO_FAULT = ("nff", "other")


def next_probe(pack: Pack, ranked: Sequence[Scored], view: View, wanted: Iterable[str] = ()) -> str | None:
    """Return the name of the fact to measure next, None when nothing that is missing could change the belief.

    `wanted` are facts without which a rule forbids the likeliest cause (coverage, siblings): they come first.
    """
    leading = ranked[:_LEADING]
    lacking = sorted((_seconds(pack, fact), fact) for fact in wanted if fact not in view.values)
    asked = {fact for _, fact in lacking} or {
        fact for item in leading if item.card.id not in _NO_FAULT for fact in item.card.asks
    }
    missing = sorted(fact for fact in asked if fact not in view.values)
    gains = [(gain / _seconds(pack, fact), fact) for fact in missing if (gain := _gain(leading, fact)) > 0]
    if gains:
        return max(gains)[1]
    return lacking[0][1] if lacking else None


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
