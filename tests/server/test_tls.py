"""The endpoint over TLS: certificates of both sides, resumption, Basic, and new files while it serves."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acs.config import TlsSection
from acs.errors import ConfigError
from acs.server.origin import name_in
from acs.server.tls import server_context
from acs.services.alarms import MISMATCH
from tests.certificates import Authority, Files
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe

PASSWORD = "enrol secret"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def tls_config(folder: Path, authority: Authority, *, tls: dict[str, Any] | None = None, **cwmp: Any) -> Any:
    files = authority.issue("acs.example", file="server")
    (folder / "enrol").write_text(PASSWORD + "\n")
    (folder / "enrol").chmod(0o600)
    table = {
        "auth": "basic",
        "enrol_username": "enrol",
        "enrol_password_file": "enrol",
        "tls": {
            "certificate_file": str(files.certificate),
            "key_file": str(files.key),
            "host": "127.0.0.1",
            "port": 0,
            **(tls or {}),
        },
        **cwmp,
    }
    return config_for(folder, cwmp=table)


@pytest.fixture
async def server(tmp_path: Path, authority: Authority) -> AsyncIterator[Running]:
    async with running(tls_config(tmp_path, authority, tls={"client_ca_file": str(authority.file)})) as server:
        yield server


class Client:
    """A CPE's end of one TLS connection, in a thread: the standard library's asyncio cannot resume."""

    def __init__(self, port: int, authority: Authority, files: Files | None = None, **version: Any) -> None:
        self.port = port
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.load_verify_locations(authority.file)
        if files is not None:
            self.context.load_cert_chain(files.certificate, files.key)
        for name, value in version.items():
            setattr(self.context, name, value)

    def post(self, body: bytes, headers: str = "", session: ssl.SSLSession | None = None) -> tuple[str, ssl.SSLSocket]:
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        sock = self.context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)
        head = f"POST / HTTP/1.1\r\nHost: acs\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
        sock.sendall(head.encode() + body)
        answer = b""
        while b"\r\n\r\n" not in answer:
            got = sock.recv(65536)
            if not got:
                sock.close()
                raise ConnectionError("closed instead of an answer")
            answer += got
        return answer.partition(b"\r\n\r\n")[0].decode(), sock


async def posted(client: Client, cpe: Cpe | None = None, headers: str = "", session: Any = None) -> tuple[str, Any]:
    """The head of the answer to an Inform, and the TLS session."""
    body = (cpe or Cpe(0)).inform(("2 PERIODIC", ""))
    head, sock = await asyncio.to_thread(client.post, body, headers, session)
    found = sock.session, sock.session_reused
    sock.close()
    return head, found


def basic(user: str = "enrol", password: str = PASSWORD) -> str:
    return f"Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}\r\n"


async def test_basic_is_asked_for_and_taken_over_tls_alone(server: Running, authority: Authority) -> None:
    assert server.endpoint.tls_port is not None
    client = Client(server.endpoint.tls_port, authority)
    head, _ = await posted(client)
    assert " 401 " in head
    assert "Basic realm=" in head
    assert "Digest realm=" in head
    assert " 200 " in (await posted(client, headers=basic()))[0]
    assert " 401 " in (await posted(client, headers=basic(password="wrong")))[0]
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = Cpe(0).inform(("2 PERIODIC", ""))
    writer.write(f"POST / HTTP/1.1\r\nHost: a\r\n{basic()}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    plain = (await reader.readuntil(b"\r\n\r\n")).decode()
    writer.close()
    assert " 401 " in plain
    assert "Basic realm=" not in plain


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_sessions_are_resumed(server: Running, authority: Authority, version: ssl.TLSVersion) -> None:
    assert server.endpoint.tls_port is not None
    client = Client(server.endpoint.tls_port, authority, minimum_version=version, maximum_version=version)
    _, (session, reused) = await posted(client, headers=basic())
    assert not reused
    _, (_, reused) = await posted(client, headers=basic(), session=session)
    assert reused


async def test_older_versions_are_refused(server: Running, authority: Authority) -> None:
    assert server.endpoint.tls_port is not None
    client = Client(server.endpoint.tls_port, authority)
    client.context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.context.minimum_version = client.context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await posted(client)


@pytest.mark.parametrize("name", ["001122-ONT-TEST0001", "001122-TEST0001"])
async def test_a_client_certificate_that_names_the_device_needs_no_password(
    server: Running, authority: Authority, name: str
) -> None:
    assert server.endpoint.tls_port is not None
    client = Client(server.endpoint.tls_port, authority, authority.issue(name, file="device"))
    head, (session, _) = await posted(client)
    assert " 200 " in head
    head, (_, reused) = await posted(client, session=session)
    assert (" 200 " in head, reused) == (True, True)
    assert " 401 " in (await posted(client, Cpe(0, serial="OTHER")))[0]
    async with asyncio.timeout(60):
        while not (found := await server.alarms.list(ACTOR)):  # noqa: ASYNC110 - it is stored after the answer
            await asyncio.sleep(0.02)
    assert [each.kind for each in found] == [MISMATCH]


async def test_a_certificate_of_a_model_proves_no_device(server: Running, authority: Authority) -> None:
    assert server.endpoint.tls_port is not None
    client = Client(server.endpoint.tls_port, authority, authority.issue("Model X", file="model"))
    assert " 401 " in (await posted(client))[0]
    assert " 200 " in (await posted(client, headers=basic()))[0]


async def test_a_certificate_of_another_authority_is_refused(
    server: Running, authority: Authority, tmp_path: Path
) -> None:
    assert server.endpoint.tls_port is not None
    other = Authority(tmp_path, "Another Authority")
    client = Client(server.endpoint.tls_port, authority, other.issue("001122-ONT-TEST0001", file="forged"))
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await posted(client)


async def test_a_revoked_certificate_is_refused_and_others_are_not(tmp_path: Path, authority: Authority) -> None:
    gone = authority.issue("001122-ONT-TEST0001", file="gone")
    good = authority.issue("001122-ONT-TEST0001", file="good")
    tls = {"client_ca_file": str(authority.file), "client_crl_file": str(authority.revoke(gone.certificate))}
    async with running(tls_config(tmp_path, authority, tls=tls)) as server:
        assert server.endpoint.tls_port is not None
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await posted(Client(server.endpoint.tls_port, authority, gone))
        assert " 200 " in (await posted(Client(server.endpoint.tls_port, authority, good)))[0]
        assert " 401 " in (await posted(Client(server.endpoint.tls_port, authority)))[0], (
            "without one a password is asked"
        )


async def test_a_certificate_that_is_revoked_while_it_serves_is_refused_after_a_reload(
    tmp_path: Path, authority: Authority
) -> None:
    device = authority.issue("001122-ONT-TEST0001", file="device")
    tls = {"client_ca_file": str(authority.file), "client_crl_file": str(authority.revoke(hours_ago=2))}
    async with running(tls_config(tmp_path, authority, tls=tls)) as server:
        assert server.endpoint.tls_port is not None
        client = Client(server.endpoint.tls_port, authority, device)
        assert " 200 " in (await posted(client))[0]
        authority.revoke(device.certificate, hours_ago=1)
        server.endpoint.reload()
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await posted(client)


def test_a_list_of_revoked_certificates_needs_its_authorities(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="client_ca_file is missing"):
        TlsSection(client_crl_file=tmp_path / "revoked.crl")


async def test_where_the_policy_wants_a_certificate_nothing_else_will_do(tmp_path: Path, authority: Authority) -> None:
    config = tls_config(tmp_path, authority, tls={"client_ca_file": str(authority.file)}, auth="certificate")
    async with running(config) as server:
        assert server.endpoint.tls_port is not None
        assert " 403 " in (await posted(Client(server.endpoint.tls_port, authority), headers=basic()))[0]
        named = Client(server.endpoint.tls_port, authority, authority.issue("001122-TEST0001"))
        assert " 200 " in (await posted(named))[0]


async def test_new_certificates_are_taken_while_it_serves(
    server: Running, authority: Authority, tmp_path: Path
) -> None:
    assert server.endpoint.tls_port is not None
    before = await _certificate(server.endpoint.tls_port)
    authority.issue("acs.example", file="server")
    server.endpoint.reload()
    after = await _certificate(server.endpoint.tls_port)
    assert after != before
    (tmp_path / "server.pem").write_text("no certificate\n")
    server.endpoint.reload()
    assert await _certificate(server.endpoint.tls_port) == after


async def _certificate(port: int) -> str:
    return await asyncio.to_thread(ssl.get_server_certificate, ("127.0.0.1", port))


async def test_a_second_certificate_serves_those_who_do_not_know_the_first(
    tmp_path: Path, authority: Authority
) -> None:
    second = authority.issue("acs.example", rsa_key=True, file="second")
    tls = {"second_certificate_file": str(second.certificate), "second_key_file": str(second.key)}
    async with running(tls_config(tmp_path, authority, tls=tls)) as server:
        assert server.endpoint.tls_port is not None
        for suites, name in (("ECDHE-RSA-AES128-GCM-SHA256", "RSA"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA")):
            client = Client(server.endpoint.tls_port, authority, maximum_version=ssl.TLSVersion.TLSv1_2)
            client.context.set_ciphers(suites)
            body = Cpe(0).inform(("2 PERIODIC", ""))
            _, sock = await asyncio.to_thread(client.post, body)
            cipher = sock.cipher()
            sock.close()
            assert cipher is not None
            assert name in cipher[0]


def test_a_missing_certificate_stops_the_start(tmp_path: Path) -> None:
    config = TlsSection.model_construct(
        certificate_file=tmp_path / "none.pem", key_file=tmp_path / "none.key", minimum_version="1.2", ciphers=None,
        second_certificate_file=None, second_key_file=None, client_ca_file=None,
    )  # fmt: skip
    with pytest.raises(ConfigError, match=r"cwmp\.tls\.certificate_file: .*none\.pem"):
        server_context(config)


def test_the_device_may_stand_in_an_alternative_name() -> None:
    certificate = {
        "subject": ((("organizationName", "x"),), (("commonName", "Model"),)),
        "subjectAltName": (("email", "a@b"), ("URI", "urn:dev:001122-ONT-1")),
    }
    assert name_in(certificate, "common_name") == "Model"
    assert name_in(certificate, "alternative_name") == "001122-ONT-1"
    assert name_in({"subjectAltName": (("DNS", "001122-1.cpe"),)}, "alternative_name") == "001122-1.cpe"
    assert name_in(None, "common_name") is None
    assert name_in({}, "alternative_name") is None
