"""The gate in front of one node: how many questions at once, how many in a second, in which order, and when none.

    closed ── so many failures in a row ──► resting ── time ──► trying (one question) ── answer ──► closed
                                               ▲                     └── failure, rests longer ──┐
                                               └─────────────────────────────────────────────────┘

The rule: an operator's question goes before every question of a polling round, and a node that does not answer is left
alone for a while; whoever asks meanwhile hears at once why. No question is lost: it is asked, or refused with a reason.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from probes.errors import ProbeError, ProbeTimeout

#: what a failure takes from the number of questions at once, and what an answer gives back [E]
_NARROWER, _WIDER = 0.5, 0.25


class Urgency(IntEnum):
    """Who waits for the answer; the smaller goes first."""

    #: a person, or a ticket
    OPERATOR = 0
    #: a polling round, which has time
    POLLING = 1


class BreakerState(StrEnum):
    """Whether a node is asked."""

    #: it is asked
    CLOSED = "closed"
    #: it failed too often: nobody asks it until it has rested
    RESTING = "resting"
    #: it has rested: one question shows whether it is back
    TRYING = "trying"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one node is asked at most. All are [E]: an OLT answers SNMP from its control CPU, which has other work."""

    #: questions in flight
    at_once: int = 4
    #: questions a second, and how many may come at once after a pause
    per_second: float = 50.0
    burst: int = 100
    #: the part of it that polling may have
    polling_per_second: float = 20.0
    #: tries in a row without an answer, after which it rests
    failures: int = 5
    #: seconds of the first rest; each failed try doubles it, up to the longest
    rest_s: float = 15.0
    rest_max_s: float = 300.0
    #: seconds that an answer to a GET is kept for others who ask the same and take an older one
    cache_s: float = 5.0


@dataclass(slots=True)
class Lane:
    """How urgent a piece of work is; a more urgent caller who joins it makes it so."""

    urgency: Urgency
    #: what looks again whose turn it is; set by the gate where the work waits
    nudge: Callable[[], None] | None = None

    def join(self, urgency: Urgency) -> None:
        """Somebody else waits for this work too."""
        if urgency < self.urgency:
            self.urgency = urgency
            if self.nudge is not None:
                self.nudge()


@dataclass(slots=True)
class _Bucket:
    """Tokens that come back with time."""

    per_second: float
    size: float
    level: float
    at: float

    def fill(self, now: float) -> None:
        self.level = min(self.size, self.level + (now - self.at) * self.per_second)
        self.at = now

    def wait_s(self) -> float:
        return max(0.0, (1.0 - self.level) / self.per_second)


@dataclass(slots=True)
class Breaker:
    """Whether a node is asked, and why not."""

    limits: Limits
    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    until: float = 0.0
    rest_s: float = 0.0
    reason: str = ""
    kind: type[ProbeError] = ProbeTimeout

    def answered(self) -> None:
        """The node answered."""
        self.state, self.failures, self.rest_s, self.reason = BreakerState.CLOSED, 0, 0.0, ""

    def failed(self, now: float, kind: type[ProbeError], reason: str) -> None:
        """A try brought no answer, or rubbish; enough of them in a row open the breaker."""
        self.failures += 1
        self.kind, self.reason = kind, reason
        if self.state is BreakerState.TRYING or self.failures >= self.limits.failures:
            self.rest_s = min(self.limits.rest_max_s, self.rest_s * 2 or self.limits.rest_s)
            self.state, self.until = BreakerState.RESTING, now + self.rest_s

    def check(self, now: float, name: str) -> None:
        """Refuse while the node rests.

        Raises:
            ProbeError: of the kind that the last failure was; the message says until when and why.
        """
        if self.state is BreakerState.RESTING and now < self.until:
            raise self.kind(
                f"{name} is left alone for {max(1, round(self.until - now))} s more: "
                f"{self.failures} tries in a row failed, the last one: {self.reason}"
            )


class NodeGate:
    """The gate of one node. Belongs to one event loop."""

    def __init__(self, name: str, limits: Limits, clock: Callable[[], float]) -> None:
        self.name = name
        self.breaker = Breaker(limits)
        #: requests that went out since the start
        self.asked = 0
        self._limits = limits
        self._clock = clock
        self._width = float(limits.at_once)
        self._in_flight = 0
        self._polls_in_flight = 0
        now = clock()
        self._all = _Bucket(limits.per_second, limits.burst, limits.burst, now)
        polling = limits.polling_per_second
        self._polls = _Bucket(polling, max(1.0, polling), max(1.0, polling), now)
        self._waiting: list[_Waiter] = []
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """Questions that wait for their turn."""
        return len(self._waiting)

    @property
    def width(self) -> int:
        """Questions that may be in flight just now; fewer after failures."""
        return 1 if self.breaker.state is not BreakerState.CLOSED else max(1, int(self._width))

    @asynccontextmanager
    async def turn(self, lane: Lane) -> AsyncIterator[None]:
        """Wait for a turn, then ask inside the `async with`; how it ends is noted.

        Raises:
            ProbeError: the node rests; of the kind that its failures were.
        """
        polls = await self._take(lane)
        try:
            yield
        except TimeoutError:
            self._failed(ProbeTimeout, "no answer in time")
            raise
        except ProbeError as error:
            self._failed(type(error), str(error))
            raise
        except asyncio.CancelledError:
            if self.breaker.state is BreakerState.TRYING:
                self.breaker.failed(self._clock(), ProbeTimeout, "no answer before the caller left")
            raise
        else:
            self.breaker.answered()
            self._width = min(float(self._limits.at_once), self._width + _WIDER)
        finally:
            self._in_flight -= 1
            self._polls_in_flight -= polls
            self._next()

    async def _take(self, lane: Lane) -> int:
        """Wait until it is this one's turn; 1 when it counts as polling."""
        self.breaker.check(self._clock(), self.name)
        waiter = _Waiter(lane, asyncio.get_running_loop().create_future())
        lane.nudge = self._next
        self._waiting.append(waiter)
        self._next()
        try:
            return await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
            elif waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None:
                self._in_flight -= 1
                self._polls_in_flight -= waiter.turn.result()
            self._next()
            raise

    def _failed(self, kind: type[ProbeError], reason: str) -> None:
        self._width = max(1.0, self._width * _NARROWER)
        self.breaker.failed(self._clock(), kind, reason)

    def _next(self) -> None:
        """Let go whoever may; those who may never are told so."""
        now = self._clock()
        if self.breaker.state is BreakerState.RESTING:
            if now < self.breaker.until:
                self._refuse(now)
                return
            self.breaker.state = BreakerState.TRYING
        self._all.fill(now)
        self._polls.fill(now)
        while self._waiting and self._in_flight < self.width:
            waiter = self._choose()
            if waiter is None:
                return
            polls = int(waiter.lane.urgency is Urgency.POLLING)
            self._waiting.remove(waiter)
            self._all.level -= 1
            self._polls.level -= polls
            self._in_flight += 1
            self._polls_in_flight += polls
            self.asked += 1
            waiter.turn.set_result(polls)

    def _choose(self) -> "_Waiter | None":
        """The first operator, else the first poll that has budget; None when all must wait for time to pass."""
        first = min(self._waiting, key=lambda one: one.lane.urgency)
        wait_s = self._all.wait_s()
        if first.lane.urgency is Urgency.POLLING:
            wait_s = max(wait_s, self._polls.wait_s())
            # one place stays free for a person, where there is more than one
            if self._polls_in_flight >= max(1, self.width - 1):
                return None
        if wait_s <= 0:
            return first
        self._wake_in(wait_s)
        return None

    def _wake_in(self, wait_s: float) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._woken)

    def _woken(self) -> None:
        self._timer = None
        self._next()

    def _refuse(self, now: float) -> None:
        """Those who wait hear why they wait in vain."""
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            try:
                self.breaker.check(now, self.name)
            except ProbeError as error:
                waiter.turn.set_exception(error)


@dataclass(slots=True, eq=False)
class _Waiter:
    lane: Lane
    turn: asyncio.Future[int] = field(repr=False)
