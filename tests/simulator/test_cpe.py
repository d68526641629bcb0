"""A simulated CPE against an ACS of a few lines."""

import asyncio
from collections.abc import Callable

import httpx
import pytest

from acs.cwmp import messages as m
from acs.cwmp.structs import ParameterValueStruct
from cli.ports import free_port
from cli.simulator.cpe import Cpe, RebootHabit
from cli.simulator.neighbourhood import CpeKind
from tests.simulator.fake_acs import FakeAcs

MakeCpe = Callable[..., Cpe]
UPTIME = "InternetGatewayDevice.DeviceInfo.UpTime"


def codes(inform: m.Inform) -> list[str]:
    return [event.event_code for event in inform.event]


@pytest.mark.parametrize("kind", list(CpeKind))
async def test_the_first_session_is_a_bootstrap(acs: FakeAcs, make_cpe: MakeCpe, kind: CpeKind) -> None:
    cpe = make_cpe(kind)
    await cpe.start()
    await acs.until(lambda: acs.sessions_ended)
    await cpe.wait_informed()
    inform = acs.informs[0]
    assert codes(inform) == ["0 BOOTSTRAP", "1 BOOT"]
    assert inform.retry_count == 0
    told = {value.name.split(".", 1)[1]: value.value for value in inform.parameter_list}
    assert told["ManagementServer.ConnectionRequestURL"].startswith("http://127.0.0.1:")
    assert acs.cookies[-1] == "s=1"


async def test_digest_is_answered(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    acs.password = "right"
    await make_cpe(password="right").start()
    await acs.until(lambda: acs.sessions_ended)
    assert len(acs.informs) == 1


async def test_a_wrong_password_is_tried_again_later(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    acs.password = "right"
    cpe = make_cpe(password="wrong")
    await cpe.start()
    await acs.until(lambda: "401" in cpe.last_error)
    assert not acs.informs


async def test_a_refused_inform_keeps_its_events_and_counts_retries(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    acs.refuse = 2
    await make_cpe().start()
    await acs.until(lambda: acs.sessions_ended)
    assert codes(acs.informs[0]) == ["0 BOOTSTRAP", "1 BOOT"]
    assert acs.informs[0].retry_count == 2


async def test_values_are_read_and_set(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    acs.ask = [
        m.GetParameterValues((UPTIME,)),
        m.SetParameterValues(
            (ParameterValueStruct("InternetGatewayDevice.DeviceInfo.ProvisioningCode", "north"),), "1"
        ),
        m.GetParameterValues(("InternetGatewayDevice.Nothing",)),
        m.GetRPCMethods(),
        m.GetOptions(),
    ]
    cpe = make_cpe()
    cpe.stock.lacking = frozenset({"GetOptions"})
    await cpe.start()
    await acs.until(lambda: acs.sessions_ended)
    values, done, fault, methods, unknown = acs.answers
    assert isinstance(values, m.GetParameterValuesResponse)
    assert 1000 <= int(values.parameter_list[0].value) < 1100
    assert isinstance(done, m.SetParameterValuesResponse)
    assert isinstance(fault, m.SoapFault) and fault.fault_code == 9005
    assert isinstance(methods, m.GetRPCMethodsResponse) and "Reboot" in methods.method_list
    assert isinstance(unknown, m.SoapFault) and unknown.fault_code == 9000


async def test_a_reboot_is_counted_and_reported(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    acs.ask = [m.Reboot("op-1")]
    cpe = make_cpe()
    await cpe.start()
    await acs.until(lambda: len(acs.informs) == 2)
    assert cpe.reboots == 1
    assert [(event.event_code, event.command_key) for event in acs.informs[1].event] == [
        ("1 BOOT", ""),
        ("M Reboot", "op-1"),
    ]
    acs.ask = [m.GetParameterValues((UPTIME,))]


@pytest.mark.parametrize(
    ("habit", "reboots"),
    [(RebootHabit.DROP, 1), (RebootHabit.DROP_AND_STAY, 0), (RebootHabit.NEVER, 0), (RebootHabit.LATE, 1)],
)
async def test_bad_habits_at_a_reboot(acs: FakeAcs, make_cpe: MakeCpe, habit: RebootHabit, reboots: int) -> None:
    acs.ask = [m.Reboot("op-1")]
    cpe = make_cpe(reboot=habit, late_s=0.3)
    await cpe.start()
    answers = habit in (RebootHabit.NEVER, RebootHabit.LATE)
    if answers:
        await acs.until(lambda: acs.answers)
        assert isinstance(acs.answers[0], m.RebootResponse) and cpe.reboots == 0
    if reboots:
        await acs.until(lambda: reported(acs))
    else:
        await asyncio.sleep(0.6)
    assert cpe.reboots == reboots and bool(acs.answers) is answers
    assert reported(acs) == ["op-1"] * reboots


def reported(acs: FakeAcs) -> list[str]:
    """The command keys that came in Informs."""
    return [event.command_key for inform in acs.informs for event in inform.event if event.command_key]


async def test_a_connection_request_opens_a_session(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    cpe = make_cpe()
    server = "InternetGatewayDevice.ManagementServer."
    acs.ask = [m.SetParameterValues((ParameterValueStruct(f"{server}ConnectionRequestPassword", "ring"),), "")]
    await cpe.start()
    await acs.until(lambda: acs.sessions_ended == 1)
    async with httpx.AsyncClient(trust_env=False) as client:
        url = cpe.doorbell.url
        assert (await client.get(url)).status_code == 401
        assert (await client.get(url, auth=httpx.DigestAuth("cr", "wrong"))).status_code == 401
        assert (await client.get(url + "x", auth=httpx.DigestAuth("cr", "ring"))).status_code == 404
        assert (await client.get(url, auth=httpx.DigestAuth("cr", "ring"))).status_code == 200
    await acs.until(lambda: acs.sessions_ended == 2)
    assert codes(acs.informs[1]) == ["6 CONNECTION REQUEST"]


async def test_a_hung_device_takes_connections_and_says_nothing(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    cpe = make_cpe()
    await cpe.start()
    await cpe.wait_informed()
    cpe.hang()
    async with httpx.AsyncClient(trust_env=False, timeout=httpx.Timeout(60.0, read=0.3)) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(cpe.doorbell.url)


async def test_a_device_without_power_refuses_connections_and_boots_later(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    cpe = make_cpe()
    await cpe.start()
    await cpe.wait_informed()
    await cpe.stop()
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(cpe.doorbell.url)
    await cpe.start("1 BOOT")
    await acs.until(lambda: len(acs.informs) == 2)
    assert codes(acs.informs[1]) == ["1 BOOT"]


async def test_a_download_ends_with_a_transfer_complete(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    acs.ask = [m.Download("fw-1", "1 Firmware Upgrade Image", f"http://127.0.0.1:{free_port()}/fw.bin")]
    await make_cpe().start()
    await acs.until(lambda: acs.transfers)
    assert acs.transfers[0].command_key == "fw-1"
    assert codes(acs.informs[1]) == ["7 TRANSFER COMPLETE", "M Download"]


async def test_a_factory_reset_forgets_what_was_set(acs: FakeAcs, make_cpe: MakeCpe) -> None:
    name = "InternetGatewayDevice.DeviceInfo.ProvisioningCode"
    acs.ask = [m.SetParameterValues((ParameterValueStruct(name, "north"),), ""), m.FactoryReset()]
    cpe = make_cpe()
    await cpe.start()
    await acs.until(lambda: len(acs.informs) == 2)
    assert codes(acs.informs[1]) == ["0 BOOTSTRAP", "1 BOOT"]
    assert cpe.tree.value(name) == ""


@pytest.mark.parametrize("turns", range(4))
async def test_power_goes_off_in_the_moment_in_which_there_is_something_to_do(
    acs: FakeAcs, make_cpe: MakeCpe, turns: int
) -> None:
    """A cancellation that meets the end of what it cancels is lost by `asyncio.wait_for` of Python 3.11."""
    cpe = make_cpe()
    await cpe.start()
    await acs.until(lambda: acs.sessions_ended)
    await cpe.wait_informed()
    life = cpe._life
    assert life is not None
    cpe._wake.set()
    for _ in range(turns):
        await asyncio.sleep(0)
    life.cancel()
    done, _ = await asyncio.wait({life}, timeout=30)
    assert done
    assert life.cancelled()
