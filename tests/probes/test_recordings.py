"""The profile on recorded nodes: what other people's OLTs answered, served by our agent."""

from datetime import UTC, datetime

import pytest

from probes.access import AccessReader, OntPlace, PortPlace
from probes.errors import ProfileError
from probes.profiles.schema import load_profiles
from probes.snmp import client
from probes.snmp.agent import Agent, oid, text
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
        "ont.uni_links": "1 up",
        "ont.lan_speed_mbit": 10.0,
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


async def olt_facts(agent: Agent, place: OntPlace) -> tuple[str, dict[str, object]]:
    reader, node = AccessReader(), node_of(agent)
    profile = await reader.profile_of(node)
    return profile.id, {fact.name: fact.value for fact in await reader.read_ont(node, profile, place, NOW, detail=True)}


async def test_the_recorded_c320_tells_distances_on_the_one_based_index(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/olt-zte-c320.snmprec")))
    assert await olt_facts(agent, OntPlace(1, 1, 1, 3)) == (
        "zte-c300",
        {"olt.reachable": True, "ont.distance_m": 1181.0},
    )
    profile = load_profiles()["zte-c300"]
    reading = await AccessReader().read_port(node_of(agent), profile, OntPlace(1, 1, 1), NOW)
    assert [one.ont for one in reading.onts] == [1, 2, 3, 4, 5]
    # no serial answered: whether something unregistered waits there is not known
    assert "olt.unprovisioned_on_port" not in {fact.name for fact in reading.facts}
    assert not reading.complete


async def test_the_recorded_gp3600_counts_as_its_interfaces_do(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/olt-bdcom-gp3600.snmprec")))
    profile = load_profiles()["bdcom-gpon"]
    assert await AccessReader().profile_of(node_of(agent)) == profile
    for port, (online, offline) in {2: (43, 8), 4: (11, 2), 1: (0, 0)}.items():
        reading = await AccessReader().read_port(node_of(agent), profile, OntPlace(0, 0, port), NOW)
        states = [one.run_state for one in reading.onts]
        assert (states.count("online"), states.count("offline"), len(states)) == (online, offline, online + offline)
        told = {fact.name: fact.value for fact in reading.facts}
        assert told["olt.port_onts_up_n"] == online
    assert (await olt_facts(agent, OntPlace(0, 0, 2, 6)))[1]["ont.run_state"] == "offline"


async def test_the_recorded_v1600d_writes_its_light_as_text(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/olt-vsol-v1600d.snmprec")))
    name, facts = await olt_facts(agent, OntPlace(0, 0, 1, 3))
    assert name == "vsol-epon"
    assert facts == {
        "olt.reachable": True,
        "ont.rx_dbm": -14.76,
        "ont.tx_dbm": 1.81,
        "ont.temp_c": 35.14,
        "ont.voltage_v": 3.4,
        "ont.bias_ma": 17.6,
    }
    reading = await AccessReader().read_port(node_of(agent), load_profiles()["vsol-epon"], OntPlace(0, 0, 1), NOW)
    assert len(reading.onts) == 16
    # "0.00 mW (-23.77 dBm)" is a reading
    assert reading.onts[5].rx_dbm == -23.77


@pytest.mark.parametrize(
    ("recording", "profile", "place"),
    [
        ("olt-cdata", "cdata-epon", OntPlace(0, 0, 1, 1)),
        ("olt-eltex-ltp8x-ident", "eltex-ltp", OntPlace(0, 1, 1, 1)),
        ("olt-fiberhome-an5516", "fiberhome-an5516", OntPlace(0, 18, 1, 1)),
        ("olt-huawei-ma5603t", "huawei-smartax", OntPlace(0, 1, 1, 1)),
    ],
)
async def test_recordings_without_a_table_of_onts_claim_nothing(
    start_agent: StartAgent, recording: str, profile: str, place: OntPlace
) -> None:
    agent = await start_agent(table_of(shared(f"data/snmprec/{recording}.snmprec")))
    assert await olt_facts(agent, place) == (profile, {"olt.reachable": True, "ont.run_state": None})


#: recording → profile, port, what it says of that port, MACs there
SWITCHES: dict[str, tuple[str, PortPlace, dict[str, object], list[str]]] = {
    "sw-dlink-des3528": (
        "dlink-des",
        PortPlace(2),
        {"sw.port_oper": "up", "sw.port_speed_mbit": 100.0, "sw.port_duplex": "full", "sw.port_name": "1/2"},
        ["3c:d9:2b:70:f8:7c vlan 1"],
    ),
    "sw-dlink-dgs3000-28x": (
        "dlink-des",
        PortPlace(5),
        {"sw.port_oper": "down", "sw.port_admin": "up", "sw.port_changed_at": "2026-11-04T18:23:23+00:00"},
        [],
    ),
    "sw-eltex-mes2424b": (
        "eltex-mes24xx",
        PortPlace(28),
        {"sw.port_oper": "up", "sw.sfp_tx_dbm": -2.475, "sw.sfp_rx_dbm": -2.302},
        [],
    ),
    "sw-snr-s2990x": (
        "snr",
        PortPlace(name="Ethernet1/0/5"),
        {"sw.port_oper": "up", "sw.port_speed_mbit": 10000.0, "sw.port_alias": "RTK", "sw.sfp_rx_dbm": None},
        [],
    ),
    "sw-zyxel-mgs3712": (
        "zyxel-old",
        PortPlace(1),
        {"sw.port_oper": "up", "sw.port_duplex": "full"},
        [],
    ),
}


@pytest.mark.parametrize("recording", SWITCHES)
async def test_recorded_switches_tell_of_their_ports(start_agent: StartAgent, recording: str) -> None:
    name, place, expected, macs = SWITCHES[recording]
    agent = await start_agent(table_of(shared(f"data/snmprec/{recording}.snmprec")))
    reader, node = AccessReader(rate_window_s=0.05), node_of(agent)
    profile = await reader.switch_profile_of(node)
    assert profile.id == name
    facts = {fact.name: fact.value for fact in await reader.read_switch_port(node, profile, place, NOW)}
    assert facts["sw.reachable"] is True
    assert {key: facts.get(key) for key in expected} == expected
    if macs:
        assert facts["sw.macs"] == ", ".join(macs)
    assert facts["sw.in_mbit"] == 0.0


async def test_the_recorded_dslam_knows_its_lines_by_card_and_number(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/dslam-zyxel-ies5106.snmprec")))
    reader, node = AccessReader(), node_of(agent)
    profile = await reader.dslam_profile_of(node)
    assert profile.id == "zyxel-ies"
    facts = {fact.name: fact.value for fact in await reader.read_dsl_line(node, profile, PortPlace(7, 1), NOW)}
    assert facts == {"dslam.reachable": True, "dsl.link": "down", "dsl.admin": "down"}
    lost = await reader.read_dsl_line(node, profile, PortPlace(99, 1), NOW)
    assert lost[1].raw == "olt-1 has no port 0/1/99"


async def test_a_recorded_modem_without_dsl_tables_claims_no_line(start_agent: StartAgent) -> None:
    agent = await start_agent(table_of(shared("data/snmprec/cpe-zyxel-xmg3927.snmprec")))
    reader, node = AccessReader(), node_of(agent)
    profile = await reader.dslam_profile_of(node)
    facts = {fact.name: fact.value for fact in await reader.read_dsl_line(node, profile, PortPlace(name="ptm0"), NOW)}
    assert facts["dslam.reachable"] is True and "dsl.snr_margin_db" not in facts
