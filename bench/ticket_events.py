"""The events of a ticket system: handed in at an even pace, some of them twice, and repeated until they are taken.

What is asked is what a ticket system asks: HTTP with a token, a limit on the wait, a repetition after 429, after 5xx
and after an answer that was lost. Whatever was not taken at once is counted.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from cli.simulator.scenario_files import Scenario
from cli.simulator.scenario_town import ticket_event

#: events that may be on their way to the server at the same time
HANDS = 8
#: seconds that a ticket system waits for an answer, and for the next try
PATIENCE_S, PAUSE_S = 30.0, 1.0
#: tries until an event counts as lost
_TRIES = 60


@dataclass(frozen=True, slots=True)
class Due:
    """A ticket that is to come: for which line, whether it is in the district, and when."""

    ticket: str
    line: Scenario
    cut: bool
    at_s: float


@dataclass(frozen=True, slots=True)
class Sent:
    """A ticket that was handed in, and the test that the answer named."""

    ticket: str
    line: str
    cut: bool
    due_at: datetime
    test: str


@dataclass(slots=True)
class Tally:
    """What happened to the events."""

    sent: int = 0
    twice: int = 0
    #: a second time of an event that named another test than the first time
    other_test: int = 0
    #: what was not taken at once, in a few words, and how often
    refused: Counter[str] = field(default_factory=Counter)
    #: events that were never taken
    lost: int = 0
    #: seconds that each hand-over took
    took_s: list[float] = field(default_factory=list)


class TicketEvents:
    """Hands events in. `twice`: the share that is sent again, beside the first time or some seconds later."""

    def __init__(
        self, url: str, token: str, *, twice: float, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        headers = {"authorization": f"Bearer {token}"}
        limits = httpx.Limits(max_connections=HANDS)
        self._http = httpx.AsyncClient(
            base_url=f"{url}/api/v1", headers=headers, timeout=PATIENCE_S, trust_env=False, verify=False, limits=limits,
            transport=transport,
        )  # fmt: skip
        self._hands = asyncio.Semaphore(HANDS)
        self._twice = twice
        self.tally = Tally()

    async def send(self, due: Sequence[Due]) -> list[Sent]:
        """Hand in every ticket when it is due, whatever the answers take; returns those that were taken."""
        began = datetime.now(UTC)
        async with self._http:
            found = await asyncio.gather(*(self._one(number, one, began) for number, one in enumerate(due)))
        return [one for one in found if one is not None]

    async def _one(self, number: int, due: Due, began: datetime) -> Sent | None:
        at = began + timedelta(seconds=due.at_s)
        await asyncio.sleep(max(0.0, (at - datetime.now(UTC)).total_seconds()))
        event = ticket_event(due.line, due.ticket, datetime.now(UTC))
        if number % 100 >= self._twice * 100:
            test = await self._taken(event)
        else:
            self.tally.twice += 1
            test, again = await asyncio.gather(self._taken(event), self._taken(event, later_s=number % 7))
            self.tally.other_test += None not in (test, again) and again != test
            test = test or again
        return None if test is None else Sent(due.ticket, due.line.id, due.cut, at, test)

    async def _taken(self, event: dict[str, object], later_s: float = 0.0) -> str | None:
        """The test that the server names for an event; None where it never took it."""
        await asyncio.sleep(later_s)
        for _ in range(_TRIES):
            began = datetime.now(UTC)
            try:
                async with self._hands:
                    self.tally.sent += 1
                    answer = await self._http.post("/tickets/events", json=event)
            except httpx.TransportError as error:
                self.tally.refused[type(error).__name__] += 1
                await asyncio.sleep(PAUSE_S)
                continue
            self.tally.took_s.append((datetime.now(UTC) - began).total_seconds())
            if answer.is_success:
                return str(answer.json()["line_test"])
            self.tally.refused[f"HTTP {answer.status_code}"] += 1
            if answer.status_code < 500 and answer.status_code != 429:
                break
            await asyncio.sleep(float(answer.headers.get("Retry-After", PAUSE_S)))
        self.tally.lost += 1
        return None
