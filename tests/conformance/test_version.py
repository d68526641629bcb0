"""Items 37 to 41: which version of CWMP is spoken."""

import asyncio
from pathlib import Path

import pytest

from tests.conformance.checklist import item
from tests.conformance.server import Acs, serving
from tests.conformance.wire import SOAP, values_response

SUPPORTED = '<cwmp:SupportedCWMPVersions soap:mustUnderstand="0">{}</cwmp:SupportedCWMPVersions>'


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [("1.0,1.1,1.2,1.3,1.4", "1.4"), ("1.0, 1.1, 1.2", "1.2"), ("1.4,1.9", "1.4"), ("1.0", "1.0")],
)
@item(37, "3.7.4", "SupportedCWMPVersions is answered by UseCWMPVersion with the highest common one, only there")
async def test_037_the_highest_common_version(acs: Acs, offered: str, chosen: str) -> None:
    cpe = acs.cpe(version=2)
    answer = await cpe.post(cpe.inform(headers=SUPPORTED.format(offered)))
    header = answer.soap_header("UseCWMPVersion")
    assert header is not None
    assert header.text == chosen
    assert header.get(f"{{{SOAP}}}mustUnderstand") == "1"
    own = await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>", headers=SUPPORTED.format(offered)))
    assert own.soap_header("UseCWMPVersion") is None
    await cpe.close()


@pytest.mark.parametrize("version", [0, 1, 2])
@item(38, "3.7.4", "a CPE without SupportedCWMPVersions never gets UseCWMPVersion")
async def test_038_nothing_unasked(acs: Acs, version: int) -> None:
    cpe = acs.cpe(version=version)
    timeout = '<cwmp:SessionTimeout soap:mustUnderstand="0">60</cwmp:SessionTimeout>' if version == 2 else ""
    answer = await cpe.post(cpe.inform(headers=timeout))
    assert answer.rpc == "InformResponse"
    assert b"UseCWMPVersion" not in answer.body
    await cpe.close()


@item(39, "3.7.4", "a CPE's SessionTimeout is how long the ACS waits for its next POST")
async def test_039_the_session_timeout_of_the_cpe(tmp_path: Path) -> None:
    async with serving(tmp_path, cwmp={"limits": {"session_idle_s": 0.3, "idle_timeout_s": 9.0}}) as short:
        slow, usual = short.cpe(version=2), short.cpe(version=2)
        header = '<cwmp:SessionTimeout soap:mustUnderstand="0">60</cwmp:SessionTimeout>'
        assert (await slow.post(slow.inform(headers=header))).rpc == "InformResponse"
        await usual.open()
        await short.until(lambda: short.counted("timed_out") == 1)
        await asyncio.sleep(0.4)
        assert short.counted("timed_out") == 1, "the one that said 60 s still has its session"
        operation = await short.request(slow, "get", {"names": ["Device.DeviceInfo.UpTime"]})
        asked = await slow.post()
        assert asked.rpc == "GetParameterValues"
        await slow.answer(asked, values_response([("Device.DeviceInfo.UpTime", "1", "xsd:unsignedInt")]))
        assert (await short.ended(operation)).state == "succeeded"
        await slow.close()
        await usual.close()


@item(40, "3.7.4", "without a common version the Inform gets fault 8006, and nothing is stored")
async def test_040_no_common_version(acs: Acs) -> None:
    cpe = acs.cpe(version=2)
    answer = await cpe.post(cpe.inform(headers=SUPPORTED.format("2.0,3.1")))
    assert (answer.status, answer.rpc, answer.fault_code) == (200, "Fault", 8006)
    assert answer.id == "1"
    assert await acs.device(cpe) is None
    await cpe.close()
