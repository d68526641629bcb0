"""Why each fact that a verdict lacked was not measured: the source that was silent, or who else tells it. Pure.

    not_measured ─► a source that gives it and did not answer ─► its state and problem
                 ─► a system that tells it and is down        ─► the same
                 ─► read, but no reading, or too old          ─► stale, unreadable, not_applicable
                 ─► nobody here gathers it                    ─► who tells it, or that the source had none

The rule of this file: every name gets exactly one reason, the first of these that holds.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from acs.services.fact_sources import tellers
from acs.services.gathering import TIME_IS_UP, Source, SourceReport, SourceState, of_context
from acs.services.merging import is_stale
from acs.store.records import Json
from probes.facts import Fact, Quality

#: states in which a source gave nothing of what it could have given
_SILENT = (SourceState.LATE, SourceState.FAILED, SourceState.SKIPPED)
#: the reason of a fact that only other systems tell, and none did
TOLD = "told"
_NOT_ASKED = "a test of this depth does not ask it"


def unmeasured(
    names: Iterable[str],
    sources: Sequence[Source],
    asked: frozenset[str],
    reports: Sequence[SourceReport],
    facts: Mapping[str, Fact],
    now: datetime,
) -> list[Json]:
    """Return {fact, because, source, problem, by} of each name; `asked` are the names of the sources that were asked.

    `by` names in ru and en who tells a fact that no source of ours gathers, None of every other.
    """
    known = {report.name: report for report in reports}
    down = {report.name.removeprefix("context:"): report for report in reports if of_context(report)}
    out: list[Json] = []
    for name in names:
        because, source, problem = _reason(name, sources, asked, known, down, facts.get(name), now)
        by: Json = dict(tellers()[name].by) if because == TOLD else None
        out.append({"fact": name, "because": because, "source": source, "problem": problem, "by": by})
    return out


def _reason(
    name: str,
    sources: Sequence[Source],
    asked: frozenset[str],
    known: Mapping[str, SourceReport],
    down: Mapping[str, SourceReport],
    fact: Fact | None,
    now: datetime,
) -> tuple[str, str, str]:
    for source in sources:
        if name not in source.gives:
            continue
        report = known.get(source.name)
        if report is not None and report.state in _SILENT:
            return report.state.value, source.name, report.problem
        if report is None:
            return ("late", source.name, TIME_IS_UP) if source.name in asked else ("skipped", source.name, _NOT_ASKED)
    if fact is not None and fact.source in down:
        return "failed", f"context:{fact.source}", down[fact.source].problem
    if fact is not None and fact.quality is Quality.OK and is_stale(fact, now):
        return "stale", fact.source, f"measured {fact.at.isoformat(timespec='seconds')}"
    if fact is not None and fact.quality is not Quality.OK:
        return fact.quality.value, fact.source, fact.raw or ""
    answered = next((source.name for source in sources if name in source.gives), "")
    if answered:
        return "missing", answered, "it answered and did not tell this"
    return (TOLD, "", "") if name in tellers() else ("missing", "", "nobody told it")
