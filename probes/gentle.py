"""Everything that is asked of access nodes goes through here, so that no number of callers can hurt a node.

    AccessReader, polling, discovery ──► Gentle ──► NodeGate (one for each node) ──► probes.snmp.client

Fifty callers who ask the same are one question; an answer serves others for a few seconds, and says how old it is; each
node has a gate with its limits and its breaker (`probes.pacing`); a SET needs its own credentials, and intrusive tests
wait for the end of quiet hours. The rule: one `Gentle` for each process, and no SNMP beside it.
"""

import asyncio
import contextvars
import importlib
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from probes.errors import ProbeRefused
from probes.pacing import BreakerState, Lane, Limits, NodeGate, Urgency
from probes.quiet import QuietHours
from probes.snmp import client
from probes.snmp.ber import Cell
from probes.snmp.manners import Manners
from probes.snmp.target import Oid, SnmpTarget, Value
from probes.snmp.walking import MAX_ROWS, Walk
from probes.tasks import end_tasks

__all__ = ["Aged", "BreakerState", "Gentle", "Limits", "NodeState", "Urgency", "polling"]

_Answer = TypeVar("_Answer")
_URGENCY: contextvars.ContextVar[Urgency] = contextvars.ContextVar("urgency", default=Urgency.OPERATOR)
#: answers remembered at once
_REMEMBERED = 4096


@contextmanager
def polling() -> Iterator[None]:
    """What is asked inside is asked for a polling round: within its budget, and behind every person."""
    token = _URGENCY.set(Urgency.POLLING)
    try:
        yield
    finally:
        _URGENCY.reset(token)


@dataclass(frozen=True, slots=True)
class Aged(Generic[_Answer]):
    """An answer and how many seconds ago it came; 0 for one that was asked for now."""

    value: _Answer
    age_s: float = 0.0


@dataclass(frozen=True, slots=True)
class NodeState:
    """How it stands with one node: what `probe` and the API show."""

    name: str
    breaker: BreakerState
    #: why it rests; empty when it does not
    reason: str
    failures: int
    in_flight_limit: int
    waiting: int
    asked: int


@dataclass(slots=True)
class _Flight:
    """One question under way, for all who ask it."""

    lane: Lane
    task: asyncio.Task[Any]


@dataclass(slots=True)
class Gentle:
    """The one way to the nodes of a process. Belongs to one event loop; `close` ends what runs."""

    limits: Limits = field(default_factory=Limits)
    #: hours in which nothing is done that a subscriber would feel
    quiet: QuietHours = field(default_factory=QuietHours)
    #: whether a SET is sent at all
    may_write: bool = False
    clock: Callable[[], float] = time.monotonic
    _gates: dict[tuple[str, int], NodeGate] = field(default_factory=dict, repr=False)
    _manners: dict[SnmpTarget, Manners] = field(default_factory=dict, repr=False)
    _flights: dict[tuple[object, ...], _Flight] = field(default_factory=dict, repr=False)
    _answers: dict[tuple[object, ...], tuple[float, Any]] = field(default_factory=dict, repr=False)
    _wrote: bool = False

    async def get(self, target: SnmpTarget, oids: Iterable[Oid], *, max_age_s: float = 0.0) -> Aged[dict[Oid, Value]]:
        """Values by OID, as `client.get`; from memory when the same was answered at most `max_age_s` ago.

        0 means: asked for now, or joined to a question that is under way.

        Raises:
            ProbeError: as `client.get`; also while the node rests, with the reason.
        """
        wanted = tuple(oids)
        key = ("get", target, wanted)
        remembered = self._answers.get(key)
        if remembered is not None and (age := self.clock() - remembered[0]) < max_age_s:
            return Aged(dict(remembered[1]), age)
        found = await self.once(
            key, lambda lane: client.get(target, wanted, gate=self._gate(target, lane), manners=self._known(target))
        )
        self._remember(key, found)
        return Aged(dict(found))

    async def walk(self, target: SnmpTarget, root: Oid, *, limit: int = MAX_ROWS) -> Walk:
        """A subtree, as `client.walk`; callers who ask for the same at the same time get one walk.

        Raises:
            ProbeError: as `client.walk`; also while the node rests, with the reason.
        """
        return await self.once(
            ("walk", target, root, limit),
            lambda lane: client.walk(
                target, root, limit=limit, gate=self._gate(target, lane), manners=self._known(target)
            ),
        )

    async def columns(self, target: SnmpTarget, oids: Mapping[str, Oid], *, below: str = "") -> client.Table:
        """Columns of a table by row, as `client.columns`, one after the other: a large table is no burst.

        Raises:
            ProbeError: as `client.columns`; also while the node rests, with the reason.
        """
        return await self.once(
            ("columns", target, tuple(oids.items()), below),
            lambda lane: client.columns(
                target, oids, below=below, gate=self._gate(target, lane), manners=self._known(target)
            ),
        )

    async def set(
        self,
        target: SnmpTarget,
        access: client.WriteAccess | None,
        values: Mapping[Oid, Cell],
        *,
        now: datetime,
        intrusive: bool = False,
    ) -> None:
        """Write values, with credentials of their own.

        Raises:
            ProbeRefused: writing is not switched on, the node has no credentials for it, an intrusive test falls into
                quiet hours, or the agent refuses.
            ProbeTimeout: no answer; whether it was written is not known.
        """
        self.check_write(target, access, now=now, intrusive=intrusive)
        assert access is not None
        write = await asyncio.to_thread(importlib.import_module, "probes.snmp.write")
        self._wrote = True
        async with self._node(target).turn(Lane(_URGENCY.get())):
            await write.set_values(target, access, values)
        self._forget(target)

    def check_write(
        self, target: SnmpTarget, access: client.WriteAccess | None, *, now: datetime, intrusive: bool
    ) -> None:
        """Refuse what `set` would refuse, before anything is begun.

        Raises:
            ProbeRefused: as `set`.
        """
        if not self.may_write:
            raise ProbeRefused(f"{target}: SET is switched off; access.may_write switches it on")
        if access is None:
            raise ProbeRefused(f"{target} has no credentials for SET; store write_community or write_user for the node")
        if intrusive and (end := self.quiet.ends_at(now)) is not None:
            raise ProbeRefused(
                f"{target}: quiet hours until {end.isoformat(timespec='minutes')}; "
                "a test that the subscriber feels is made after them"
            )

    async def once(self, key: tuple[object, ...], ask: Callable[[Lane], Awaitable[_Answer]]) -> _Answer:
        """The answer to a question that is asked once for all who ask it while it is under way.

        A caller who leaves leaves alone; when the last one is gone, the question is still answered, for it is short.
        """
        urgency = _URGENCY.get()
        flight = self._flights.get(key)
        if flight is None:
            lane = Lane(urgency)
            flight = _Flight(lane, asyncio.ensure_future(ask(lane)))
            self._flights[key] = flight
            flight.task.add_done_callback(lambda task: self._landed(key, task))
        else:
            flight.lane.join(urgency)
        answer: _Answer = await asyncio.shield(flight.task)
        return answer

    def state_of(self, target: SnmpTarget) -> NodeState:
        """How it stands with a node."""
        return _state(self._node(target))

    def states(self) -> list[NodeState]:
        """How it stands with every node that was asked, by name."""
        return [_state(gate) for _, gate in sorted(self._gates.items())]

    async def close(self) -> None:
        """Cancel the questions under way and wait for their end."""
        await end_tasks([flight.task for flight in self._flights.values()])
        if self._wrote:
            importlib.import_module("probes.snmp.pysnmp_parts").close()

    def _gate(self, target: SnmpTarget, lane: Lane) -> client.Gate:
        node = self._node(target)
        return lambda: node.turn(lane)

    def _node(self, target: SnmpTarget) -> NodeGate:
        key = (target.address, target.port)
        found = self._gates.get(key)
        if found is None:
            found = self._gates[key] = NodeGate(str(target), self.limits, self.clock)
        return found

    def _known(self, target: SnmpTarget) -> Manners:
        return self._manners.setdefault(target, Manners())

    def _remember(self, key: tuple[object, ...], found: object) -> None:
        now = self.clock()
        if len(self._answers) >= _REMEMBERED:
            young = now - self.limits.cache_s
            self._answers = {one: kept for one, kept in self._answers.items() if kept[0] > young}
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
        self._answers[key] = (now, found)

    def _forget(self, target: SnmpTarget) -> None:
        """After a SET nothing that was read before is true any more."""
        self._answers = {key: kept for key, kept in self._answers.items() if target not in key}

    def _landed(self, key: tuple[object, ...], task: asyncio.Task[Any]) -> None:
        del self._flights[key]
        if not task.cancelled():
            task.exception()  # looked at: who asked has it, and who left does not want it


def _state(gate: NodeGate) -> NodeState:
    breaker = gate.breaker
    return NodeState(gate.name, breaker.state, breaker.reason, breaker.failures, gate.width, gate.waiting, gate.asked)
