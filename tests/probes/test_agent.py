from probes.snmp import client
from probes.snmp.agent import AgentTable, Cell, Kind, integer, octets, oid, text
from tests.probes.conftest import StartAgent, target_of

ROOT = "1.3.6.1.4.1.99999.1"


async def test_every_kind_of_value_arrives_as_sent(start_agent: StartAgent) -> None:
    cells = {
        f"{ROOT}.1": integer(-1414),
        f"{ROOT}.2": text("свет"),
        f"{ROOT}.3": octets(b"\x00\xff"),
        f"{ROOT}.4": oid("1.3.6.1.4.1.2011.2.248"),
        f"{ROOT}.5": Cell(Kind.IP_ADDRESS, "192.0.2.7"),
        f"{ROOT}.6": Cell(Kind.COUNTER64, 2**64 - 1),
        f"{ROOT}.7": Cell(Kind.GAUGE32, 2**32 - 1),
        f"{ROOT}.8": Cell(Kind.TIMETICKS, 4242),
        f"{ROOT}.9": integer(2147483647),
        f"{ROOT}.10": octets(b""),
    }
    agent = await start_agent(AgentTable(cells))
    expected = [-1414, "свет".encode(), b"\x00\xff", "1.3.6.1.4.1.2011.2.248", "192.0.2.7", 2**64 - 1, 2**32 - 1]
    expected += [4242, 2147483647, b""]
    answer = await client.get(target_of(agent), list(cells))
    assert [answer[name] for name in cells] == expected


async def test_a_changed_table_shows_in_the_next_answer(start_agent: StartAgent) -> None:
    table = AgentTable({f"{ROOT}.1": integer(1)})
    target = target_of(await start_agent(table))
    assert await client.get(target, [f"{ROOT}.1"]) == {f"{ROOT}.1": 1}
    table.set(f"{ROOT}.1", integer(2))
    table.set(f"{ROOT}.0", integer(7))
    assert (await client.walk(target, ROOT)).rows == ((f"{ROOT}.0", 7), (f"{ROOT}.1", 2))
    table.remove(f"{ROOT}.0")
    table.remove(f"{ROOT}.0")
    assert len(table) == 1
    assert table.get(f"{ROOT}.0") is None
    assert (await client.walk(target, ROOT)).rows == ((f"{ROOT}.1", 2),)


async def test_a_row_is_taken_away_with_all_that_is_below_it_and_no_more(start_agent: StartAgent) -> None:
    table = AgentTable({f"{ROOT}.{end}": integer(1) for end in ("1.4", "1.4.1", "1.4.2.3", "1.5", "1.40")})
    table.remove_row(f"{ROOT}.1.4")
    table.remove_row(f"{ROOT}.7")
    walk = await client.walk(target_of(await start_agent(table)), ROOT)
    assert walk.rows == ((f"{ROOT}.1.5", 1), (f"{ROOT}.1.40", 1))


async def test_below_what_fails_there_is_an_error_and_elsewhere_an_answer(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable({f"{ROOT}.1.1": integer(1), f"{ROOT}.2.1": integer(2)}))
    agent.failing.add(f"{ROOT}.1")
    assert await client.get(target_of(agent), [f"{ROOT}.2.1"]) == {f"{ROOT}.2.1": 2}
    assert await client.get(target_of(agent), [f"{ROOT}.1.1"]) == {}
    walks = {root: await client.walk(target_of(agent), f"{ROOT}.{root}") for root in (1, 2)}
    assert (walks[1].complete, walks[1].rows) == (False, ())
    assert (walks[2].complete, walks[2].rows) == (True, ((f"{ROOT}.2.1", 2),))


async def test_a_bulk_answer_never_outgrows_a_frame(start_agent: StartAgent) -> None:
    table = AgentTable({f"{ROOT}.{row}": octets(bytes(200)) for row in range(100)})
    agent = await start_agent(table)
    found = await client.walk(target_of(agent, max_repetitions=50), ROOT)
    assert len(found.rows) == 100
    assert found.complete
    assert agent.answered > 100 * 200 // 1472


async def test_a_foreign_community_and_garbage_get_silence(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable({f"{ROOT}.1": integer(1)}))
    assert agent.answer(b"\x30\x82nonsense") is None
    foreign = target_of(agent, community="private", retries=0, timeout_s=0.1)
    try:
        await client.get(foreign, [f"{ROOT}.1"])
    except client.ProbeTimeout as error:
        assert "private" not in str(error)
    assert agent.answered == 0


async def test_stopping_twice_is_harmless_and_frees_the_port(start_agent: StartAgent) -> None:
    agent = await start_agent(AgentTable())
    first = agent.port
    await agent.stop()
    await agent.stop()
    await agent.start()
    assert agent.port == first


async def test_a_port_of_32_onts_by_10_columns_comes_whole(start_agent: StartAgent) -> None:
    cells = {f"{ROOT}.{column}.4194312448.{ont}": integer(ont) for column in range(10) for ont in range(32)}
    agent = await start_agent(AgentTable(cells))
    columns = {str(column): f"{ROOT}.{column}" for column in range(10)}
    table = await client.columns(target_of(agent), columns, below="4194312448")
    assert len(table.rows) == 32
    assert all(len(row) == 10 for row in table.rows.values())
