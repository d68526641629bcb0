"""Items 1 to 13, 15, 24 to 26: HTTP between CPE and ACS."""

import gzip
import zlib
from pathlib import Path

import pytest

from tests.conformance.checklist import item
from tests.conformance.server import Acs, serving
from tests.conformance.wire import Wire, values_response

UPTIME = ("Device.DeviceInfo.UpTime", "5", "xsd:unsignedInt")


@item(1, "3.4", "POST on the CWMP URL is served; any other method gets 405 with Allow: POST")
async def test_001_only_post_is_served(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.session()
    for method in ("GET", "PUT", "DELETE", "HEAD", "OPTIONS"):
        wire = Wire(acs.port)
        await wire.send(f"{method} / HTTP/1.1\r\nHost: acs\r\n\r\n".encode())
        answer = await wire.receive()
        assert (answer.status, answer.header("Allow")) == (405, "POST")
        await wire.close()


@item(2, "3.4.1", "every answer with an envelope has status 200 and Content-Type text/xml")
async def test_002_an_envelope_comes_with_200_and_text_xml(acs: Acs) -> None:
    cpe = acs.cpe()
    inform = await cpe.open()
    own = await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>"))
    operation = await acs.request(cpe, "get", {"names": ["Device.DeviceInfo.UpTime"]})
    asked = await cpe.post()
    for answer in (inform, own, asked):
        assert answer.status == 200
        assert (answer.header("Content-Type") or "").split(";")[0] == "text/xml"
    assert (await cpe.answer(asked, values_response([UPTIME]))).status == 204
    assert (await acs.ended(operation)).state == "succeeded"
    await cpe.close()


@item(3, "3.4.1", "a SOAP fault of the ACS comes with status 200")
async def test_003_a_fault_comes_with_200(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.open()
    answer = await cpe.post(cpe.envelope("<cwmp:X_00D09E_Unknown/>"))
    assert (answer.status, answer.rpc, answer.fault_code) == (200, "Fault", 8000)
    await cpe.close()


@item(4, "3.4.6", "every empty answer is 204, with neither body nor Content-Type nor length")
async def test_004_an_empty_answer_is_204(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.open()
    answer = await cpe.post()
    assert (answer.status, answer.body) == (204, b"")
    assert not (answer.header("Content-Type") or answer.header("Content-Length"))
    again = await cpe.post()
    assert again.status == 204, "nothing of a body was left in the stream"
    await cpe.close()


@item(5, "3.4.1", "a POST without body, SOAPAction and Content-Type hands the turn to the ACS")
async def test_005_an_empty_post_is_taken(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.open()
    raw = f"POST / HTTP/1.1\r\nHost: acs\r\nCookie: {cpe.cookie}\r\nContent-Length: 0\r\n\r\n"
    await cpe.wire.send(raw.encode())
    assert (await cpe.wire.receive()).status == 204
    await cpe.close()


@pytest.mark.parametrize("value", [None, "", '""', "cwmp:Inform", '"urn:dslforum-org:cwmp-1-0#Inform"', "x y"])
@item(6, "3.4.1", "SOAPAction may be empty, quoted, anything, or absent")
async def test_006_any_soap_action_will_do(acs: Acs, value: str | None) -> None:
    cpe = acs.cpe()
    cpe.headers = {"SOAPAction": value}  # type: ignore[dict-item] # None leaves the header out
    await cpe.session()
    assert await acs.device(cpe)


@item(7, "RFC 7230", "chunked bodies are decoded; a first chunk of length 0 is an empty POST")
async def test_007_chunks_are_decoded(acs: Acs) -> None:
    cpe = acs.cpe()
    body = cpe.inform()
    head = "POST / HTTP/1.1\r\nHost: acs\r\nContent-Type: text/xml\r\nTransfer-Encoding: chunked\r\n"
    chunks = b"".join(b"%x;name=value\r\n%s\r\n" % (len(c), c) for c in (body[:7], body[7:300], body[300:]))
    await cpe.wire.send(f"{head}\r\n".encode() + chunks + b"0\r\nTrailer: 1\r\n\r\n")
    assert cpe.keep(await cpe.wire.receive()).rpc == "InformResponse"
    await cpe.wire.send(f"{head}Cookie: {cpe.cookie}\r\n\r\n0\r\n\r\n".encode())
    assert (await cpe.wire.receive()).status == 204
    assert await acs.device(cpe)
    await cpe.close()


@item(8, "impl", "Expect: 100-continue is answered with 100 before the body is sent")
async def test_008_continue_is_said(acs: Acs) -> None:
    cpe = acs.cpe()
    body = cpe.inform()
    raw = cpe.request(body, {"Expect": "100-continue"})
    await cpe.wire.send(raw[: -len(body)])
    assert (await cpe.wire.receive()).status == 100
    await cpe.wire.send(body)
    assert (await cpe.wire.receive()).rpc == "InformResponse"
    await cpe.close()


@item(9, "3.4.7", "gzip and deflate bodies are decoded, other codings get 415; no answer is compressed unasked")
async def test_009_compressed_bodies_are_read(acs: Acs) -> None:
    raw = zlib.compressobj(wbits=-15)
    body = acs.cpe().inform()
    packed = {
        "gzip": gzip.compress(body),
        "x-gzip": gzip.compress(body),
        "deflate": zlib.compress(body),
        "Deflate": raw.compress(body) + raw.flush(),
    }
    for coding, content in packed.items():
        cpe = acs.cpe()
        answer = await cpe.post(content, {"Content-Encoding": coding, "Accept-Encoding": "gzip, deflate"})
        assert (answer.status, answer.rpc) == (200, "InformResponse"), coding
        assert answer.header("Content-Encoding") is None
        assert (await cpe.post(b"", {"Content-Encoding": coding})).status == 204
        await cpe.close()
    for coding in ("br", "compress", "x-unknown"):
        cpe = acs.cpe()
        assert (await cpe.post(body, {"Content-Encoding": coding})).status == 415
        await cpe.close()


@item(10, "3.4.2", "a session goes on when every POST comes on a new connection, by its cookie")
async def test_010_a_connection_for_every_post(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.session()
    operation = await acs.request(cpe, "get", {"names": ["Device.DeviceInfo.UpTime"]})
    await cpe.open()
    await cpe.close()
    asked = await cpe.post()
    assert asked.rpc == "GetParameterValues"
    await cpe.close()
    assert (await cpe.answer(asked, values_response([UPTIME]))).status == 204
    await cpe.close()
    assert (await acs.ended(operation)).state == "succeeded"


@item(11, "3.4.2", "a session goes on upon one connection without any cookie")
async def test_011_a_session_without_cookies(acs: Acs) -> None:
    cpe = acs.cpe(keeps_cookie=False)
    await cpe.session()
    operation = await acs.request(cpe, "get", {"names": ["Device.DeviceInfo.UpTime"]})
    await cpe.open()
    asked = await cpe.post()
    assert (await cpe.answer(asked, values_response([UPTIME]))).status == 204
    assert (await acs.ended(operation)).state == "succeeded"
    await cpe.close()


@item(12, "3.4.2", "one short Set-Cookie with Path=/ in the first answer; every style of Cookie header is read")
async def test_012_cookies_of_every_style(acs: Acs) -> None:
    cpe = acs.cpe()
    answer = await cpe.open()
    (cookie,) = answer.all("Set-Cookie")
    assert len(cookie) < 200
    name, _, value = cookie.partition(";")[0].partition("=")
    assert [part.strip() for part in cookie.split(";")[1:]] == ["Path=/"]
    await cpe.close()
    for style in (
        f"{name}={value}",
        f'$Version="1"; {name}="{value}"; $Path="/"',
        f'$Version="0";{name}={value};$Path=/',
        f"other=1, {name}={value}",
        f"other=1; {name}={value}; third=x",
    ):
        cpe.cookie = None
        own = await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>"), {"Cookie": style})
        assert (own.status, own.rpc) == (200, "GetRPCMethodsResponse"), style
        await cpe.close()


@item(13, "3.4.2", "an Inform that carries the cookie of a finished session opens a new one")
async def test_013_an_old_cookie_opens_a_new_session(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.session()
    old = cpe.cookie
    answer = await cpe.open()
    assert cpe.cookie != old
    assert answer.header("Set-Cookie") is not None
    assert (await cpe.post()).status == 204
    await cpe.close()


@item(15, "3.7.2.4", "the ACS waits at least 30 s for the next POST, then the session has failed")
async def test_015_a_silent_cpe_fails_the_session(acs: Acs, tmp_path: Path) -> None:
    limits = acs.app.config.cwmp.limits
    assert min(limits.session_idle_s, limits.idle_timeout_s) >= 30
    async with serving(tmp_path, cwmp={"limits": {"session_idle_s": 0.4, "idle_timeout_s": 2.0}}) as short:
        cpe = short.cpe()
        await cpe.open()
        assert (await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>"))).status == 200, "still within its time"
        await short.until(lambda: short.counted("timed_out") == 1)
        await cpe.close()


@item(24, "impl", "broken XML gets 400, a document type is never resolved, a body over the limit gets 413")
async def test_024_broken_and_hostile_xml(acs: Acs) -> None:
    before = await acs.devices()
    secret = '<!DOCTYPE e [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    body = acs.cpe().inform()
    hostile = body.replace(b"?>", f"?>{secret}".encode(), 1).replace(b">Maker<", b">&x;<")
    limit = acs.app.config.cwmp.limits.body_bytes
    for content, status in ((body[:-30], 400), (b"hello", 400), (hostile, 400)):
        cpe = acs.cpe()
        assert (await cpe.post(content)).status == status
        await cpe.close()
    cpe = acs.cpe()
    await cpe.wire.send(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {limit + 1}\r\n\r\n".encode())
    assert (await cpe.wire.receive()).status == 413
    await cpe.close()
    assert await acs.devices() == before


@item(25, "impl", "overload gets 503 with Retry-After, and nothing is kept of it")
async def test_025_overload_is_503(tmp_path: Path) -> None:
    async with serving(tmp_path, cwmp={"limits": {"sessions": 2}}) as small:
        first, second, third = small.cpe(), small.cpe(), small.cpe()
        await first.open()
        await second.open()
        answer = await third.post(third.inform())
        assert answer.status == 503
        assert int(answer.header("Retry-After") or "0") > 0
        assert answer.header("Set-Cookie") is None
        assert await small.device(third) is None
        assert (await first.post()).status == 204
        await first.close()
        await third.close()
        await small.until(lambda: small.counted("ended") == 1)
        await third.session()
        await second.close()


@item(26, "impl", "an empty POST without a session gets 204, and nothing is stored")
async def test_026_an_empty_post_without_session(acs: Acs) -> None:
    before = await acs.devices()
    cpe = acs.cpe()
    assert (await cpe.post()).status == 204
    cpe.cookie = "sid=" + "0" * 32
    assert (await cpe.post()).status == 204
    await cpe.close()
    assert await acs.devices() == before
