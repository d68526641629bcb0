"""Connection requests through a real Prosody: accounts made for CPEs, and every answer told apart."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from twisted.words.protocols.jabber.xmlstream import XmlStream

from acs.config import XmppSection
from acs.errors import ConfigError
from acs.server.xmpp import XmppMessenger
from acs.services.waking.methods import CallFailed, Method, Result
from acs.store.connection_requests import Try
from acs.store.records import OperationState
from cli.simulator.cpe import Cpe
from tests.fakes.acs_server import Running
from tests.prosody import ADMIN, DOMAIN, PASSWORD, Prosody, running_prosody
from tests.server.waking_world import KEY, done, make_cpe, powered, server_with, tries_of, until

UPTIME = {"names": ["Device.DeviceInfo.UpTime"]}


@pytest.fixture(scope="module")
async def prosody(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Prosody]:
    async with running_prosody(tmp_path_factory.mktemp("prosody")) as server:
        yield server


def tables(folder: Path, prosody: Prosody, password: str = PASSWORD) -> dict[str, Any]:
    secret = folder / "xmpp.secret"
    secret.write_text(password)
    secret.chmod(0o600)
    xmpp = {
        "jid": f"{ADMIN}@{DOMAIN}", "password_file": str(secret), "host": "127.0.0.1", "port": prosody.port,
        "ca_file": str(prosody.authority), "set_on": "all", "timeout_s": 2.0,
    }  # fmt: skip
    return {"stun": {"enabled": False}, "xmpp": xmpp}


async def online(server: Running) -> None:
    assert server.doors.messenger is not None
    async with asyncio.timeout(60):
        await server.doors.messenger.online()


def with_xmpp(cpe: Cpe, prosody: Prosody) -> Cpe:
    cpe.habits.surroundings.xmpp = ("127.0.0.1", prosody.port)
    cpe.habits.surroundings.xmpp_tls = prosody.tls()
    return cpe


async def connected(server: Running, cpe: Cpe) -> None:
    """The CPE is on the XMPP server, and has told its Jabber ID."""

    async def is_known() -> bool:
        reach = await server.connection_requests.reach(KEY)
        wanted = cpe.tree.value("Device.ManagementServer.ConnReqJabberID")
        return bool(wanted) and reach is not None and reach.jabber_id == wanted

    await until(is_known)


async def test_a_cpe_behind_nat_gets_an_account_and_is_woken_by_xmpp(tmp_path: Path, prosody: Prosody) -> None:
    async with server_with(tmp_path, **tables(tmp_path, prosody)) as server:
        await online(server)
        async with powered(with_xmpp(make_cpe(server, behind_nat=True), prosody)) as cpe:
            await connected(server, cpe)
            assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED
            assert [(each.method, each.result) for each in await tries_of(server, 1)] == [
                (Method.XMPP, Result.ACCEPTED)
            ]
            assert cpe.doors.xmpp.asked >= 1
            assert cpe.tree.value("Device.ManagementServer.ConnReqAllowedJabberIDs") == f"{ADMIN}@{DOMAIN}", "none else"
            cpe.doors.xmpp.busy = True
            assert (await server.connection_requests.request(KEY)).result is Result.BUSY
            cpe.doors.xmpp.busy = False
            cpe.tree.put("Device.ManagementServer.ConnectionRequestPassword", "another")
            assert (await server.connection_requests.request(KEY)).result is Result.UNAUTHORIZED
            jabber_id = cpe.tree.value("Device.ManagementServer.ConnReqJabberID")
            cpe.doors.xmpp.close()
            found: list[Try] = []

            async def offline() -> bool:
                """Whether a request is told so: the XMPP server notices after a while that the CPE is gone."""
                await server.connection_requests.request(KEY)
                found[:] = [each for each in await tries_of(server, 1) if each.result == Result.OFFLINE]
                return bool(found)

            await until(offline)
            assert jabber_id in found[0].detail


async def test_an_account_is_given_a_new_password_and_strangers_are_refused(tmp_path: Path, prosody: Prosody) -> None:
    async with server_with(tmp_path, **tables(tmp_path, prosody)) as server:
        await online(server)
        messenger = server.doors.messenger
        assert messenger is not None
        await messenger.make_account("twice", "first password")
        await messenger.make_account("twice", "second password")
        reply = await messenger.ask(f"twice@{DOMAIN}/cwmp", "u", "p", 60.0)
        assert reply.condition == "service-unavailable" and not reply.repeated


async def test_without_a_stream_it_says_so_and_the_server_goes_on(tmp_path: Path, prosody: Prosody) -> None:
    async with server_with(tmp_path, **tables(tmp_path, prosody, "wrong password")) as server:
        messenger = server.doors.messenger
        assert messenger is not None
        with pytest.raises(CallFailed, match="not connected"):
            await messenger.ask(f"x@{DOMAIN}", "u", "p", 1.0)
        async with powered(make_cpe(server)) as cpe:
            await cpe.wait_informed()
            assert (await done(server, "get", UPTIME)).state is OperationState.SUCCEEDED


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The mechanisms that our streams named to the XMPP server."""
    found: list[str] = []
    send = XmlStream.send

    def noting(stream: XmlStream, element: Any) -> None:
        if getattr(element, "name", "") == "auth":
            found.append(element["mechanism"])
        send(stream, element)

    monkeypatch.setattr(XmlStream, "send", noting)
    return found


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "PLAIN"])
async def test_one_mechanism_is_enough(
    tmp_path: Path, prosody: Prosody, monkeypatch: pytest.MonkeyPatch, used: list[str], mechanism: str
) -> None:
    """Prosody offers both: what the product does not know is not used."""
    monkeypatch.setattr("acs.server.xmpp_sasl.KNOWN", (mechanism,))
    async with server_with(tmp_path, **tables(tmp_path, prosody)) as server:
        await online(server)
    assert set(used) == {mechanism}


async def test_scram_is_used_where_the_server_has_it(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, used: list[str]
) -> None:
    async with (
        running_prosody(tmp_path_factory.mktemp("sha256"), "SHA-256") as prosody,
        server_with(tmp_path, **tables(tmp_path, prosody)) as server,
    ):
        await online(server)
    assert set(used) == {"SCRAM-SHA-256"}


async def test_a_server_without_a_mechanism_of_ours_is_said_with_what_it_offers(
    tmp_path: Path, prosody: Prosody, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("acs.server.xmpp_sasl.KNOWN", ("GSSAPI",))
    with structlog.testing.capture_logs() as told:
        refused: list[Any] = []

        async def is_refused() -> bool:
            refused[:] = [each for each in told if each["event"] == "xmpp.refused"]
            return bool(refused)

        async with server_with(tmp_path, **tables(tmp_path, prosody)):
            await until(is_refused)
    assert "offers" in refused[0]["why"] and "SCRAM-SHA-1" in refused[0]["why"] and "GSSAPI" in refused[0]["why"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "holds no certificate"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "certificate 1 in .* is broken"),
        ("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n", "certificate 1 in .* is broken"),
        ("сертификат", "cannot be read"),
    ],
)
def test_a_broken_file_of_authorities_is_said_at_the_start(tmp_path: Path, text: str, word: str) -> None:
    path, secret = tmp_path / "ca.pem", tmp_path / "secret"
    path.write_text(text, encoding="utf-8")
    secret.write_text("x")
    secret.chmod(0o600)
    messenger = XmppMessenger(XmppSection(jid="a@b.example", password_file=secret, ca_file=path))
    with pytest.raises(ConfigError, match=word):
        messenger.start(None)
