"""The places where a line test looks: access node, CPEs, ping, and what is stored. No vendor is known here.

The rule of this file: each function gathers the facts of one place for one case; deadlines are the caller's.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.config import LineTestsSection
from acs.profiles.tree import facts_from_tree, firmware_fact, values_for, wanted_names
from acs.services import access_lines
from acs.services.actor import system_actor
from acs.services.cases import Case, KnownDevice, read_values
from acs.services.clock import Clock
from acs.services.connection_requests import Result
from acs.services.context import BASELINE_MIN_HOURS
from acs.services.derived import contact_fact, device_facts, usable_text
from acs.services.gathering import Partly, Skipped, Source, SourceState
from acs.services.merging import SERIAL, same_serial
from acs.services.obtainable import access_facts_known
from acs.services.ont_and_port import SHARE, OntAndPort, Question, read_both
from acs.services.operations import Operations
from acs.services.path_sources import OPERATOR_DNS, SIZES, Resolvers, Whole, whole_packets
from acs.services.serials import serial_forms
from acs.services.waking.methods import code_of
from acs.store.records import AccessNode, LineRecord, OperationRecord, OperationState, StepName
from acs.store.store import Store
from probes.access import AccessReader, NodeTarget, OntPlace, PortReading
from probes.errors import ProbeTimeout
from probes.facts import Fact, Quality
from probes.linetest.outage import Baselines, SiblingState, sibling_facts
from probes.ping import PingResult
from probes.ping import facts as ping_facts
from probes.snmp.client import SnmpTarget, V3User, Version

Ping = Callable[[str], Awaitable[PingResult]]

#: seconds that a live reading may go on after the verdict: its values still reach the tree
_READING_DEADLINE_S = 60.0
#: ends of a connection request after which nobody is there; others were no call, or were answered by somebody
_NOBODY = frozenset({Result.REFUSED, Result.TIMED_OUT})
#: steps that only a device in a session can cause; one that was open already took the operation without a call
_HERE = frozenset({StepName.SESSION_OPENED, StepName.RPC_SENT})
#: what our own ping tells
_OF_PING = frozenset({"ping.loss_pct", "ping.rtt_ms", "ping.sent_n"})
#: share of an SNMP source's deadline that one try may take
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Places:
    """What the sources work with."""

    store: Store
    operations: Operations
    reader: AccessReader
    ping: Ping
    config: LineTestsSection
    clock: Clock
    #: None where this server sends no large packets, or knows no resolver of the operator
    whole: Whole | None = None
    resolvers: Resolvers | None = None


def sources_of(case: Case, places: Places) -> list[Source]:
    """Every source for a case, the most trusted first: with equal age the earlier one's word counts."""
    timeouts = places.config.sources
    patience_s = max(timeouts.cpe_s, timeouts.cpe_full_s)
    cpe_s = patience_s if case.test.depth == "full" else timeouts.cpe_s
    known = access_facts_known(case.line.technology)
    sources = [Source("access", timeouts.access_s, lambda: access_facts(case, places), known)]
    for name, device in devices_by_source(case).items():
        sources.append(
            Source(
                name,
                patience_s + 0.5,
                lambda device=device: live_facts(device, case, places, cpe_s),  # type: ignore[misc]  # binds the loop's device
                frozenset(device.profile.readings if device.profile is not None else ()),
            )
        )
    sources.append(Source("ping", timeouts.ping_s, lambda: ping_of(case, places), _OF_PING))
    return [*sources, *_beyond(case, places)]


def _beyond(case: Case, places: Places) -> Iterator[Source]:
    """What is asked beyond the line, where the configuration allows it."""
    whole, resolvers, path = places.whole, places.resolvers, places.config.path
    if whole is not None:
        gives = frozenset(SIZES)
        yield Source("path", path.whole_packets_s + 0.1, lambda: whole_packets(case, whole, places.clock), gives)
    if resolvers is not None:
        yield Source("dns", path.answer_s + 0.5, resolvers.facts, frozenset({OPERATOR_DNS}))


def devices_by_source(case: Case) -> dict[str, KnownDevice]:
    """The devices of a line by the name of the source that each of them is."""
    return {f"{'stb' if device.is_stb else 'cpe'}-{n + 1}": device for n, device in enumerate(case.devices)}


def stored_facts(case: Case) -> list[Fact]:
    """What needs no question: the word of other systems, and the trees as they were last read."""
    return [*told_facts(case), *(fact for tree in remembered_trees(case).values() for fact in tree)]


def told_facts(case: Case) -> list[Fact]:
    """The word of other systems, and of the devices' own Informs."""
    facts = list(case.told)
    for device in case.devices:
        facts += device_facts(device, case.now)
        facts += _firmware(device)
    return facts


def remembered_trees(case: Case) -> dict[str, list[Fact]]:
    """What the devices' trees said when they were last read, by the name of each device's source; no history."""
    return {
        name: device.no_history(facts_from_tree(device.profile, device.values, device.times, _source(device, "cached")))
        for name, device in devices_by_source(case).items()
        if device.profile is not None
    }


async def access_facts(case: Case, places: Places) -> Sequence[Fact] | Partly:
    """The line's ONT and its port, read at the same time, and what the neighbours say.

    Where another ONT stands in the line's place, what was read of it is another subscriber's: it is left out.
    """
    until_s = asyncio.get_running_loop().time() + places.config.sources.access_s * SHARE
    line = case.line
    if case.node is None:
        raise Skipped(f"no access node {line.node!r} is known" if line.node else "the line names no access node")
    if line.technology in ("fttb", "dsl"):
        return await access_lines.port_facts(line, _target(case.node, places), places.reader, case.now)
    on_olt = place_on_olt(case, places)
    if on_olt is None:
        raise Skipped("the line has no slot and port, or neither ONT number nor PON serial")
    target, place = on_olt
    try:
        profile = await places.reader.profile_of(target)
    except ProbeTimeout as error:
        silent_node = await places.reader.silent(target, case.now, "olt.reachable")
        return Partly([silent_node], str(error), SourceState.FAILED)
    asked = Question(target, profile, place, until_s, case.test.depth == "full")
    both = await read_both(places.reader, asked, case.now, places.clock)
    ont, reading = both.ont, both.port
    seen = _serial_seen(case, reading)
    strange = any(not same_serial(str(fact.value), line.gpon_serial) for fact in seen)
    if strange:
        ont = [fact for fact in ont if not fact.name.startswith("ont.")]
    if not strange and not both.outdated:
        case.port_read.append(reading)
    window_s = places.config.outage_window_min * 60.0
    near = [] if strange or both.outdated else neighbour_facts(case, reading, window_s)
    facts = [*ont, *([] if strange else _walked(case, reading, ont)), *seen, *reading.facts, *near]
    problem = _problem_of(line, both, strange=strange)
    silent = not reading.complete and not reading.onts and not any(fact.name.startswith("ont.") for fact in ont)
    return Partly(facts, problem, SourceState.FAILED if silent else SourceState.ANSWERED) if problem else facts


def place_on_olt(case: Case, places: Places) -> tuple[NodeTarget, OntPlace] | None:
    """Where the line's ONT is and how its OLT is asked, the same for all that a test asks: a port's reading is kept by
    it. None where the inventory does not say it.
    """
    line = case.line
    if case.node is None or line.slot is None or line.port is None or (line.ont is None and not line.gpon_serial):
        return None
    place = OntPlace(line.frame or 0, line.slot, line.port, line.ont, line.gpon_serial or None)
    return _target(case.node, places), place


def neighbour_facts(case: Case, reading: PortReading, window_s: float) -> list[Fact]:
    """The sib.* facts from a whole reading of the port; nothing from a part of it."""
    this = _this_ont(case, reading)
    if not reading.complete or this is None:
        return []
    states = [state for state, _ in states_of(case, reading)]
    days = _days_of(case.own_light)
    return sibling_facts(states, this, now=reading.at, window_s=window_s, baselines=Baselines(days))


def states_of(case: Case, reading: PortReading) -> list[tuple[SiblingState, LineRecord | None]]:
    """Every ONT of a reading of the line's port, with its line where the inventory knows it."""
    by_ont = {line.ont: line for line in case.neighbours if line.ont is not None}
    by_serial = {form.upper(): line for line in case.neighbours for form in serial_forms(line.gpon_serial) if form}
    states: list[tuple[SiblingState, LineRecord | None]] = []
    for ont in reading.onts:
        line = by_ont.get(ont.ont) or by_serial.get((ont.gpon_serial or "").upper())
        state = SiblingState(
            ont=ont.ont,
            up=None if ont.run_state is None else ont.run_state == "online",
            last_down_at=ont.last_down_at,
            last_down_cause=ont.last_down_cause,
            rx_dbm=ont.rx_dbm,
            baseline_rx_dbm=case.medians.get(line.id) if line is not None else None,
            olt_rx_dbm=ont.olt_rx_dbm,
            # an ONT that was told of by its gasp has one, whatever is on file
            gasps=True if ont.last_down_cause == "dgi" else case.gasps.get(line.id) if line is not None else None,
            splitter=(line.splitter or None) if line is not None else None,
            flaps_24h=case.flaps.get(line.id) if line is not None else None,
        )
        states.append((state, line))
    return states


async def live_facts(device: KnownDevice, case: Case, places: Places, wait_s: float) -> list[Fact] | Partly:
    """A reading of the device made for this test: its values, and whether it could be reached at all.

    A call that we could not make, or that was answered with a refusal, says nothing of the device's life.
    """
    wanted = wanted_names(device.profile, sorted(device.values)) if device.profile is not None else []
    kind, arguments = ("get", {"names": wanted}) if wanted else ("refresh", {})
    actor = system_actor("line-test")
    operation = await places.operations.request(
        actor,
        device.record.key,
        kind,
        arguments,
        deadline_s=_READING_DEADLINE_S,
        reason=f"line test {case.test.id}",
        ticket=case.test.ticket,
    )
    why_not, came_at = await _follow(places, operation.id, wait_s)
    attempt = places.operations.last_call(device.record.key) if why_not else None
    ended = await places.operations.get(actor, operation.id)
    answered_at = ended.finished_at if ended.state is OperationState.SUCCEEDED else came_at
    contact = contact_fact(
        device,
        places.clock(),
        answered_at=answered_at,
        call_failed=attempt is not None and attempt.result in _NOBODY,
        fresh_contact_s=places.config.fresh_contact_s,
    )
    facts = [] if contact is None else [contact]
    if ended.state is OperationState.SUCCEEDED:
        if device.profile is not None:
            facts += await _read_facts(device, places, wanted, _refused(ended), answered_at or places.clock())
        return facts
    if why_not or ended.detail:
        return Partly(facts, why_not or ended.detail, SourceState.FAILED)
    patience_s = wait_s if came_at is None else max(wait_s, places.config.sources.cpe_full_s)
    return Partly(facts, f"the device did not answer within {patience_s:g} s", SourceState.LATE)


async def ping_of(case: Case, places: Places) -> list[Fact]:
    """Ping of the session's address; a line without a session has none, and that proves nothing."""
    address = usable_text(case.told_by_name, "bras.address", case.now)
    session = usable_text(case.told_by_name, "bras.session", case.now)
    if not address or session == "none":
        raise Skipped("the line has no session address")
    return ping_facts(await places.ping(address), places.clock())


def node_target(node: AccessNode, timeout_s: float) -> NodeTarget:
    """How to read an access node with its stored credentials."""
    credentials = node.credentials
    user = None
    if credentials.get("user"):
        user = V3User(
            credentials["user"],
            credentials.get("auth", "sha"),
            credentials.get("auth_password", ""),
            credentials.get("privacy", "aes128"),
            credentials.get("privacy_password", ""),
        )
    version = Version.V3 if user is not None else Version(credentials.get("version", Version.V2C))
    snmp = SnmpTarget(
        address=node.address,
        port=node.port,
        community=credentials.get("community", ""),
        version=version,
        user=user,
        timeout_s=timeout_s,
        retries=1,
    )
    return NodeTarget(node.name, snmp, node.profile, credentials.get("time_zone", "UTC"))


def _target(node: AccessNode, places: Places) -> NodeTarget:
    return node_target(node, places.config.sources.access_s / _TRIES)


async def _follow(places: Places, operation_id: str, wait_s: float) -> tuple[str, datetime | None]:
    """Follow an operation: why the call failed, if it did, and when the device came, if it did.

    A device that has come is talking to us, and what is stored of it is older than the trouble: it gets longer.
    """
    why_not, came_at = "", None
    until_s = asyncio.get_running_loop().time() + max(wait_s, places.config.sources.cpe_full_s)
    try:
        # `watch` is a generator: what it listens to is let go at once, not when it is collected
        async with asyncio.timeout(wait_s) as limit, aclosing(places.operations.watch(operation_id)) as steps:
            async for step in steps:
                if step.name in _HERE:
                    came_at, why_not = came_at or step.at, ""
                    limit.reschedule(until_s)
                elif step.name is StepName.CONNECTION_REQUEST_FAILED and came_at is None:
                    why_not = step.detail or "the connection request failed"
                    if code_of(step) != Result.BUSY:  # it is in a session, and called again when that may be over
                        break
    except TimeoutError:
        return why_not, came_at
    return why_not, came_at


async def _read_facts(
    device: KnownDevice, places: Places, wanted: Sequence[str], refused: Sequence[str], at: datetime
) -> list[Fact]:
    assert device.profile is not None
    async with places.store.reading() as tx:
        values, _ = await read_values(tx, device.record.key)
    asked: Mapping[str, str] = values_for(wanted, values, refused) if wanted else values
    return facts_from_tree(device.profile, asked, at, _source(device, "live"))


def _refused(operation: OperationRecord) -> list[str]:
    """The names that the device did not give: rows that are gone since its tree was read."""
    result = operation.result if isinstance(operation.result, dict) else {}
    names: list[str] = []
    for key in ("unknown", "refused"):
        told = result.get(key)
        names += [str(name) for name in told] if isinstance(told, list | dict) else []
    return names


def _firmware(device: KnownDevice) -> list[Fact]:
    if device.profile is None or device.is_stb:
        return []
    record, sent_away_at = device.record, device.sent_away_at
    if sent_away_at is not None and record.last_inform_at < sent_away_at:
        return []  # it was told to start anew, perhaps with another version
    fact = firmware_fact(device.profile, record.software_version, record.last_inform_at, "profile", device.model_names)
    return [] if fact is None else [fact]


def _serial_seen(case: Case, reading: PortReading) -> list[Fact]:
    """The serial number of the ONT that stands where the line should be: the inventory is held against it."""
    serial = next((ont.gpon_serial for ont in reading.onts if ont.ont == case.line.ont), None)
    return [] if not serial else [Fact(SERIAL, serial, reading.at, case.line.node, "as read from the port")]


def _walked(case: Case, reading: PortReading, ont: Sequence[Fact]) -> list[Fact]:
    """What the port's columns say of this ONT beyond its own reading."""
    this = _this_ont(case, reading)
    read = {fact.name for fact in ont if fact.value is not None}
    return [fact for one in reading.onts if one.ont == this for fact in one.facts if fact.name not in read]


def _problem_of(line: LineRecord, both: OntAndPort, *, strange: bool) -> str:
    """What the access node left out, in words; empty when all of it came."""
    reading, ont = both.port, both.ont
    said = [reading.problem] if not reading.complete else []
    said += [fact.raw for fact in ont if fact.name == "ont.run_state" and fact.quality is Quality.MISSING and fact.raw]
    elsewhere = [one.ont for one in reading.onts if line.gpon_serial and _is_of(line, one.gpon_serial)]
    if elsewhere and line.ont not in (None, *elsewhere):
        said.append(f"the line's serial {line.gpon_serial} is ONT {elsewhere[0]} there")
    if reading.onts and not reading.light_complete:
        said.append("the light of some ONTs did not come in time")
    if both.outdated:
        said.append("the port was read before this ONT fell: nothing is said of its neighbours")
    if strange:
        said.append("another ONT stands in the line's place: what was read of it is left out")
    return "; ".join(said)


def _this_ont(case: Case, reading: PortReading) -> int | None:
    if case.line.ont is not None:
        return case.line.ont
    return next((one.ont for one in reading.onts if case.line.gpon_serial and _is_of(case.line, one.gpon_serial)), None)


def _is_of(line: LineRecord, serial: str | None) -> bool:
    return bool(serial) and same_serial(str(serial), line.gpon_serial)


def _days_of(points: Sequence[tuple[datetime, float]]) -> float | None:
    if not points:
        return None
    span = points[-1][0] - points[0][0]
    return None if span < timedelta(hours=BASELINE_MIN_HOURS) else span / timedelta(days=1)


def _source(device: KnownDevice, how: str) -> str:
    return f"{'stb' if device.is_stb else 'cpe'} {how}"
