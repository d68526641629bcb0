"""Nobody is sent out past the mass case: by no card that the neighbours cannot hold back, and by no gate or fallback.

The rule of this file: a verdict counts wherever it comes from: a cause, an `instead`, a gate, a fallback.
"""

from collections.abc import Iterator

from probes.linetest.form import Cause, PackFile
from probes.linetest.lint import MASS
from probes.linetest.model import VerdictKind

_VISITS = (VerdictKind.DISPATCH_HOME, VerdictKind.DISPATCH_LINE)


def dispatches(file: PackFile) -> Iterator[str]:
    """Yield "key: fault; remedy" for every way to a dispatch that the neighbours do not hold back."""
    for name, cause in file.cause.items():
        if cause.scored and _sends(cause, file) and not _held_back(cause, file):
            yield (
                f"cause.{name}: it sends somebody, and no row takes points away where the neighbours fell as well; "
                "add a negative yes or no to a row on sib.*, sw.subs_down_ratio, dslam.*"
            )
    used = [(f"gate.{number}", gate.cause) for number, gate in enumerate(file.gate)]
    used += [(f"fallback.{number}", item.cause) for number, item in enumerate(file.fallback)]
    used += [(f"outage.kinds.{kind.cause}", kind.cause) for kind in file.outage.kinds]
    for key, name in used:
        if file.cause[name].verdict in _VISITS:
            yield f"{key}: {name} sends somebody without a card that excludes the mass case; let a scored cause say it"


def _sends(cause: Cause, file: PackFile) -> bool:
    verdicts = [cause.verdict, *(item.verdict for item in cause.instead if item.verdict is not None)]
    verdicts += [file.cause[item.cause].verdict for item in cause.instead if item.cause]
    return any(verdict in _VISITS for verdict in verdicts)


def _held_back(cause: Cause, file: PackFile) -> bool:
    return any(
        min(row.yes, row.no) < 0 and any(fact.startswith(MASS) for fact in row.facts()) for row in file.rows(cause)
    )
