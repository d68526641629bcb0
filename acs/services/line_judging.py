"""A line judged: from what a test gathered to its verdict, and to the document that is stored beside it. Pure.

The rule of this file: what is judged is what is kept, so that any pack can judge the test again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from acs.services.cases import LIGHT, Case
from acs.services.derived import actions_tried, contact_counts, light_facts, line_facts, sources_down
from acs.services.gathering import Gathering, Source, SourceState, of_context
from acs.services.merging import Merged, merge, serial_doubt
from acs.services.obtainable import obtainable
from acs.services.own_knowledge import cable_facts, flaps_since, own_knowledge
from acs.services.remembered import Remembered, acquittals
from acs.services.replays import kept, told_verdict
from acs.services.snapshots import snapshot
from acs.services.sources import remembered_trees, told_facts
from acs.services.unmeasured import unmeasured
from acs.store.records import Json, Reading
from probes.facts import FACTS, Fact, Quality
from probes.linetest.explanation import Judged
from probes.linetest.pack import Pack


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict as it is told, with the facts that it rests on."""

    verdict: dict[str, Any]
    merged: Merged
    judged: Judged
    #: why the pack that should have judged could not
    stands_in: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a line before anything is asked, and apart from it what is remembered of its devices."""

    facts: Sequence[Fact]
    remembered: Remembered


def facts_known(case: Case, *, optical_class: str) -> Known:
    """What is known of a line before anything is asked."""
    facts = [
        *actions_tried(case),
        *told_facts(case),
        *line_facts(case, optical_class=optical_class),
        *contact_counts(case.told_by_name, case.tickets_14d, case.now),
        *own_knowledge(case),
    ]
    return Known(facts, Remembered(remembered_trees(case), case.now))


def judge_line(
    pack: Pack,
    case: Case,
    known: Known,
    gathering: Gathering,
    sources: Sequence[Source],
    *,
    elapsed_s: float,
    now: datetime,
    stands_in: str = "",
) -> Judgement:
    """The verdict from what is there now. `known`: see `facts_known`; `sources`: all of the line, asked or not.

    `stands_in`: why the pack that should have judged could not.
    Where a line would be called healthy, what is only remembered of its devices is stale, and it is judged again.
    """
    merged = _merged(case, known, gathering, elapsed_s, now)
    judged = _asked(case, merged, obtainable(sources, gathering.reports, case.told), now)
    verdict = judged.verdict(pack)
    if verdict.cause in acquittals(pack):
        facts = known.remembered.stale(merged.facts, gathering.reports)
        if facts != merged.facts:
            merged = replace(merged, facts=facts)
            judged = _asked(case, merged, judged.obtainable, now)
            verdict = judged.verdict(pack)
    told = told_verdict(verdict, case.line.id, doubted=bool(merged.doubts), stands_in=stands_in)
    return Judgement(told, merged, judged, stands_in)


def _merged(case: Case, known: Known, gathering: Gathering, elapsed_s: float, now: datetime) -> Merged:
    """One fact per name of what was known, what came, and what follows from both."""
    reports = gathering.reports
    asked = [report for report in reports if report.state is not SourceState.SKIPPED and not of_context(report)]
    counts = [
        Fact("probe.elapsed_s", round(elapsed_s, 1), now, "line test"),
        Fact("probe.planned_n", len(asked) + gathering.pending, now, "line test"),
        Fact("probe.sources_down", sources_down(reports, case.told, now), now, "line test"),
        Fact("probe.done_n", sum(one.state is SourceState.ANSWERED for one in asked), now, "line test"),
    ]
    merged = merge(gathering.facts, [*known.facts, *known.remembered.beside(reports), *counts], now)
    facts = dict(merged.facts)
    for fact in (*light_facts(case, facts), *cable_facts(case, facts)):
        facts.setdefault(fact.name, fact)
    facts |= {fact.name: fact for fact in flaps_since(facts, now)}
    return replace(merged, facts=facts, doubts=(*merged.doubts, *serial_doubt(facts, case.line.gpon_serial)))


def _asked(case: Case, merged: Merged, could: frozenset[str] | None, now: datetime) -> Judged:
    measured = {name: fact for name, fact in merged.facts.items() if name in FACTS}
    return Judged(case.line.technology, measured, now, True, could, case.test.depth)


def document(judgement: Judgement, gathering: Gathering, sources: Sequence[Source], now: datetime) -> dict[str, Json]:
    """What is stored beside the verdict: facts, sources, doubts, what was judged, and why the rest was not measured."""
    merged, reports = judgement.merged, gathering.reports
    missing = judgement.verdict["not_measured"]
    return {
        **snapshot(merged, reports, now),
        "judged": kept(judgement.judged, doubted=bool(merged.doubts), stands_in=judgement.stands_in),
        "unmeasured": unmeasured(missing, sources, gathering.asked, reports, merged.facts, now),
    }


def light_read(line: str, facts: Iterable[Fact]) -> list[Reading]:
    """What the access node read of the light, as history keeps it: the baseline of tomorrow."""
    return [
        Reading(line, LIGHT, float(fact.value), fact.at, fact.source)
        for fact in facts
        if fact.name == LIGHT and fact.quality is Quality.OK and isinstance(fact.value, int | float)
    ][:1]
