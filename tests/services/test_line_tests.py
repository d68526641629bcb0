"""Line tests over fakes of the world: an access node, a CPE and ping that answer, answer late, or not at all."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from acs.app import App
from acs.config import LineTestsSection, SourcesSection, TicketsSection
from acs.errors import NotFound, TooMany
from acs.metrics import Metrics
from acs.profiles.schema import load_profiles
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.services.connection_requests import Attempt, Result
from acs.services.context import Entry, IncidentEntry
from acs.services.deliveries import Deliveries
from acs.services.line_tests import LineTests
from acs.services.sources import Places
from acs.services.tickets import Tickets
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import operations as operation_store
from acs.store import trees
from acs.store.records import (
    LineRecord,
    LineTestState,
    OperationRecord,
    OperationState,
    OperationStep,
    StepName,
    TreeUpdate,
)
from probes.access import OntPlace, OntReading, PortReading
from probes.facts import Fact
from probes.ping import PingResult
from tests.store.make import opening

ACTOR = local_actor()
LINE = LineRecord(
    "L-1", "pon", node="olt-1", frame=0, slot=1, port=2, splitter="S1", ont=3, pppoe_login="u1",
    services=("internet",), device_serials=("SN0001",),
)  # fmt: skip
KEY = "00259E-EG8145V5-SN0001"
GPON = "InternetGatewayDevice.WANDevice.1.X_GponInterafceConfig."
TREE = {
    "InternetGatewayDevice.DeviceInfo.UpTime": "5000",
    "InternetGatewayDevice.DeviceInfo.MemoryStatus.Free": "100",
    "InternetGatewayDevice.DeviceInfo.MemoryStatus.Total": "200",
    "InternetGatewayDevice.LANDevice.1.LANEthernetInterfaceConfig.1.Status": "Up",
    f"{GPON}RXPower": "-20",
}


@dataclass
class FakeReader:
    """An access node: `delay_s` before it answers, `error` instead of an answer."""

    state: str = "online"
    rx_dbm: float = -20.2
    delay_s: float = 0.0
    error: Exception | None = None
    neighbours_down: int = 0
    serial: str | None = None
    problem: str = ""
    silent: bool = False
    causes: dict[int, str] = field(default_factory=dict)
    #: an answer waits for it, where there is one
    released: asyncio.Event | None = None
    #: what its own reading says of the fall of the line's ONT, and what the port's columns say of that ONT besides
    cause: str | None = "losi"
    walked: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    #: how each reading of the port was asked for: those that are asked alike are one read
    targets: list[object] = field(default_factory=list)

    async def profile_of(self, _: object) -> object:
        return object()

    async def read_ont(
        self, _target: object, _profile: object, _place: OntPlace, now: datetime, *, detail: bool
    ) -> list[Fact]:
        self.asked += 1
        await self._answer()
        if self.silent:
            return [Fact("olt.reachable", True, now, "olt-1", "snmp, ping")]
        facts = [Fact("ont.run_state", self.state, now, "olt-1", "snmp"), Fact("olt.reachable", True, now, "olt-1")]
        if self.state == "online":
            return [*facts, Fact("ont.rx_dbm", self.rx_dbm, now, "olt-1", "snmp")]
        fell = (now - timedelta(minutes=5)).isoformat()
        if self.cause is None:
            return facts
        cause = Fact("ont.last_down_cause", self.cause, now, "olt-1")
        return [*facts, cause, Fact("ont.last_down_at", fell, now, "olt-1")]

    async def read_port(self, target: object, _profile: object, place: OntPlace, now: datetime) -> PortReading:
        self.targets.append(target)
        await self._answer()
        if self.silent:
            alive = Fact("olt.reachable", True, now, "olt-1", "snmp, ping")
            return PortReading(place, now, facts=(alive,), complete=False, problem="no answer", light_complete=False)
        fell = now - timedelta(minutes=5)
        onts = tuple(
            OntReading(n, run_state="offline", last_down_at=fell, last_down_cause=self.causes.get(n, "losi"))
            if n < self.neighbours_down or (n == 3 and self.state == "offline")
            else OntReading(n, gpon_serial=self.serial if n == 3 else None, run_state="online", rx_dbm=-20.0)
            for n in range(16)
        )
        walked = tuple(Fact(name, value, now, "olt-1", "snmp") for name, value in self.walked.items())
        onts = tuple(replace(one, facts=walked) if one.ont == 3 else one for one in onts)
        return PortReading(
            place, now, onts, (Fact("olt.port_fault", False, now, "olt-1"),), not self.problem, self.problem
        )

    async def _answer(self) -> None:
        if self.released is not None:
            await self.released.wait()
        await asyncio.sleep(self.delay_s)
        if self.error is not None:
            raise self.error


@dataclass
class FakeOperations:
    """A CPE behind operations: it answers after `delay_s`, is busy before, the call fails, or nothing happens."""

    app: App
    behaviour: str = "answers"
    call: Result = Result.REFUSED
    delay_s: float = 0.0
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def request(
        self, _actor: object, key: str, kind: str, arguments: dict[str, Any], **_: object
    ) -> OperationRecord:
        self.asked.append(arguments)
        return self._record(key, kind, arguments, OperationState.QUEUED)

    def last_call(self, _: str) -> Attempt:
        return Attempt(self.call, "it did not come")

    async def get(self, _actor: object, operation_id: str) -> OperationRecord:
        done = self.behaviour == "answers"
        return self._record(operation_id, "get", {}, OperationState.SUCCEEDED if done else OperationState.QUEUED)

    async def watch(self, operation_id: str) -> AsyncGenerator[OperationStep, None]:
        yield OperationStep(operation_id, 1, utc_now(), StepName.QUEUED)
        if self.behaviour == "comes":
            yield OperationStep(operation_id, 2, utc_now(), StepName.SESSION_OPENED)
            await asyncio.sleep(self.delay_s)
            self.behaviour = "answers"
        if self.behaviour == "is busy":
            line = Attempt(Result.BUSY, "it is in a session").line
            yield OperationStep(operation_id, 2, utc_now(), StepName.CONNECTION_REQUEST_FAILED, line)
            self.behaviour = "answers"
        if self.behaviour == "call fails":
            yield OperationStep(operation_id, 2, utc_now(), StepName.CONNECTION_REQUEST_FAILED, "refused")
        if self.behaviour != "answers":
            await asyncio.sleep(60)
        await asyncio.sleep(self.delay_s)
        yield OperationStep(operation_id, 2, utc_now(), StepName.SUCCEEDED)

    def _record(self, device: str, kind: str, arguments: dict[str, Any], state: OperationState) -> OperationRecord:
        now = utc_now()
        finished = now if state is OperationState.SUCCEEDED else None
        return OperationRecord("op", device, kind, arguments, state, "ck", now, now, "x", finished_at=finished)


@dataclass
class World:
    app: App
    reader: FakeReader
    operations: FakeOperations
    pinged: list[str]
    config: LineTestsSection = field(
        default_factory=lambda: LineTestsSection(
            sources=SourcesSection(access_s=1.0, cpe_s=0.4, cpe_full_s=0.4, ping_s=0.5),
            partial_s=0.8,
            hard_stop_s=3.0,
            fresh_contact_s=0.0,
        )
    )
    #: echoes that a ping sends, and how many of them are answered
    echoes: tuple[int, int] = (50, 50)
    deliveries: Deliveries | None = None
    metrics: Metrics = field(default_factory=Metrics)

    def line_tests(self) -> LineTests:
        async def ping(address: str) -> PingResult:
            self.pinged.append(address)
            return PingResult(
                address, *self.echoes, rtt_min_ms=2.0, rtt_p50_ms=2.5, rtt_p95_ms=3.0, rtt_max_ms=3.0, jitter_ms=0.1
            )

        places = Places(self.app.store, self.operations, self.reader, ping, self.config, utc_now)  # type: ignore[arg-type]
        deliveries = self.deliveries or self.app.northbound.deliveries
        return LineTests(places, self.app.bus, load_profiles(), self.app.northbound.packs, deliveries, self.metrics)


@pytest.fixture
async def world(app: App) -> World:
    now = utc_now()
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LINE], now)
    await app.northbound.nodes.put(ACTOR, "olt-1", "192.0.2.1", credentials={"community": "x"})
    await informed(app, now - timedelta(seconds=30))
    async with app.store.transaction() as tx:
        await trees.write(
            tx, KEY, {name: (value, "xsd:string") for name, value in TREE.items()}, now - timedelta(hours=2)
        )
        await line_store.bind_device(tx, "L-1", KEY)
    return World(app, FakeReader(), FakeOperations(app), [])


async def informed(app: App, at: datetime) -> None:
    await app.store.sessions.open(
        opening(
            at, key=KEY, manufacturer="Huawei Technologies Co., Ltd", oui="00259E", product_class="EG8145V5",
            root="InternetGatewayDevice.", software_version="V5R020C00S280", address="192.0.2.50", values=(),
            connection_request_url="http://192.0.2.50:7547/x",
        )
    )  # fmt: skip


async def finished(tests: LineTests, test_id: str) -> Any:
    async for progress in tests.watch(ACTOR, test_id):
        if progress.kind == "ended":
            break
    return await tests.get(ACTOR, test_id)


def facts_of(record: Any) -> dict[str, dict[str, Any]]:
    return {fact["name"]: fact for fact in record.facts["facts"]}


def sources_of(record: Any) -> dict[str, str]:
    return {source["name"]: source["state"] for source in record.facts["sources"]}


async def tell(app: App, **facts: Any) -> None:
    at = utc_now()
    entries = [Entry("L-1", name.replace("__", "."), value, at) for name, value in facts.items()]
    await app.northbound.context.put_facts(ACTOR, "test", entries)


async def test_all_sources_are_asked_side_by_side_and_their_facts_stored(world: World) -> None:
    await tell(world.app, bras__session="up", bras__address="192.0.2.99", account__state="active", contacts_14d=0)
    tests = world.line_tests()
    began = asyncio.get_running_loop().time()
    record = await finished(tests, (await tests.start(ACTOR, "L-1", ticket="T", service="internet")).id)
    assert asyncio.get_running_loop().time() - began < 1.5
    assert record.state is LineTestState.DONE, record.detail
    assert sources_of(record) == {"access": "answered", "cpe-1": "answered", "ping": "answered"}
    facts = facts_of(record)
    assert facts["ont.run_state"]["value"] == "online"
    assert facts["ont.rx_dbm"]["source"] == "olt-1", "with equal age the access node is believed"
    assert facts["cpe.reachable"]["value"] is True
    assert facts["cpe.mem_free_pct"] | {} and facts["cpe.mem_free_pct"]["value"] == 50
    assert facts["cpe.mem_free_pct"]["source"] == "cpe live"
    assert facts["ping.loss_pct"]["value"] == 0
    assert facts["sib.n"]["value"] == 16
    assert facts["ticket.service"]["value"] == "internet"
    assert world.pinged == ["192.0.2.99"]
    assert "InternetGatewayDevice.DeviceInfo.UpTime" in world.operations.asked[0]["names"]
    assert record.verdict["needs_human"] is True, "the incident gate was never answered"


async def test_a_cpe_that_does_not_answer_leaves_its_cached_facts_with_their_age(world: World) -> None:
    world.operations.behaviour = "silent"
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    facts = facts_of(record)
    assert facts["cpe.mem_free_pct"]["source"] == "cpe cached"
    assert facts["cpe.mem_free_pct"]["quality"] == "stale"
    assert facts["cpe.reachable"]["value"] is True, "its last Inform stands"
    assert facts["cpe.reachable"]["age_s"] > 25


async def test_a_cpe_that_came_in_time_is_heard_to_its_end(world: World) -> None:
    """What is stored of it is from before the trouble: a slow answer is worth the seconds."""
    world.operations.behaviour, world.operations.delay_s = "comes", 0.6
    world.config = world.config.model_copy(update={"sources": SourcesSection(cpe_s=0.2, cpe_full_s=30.0)})
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert sources_of(record)["cpe-1"] == "answered"
    assert facts_of(record)["cpe.mem_free_pct"]["source"] == "cpe live"


async def test_a_cpe_that_came_and_never_answers_is_left_at_the_patience_of_a_slow_one(world: World) -> None:
    world.operations.behaviour, world.operations.delay_s = "comes", 60.0
    world.config = world.config.model_copy(update={"sources": SourcesSection(cpe_s=0.2, cpe_full_s=0.9)})
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    cpe = next(one for one in record.facts["sources"] if one["name"] == "cpe-1")
    assert (cpe["state"], cpe["problem"]) == ("late", "the device did not answer within 0.9 s")
    assert facts_of(record)["cpe.reachable"]["value"] is True, "its session is a contact"


async def test_reading_one_parameter_makes_no_other_younger(world: World) -> None:
    async with world.app.store.transaction() as tx:
        fresh = {"InternetGatewayDevice.DeviceInfo.UpTime": ("6000", "xsd:unsignedInt")}
        await trees.merge(tx, KEY, TreeUpdate(fresh, utc_now()))
    world.operations.behaviour = "silent"
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    stale = facts_of(record)["cpe.mem_free_pct"]
    assert (stale["quality"], stale["age_s"] > 7000) == ("stale", True)


async def test_a_failed_call_makes_it_unreachable_and_costs_no_time(world: World) -> None:
    world.operations.behaviour = "call fails"
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert facts_of(record)["cpe.reachable"]["value"] is False
    assert next(one for one in record.facts["sources"] if one["name"] == "cpe-1")["state"] != "late"


async def test_a_device_that_is_busy_is_waited_for(world: World) -> None:
    """It is in a session, and called again when that may be over."""
    world.operations.behaviour = "is busy"
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert next(one for one in record.facts["sources"] if one["name"] == "cpe-1")["state"] == "answered"


@pytest.mark.parametrize("result", sorted(set(Result) - {Result.ACCEPTED, Result.REFUSED, Result.TIMED_OUT}))
async def test_a_call_that_proves_nothing_makes_no_device_unreachable(world: World, result: Result) -> None:
    world.operations.behaviour, world.operations.call = "call fails", result
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert facts_of(record)["cpe.reachable"]["value"] is True, "its last Inform stands"
    cpe = next(one for one in record.facts["sources"] if one["name"] == "cpe-1")
    assert cpe["state"] == "failed"
    assert cpe["problem"] == "refused", "the words of the step"


async def test_a_line_known_by_its_serial_alone_has_its_neighbours(world: World) -> None:
    world.reader.serial = "HWTC1A2B3C4D"
    async with world.app.store.transaction() as tx:
        await line_store.upsert(tx, [replace(LINE, ont=None, gpon_serial="485754431A2B3C4D")], utc_now())
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert facts_of(record)["sib.n"]["value"] == 16


async def test_an_old_contact_does_not_contradict_a_fallen_ont(world: World) -> None:
    world.operations.behaviour, world.reader.state = "silent", "offline"
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert "cpe.reachable" not in facts_of(record)
    assert record.facts["doubts"] == []


async def test_a_live_contact_beside_an_offline_ont_is_a_doubt_about_the_inventory(world: World) -> None:
    world.reader.state = "offline"
    world.operations.delay_s = 0.2
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert facts_of(record)["cpe.reachable"]["value"] is True
    assert [doubt["fact"] for doubt in record.facts["doubts"]] == ["cpe.reachable"]
    assert record.verdict["needs_human"] is True
    assert "inventory_doubt" in record.verdict["human_reasons"]


@pytest.mark.parametrize(
    ("read", "doubts"), [("485754431A2B3C4D", 0), ("HWTC1A2B3C4D", 0), ("HWTC00000000", 1), (None, 0)]
)
async def test_another_ont_in_the_lines_place_is_a_doubt(world: World, read: str | None, doubts: int) -> None:
    world.reader.serial = read
    line = replace(LINE, gpon_serial="HWTC1A2B3C4D")
    async with world.app.store.transaction() as tx:
        await line_store.upsert(tx, [line], utc_now())
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert len(record.facts["doubts"]) == doubts


async def test_a_late_or_broken_source_never_holds_up_the_verdict(world: World) -> None:
    world.reader.delay_s = 5.0
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert record.state is LineTestState.DONE
    assert sources_of(record)["access"] == "late"
    world.reader.delay_s, world.reader.error = 0.0, ValueError("a bug")
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert sources_of(record)["access"] == "failed"
    assert record.verdict["verdict"] == "INCONCLUSIVE"


async def test_a_partial_verdict_comes_before_the_late_sources(world: World) -> None:
    world.reader.delay_s = 0.9
    world.config = world.config.model_copy(update={"partial_s": 0.3})
    tests = world.line_tests()
    started = await tests.start(ACTOR, "L-1")
    kinds = [(p.kind, p.data.get("partial")) async for p in tests.watch(ACTOR, started.id)]
    verdicts = [partial for kind, partial in kinds if kind == "verdict"]
    assert verdicts == [True, False]
    assert kinds[-1][0] == "ended"


async def test_a_running_test_is_joined(world: World) -> None:
    world.reader.delay_s = 0.2
    tests = world.line_tests()
    started = await asyncio.gather(*(tests.start(ACTOR, "L-1") for _ in range(1)))
    joined = [await tests.start(ACTOR, "L-1") for _ in range(20)]
    assert {record.id for record in joined} == {started[0].id}
    await finished(tests, started[0].id)
    assert world.reader.asked == 1


async def test_light_is_held_against_its_own_seven_days(world: World) -> None:
    now = utc_now()
    points = [Entry("L-1", "ont.rx_dbm", -20.0, now - timedelta(hours=6 * n)) for n in range(1, 28)]
    await world.app.northbound.context.put_readings(ACTOR, "nms", points)
    world.reader.rx_dbm = -27.4
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert facts_of(record)["ont.rx_delta_db"]["value"] == -7.4


async def test_light_of_less_than_two_days_is_no_baseline(world: World) -> None:
    now = utc_now()
    points = [Entry("L-1", "ont.rx_dbm", -20.0, now - timedelta(hours=6 * n)) for n in range(1, 8)]
    await world.app.northbound.context.put_readings(ACTOR, "nms", points)
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert "ont.rx_delta_db" not in facts_of(record)


async def test_the_light_before_the_fall_is_told(world: World) -> None:
    now = utc_now()
    points = [Entry("L-1", "ont.rx_dbm", -20.0, now - timedelta(hours=6 * n)) for n in range(2, 28)]
    points.append(Entry("L-1", "ont.rx_dbm", -26.0, now - timedelta(hours=1)))
    await world.app.northbound.context.put_readings(ACTOR, "nms", points)
    world.reader.state = "offline"
    tests = world.line_tests()
    facts = facts_of(await finished(tests, (await tests.start(ACTOR, "L-1")).id))
    assert facts["ont.last_rx_dbm"]["value"] == -26.0
    assert facts["ont.last_rx_delta_db"]["value"] == -6.0


async def test_unfinished_tests_are_taken_up_after_a_restart(world: World) -> None:
    world.reader.delay_s = 3600.0
    first = world.line_tests()
    started = await first.start(ACTOR, "L-1")
    async with asyncio.timeout(60):
        while not world.reader.asked:  # noqa: ASYNC110 - a fake that tells nobody
            await asyncio.sleep(0.01)
    await first.stop()
    world.reader.delay_s = 0.0
    assert (await first.get(ACTOR, started.id)).state is LineTestState.RUNNING
    second = world.line_tests()
    assert await second.resume() == 1
    assert (await finished(second, started.id)).state is LineTestState.DONE


async def test_too_many_waiting_tests_are_refused(world: World) -> None:
    world.config = world.config.model_copy(update={"at_once": 1, "waiting": 1})
    world.reader.released = asyncio.Event()
    lines = [LineRecord(f"M-{n}", "pon") for n in range(3)]
    async with world.app.store.transaction() as tx:
        await line_store.upsert(tx, lines, utc_now())
    tests = world.line_tests()
    started = [await tests.start(ACTOR, f"M-{n}") for n in range(2)]
    with pytest.raises(TooMany):
        await tests.start(ACTOR, "M-2")
    world.reader.released.set()
    for record in started:
        assert (await finished(tests, record.id)).state is LineTestState.DONE


async def test_an_unknown_line_starts_nothing(world: World) -> None:
    tests = world.line_tests()
    with pytest.raises(NotFound):
        await tests.start(ACTOR, "nowhere")
    async with world.app.store.reading() as tx:
        assert await test_store.list_line_tests(tx) == []


async def test_an_incident_above_the_line_attaches_it(world: World) -> None:

    now = utc_now()
    context = world.app.northbound.context
    await context.put_incidents(ACTOR, "noc", now, [IncidentEntry("INC-7", "olt-1/0/1", "fibre", now)])
    await context.put_planned_works(ACTOR, "noc", now, [])
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    facts = facts_of(record)
    assert facts["incident.match"]["value"] == "INC-7"
    assert facts["planned.work"]["value"] == "none"
    assert record.verdict["verdict"] == "ATTACH_OUTAGE"


async def test_what_was_read_of_another_subscribers_ont_is_left_out(world: World) -> None:
    world.reader.serial = "HWTC00000000"
    async with world.app.store.transaction() as tx:
        await line_store.upsert(tx, [replace(LINE, gpon_serial="HWTC1A2B3C4D")], utc_now())
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    facts = facts_of(record)
    assert not {"ont.run_state", "ont.olt_rx_dbm", "sib.n"} & set(facts)
    assert "cpe" in facts["ont.rx_dbm"]["source"], "what the CPE itself says stays"
    assert facts["olt.port_fault"]["value"] is False, "what concerns the port stays"
    assert record.verdict["verdict"] == "INCONCLUSIVE"
    access = next(one for one in record.facts["sources"] if one["name"] == "access")
    assert "another ONT" in access["problem"]


async def test_a_port_that_was_read_in_part_says_so_and_counts_no_neighbours(world: World) -> None:
    world.reader.problem = "the walk has 10 ONTs, 31% of the last one: dropped"
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    access = next(one for one in record.facts["sources"] if one["name"] == "access")
    assert access["state"] == "answered"
    assert "31%" in access["problem"]
    assert "sib.n" not in facts_of(record)
    assert record.verdict["needs_human"] is True


async def test_a_node_that_is_silent_on_snmp_has_not_answered(world: World) -> None:
    world.reader.silent = True
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    access = next(one for one in record.facts["sources"] if one["name"] == "access")
    assert access["state"] == "failed"
    assert "no answer" in access["problem"]
    assert facts_of(record)["olt.reachable"]["value"] is True, "ping says that it is there"
    assert record.verdict["verdict"] == "INCONCLUSIVE"


async def test_a_reboot_since_the_ticket_is_told_as_tried(world: World) -> None:
    now = utc_now()
    opened = (now - timedelta(hours=2)).isoformat()
    ticket = {"id": "TT-1", "creationDate": opened, "relatedEntity": [{"id": "L-1", "@referredType": "Line"}]}
    body = {"eventId": "e", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": ticket}}
    done = [
        ("o1", "reboot", now - timedelta(hours=3), None),
        ("o2", "get", now - timedelta(hours=1), "TT-1"),
        ("o3", "set", now - timedelta(hours=1), "TT-1"),
        ("o4", "set", now - timedelta(hours=1), "TT-0"),
        ("o5", "reboot", now - timedelta(minutes=30), None),
    ]
    async with world.app.store.transaction() as tx:
        for id_, kind, at, of in done:
            record = OperationRecord(id_, KEY, kind, {}, OperationState.SUCCEEDED, id_, at, at, "x", ticket=of)
            await operation_store.add(tx, record)
    tests = world.line_tests()
    taken = await Tickets(world.app.store, TicketsSection(), tests).receive(ACTOR, body)
    facts = facts_of(await finished(tests, str(taken.line_test)))
    assert facts["actions.tried"]["value"] == "reboot_cpe,push_settings"
    plain = facts_of(await finished(tests, (await tests.start(ACTOR, "L-1")).id))
    assert "actions.tried" not in plain, "no ticket, nothing tried for it"


async def test_own_sources_without_an_answer_are_counted_and_named_as_the_cause(world: World) -> None:
    await tell(world.app, account__state="active", contacts_14d=0)
    world.reader.error = OSError("no route")
    world.operations.behaviour = "call fails"
    old = utc_now() - timedelta(hours=5)
    context = world.app.northbound.context
    await context.put_incidents(ACTOR, "noc", old, [])
    await context.put_facts(ACTOR, "aaa", [Entry("L-1", "bras.session", "up", old)])
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert facts_of(record)["probe.sources_down"]["value"] == 3, "access node, incidents, AAA; not the CPE"
    assert record.verdict["verdict"] == "INCONCLUSIVE"
    assert record.verdict["cause"] == "own_probes_down"
    assert record.verdict["needs_human"] is True


async def test_neighbours_that_never_gasp_do_not_dilute_the_share_of_gasps(world: World) -> None:
    lines = [replace(LINE, id=f"N-{n}", ont=n, pppoe_login="", device_serials=()) for n in range(6) if n != 3]
    async with world.app.store.transaction() as tx:
        await line_store.upsert(tx, lines, utc_now())
    entries = [Entry(line.id, "ont.gasp_supported", False, utc_now()) for line in lines[:4]]
    await world.app.northbound.context.put_facts(ACTOR, "nms", entries)
    world.reader.state, world.reader.neighbours_down = "offline", 6
    world.reader.causes = {5: "dgi"}
    tests = world.line_tests()
    facts = facts_of(await finished(tests, (await tests.start(ACTOR, "L-1")).id))
    assert facts["sib.others_down_window"]["value"] == 5
    assert facts["sib.dg_ratio"]["value"] == 0.5, "one gasped, this one did not; four cannot"


async def test_what_the_port_says_of_the_ont_is_taken(world: World) -> None:
    world.reader.walked = {"ont.admin_state": "active", "ont.run_state": "offline"}
    tests = world.line_tests()
    found = facts_of(await finished(tests, (await tests.start(ACTOR, "L-1")).id))
    assert (found["ont.admin_state"]["value"], found["ont.run_state"]["value"]) == ("active", "online")


async def test_nobody_is_sent_after_a_fact_that_no_source_here_has(world: World) -> None:
    world.operations.behaviour, world.reader.state, world.reader.cause = "silent", "offline", None
    tests = world.line_tests()
    record = await finished(tests, (await tests.start(ACTOR, "L-1")).id)
    assert record.verdict["verdict"] == "INCONCLUSIVE"
    assert record.verdict["next_probe"].startswith("led."), record.verdict
