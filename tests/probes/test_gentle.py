"""What a node feels of many callers: every test counts the questions at the agent."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from probes.errors import ProbeRefused, ProbeTimeout, ProbeUnreadable
from probes.gentle import BreakerState, Gentle, Limits, polling
from probes.pacing import Lane, NodeGate, Urgency
from probes.quiet import QuietHours
from probes.snmp.agent import Agent, AgentTable, integer, text
from probes.snmp.ber import decode_request
from probes.snmp.target import WriteAccess
from tests.probes.conftest import StartAgent, target_of

ROOT = "1.3.6.1.4.1.99999.1"
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def rows(count: int) -> AgentTable:
    return AgentTable({f"{ROOT}.{row}": integer(row) for row in range(count)})


def counted(agent: Agent, answer: Callable[[bytes], bytes | None] | None = None) -> list[bytes]:
    """Every datagram that comes to the agent, answered or not."""
    seen, real = list[bytes](), agent.answer

    def note(data: bytes) -> bytes | None:
        seen.append(data)
        return (answer or real)(data)

    agent.answer = note  # type: ignore[method-assign]
    return seen


async def test_fifty_callers_with_one_question_are_one_question(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(10))
    agent.delay_s = 0.02
    seen, gentle, target = counted(agent), Gentle(), target_of(agent)
    answers = await asyncio.gather(*(gentle.get(target, [f"{ROOT}.1"]) for _ in range(50)))
    assert {one.value[f"{ROOT}.1"] for one in answers} == {1}
    assert len(seen) == 1
    walks = await asyncio.gather(*(gentle.walk(target, ROOT) for _ in range(50)))
    assert all(walk.complete and len(walk.rows) == 10 for walk in walks)
    assert len(seen) <= 4


async def test_an_answer_serves_those_who_take_an_older_one_and_says_how_old_it_is(start_agent: StartAgent) -> None:
    agent, clock = await start_agent(rows(10)), Clock()
    seen, gentle, target = counted(agent), Gentle(clock=clock), target_of(agent)
    assert (await gentle.get(target, [ROOT + ".1"])).age_s == 0
    clock.now += 2.5
    assert (await gentle.get(target, [ROOT + ".1"], max_age_s=5)).age_s == 2.5
    assert len(seen) == 1
    assert (await gentle.get(target, [ROOT + ".1"])).age_s == 0
    assert len(seen) == 2
    clock.now += 9
    assert (await gentle.get(target, [ROOT + ".1"], max_age_s=5)).age_s == 0
    assert len(seen) == 3


async def test_a_silent_node_is_asked_a_few_times_by_fifty_callers_and_then_left_alone(start_agent: StartAgent) -> None:
    agent, clock = await start_agent(rows(100)), Clock()
    agent.answering = False
    seen, gentle = counted(agent), Gentle(Limits(failures=5, rest_s=15), clock=clock)
    target = target_of(agent, timeout_s=0.05, retries=1)
    asked = (gentle.get(target, [f"{ROOT}.{row}"]) for row in range(50))
    ended = await asyncio.gather(*asked, return_exceptions=True)
    assert all(isinstance(error, ProbeTimeout) for error in ended)
    assert any("is left alone for 15 s more: 5 tries in a row failed" in str(error) for error in ended)
    # five failures open the breaker; at most three more were on their way by then
    assert 5 <= len(seen) <= 8
    assert gentle.state_of(target).breaker is BreakerState.RESTING
    with pytest.raises(ProbeTimeout, match="no answer in time"):
        await gentle.get(target, [f"{ROOT}.99"])
    assert len(seen) <= 8


async def test_a_node_that_has_rested_is_tried_once_and_taken_back_when_it_answers(start_agent: StartAgent) -> None:
    agent, clock = await start_agent(rows(100)), Clock()
    agent.answering = False
    seen, gentle = counted(agent), Gentle(Limits(failures=2, rest_s=10), clock=clock)
    target = target_of(agent, timeout_s=0.03, retries=1)
    with pytest.raises(ProbeTimeout):
        await gentle.get(target, [f"{ROOT}.1"])
    clock.now += 11
    before = len(seen)
    ended = await asyncio.gather(*(gentle.get(target, [f"{ROOT}.{row}"]) for row in range(20)), return_exceptions=True)
    assert all(isinstance(error, ProbeTimeout) for error in ended)
    assert len(seen) == before + 1
    assert "20 s more" in str(ended[-1])
    clock.now += 21
    agent.answering = True
    patient = target_of(agent)
    answers = await asyncio.gather(*(gentle.get(patient, [f"{ROOT}.{row}"]) for row in range(20)))
    assert [one.value[f"{ROOT}.{row}"] for row, one in enumerate(answers)] == list(range(20))
    assert gentle.state_of(target).breaker is BreakerState.CLOSED


async def test_rubbish_opens_the_breaker_and_stays_rubbish(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(10))
    seen, gentle = counted(agent, lambda _: b"\x30\x03abc"), Gentle(Limits(failures=3))
    target = target_of(agent, timeout_s=0.1, retries=0)
    kinds = set()
    for row in range(20):
        with pytest.raises((ProbeUnreadable, ProbeTimeout)) as raised:
            await gentle.get(target, [f"{ROOT}.{row}"])
        kinds.add(type(raised.value))
    assert ProbeUnreadable in kinds
    assert len(seen) == 3
    assert "no SNMP" in gentle.state_of(target).reason


async def test_a_slow_node_is_asked_less_at_once(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(100))
    gentle = Gentle(Limits(at_once=4, failures=50))
    target = target_of(agent, timeout_s=0.05, retries=0)
    agent.delay_s = 0.3
    ended = await asyncio.gather(*(gentle.get(target, [f"{ROOT}.{row}"]) for row in range(6)), return_exceptions=True)
    assert all(isinstance(error, ProbeTimeout) for error in ended)
    assert gentle.state_of(target).in_flight_limit == 1
    agent.delay_s = 0.0
    for row in range(12):
        await gentle.get(target_of(agent), [f"{ROOT}.{row}"])
    assert gentle.state_of(target).in_flight_limit == 4


async def test_a_person_goes_before_the_next_question_of_a_poll(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(400))
    agent.delay_s = 0.005
    seen = counted(agent)
    gentle, target = Gentle(Limits(at_once=1, polling_per_second=1000)), target_of(agent, max_repetitions=10)
    with polling():
        poll = asyncio.create_task(gentle.walk(target, ROOT))
    async with asyncio.timeout(60):
        while len(seen) < 2:  # noqa: ASYNC110 - an agent that tells nobody
            await asyncio.sleep(0.001)
    before = len(seen)
    await gentle.get(target, [f"{ROOT}.399"])
    # the poll's question that was on its way, and its next one at most
    assert len(seen) - before <= 3
    assert not poll.done()
    assert len((await poll).rows) == 400


async def test_polling_keeps_to_its_budget_and_a_person_who_joins_lifts_it() -> None:
    clock = Clock()
    gate = NodeGate("olt-1", Limits(at_once=4, per_second=1000, burst=1000, polling_per_second=2), clock)
    lanes = [Lane(Urgency.POLLING) for _ in range(6)]
    went: list[int] = []

    async def ask(number: int) -> None:
        async with gate.turn(lanes[number]):
            went.append(number)

    tasks = [asyncio.create_task(ask(number)) for number in range(6)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert went == [0, 1]
    lanes[4].join(Urgency.OPERATOR)
    await asyncio.wait_for(tasks[4], 60)
    assert went == [0, 1, 4]
    assert gate.waiting == 3
    for task in tasks[2:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert gate.waiting == 0


async def test_a_caller_who_leaves_the_queue_takes_nothing_with_him() -> None:
    gate = NodeGate("olt-1", Limits(at_once=1), Clock())
    holding = asyncio.Event()

    async def hold() -> None:
        async with gate.turn(Lane(Urgency.OPERATOR)):
            await holding.wait()

    first = asyncio.create_task(hold())
    second = asyncio.create_task(hold())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    holding.set()
    await first
    async with gate.turn(Lane(Urgency.OPERATOR)):
        assert gate.waiting == 0


async def test_a_set_needs_the_switch_its_own_credentials_and_an_hour_that_is_not_quiet(
    start_agent: StartAgent,
) -> None:
    agent = await start_agent(rows(1))
    seen, target, access = counted(agent), target_of(agent), WriteAccess("write")
    values = {f"{ROOT}.0": integer(5)}
    with pytest.raises(ProbeRefused, match="SET is switched off"):
        await Gentle().set(target, access, values, now=NOON)
    with pytest.raises(ProbeRefused, match="no credentials for SET"):
        await Gentle(may_write=True).set(target, None, values, now=NOON)
    quiet = QuietHours.parse(["11:00-13:30"])
    with pytest.raises(ProbeRefused, match=r"quiet hours until 2026-11-21T13:30\+00:00"):
        await Gentle(may_write=True, quiet=quiet).set(target, access, values, now=NOON, intrusive=True)
    assert seen == []


@pytest.mark.parametrize(
    ("span", "hour", "end"),
    [
        ("22:00-07:30", 23, "2026-11-22T07:30"),
        ("22:00-07:30", 3, "2026-11-21T07:30"),
        ("22:00-07:30", 12, None),
        ("11:00-13:00", 12, "2026-11-21T13:00"),
        ("11:00-12:00", 12, None),
        ("00:00-00:00", 12, "2026-11-22T00:00"),
    ],
)
def test_quiet_hours_hold_over_midnight(span: str, hour: int, end: str | None) -> None:
    found = QuietHours.parse([span]).ends_at(NOON.replace(hour=hour))
    assert (None if found is None else found.isoformat()[:16]) == end


async def test_what_an_agent_can_do_is_remembered_for_the_next_walk(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable({f"{ROOT}.{row}": text("x" * 20) for row in range(300)}))
    real = agent.answer
    seen = counted(agent, lambda data: None if decode_request(data).second > 6 else real(data))
    gentle, target = Gentle(Limits(failures=50)), target_of(agent, timeout_s=0.05, retries=2)
    first = await gentle.walk(target, ROOT)
    assert first.complete and len(first.rows) == 300
    second = await gentle.walk(target, ROOT)
    assert second.rows == first.rows
    lost = [data for data in seen if decode_request(data).second > 6]
    assert len(lost) <= 4
