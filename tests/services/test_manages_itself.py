"""No bridge on the connection over which a device is managed, however it is known to be that."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.profiles.protection.ways import carriers
from acs.services.actions.words import Refused
from acs.store import trees
from cli.simulator.cpe import Cpe
from cli.simulator.neighbourhood import CpeKind
from tests.services.managed import CLIENT, PPP, WAN, managed_apart, read_anew
from tests.services.second_line import Desk, second_line
from tests.services.test_actions import BOTH

OTHER = f"{WAN}2.WANIPConnection.1."


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with second_line(tmp_path) as desk:
        yield desk


async def refused(desk: Desk, cpe: Cpe) -> None:
    with pytest.raises(Refused) as told:
        await desk.do(cpe, "mode", mode="bridge")
    assert told.value.code == "manages_itself"
    assert await carries(desk, cpe)


async def carries(desk: Desk, cpe: Cpe) -> bool:
    """Whether the subscriber's connection is taken for one that carries management, by what is known of the device."""
    async with desk.server.store.reading() as tx:
        tree = await trees.read(tx, cpe.key)
    assert tree is not None
    found = carriers({name: value for name, (value, _) in tree.values.items()}, "127.0.0.1")
    return any(each.row in (PPP, "Device.PPP.Interface.1.") for each in found)


@BOTH
async def test_the_only_connection_is_not_bridged_whatever_its_address(desk: Desk, kind: CpeKind) -> None:
    """The device is called at 127.0.0.1, which is not the address that its connection tells."""
    cpe = await desk.cpe(kind)
    if kind is CpeKind.ONT:
        cpe.tree.put(f"{PPP}Name", "INTERNET")
        cpe.tree.grow(f"{PPP}X_HW_SERVICELIST", "INTERNET")
        await read_anew(desk, cpe)
    await refused(desk, cpe)


async def test_the_name_and_the_list_of_services_tell(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.ONT)
    await managed_apart(desk, cpe, CpeKind.ONT)
    assert not await carries(desk, cpe)
    for leaf, told in (("X_HW_SERVICELIST", "TR069_INTERNET"), ("Name", "1_TR069_R_VID_7")):
        cpe.tree.grow(f"{PPP}{leaf}", told)
        await read_anew(desk, cpe)
        await refused(desk, cpe)
        cpe.tree.put(f"{PPP}{leaf}", "INTERNET")
    await read_anew(desk, cpe)
    assert not await carries(desk, cpe)


@BOTH
async def test_another_connection_that_does_not_work_is_no_way(desk: Desk, kind: CpeKind) -> None:
    cpe = await desk.cpe(kind)
    await managed_apart(desk, cpe, kind)
    assert not await carries(desk, cpe), "the other one works, so that it is this one that is a way"
    down = {f"{OTHER}ConnectionStatus": "Disconnected"} if kind is CpeKind.ONT else {"DHCPStatus": "Init"}
    for name, value in down.items():
        cpe.tree.put(name if kind is CpeKind.ONT else f"Device.DHCPv4.Client.1.{name}", value)
    await read_anew(desk, cpe)
    await refused(desk, cpe)


ONE = {f"{PPP}ExternalIPAddress": "10.1.0.3", f"{PPP}ConnectionStatus": "Connected"}
TWO = {f"{OTHER}ExternalIPAddress": "10.9.0.3", f"{OTHER}ConnectionStatus": "Connected"}


@pytest.mark.parametrize(
    ("values", "host", "found"),
    [
        (ONE, "", [PPP]),
        (ONE | TWO, "", []),
        (ONE | TWO, "10.9.0.3", [OTHER]),
        (ONE | TWO | {f"{PPP}Name": "1_tr069_internet"}, "", [PPP]),
        (ONE | TWO | {f"{OTHER}X_CT-COM_ServiceList": "TR069"}, "10.1.0.3", [PPP, OTHER]),
        (ONE | TWO | {f"{OTHER}ConnectionType": "IP_Bridged"}, "", [PPP]),
        (ONE | TWO | {f"{OTHER}Enable": "false"}, "", [PPP]),
        (ONE | {f"{OTHER}Enable": "1"}, "", []),
        ({f"Device.DHCPv4.Client.1.{leaf}": value for leaf, value in CLIENT.items()}, "", ["Device.DHCPv4.Client.1."]),
        ({}, "10.1.0.3", []),
    ],
)
def test_which_connection_carries_management(values: dict[str, str], host: str, found: list[str]) -> None:
    assert sorted(each.row for each in carriers(values, host)) == sorted(found)
