"""The figures of support: how many tests, what they said, what was mended from afar, and which norms were kept. Pure.

    norm      from the ticket's coming to …                           for tickets whose verdict is
    30 s      the verdict                                             any, or that have none yet
    5 min     the closing                                             nothing found, or guidance: the first line's work
    10 min    the closing                                             a remote fix: the second line's work
    24 h      the closing                                             anything else: somebody goes, or others mend

The rule of this file: every figure comes with what it was counted of; what cannot be known yet is counted nowhere.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from acs.store.operating import TestedCase

#: how a report may be divided
DIVISIONS: Mapping[str, Callable[[TestedCase], str]] = {
    "all": lambda _case: "",
    "region": lambda case: case.region,
    "model": lambda case: case.model,
    "cause": lambda case: case.cause,
    "verdict": lambda case: case.verdict,
    "day": lambda case: case.finished_at.date().isoformat(),
}
#: verdicts that a remote fix follows
_REMOTE = frozenset({"REMOTE_FIX"})
#: verdicts that the first line ends
_FIRST_LINE = frozenset({"NFF", "GUIDE_CUSTOMER"})
#: verdicts that send somebody
_DISPATCH = frozenset({"DISPATCH_HOME", "DISPATCH_LINE"})
#: norm → how long it gives
NORMS: Mapping[str, timedelta] = {
    "answer_30s": timedelta(seconds=30),
    "first_line_5min": timedelta(minutes=5),
    "second_line_10min": timedelta(minutes=10),
    "restored_24h": timedelta(hours=24),
}


@dataclass(frozen=True, slots=True)
class Part:
    """How many of how many; `share` is None of nothing."""

    part: int
    whole: int

    @property
    def share(self) -> float | None:
        """The part of the whole, from 0 to 1."""
        return self.part / self.whole if self.whole else None


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one division, such as one region; `name` is empty for what belongs to none."""

    name: str
    tests: int
    tickets: int
    verdicts: Mapping[str, int]
    closed: int
    #: closed tickets that were mended from afar: a remote fix, nobody went, or its effect stayed
    fixed_remotely: Part
    #: tickets for which somebody went, or was sent by the verdict
    dispatched: Part
    #: tickets whose line had another one shortly before
    repeats: Part
    verdict_median_s: float | None
    verdict_p95_s: float | None
    norms: Mapping[str, Part] = field(default_factory=dict)


def figures(
    cases: Sequence[TestedCase],
    came: Sequence[tuple[str, str, datetime]],
    division: str,
    now: datetime,
    repeat: timedelta,
) -> list[Figures]:
    """The figures of every value of a division, the most tests first.

    `cases` are the oldest first; of a ticket with several tests the first verdict counts for its times, the last one
    for what was done. `came`: tickets with their lines, of these days and of `repeat` before them.
    """
    name_of, parts = DIVISIONS[division], dict[str, list[TestedCase]]()
    again = _repeated(cases, came, repeat)
    for case in cases:
        parts.setdefault(name_of(case), []).append(case)
    told = [_figures(name, part, again, now) for name, part in parts.items()]
    by_time = division == "day"
    return sorted(told, key=lambda one: (0 if by_time else -one.tests, one.name))


def _figures(name: str, cases: Sequence[TestedCase], again: frozenset[str], now: datetime) -> Figures:
    first, last = dict[str, TestedCase](), dict[str, TestedCase]()
    tests, of_ticket = {case.id: case.verdict for case in cases}, dict[str, list[TestedCase]]()
    for case in cases:
        if case.ticket is not None:
            of_ticket.setdefault(case.ticket, []).append(case)
    for ticket, all_ in of_ticket.items():
        told = [case for case in all_ if case.verdict] or all_
        first[ticket], last[ticket] = told[0], told[-1]
    closed = [case for case in last.values() if case.closed_at is not None]
    sent = sum(case.visited is True or (case.visited is None and case.verdict in _DISPATCH) for case in last.values())
    waits = sorted(_wait_s(case) for case in first.values() if case.verdict)
    return Figures(
        name=name,
        tests=len(tests),
        tickets=len(last),
        verdicts=dict(sorted(Counter(filter(None, tests.values())).items())),
        closed=len(closed),
        fixed_remotely=Part(sum(map(_mended, closed)), len(closed)),
        dispatched=Part(sent, len(last)),
        repeats=Part(sum(ticket in again for ticket in last), len(last)),
        verdict_median_s=_at(waits, 0.5),
        verdict_p95_s=_at(waits, 0.95),
        norms=_norms(first, last, now),
    )


def _norms(first: Mapping[str, TestedCase], last: Mapping[str, TestedCase], now: datetime) -> Mapping[str, Part]:
    kept, counted = Counter[str](), Counter[str]()

    def count(norm: str, took: timedelta | None, since: datetime) -> None:
        if took is None and now - since <= NORMS[norm]:
            return  # it may still be kept
        counted[norm] += 1
        kept[norm] += took is not None and took <= NORMS[norm]

    for case in first.values():
        count("answer_30s", timedelta(seconds=_wait_s(case)) if case.verdict else None, _came(case))
    for case in last.values():
        since = _came(case)
        took = None if case.closed_at is None else case.closed_at - since
        count(_norm_of(case.verdict), took, since)
    return {norm: Part(kept[norm], counted[norm]) for norm in NORMS}


def _norm_of(verdict: str) -> str:
    if verdict in _FIRST_LINE:
        return "first_line_5min"
    return "second_line_10min" if verdict in _REMOTE else "restored_24h"


def _mended(case: TestedCase) -> bool:
    return case.visited is not True and (case.held or (case.verdict in _REMOTE and case.visited is False))


def _repeated(
    cases: Sequence[TestedCase], came: Sequence[tuple[str, str, datetime]], within: timedelta
) -> frozenset[str]:
    """The tickets whose line had another ticket at most so long before."""
    known = {ticket: (line, at) for ticket, line, at in came}
    known |= {case.ticket: (case.line, _came(case)) for case in reversed(cases) if case.ticket is not None}
    before: dict[str, datetime] = {}
    found = set()
    for ticket, (line, at) in sorted(known.items(), key=lambda pair: pair[1][1]):
        if line in before and at - before[line] <= within:
            found.add(ticket)
        before[line] = at
    return frozenset(found)


def _came(case: TestedCase) -> datetime:
    """When the ticket came; when the test was asked for where the ticket is not known here."""
    return case.asked_at if case.received_at is None else min(case.received_at, case.asked_at)


def _wait_s(case: TestedCase) -> float:
    return max(0.0, (case.finished_at - _came(case)).total_seconds())


def _at(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None
