"""Lines of copper: a line test reads the port of a switch, the line of a DSLAM."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acs.services.access_lines import port_facts
from acs.services.gathering import Partly, Skipped, SourceState
from acs.services.obtainable import access_facts_known
from acs.store.records import LineRecord
from probes.access import AccessReader
from probes.snmp.agent import Agent
from tests.probes.conftest import node_of, target_of
from tests.probes.snmprec import table_of

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
async def switch() -> AsyncIterator[Agent]:
    agent = Agent(table_of(FIXTURES / "switch" / "dlink-des" / "binding" / "capture.snmprec"))
    await agent.start()
    yield agent
    await agent.stop()


def reader() -> AccessReader:
    return AccessReader(rate_window_s=0.02, ping_silent=False)


async def test_a_line_of_a_switch_gets_live_facts_of_its_port(switch: Agent) -> None:
    line = LineRecord(id="17", technology="fttb", node="sw-1", port=5)
    facts = await port_facts(line, node_of(switch), reader(), NOW)
    assert not isinstance(facts, Partly)
    told = {fact.name: fact.value for fact in facts}
    assert (told["sw.port_oper"], told["sw.port_speed_mbit"], told["sw.mac_count"]) == ("up", 100.0, 1)
    assert told["dhcp.mac_matches_binding"] is True
    assert told.keys() <= access_facts_known("fttb")


async def test_a_line_of_a_dslam_gets_its_margins() -> None:
    agent = Agent(table_of(FIXTURES / "dslam" / "zyxel-ies" / "online" / "capture.snmprec"))
    await agent.start()
    line = LineRecord(id="18", technology="dsl", node="dslam-1", slot=1, port=7)
    facts = await port_facts(line, node_of(agent), reader(), NOW)
    await agent.stop()
    assert not isinstance(facts, Partly)
    assert {fact.name: fact.value for fact in facts}["dsl.snr_margin_db"] == 9.2
    assert {fact.name for fact in facts} <= access_facts_known("dsl")


async def test_a_port_that_is_not_there_a_silent_switch_and_a_line_without_a_port(switch: Agent) -> None:
    gone = await port_facts(
        LineRecord(id="17", technology="fttb", node="sw-1", port=99), node_of(switch), reader(), NOW
    )
    assert isinstance(gone, Partly) and gone.problem == "olt-1 has no port 0/0/99"
    switch.answering = False
    node = node_of(switch, snmp=target_of(switch, timeout_s=0.05, retries=0), profile="dlink-des")
    silent = await port_facts(LineRecord(id="17", technology="fttb", node="sw-1", port=5), node, reader(), NOW)
    assert isinstance(silent, Partly) and silent.state is SourceState.FAILED
    with pytest.raises(Skipped, match="no port"):
        await port_facts(LineRecord(id="17", technology="fttb", node="sw-1"), node_of(switch), reader(), NOW)


def test_what_can_be_had_is_told_by_technology() -> None:
    assert "sw.port_oper" in access_facts_known("fttb") and "ont.rx_dbm" not in access_facts_known("fttb")
    assert "dsl.snr_margin_db" in access_facts_known("dsl")
    assert "ont.rx_dbm" in access_facts_known("pon") and "sw.port_oper" not in access_facts_known("pon")
