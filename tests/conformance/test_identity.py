"""Items 14, 16 to 23 and 68: redirects, TLS, and who a CPE is."""

import asyncio
import base64
import ssl
from pathlib import Path
from typing import Any

import pytest

from acs.services.clock import utc_now
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials
from tests.certificates import Authority
from tests.conformance import digest
from tests.conformance.checklist import item
from tests.conformance.conftest import PASSWORD, USER, enrolling
from tests.conformance.server import ACTOR, Acs, serving
from tests.conformance.wire import Answer, Cpe


async def challenged(cpe: Cpe) -> str:
    """The Digest challenge to an Inform."""
    answer = await cpe.post(cpe.inform())
    assert answer.status == 401
    return next(each for each in answer.all("WWW-Authenticate") if each.startswith("Digest"))


async def answered(cpe: Cpe, header: str) -> Answer:
    """The same Inform again, with an Authorization header."""
    return await cpe.post(cpe.inform(), {"Authorization": header})


async def credential(acs: Acs, key: str, username: str, password: str) -> None:
    """Give a device a credential of its own."""
    async with acs.app.store.transaction() as tx:
        await devices.set_credentials(tx, key, CredentialKind.CWMP, Credentials(username, password), utc_now())
    acs.app.auth.forget()


def client(authority: Authority, lowest: ssl.TLSVersion, highest: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority.file))
    context.minimum_version, context.maximum_version = lowest, highest
    return context


def tls(folder: Path, authority: Authority, **changes: Any) -> dict[str, Any]:
    files = authority.issue("127.0.0.1", file="server")
    both = {"certificate_file": str(files.certificate), "key_file": str(files.key), "host": "127.0.0.1", "port": 0}
    return enrolling(folder, **{"auth": "basic", "tls": both, **changes})


@pytest.mark.parametrize("status", [302, 307])
@item(14, "3.4.2", "a network can be redirected by 302 or 307 with an empty body; the target takes the same Inform")
async def test_014_redirects(acs: Acs, tmp_path: Path, status: int) -> None:
    target = f"http://127.0.0.1:{acs.port}/"
    network = {"network": "127.0.0.0/8", "redirect": target, "redirect_status": status}
    async with serving(tmp_path, cwmp={"networks": [network]}) as moving:
        cpe = moving.cpe()
        body = cpe.inform()
        answer = await cpe.post(body)
        assert (answer.status, answer.header("Location"), answer.body) == (status, target, b"")
        assert await moving.device(cpe) is None
    moved = Cpe(acs.port, cpe.serial, cookie=cpe.cookie)
    assert (await moved.post(body)).rpc == "InformResponse"
    assert (await moved.post()).status == 204
    await moved.close()


@item(16, "3.3", "HTTPS is served with TLS 1.2 and 1.3; older versions are refused unless configured")
async def test_016_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with serving(tmp_path, cwmp=tls(tmp_path, authority, auth="open")) as server:
        port = server.app.cwmp_tls_port
        assert port
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            cpe = Cpe(port, f"TLS{version.value}", tls=client(authority, version, version))
            await cpe.session()
            assert await server.device(cpe)
        context = client(authority, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1
        with pytest.warns(DeprecationWarning):
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        old = Cpe(port, "TLSOLD", tls=context)
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await old.post(old.inform())


@item(17, "3.4.4", "without TLS only Digest is offered, with TLS Basic or Digest")
async def test_017_basic_only_with_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    basic = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    async with serving(tmp_path, cwmp=tls(tmp_path, authority)) as server:
        plain = server.cpe()
        answer = await plain.post(plain.inform())
        assert answer.status == 401
        assert [each.split()[0] for each in answer.all("WWW-Authenticate")] == ["Digest"]
        assert (await answered(plain, basic)).status == 401, "Basic shows the password"
        port = server.app.cwmp_tls_port
        assert port
        safe = Cpe(port, "SAFE0001", tls=client(authority, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3))
        answer = await safe.post(safe.inform())
        assert {each.split()[0] for each in answer.all("WWW-Authenticate")} == {"Basic", "Digest"}
        assert (await answered(safe, basic)).rpc == "InformResponse"
        await safe.close()


@item(18, "3.4.5", "Digest with qop=auth and MD5; every challenge has a nonce of its own")
async def test_018_digest(closed_acs: Acs) -> None:
    nonces = set()
    for _ in range(3):
        cpe = closed_acs.cpe()
        challenge = await challenged(cpe)
        given = digest.parts(challenge)
        assert "auth" in given["qop"].split(",")
        assert given.get("algorithm", "MD5") == "MD5"
        nonces.add(given["nonce"])
        assert (await answered(cpe, digest.answer(challenge, USER, PASSWORD))).rpc == "InformResponse"
        assert (await cpe.post()).status == 204
        await cpe.close()
    assert len(nonces) == 3


@pytest.mark.parametrize(
    "form",
    [{"qop": False}, {"session": True}, {"quoted": True}, {"uri": "http://acs.example/"}, {"qop": False, "uri": ""}],
)
@item(19, "3.4.5", "Digest without qop, with MD5-sess, with quoted values or another uri is verified")
async def test_019_forms_of_digest(closed_acs: Acs, form: dict[str, Any]) -> None:
    cpe = closed_acs.cpe()
    challenge = await challenged(cpe)
    assert (await answered(cpe, digest.answer(challenge, USER, PASSWORD, **form))).rpc == "InformResponse"


@item(20, "RFC 2617", "a replayed count or an expired nonce gets 401 with stale=true")
async def test_020_replay_is_stale(closed_acs: Acs, tmp_path: Path) -> None:
    cpe = closed_acs.cpe()
    header = digest.answer(await challenged(cpe), USER, PASSWORD)
    assert (await answered(cpe, header)).rpc == "InformResponse"
    assert (await cpe.post()).status == 204
    thief = Cpe(closed_acs.port, cpe.serial)
    replayed = await answered(thief, header)
    assert replayed.status == 401
    assert digest.parts(replayed.header("WWW-Authenticate") or "").get("stale", "").lower() == "true"
    await thief.close()
    async with serving(tmp_path, cwmp=enrolling(tmp_path, nonce_age_s=0.2)) as server:
        late = server.cpe()
        challenge = await challenged(late)
        await asyncio.sleep(0.4)
        stale = await answered(late, digest.answer(challenge, USER, PASSWORD))
        assert stale.status == 401
        for _ in range(100):  # on a busy machine an answer may be late again
            fresh = stale.header("WWW-Authenticate") or ""
            assert digest.parts(fresh).get("stale", "").lower() == "true"
            stale = await answered(late, digest.answer(fresh, USER, PASSWORD))
            if stale.rpc == "InformResponse":
                break
        assert stale.rpc == "InformResponse"


@item(21, "3.4.4", "401 keeps the connection open, and the answer may also come on a new one")
async def test_021_a_challenge_keeps_the_connection(closed_acs: Acs) -> None:
    cpe = closed_acs.cpe()
    challenge = await challenged(cpe)
    assert (await answered(cpe, digest.answer(challenge, USER, PASSWORD))).rpc == "InformResponse"
    other = closed_acs.cpe()
    challenge = await challenged(other)
    await other.close()
    assert (await answered(other, digest.answer(challenge, USER, PASSWORD))).rpc == "InformResponse"
    first = closed_acs.cpe()
    empty = await first.post()
    assert empty.status == 401, "an empty POST first is how some fetch the challenge"
    challenge = empty.header("WWW-Authenticate") or ""
    assert (await answered(first, digest.answer(challenge, USER, PASSWORD))).rpc == "InformResponse"


@item(22, "3.4.4", "a device's own user name, its parts percent-encoded, lets in that device and no other")
async def test_022_the_name_is_the_device(closed_acs: Acs) -> None:
    cpe, other = closed_acs.cpe(product_class="Set-Top Box"), closed_acs.cpe()
    for each in (cpe, other):
        assert (await answered(each, digest.answer(await challenged(each), USER, PASSWORD))).status == 200
        await each.close()
        each.cookie = None
    stored = await closed_acs.app.northbound.devices.find(ACTOR, search=cpe.serial)
    name = f"{cpe.oui}-Set%2DTop%20Box-{cpe.serial}"
    await credential(closed_acs, stored[0].key, name, "own-secret")
    assert (await answered(cpe, digest.answer(await challenged(cpe), name, "own-secret"))).rpc == "InformResponse"
    assert (await answered(other, digest.answer(await challenged(other), name, "own-secret"))).status in (401, 403)
    cpe.cookie = None
    shared = await answered(cpe, digest.answer(await challenged(cpe), USER, PASSWORD))
    assert shared.status == 401, "the shared credential no longer speaks for it"


@item(23, "3.4.4", "a wrong password gets 401, opens no session, is counted, and is held up after some tries")
async def test_023_wrong_passwords(tmp_path: Path) -> None:
    guard = {"failures": 3, "delay_s": 60.0}
    async with serving(tmp_path, cwmp=enrolling(tmp_path, guard=guard)) as server:
        cpe = server.cpe()
        statuses = []
        challenge = await challenged(cpe)
        for count in range(1, 6):
            answer = await answered(cpe, digest.answer(challenge, USER, "wrong", nc=count))
            statuses.append(answer.status)
            assert answer.header("Set-Cookie") is None
        assert statuses[:3] == [401, 401, 401]
        assert statuses[-1] in (429, 503)
        assert await server.device(cpe) is None
        assert float(server.app.metrics.refusals.labels("401")._value.get()) >= 3


@item(68, "A.3.3.1", "another device under the credential of one device raises an alarm")
async def test_068_a_foreign_device_raises_an_alarm(closed_acs: Acs) -> None:
    cpe = closed_acs.cpe()
    assert (await answered(cpe, digest.answer(await challenged(cpe), USER, PASSWORD))).status == 200
    await credential(closed_acs, cpe.key, "mine", "own-secret")
    thief = closed_acs.cpe()
    assert (await answered(thief, digest.answer(await challenged(thief), "mine", "own-secret"))).status in (401, 403)
    async with asyncio.timeout(60):
        while not any(thief.key in str(alarm) for alarm in await closed_acs.app.northbound.alarms.list(ACTOR)):  # noqa: ASYNC110 - as stored
            await asyncio.sleep(0.05)
