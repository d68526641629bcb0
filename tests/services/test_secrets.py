"""What is secret never comes out: values of trees, arguments of operations, credentials of nodes, tokens."""

from typing import Any

import pytest

from acs.app import App
from acs.services import audit
from acs.services.actor import Actor
from acs.services.clock import utc_now
from acs.services.devices import HIDDEN, shown_value
from acs.store import audit as audit_store
from tests.api.conftest import client_of
from tests.services.test_line_tests import KEY, informed

SECRET = (
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.KeyPassphrase",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.PreSharedKey.1.PreSharedKey",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.PreSharedKey.1.KeyPassphrase",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.WEPKey.1.WEPKey",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.X_TP_WEPKey3",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.X_HW_RadiusKey",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.X_HW_WPSKeyWord",
    "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.Password",
    "InternetGatewayDevice.ManagementServer.ConnectionRequestPassword",
    "InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1.Line.1.SIP.AuthPassword",
    "InternetGatewayDevice.X_SNMP.ReadCommunity",
    "Device.WiFi.AccessPoint.1.Security.KeyPassphrase",
    "Device.WiFi.AccessPoint.1.Security.SAEPassphrase",
    "Device.WiFi.AccessPoint.1.Security.PreSharedKey",
    "Device.WiFi.AccessPoint.1.Security.WEPKey",
    "Device.WiFi.AccessPoint.1.Security.RadiusSecret",
    "Device.WiFi.X_MESH.KeyPassphrase5G",
    "Device.WiFi.AccessPoint.1.WPS.PIN",
    "Device.PPP.Interface.1.Password",
    "Device.X_Admin.UserPwd",
    "Device.IPsec.Profile.1.SharedKey",
    "Device.OpenVPN.PrivateKey",
    "Device.OpenVPN.Clientkey",
)
OPEN = (
    "Device.ManagementServer.ParameterKey",
    "Device.ManagementServer.Username",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.WEPKeyIndex",
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.BasicAuthenticationMode",
    "InternetGatewayDevice.Layer2Bridging.Filter.1.FilterKey",
    "InternetGatewayDevice.Layer2Bridging.AvailableInterface.1.AvailableInterfaceKey",
    "Device.WiFi.AccessPoint.1.Security.RekeyingInterval",
    "Device.IP.Diagnostics.IPPing.AverageResponseTime",
    "Device.LANConfigSecurity.PasswordRequired",
)


@pytest.mark.parametrize("name", SECRET)
def test_a_secret_of_a_tree_is_hidden(name: str) -> None:
    assert shown_value(name, "hunter2") == HIDDEN
    assert shown_value(name, "") == "", "an empty one says that none is set"


@pytest.mark.parametrize("name", OPEN)
def test_what_is_no_secret_is_shown(name: str) -> None:
    assert shown_value(name, "x") == "x"


@pytest.mark.parametrize("name", SECRET)
def test_the_audit_keeps_no_secret_of_a_tree(name: str) -> None:
    shown: Any = audit._shown("values", {name: "hunter2", "other": 1})
    assert "hunter2" not in str(shown)
    assert shown["other"] == 1


async def test_operations_are_audited_without_their_values(app: App) -> None:
    await informed(app, utc_now())
    actor = Actor("eng", "token", frozenset({"operate", "read"}), "192.0.2.9")
    values = {"Device.WiFi.AccessPoint.1.Security.KeyPassphrase": "hunter2"}
    done = await app.northbound.operations.request(actor, KEY, "set", {"values": values}, reason="asked for")
    await app.northbound.operations.cancel(actor, done.id)
    async with app.store.reading() as tx:
        lines = await audit_store.list_entries(tx)
    told = {line.action: line for line in lines}
    assert told["operation.requested"].actor == told["operation.cancelled"].actor == "eng"
    assert "hunter2" not in str(lines)


@pytest.mark.parametrize("value", ["12345670", 12345670, {"value": 12345670, "type": "xsd:unsignedInt"}])
async def test_the_arguments_of_an_operation_show_no_secret(app: App, value: Any) -> None:
    await informed(app, utc_now())
    async with await client_of(app, "operate", "read") as client:
        body = {"kind": "set", "arguments": {"values": {"Device.WiFi.AccessPoint.1.WPS.PIN": value}}}
        answer = await client.post(f"/devices/{KEY}/operations", json=body)
        assert answer.status_code == 202, answer.text
        shown = await client.get(f"/operations/{answer.json()['id']}")
        listed = await client.get("/operations")
    for text in (answer.text, shown.text, listed.text):
        assert "1234567" not in text
        assert HIDDEN in text


async def test_the_credentials_of_a_node_never_come_out(app: App) -> None:
    secrets = {"community": "hunter2", "user": "hunter3", "auth_password": "hunter4", "privacy_password": "hunter5"}
    async with await client_of(app, "admin") as client:
        put = await client.put("/access-nodes/olt-1", json={"address": "192.0.2.1", **secrets})
        assert put.status_code == 200, put.text
        texts = [put.text, (await client.get("/access-nodes")).text]
        wrong = await client.put("/access-nodes/olt-1", json={"address": "nowhere", **secrets})
        assert wrong.status_code == 422
        longer = await client.put("/access-nodes/olt-1", json={"address": "192.0.2.1", "community": "hunter6" * 99})
        assert longer.status_code == 422
        texts += [wrong.text, longer.text]
    async with app.store.reading() as tx:
        texts.append(str(await audit_store.list_entries(tx)))
    for text in texts:
        assert "hunter" not in text, text[:300]
