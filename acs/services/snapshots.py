"""What is stored of a line test besides its verdict: every fact with its age, every source, every doubt. Pure."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from acs.services.gathering import SourceReport
from acs.services.merging import Merged, is_stale
from acs.store.records import Json
from probes.facts import FACTS, Fact, Quality


def snapshot(merged: Merged, reports: Sequence[SourceReport], now: datetime) -> dict[str, Json]:
    """The facts by name, what became of the sources, and where they disagreed."""
    return {
        "facts": [shown_fact(fact, now) for _, fact in sorted(merged.facts.items())],
        "doubts": [asdict(doubt) for doubt in merged.doubts],
        "sources": [shown_report(report) for report in reports],
    }


def shown_report(report: SourceReport) -> dict[str, Json]:
    """What became of a source, as JSON."""
    return {**asdict(report), "state": report.state.value}


def shown_fact(fact: Fact, now: datetime) -> dict[str, Json]:
    """A fact as it is stored and shown, with its age and whether it is stale; `read` is its quality when it came."""
    spec = FACTS.get(fact.name)
    quality = Quality.STALE if fact.quality is Quality.OK and is_stale(fact, now) else fact.quality
    read: dict[str, Json] = {} if quality is fact.quality else {"read": fact.quality.value}
    return {
        "name": fact.name,
        "value": fact.value,
        "unit": spec.unit if spec is not None else "",
        "at": fact.at.isoformat(),
        "age_s": round((now - fact.at).total_seconds(), 1),
        "source": fact.source,
        "method": fact.method,
        "quality": quality.value,
        "raw": fact.raw,
        **read,
    }
