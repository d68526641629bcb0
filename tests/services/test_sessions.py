"""Sessions on a real port: cookies and connections, digest, one session per device, first contact, other processes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from acs.cwmp.messages import (
    AutonomousTransferComplete,
    AutonomousTransferCompleteResponse,
    DUStateChangeComplete,
    DUStateChangeCompleteResponse,
    GetParameterValues,
    GetRPCMethods,
    GetRPCMethodsResponse,
    InformResponse,
    Kicked,
    KickedResponse,
    Message,
    RequestDownload,
    RequestDownloadResponse,
    SoapFault,
    TransferComplete,
    TransferCompleteResponse,
)
from acs.cwmp.soap import NS_1_2, Envelope, encode
from acs.server.entry import Entry
from acs.server.presence import Presence
from acs.services.background import Background
from acs.services.clock import utc_now
from acs.store import devices
from acs.store.devices import CredentialKind
from acs.store.records import Credentials, OperationState
from tests.fakes.acs_server import ACTOR, Running, config_for, running, start
from tests.fakes.cpe import Cpe, Dropped, Http, authorization


@pytest.fixture
async def digest(tmp_path: Path) -> AsyncIterator[Running]:
    (tmp_path / "enrol").write_text("enrol secret\n")
    (tmp_path / "enrol").chmod(0o600)
    cwmp = {"auth": "digest", "enrol_username": "enrol", "enrol_password_file": "enrol"}
    async with running(config_for(tmp_path, cwmp=cwmp)) as server:
        yield server


def cpe_message(message: Message) -> bytes:
    return encode(Envelope(message, "77", NS_1_2))


async def events(server: Running, key: str) -> list[str]:
    async with server.store.reading() as tx:
        return [event.code for event in await devices.list_events(tx, key)]


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (GetRPCMethods(), GetRPCMethodsResponse),
        (TransferComplete(command_key="nobody's"), TransferCompleteResponse),
        (AutonomousTransferComplete(), AutonomousTransferCompleteResponse),
        (RequestDownload(file_type="1 Firmware Upgrade Image"), RequestDownloadResponse),
        (Kicked(command="x"), KickedResponse),
        (DUStateChangeComplete(), DUStateChangeCompleteResponse),
    ],
)
async def test_every_request_of_a_cpe_is_answered(server: Running, request_: Message, response: type[Message]) -> None:
    http = Http(server.port)
    answer = await http.post(Cpe(0).inform(("2 PERIODIC", "")))
    assert isinstance(answer.message, InformResponse)
    answer = await http.post(cpe_message(request_))
    assert isinstance(answer.message, response)
    assert answer.envelope is not None
    assert answer.envelope.id == "77"
    assert (await http.post()).status == 204
    assert (await http.post(cpe_message(request_))).status == 200
    await http.close()


async def test_a_session_goes_on_over_new_connections_by_its_cookie(server: Running) -> None:
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    await server.operations.request(ACTOR, cpe.key, "get", {"names": ["Device.DeviceInfo.UpTime"]})
    first = Http(server.port)
    await first.post(cpe.inform(("2 PERIODIC", "")))
    await first.close()
    second = Http(server.port)
    second.cookie = '$Version="1"; ' + (first.cookie or "").replace("=", '="') + '"; $Path="/"'
    assert isinstance((await second.post()).message, GetParameterValues)
    await second.close()


async def test_a_cpe_without_cookies_is_known_by_its_connection(server: Running) -> None:
    http = Http(server.port)
    await http.post(Cpe(0).inform(("2 PERIODIC", "")))
    http.cookie = None
    assert (await http.post(cpe_message(GetRPCMethods()))).status == 200
    await http.close()


@pytest.mark.parametrize("limits", [{"session_posts": 5}, {"session_timeout_s": 0.5}])
async def test_a_session_that_never_ends_is_ended(tmp_path: Path, limits: dict[str, float]) -> None:
    async with running(config_for(tmp_path, cwmp={"limits": limits})) as server:
        http = Http(server.port)
        assert (await http.post(Cpe(0).inform(("2 PERIODIC", "")))).status == 200
        async with asyncio.timeout(60):
            status = 200
            while status == 200:
                status = (await http.post(cpe_message(GetRPCMethods()))).status
        assert status == 400
        async with asyncio.timeout(60):
            while len(server.sessions):  # noqa: ASYNC110 - it is closed beside the answer
                await asyncio.sleep(0.02)
        await http.close()
        await Cpe(server.port).session(("2 PERIODIC", ""))


async def test_a_forged_cookie_is_never_adopted(server: Running) -> None:
    http = Http(server.port)
    forged = "sid=" + "ab" * 16
    http.cookie = forged
    answer = await http.post(Cpe(0).inform(("2 PERIODIC", "")))
    assert answer.status == 200
    assert http.cookie not in (None, forged)
    other = Http(server.port)
    other.cookie = forged
    assert (await other.post(cpe_message(GetRPCMethods()))).status == 400
    await http.close()
    await other.close()


async def test_a_cookie_of_another_devices_session_is_refused(server: Running) -> None:
    victim, thief = Http(server.port), Http(server.port)
    await victim.post(Cpe(0, serial="VICTIM01").inform(("2 PERIODIC", "")))
    await thief.post(Cpe(0, serial="THIEF001").inform(("2 PERIODIC", "")))
    thief.cookie = victim.cookie
    assert (await thief.post()).status == 400
    assert (await thief.post(cpe_message(GetRPCMethods()))).status == 400
    assert (await victim.post(cpe_message(GetRPCMethods()))).status == 200
    assert (await victim.post()).status == 204
    await victim.close()
    await thief.close()


async def test_a_second_inform_opens_a_new_session(server: Running) -> None:
    cpe = Cpe(server.port)
    http = Http(server.port)
    await http.post(cpe.inform(("1 BOOT", "")))
    first = http.cookie
    await http.post(cpe.inform(("2 PERIODIC", "")))
    assert http.cookie != first
    assert (await http.post()).status == 204
    assert len(server.sessions) == 1
    stale = Http(server.port)
    stale.cookie = first
    assert (await stale.post(cpe_message(GetRPCMethods()))).status == 400
    await http.close()
    await stale.close()


async def test_a_new_inform_replaces_a_dead_session_at_once(server: Running) -> None:
    cpe = Cpe(server.port)
    dead = Http(server.port)
    await dead.post(cpe.inform(("1 BOOT", "")))
    await cpe.session(("2 PERIODIC", ""))
    await dead.close()
    async with asyncio.timeout(60):
        while len(server.sessions):  # noqa: ASYNC110 - the end of a session tells nobody
            await asyncio.sleep(0.02)
    assert sorted(await events(server, cpe.key)) == ["1 BOOT", "2 PERIODIC"]


async def test_an_empty_post_without_a_session_is_harmless(server: Running) -> None:
    http = Http(server.port)
    assert (await http.post()).status == 204
    assert (await http.post(Cpe(0).inform(("2 PERIODIC", "")))).status == 200
    await http.close()


async def test_the_namespace_of_the_cpe_is_echoed_and_a_common_version_is_named(server: Running) -> None:
    inform = Cpe(0).inform(("2 PERIODIC", "")).replace(b"urn:dslforum-org:cwmp-1-0", b"urn:dslforum-org:cwmp-1-2")
    header = b"<cwmp:SupportedCWMPVersions>1.0,1.2,1.4</cwmp:SupportedCWMPVersions></soap-env:Header>"
    assert b"</soap-env:Header>" in inform
    http = Http(server.port)
    answer = (await http.post(inform.replace(b"</soap-env:Header>", header))).envelope
    assert answer is not None
    assert answer.namespace == NS_1_2
    assert answer.use_version == "1.4"
    await http.close()


async def test_an_inform_must_be_authenticated(digest: Running) -> None:
    cpe = Cpe(digest.port, username="enrol", password="enrol secret")
    await cpe.session(("2 PERIODIC", ""))
    http = Http(digest.port)
    for body in (b"", cpe.inform(("2 PERIODIC", ""))):
        answer = await http.post(body)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Digest ")
    right = authorization(answer.headers["www-authenticate"], "enrol", "enrol secret")
    wrong = authorization(answer.headers["www-authenticate"], "enrol", "another")
    basic = "Basic ZW5yb2w6ZW5yb2wgc2VjcmV0"
    forged = right.replace('nonce="', 'nonce="0')
    for header in (wrong, basic, forged, "Digest nonsense", "Bearer x"):
        assert (await http.post(cpe.inform(("2 PERIODIC", "")), {"Authorization": header})).status == 401
    await http.close()
    another = Http(digest.port)
    assert (await another.post(cpe.inform(("2 PERIODIC", "")), {"Authorization": right})).status == 200
    assert (await another.post()).status == 204
    await another.close()


async def test_a_session_is_not_overdue_while_a_credential_is_noted(
    digest: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep may come by at any moment of an Inform."""

    background = Background()
    sweep = Presence(digest.sessions, digest.config.cwmp.limits, utc_now, background)

    async def swept(_entry: Entry, _principal: object, key: str) -> None:
        visit = digest.sessions.visit_of(key)
        assert visit is not None
        sweep.look(visit, asyncio.get_running_loop().time())
        await background.close()

    monkeypatch.setattr(Entry, "came_in", swept)
    cpe = Cpe(digest.port, username="enrol", password="enrol secret")
    await cpe.session(("1 BOOT", ""))
    assert await events(digest, cpe.key) == ["1 BOOT"]


async def test_a_device_with_its_own_credential_cannot_use_the_shared_one(digest: Running) -> None:
    own = Cpe(digest.port, serial="OWN00001", username="enrol", password="enrol secret")
    await own.session(("1 BOOT", ""))
    async with digest.store.transaction() as tx:
        credentials = Credentials("own name", "own secret")
        await devices.set_credentials(tx, own.key, CredentialKind.CWMP, credentials, utc_now())
    digest.endpoint.auth.forget()
    with pytest.raises(Dropped, match="401"):
        await own.session(("2 PERIODIC", ""))
    own.username, own.password = "own name", "own secret"
    await own.session(("2 PERIODIC", ""))
    liar = Cpe(digest.port, serial="LIAR0001", username="own name", password="own secret")
    with pytest.raises(Dropped, match="401"):
        await liar.session(("2 PERIODIC", ""))
    async with digest.store.reading() as tx:
        assert await devices.get(tx, liar.key) is None


async def test_a_new_device_gets_credentials_and_a_periodic_inform(tmp_path: Path) -> None:
    config = config_for(tmp_path, cwmp={"first_contact": {"enabled": True, "periodic_inform_s": 900}})
    async with running(config) as server:
        cpe = Cpe(server.port)
        await cpe.session(("0 BOOTSTRAP", ""), ("1 BOOT", ""))
        assert cpe.posts <= 6
        server_ = "Device.ManagementServer."
        assert cpe.values[f"{server_}PeriodicInformInterval"] == ("900", "xsd:unsignedInt")
        async with server.store.reading() as tx:
            kept = await devices.get_credentials(tx, cpe.key, CredentialKind.CONNECTION_REQUEST)
        assert kept is not None
        assert cpe.values[f"{server_}ConnectionRequestPassword"][0] == kept.secret
        assert len(kept.secret) >= 32
        asked = len(cpe.asked)
        await cpe.session(("2 PERIODIC", ""))
        assert len(cpe.asked) == asked


async def test_first_contact_is_done_again_when_the_session_breaks(tmp_path: Path) -> None:
    async with running(config_for(tmp_path, cwmp={"first_contact": {"enabled": True}})) as server:
        cpe = Cpe(server.port)

        def break_off(message: Message) -> Message | None:
            raise Dropped

        cpe.hook = break_off
        with pytest.raises(Dropped):
            await cpe.session(("0 BOOTSTRAP", ""))
        cpe.hook = None
        await cpe.session(("2 PERIODIC", ""))
        assert "Device.ManagementServer.ConnectionRequestPassword" in cpe.values


async def test_a_cpe_that_refuses_a_part_of_its_first_settings_gets_the_rest(tmp_path: Path) -> None:
    async with running(config_for(tmp_path, cwmp={"first_contact": {"enabled": True}})) as server:
        cpe = Cpe(server.port)

        def refuse_periodic(message: Message) -> Message | None:
            parameters = getattr(message, "parameter_list", ())
            if any("Periodic" in p.name for p in parameters):
                return SoapFault(9003, "Invalid arguments")
            return None

        cpe.hook = refuse_periodic
        await cpe.session(("0 BOOTSTRAP", ""))
        assert cpe.posts <= 6
        assert "Device.ManagementServer.ConnectionRequestPassword" in cpe.values


async def test_a_session_goes_on_at_another_process(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    async with running(config) as one:
        two = await start(config)
        try:
            cpe = Cpe(one.port, reboot_after_s=None)
            await cpe.session(("1 BOOT", ""))
            operation = await one.operations.request(ACTOR, cpe.key, "reboot", {})
            http = Http(one.port)
            await http.post(cpe.inform(("2 PERIODIC", "")))
            asked = (await http.post()).envelope
            assert asked is not None
            await http.close()
            await asyncio.sleep(0.2)
            other = Http(two.port)
            other.cookie = http.cookie
            answer = cpe._answer(asked.message)
            assert answer is not None
            assert (await other.post(encode(Envelope(answer, asked.id, asked.namespace)))).status == 204
            await other.close()
            done = await two.now(operation)
            assert done.answered_at is not None
            assert done.state in (OperationState.SENT, OperationState.UNKNOWN)
        finally:
            await two.stop()


async def test_a_graceful_stop_lets_sessions_end(tmp_path: Path) -> None:
    server = await start(config_for(tmp_path))
    http = Http(server.port)
    await http.post(Cpe(0).inform(("2 PERIODIC", "")))
    stopping = asyncio.get_running_loop().create_task(server.endpoint.stop(50))
    await asyncio.sleep(0.1)
    assert (await http.post()).status == 204
    await asyncio.wait_for(stopping, 40)
    with pytest.raises(OSError, match="refused"):
        await Http(http.port).open()
    await http.close()
    await server.worker.stop()
    await server.connection_requests.close()
    await server.store.close()
