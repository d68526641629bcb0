"""Whole nodes: what is found, what disagrees, what rounds tell the lines, and what a node feels of it."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from acs.app import App
from acs.config import PollingSection
from acs.errors import Forbidden, NotFound
from acs.services.actor import Actor, local_actor
from acs.services.polling import Polling
from acs.services.surveys import Surveys
from acs.store import facts as fact_store
from acs.store import history
from acs.store import lines as line_store
from acs.store.records import LineRecord
from probes.facts import FACTS
from probes.profiles.schema import load_profiles
from probes.snmp.agent import Agent, AgentTable, integer, octets
from tests.held_rows import meanwhile

BOSS = local_actor()
PROFILE = load_profiles()["huawei-smartax"]
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
StartOlt = Callable[[AgentTable], Awaitable[Agent]]


class Clock:
    """An instant that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def put(table: AgentTable, port: int, ont: int, serial: str, *, online: bool = True, rx: int = -1900) -> None:
    index = PROFILE.index.encode(0, 1, port)
    told = {
        "serial": octets(serial[:4].encode() + bytes.fromhex(serial[4:])),
        "run_state": integer(1 if online else 2),
        "last_down_cause": integer(13),
        "last_down_at": octets(b"\x07\xea\x0b\x14\x15\x0e\x09\x00"),
        "rx": integer(rx),
        "olt_rx": integer(7900),
    }
    for name, cell in told.items():
        table.set(f"{PROFILE.columns[name].oid}.{index}.{ont}", cell)


def olt(onts: int = 8) -> AgentTable:
    table = AgentTable()
    for ont in range(onts):
        put(table, 1 + ont % 2, ont, f"HWTC{ont:08X}", online=ont != 3, rx=-1900 - ont)
    return table


@pytest.fixture
async def start_olt(app: App) -> AsyncIterator[StartOlt]:
    running: list[Agent] = []

    async def start(table: AgentTable) -> Agent:
        agent = Agent(table)
        await agent.start()
        running.append(agent)
        credentials = {"community": "public"}
        await app.northbound.nodes.put(BOSS, "olt-1", "127.0.0.1", agent.port, PROFILE.id, credentials)
        return agent

    yield start
    for agent in running:
        await agent.stop()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def surveys(app: App, clock: Clock) -> Surveys:
    return Surveys(app.store, app.northbound.reader, app.config.polling, clock)


async def lines(app: App, *records: LineRecord) -> None:
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, records, NOW)


async def test_an_olt_is_taken_in_and_what_disagrees_is_told(app: App, surveys: Surveys, start_olt: StartOlt) -> None:
    await start_olt(olt())
    await lines(
        app,
        LineRecord("good", "pon", node="olt-1", frame=0, slot=1, port=1, ont=0, gpon_serial="HWTC00000000"),
        LineRecord("moved", "pon", node="olt-1", frame=0, slot=1, port=1, ont=1, gpon_serial="4857544300000001"),
        LineRecord("gone", "pon", node="olt-1", frame=0, slot=1, port=2, ont=99, gpon_serial="HWTC000000FF"),
        LineRecord("swapped", "pon", node="olt-1", frame=0, slot=1, port=1, ont=2, gpon_serial="ABCD00000001"),
        LineRecord("far", "pon", node="olt-2", gpon_serial="HWTC00000005"),
    )
    found = await surveys.discover(BOSS, "olt-1")
    assert (found.endpoints, found.online, found.complete, found.problem) == (8, 7, True, "")
    told = {(one.kind, one.subject): one.detail for one in found.disagreements}
    assert "0/1/2 ont 1" in told[("ont_elsewhere", "line:moved")]
    assert "no such ONT" in told[("not_there", "line:gone")]
    assert "HWTC00000002" in told[("other_serial", "line:swapped")]
    assert "0/1/2 ont 5" in told[("ont_of_another_node", "ont:HWTC00000005")]
    assert ("ont_without_line", "ont:HWTC00000004") in told
    assert not any(subject == "line:good" for _, subject in told)
    (seen,) = await surveys.find(BOSS, "4857544300000006")
    assert (seen.node, seen.slot, seen.port, seen.ont, seen.state) == ("olt-1", 1, 1, 6, "online")
    assert len(await surveys.endpoints(BOSS, "olt-1")) == 8
    assert await surveys.disagreements(BOSS, "olt-1") == list(found.disagreements)
    with pytest.raises(NotFound):
        await surveys.discover(BOSS, "olt-9")


async def test_a_line_that_names_its_ont_gets_its_place_only_when_asked(
    app: App, surveys: Surveys, start_olt: StartOlt
) -> None:
    await start_olt(olt())
    await lines(app, LineRecord("new", "pon", node="olt-1", gpon_serial="HWTC00000003"))
    await surveys.discover(BOSS, "olt-1")
    async with app.store.reading() as tx:
        before = await line_store.get(tx, "new")
    assert before is not None and before.port is None
    reader = Actor("reader", "token", frozenset({"operate", "read"}))
    with pytest.raises(Forbidden):
        await surveys.discover(reader, "olt-1", place=True)
    found = await surveys.discover(BOSS, "olt-1", place=True)
    assert found.placed == ("new",)
    async with app.store.reading() as tx:
        after = await line_store.get(tx, "new")
    assert after is not None
    assert (after.frame, after.slot, after.port, after.ont) == (0, 1, 2, 3)


async def test_what_is_said_of_a_line_while_it_gets_its_place_is_kept(
    app_on_both: App, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_on_both
    agent = Agent(olt())
    await agent.start()
    await app.northbound.nodes.put(BOSS, "olt-1", "127.0.0.1", agent.port, PROFILE.id, {"community": "public"})
    await lines(app, LineRecord("new", "pon", node="olt-1", gpon_serial="HWTC00000003"))
    others = meanwhile(
        monkeypatch, app.store, line_store, "upsert",
        lambda: app.northbound.lines.import_csv(BOSS, "id,technology,account\nnew,pon,A-7\n"),
    )  # fmt: skip
    surveys = Surveys(app.store, app.northbound.reader, app.config.polling, clock)
    found = await surveys.discover(BOSS, "olt-1", place=True)
    await others[0]
    await agent.stop()
    async with app.store.reading() as tx:
        after = await line_store.get(tx, "new")
    assert found.placed == ("new",) and after is not None
    assert (after.port, after.ont, after.account) == (2, 3, "A-7")


async def test_rounds_keep_light_falls_and_the_light_of_the_first_days(
    app: App, surveys: Surveys, start_olt: StartOlt, clock: Clock
) -> None:
    agent = await start_olt(olt())
    await lines(app, LineRecord("six", "pon", node="olt-1", frame=0, slot=1, port=1, ont=6))
    for _ in range(4):
        await surveys.discover(BOSS, "olt-1")
        clock.now += timedelta(hours=20)
    put(agent.table, 1, 6, "HWTC00000006", online=False)
    last_down = octets(b"\x07\xea\x0b\x18\x10\x00\x00\x00")
    agent.table.set(f"{PROFILE.columns['last_down_at'].oid}.{PROFILE.index.encode(0, 1, 1)}.6", last_down)
    await surveys.discover(BOSS, "olt-1")
    async with app.store.reading() as tx:
        light = await history.readings(tx, "six", "ont.rx_dbm", NOW, clock.now)
        facts = await fact_store.latest(tx, "six")
    assert [point.value for point in light] == [-19.06] * 4
    assert facts["ont.birth_rx_dbm"].value == -19.06
    assert facts["ont.flaps_24h"].value == 1
    assert facts["ont.flaps_24h"].source == "polling olt-1"


async def test_a_walk_of_under_three_quarters_is_dropped_and_said(
    app: App, surveys: Surveys, start_olt: StartOlt, clock: Clock
) -> None:
    agent = await start_olt(olt())
    await lines(app, LineRecord("one", "pon", node="olt-1", frame=0, slot=1, port=2, ont=1))
    assert (await surveys.discover(BOSS, "olt-1")).complete
    for port, ont in ((1, 2), (1, 4), (1, 6)):
        for column in PROFILE.columns.values():
            agent.table.remove(f"{column.oid}.{PROFILE.index.encode(0, 1, port)}.{ont}")
    clock.now += timedelta(hours=1)
    dropped = await surveys.discover(BOSS, "olt-1")
    assert not dropped.complete
    assert "5 ONTs, 62% of the last one: dropped" in dropped.problem
    (poll,) = await surveys.polls(BOSS)
    assert (poll.endpoints, poll.complete) == (8, False)
    async with app.store.reading() as tx:
        light = await history.readings(tx, "one", "ont.rx_dbm", NOW, clock.now + timedelta(hours=1))
    assert len(light) == 1
    assert len(await surveys.endpoints(BOSS, "olt-1")) == 8


async def test_a_node_that_is_silent_is_said_and_nothing_known_is_lost(
    app: App, surveys: Surveys, start_olt: StartOlt, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = await start_olt(olt())
    await surveys.discover(BOSS, "olt-1")
    agent.answering = False
    monkeypatch.setattr("acs.services.surveys._TIMEOUT_S", 0.05)
    found = await surveys.discover(BOSS, "olt-1")
    assert not found.complete and "did not answer SNMP" in found.problem
    assert len(await surveys.endpoints(BOSS, "olt-1")) == 8
    (poll,) = await surveys.polls(BOSS)
    assert poll.endpoints == 8


def test_a_count_of_falls_is_believed_until_the_next_round_has_counted() -> None:
    usual = PollingSection()
    latest_s = usual.interval_s * (1 + usual.jitter / 2) + usual.budget_s
    assert latest_s < (FACTS["ont.flaps_24h"].max_age_s or 0)


async def test_a_round_comes_when_it_is_due_with_jitter(
    app: App, surveys: Surveys, start_olt: StartOlt, clock: Clock
) -> None:
    agent = await start_olt(olt())
    config = app.config.polling.model_copy(update={"interval_s": 1000.0})
    rounds = Polling(app.store, surveys, config, app.metrics, clock, chance=random.Random(1))
    assert await rounds.round() == []
    clock.now += timedelta(seconds=200)
    (first,) = await rounds.round()
    assert first.complete and first.endpoints == 8
    asked = agent.answered
    assert await rounds.round() == []
    assert agent.answered == asked
    clock.now += timedelta(seconds=890)
    early = await rounds.round()
    clock.now += timedelta(seconds=220)
    late = await rounds.round()
    assert len(early) + len(late) == 1
