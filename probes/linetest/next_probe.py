"""Which missing fact to measure next: the one that is expected to settle most per second of probing.

The rule of this file: two points per fact, "met" and "not met", weighed by what is believed now; asking the
subscriber is a probe like any other and has its price in the pack.
"""

from collections.abc import Iterable, Sequence

from probes.facts import FACTS
from probes.linetest.derive import DERIVED
from probes.linetest.pack import Pack
from probes.linetest.scorecard import Scored
from probes.linetest.view import View

#: causes believed less than this do not choose the probe
_LEAST_BELIEF = 0.01
_DECISIVE = 60.0


def next_probe(pack: Pack, ranked: Sequence[Scored], view: View, wanted: Iterable[str] = ()) -> str | None:
    """Return the name of the fact to measure next, None when nothing that is missing could change the belief.

    `wanted` are facts that a rule asks for (coverage, siblings); they are taken when no card prefers another fact.
    """
    leading = [item for item in ranked if item.posterior >= _LEAST_BELIEF]
    gains = [
        (gain / _seconds(pack, fact), fact) for fact in _missing(leading, view) if (gain := _gain(leading, fact)) > 0
    ]
    if gains:
        return max(gains, key=lambda item: (item[0], item[1]))[1]
    lacking = sorted(
        (fact for fact in wanted if fact not in view.values), key=lambda fact: (_seconds(pack, fact), fact)
    )
    return lacking[0] if lacking else None


def _seconds(pack: Pack, fact: str) -> float:
    rule = pack.file.facts.get(fact)
    return rule.probe_s if rule is not None and rule.probe_s else pack.file.engine.default_probe_s


def _missing(leading: Sequence[Scored], view: View) -> list[str]:
    names = {base for item in leading for row in item.card.rows for name in row.facts for base in _bases(name)}
    return sorted(name for name in names if name in FACTS and name not in view.values)


def _bases(name: str) -> tuple[str, ...]:
    return DERIVED[name].needs if name in DERIVED else (name,)


def _gain(leading: Sequence[Scored], fact: str) -> float:
    """Return the expected drop of doubt (1 − the greatest belief) when the fact is known."""
    met: list[float] = []
    unmet: list[float] = []
    for item in leading:
        yes, no = _points(item, fact)
        met.append(item.posterior * 10.0 ** (yes / 10.0))
        unmet.append(item.posterior * 10.0 ** (no / 10.0))
    doubt = 1.0 - max(item.posterior for item in leading)
    share = sum(met) / (sum(met) + sum(unmet))
    after = share * (1.0 - max(met) / sum(met)) + (1.0 - share) * (1.0 - max(unmet) / sum(unmet))
    return doubt - after


def _points(item: Scored, fact: str) -> tuple[float, float]:
    yes = no = 0.0
    for row in item.card.rows:
        if fact not in {base for name in row.facts for base in _bases(name)}:
            continue
        if abs(row.yes) + abs(row.no) > abs(yes) + abs(no):
            yes, no = row.yes, row.no
    return max(-_DECISIVE, min(_DECISIVE, yes)), max(-_DECISIVE, min(_DECISIVE, no))
