"""An OLT that is silent, slow, or talks rubbish, asked by fifty tickets: few questions, and no verdict built on it."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from acs.app import App
from acs.services.actor import local_actor
from acs.store import lines as line_store
from acs.store.records import LineRecord
from probes.snmp.agent import Agent, integer, octets
from probes.snmp.ber import decode_request, encode_response
from tests.probes.snmprec import table_of
from tests.probes.test_cli_probe import CASE
from tests.services.test_line_tests import finished
from tests.services.test_surveys import NOW

BOSS = local_actor()
TICKETS = 50
RECORDING = CASE / "capture.snmprec"
SYSTEM = "1.3.6.1.2.1.1."
#: verdicts that send nobody, repair nothing and promise nothing
QUIET = {"INCONCLUSIVE", "MONITOR_24H"}
ACCESS = ("olt.", "ont.")
#: what the inventory says of a line that says nothing
OF_THE_INVENTORY = {"ont.optical_class"}
#: on what a verdict could be built; of nonsense a number may lie in its range by chance, as a distance does
DECISIVE = {"ont.run_state", "ont.last_down_cause", "ont.rx_dbm", "ont.olt_rx_dbm"}
Break = Callable[[Agent], None]


def silent(agent: Agent) -> None:
    agent.answering = False


def slow(agent: Agent) -> None:
    agent.delay_s = 8.0


def no_snmp(agent: Agent) -> None:
    agent.answer = lambda _: b"\x30\x03abc"  # type: ignore[method-assign]


def only_errors(agent: Agent) -> None:
    agent.answer = lambda data: encode_response(decode_request(data), b"", error=5)  # type: ignore[method-assign]


def nonsense(agent: Agent) -> None:
    """Every column holds what its MIB does not know: numbers far out of range, states that do not exist."""
    dice = random.Random(7)
    for line in RECORDING.read_text(encoding="utf-8").splitlines():
        oid = line.split("|", 1)[0]
        if oid and not oid.startswith(SYSTEM):
            odd = integer(dice.choice((-7_777_777, 9_999, 1_000_000)))
            agent.table.set(oid, odd if dice.random() < 0.5 else octets(dice.randbytes(11)))


@pytest.fixture
async def agent(app: App) -> AsyncIterator[Agent]:
    """The OLT with fifty lines on one of its ports."""
    agent = Agent(table_of(RECORDING))
    await agent.start()
    await app.northbound.nodes.put(BOSS, "olt-1", "127.0.0.1", agent.port, "huawei-smartax", {"community": "public"})
    lines = [
        LineRecord(f"L{n:02}", "pon", node="olt-1", frame=0, slot=1, port=1, ont=n, splitter=f"s{n // 8}")
        for n in range(TICKETS)
    ]
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, lines, NOW)
    yield agent
    await agent.stop()


def counted(agent: Agent) -> list[bytes]:
    """Every datagram that it is sent from now on."""
    answer, datagrams = agent.answer, list[bytes]()

    def note(data: bytes) -> bytes | None:
        datagrams.append(data)
        return answer(data)

    agent.answer = note  # type: ignore[method-assign]
    return datagrams


@pytest.mark.parametrize("broken", [silent, slow, no_snmp, only_errors, nonsense], ids=lambda one: one.__name__)
async def test_no_verdict_is_built_on_it_and_it_is_left_alone(app: App, agent: Agent, broken: Break) -> None:
    broken(agent)
    datagrams, tests = counted(agent), app.northbound.line_tests
    started = [await tests.start(BOSS, f"L{n:02}", deadline_s=6.0) for n in range(TICKETS)]
    records = await asyncio.gather(*(finished(tests, one.id) for one in started))
    assert {record.verdict["verdict"] for record in records} <= QUIET, [_why(one) for one in records[:3]]
    assert 0 < len(datagrams) <= 2 * TICKETS, "a node that cannot be read is left alone"
    for record in records:
        assert not _believed(record) & DECISIVE, _why(record)
        access = {"state": "late", "problem": "it did not end in time"}
        access |= next((one for one in record.facts["sources"] if one["name"] == "access"), {})
        if broken is not nonsense:
            assert _believed(record) <= {"olt.reachable"}, _why(record)
            assert access["problem"] and access["state"] != "answered", access


def _believed(record: Any) -> set[str]:
    facts = record.facts["facts"]
    good = {one["name"] for one in facts if one["name"].startswith(ACCESS) and one["quality"] == "ok"}
    return good - OF_THE_INVENTORY


def _why(record: Any) -> tuple[Any, ...]:
    good = [(one["name"], one["value"]) for one in record.facts["facts"] if one["quality"] == "ok"]
    return record.verdict["verdict"], record.verdict["cause"], good
