"""What no verdict acts without: every gate fact is asked of the lines that can have it, or left out by name.

A gate fact (`FactSpec.gate`) may stop a visit or a healthy line, so a person decides where it is not known. What the
operator chooses to do without stands in `[gate_facts.without]`, fact → reason, as for coverage. The limits of
certainty have floors: below one half another cause is as likely. The rule of this file: silence is no choice.
"""

from collections.abc import Iterator

from probes.facts import FACTS
from probes.linetest.form import PackFile

_TECHNOLOGIES = ("pon", "fttb", "dsl")
#: the least that the limits of `[engine]` may be: a share, and decibans
_FLOORS = {"min_posterior": 0.5, "min_evidence_db": 3.0, "min_margin_db": 1.0}


def gates(file: PackFile) -> Iterator[str]:
    """Yield "key: fault; remedy" for every gate fact that a technology does without, unsaid, and for limits too low."""
    lists = file.gate_facts
    for name in (name for name, spec in FACTS.items() if spec.gate and name not in lists.without):
        for technology in _technologies(name, file):
            if name not in (*lists.common, *getattr(lists, technology)):
                yield (
                    f"gate_facts.{technology}: {name} may stop a visit, and verdicts are acted on without it; add it"
                    " to the list, or write it into [gate_facts.without] with the reason"
                )
    for name, floor in _FLOORS.items():
        limit: float = getattr(file.engine, name)
        if limit < floor:
            yield f"engine.{name}: {limit:g} is less than {floor:g}, so that a guess would decide; raise it"


def _technologies(name: str, file: PackFile) -> tuple[str, ...]:
    """Those whose lines can have the fact: its own, or every one."""
    own = [technology for technology, prefixes in file.access.items() if name.startswith(tuple(prefixes))]
    return tuple(own) or _TECHNOLOGIES
