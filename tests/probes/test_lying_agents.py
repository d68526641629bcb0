"""Agents that lie: about the end of a table, about their rows, about what fits. A part is never shown as the whole."""

from collections.abc import Callable

import pytest

from probes.snmp import client
from probes.snmp.agent import Agent, AgentTable, integer, text
from probes.snmp.ber import Cell, Kind, Pdu, Request, decode_request, encode_response, encode_varbind, parse_oid
from tests.probes.conftest import StartAgent, target_of

ROOT = "1.3.6.1.4.1.99999.1"
TOO_BIG, GEN_ERR = 1, 5
Lie = Callable[[Request], bytes | None]


def rows(count: int) -> AgentTable:
    table = AgentTable({f"{ROOT}.{row}": integer(row) for row in range(count)})
    table.set("1.3.6.1.4.1.99999.2.1", integer(1))
    return table


def lies(agent: Agent, lie: Lie) -> list[Request]:
    """Answer with what `lie` says; None lets the agent speak the truth."""
    truth, asked = agent.answer, list[Request]()

    def answer(data: bytes) -> bytes | None:
        request = decode_request(data)
        asked.append(request)
        told = lie(request)
        return truth(data) if told is None else told

    agent.answer = answer  # type: ignore[method-assign]
    return asked


def row_of(request: Request) -> int:
    """The row that a question stands at; -1 before the table."""
    return request.oids[0][-1] if len(request.oids[0]) > len(parse_oid(ROOT)) else -1


async def test_too_big_is_not_the_end_of_a_table(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(100))
    asked = lies(agent, lambda one: encode_response(one, b"", error=TOO_BIG) if one.second > 6 else None)
    found = await client.walk(target_of(agent), ROOT)
    assert found.complete
    assert [value for _, value in found.rows] == list(range(100))
    assert sum(one.second > 6 for one in asked) <= 3


async def test_an_end_in_the_middle_is_looked_behind(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(60))

    def lie(one: Request) -> bytes | None:
        at_end = encode_varbind(one.oids[0], Cell(Kind.END_OF_MIB_VIEW))
        return encode_response(one, at_end) if one.pdu is Pdu.GET_BULK and row_of(one) == 24 else None

    lies(agent, lie)
    found = await client.walk(target_of(agent), ROOT)
    assert found.complete
    assert len(found.rows) == 60


async def test_an_error_in_the_middle_gives_a_part_that_names_it(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(60))
    lies(agent, lambda one: encode_response(one, b"", error=GEN_ERR, index=1) if row_of(one) >= 24 else None)
    found = await client.walk(target_of(agent), ROOT)
    assert not found.complete
    assert len(found.rows) == 25
    assert f"the agent answers genErr behind {ROOT}.24" in found.problem


async def test_rows_that_come_twice_are_stepped_over(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(60))

    def lie(one: Request) -> bytes | None:
        if one.pdu is not Pdu.GET_BULK or row_of(one) != 24:
            return None
        again = (20, 21, 22)
        return encode_response(one, b"".join(encode_varbind(parse_oid(f"{ROOT}.{n}"), integer(n)) for n in again))

    lies(agent, lie)
    found = await client.walk(target_of(agent), ROOT)
    assert found.complete
    assert sorted(value for _, value in found.rows) == list(range(60))


async def test_an_agent_that_gives_the_same_row_for_ever_is_left_soon(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(60))
    same = encode_varbind(parse_oid(f"{ROOT}.24"), integer(24))
    asked = lies(agent, lambda one: encode_response(one, same) if row_of(one) >= 24 else None)
    found = await client.walk(target_of(agent), ROOT)
    assert not found.complete
    assert "circles" in found.problem
    assert len(found.rows) == 25
    assert len(asked) <= 6


async def test_answers_of_one_row_are_walked_to_the_end(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(30))
    lies(
        agent,
        lambda one: (
            encode_response(one, encode_varbind(parse_oid(f"{ROOT}.{row_of(one) + 1}"), integer(row_of(one) + 1)))
            if row_of(one) < 29
            else None
        ),
    )
    found = await client.walk(target_of(agent), ROOT)
    assert found.complete
    assert len(found.rows) == 30


async def test_a_get_that_is_answered_in_part_is_asked_for_the_rest(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(20))

    def lie(one: Request) -> bytes | None:
        if len(one.oids) <= 5:
            return None
        first = one.oids[:5]
        return encode_response(one, b"".join(encode_varbind(oid, integer(oid[-1])) for oid in first))

    asked = lies(agent, lie)
    found = await client.get(target_of(agent), [f"{ROOT}.{row}" for row in range(12)])
    assert list(found.values()) == list(range(12))
    assert len(asked) == 3


async def test_a_get_with_one_bad_object_keeps_the_others(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(20))

    def lie(one: Request) -> bytes | None:
        bad = parse_oid(f"{ROOT}.7")
        return encode_response(one, b"", error=GEN_ERR, index=one.oids.index(bad) + 1) if bad in one.oids else None

    asked = lies(agent, lie)
    found = await client.get(target_of(agent), [f"{ROOT}.{row}" for row in range(12)])
    assert sorted(found.values()) == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11]  # type: ignore[type-var]  # numbers
    assert len(asked) == 2


async def test_an_answer_to_another_question_is_no_value(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(20))
    lies(agent, lambda one: encode_response(one, encode_varbind(parse_oid(f"{ROOT}.9"), integer(9))))
    assert await client.get(target_of(agent), [f"{ROOT}.1"]) == {}


async def test_a_small_answer_that_is_too_big_is_split(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable({f"{ROOT}.{row}": text("x" * 300) for row in range(8)}))
    found = await client.get(target_of(agent), [f"{ROOT}.{row}" for row in range(8)])
    assert len(found) == 8


async def test_a_column_that_ends_early_is_asked_for_its_end(start_agent: StartAgent) -> None:
    agent = await start_agent(
        AgentTable({f"{ROOT}.{column}.{row}": integer(row) for column in (1, 2) for row in range(40)})
    )

    def lie(one: Request) -> bytes | None:
        """The second column jumps out of the table at row 29."""
        if one.pdu is Pdu.GET or one.oids[0][:-1] != parse_oid(f"{ROOT}.2") or row_of(one) < 29:
            return None
        return encode_response(one, encode_varbind(parse_oid(f"{ROOT}.3.1"), integer(0)))

    def cut(one: Request) -> bytes | None:
        if one.pdu is Pdu.GET_BULK and one.oids[0][: len(parse_oid(ROOT)) + 1] == parse_oid(f"{ROOT}.2"):
            first = row_of(one) + 1 if len(one.oids[0]) == len(parse_oid(ROOT)) + 2 else 0
            told = [encode_varbind(parse_oid(f"{ROOT}.2.{n}"), integer(n)) for n in range(first, min(30, first + 25))]
            return encode_response(one, b"".join(told)) if told else lie(one)
        return None

    lies(agent, cut)
    table = await client.columns(target_of(agent), {"a": f"{ROOT}.1", "b": f"{ROOT}.2"})
    assert table.complete and table.partial == frozenset()
    assert all(cells == {"a": int(index), "b": int(index)} for index, cells in table.rows.items())
    assert len(table.rows) == 40


@pytest.mark.parametrize("count", [25, 50, 75])
async def test_a_walk_that_ends_with_a_full_answer_is_whole(start_agent: StartAgent, count: int) -> None:
    agent = await start_agent(AgentTable({f"{ROOT}.{row}": integer(row) for row in range(count)}))
    found = await client.walk(target_of(agent), ROOT)
    assert found.complete and len(found.rows) == count


async def test_an_agent_that_can_do_more_is_asked_for_more(start_agent: StartAgent) -> None:
    agent = await start_agent(rows(1000))
    asked = lies(agent, lambda _: None)
    assert len((await client.walk(target_of(agent), ROOT)).rows) == 1000
    assert max(one.second for one in asked) == 50
    assert len(asked) <= 24
