"""The answers that come before all scoring: registries, the account, sanity, and the statistics of a mass fault.

The rule of this file: a gate answers only on a measured fact; an unknown fact opens no gate.
"""

from dataclasses import dataclass
from math import log10

from probes.linetest.derive import DERIVED
from probes.linetest.form import Gate, OutageKind
from probes.linetest.model import Evidence
from probes.linetest.outage import binomial_tail
from probes.linetest.pack import Pack
from probes.linetest.scorecard import line
from probes.linetest.view import View

#: what a mass fault is counted from
COUNTED = ("sib.n", "sib.others_down_window")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a gate says: the cause, how sure, where (empty = as the cause says) and which facts made it say so."""

    cause: str
    confidence: float
    stage: str
    location: str = ""
    scope: str = ""
    evidence: tuple[Evidence, ...] = ()
    gate_facts: tuple[str, ...] | None = None
    #: what was not measured and tells the kinds of such a fault apart
    wanted: tuple[str, ...] = ()


def gate_answers(pack: Pack, technology: str, view: View) -> list[Answer]:
    """Return the answers of the gates of the pack that are met: the first decides, the others are told beside it."""
    return [
        _answer(pack, gate, view)
        for gate in pack.file.gate
        if ("any" in gate.applies_to or technology in gate.applies_to) and pack.met(gate.when, view.results)
    ]


def _answer(pack: Pack, gate: Gate, view: View) -> Answer:
    scope = str(view.values.get(gate.scope_fact, "")) if gate.scope_fact else ""
    return Answer(
        gate.cause, gate.confidence, "gate", "", scope, _lines(pack, gate.when.facts(), view), gate.gates or None
    )


def mass_fault(pack: Pack, technology: str, view: View) -> Answer | None:
    """Return the mass fault that the siblings show, of the first kind that fits."""
    outage = pack.file.outage
    if technology not in outage.applies_to or not pack.met(outage.when, view.results):
        return None
    if not all(view.known(name) for name in COUNTED):
        return None  # a pack may ask for a mass fault without them; nobody counted, so nobody knows of one
    for kind in outage.kinds:
        if kind.when is None or pack.met(kind.when, view.results):
            return _kind(pack, kind, view)
    return None


def _kind(pack: Pack, kind: OutageKind, view: View) -> Answer:
    place = next((item.location for item in kind.places if pack.met(item.when, view.results)), "")
    facts = [*(kind.when.facts() if kind.when else ()), "sib.n", "sib.down_ratio", *_own(view)]
    decisive = line(view, "sib.others_down_window", chance_db(pack, view), pack.norms.get("sib.others_down_window", {}))
    lines = (decisive, *(item for item in _lines(pack, tuple(facts), view) if item.fact != decisive.fact))
    scope = str(view.values.get("sib.level", "pon"))
    return Answer(kind.cause, kind.confidence, "outage", place, scope, lines, wanted=_untold(pack, view))


def _untold(pack: Pack, view: View) -> tuple[str, ...]:
    """Return the facts by which the kinds are told apart and that nobody measured, in the order of the kinds."""
    asked = (name for kind in pack.file.outage.kinds if kind.when for name in kind.when.facts())
    return tuple(name for name in dict.fromkeys(asked) if not view.known(name))


def _own(view: View) -> tuple[str, ...]:
    """Return what tells that this line is down: its OLT, or what stands in for its word."""
    return ("ont.run_state",) if view.known("ont.run_state") else ("bras.session", "cpe.reachable", "ont.last_down_at")


def chance_db(pack: Pack, view: View) -> float:
    """Return how strongly chance is excluded, in decibans, at most 60."""
    outage = pack.file.outage
    n, fallen = int(float(view.values["sib.n"])), int(float(view.values["sib.others_down_window"]))
    tail = binomial_tail(min(n, 4096) - 1, fallen, min(1.0, outage.onset_per_day * outage.window_min / 1440.0))
    return round(min(60.0, -10.0 * log10(max(tail, 1e-6))), 1)


def _lines(pack: Pack, names: tuple[str, ...], view: View) -> tuple[Evidence, ...]:
    facts = dict.fromkeys(DERIVED[name].base if name in DERIVED else name for name in names)
    return tuple(line(view, fact, 0.0, pack.norms.get(fact, {})) for fact in facts if fact in view.values)
