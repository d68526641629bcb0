"""Why verdicts were left open: what was not measured, held against what the true cause and a healthy line need.

The rule of this file: it explains the engine's silence by the losses of the generator, and changes nothing.
"""

from collections import Counter
from collections.abc import Sequence

from bench.verdict_generator import NOW, Line
from probes.linetest.model import VerdictKind
from probes.linetest.pack import Pack
from probes.linetest.postgates import coverage, unmet_needs
from probes.linetest.scorecard import counted
from probes.linetest.view import look

#: verdicts that say that nothing is wrong now
_WELL = (VerdictKind.NFF, VerdictKind.MONITOR_24H)

HEALTHY = "a healthy line, not everything measured"
LOST = "what the true cause shows was lost"
MASS = "of a mass fault or its neighbours too little was read"
CLOSE = "another cause fits what is left as well"
_REASONS = (HEALTHY, MASS, LOST, CLOSE)


def openings(pack: Pack, drawn: Sequence[Line], said: Sequence[VerdictKind]) -> list[str]:
    """Return lines: why each open verdict was open, and how often a healthy line could be said and was."""
    counts: Counter[str] = Counter()
    healthy = whole = told = 0
    for line, verdict in zip(drawn, said, strict=True):
        reason = _reason(pack, line)
        if line.signature.cause == "nff":
            complete = _covered(pack, line)
            healthy += 1
            whole += complete
            told += complete and verdict is VerdictKind.NFF
        if verdict is VerdictKind.INCONCLUSIVE:
            counts[reason] += 1
    out = [f"  {counts[reason] / len(drawn):6.1%}  {reason}" for reason in _REASONS]
    return [
        *out,
        f"  healthy lines {healthy}, of them with all that must be known {whole}, of these called healthy {told}",
    ]


def _reason(pack: Pack, line: Line) -> str:
    signature = line.signature
    if signature.verdict in _WELL:
        return HEALTHY
    card = next((one for one in pack.plans[signature.technology].cards if one.id == signature.cause), None)
    if card is None:
        return MASS
    view = look(line.facts, pack, NOW)
    speaks = sum(points for _, _, points in counted(card, view) if points > 0)
    if speaks < pack.file.engine.min_evidence_db or unmet_needs(card.cause, view, strict_gates=False):
        return LOST
    return CLOSE


def _covered(pack: Pack, line: Line) -> bool:
    view = look(line.facts, pack, NOW)
    needed = coverage(pack, line.signature.technology, view)
    return needed is not None and all(view.known(name) for name in needed)
