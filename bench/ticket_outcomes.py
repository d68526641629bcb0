"""What became of the tickets, and what it cost: read back from the server once it has nothing left to do.

    every two seconds one question for the last test ─▶ it has ended ─▶ all tests, page by page
    the server's CPU clock, ten times a second       ─▶ as it stood when the last verdict was stored

The rule of this file: what is asked for the figures is asked after that which they are of.
"""

import asyncio
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.processes import cpu_s
from bench.ticket_events import Sent
from cli.client import Client

#: seconds after the last ticket until a verdict counts as never given
_END_S = 600.0
#: seconds between two questions whether the last test has ended, and between two looks at the CPU clock
_ASKED_S, _CLOCK_S = 2.0, 0.1
#: tests of one page
_PAGE = 500
#: verdicts that leave a line that is well as it is, and those that leave one of the district in the outage
_WELL, _CUT = ("NFF", "MONITOR_24H", "INCONCLUSIVE"), ("OPEN_OUTAGE", "ATTACH_OUTAGE", "INCONCLUSIVE")
_LOST: dict[str, Any] = {"state": "lost", "verdict": None, "finished_at": None}


@dataclass(frozen=True, slots=True)
class Outcome:
    """One ticket and its line test."""

    sent: Sent
    test: dict[str, Any]

    @property
    def verdict(self) -> str:
        """What was said, in two words; what became of the test where nothing was."""
        said = self.test["verdict"]
        return f"{said['verdict']} {said['cause']}" if said else f"no verdict: {self.test['state']}"

    @property
    def took_s(self) -> float:
        """From when the ticket was due at the hook, however long the hook took, to the stored verdict."""
        return ((self.ended_at or datetime.now(UTC)) - self.sent.due_at).total_seconds()

    @property
    def ended_at(self) -> datetime | None:
        """When the verdict was stored."""
        ended = self.test["finished_at"]
        return None if ended is None else datetime.fromisoformat(ended)

    @property
    def wrong(self) -> bool:
        """Whether a line that is well is said to be broken, or one of the district to be well or broken by itself."""
        said = self.test["verdict"]
        return said is not None and said["verdict"] not in (_CUT if self.sent.cut else _WELL)


@dataclass(slots=True)
class CpuTrack:
    """The CPU seconds of a process over time."""

    at: list[datetime] = field(default_factory=list)
    spent_s: list[float] = field(default_factory=list)

    def look(self, spent_s: float, now: datetime) -> None:
        """Note the clock."""
        self.at.append(now)
        self.spent_s.append(spent_s)

    def until(self, end: datetime) -> float:
        """CPU seconds from the first look to the first one that was not before this instant."""
        found = min(bisect_left(self.at, end), len(self.at) - 1)
        return self.spent_s[found] - self.spent_s[0]


@asynccontextmanager
async def cpu_track(pid: int) -> AsyncIterator[CpuTrack]:
    """The CPU clock of a process for the length of a block."""
    track = CpuTrack()

    async def looks() -> None:
        while True:
            track.look(cpu_s(pid), datetime.now(UTC))
            await asyncio.sleep(_CLOCK_S)

    running = asyncio.create_task(looks())
    try:
        await asyncio.sleep(0)
        yield track
    finally:
        running.cancel()


def collect(client: Client, sent: Sequence[Sent]) -> tuple[list[Outcome], Counter[str]]:
    """The tests of the tickets once they have ended, and how many each ticket had."""
    until = time.monotonic() + _END_S
    if sent:
        last = max(sent, key=lambda one: one.due_at).test
        while client.get(f"/line-tests/{last}")["state"] == "running" and time.monotonic() < until:
            time.sleep(_ASKED_S)
    tests = _all(client)
    while any(one["state"] == "running" for one in tests) and time.monotonic() < until:
        time.sleep(_ASKED_S)
        tests = _all(client)
    by_id = {one["id"]: one for one in tests}
    outcomes = [Outcome(one, by_id.get(one.test, _LOST)) for one in sent]
    return outcomes, Counter(one["ticket"] for one in tests if one["ticket"])


def _all(client: Client) -> list[dict[str, Any]]:
    """Every line test of the server, newest first."""
    found: list[dict[str, Any]] = []
    while page := client.get("/line-tests", limit=_PAGE, before=found[-1]["id"] if found else None):
        found += page
    return found
