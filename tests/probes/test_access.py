import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from probes import access
from probes.access import AccessReader, NodeTarget, OntPlace
from probes.errors import ProbeRefused, ProfileError
from probes.facts import Fact, Quality
from probes.ping import PingResult
from probes.profiles.schema import load_profiles
from probes.snmp.agent import Agent, AgentTable, integer, octets, oid
from probes.snmp.ber import Pdu, decode_request
from tests.probes.conftest import StartAgent, node_of, target_of

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
PROFILE = load_profiles()["huawei-smartax"]
PLACE = OntPlace(0, 1, 1)
INDEX = PROFILE.index.encode(0, 1, 1)


def port_of(onts: int) -> AgentTable:
    """A port whose ONTs are online, all but every fourth."""
    table = AgentTable()
    for ont in range(onts):
        put(table, "serial", ont, octets(b"HWTC" + ont.to_bytes(4, "big")))
        put(table, "run_state", ont, integer(2 if ont % 4 == 3 else 1))
        put(table, "last_down_cause", ont, integer(13))
        put(table, "last_down_at", ont, octets(b"\x07\xea\x0b\x14\x15\x0e\x09\x00"))
        put(table, "rx", ont, integer(-1900 - ont))
        put(table, "olt_rx", ont, integer(7900))
    table.set(f"{PROFILE.columns['port_tx'].oid}.{INDEX}", integer(711))
    return table


def put(table: AgentTable, column: str, ont: int, cell: object) -> None:
    table.set(f"{PROFILE.columns[column].oid}.{INDEX}.{ont}", cell)  # type: ignore[arg-type]


def drop(table: AgentTable, column: str, ont: int) -> None:
    table.remove(f"{PROFILE.columns[column].oid}.{INDEX}.{ont}")


def value(facts: object, name: str) -> object:
    return {fact.name: fact.value for fact in facts}.get(name)  # type: ignore[attr-defined]


def slow(agent: Agent, matches: str, delay_s: float) -> list[int]:
    """Make GETs below one column slow; returns the list that shows how many wait at a time."""
    answer, waiting, most = agent.answer, [0], list[int]()
    prefix = tuple(map(int, matches.split(".")))

    def held(data: bytes) -> bytes | None:
        request = decode_request(data)
        agent.delay_s = delay_s if request.pdu is Pdu.GET and request.oids[0][: len(prefix)] == prefix else 0.0
        if agent.delay_s:
            waiting[0] += 1
            most.append(waiting[0])
            asyncio.get_running_loop().call_later(delay_s, lambda: waiting.__setitem__(0, waiting[0] - 1))
        return answer(data)

    agent.answer = held  # type: ignore[method-assign]
    return most


async def test_a_whole_port_is_read_with_the_light_of_those_that_are_online(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(32))
    reading = await AccessReader().read_port(node_of(agent), PROFILE, PLACE, NOW)
    assert reading.complete and reading.light_complete
    assert len(reading.onts) == 32
    assert [one.rx_dbm for one in reading.onts[:4]] == [-19.0, -19.01, -19.02, None]
    assert reading.onts[3].run_state == "offline"
    assert reading.onts[3].last_down_at == datetime(2026, 11, 20, 21, 14, 9, tzinfo=UTC)
    assert value(reading.facts, "olt.port_fault") is False


async def test_fifty_tickets_on_one_port_are_one_read(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(16))
    reader, node = AccessReader(), node_of(agent)
    readings = await asyncio.gather(*(reader.read_port(node, PROFILE, PLACE, NOW) for _ in range(50)))
    once = agent.answered
    assert all(reading is readings[0] for reading in readings)
    later = await reader.read_port(node, PROFILE, OntPlace(0, 1, 1, 7), NOW + timedelta(seconds=44))
    assert later is readings[0]
    assert agent.answered == once
    assert (await reader.read_port(node, PROFILE, PLACE, NOW + timedelta(seconds=45))).at > NOW
    assert agent.answered == 2 * once


async def test_a_caller_may_want_a_newer_reading_than_the_one_that_is_remembered(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(16))
    reader, node = AccessReader(), node_of(agent)
    first = await reader.read_port(node, PROFILE, PLACE, NOW)
    once, later = agent.answered, NOW + timedelta(seconds=5)
    newer = await asyncio.gather(
        *(reader.read_port(node, PROFILE, PLACE, later, newer_than=first.at) for _ in range(50))
    )
    assert {reading.at for reading in newer} == {later}
    assert agent.answered == 2 * once, "fifty who want it are one read"
    assert await reader.read_port(node, PROFILE, PLACE, later, newer_than=first.at) is newer[0]


async def test_a_reading_is_forgotten_when_its_time_is_over(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(4))
    reader, node = AccessReader(cache_s=0.3), node_of(agent)
    await reader.read_port(node, PROFILE, PLACE, NOW)
    (port,) = reader.olts.ports.values()
    assert port.last is not None
    async with asyncio.timeout(60):
        while port.last is not None:  # noqa: ASYNC110 - a memory that tells nobody
            await asyncio.sleep(0.02)


async def test_a_caller_that_gives_up_does_not_take_the_read_from_the_others(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(16))
    reader, node = AccessReader(), node_of(agent)
    first, second = (asyncio.create_task(reader.read_port(node, PROFILE, PLACE, NOW)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert len((await second).onts) == 16
    with pytest.raises(asyncio.CancelledError):
        await first
    await reader.close()


async def test_closing_ends_the_reads_under_way(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(4))
    agent.answering = False
    reader = AccessReader()
    reading = asyncio.create_task(reader.read_port(node_of(agent), PROFILE, PLACE, NOW))
    await asyncio.sleep(0.01)
    await reader.close()
    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_walk_that_lost_a_quarter_is_dropped_whole(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(32))
    reader, node = AccessReader(cache_s=0), node_of(agent)
    await reader.read_port(node, PROFILE, PLACE, NOW)
    for ont in range(8):
        drop(agent.table, "serial", ont)
    assert len((await reader.read_port(node, PROFILE, PLACE, NOW)).onts) == 24
    for ont in range(8, 15):
        drop(agent.table, "serial", ont)
    short = await reader.read_port(node, PROFILE, PLACE, NOW)
    assert short.onts == () and not short.complete
    assert "17 ONTs, 71% of the last one: dropped" in short.problem
    assert value(short.facts, "probe.walk_ratio") == 0.708
    # twice the same size, and whole: then the port really has become smaller
    assert len((await reader.read_port(node, PROFILE, PLACE, NOW)).onts) == 17


async def test_an_ont_whose_state_was_left_out_makes_the_reading_incomplete(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(8))
    drop(agent.table, "run_state", 5)
    reading = await AccessReader().read_port(node_of(agent), PROFILE, PLACE, NOW)
    assert reading.onts[5].run_state is None
    assert not reading.complete
    assert reading.problem == "no run state of ONT 5"


async def test_light_that_is_late_is_left_out_and_said(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(16))
    most = slow(agent, PROFILE.columns["rx"].oid, 0.1)
    reader = AccessReader(light_budget_s=0.25)
    reading = await reader.read_port(node_of(agent, snmp=target_of(agent, timeout_s=1.0)), PROFILE, PLACE, NOW)
    assert reading.complete and not reading.light_complete
    read = [one for one in reading.onts if one.rx_dbm is not None]
    assert 4 <= len(read) <= 8
    assert max(most) <= 4


async def test_an_ont_is_one_get_of_twelve_varbinds(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(4))
    facts = await AccessReader().read_ont(node_of(agent), PROFILE, OntPlace(0, 1, 1, 2), NOW)
    assert (agent.answered, agent.widest) == (1, 12)
    assert value(facts, "ont.rx_dbm") == -19.02
    assert all(fact.at == NOW and fact.source == "olt-1" for fact in facts)


async def test_an_ont_is_found_by_its_serial_and_the_port_is_remembered(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(8))
    reader, node = AccessReader(), node_of(agent)
    place = OntPlace(0, 1, 1, gpon_serial="4857544300000006")
    assert value(await reader.read_ont(node, PROFILE, place, NOW), "ont.rx_dbm") == -19.06
    reading = await reader.read_port(node, PROFILE, PLACE, NOW)
    found = reading.find(place)
    assert found is not None and found.ont == 6
    before = agent.answered
    await reader.read_ont(node, PROFILE, place, NOW)
    assert agent.answered == before + 1


@pytest.mark.parametrize(
    ("place", "raw"),
    [
        (OntPlace(0, 1, 1, 99), "ONT 99 is not on port 0/1/1"),
        (OntPlace(0, 1, 1, gpon_serial="HWTC000000FF"), "HWTC000000FF is not on port 0/1/1"),
        (OntPlace(0, 1, 1), "no ONT named is not on port 0/1/1"),
    ],
)
async def test_an_ont_that_the_port_does_not_have_is_missing(
    start_agent: StartAgent, place: OntPlace, raw: str
) -> None:
    agent = await start_agent(port_of(4))
    facts = await AccessReader().read_ont(node_of(agent), PROFILE, place, NOW)
    assert [fact.name for fact in facts] == ["olt.reachable", "ont.run_state"]
    assert (facts[1].value, facts[1].quality, facts[1].raw) == (None, Quality.MISSING, raw)


@pytest.mark.parametrize(("answers", "reachable"), [(0, False), (1, True)])
async def test_a_node_that_is_mute_on_snmp_is_asked_by_ping(
    start_agent: StartAgent, monkeypatch: pytest.MonkeyPatch, answers: int, reachable: bool
) -> None:
    async def answer(address: str, **_: object) -> PingResult:
        return PingResult(address, 2, answers)

    monkeypatch.setattr(access.ping, "ping", answer)
    agent = await start_agent(port_of(4))
    agent.answering = False
    node = node_of(agent, snmp=target_of(agent, timeout_s=0.02))
    expected = [Fact("olt.reachable", reachable, NOW, "olt-1", "snmp, ping")]
    assert await AccessReader().read_ont(node, PROFILE, OntPlace(0, 1, 1, 2), NOW) == expected
    reading = await AccessReader().read_port(node, PROFILE, PLACE, NOW)
    assert list(reading.facts) == expected
    assert reading.onts == () and not reading.complete and "did not answer" in reading.problem


async def test_without_the_right_to_ping_the_word_of_snmp_stands(
    start_agent: StartAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(address: str, **_: object) -> PingResult:
        raise ProbeRefused("no socket")

    monkeypatch.setattr(access.ping, "ping", refuse)
    agent = await start_agent(AgentTable())
    agent.answering = False
    node = node_of(agent, snmp=target_of(agent, timeout_s=0.02))
    facts = await AccessReader().read_ont(node, PROFILE, OntPlace(0, 1, 1, 2), NOW)
    assert facts == [Fact("olt.reachable", False, NOW, "olt-1", "snmp")]


async def test_a_named_profile_needs_no_question_and_a_wrong_one_is_refused(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable())
    assert await AccessReader().profile_of(node_of(agent, profile="huawei-smartax")) == PROFILE
    assert agent.answered == 0
    with pytest.raises(ProfileError, match=r"no access profile 'nonesuch'; there are: .*huawei-smartax"):
        await AccessReader().profile_of(node_of(agent, profile="nonesuch"))
    with pytest.raises(ProfileError, match="no profile knows sysObjectID none"):
        await AccessReader().profile_of(node_of(agent))


async def test_a_wrong_time_zone_or_place_is_refused_before_anything_is_sent(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(4))
    node: NodeTarget = node_of(agent, time_zone="Mars/Olympus")
    with pytest.raises(ProfileError, match="Mars/Olympus"):
        await AccessReader().read_ont(node, PROFILE, OntPlace(0, 1, 1, 2), NOW)
    with pytest.raises(ProfileError, match="port 40 does not exist here"):
        await AccessReader().read_port(node_of(agent), PROFILE, OntPlace(0, 1, 40), NOW)
    assert agent.answered == 0


async def test_the_plain_functions_read_the_same(start_agent: StartAgent) -> None:
    agent = await start_agent(port_of(4))
    facts = await access.read_ont(node_of(agent), PROFILE, OntPlace(0, 1, 1, 2), NOW)
    assert value(facts, "ont.run_state") == "online"
    assert len((await access.read_port(node_of(agent), PROFILE, PLACE, NOW)).onts) == 4


HUAWEI, ZTE = (
    ("1.3.6.1.4.1.2011.2.123", "Huawei Integrated Access Software"),
    ("1.3.6.1.4.1.3902.1082.1001.320.2.1", ""),
)


def called(table: AgentTable, object_id: str, descr: str) -> None:
    """Let the agent say that it is another one."""
    table.set("1.3.6.1.2.1.1.1.0", octets(descr.encode()))
    table.set("1.3.6.1.2.1.1.2.0", oid(object_id))


async def test_what_no_profile_knows_is_asked_again_for_it_may_be_exchanged(start_agent: StartAgent) -> None:
    table = port_of(2)
    called(table, "1.3.6.1.4.1.2", "somebody else's node")
    agent = await start_agent(table)
    reader, node = AccessReader(), node_of(agent)
    with pytest.raises(ProfileError):
        await reader.profile_of(node)
    called(table, *HUAWEI)
    assert await reader.profile_of(node) == PROFILE


async def test_what_a_node_says_of_itself_is_believed_for_an_hour(start_agent: StartAgent) -> None:
    table = port_of(2)
    called(table, *HUAWEI)
    agent = await start_agent(table)
    reader, node = AccessReader(), node_of(agent)
    hours = [0.0]
    reader.nodes.clock = lambda: 3600 * hours[0]
    assert await reader.profile_of(node) == PROFILE
    called(table, *ZTE)
    hours[0] = 0.9
    assert await reader.profile_of(node) == PROFILE
    hours[0] = 1.1
    assert (await reader.profile_of(node)).id.startswith("zte")
