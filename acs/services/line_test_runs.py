"""One line test carried out: a place to work in, the questions side by side, a first verdict, the verdict.

    launched ─→ waits for a place ─→ a registry answers ─→ gathers (a partial verdict on the way) ─→ judged ─→ done
                                  └────────────────── breaks twice ──────────────────→ failed

The rule of this file: a verdict is given from what is there when the time is up; nothing missing ever holds it up,
and what is missing is said.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog

from acs.errors import AcsError, Conflict, NotFound
from acs.metrics import Metrics
from acs.profiles.schema import Profile
from acs.services.cases import LIGHT, Case, load_case, with_tickets
from acs.services.context_sources import down_reports
from acs.services.gathering import Gathering, SourceReport, asks
from acs.services.line_judging import Judgement, document, light_read
from acs.services.line_test_ends import Hearers, LineTestEnds, Outcome
from acs.services.line_test_progress import ProgressOfTests
from acs.services.outage_reports import falls_seen, ups_seen
from acs.services.packs import Packs
from acs.services.running_tests import Job, RunningTests
from acs.services.shadows import shadow_verdicts
from acs.services.sittings import Sitting
from acs.services.slots import Slots
from acs.services.snapshots import shown_report
from acs.services.sources import Places, sources_of
from acs.services.usual_levels import UsualLevels
from acs.store.outages import LineTrouble
from acs.store.reach import unlimited

log = structlog.get_logger()


class LineTestRuns:
    """Carries out the tests of this process, so many at a time."""

    def __init__(
        self,
        places: Places,
        profiles: Sequence[Profile],
        packs: Packs,
        metrics: Metrics,
        running: RunningTests,
        progress: ProgressOfTests,
        ends: LineTestEnds,
        hearers: Hearers,
    ) -> None:
        self._places = places
        self._config = places.config
        self._clock = places.clock
        self._profiles = profiles
        self._packs = packs
        self._metrics = metrics
        self._running = running
        self._progress = progress
        self._ends = ends
        self._hearers = hearers
        self._slots = Slots(places.config.at_once)
        self._usual = UsualLevels(LIGHT)

    def launch(self, job: Job) -> None:
        """Run a stored test in this process."""
        job.stored.set_result(True)
        job.task = asyncio.create_task(self._run(job), name=f"line test {job.record.id}", context=unlimited())
        self._metrics.running_line_tests.set(len(self._running))

    async def _run(self, job: Job) -> None:
        record = job.record
        try:
            async with self._slots.place(job):
                await self._with_a_second_try(job)
        except asyncio.CancelledError:
            raise
        except AcsError as error:
            await self._ends.failed(job, str(error))
        except Exception as error:  # the worker loop: a test that crashes must end, and the next one must run
            log.exception("line_test.crashed", line=record.line, test=record.id)
            await self._ends.failed(job, f"{type(error).__name__}: {error}")
        finally:
            self._running.forget(job)
            self._metrics.running_line_tests.set(len(self._running))

    async def _with_a_second_try(self, job: Job) -> None:
        """A test that breaks is done once more: one bad moment costs no ticket its verdict. Then a person gets it."""
        try:
            await self._gather_and_judge(job)
        except (NotFound, Conflict):  # the line is gone, or another process ended it: nothing is mended by asking again
            raise
        except Exception:  # whatever it was, it is tried once more, and then told
            log.exception("line_test.again", line=job.record.line, test=job.record.id)
            await self._gather_and_judge(job)

    async def _gather_and_judge(self, job: Job) -> None:
        async with self._places.store.reading() as tx:
            case = await load_case(tx, job.record, self._profiles, self._clock(), self._usual)
            scopes = case.line.scopes()
            down = await down_reports(tx)
            packs = await self._packs.asked_in_turn(tx, scopes)
            silent = await self._packs.silent(tx, scopes)
        self._progress.tell(job, "started", {"line": case.line.id, "technology": case.line.technology})
        sources = sources_of(case, self._places)
        asked = [source for source in sources if asks(job.record.depth, source)]
        gathering = Gathering(asked, lambda report: self._tell_source(job, report), down)
        optical_class = self._config.optical_class
        sitting = Sitting(case, packs, sources, gathering, self._clock, optical_class=optical_class)
        try:
            first = await self._first_word(job, sitting)
            if not await gathering.until(min(self._config.partial_s, job.budget_s) - sitting.elapsed_s):
                self._progress.tell(job, "verdict", {**sitting.judged()[0].verdict, "partial": True})
                await gathering.until(job.budget_s - sitting.elapsed_s)
        finally:
            await gathering.stop()
        await self._running.close(job)  # who has joined until now is heard
        async with self._places.store.reading() as tx:
            sitting.hear(await with_tickets(tx, case))
        judgement, pack = sitting.judged()
        shadows = shadow_verdicts(job.record, judgement.judged, judgement.verdict, silent)
        now = self._clock()
        outcome = Outcome(
            at=now,
            verdict=judgement.verdict,
            facts=document(judgement, gathering, sources, now),
            pack=pack,
            shadows=shadows,
            light=light_read(case.line.id, gathering.facts),
            falls=await self._falls(sitting.case, judgement),
            ups=await ups_seen(case, self._places, gathering.facts) if self._hearers.tells_falls else (),
            first=first,
        )
        await self._ends.done(job, outcome)

    async def _first_word(self, job: Job, sitting: Sitting) -> dict[str, Any] | None:
        """Tell at once what a registry answers before anything was asked; None where none does."""
        verdict = sitting.of_registries()
        if verdict is not None:
            self._progress.tell(job, "verdict", verdict)
            await self._ends.first_word(job, verdict)
        return verdict

    async def _falls(self, case: Case, judgement: Judgement) -> list[LineTrouble]:
        return await falls_seen(case, self._places, judgement.verdict) if self._hearers.tells_falls else []

    def _tell_source(self, job: Job, report: SourceReport) -> None:
        self._metrics.line_test_sources.labels(report.name.split("-")[0], report.state.value).inc()
        self._progress.tell(job, "source", shown_report(report))
