"""Items 56 to 68: what an Inform says, and what follows from its events."""

from datetime import UTC, datetime, timedelta

import pytest

from acs.store.records import OperationState
from tests.conformance.checklist import item
from tests.conformance.server import ACTOR, Acs


@item(56, "A.3.3.1", "DeviceId at its limits is taken, also without ProductClass; the key is OUI-ProductClass-Serial")
async def test_056_identity_at_its_limits(acs: Acs) -> None:
    long = acs.cpe(oui="0A1B2C", product_class="P" * 64)
    long.serial = long.serial.ljust(64, "S")
    await long.session()
    stored = await acs.device(long)
    assert stored is not None
    assert stored.key == f"0A1B2C-{'P' * 64}-{long.serial}"
    bare = acs.cpe(product_class="")
    body = bare.inform().replace(b"<ProductClass></ProductClass>", b"")
    assert (await bare.post(body)).rpc == "InformResponse"
    found = await acs.app.northbound.devices.find(ACTOR, search=bare.serial)
    assert [(each.oui, each.product_class, each.serial_number) for each in found] == [(bare.oui, "", bare.serial)]
    odd = acs.cpe(product_class="FAP/x 1%")
    await odd.session()
    found = await acs.app.northbound.devices.find(ACTOR, search=odd.serial)
    assert found[0].product_class == "FAP/x 1%"
    assert found[0].key == f"{odd.oui}-FAP%2Fx%201%25-{odd.serial}"


@item(57, "3.7.1.5", "64 events in one Inform are taken, and unknown codes are kept as they came")
async def test_057_many_and_unknown_events(acs: Acs) -> None:
    cpe = acs.cpe()
    events = [
        "2 PERIODIC",
        "X 00D09E Line Down",
        "X CT-COM BIND",
        "6 CONNECTIONREQUEST",
        "1 Boot",
        ("M X_00D09E_Do", "key"),
        "99 NEW IN 2030",
        *(("M Download", f"file-{n}") for n in range(57)),
    ]
    assert len(events) == 64
    await cpe.session(*events)
    stored = [(event.code, event.command_key) for event in await acs.events(cpe)]
    assert stored == [event if isinstance(event, tuple) else (event, "") for event in events]


@item(59, "3.7.1.5", "1 BOOT with M Reboot ends the reboot that has the same CommandKey, and no other")
async def test_059_a_boot_ends_its_reboot(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.session()
    operation = await acs.request(cpe, "reboot")
    await cpe.open()
    asked = await cpe.post()
    assert asked.rpc == "Reboot"
    key = asked.text("CommandKey") or ""
    assert 0 < len(key) <= 32
    assert (await cpe.answer(asked, "<cwmp:RebootResponse/>")).status == 204
    await cpe.close()
    assert (await acs.state(operation)).state == OperationState.SENT
    cpe.cookie = None
    await cpe.session("2 PERIODIC", ("M Reboot", "another"))
    assert (await acs.state(operation)).state in (OperationState.SENT, OperationState.UNKNOWN)
    await cpe.session("1 BOOT", ("M Reboot", key))
    assert (await acs.state(operation)).state == OperationState.SUCCEEDED


@item(61, "3.7.1.5", "the values of 4 VALUE CHANGE update what is known of the device, with their time")
async def test_061_value_changes_are_kept(acs: Acs) -> None:
    cpe = acs.cpe()
    name = "Device.DeviceInfo.SoftwareVersion"
    await cpe.session(parameters=[("Device.X.Note", "old", "xsd:string")])
    before = datetime.now(UTC)
    body = cpe.inform("4 VALUE CHANGE", parameters=[("Device.X.Note", "new", "xsd:string")]).replace(b">SW1<", b">SW2<")
    await cpe.post(body)
    assert (await cpe.post()).status == 204
    device = await acs.device(cpe)
    assert device is not None
    assert device.software_version == "SW2"
    assert device.last_inform_at >= before - timedelta(seconds=1)
    known = await acs.values(cpe)
    assert (known["Device.X.Note"][0], known[name][0]) == ("new", "SW2")


@pytest.mark.parametrize("root", ["Device.", "InternetGatewayDevice."])
@item(65, "3.7.1.5", "the forced parameters of both roots are kept; ConnectionRequestURL is that of the last Inform")
async def test_065_forced_parameters(acs: Acs, root: str) -> None:
    cpe = acs.cpe(root=root, connection_request_url="http://192.0.2.1:7547/one")
    await cpe.session("0 BOOTSTRAP", "1 BOOT")
    known = await acs.values(cpe)
    assert {name for name, _, _ in cpe.forced()} <= known.keys()
    cpe.connection_request_url = "http://192.0.2.2:7547/two?a=b"
    await cpe.session()
    device = await acs.device(cpe)
    assert device is not None
    assert (device.root, device.software_version, device.hardware_version) == (root, "SW1", "HW1")
    assert device.connection_request_url == "http://192.0.2.2:7547/two?a=b"


@pytest.mark.parametrize("event", ["13 WAKEUP", "14 HEARTBEAT"])
@item(66, "Annex O, Annex L", "14 HEARTBEAT and 13 WAKEUP open sessions like any other event")
async def test_066_heartbeat_and_wakeup(acs: Acs, event: str) -> None:
    cpe = acs.cpe(version=4)
    await cpe.session(event)
    assert [each.code for each in await acs.events(cpe)] == [event]


@pytest.mark.parametrize(
    "time",
    ["2026-01-02T03:04:05", "1970-01-01T00:01:00Z", "0001-01-01T00:00:19", "0001-01-01T00:00:00Z", "",
     "2019-03-05T11:54::14", "2026-01-02T03:04:05.123456+0300", "yesterday"],
)  # fmt: skip
@item(67, "impl", "a CurrentTime without zone, of year 1 or 1970, or no time at all, does not spoil an Inform")
async def test_067_any_current_time(acs: Acs, time: str) -> None:
    cpe = acs.cpe()
    assert (await cpe.post(cpe.inform(current_time=time))).rpc == "InformResponse"
    assert (await cpe.post()).status == 204
    assert await acs.device(cpe)
