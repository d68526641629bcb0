"""What "nothing found" is said without: every fact that decides for a cause is covered, denied, or left out by name.

A line is called healthy only when everything that could convict it was looked at. A cause is denied where the covered
facts of a healthy line take 20 dB from it (a broken fibre while the terminal is online). What the operator chooses not
to measure before that stands in `[coverage.nff.without]`, fact → reason. The rule of this file: silence is no choice.
"""

from collections.abc import Iterator, Mapping

from probes.facts import Scalar
from probes.linetest.form import Coverage, PackFile
from probes.linetest.lint import parts
from probes.linetest.lint_rivals import decisive
from probes.linetest.pack import Card, Pack, measured_facts
from probes.linetest.worlds import domains, ideal, score

#: a cause from which healthy covered facts take so much cannot be the truth
DENIED_DB = -20.0
_SERVICES = {"internet": (), "iptv": ("iptv_adds",), "voip": ("voip_adds",)}


def coverage(pack: Pack) -> Iterator[str]:
    """Yield "key: fault; remedy" for every decisive fact that "nothing found" does without, unsaid."""
    rules = pack.file.coverage["nff"]
    tried = domains(pack)
    told: set[str] = set()
    for technology in ("pon", "fttb", "dsl"):
        base: tuple[str, ...] = getattr(rules, technology)
        cards = pack.plans[technology].cards
        healthy = ideal(pack, next(card for card in cards if card.id == "nff"), tried) if base else {}
        for service in _SERVICES:
            covered = _covered(pack.file, rules, base, service) if base else set()
            for card in cards if base else ():
                if card.id in ("nff", "other") or (card.cause.services and service not in card.cause.services):
                    continue
                for fact in _lacking(pack, card, covered, healthy):
                    if fact not in rules.without and f"{card.id} {fact}" not in told:
                        told.add(f"{card.id} {fact}")
                        yield _fault(technology, card, fact)


def _covered(file: PackFile, rules: Coverage, base: tuple[str, ...], service: str) -> set[str]:
    adds = [fact for name in _SERVICES[service] for fact in getattr(rules, name)]
    also = [fact for item in rules.also for fact in (*item.facts, *(part.fact or "" for part in parts(item.when)))]
    lists = file.gate_facts
    return {*base, *adds, *also, *lists.common, *lists.pon, *lists.fttb, *lists.dsl}


def _lacking(pack: Pack, card: Card, covered: set[str], healthy: Mapping[str, Scalar]) -> list[str]:
    looked = {name: value for name, value in healthy.items() if covered.issuperset(measured_facts([name]))}
    if score(pack, card, looked) <= DENIED_DB:
        return []
    groups: dict[str, set[str]] = {}
    for row in card.rows:
        groups.setdefault(row.group, set()).update(measured_facts(row.facts))
    return [
        row.fact
        for row in decisive(card)
        if not covered.intersection(groups[row.group]) and not covered.issuperset(measured_facts(row.facts))
    ]


def _fault(technology: str, card: Card, fact: str) -> str:
    return (
        f"coverage.nff.{technology}: {fact} decides for {card.id}, and a line is called healthy without it; "
        f"add it to the list, or write it into [coverage.nff.without] with the reason"
    )
