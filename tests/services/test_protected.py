"""Parameters that could take management away are written by two persons, or by nobody."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from acs.errors import ApprovalNeeded, Forbidden
from acs.profiles.protection import is_setting, protected, protected_patterns
from acs.profiles.protection.cutting import cuts, may_cut
from acs.profiles.protection.ways import carriers
from acs.services.action_desk import Request
from acs.services.actions.words import Refused
from acs.services.actor import Actor, Scope, system_actor
from acs.services.guarding import protected_among
from acs.store import operations
from acs.store.records import OperationState
from cli.simulator.neighbourhood import CpeKind
from tests.services.managed import PPP, WAN, managed_apart
from tests.services.second_line import SECOND, Desk, second_line

SERVER = "Device.ManagementServer."
INFORMS = f"{SERVER}PeriodicInformEnable"
FIRST = Actor("anna", "person", frozenset({Scope.OPERATE, Scope.READ}), person="anna")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with second_line(tmp_path) as desk:
        yield desk


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("set", {"values": {f"{SERVER}URL": "http://elsewhere/"}}),
        ("set", {"values": {"InternetGatewayDevice.ManagementServer.Password": "x"}}),
        ("change", {"steps": [{"values": {"Device.X": "1"}}, {"values": {f"{SERVER}STUNEnable": "0"}}]}),
        ("add_object", {"path": "Device.XMPP.Connection.", "values": {"Enable": "1"}}),
        ("delete_object", {"path": "Device.XMPP.Connection.1."}),
        ("set", {"values": {f"{SERVER}PeriodicInformInterval": 86_400_000}}),
        ("set", {"values": {f"{SERVER}PeriodicInformInterval": {"value": "86401", "type": "xsd:unsignedInt"}}}),
        ("change", {"steps": [{"values": {f"{SERVER}PeriodicInformInterval": "9999999"}}]}),
    ],
)
def test_what_is_protected(kind: str, arguments: dict[str, Any]) -> None:
    assert protected_among(kind, arguments) is not None


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("set", {"values": {f"{SERVER}PeriodicInformInterval": "600"}}),
        ("set", {"values": {f"{SERVER}PeriodicInformInterval": 86_400}}),
        ("set", {"values": {"Device.WiFi.SSID.1.SSID": "x"}}),
        ("add_object", {"path": "Device.NAT.PortMapping."}),
        ("delete_object", {"path": "Device.NAT.PortMapping.1."}),
    ],
)
def test_what_is_not(kind: str, arguments: dict[str, Any]) -> None:
    assert protected_among(kind, arguments) is None


def test_nothing_protected_is_ever_in_a_configuration() -> None:
    assert protected(f"{SERVER}URL") is not None
    for each in protected_patterns():
        name = each.path.replace("*", "Device", 1).replace("*", "x")
        assert not is_setting(name), name
        assert set(each.why) == {"en", "ru"}


async def test_one_proposes_another_approves_and_it_is_written_once(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.STB)
    ask = desk.server.operations.request
    wanted = {"values": {INFORMS: False}}
    with pytest.raises(Refused, match="second person"):
        await ask(FIRST, cpe.key, "set", wanted)
    with pytest.raises(Refused, match="second person"):
        await ask(system_actor("rule"), cpe.key, "set", wanted, reason="because")
    with pytest.raises(ApprovalNeeded) as needed:
        await ask(FIRST, cpe.key, "set", wanted, reason="it floods the server")
    assert cpe.tree.value(INFORMS) in ("1", "true")
    with pytest.raises(Forbidden):
        await desk.approvals.approve(FIRST, needed.value.approval)
    run = await desk.approvals.approve(SECOND, needed.value.approval)
    async with desk.server.store.reading() as tx:
        stored = await operations.get(tx, run.outcome.removeprefix("operation "))
    assert stored is not None and "anna" in stored.reason and "boris" in stored.reason
    assert (await desk.end(stored)).state is OperationState.SUCCEEDED
    assert cpe.tree.value(INFORMS) in ("0", "false")


WAY: dict[CpeKind, list[tuple[str, dict[str, Any]]]] = {
    CpeKind.ONT: [
        ("set", {"values": {f"{PPP}Enable": False}}),
        ("set", {"values": {f"{PPP}Enable": {"value": "0", "type": "xsd:boolean"}}}),
        ("change", {"steps": [{"values": {f"{PPP}ConnectionType": "PPPoE_Bridged"}}]}),
        ("change", {"steps": [{"delete": PPP}]}),
        ("delete_object", {"path": f"{WAN}1."}),
        ("delete_object", {"path": "InternetGatewayDevice.WANDevice.1."}),
        ("set", {"values": {f"{PPP}Username": "user9"}}),
        ("set", {"values": {f"{PPP}Password": "new"}}),
        ("set", {"values": {f"{PPP}X_HW_VLAN": 7}}),
        ("set", {"values": {f"{PPP}X_HW_SERVICELIST": "VOIP"}}),
        ("set", {"values": {f"{WAN}1.X_CT-COM_WANGponLinkConfig.VLANIDMark": 7}}),
        ("change", {"steps": [{"values": {f"{WAN}1.WANEthernetLinkConfig.X_TP_VID": 7}}]}),
    ],
    CpeKind.ROUTER: [
        ("set", {"values": {"Device.PPP.Interface.1.Enable": "false"}}),
        ("delete_object", {"path": "Device.PPP.Interface.1."}),
        ("set", {"values": {"Device.PPP.Interface.1.Username": "user9"}}),
        ("set", {"values": {"Device.PPP.Interface.1.Password": "new"}}),
        ("set", {"values": {"Device.PPP.Interface.1.LowerLayers": "Device.Ethernet.Link.9"}}),
        ("set", {"values": {"Device.Ethernet.Link.1.Enable": False}}),
        ("set", {"values": {"Device.IP.Interface.2.Enable": False}}),
        ("delete_object", {"path": "Device.IP.Interface.2."}),
        ("delete_object", {"path": "Device.Ethernet.Link.1."}),
    ],
}
#: what one person writes where management has a connection of its own
FREE: dict[CpeKind, list[tuple[str, dict[str, Any]]]] = {
    CpeKind.ONT: [("set", {"values": {f"{PPP}Username": "user9"}}), ("set", {"values": {f"{PPP}X_HW_VLAN": 7}})],
    CpeKind.ROUTER: [("set", {"values": {"Device.PPP.Interface.1.Password": "new"}})],
}


@pytest.mark.parametrize("kind", WAY)
async def test_the_connection_that_carries_management_is_not_taken_away_by_one(desk: Desk, kind: CpeKind) -> None:
    cpe, ask = await desk.cpe(kind), desk.server.operations.request
    for name, wanted in WAY[kind]:
        with pytest.raises(Refused, match="managed over this connection"):
            await ask(FIRST, cpe.key, name, wanted)
        with pytest.raises(ApprovalNeeded):
            await ask(FIRST, cpe.key, name, wanted, reason="the line is moved")
    await managed_apart(desk, cpe, kind)
    for name, wanted in WAY[kind][:1] + FREE[kind]:
        assert (await ask(FIRST, cpe.key, name, wanted)).kind == name, "another connection works, and is for management"


async def test_login_and_vlan_as_they_are_and_a_home_are_one_persons(desk: Desk) -> None:
    """Who writes what is there takes nothing away; the bridge and the ports of the home are no way to the network."""
    cpe, ask = await desk.cpe(CpeKind.ROUTER), desk.server.operations.request
    writes: tuple[dict[str, Any], ...] = (
        {"values": {"Device.PPP.Interface.1.Username": cpe.tree.value("Device.PPP.Interface.1.Username")}},
        {"values": {"Device.Ethernet.Link.1.Enable": True}},
        {"values": {"Device.Ethernet.Interface.1.Enable": False}},
        {"values": {"Device.Bridging.Bridge.1.Port.1.Enable": False}},
        {"values": {"Device.WiFi.SSID.1.Enable": False}},
    )
    for wanted in writes:
        assert (await ask(FIRST, cpe.key, "set", wanted)).kind == "set"


async def test_a_login_of_the_only_connection_is_written_when_another_has_approved(desk: Desk) -> None:
    """The action that a second line takes every day, on a line whose management rides on it."""
    cpe, login = await desk.cpe(CpeKind.ONT), {"login": "user9", "password": "battery staple"}
    with pytest.raises(Refused, match="managed over this connection"):
        await desk.asked(cpe, Request("pppoe", login), FIRST)
    [written] = await desk.by_two(cpe, "pppoe", **login)
    assert written.state is OperationState.SUCCEEDED
    assert (cpe.tree.value(f"{PPP}Username"), cpe.tree.value(f"{PPP}Password")) == ("user9", "battery staple")
    assert "battery staple" not in str(written)


def test_what_carries_a_vlan_of_tr_181_is_found_through_the_stack() -> None:
    """The stack of a TR-181 router with a VLAN: IP over PPP over VLANTermination over a link over a port."""
    chain = ["Device.IP.Interface.1", "Device.PPP.Interface.1", "Device.Ethernet.VLANTermination.1",
             "Device.Ethernet.Link.1", "Device.Ethernet.Interface.4"]  # fmt: skip
    values = {f"{upper}.LowerLayers": f"{lower}." for upper, lower in pairwise(chain)}
    values |= {"Device.PPP.Interface.1.Enable": "1", "Device.Ethernet.VLANTermination.1.VLANID": "10"}
    values |= {"Device.Ethernet.VLANTermination.2.VLANID": "20"}
    [carrier] = carriers(values, "")
    held: dict[str, Any] = {
        "Device.Ethernet.VLANTermination.1.VLANID": "11",
        "Device.Ethernet.Interface.4.Enable": "0",
        "Device.IP.Interface.1.LowerLayers": "",
        "Device.Ethernet.VLANTermination.": None,
    }
    free: dict[str, Any] = {
        "Device.Ethernet.VLANTermination.1.VLANID": 10,
        "Device.Ethernet.VLANTermination.2.VLANID": "11",
        "Device.Ethernet.Interface.3.Enable": "0",
        "Device.Ethernet.VLANTermination.2.": None,
    }
    for name, value in held.items():
        assert may_cut(name) and cuts(values, carrier, name, value), name
    for name, value in free.items():
        assert not cuts(values, carrier, name, value), name


@pytest.mark.parametrize("file_type", ["config", "3 Vendor Configuration File"])
async def test_a_configuration_file_is_sent_by_two(desk: Desk, file_type: str) -> None:
    cpe, ask = await desk.cpe(CpeKind.STB), desk.server.operations.request
    wanted = {"file_type": file_type, "url": "http://127.0.0.1:9/x"}
    with pytest.raises(Refused, match="second person"):
        await ask(FIRST, cpe.key, "download", wanted)
    with pytest.raises(ApprovalNeeded) as needed:
        await ask(FIRST, cpe.key, "download", wanted, reason="the vendor's")
    run = await desk.approvals.approve(SECOND, needed.value.approval)
    assert run.outcome.startswith("operation ")
    assert (await ask(FIRST, cpe.key, "download", wanted | {"file_type": "web"})).kind == "download"
