"""Reports of support over a time: the figures, as numbers and as CSV.

The rule of this file: nothing is kept beside what the work itself stores; every report is counted anew.
"""

import asyncio
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.errors import InvalidInput
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.operating_figures import DIVISIONS, NORMS, Figures, Part, figures
from acs.store import operating as case_store
from acs.store.store import Store

#: tests that one report counts, at most
MOST = 200_000
_NONE = Part(0, 0)


@dataclass(frozen=True, slots=True)
class Report:
    """Figures of a time; `whole` is False where there were more tests than are counted."""

    since: datetime
    until: datetime
    division: str
    total: Figures
    parts: tuple[Figures, ...]
    whole: bool


class Operating:
    """Use cases of reports."""

    def __init__(self, store: Store, repeat_days: float, clock: Clock) -> None:
        self._store = store
        self._repeat = timedelta(days=repeat_days)
        self._clock = clock

    async def report(self, actor: Actor, *, days: float, by: str = "all", until: datetime | None = None) -> Report:
        """The figures of the last days, or of the days before `until`, divided by one of DIVISIONS.

        Raises:
            InvalidInput: there is no such division.
        """
        actor.require(Scope.REPORTS)
        if by not in DIVISIONS:
            raise InvalidInput(f"by: {by!r} is none of {', '.join(DIVISIONS)}")
        now = self._clock()
        end = now if until is None else min(until, now)
        try:
            since = end - timedelta(days=days)
            earliest = since - self._repeat
        except OverflowError:
            raise InvalidInput("until: that long ago nothing was tested; write a later instant") from None
        async with self._store.reading() as tx:
            cases = await case_store.tested_between(tx, since, end, limit=MOST + 1)
            came = await case_store.tickets_between(tx, earliest, end, limit=MOST)
        shown = cases[:MOST]
        total, parts = await asyncio.to_thread(
            lambda: [figures(shown, came, division, now, self._repeat) for division in ("all", by)]
        )
        nothing = Figures("", 0, 0, {}, 0, _NONE, _NONE, _NONE, None, None, {norm: _NONE for norm in NORMS})
        return Report(since, end, by, total[0] if total else nothing, tuple(parts), len(cases) <= MOST)


def csv_of(report: Report) -> str:
    """The report as a table: a row per part, shares as part and whole."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    verdicts = sorted(report.total.verdicts)
    writer.writerow([report.division, *_COLUMNS, *_norm_columns(), *verdicts])
    for one in report.parts:
        writer.writerow([_plain(one.name), *_row(one), *(one.verdicts.get(name, 0) for name in verdicts)])
    return out.getvalue()


_COLUMNS = (
    "tests", "tickets", "closed", "fixed_remotely", "dispatched", "repeats", "verdict_median_s", "verdict_p95_s",
)  # fmt: skip


def _norm_columns() -> Sequence[str]:
    return [column for norm in NORMS for column in (norm, f"{norm}_of")]


def _row(one: Figures) -> list[object]:
    norms = [figure for norm in NORMS for figure in (one.norms[norm].part, one.norms[norm].whole)]
    return [
        one.tests, one.tickets, one.closed, one.fixed_remotely.part, one.dispatched.part, one.repeats.part,
        one.verdict_median_s, one.verdict_p95_s, *norms,
    ]  # fmt: skip


def _plain(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text
