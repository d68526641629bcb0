"""A simulated CPE that is managed over a connection of its own, beside the subscriber's."""

from acs.store.records import OperationState
from cli.simulator.cpe import Cpe
from cli.simulator.neighbourhood import CpeKind
from tests.fakes.acs_server import ACTOR
from tests.services.second_line import Desk

WAN = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice."
PPP = f"{WAN}1.WANPPPConnection.1."
OTHER = {
    f"{WAN}2.WANIPConnection.1.Enable": "1",
    f"{WAN}2.WANIPConnection.1.ConnectionStatus": "Connected",
    f"{WAN}2.WANIPConnection.1.ConnectionType": "IP_Routed",
    f"{WAN}2.WANIPConnection.1.ExternalIPAddress": "10.9.0.3",
    f"{WAN}2.WANIPConnection.1.Name": "2_TR069_R_VID_9",
}
CLIENT = {"Enable": "true", "Status": "Enabled", "DHCPStatus": "Bound", "IPAddress": "10.9.0.3"}


async def managed_apart(desk: Desk, cpe: Cpe, kind: CpeKind) -> None:
    """Give it a second connection that works, and call the subscriber's by its service alone."""
    if kind is CpeKind.ONT:
        for name, value in OTHER.items():
            cpe.tree.grow(name, value)
        cpe.tree.put(f"{PPP}Name", "1_INTERNET_R_VID_1000")
        cpe.tree.grow(f"{PPP}X_HW_SERVICELIST", "INTERNET")
    else:
        for leaf, value in CLIENT.items():
            cpe.tree.put(f"Device.DHCPv4.Client.1.{leaf}", value)
    await read_anew(desk, cpe)


async def read_anew(desk: Desk, cpe: Cpe) -> None:
    """What the device has now is known."""
    read = await desk.server.operations.request(ACTOR, cpe.key, "refresh", {})
    assert (await desk.end(read)).state is OperationState.SUCCEEDED
