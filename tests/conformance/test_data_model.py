"""Items 109 to 118: what parameters mean."""

import math
from typing import Any

import pytest

from acs.cwmp.structs import ParameterValueStruct
from acs.cwmp.types import python_value
from acs.profiles.convert import CONVERSIONS
from acs.profiles.schema import Identity, choose
from acs.profiles.tree import facts_from_tree
from acs.services.clock import utc_now
from acs.store.records import OperationState
from tests.conformance.acting import Device, device, done
from tests.conformance.checklist import item
from tests.conformance.server import Acs
from tests.conformance.wire import fault

PING = "Device.IP.Diagnostics.IPPing."
DOWNLOAD = "Device.IP.Diagnostics.DownloadDiagnostics."


async def facts(acs: Acs, tree: dict[str, str], **changes: Any) -> dict[str, Any]:
    """What the server makes of a device whose tree it has read: fact → value."""
    root = next(iter(tree)).partition(".")[0] + "."
    acting = await device(acs, root=root, **changes)
    acting.tree = {name: (value, "xsd:string") for name, value in tree.items()}
    assert (await done(acs, acting, "refresh")).state == OperationState.SUCCEEDED
    record = await acs.device(acting.cpe)
    assert record is not None
    known = {name: value for name, (value, _) in (await acs.values(acting.cpe)).items()}
    identity = Identity(record.root, record.manufacturer, record.oui, record.product_class, record.software_version)
    profile = choose(acs.app.northbound.profiles, identity, sorted(known))
    assert profile is not None
    return {fact.name: fact.value for fact in facts_from_tree(profile, known, utc_now(), "test")}


@pytest.mark.parametrize("root", ["Device.", "InternetGatewayDevice."])
@item(109, "TR-106", "the root is that of the Inform, and what is asked of the device begins with it")
async def test_109_both_roots(acs: Acs, root: str) -> None:
    acting = Device(acs.cpe(root=root), {f"{root}X.A": ("1", "xsd:int")})
    await acting.session("1 BOOT")
    record = await acs.device(acting.cpe)
    assert record is not None
    assert record.root == root
    assert (await done(acs, acting, "refresh")).state == OperationState.SUCCEEDED
    for asked in acting.all("GetParameterValues") + acting.all("GetParameterNames"):
        assert all(name.startswith(root) for name in asked.texts(".//string"))
    assert (await acs.values(acting.cpe))[f"{root}X.A"][0] == "1"


@item(110, "TR-106", "every type is read with its meaning; Unknown Time and empty values are none")
async def test_110_types(acs: Acs) -> None:
    acting = await device(acs)
    typed = {
        "Int": ("-2147483648", "xsd:int"),
        "Long": ("9223372036854775807", "xsd:long"),
        "Unsigned": ("\n 4294967295 \n", "xsd:unsignedInt"),
        "Boolean": ("true", "xsd:boolean"),
        "Time": ("2026-01-02T03:04:05.678+03:00", "xsd:dateTime"),
        "Unknown": ("0001-01-01T00:00:00Z", "xsd:dateTime"),
        "Uptime": ("0001-01-01T00:00:19", "xsd:dateTime"),
        "Blob": ("aGVsbG8=", "soapenc:base64"),
        "Hex": ("0aFF", "xsd:hexBinary"),
        "Decimal": ("12.5", "xsd:decimal"),
        "Empty": ("", "xsd:unsignedInt"),
    }
    acting.tree = {f"Device.T.{name}": value for name, value in typed.items()}
    assert (await done(acs, acting, "refresh")).state == OperationState.SUCCEEDED
    known = await acs.values(acting.cpe)
    read = {n: python_value(ParameterValueStruct(n, *known[f"Device.T.{n}"])) for n in typed}
    assert (read["Int"], read["Long"], read["Unsigned"]) == (-(2**31), 2**63 - 1, 2**32 - 1)
    assert read["Boolean"] is True
    assert str(read["Time"]) == "2026-01-02 00:04:05.678000+00:00"
    assert read["Unknown"] is read["Uptime"] is read["Empty"] is None
    assert (read["Blob"], read["Hex"]) == (b"hello", b"\x0a\xff")
    assert float(str(read["Decimal"])) == 12.5


async def diagnosing(acs: Acs, base: str, test: str, results: dict[str, str], **inputs: Any) -> tuple[Device, Any]:
    """A device in which a diagnostic was started."""
    acting = await device(acs)
    inputs_of = ("Interface", "Host", "NumberOfRepetitions", "Timeout", "DataBlockSize", "DSCP", "DownloadURL")
    acting.tree |= {f"{base}{name}": ("", "xsd:string") for name in ("DiagnosticsState", *inputs_of)}
    acting.tree |= {f"{base}{name}": (value, "xsd:string") for name, value in results.items()}
    operation = await acs.request(acting.cpe, "diagnose", {"test": test, "inputs": inputs})
    asked = await acting.session()
    assert asked[-1].rpc == "SetParameterValues", "and then the session ends, so that the test can begin"
    return acting, operation


@pytest.mark.parametrize("state", ["Complete", "Completed"])
@item(111, "TR-106", "inputs and Requested in one call, then the session ends; Complete and Completed are both final")
async def test_111_diagnostics(acs: Acs, state: str) -> None:
    acting, operation = await diagnosing(
        acs, PING, "ping", {"SuccessCount": "4", "FailureCount": "0"}, host="192.0.2.9"
    )
    (call,) = acting.all("SetParameterValues")
    names = call.texts(".//Name")
    assert {f"{PING}Host", f"{PING}DiagnosticsState"} <= set(names)
    assert "Requested" in call.texts(".//Value")
    acting.tree[f"{PING}DiagnosticsState"] = (state, "xsd:string")
    await acting.session("8 DIAGNOSTICS COMPLETE")
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


@item(112, "TR-106", "9007 to DiagnosticsState=Canceled means that cancelling is not supported; the test goes on")
async def test_112_cancelling_is_optional(acs: Acs) -> None:
    acting, operation = await diagnosing(acs, PING, "ping", {"SuccessCount": "4"}, host="192.0.2.9")
    refused = [(f"{PING}DiagnosticsState", 9007, "no such value")]
    acting.answers["SetParameterValues"] = lambda _: fault(9003, "Invalid arguments", refused)
    ended = await done(acs, acting, "set", values={f"{PING}DiagnosticsState": "Canceled"})
    assert ended.state == OperationState.FAILED
    assert "9007" in str(ended.result)
    assert (await acs.state(operation)).state == OperationState.SENT
    acting.tree[f"{PING}DiagnosticsState"] = ("Complete", "xsd:string")
    await acting.session("8 DIAGNOSTICS COMPLETE")
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


@pytest.mark.parametrize(
    ("results", "speed"),
    [
        ({"BOMTime": "2026-01-01T00:00:01.250000Z", "EOMTime": "2026-01-01T00:00:03.250000Z"}, 80.0),
        ({"BOMTime": "2026-01-01T00:00:01.000001", "EOMTime": "2026-01-01T00:00:01.500001"}, 320.0),
        ({"BOMTime": "2026-01-01T00:00:02Z", "EOMTime": "2026-01-01T00:00:02Z"}, None),
        ({"BOMTime": "2026-01-01T00:00:02Z", "EOMTime": "2026-01-01T00:00:04Z", "TotalBytesReceived": "5"}, None),
    ],
)
@item(113, "TR-143", "throughput from BOM to EOM with microseconds; no zone is UTC; a counter that wrapped gives none")
async def test_113_throughput(acs: Acs, results: dict[str, str], speed: float | None) -> None:
    given = {"TestBytesReceived": "20000000", "TotalBytesReceived": "21000000", **results}
    acting, operation = await diagnosing(acs, DOWNLOAD, "download", given, url="http://192.0.2.1/big")
    acting.tree[f"{DOWNLOAD}DiagnosticsState"] = ("Complete", "xsd:string")
    await acting.session("8 DIAGNOSTICS COMPLETE")
    ended = await acs.ended(operation)
    assert isinstance(ended.result, dict)
    found = ended.result.get("results", ended.result)
    assert isinstance(found, dict)
    assert found.get("mbit_s") == speed


@item(114, "TR-181", "optical levels in thousandths, those of XPON in tenths of dBm; -274 °C is no reading")
async def test_114_optical_levels(acs: Acs) -> None:
    sensor = "Device.DeviceInfo.TemperatureStatus.TemperatureSensor.1.Value"
    found = await facts(
        acs,
        {
            "Device.Optical.Interface.1.OpticalSignalLevel": "-19746",
            "Device.Optical.Interface.1.TransmitOpticalLevel": "2250",
            sensor: "-274",
        },
    )
    assert found["ont.rx_dbm"] == pytest.approx(-19.746)
    assert found["ont.tx_dbm"] == pytest.approx(2.25)
    assert found.get("cpe.temp_c") is None
    transceiver = "Device.XPON.ONU.1.ANI.1.Transceiver.1."
    found = await facts(acs, {f"{transceiver}RxPower": "-215", f"{transceiver}TxPower": "23"})
    assert (found["ont.rx_dbm"], found["ont.tx_dbm"]) == (-21.5, 2.3)


@pytest.mark.parametrize("base", ["InternetGatewayDevice.WANDevice.1.WANDSLInterfaceConfig.", "Device.DSL.Line.1."])
@item(115, "TR-098", "noise margin and attenuation of DSL are tenths of a decibel, also below zero")
async def test_115_dsl_in_tenths(acs: Acs, base: str) -> None:
    sent = {"DownstreamNoiseMargin": "63", "UpstreamNoiseMargin": "-12", "DownstreamAttenuation": "275",
            "UpstreamAttenuation": "140"}  # fmt: skip
    found = await facts(acs, {f"{base}{name}": value for name, value in sent.items()})
    assert (found["dsl.snr_margin_db"], found["dsl.snr_margin_up_db"]) == (6.3, -1.2)
    assert (found["dsl.attenuation_db"], found["dsl.attenuation_up_db"]) == (27.5, 14.0)


@item(116, "TR-135", "of sample lists the newest interval counts, lost against expected of the same interval")
async def test_116_sample_lists(acs: Acs) -> None:
    stream = "Device.Services.STBService.1.ServiceMonitoring.MainStream.1."
    found = await facts(
        acs,
        {
            f"{stream}Sample.RTPStats.PacketsLost": "0,0,20",
            f"{stream}Sample.RTPStats.PacketsExpected": "1000,1000,1000",
            f"{stream}Total.RTPStats.PacketsLost": "900",
            f"{stream}Total.RTPStats.PacketsExpected": "1000",
            f"{stream}Sample.DejitteringStats.Underruns": "9,9,1",
        },
    )
    assert found["stb.rtp_loss_pct"] == 2
    assert found["stb.underruns"] == 1


@pytest.mark.parametrize(
    ("tree", "registered"),
    [
        ({"Device.Services.VoiceService.1.SIP.Client.1.Status": "Up"}, True),
        ({"Device.Services.VoiceService.1.SIP.Client.1.Status": "Error_Registration"}, False),
        ({"InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1.Line.1.Status": "Up"}, True),
        ({"InternetGatewayDevice.Services.VoiceService.1.VoiceProfile.1.Line.1.Status": "Registering"}, False),
    ],
)
@item(117, "TR-104", "the lines of TR-104 v1 and the SIP clients of v2 give one state of registration")
async def test_117_registration(acs: Acs, tree: dict[str, str], registered: bool) -> None:
    name = next(iter(tree))
    enabled = "1" if name.startswith("Device.") else "Enabled"
    found = await facts(acs, {**tree, name.replace(".Status", ".Enable"): enabled})
    assert found["voip.registered"] is registered


HUAWEI = {"manufacturer": "Huawei Technologies Co., Ltd", "oui": "00259E", "product_class": "EG8145V5"}
VECTORS = [(133, -18.76), (30, -25.23), (74, -21.31), (8, -30.97), (19078, 2.81), (233, -16.33)]


@item(118, "vendor", "vendors' optical values are converted as published: tenths of a microwatt, text with units")
async def test_118_vendor_units(acs: Acs) -> None:
    convert = CONVERSIONS["tenth_uw"]
    for raw, dbm in VECTORS:
        assert convert(raw) == pytest.approx(dbm, abs=0.006)
        assert 10 * math.log10(raw / 10_000) == pytest.approx(dbm, abs=0.006)
    assert convert(0) is None
    odd = "InternetGatewayDevice.WANDevice.1.X_GponInterafceConfig."
    found = await facts(
        acs,
        {f"{odd}RXPower": "-23 dBm", f"{odd}TXPower": "2"},
        **HUAWEI,
    )
    assert (found["ont.rx_dbm"], found["ont.tx_dbm"]) == (-23, 2)
    found = await facts(acs, {f"{odd}RXPower": "-2310", f"{odd}TXPower": "231"}, **HUAWEI)
    assert (found["ont.rx_dbm"], found["ont.tx_dbm"]) == (-23.1, 2.31)
