"""Parameters that could take management away are written by two persons, or by nobody."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acs.errors import ApprovalNeeded, Forbidden
from acs.profiles.protection import is_setting, protected, protected_patterns
from acs.services.actions.words import Refused
from acs.services.actor import Actor, Scope, system_actor
from acs.services.guarding import protected_among
from acs.store import operations
from acs.store.records import OperationState
from cli.simulator.neighbourhood import CpeKind
from tests.services.managed import PPP, WAN, managed_apart
from tests.services.second_line import Desk, second_line

SERVER = "Device.ManagementServer."
INFORMS = f"{SERVER}PeriodicInformEnable"
FIRST = Actor("anna", "person", frozenset({Scope.OPERATE, Scope.READ}), person="anna")
SECOND = Actor("boris", "person", frozenset({Scope.OPERATE, Scope.APPROVE, Scope.READ}), person="boris")


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


WAY = {
    CpeKind.ONT: [
        ("set", {"values": {f"{PPP}Enable": False}}),
        ("set", {"values": {f"{PPP}Enable": {"value": "0", "type": "xsd:boolean"}}}),
        ("change", {"steps": [{"values": {f"{PPP}ConnectionType": "PPPoE_Bridged"}}]}),
        ("change", {"steps": [{"delete": PPP}]}),
        ("delete_object", {"path": f"{WAN}1."}),
        ("delete_object", {"path": "InternetGatewayDevice.WANDevice.1."}),
    ],
    CpeKind.ROUTER: [
        ("set", {"values": {"Device.PPP.Interface.1.Enable": "false"}}),
        ("delete_object", {"path": "Device.PPP.Interface.1."}),
    ],
}


@pytest.mark.parametrize("kind", WAY)
async def test_the_connection_that_carries_management_is_not_taken_away_by_one(desk: Desk, kind: CpeKind) -> None:
    cpe, ask = await desk.cpe(kind), desk.server.operations.request
    for name, wanted in WAY[kind]:
        with pytest.raises(Refused, match="managed over this connection"):
            await ask(FIRST, cpe.key, name, wanted)
        with pytest.raises(ApprovalNeeded):
            await ask(FIRST, cpe.key, name, wanted, reason="the line is moved")
    name, wanted = WAY[kind][0]
    await managed_apart(desk, cpe, kind)
    assert (await ask(FIRST, cpe.key, name, wanted)).kind == name, "another connection works, and is for management"


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
