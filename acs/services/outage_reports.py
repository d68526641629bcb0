"""What a line test saw of a mass fault, told to the search for outages at once: it need not wait for traps or a round.

    verdict OPEN_OUTAGE ─► the port's reading (kept, so nothing is asked again) ─► who fell with the line ─► troubles
                        └► a switch that is down                             ─► all of its lines

The rule of this file: it tells falls, never outages; whether they are one is decided by the statistics of all of them.
"""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import structlog

from acs.errors import AcsError
from acs.services.cases import Case
from acs.services.sources import Places, place_on_olt, states_of
from acs.store import lines as line_store
from acs.store import outages as outage_store
from acs.store.outages import LineTrouble
from acs.store.transaction import Transaction
from probes.access import NodeTarget, OntPlace, PortReading
from probes.errors import ProbeError
from probes.linetest.model import VerdictKind
from probes.linetest.outage import SiblingState

log = structlog.get_logger()

#: the source that these troubles name
SOURCE = "line test"
#: the witness of falls, whoever saw them
_FALL = "fall"
#: verdicts' causes that rest on tickets: those are counted as tickets, not as falls
_BY_TICKETS = frozenset({"ticket_cluster"})
#: seconds for the port's reading, which is kept from the test itself
_READING_S = 5.0


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
