"""Which line stands where option 82 says: by the node's name, by a switch's own MAC, and nobody where two stand."""

import pytest

from acs.app import App
from acs.errors import InvalidInput
from acs.services.actor import local_actor
from acs.services.surveys import Surveys
from acs.store import lines as line_store
from acs.store.records import LineRecord
from probes.profiles.schema import load_switches
from probes.snmp.agent import Agent, AgentTable, integer, octets
from tests.services.test_surveys import NOW

BOSS = local_actor()
SWITCH = "generic"
OWN_MAC = bytes.fromhex("001122334455")


@pytest.fixture
def surveys(app: App) -> Surveys:
    return Surveys(app.store, app.northbound.reader, app.config.polling, lambda: NOW)


async def lines(app: App, *records: LineRecord) -> None:
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, records, NOW)


async def test_a_name_in_the_text_and_a_name_in_the_remote_id(app: App, surveys: Surveys) -> None:
    await app.northbound.nodes.put(BOSS, "Olt-7", "192.0.2.7", 161, None, {"community": "c"})
    await lines(
        app,
        LineRecord("twelve", "pon", node="Olt-7", frame=0, slot=1, port=4, ont=12),
        LineRecord("thirteen", "pon", node="Olt-7", frame=0, slot=1, port=4, ont=13),
    )
    found = await surveys.locate(BOSS, "olt-7 xpon 0/1/4:13.0.100")
    assert (found.node, found.line, found.place.format) == ("Olt-7", "thirteen", "xpon-dots")
    found = await surveys.locate(BOSS, "olt-7 eth 0/1/4")
    assert (found.node, found.line) == ("Olt-7", None), "two lines stand on that port"
    found = await surveys.locate(BOSS, "0x000404b50004", "OLT-7")
    assert (found.node, found.line) == ("Olt-7", None)
    assert (await surveys.locate(BOSS, "p04", "olt-8")).node == ""


async def test_a_switch_is_known_by_its_own_mac_once_it_was_looked_at(app: App, surveys: Surveys) -> None:
    profile = load_switches()[SWITCH]
    assert profile.fdb is not None
    table = AgentTable()
    table.set("1.3.6.1.2.1.17.1.1.0", octets(OWN_MAC))
    table.set(f"{profile.fdb.plain}.2.0.0.0.0.1", integer(14))
    agent = Agent(table)
    await agent.start()
    try:
        await app.northbound.nodes.put(BOSS, "sw-3", "127.0.0.1", agent.port, SWITCH, {"community": "public"})
        await lines(app, LineRecord("flat-14", "fttb", node="sw-3", port=14))
        before = await surveys.locate(BOSS, "0x000404b5000e", "0x0006001122334455")
        assert (before.node, before.line, before.place.mac) == ("", None, "00:11:22:33:44:55")
        await surveys.discover(BOSS, "sw-3")
        after = await surveys.locate(BOSS, "0x000404b5000e", "0x0006001122334455")
        assert (after.node, after.line, after.place.vlan) == ("sw-3", "flat-14", 1205)
        assert [one.key for one in await surveys.endpoints(BOSS, "sw-3") if one.kind == "self"] == [after.place.mac]
    finally:
        await agent.stop()


@pytest.mark.parametrize("circuit", ["0xzz", "flat 14, second floor"])
async def test_what_cannot_be_read_says_what_to_write(surveys: Surveys, circuit: str) -> None:
    with pytest.raises(InvalidInput, match="circuit"):
        await surveys.locate(BOSS, circuit)
