"""Every folder below fixtures/switch and fixtures/dslam is a test; and what counters become between two reads."""

import asyncio
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from probes.access import AccessReader, NodeTarget, PortPlace
from probes.facts import Fact, Quality
from probes.profiles.schema import load_switches
from probes.snmp.agent import Agent, AgentTable, Cell, Kind, integer
from tests.probes.conftest import StartAgent, node_of, target_of
from tests.probes.snmprec import table_of

FOLDER = Path(__file__).parents[2] / "fixtures"
CASES = sorted(path.parent for kind in ("switch", "dslam") for path in (FOLDER / kind).glob("*/*/case.toml"))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


async def read(agent: Agent, kind: str, place: PortPlace) -> tuple[str, list[Fact]]:
    reader, node = AccessReader(rate_window_s=0.02), NodeTarget("node-1", target_of(agent))
    if kind == "switch":
        switch = await reader.switch_profile_of(node)
        return switch.id, await reader.read_switch_port(node, switch, place, NOW)
    dslam = await reader.dslam_profile_of(node)
    return dslam.id, await reader.read_dsl_line(node, dslam, place, NOW)


@pytest.mark.parametrize("folder", CASES, ids=lambda path: "/".join(path.parts[-3:]))
async def test_a_capture_gives_its_expected_facts(folder: Path, start_agent: StartAgent) -> None:
    case, expected = (tomllib.loads((folder / name).read_text("utf-8")) for name in ("case.toml", "expected.toml"))
    kind = folder.parts[-3]
    agent = await start_agent(table_of(folder / "capture.snmprec"))
    name, facts = await read(agent, kind, PortPlace(**case["place"]))
    assert name == case["profile"]
    told: dict[str, Any] = {fact.name: fact.value for fact in facts if fact.quality is Quality.OK}
    assert told.pop("sw.reachable" if kind == "switch" else "dslam.reachable") is True
    assert told == expected


def test_two_encodings_of_one_line_give_equal_facts() -> None:
    """The truths of fixtures are written by hand; what both standard tables can say is the same in both."""
    vdsl2, adsl = (
        tomllib.loads((FOLDER / "dslam" / "generic" / name / "expected.toml").read_text("utf-8"))
        for name in ("vdsl2", "adsl")
    )
    both = vdsl2.keys() & adsl.keys()
    assert {name: vdsl2[name] for name in both} == {name: adsl[name] for name in both}
    assert len(both) >= 20


def counters(octets: int, frames: int, crc: int, late: int, fragments: int) -> dict[str, Cell]:
    return {
        "1.3.6.1.2.1.2.2.1.8.5": integer(1),
        "1.3.6.1.2.1.31.1.1.1.6.5": Cell(Kind.COUNTER64, octets),
        "1.3.6.1.2.1.31.1.1.1.7.5": Cell(Kind.COUNTER64, frames),
        "1.3.6.1.2.1.10.7.2.1.3.5": Cell(Kind.COUNTER32, crc),
        "1.3.6.1.2.1.10.7.2.1.8.5": Cell(Kind.COUNTER32, late),
        "1.3.6.1.2.1.16.1.1.1.11.5": Cell(Kind.COUNTER32, fragments),
    }


async def test_rates_come_from_two_reads_across_a_wrap(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable(counters(0, 0, 4294967290, 7, 0)))
    reader, node = AccessReader(rate_window_s=0.02), node_of(agent)
    profile = load_switches()["generic"]
    await reader.read_switch_port(node, profile, PortPlace(5), NOW)
    agent.table.set_many(counters(750_000_000, 999_990, 4, 9, 30))
    later = NOW + timedelta(seconds=600)
    facts = {fact.name: fact.value for fact in await reader.read_switch_port(node, profile, PortPlace(5), later)}
    assert facts["sw.in_mbit"] == pytest.approx(10.0, abs=0.01)
    assert facts["sw.crc_ppm"] == 10.0
    assert facts["sw.late_collisions"] == 2
    assert facts["sw.frames_15min"] == pytest.approx(1_499_985, rel=0.01)
    assert facts["sw.runts_15min"] == 45


async def test_counters_that_were_reset_give_no_rate_and_few_frames_no_share(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable(counters(10**9, 10**6, 3_000_000, 7, 0)))
    reader, node = AccessReader(rate_window_s=0.02), node_of(agent)
    profile = load_switches()["generic"]
    await reader.read_switch_port(node, profile, PortPlace(5), NOW)
    agent.table.set_many(counters(1000, 10, 2, 0, 0))
    later = NOW + timedelta(seconds=600)
    facts = {fact.name for fact in await reader.read_switch_port(node, profile, PortPlace(5), later)}
    assert not facts & {"sw.in_mbit", "sw.crc_ppm", "sw.late_collisions"}


async def test_fifty_tickets_on_one_switch_port_are_one_read(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(FOLDER / "switch" / "generic" / "standard" / "capture.snmprec"))
    reader, node = AccessReader(rate_window_s=0.02), node_of(agent)
    profile = load_switches()["generic"]
    await reader.read_switch_port(node, profile, PortPlace(6), NOW)
    before = agent.answered
    one = await AccessReader(rate_window_s=0.02).read_switch_port(node, profile, PortPlace(5), NOW)
    alone = agent.answered - before
    many = await asyncio.gather(*(reader.read_switch_port(node, profile, PortPlace(5), NOW) for _ in range(50)))
    assert agent.answered - before <= 2 * alone
    assert all(facts is many[0] for facts in many)
    assert len(one) == len(many[0])


async def test_a_cable_that_was_plugged_in_since_is_seen_by_the_next_test(start_agent: StartAgent) -> None:
    """A port has one line: the state of a moment ago must not answer the test that somebody asks for now."""
    agent = await start_agent(AgentTable(counters(0, 0, 0, 0, 0)))
    reader, node = AccessReader(rate_window_s=0.02), node_of(agent)
    profile = load_switches()["generic"]
    agent.table.set_many({"1.3.6.1.2.1.2.2.1.8.5": integer(2)})
    facts = {fact.name: fact.value for fact in await reader.read_switch_port(node, profile, PortPlace(5), NOW)}
    assert facts["sw.port_oper"] == "down"
    agent.table.set_many({"1.3.6.1.2.1.2.2.1.8.5": integer(1)})
    later = NOW + timedelta(seconds=40)
    facts = {fact.name: fact.value for fact in await reader.read_switch_port(node, profile, PortPlace(5), later)}
    assert facts["sw.port_oper"] == "up"


async def test_a_port_that_is_not_there_and_a_node_that_is_silent(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(FOLDER / "switch" / "generic" / "standard" / "capture.snmprec"))
    profile = load_switches()["generic"]
    node = node_of(agent, snmp=target_of(agent, timeout_s=0.05, retries=0))
    reader = AccessReader(rate_window_s=0.02, ping_silent=False)
    lost = await reader.read_switch_port(node_of(agent), profile, PortPlace(99), NOW)
    assert [fact.name for fact in lost] == ["sw.reachable", "sw.port_oper"]
    assert lost[1].quality is Quality.MISSING and lost[1].raw == "olt-1 has no port 0/0/99"
    agent.answering = False
    silent = await AccessReader(ping_silent=False).read_switch_port(node, profile, PortPlace(5), NOW)
    assert [(fact.name, fact.value) for fact in silent] == [("sw.reachable", False)]
