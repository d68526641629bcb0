"""The profile on recorded nodes: what other people's OLTs answered, served by our agent."""

from datetime import UTC, datetime

from probes.access import AccessReader, OntPlace
from probes.errors import ProfileError
from probes.profiles.schema import load_profiles
from probes.snmp import client
from probes.snmp.agent import oid, text
from tests.probes.conftest import StartAgent, node_of, target_of
from tests.probes.snmprec import table_of
from tests.shared_data import shared

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


async def test_the_recorded_port_gives_serials_light_and_lan(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/olt-huawei-gpon-ont.snmprec")))
    node, profile = node_of(agent), load_profiles()["huawei-smartax"]
    place = OntPlace(0, 1, 0, 1)
    facts = {fact.name: fact.value for fact in await AccessReader().read_ont(node, profile, place, NOW, detail=True)}
    assert facts == {
        "olt.reachable": True,
        "ont.rx_dbm": -14.14,
        "ont.tx_dbm": 2.13,
        "ont.olt_rx_dbm": -19.36,
        "ont.lan_link": "up",
        "ont.temp_c": 41.0,
        "ont.bias_ma": 19.0,
        "ont.voltage_v": 3.22,
    }
    reading = await AccessReader().read_port(node, profile, place, NOW)
    assert [(one.ont, one.gpon_serial) for one in reading.onts] == [
        (1, "ANON00000001"),
        (2, "ANON00000002"),
        (3, "ANON00000003"),
    ]
    assert not reading.complete
    assert reading.problem == "no run state of ONT 1, 2, 3"


async def test_the_recorded_node_is_recognised_and_its_port_optics_are_read(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/olt-huawei-ma5603t.snmprec")))
    reader, node = AccessReader(), node_of(agent)
    profile = await reader.profile_of(node)
    assert profile.id == "huawei-smartax"
    reading = await reader.read_port(node, profile, OntPlace(0, 0, 1), NOW)
    facts = {fact.name: fact.value for fact in reading.facts}
    assert facts["olt.port_tx_dbm"] == 6.98
    assert facts["olt.port_temp_c"] == 32.0
    assert facts["olt.port_fault"] is False
    # the recording has no ONT table: that nothing waits there is not known
    assert "olt.unprovisioned_on_port" not in facts


async def test_a_walk_of_the_whole_recording_loses_nothing(start_agent: StartAgent) -> None:
    table = table_of(shared("data/snmprec/olt-huawei-ma5603t.snmprec"))
    agent = await start_agent(table)
    target = target_of(agent)
    # LLDP lives outside of 1.3.6
    walks = [await client.walk(target, root) for root in ("1.0", "1.3.6")]
    assert all(found.complete for found in walks)
    assert sum(len(found.rows) for found in walks) == len(table)


async def test_an_mdu_of_the_same_family_is_not_taken_for_an_olt(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/mdu-huawei-smartax.snmprec")))
    try:
        await AccessReader().profile_of(node_of(agent))
    except ProfileError as error:
        assert "1.3.6.1.4.1.2011.2.185" in str(error)
        assert "Huawei Integrated Access Software" in str(error)
    else:
        raise AssertionError("an MDU has no PON ports")
    agent.table.set("1.3.6.1.2.1.1.2.0", oid("1.3.6.1.4.1.2011.2.248"))
    agent.table.set("1.3.6.1.2.1.1.1.0", text("Huawei Integrated Access Software"))
    assert (await AccessReader().profile_of(node_of(agent))).id == "huawei-smartax"
