"""Sources side by side: each with its own deadline, none of them able to hold up the others.

The rule of this file: a source that is late or fails leaves its facts missing and a report of why; it never raises.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

import structlog

from acs.errors import AcsError
from probes.errors import ProbeError
from probes.facts import Fact
from probes.tasks import end_tasks

log = structlog.get_logger()


#: the problem of a source that was still being asked at the hard stop
TIME_IS_UP = "the time of the test was up before it answered"


class SourceState(StrEnum):
    """How a source ended."""

    #: it gave facts, or said that it has none; `problem` names what it left out
    ANSWERED = "answered"
    #: its deadline passed
    LATE = "late"
    #: it could not be asked, or it failed; `problem` says why
    FAILED = "failed"
    #: there is nothing to ask: no device, no address, no node
    SKIPPED = "skipped"


class Skipped(Exception):
    """A source has nothing to ask; the message says what is not known."""


@dataclass(frozen=True, slots=True)
class Partly:
    """What a source gave although not all of it came. `state`: late or failed where what was asked did not come."""

    facts: Sequence[Fact]
    problem: str
    state: SourceState = SourceState.ANSWERED


@dataclass(frozen=True, slots=True)
class Source:
    """One place to look. `gather` may raise AcsError, ProbeError, OSError or Skipped.

    `gives` are the names of the facts that it can give: those of a source that did not answer may still be had.
    `intrusive`: asking it interrupts the service (TDR, SELT, a throughput test), so that it needs consent.
    """

    name: str
    deadline_s: float
    gather: Callable[[], Awaitable[Sequence[Fact] | Partly]]
    gives: frozenset[str] = frozenset()
    intrusive: bool = False


def asks(depth: str, source: Source) -> bool:
    """Whether a test of this depth asks a source: quick only the access node, self-service nothing intrusive."""
    if depth == "quick":
        return source.name == "access"
    return not (depth == "self-service" and source.intrusive)


@dataclass(frozen=True, slots=True)
class SourceReport:
    """What became of one source."""

    name: str
    state: SourceState
    took_ms: int
    facts: int = 0
    problem: str = ""


def of_context(report: SourceReport) -> bool:
    """Whether a report is about another system that tells us of lines, and not about a place that a test asks."""
    return report.name.startswith("context:")


class Gathering:
    """Sources being asked. `until` waits for them; `stop` ends what is still running."""

    def __init__(
        self, sources: Iterable[Source], report: Callable[[SourceReport], None], known: Sequence[SourceReport] = ()
    ) -> None:
        self._report = report
        self._facts: dict[str, Sequence[Fact]] = {}
        self._reports: list[SourceReport] = [*known]
        for each in known:
            report(each)
        self._began = monotonic()
        self._order = [source.name for source in sources]
        self._tasks = [asyncio.create_task(self._ask(source), name=f"source {source.name}") for source in sources]

    @property
    def asked(self) -> frozenset[str]:
        """The names of the sources that are or were asked."""
        return frozenset(self._order)

    @property
    def pending(self) -> int:
        """Sources that have neither answered nor ended."""
        return sum(not task.done() for task in self._tasks)

    @property
    def facts(self) -> list[Fact]:
        """What came so far, in the order in which the sources were given."""
        return [fact for name in self._order for fact in self._facts.get(name, ())]

    @property
    def reports(self) -> tuple[SourceReport, ...]:
        """What became of the sources that ended, in the order of their ending."""
        return tuple(self._reports)

    async def until(self, seconds: float) -> bool:
        """Wait at most so long; True when every source has ended."""
        if not self.pending:
            return True
        _, pending = await asyncio.wait(self._tasks, timeout=max(seconds, 0.0))
        return not pending

    async def stop(self) -> None:
        """End every source that still runs, and wait until it has ended: it is late, whatever it was given."""
        await end_tasks(self._tasks)
        ended = {report.name for report in self._reports}
        took_ms = round((monotonic() - self._began) * 1000)
        for name in self._order:
            if name not in ended:
                self._add(SourceReport(name, SourceState.LATE, took_ms, 0, TIME_IS_UP))

    async def _ask(self, source: Source) -> None:
        began, state, problem = monotonic(), SourceState.ANSWERED, ""
        facts: Sequence[Fact] = ()
        try:
            async with asyncio.timeout(source.deadline_s):
                given = await source.gather()
            if isinstance(given, Partly):
                facts, problem, state = given.facts, given.problem, given.state
            else:
                facts = given
        except TimeoutError:
            state, problem = SourceState.LATE, f"no answer within {source.deadline_s:g} s"
        except Skipped as skipped:
            state, problem = SourceState.SKIPPED, str(skipped)
        except (AcsError, ProbeError, OSError) as error:
            state, problem = SourceState.FAILED, str(error)
        except Exception as error:  # one broken source must never cost the verdict of the others
            log.exception("source.crashed", source=source.name)
            state, problem = SourceState.FAILED, f"{type(error).__name__}: {error}"
        self._facts[source.name] = facts
        took_ms = round((monotonic() - began) * 1000)
        self._add(SourceReport(source.name, state, took_ms, len(facts), problem))

    def _add(self, report: SourceReport) -> None:
        self._reports.append(report)
        self._report(report)
