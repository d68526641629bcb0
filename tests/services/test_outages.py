"""Mass outages over a real store: from what others stored to candidates, tickets, gates, tests and the end."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from acs.app import App
from acs.config import OutagesSection
from acs.errors import Conflict, Forbidden, NotFound
from acs.services.actor import Actor, local_actor
from acs.services.context import scope_facts
from acs.services.identifiers import new_id
from acs.services.outage_telling import TOPIC
from acs.services.outage_watch import OutageWatch
from acs.services.outages import Outages
from acs.store import access as access_store
from acs.store import facts as fact_store
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import nodes as node_store
from acs.store import outages as outage_store
from acs.store import tickets as ticket_store
from acs.store.access import AccessAlarm, Endpoint, NodePoll
from acs.store.outages import OutageRecord
from acs.store.records import (
    AccessNode,
    ContextFact,
    LineRecord,
    LineTestRecord,
    LineTestState,
    OperationRecord,
    OperationState,
    TicketRecord,
)
from acs.store.schema import incidents, operations
from acs.store.transaction import Transaction
from tests.held_rows import ended_or_waiting
from tests.store.make import opening

BOSS = local_actor()
NOW = datetime(2026, 11, 21, 12, 10, tzinfo=UTC)


class Clock:
    """An instant that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Tests:
    """Line tests that are done at once; `broken` are lines that have a verdict against them."""

    __test__ = False

    def __init__(self, app: App, clock: Clock) -> None:
        self._store, self._clock = app.store, clock
        self.broken: set[str] = set()
        self.asked: list[str] = []

    async def start(self, _actor: Actor, line: str, **_: Any) -> LineTestRecord:
        now = self._clock()
        verdict = "DISPATCH_HOME" if line in self.broken else "NFF"
        record = LineTestRecord(new_id(), line, LineTestState.RUNNING, now, now, "outages")
        async with self._store.transaction() as tx:
            await test_store.add(tx, record)
            await test_store.finish(tx, record.id, LineTestState.DONE, now, facts={}, verdict={"verdict": verdict})
        self.asked.append(line)
        return record


def line(port: int, ont: int) -> LineRecord:
    """16 ONTs of a port on two splitters; a house of four of each port."""
    return LineRecord(
        f"L{port}-{ont:02}", "pon", address=f"Town, Main st., {ont % 4 + 1}, apt {port}", node="olt-1", frame=0, slot=1,
        port=port, splitter=f"s{ont // 8}", ont=ont,
    )  # fmt: skip


LINES = [line(port, ont) for port in range(4) for ont in range(16)]


class World:
    """A node with four ports, the detector, and what its test has happen."""

    def __init__(self, app: App) -> None:
        self.app, self.store, self.clock = app, app.store, Clock()
        self.tests = Tests(app, self.clock)
        self.watch = self.detector()
        self.outages = Outages(app.store, app.bus, app.northbound.deliveries, self.clock)

    def detector(self) -> OutageWatch:
        config = OutagesSection()
        deliveries = self.app.northbound.deliveries
        return OutageWatch(self.store, self.app.bus, config, self.tests, deliveries, self.clock)  # type: ignore[arg-type]

    async def begin(self) -> None:
        async with self.store.transaction() as tx:
            await node_store.put(tx, AccessNode("olt-1", "192.0.2.1", NOW))
            await line_store.upsert(tx, LINES, NOW)
        await self.watch.look()

    async def alarm(self, kind: str, lines: Sequence[LineRecord], **more: Any) -> None:
        """One trap for each line, a tenth of a second apart."""
        alarms = []
        for one in lines:
            self.clock.pass_s(0.1)
            alarms.append(
                AccessAlarm("olt-1", "192.0.2.1", kind, self.clock.now, self.clock.now, f"{one.id}", kind == "ont_up",
                            0, one.slot, one.port, one.ont, line=one.id, **more)
            )  # fmt: skip
        async with self.store.transaction() as tx:
            await access_store.add_alarms(tx, alarms)

    async def look(self, after_s: float = 1.0) -> list[OutageRecord]:
        self.clock.pass_s(after_s)
        return await self.watch.look()

    async def open(self) -> list[OutageRecord]:
        return await self.outages.find(BOSS, active=True)

    async def ticket(self, id_: str, line_id: str, verdict: str = "") -> None:
        """A ticket, and the verdict of its own test if there is one."""
        now, test = self.clock.now, new_id() if verdict else None
        async with self.store.transaction() as tx:
            if test is not None:
                await test_store.add(tx, LineTestRecord(test, line_id, LineTestState.RUNNING, now, now, "crm"))
                await test_store.finish(tx, test, LineTestState.DONE, now, facts={}, verdict={"verdict": verdict})
            await ticket_store.add(tx, TicketRecord(id_, f"e-{id_}", now, "crm", {}, line_id, test))


def port(number: int) -> list[LineRecord]:
    return [one for one in LINES if one.port == number]


def splitter(number: int, name: str) -> list[LineRecord]:
    return [one for one in port(number) if one.splitter == name]


@pytest.fixture
async def world(app: App) -> World:
    made = World(app)
    await made.begin()
    return made


async def test_a_cut_splitter_is_a_candidate_at_once_and_its_lines_are_told_so(world: World) -> None:
    async with world.app.bus.subscribe(TOPIC) as heard:
        await world.alarm("ont_los", splitter(2, "s1"))
        (outage,) = await world.look()
        assert await anext(aiter(heard)) == outage
    assert (outage.state, outage.level, outage.scope) == ("candidate", "splitter", "olt-1/0/1/2/s1")
    assert (outage.kind, outage.hit, outage.members, outage.gasp_share) == ("fibre", 8, 8, 0.0)
    async with world.store.reading() as tx:
        hit = await scope_facts(tx, splitter(2, "s1")[0].scopes(), world.clock.now)
        beside = await scope_facts(tx, splitter(2, "s0")[0].scopes(), world.clock.now)
    assert [(fact.name, fact.value) for fact in hit] == [("incident.match", outage.id)]
    assert beside == []  # that we see none does not say that nobody does


async def test_it_is_the_same_on_both_databases(app_on_both: App) -> None:
    world = World(app_on_both)
    await world.begin()
    for one in port(1):
        await inform(world, one, world.clock.now)
    await world.ticket("T1", splitter(2, "s1")[0].id)
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look(31)
    await world.alarm("ont_up", splitter(2, "s1"))
    await world.look(31)
    await world.look(200)
    found, lines, tickets = await world.outages.get(BOSS, outage.id)
    assert (found.state, len(lines), [one.ticket for one in tickets]) == ("closed", 8, ["T1"])
    await world.watch.prune()
    assert await world.outages.systemic(BOSS, days=7) == []


async def test_it_grows_to_the_port_and_stays_one(world: World) -> None:
    await world.alarm("ont_los", splitter(2, "s1"))
    (first,) = await world.look()
    await world.alarm("ont_los", splitter(2, "s0"))
    (grown,) = await world.look()
    assert (grown.id, grown.level, grown.scope, grown.hit) == (first.id, "pon", "olt-1/0/1/2", 16)
    assert len(await world.open()) == 1


async def test_two_candidates_that_turn_out_to_be_one_are_merged(world: World) -> None:
    await world.alarm("ont_los", splitter(0, "s0"))
    await world.look()
    await world.alarm("ont_los", splitter(1, "s0"))
    await world.look()
    assert len(await world.open()) == 2
    rest = [one for one in LINES if one.splitter == "s1" or one.port in (2, 3)]
    await world.alarm("ont_los", rest)
    changed = await world.look()
    (left,) = await world.open()
    assert (left.level, left.hit) == ("slot", 64)
    assert any("is one with" in one.note for one in changed)


async def test_power_is_told_by_gasps_and_mixed_is_said(world: World) -> None:
    house = [one for one in LINES if one.address.startswith("Town, Main st., 2,")]
    await world.alarm("ont_dying_gasp", house)
    (outage,) = await world.look()
    assert (outage.kind, outage.level, outage.scope) == ("power", "house", "town, main st., 2")
    await world.alarm("ont_dying_gasp", splitter(0, "s0")[2:5])
    await world.alarm("ont_los", [one for one in splitter(0, "s0") if one not in house])
    await world.look()
    kinds = sorted((one.level, one.kind) for one in await world.open())
    assert kinds[0] == ("house", "power")


async def test_an_ont_that_is_known_not_to_gasp_says_nothing_of_power(world: World) -> None:
    cut = splitter(2, "s1")
    async with world.store.transaction() as tx:
        told = [ContextFact(one.id, "ont.gasp_supported", False, NOW, "models") for one in cut]
        await fact_store.put(tx, told)
    await world.alarm("ont_los", cut)
    (outage,) = await world.look()
    assert (outage.kind, outage.gasp_share) == ("unknown", None)


async def test_tickets_of_its_lines_belong_to_it_those_before_and_those_after(world: World) -> None:
    cut = splitter(2, "s1")
    await world.ticket("T1", cut[0].id)
    await world.alarm("ont_los", cut)
    await world.look()
    await world.ticket("T2", cut[1].id)
    await world.ticket("T3", port(0)[0].id)
    await world.look()
    (outage,) = await world.open()
    _, _, tickets = await world.outages.get(BOSS, outage.id)
    assert [(one.ticket, one.line) for one in tickets] == [("T1", cut[0].id), ("T2", cut[1].id)]


async def test_it_shrinks_ends_is_tested_and_names_who_is_still_broken(world: World) -> None:
    cut = port(2)
    await world.alarm("ont_los", cut)
    (outage,) = await world.look()
    assert outage.level == "pon"
    await world.alarm("ont_up", splitter(2, "s0"))
    (less,) = await world.look()
    assert (less.level, less.scope, less.hit) == ("splitter", "olt-1/0/1/2/s1", 8)
    await world.alarm("ont_up", splitter(2, "s1")[1:])
    await world.look()
    assert await incident_scopes(world) == [f"line:{splitter(2, 's1')[0].id}"]
    world.tests.broken = {cut[3].id}
    await world.look(200)
    done = await world.outages.find(BOSS)
    assert [one.state for one in done] == ["closed"]
    _, lines, _ = await world.outages.get(BOSS, outage.id)
    assert [one.line for one in lines if one.outcome == "broken"] == [cut[3].id]
    assert f"still broken: {cut[3].id}" in done[0].detail
    assert sorted(world.tests.asked) == sorted(one.id for one in cut)
    await world.look()
    assert await incident_scopes(world) == []


async def incident_scopes(world: World) -> list[str]:
    async with world.store.reading() as tx:
        return [row.scope for row in await tx.rows(select(incidents.c.scope).order_by(incidents.c.scope))]


async def test_a_person_confirms_and_ends_it_and_is_not_contradicted(world: World) -> None:
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look()
    said = await world.outages.confirm(BOSS, outage.id, note="crew is on the way", kind="power")
    assert (said.state, said.confirmed_by, said.kind) == ("confirmed", BOSS.name, "power")
    with pytest.raises(Conflict):
        await world.outages.confirm(BOSS, outage.id)
    await world.outages.close(BOSS, outage.id, note="our own works", dismiss=True)
    assert await incident_scopes(world) == []
    await world.look()
    await world.look()
    assert await world.open() == []
    await world.alarm("ont_los", splitter(3, "s1"))
    (other,) = await world.look()
    assert other.scope == "olt-1/0/1/3/s1"
    with pytest.raises(NotFound):
        await world.outages.get(BOSS, "nothing")
    with pytest.raises(Forbidden):
        await world.outages.close(Actor("reader", "token", frozenset({"read"})), other.id, note="no")


async def test_what_a_person_says_during_a_look_is_kept(app_on_both: App, monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(app_on_both)
    await world.begin()
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look()
    real, persons = outage_store.troubled_nodes, list[asyncio.Task[OutageRecord]]()

    async def meanwhile(tx: Transaction, since: datetime) -> list[str]:
        if not persons:
            persons.append(asyncio.create_task(world.outages.confirm(BOSS, outage.id, note="crew is on the way")))
            await ended_or_waiting(world.store, persons[0])
        return await real(tx, since)

    monkeypatch.setattr(outage_store, "troubled_nodes", meanwhile)
    await world.alarm("ont_los", splitter(2, "s0"))
    await world.look()
    await persons[0]
    (kept,) = await world.open()
    assert (kept.state, kept.note, kept.level, kept.hit) == ("confirmed", "crew is on the way", "pon", 16)


async def test_what_a_look_finds_while_a_person_confirms_is_kept(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(app_on_both)
    await world.begin()
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look()
    await world.alarm("ont_los", splitter(2, "s0"))
    real, looks = outage_store.put, list[asyncio.Task[list[OutageRecord]]]()

    async def meanwhile(tx: Transaction, said: OutageRecord) -> None:
        if not looks:
            looks.append(asyncio.create_task(world.look()))
            await ended_or_waiting(world.store, looks[0])
        await real(tx, said)

    monkeypatch.setattr(outage_store, "put", meanwhile)
    await world.outages.confirm(BOSS, outage.id, note="crew is on the way")
    await looks[0]
    (kept,) = await world.open()
    assert (kept.state, kept.note, kept.level, kept.hit) == ("confirmed", "crew is on the way", "pon", 16)


async def test_falls_that_we_asked_for_are_no_outage(world: World) -> None:
    cut = splitter(2, "s1")
    for one in cut:
        await inform(world, one, NOW - timedelta(minutes=30))
    async with world.store.transaction() as tx:
        for one in cut:
            row = OperationRecord(
                new_id(), f"d-{one.id}", "reboot", {}, OperationState.SENT, new_id(), NOW, NOW, "campaign"
            )
            await tx.insert(operations, operation_row(row))
    await world.alarm("ont_los", cut)
    assert await world.look() == []


def operation_row(record: OperationRecord) -> dict[str, object]:
    at = int(NOW.timestamp() * 1e6)
    return {
        "id": record.id, "device": record.device, "kind": record.kind, "arguments": "{}", "state": record.state.value,
        "command_key": record.command_key, "created_at": at, "deadline_at": at, "actor": record.actor, "reason": "",
        "sent_at": at, "attempts": 1, "detail": "", "steps": 0,
    }  # fmt: skip


async def inform(
    world: World, one: LineRecord, at: datetime, event: str = "2 PERIODIC", *, interval: str = "300", enable: str = "1"
) -> None:
    """An Inform of the CPE on a line, whose interval is five minutes."""
    server = "InternetGatewayDevice.ManagementServer.PeriodicInform"
    values = ((f"{server}Interval", interval, "unsignedInt"), (f"{server}Enable", enable, "boolean"))
    opened = await world.store.sessions.open(
        opening(
            at, key=f"d-{one.id}", oui="001122", product_class="Box", serial_number=f"SN{one.id}", values=values,
            root="InternetGatewayDevice.", session_id=new_id(), events=((event, ""),),
        )
    )  # fmt: skip
    if opened.created:
        async with world.store.transaction() as tx:
            await line_store.bind_device(tx, one.id, opened.device.key)


async def test_informs_that_stop_are_evidence_and_informs_that_come_back_end_it(world: World) -> None:
    began = world.clock.now
    for n, one in enumerate(LINES):
        await inform(world, one, began + timedelta(seconds=n))
    for at in range(30, 390, 30):
        world.clock.now = began + timedelta(seconds=at)
        assert await world.watch.look() == []
    alive = [one for one in LINES if one.port != 1]
    world.clock.now = began + timedelta(seconds=395)
    for one in alive:
        await inform(world, one, began + timedelta(seconds=370))
    await world.look(31)
    await world.look(31)
    (outage,) = await world.open()
    assert (outage.witness, outage.level, outage.scope) == ("silent", "pon", "olt-1/0/1/1")
    for one in LINES:
        await inform(world, one, world.clock.now)
    await world.look(31)
    await world.look(150)
    assert await world.open() == []


@pytest.mark.parametrize(("interval", "enable"), [("300", "0"), ("\u00b2", "1"), ("9" * 400, "1")])
async def test_devices_that_inform_at_no_set_time_are_missed_by_nobody(
    world: World, interval: str, enable: str
) -> None:
    """Neither one whose periodic Informs are off, nor one that names a time that is none, ends the watch of all."""
    began = world.clock.now
    for n, one in enumerate(LINES):
        odd = one.port == 1
        at = began + timedelta(seconds=n)
        await inform(world, one, at, interval=interval if odd else "300", enable=enable if odd else "1")
    for _ in range(4):
        await world.look(80)
    for one in LINES:
        if one.port != 1:
            await inform(world, one, began + timedelta(seconds=370))
    await world.look(75)
    await world.look(31)
    assert await world.open() == []


async def test_devices_that_were_told_a_longer_interval_are_not_late_by_the_one_before(world: World) -> None:
    for one in LINES:
        await inform(world, one, world.clock.now)
    await world.look(31)
    odd = [one for one in LINES if one.port == 1]
    for one in odd:
        await inform(world, one, world.clock.now, interval="3600")
    for _ in range(14):
        for one in LINES:
            if one not in odd:
                await inform(world, one, world.clock.now)
        await world.look(31)
    assert await world.open() == []
    for step in range(52):
        for one in LINES:
            if one not in odd and step % 4 == 0:
                await inform(world, one, world.clock.now)
        await world.look(80)
    await world.look(31)
    (outage,) = await world.open()
    assert (outage.witness, outage.scope) == ("silent", "olt-1/0/1/1"), "by their own interval they are late"


async def test_a_burst_of_boots_is_a_power_cut_that_just_ended(world: World) -> None:
    for one in LINES:
        await inform(world, one, world.clock.now)
    await world.look()
    for one in port(3):
        world.clock.pass_s(2)
        await inform(world, one, world.clock.now, "1 BOOT")
    (outage,) = await world.look()
    assert (outage.witness, outage.kind, outage.level, outage.hit) == ("boot", "power", "pon", 16)


async def test_what_was_down_before_we_looked_is_no_outage(world: World) -> None:
    seen = [
        Endpoint("olt-1", "ont", one.id, world.clock.now, 0, one.slot, one.port, one.ont, "offline", one.id)
        for one in port(1)
    ]
    await survey(world, seen)
    assert await world.look() == []


@pytest.mark.parametrize(
    ("causes", "kind"),
    [
        (("dgi",), "power"),
        (("losi", "los", "lofi"), "fibre"),
        ((*("dgi",) * 3, *("losi",) * 5), "mixed"),
        ((None,), "unknown"),
        (("reset",), "unknown"),
    ],
)
async def test_a_round_finds_what_no_trap_told_and_power_is_told_from_fibre(
    world: World, causes: tuple[str | None, ...], kind: str
) -> None:
    fell = world.clock.now + timedelta(seconds=30)
    world.clock.pass_s(60)
    seen = [
        Endpoint(
            "olt-1",
            "ont",
            one.id,
            world.clock.now,
            0,
            1,
            one.port,
            one.ont,
            "offline",
            one.id,
            fell,
            down_cause=causes[(one.ont or 0) % len(causes)],
        )
        if one in splitter(1, "s0")
        else Endpoint("olt-1", "ont", one.id, world.clock.now, 0, 1, one.port, one.ont, "online", one.id)
        for one in LINES
    ]
    await survey(world, seen)
    (outage,) = await world.look()
    assert (outage.level, outage.scope, outage.since) == ("splitter", "olt-1/0/1/1/s0", fell)
    assert outage.kind == kind


async def survey(world: World, seen: Sequence[Endpoint]) -> None:
    async with world.store.transaction() as tx:
        await access_store.put_endpoints(tx, seen)
        await access_store.put_poll(tx, NodePoll("olt-1", world.clock.now, world.clock.now, len(seen)))


async def lost_sessions(world: World, lines: Sequence[LineRecord], state: str = "none") -> None:
    async with world.store.transaction() as tx:
        await fact_store.put(
            tx, [ContextFact(one.id, "bras.session", state, world.clock.now, "bras-7") for one in lines]
        )


async def test_sessions_that_a_cut_took_along_are_no_outage_of_their_own(world: World) -> None:
    await lost_sessions(world, LINES, "up")
    await world.look(31)
    await world.alarm("ont_los", splitter(2, "s1"))
    await lost_sessions(world, splitter(2, "s1"))
    await world.look(31)
    (outage,) = await world.open()
    assert (outage.witness, outage.kind, outage.detail) == ("fall", "fibre", "told by session too")
    await world.look(31)
    assert [one.id for one in await world.open()] == [outage.id]


async def test_an_outage_of_sessions_becomes_that_of_the_fibre_under_them(world: World) -> None:
    await lost_sessions(world, LINES, "up")
    await world.look(31)
    await lost_sessions(world, splitter(2, "s1"))
    (first,) = await world.look(31)
    await world.alarm("ont_los", splitter(2, "s1"))
    await world.look()
    (outage,) = await world.open()
    assert (first.witness, outage.witness, outage.kind) == ("session", "fall", "fibre")
    old, _, _ = await world.outages.get(BOSS, first.id)
    assert (old.state, old.note) == ("closed", f"is one with {outage.id}")


async def test_a_bras_that_fails_besides_a_cut_is_an_outage_of_its_own(world: World) -> None:
    await lost_sessions(world, LINES, "up")
    await world.look(31)
    await world.alarm("ont_los", splitter(2, "s1"))
    await lost_sessions(world, LINES)
    await world.look(31)
    found = {one.witness: one.hit for one in await world.open()}
    assert found == {"fall": 8, "session": 64}


async def test_lost_sessions_are_told_by_their_bras(world: World) -> None:
    async def sessions(state: str, lines: Sequence[LineRecord]) -> None:
        async with world.store.transaction() as tx:
            await fact_store.put(
                tx, [ContextFact(one.id, "bras.session", state, world.clock.now, "bras-7") for one in lines]
            )

    await sessions("up", LINES)
    await world.look(31)
    await sessions("none", LINES)
    (outage,) = await world.look(31)
    assert (outage.witness, outage.kind, outage.hit) == ("session", "sessions", 64)


async def test_tickets_of_one_house_are_a_cluster(world: World) -> None:
    house = [one for one in LINES if one.address.startswith("Town, Main st., 2,")]
    for n, one in enumerate(house[:6]):
        world.clock.pass_s(60)
        await world.ticket(f"T{n}", one.id)
    (outage,) = await world.look(61)  # no test of theirs came to a verdict
    assert (outage.witness, outage.kind, outage.level, outage.scope) == (
        "ticket", "tickets", "house", "town, main st., 2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "opened"), [("NFF", 1), ("INCONCLUSIVE", 1), ("REMOTE_FIX", 0), ("DISPATCH_HOME", 0)]
)
async def test_a_ticket_whose_line_has_a_cause_of_its_own_is_no_sign_of_an_outage(
    world: World, verdict: str, opened: int
) -> None:
    house = [one for one in LINES if one.address.startswith("Town, Main st., 2,")]
    for n, one in enumerate(house[:6]):
        world.clock.pass_s(10)
        await world.ticket(f"T{n}", one.id, verdict)
    assert await world.look(1) == [] or opened
    assert len(await world.look(61)) <= opened and len(await world.open()) == opened


async def test_tickets_of_an_outage_are_no_sign_of_another_one(world: World) -> None:
    cut = splitter(2, "s1")
    for n, one in enumerate(cut[:6]):
        await world.ticket(f"T{n}", one.id, "OPEN_OUTAGE")
    await world.alarm("ont_los", cut)
    await world.look(30)
    (outage,) = await world.open()
    assert (outage.witness, outage.kind) == ("fall", "fibre")
    _, _, tickets = await world.outages.get(BOSS, outage.id)
    assert len(tickets) == 6


async def test_rates_are_learned_from_what_no_outage_explains(world: World) -> None:
    world.clock.now = NOW.replace(minute=59)
    await world.watch.look()
    await world.look(120)  # the hour of the start was not seen whole
    world.clock.pass_s(600)
    await world.alarm("ont_los", splitter(2, "s1"))
    await world.look()
    await world.alarm("ont_down", port(0)[:1])
    await world.look()
    world.clock.now = NOW.replace(hour=14, minute=1)
    await world.watch.look()
    async with world.store.reading() as tx:
        rates = await outage_store.rates_at(tx, 13)
    assert rates["fall", "olt-1"] == (1.0, 64 / 24)
    assert rates["fall", "olt-1/0/1/0"] == (1.0, 16 / 24)
    assert rates["fall", "olt-1/0/1/2"] == (0.0, 16 / 24)


async def test_it_goes_on_after_a_restart(world: World) -> None:
    await world.alarm("ont_los", splitter(2, "s1"))
    (outage,) = await world.look()
    world.watch = world.detector()
    assert await world.look() == []
    await world.alarm("ont_up", splitter(2, "s1"))
    await world.look()
    await world.look(200)
    (done,) = await world.outages.find(BOSS)
    assert (done.id, done.state) == (outage.id, "closed")
