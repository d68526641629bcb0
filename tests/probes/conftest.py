"""Agents on the loopback for the probe tests."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace

import pytest

from probes.access import NodeTarget
from probes.snmp.agent import Agent, AgentTable
from probes.snmp.client import SnmpTarget

StartAgent = Callable[[AgentTable], Awaitable[Agent]]


@pytest.fixture
async def start_agent() -> AsyncIterator[StartAgent]:
    """Starts agents that end with the test."""
    running: list[Agent] = []

    async def start(table: AgentTable) -> Agent:
        agent = Agent(table)
        await agent.start()
        running.append(agent)
        return agent

    yield start
    for agent in running:
        await agent.stop()


def target_of(agent: Agent, **changes: object) -> SnmpTarget:
    """How to read an agent on the loopback; patient enough for a busy machine."""
    plain = SnmpTarget("127.0.0.1", agent.port, timeout_s=1.0, retries=1)
    return replace(plain, **changes)  # type: ignore[arg-type]


def node_of(agent: Agent, **changes: object) -> NodeTarget:
    """An access node on the loopback."""
    return replace(NodeTarget("olt-1", target_of(agent)), **changes)  # type: ignore[arg-type]
