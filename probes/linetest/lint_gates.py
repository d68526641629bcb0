"""What no verdict acts without: every gate fact is asked of the lines that can have it, or left out by name.

A gate fact (`FactSpec.gate`) may stop a visit or a healthy line, so a person decides where it is not known. What the
operator chooses to do without stands in `[gate_facts.without]`, fact → reason, as for coverage. The limits of
certainty have floors: below one half another cause is as likely. The rule of this file: silence is no choice.
"""

from collections.abc import Iterator

from probes.facts import FACTS
from probes.linetest.conditions import Condition, Operator
from probes.linetest.form import PackFile
from probes.linetest.gates import COUNTED
from probes.linetest.pack import measured_facts

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


def counts(file: PackFile) -> Iterator[str]:
    """Yield a fault where a mass fault may be asked for although nobody counted the siblings."""
    sure = known_if(file.outage.when)
    for name in (name for name in COUNTED if name not in sure):
        yield (
            f"outage.when: it can hold while {name} is not known, and then no mass fault can be counted; "
            'ask for { fact = "@fell_together", op = "eq", value = true } as well'
        )


def known_if(condition: Condition) -> frozenset[str]:
    """Return the facts that were surely measured where a condition holds."""
    if condition.all:
        return frozenset[str]().union(*map(known_if, condition.all))
    if condition.any:
        first, *more = map(known_if, condition.any)
        return first.intersection(*more)
    return frozenset() if condition.op is Operator.UNKNOWN else frozenset(measured_facts(condition.facts()))


def _technologies(name: str, file: PackFile) -> tuple[str, ...]:
    """Those whose lines can have the fact: its own, or every one."""
    own = [technology for technology, prefixes in file.access.items() if name.startswith(tuple(prefixes))]
    return tuple(own) or _TECHNOLOGIES
