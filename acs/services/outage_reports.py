"""What a line test saw of a mass fault, told to the search for outages at once: it need not wait for traps or a round.

    verdict OPEN_OUTAGE ─► the port's reading (kept, so nothing is asked again) ─► who fell with the line ─► troubles
                        └► a switch that is down                             ─► all of its lines
    any verdict         ─► who is online in the reading, or behind a switch that answers ─► their falls are over

The rule of this file: it tells falls and their ends, never outages; whether they are one is decided by the statistics
of all of them.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from acs.errors import AcsError
from acs.services.cases import Case
from acs.services.sources import Places, place_on_olt, states_of
from acs.store import lines as line_store
from acs.store import outages as outage_store
from acs.store.instants import micros
from acs.store.outages import LineTrouble
from acs.store.transaction import Transaction
from probes.access import NodeTarget, OntPlace, PortReading
from probes.errors import ProbeError
from probes.facts import Fact, Quality
from probes.linetest.model import VerdictKind
from probes.linetest.outage import SiblingState

log = structlog.get_logger()

#: the source that these troubles name
SOURCE = "line test"
#: the witness of falls, whoever saw them
_FALL = "fall"
#: the cursor that tells when line tests last ended falls
UPS = "line tests' ups"
#: what an access node says of a line that is up
_UP = {"ont.run_state": "online", "sw.port_oper": "up"}
#: verdicts' causes that rest on tickets: those are counted as tickets, not as falls
_BY_TICKETS = frozenset({"ticket_cluster"})
#: seconds for the port's reading, which is kept from the test itself
_READING_S = 5.0


@dataclass(frozen=True, slots=True)
class LineUp:
    """A line that a test saw online; `only_ours`: of its falls it ends those that tests told, and no others."""

    line: str
    at: datetime
    only_ours: bool = False


async def falls_seen(case: Case, places: Places, verdict: Mapping[str, Any]) -> list[LineTrouble]:
    """Who fell with the line, as its own test saw it; nothing of a verdict that opens no outage."""
    if verdict.get("verdict") != VerdictKind.OPEN_OUTAGE or verdict.get("cause") in _BY_TICKETS or case.node is None:
        return []
    if case.line.technology != "pon":
        return await _whole_node(case, places) if verdict.get("location") == "switch" else []
    on_olt = place_on_olt(case, places)
    if on_olt is None:
        return []
    try:
        async with asyncio.timeout(_READING_S):
            reading = await _port(case, places, *on_olt)
    except (TimeoutError, AcsError, ProbeError, OSError) as error:
        log.warning("outage.evidence_lost", line=case.line.id, problem=str(error) or "no answer in time")
        return []
    return _fallen(case, reading, places.config.outage_window_min)


async def tell_falls(tx: Transaction, falls: list[LineTrouble]) -> None:
    """Store what nobody else told before, in the caller's transaction."""
    if not falls:
        return
    known = {one.line for one in await outage_store.troubles(tx, ids=[one.line for one in falls], witness=_FALL)}
    await outage_store.put_troubles(tx, [one for one in falls if one.line not in known])


async def ups_seen(case: Case, places: Places, facts: Iterable[Fact]) -> list[LineUp]:
    """Who is well, as the test saw it whatever its verdict: all who are online on its port, or the line itself.

    A switch that answers does not say that its ports are up, but takes back that all of its lines fell with it.
    """
    found = {
        line.id: LineUp(line.id, reading.at)
        for reading in case.port_read
        for state, line in states_of(case, reading)
        if line is not None and state.up
    }
    said = {fact.name: fact for fact in facts if fact.quality is Quality.OK}
    own = next((said[name] for name, up in _UP.items() if name in said and said[name].value == up), None)
    if own is not None and case.node is not None and own.source == case.node.name:
        found.setdefault(case.line.id, LineUp(case.line.id, own.at))
    answers = said.get("sw.reachable")
    if case.node is not None and answers is not None and answers.value is True and answers.source == case.node.name:
        async with places.store.reading() as tx:
            told = await outage_store.troubles(tx, nodes=[case.line.node], witness=_FALL)
        for one in told:
            if one.source == SOURCE:
                found.setdefault(one.line, LineUp(one.line, answers.at, only_ours=True))
    return list(found.values())


async def tell_ups(tx: Transaction, ups: Collection[LineUp], now: datetime) -> None:
    """End the falls of lines that were seen online since, in the caller's transaction; the next look hears of it."""
    seen = {one.line: one for one in ups}
    if not seen:
        return
    over = sorted(
        one.line
        for one in await outage_store.troubles(tx, ids=sorted(seen), witness=_FALL)
        if one.at <= seen[one.line].at and (one.source == SOURCE or not seen[one.line].only_ours)
    )
    if over:
        await outage_store.clear_troubles(tx, _FALL, over)
        await outage_store.put_cursor(tx, UPS, micros(now))


async def _port(case: Case, places: Places, target: NodeTarget, place: OntPlace) -> PortReading:
    return await places.reader.read_port(target, await places.reader.profile_of(target), place, case.now)


def _fallen(case: Case, reading: PortReading, window_min: float) -> list[LineTrouble]:
    """The lines of the port that are down and fell within the window around this one."""
    states = states_of(case, reading)
    ours = next((state for state, line in states if line is not None and line.id == case.line.id), None)
    if ours is None or ours.last_down_at is None:
        return []
    window = timedelta(minutes=window_min)
    return [
        LineTrouble(line.id, _FALL, case.line.node, state.last_down_at, case.now, _gasp(state), SOURCE)
        for state, line in states
        if line is not None
        and state.up is False
        and state.last_down_at is not None
        and abs(state.last_down_at - ours.last_down_at) <= window
    ]


def _gasp(state: SiblingState) -> bool | None:
    """Whether its fall was told by a gasp; None of one that has none, or whose cause nobody knows."""
    if state.last_down_cause == "dgi":
        return True
    return None if state.gasps is False or state.last_down_cause is None else False


async def _whole_node(case: Case, places: Places) -> list[LineTrouble]:
    async with places.store.reading() as tx:
        lines = await line_store.on_node(tx, case.line.node)
    return [LineTrouble(line.id, _FALL, case.line.node, case.now, case.now, None, SOURCE) for line in lines]
