"""Tests that a device runs itself: started, waited for, read once; and what is said where there are no results."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from acs.cwmp.messages import (
    GetParameterValues,
    GetParameterValuesResponse,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.structs import DeviceId, ParameterValueStruct
from acs.errors import InvalidInput
from acs.profiles.diagnostics import DIAGNOSTICS, results_of
from acs.services.kinds import KINDS
from acs.services.plans.diagnostics import CollectPlan, StartPlan
from acs.store.records import OperationRecord, OperationState
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import load
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe as RawCpe
from tests.simulator.conftest import FIXED

Start = Callable[..., Awaitable[Cpe]]
PING = "Device.IP.Diagnostics.IPPing."


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(config_for(tmp_path, cwmp={"first_contact": {"enabled": True}})) as server:
        yield server


@pytest.fixture
async def start(server: Running) -> AsyncIterator[Start]:
    made: list[Cpe] = []

    async def start(kind: CpeKind) -> Cpe:
        fixed = FIXED | {"acs_url": f"http://127.0.0.1:{server.port}/"}
        device = DeviceId("ACME", "001122", kind.value, "S1")
        habits = Habits(boot_s=0.05, retry_m_s=0.05)
        cpe = Cpe(device, lambda device: load(kind.value, fixed, device.live), "", uptime_s=1000, habits=habits)
        made.append(cpe)
        await cpe.start()
        await cpe.wait_informed()
        return cpe

    yield start
    for cpe in made:
        await cpe.stop()


async def diagnosed(server: Running, key: str, test: str, **inputs: Any) -> OperationRecord:
    asked = await server.operations.request(ACTOR, key, "diagnose", {"test": test, "inputs": inputs}, deadline_s=30)
    return await server.operations.wait(asked.id, 60)


@pytest.mark.parametrize("kind", [CpeKind.ONT, CpeKind.ROUTER])
async def test_each_test_gives_its_results_in_both_models(server: Running, start: Start, kind: CpeKind) -> None:
    cpe = await start(kind)
    ping = await diagnosed(server, cpe.key, "ping", host="192.0.2.9", count=7)
    assert ping.state is OperationState.SUCCEEDED, ping.detail
    assert isinstance(ping.result, dict)
    assert (ping.result["received"], ping.result["lost"]) == (7, 0)
    assert ping.result["average_ms"] == (12 if kind is CpeKind.ONT else 12.345)
    assert "reported" in await server.steps(ping)

    trace = await diagnosed(server, cpe.key, "traceroute", host="192.0.2.9", tries=2)
    assert isinstance(trace.result, dict)
    first, second = trace.result["route"]  # type: ignore[misc]
    assert (first["address"], second["times_ms"]) == ("192.0.2.1", [12, 12])  # type: ignore[call-overload,index]

    lookup = await diagnosed(server, cpe.key, "nslookup", host="www.example.net")
    assert isinstance(lookup.result, dict)
    assert lookup.result["answers"][0]["addresses"] == "198.51.100.9"  # type: ignore[call-overload,index]

    download = await diagnosed(server, cpe.key, "download", url="http://192.0.2.80/10MB")
    upload = await diagnosed(server, cpe.key, "upload", url="http://192.0.2.80/up", bytes=4_700_000)
    assert isinstance(download.result, dict)
    assert isinstance(upload.result, dict)
    assert download.result["mbit_s"] == pytest.approx(94, rel=0.01)
    assert download.result["connect_ms"] == pytest.approx(4, abs=0.01)
    assert upload.result["mbit_s"] == pytest.approx(47, rel=0.01)


async def test_a_failed_test_says_why(server: Running, start: Start) -> None:
    cpe = await start(CpeKind.ROUTER)
    done = await diagnosed(server, cpe.key, "ping", host="nowhere.invalid")
    assert done.state is OperationState.FAILED
    assert "could not resolve the host name" in done.detail


async def test_a_model_that_lacks_a_test_is_asked_once(server: Running, start: Start) -> None:
    cpe = await start(CpeKind.ROUTER)
    first = await diagnosed(server, cpe.key, "self_test")
    assert first.state is OperationState.FAILED
    assert first.detail.startswith("not supported by this model")
    again = await diagnosed(server, cpe.key, "self_test")
    assert "asked before" in again.detail
    assert "rpc_sent" not in await server.steps(again)
    other_root = await start(CpeKind.ONT)
    missing = await diagnosed(server, other_root.key, "neighbours")
    assert "no such test" in missing.detail


async def test_the_echo_server_is_set_at_once_and_neighbours_are_listed(server: Running, start: Start) -> None:
    cpe = await start(CpeKind.ROUTER)
    echo = await diagnosed(server, cpe.key, "udp_echo_server", port=7007)
    assert echo.state is OperationState.SUCCEEDED, echo.detail
    assert cpe.tree.value("Device.IP.Diagnostics.UDPEchoConfig.UDPPort") == "7007"
    networks = await diagnosed(server, cpe.key, "neighbours")
    assert isinstance(networks.result, dict)
    assert [row["channel"] for row in networks.result["networks"]] == [6, 11, 1]  # type: ignore[index,union-attr,call-overload]


async def test_results_are_read_although_the_device_never_says_that_it_is_over(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acs.services.kinds.diagnostics.PATIENCE_S", -4.5)  # lasts_s of ping is 5
    cpe = RawCpe(server.port)
    cpe.values = {
        f"{PING}{leaf}": ("0", "xsd:unsignedInt") for leaf in ("NumberOfRepetitions", "Timeout", "SuccessCount")
    }
    cpe.values |= {f"{PING}{leaf}": ("", "xsd:string") for leaf in ("Host", "DiagnosticsState")}
    await cpe.session(("1 BOOT", ""))
    inputs = {"host": "192.0.2.1", "count": 1, "timeout_ms": 1}
    asked = await server.operations.request(ACTOR, cpe.key, "diagnose", {"test": "ping", "inputs": inputs})
    await cpe.session(("2 PERIODIC", ""))
    assert cpe.values[f"{PING}DiagnosticsState"][0] == "Requested"
    assert (await server.now(asked)).state is OperationState.SENT
    cpe.values |= {
        f"{PING}DiagnosticsState": ("Complete", "xsd:string"),
        f"{PING}SuccessCount": ("1", "xsd:unsignedInt"),
    }
    async for step in server.operations.watch(asked.id):
        if step.name.value.startswith("connection_request") and step.n > 5:
            break
    await cpe.session(("2 PERIODIC", ""))
    done = await server.now(asked)
    assert done.state is OperationState.SUCCEEDED, done.detail
    assert isinstance(done.result, dict)
    assert done.result["received"] == 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"test": "magic"}, "magic"),
        ({"test": "ping"}, "host"),
        ({"test": "ping", "inputs": {"host": "a", "colour": 1}}, "colour"),
        ({"test": "ping", "inputs": {"host": "a", "count": 0}}, "1 to 100"),
        ({"test": "ping", "inputs": {"host": "a", "count": True}}, "whole number"),
        ({"test": "ping", "inputs": {"host": "a\x01"}}, "XML"),
        ({"test": "ping", "inputs": {"host": "a", "protocol": "IPX"}}, "IPv6"),
        ({"test": "ping", "speed": 1}, "speed"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidInput, match=word):
        KINDS["diagnose"].check(arguments)


def taken(plan: StartPlan | CollectPlan, values: dict[str, str]) -> None:
    assert isinstance(plan.request(), GetParameterValues)
    structs = tuple(ParameterValueStruct(name, value, "xsd:string") for name, value in values.items())
    plan.take(GetParameterValuesResponse(structs))


def test_inputs_and_the_request_leave_in_one_setting() -> None:
    plan = StartPlan("ping", DIAGNOSTICS["ping"], "Device.", {"host": "h", "dscp": 46}, "key")
    taken(plan, {f"{PING}{leaf}": "" for leaf in ("Host", "DSCP", "NumberOfRepetitions", "DiagnosticsState")})
    request = plan.request()
    assert isinstance(request, SetParameterValues)
    sent = {each.name.removeprefix(PING): each.value for each in request.parameter_list}
    assert sent == {"Host": "h", "DSCP": "46", "NumberOfRepetitions": "5", "DiagnosticsState": "Requested"}
    assert request.parameter_list[-1].name.endswith("DiagnosticsState")
    plan.take(SetParameterValuesResponse(0))
    assert plan.request() is None
    assert plan.outcome().waits


def test_an_input_that_the_model_has_not_is_said_before_anything_is_set() -> None:
    plan = StartPlan("ping", DIAGNOSTICS["ping"], "Device.", {"host": "h", "protocol": "IPv6"}, "key")
    taken(plan, {f"{PING}{leaf}": "" for leaf in ("Host", "DiagnosticsState")})
    assert plan.request() is None
    assert "takes no protocol" in plan.outcome().detail


@pytest.mark.parametrize(
    ("state", "succeeded", "waits", "word"),
    [
        ("Complete", True, False, "over"),
        ("Completed", True, False, "over"),
        ("Requested", True, True, "still runs"),
        ("None", False, False, "restarted"),
        ("Canceled", False, False, "restarted"),
        ("Error_NoRouteToHost", False, False, "no route"),
        ("Error_Vendor_7", False, False, "Error_Vendor_7"),
    ],
)
def test_every_state_has_its_end(state: str, succeeded: bool, waits: bool, word: str) -> None:
    plan = CollectPlan(DIAGNOSTICS["ping"], "Device.", {})
    taken(plan, {f"{PING}DiagnosticsState": state, f"{PING}SuccessCount": "3"})
    outcome = plan.outcome()
    assert (outcome.succeeded, outcome.waits) == (succeeded, waits)
    assert word in outcome.detail
    assert ("received" in (outcome.result or {})) is (succeeded and not waits)  # type: ignore[operator]


def test_a_refused_setting_tells_the_fault() -> None:
    plan = StartPlan("ping", DIAGNOSTICS["ping"], "Device.", {"host": "h"}, "key")
    taken(plan, {f"{PING}{leaf}": "" for leaf in ("Host", "DiagnosticsState")})
    plan.request()
    plan.take(SoapFault(9007, "Invalid parameter value"))
    assert plan.request() is None
    assert (plan.outcome().succeeded, plan.outcome().fault_code) == (False, 9007)


DOWNLOAD = "InternetGatewayDevice.DownloadDiagnostics."
TIMES = {"BOMTime": "2026-11-22T10:00:00.500000", "EOMTime": "2026-11-22T10:00:01.500000Z"}


@pytest.mark.parametrize(
    ("values", "mbit_s"),
    [
        ({"TestBytesReceived": "12500000", **TIMES}, 100.0),
        ({"TestBytesReceived": "12500000", "TotalBytesReceived": "300", **TIMES}, None),
        ({"TestBytesReceived": "12500000", **TIMES, "EOMTime": "2026-11-22T10:00:00.500000"}, None),
        ({"TestBytesReceived": "12500000", **TIMES, "EOMTime": "0001-01-01T00:00:00Z"}, None),
        ({"TestBytesReceived": "", **TIMES}, None),
        ({"TotalBytesReceivedUnderFullLoading": "1250000", "PeriodOfFullLoading": "100000", **TIMES}, 100.0),
    ],
)  # fmt: skip
def test_throughput_has_microseconds_and_no_nonsense(values: dict[str, str], mbit_s: float | None) -> None:
    """TR-143: a time without zone is UTC; counters that wrapped, and clocks that run back, give no figure."""
    named = {DOWNLOAD + leaf: value for leaf, value in values.items()}
    assert results_of(DIAGNOSTICS["download"], "InternetGatewayDevice.", named, {}).get("mbit_s") == mbit_s
