"""A node that was silent before it said what it is, and light that is no light."""

from datetime import UTC, datetime, timedelta

import pytest

from acs.services.access_lines import port_facts
from acs.services.derived import light_facts
from acs.services.gathering import Partly, SourceState
from acs.store.records import LineRecord
from probes.access import AccessReader
from probes.facts import Fact
from probes.snmp.agent import Agent, AgentTable
from tests.probes.conftest import node_of, target_of

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("technology", "fact"), [("fttb", "sw.reachable"), ("dsl", "dslam.reachable")])
async def test_a_node_that_is_silent_from_the_first_question_is_said_to_be(technology: str, fact: str) -> None:
    agent = Agent(AgentTable())
    await agent.start()
    agent.answering = False
    target = node_of(agent, snmp=target_of(agent, timeout_s=0.05, retries=0))
    line = LineRecord(id="17", technology=technology, node="sw-1", port=5)
    told = await port_facts(line, target, AccessReader(ping_silent=False), NOW)
    await agent.stop()
    assert isinstance(told, Partly) and told.state is SourceState.FAILED
    assert [(one.name, one.value) for one in told.facts] == [(fact, False)]


@pytest.mark.parametrize(("level", "steps"), [(-40.0, 0), (0.0, 0), (-28.1, 1)])
def test_a_level_that_means_no_reading_is_no_step_of_the_light(level: float, steps: int) -> None:
    class OnlyLight:
        own_light = tuple((NOW - timedelta(hours=12 * n), -20.4) for n in range(14, 0, -1))

    facts = light_facts(OnlyLight(), {"ont.rx_dbm": Fact("ont.rx_dbm", level, NOW, "olt")})  # type: ignore[arg-type]
    assert [fact.name for fact in facts] == ["ont.rx_delta_db"] * steps
