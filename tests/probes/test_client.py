import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable

import pytest

from probes.errors import ProbeRefused, ProbeTimeout, ProbeUnreadable
from probes.snmp import client
from probes.snmp.agent import Agent, AgentTable, integer, text
from probes.snmp.ber import Cell, Kind, decode_request, encode_response, encode_varbind, parse_oid
from probes.snmp.client import SnmpTarget, V3User, Version
from tests.probes.conftest import StartAgent, target_of

ROOT = "1.3.6.1.4.1.99999.1"
Answer = Callable[[bytes], bytes | None]


@pytest.fixture
async def odd_agent() -> AsyncIterator[Callable[[Answer], "asyncio.Future[SnmpTarget]"]]:
    """Agents whose answers a test writes itself."""
    running: list[Agent] = []

    async def start(answer: Answer) -> SnmpTarget:
        agent = Agent(AgentTable())
        agent.answer = answer  # type: ignore[method-assign]
        await agent.start()
        running.append(agent)
        return target_of(agent, timeout_s=0.1)

    yield start  # type: ignore[misc]
    for agent in running:
        await agent.stop()


def rows(count: int) -> AgentTable:
    return AgentTable({f"{ROOT}.{row}": integer(row) for row in range(count)})


async def test_a_get_leaves_out_what_the_agent_does_not_have(start_agent: StartAgent) -> None:
    target = target_of(await start_agent(rows(3)))
    assert await client.get(target, [f"{ROOT}.1", f"{ROOT}.77"]) == {f"{ROOT}.1": 1}
    assert await client.get(target, []) == {}


async def test_a_get_of_many_oids_goes_in_parts(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(100))
    found = await client.get(target_of(agent), [f"{ROOT}.{row}" for row in range(100)])
    assert len(found) == 100
    assert agent.answered == 5
    assert agent.widest == client.MAX_VARBINDS


async def test_a_get_that_is_too_big_for_the_agent_is_split(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable({f"{ROOT}.{row}": text("x" * 100) for row in range(24)}))
    assert len(await client.get(target_of(agent), [f"{ROOT}.{row}" for row in range(24)])) == 24


async def test_version_1_reads_around_an_oid_that_does_not_exist(start_agent: StartAgent) -> None:
    target = target_of(await start_agent(rows(8)), version=Version.V1)
    wanted = [f"{ROOT}.{row}" for row in (0, 1, 99, 3)]
    assert list((await client.get(target, wanted)).values()) == [0, 1, 3]
    assert len((await client.walk(target, ROOT)).rows) == 8


async def test_a_walk_stays_below_its_root_and_ends_at_the_end_of_the_table(start_agent: StartAgent) -> None:
    table = rows(60)
    table.set("1.3.6.1.4.1.99999.2.1", integer(1))
    target = target_of(await start_agent(table))
    assert len((await client.walk(target, ROOT)).rows) == 60
    assert (await client.walk(target, "1.3.6.1.4.1.99999.2")).rows == (("1.3.6.1.4.1.99999.2.1", 1),)
    assert (await client.walk(target, "1.3.6.1.4.1.99999.3")).rows == ()


async def test_a_walk_of_more_rows_than_allowed_says_so(start_agent: StartAgent) -> None:
    found = await client.walk(target_of(await start_agent(rows(60))), ROOT, limit=10)
    assert len(found.rows) == 10
    assert not found.complete
    assert "more than 10 rows" in found.problem


async def test_a_silent_agent_is_a_timeout_after_growing_waits(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(1))
    agent.answering = False
    began = time.perf_counter()
    with pytest.raises(ProbeTimeout, match=f"127.0.0.1 port {agent.port} did not answer SNMP in 3 tries"):
        await client.get(target_of(agent, timeout_s=0.05, retries=2), [ROOT])
    assert time.perf_counter() - began >= 0.05 * (1 + 1.5 + 2.25)
    with pytest.raises(ProbeTimeout):
        await client.walk(target_of(agent, timeout_s=0.05), ROOT)


async def test_a_lost_answer_is_asked_for_again(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(50))
    answer, seen, known = agent.answer, list[int](), set[object]()

    def forgetful(data: bytes) -> bytes | None:
        """Each question is lost once, however often a busy machine makes it come again."""
        request = decode_request(data)
        seen.append(request.request_id)
        lost = request.oids not in known
        known.add(request.oids)
        return None if lost else answer(data)

    agent.answer = forgetful  # type: ignore[method-assign]
    target = target_of(agent, timeout_s=0.1, retries=4)
    found = await client.walk(target, ROOT)
    assert found.complete
    assert [value for _, value in found.rows] == list(range(50))
    assert (await client.get(target, [f"{ROOT}.1"])) == {f"{ROOT}.1": 1}
    assert len(set(seen)) == len(seen)


async def test_an_agent_that_falls_silent_gives_a_part_that_says_so(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(200))
    answer, questions = agent.answer, list[object]()

    def dying(data: bytes) -> bytes | None:
        asked = decode_request(data).oids
        if asked not in questions:
            questions.append(asked)
        return answer(data) if asked in questions[:2] else None

    agent.answer = dying  # type: ignore[method-assign]
    found = await client.walk(target_of(agent, timeout_s=0.05, retries=2), ROOT)
    assert len(found.rows) == 50
    assert not found.complete
    assert "no answer after" in found.problem


async def test_an_agent_that_chokes_on_long_answers_is_asked_for_short_ones(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(100))
    answer = agent.answer

    def choking(data: bytes) -> bytes | None:
        request = decode_request(data)
        first_row = request.oids[0][-1] if len(request.oids[0]) > 8 else -1
        return None if request.second > 6 and first_row > 20 else answer(data)

    agent.answer = choking  # type: ignore[method-assign]
    found = await client.walk(target_of(agent, timeout_s=0.05), ROOT)
    assert found.complete
    assert len(found.rows) == 100


async def test_an_agent_that_answers_in_circles_is_left(odd_agent) -> None:  # type: ignore[no-untyped-def]
    def circling(data: bytes) -> bytes:
        request = decode_request(data)
        varbinds = [encode_varbind(parse_oid(f"{ROOT}.{row}"), Cell(Kind.INTEGER, row)) for row in (1, 2, 3)]
        return encode_response(request, b"".join(varbinds))

    found = await client.walk(await odd_agent(circling), ROOT)
    assert [value for _, value in found.rows] == [1, 2, 3]
    assert not found.complete
    assert "circles" in found.problem


@pytest.mark.parametrize("garbage", [b"", b"\x30\x03abc", b"\xff" * 40])
async def test_garbage_is_silence_or_unreadable_never_a_value(odd_agent, garbage: bytes) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises((ProbeUnreadable, ProbeTimeout)):
        await client.get(await odd_agent(lambda _: garbage), [f"{ROOT}.1"])


async def test_columns_become_rows_by_index(start_agent: StartAgent) -> None:
    table = AgentTable(
        {f"{ROOT}.{column}.{port}.{ont}": integer(ont) for column in (1, 2) for port in (7, 8) for ont in (0, 5)}
    )
    table.remove(f"{ROOT}.2.7.5")
    target = target_of(await start_agent(table))
    found = await client.columns(target, {"a": f"{ROOT}.1", "b": f"{ROOT}.2"})
    assert found.rows == {"7.0": {"a": 0, "b": 0}, "7.5": {"a": 5}, "8.0": {"a": 0, "b": 0}, "8.5": {"a": 5, "b": 5}}
    below = await client.columns(target, {"a": f"{ROOT}.1"}, below="7")
    assert below.complete


async def test_a_name_without_an_address_and_a_missing_user_are_refused(start_agent: StartAgent) -> None:
    with pytest.raises(ProbeRefused, match=r"olt\.invalid has no address"):
        await client.get(SnmpTarget("olt.invalid", timeout_s=1.0), [ROOT])
    with pytest.raises(ProbeRefused, match="needs a user"):
        await client.get(SnmpTarget("127.0.0.1", version=Version.V3), [ROOT])
    with pytest.raises(ProbeRefused, match="auth is one of"):
        V3User("operator", auth="rot13")


def test_secrets_stay_out_of_texts() -> None:
    target = SnmpTarget(
        "192.0.2.1", community="hush", user=V3User("u", auth_password="hush1234", privacy_password="hush")
    )
    assert "hush" not in repr(target) + str(target)


async def test_damaged_answers_give_a_value_or_a_probe_error(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable({f"{ROOT}.{row}": text("abc" * row) for row in range(1, 9)}))
    answer, chance = agent.answer, random.Random(7)

    def damaged(data: bytes) -> bytes:
        good = bytearray(answer(data) or b"0")
        for _ in range(chance.choice((1, 1, 2, 4))):
            good[chance.randrange(len(good))] = chance.randrange(256)
        return bytes(good[: chance.choice((len(good), len(good), chance.randrange(1, len(good))))])

    agent.answer = damaged  # type: ignore[method-assign]
    target = target_of(agent, timeout_s=0.01, retries=0)
    seen = set()
    for _ in range(100):
        for read in (client.get(target, [f"{ROOT}.1", f"{ROOT}.2"]), client.walk(target, ROOT)):
            try:
                await read
                seen.add("value")
            except (ProbeTimeout, ProbeUnreadable) as error:
                seen.add(type(error).__name__)
    assert "ProbeUnreadable" in seen
