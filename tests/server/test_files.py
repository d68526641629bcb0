"""The file server through real sockets: signed addresses, ranges, passwords, uploads, limits."""

import asyncio
import hashlib
import os
import shutil
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.config import FileAuth, FilesSection
from acs.errors import ConfigError, Conflict, InvalidInput, NotFound
from acs.metrics import Metrics
from acs.server.files import FileServer
from acs.services.actor import local_actor
from acs.services.file_addresses import FileAddresses
from acs.services.file_folder import BLOCK, TooLarge
from acs.services.file_intake import FileIntake
from acs.services.file_transfers import FileTransfers, SignedUrl
from acs.services.files import Files, NewFile
from acs.store import Store, Vault
from acs.store import files as file_store
from acs.store.files import Direction, TransferRecord
from tests.certificates import Authority
from tests.store.conftest import sqlite_template, vault
from tests.store.make import opening

__all__ = ["sqlite_template", "vault"]

KEY = "00AA11-ONT-0001"
ADMIN = local_actor()
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Served:
    store: Store
    files: Files
    intake: FileIntake
    transfers: FileTransfers
    addresses: FileAddresses
    server: FileServer
    clock: Clock
    folder: Path
    metrics: Metrics

    @property
    def port(self) -> int:
        port = self.addresses.ports[0]
        assert port is not None
        return port

    async def add(self, content: bytes = b"firmware" * 1000, name: str = "ont.bin", **more: Any) -> str:
        return (await self.files.add(ADMIN, NewFile(name, **more), pieces(content), len(content))).id

    async def completed(self, signed: SignedUrl) -> TransferRecord:
        """The transfer once the server has noted its end, which is after the device has its last byte."""
        for _ in range(3000):
            async with self.store.reading() as tx:
                transfer = await file_store.get_transfer(tx, signed.transfer)
            assert transfer is not None
            if transfer.completed_at is not None:
                return transfer
            await asyncio.sleep(0.02)
        raise AssertionError("the transfer never ended")

    async def url(self, file_id: str | None, direction: Direction = Direction.DOWNLOAD, **more: Any) -> SignedUrl:
        return await self.transfers.url_for(file_id, KEY, direction, **more)


async def pieces(content: bytes, size: int = 70_000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def served_with(tmp_path: Path, store: Store, **different: Any) -> Served:
    fields: dict[str, Any] = {"directory": tmp_path / "files", "host": "127.0.0.1", "port": 0} | different
    config, clock, metrics = FilesSection(**fields), Clock(), Metrics()
    intake, addresses = FileIntake(store, config), FileAddresses(config, b"k" * 32)
    files, transfers = Files(store, config, intake, clock), FileTransfers(store, config, intake, addresses, clock)
    server = FileServer(config, intake.folder, transfers, addresses, metrics, b"n" * 32)
    await server.start()
    return Served(store, files, intake, transfers, addresses, server, clock, tmp_path / "files", metrics)


@pytest.fixture
async def store(tmp_path: Path, sqlite_template: Path, vault: Vault) -> AsyncIterator[Store]:
    path = tmp_path / "store.db"
    shutil.copy(sqlite_template, path)
    opened = await Store.open(f"sqlite:///{path}", vault=vault)
    await opened.sessions.open(opening(NOW, key=KEY, address="127.0.0.1"))
    yield opened
    await opened.close()


@pytest.fixture
async def served(tmp_path: Path, store: Store) -> AsyncIterator[Served]:
    made = await served_with(tmp_path, store)
    yield made
    await made.server.stop(2.0)


async def ask(method: str, url: str, **more: Any) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.request(method, url, **more)


async def raw(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


async def test_a_device_fetches_a_file_whole_and_once(served: Served) -> None:
    content = os.urandom(BLOCK * 3 + 17)
    file_id = await served.add(content)
    signed = await served.url(file_id)
    assert signed.size_bytes == len(content) and len(signed.url) <= 256 and signed.url.endswith("/ont.bin")
    answer = await ask("GET", signed.url)
    assert answer.status_code == 200 and answer.content == content
    assert answer.headers["content-length"] == str(len(content))
    assert answer.headers["etag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    transfer = await served.completed(signed)
    assert transfer.completed_at == NOW and transfer.sent_bytes == len(content)
    served.clock.now += timedelta(seconds=121)
    assert (await ask("GET", signed.url)).status_code == 410
    assert (await ask("GET", (await served.url(file_id)).url)).status_code == 200


async def test_head_tells_the_size_and_uses_nothing_up(served: Served) -> None:
    signed = await served.url(await served.add(b"x" * 100))
    answer = await ask("HEAD", signed.url)
    assert (answer.status_code, answer.headers["content-length"], answer.content) == (200, "100", b"")
    async with served.store.reading() as tx:
        transfer = await file_store.get_transfer(tx, signed.transfer)
    assert transfer is not None and transfer.completed_at is None


async def test_a_broken_download_is_resumed_by_ranges(served: Served) -> None:
    content = os.urandom(10_000)
    signed = await served.url(await served.add(content))
    first = await ask("GET", signed.url, headers={"Range": "bytes=0-5999"})
    assert (first.status_code, first.headers["content-range"]) == (206, "bytes 0-5999/10000")
    served.clock.now += timedelta(hours=1)
    rest = await ask("GET", signed.url, headers={"Range": "bytes=6000-"})
    assert first.content + rest.content == content
    await served.completed(signed)
    served.clock.now += timedelta(hours=1)
    assert (await ask("GET", signed.url)).status_code == 410


@pytest.mark.parametrize(
    ("header", "status", "start", "end"),
    [
        ("bytes=-5", 206, 95, 100),
        ("bytes=10-10", 206, 10, 11),
        ("bytes=90-500", 206, 90, 100),
        ("bytes=0-1,5-6", 200, 0, 100),
        ("bytes=7-3", 200, 0, 100),
        ("lines=1-2", 200, 0, 100),
        ("bytes=100-", 416, 0, 0),
    ],
)
async def test_ranges(served: Served, header: str, status: int, start: int, end: int) -> None:
    content = bytes(range(100))
    signed = await served.url(await served.add(content))
    answer = await ask("GET", signed.url, headers={"Range": header})
    assert (answer.status_code, answer.content) == (status, content[start:end])


async def test_a_range_of_another_version_of_the_file_is_the_whole_file(served: Served) -> None:
    signed = await served.url(await served.add(b"0123456789"))
    answer = await ask("GET", signed.url, headers={"Range": "bytes=5-", "If-Range": '"another"'})
    assert (answer.status_code, answer.content) == (200, b"0123456789")


@pytest.mark.parametrize("spoil", ["signature", "letters", "id", "path", "traversal"])
async def test_only_a_signed_address_is_served(served: Served, spoil: str) -> None:
    signed = await served.url(await served.add())
    head, transfer, signature, name = signed.url.rsplit("/", 3)
    spoiled = {
        "signature": f"{head}/{transfer}/{'0' * len(signature)}/{name}",
        "letters": f"{head}/{transfer}/{'é' * 20}/{name}",
        "id": f"{head}/{'0' * 26}/{signature}/{name}",
        "path": f"{head.removesuffix('/files')}/etc/passwd",
        "traversal": f"{head}/..%2f..%2f/{signature}/../../../../etc/passwd",
    }[spoil]
    assert (await ask("GET", spoiled)).status_code == 404


async def test_an_address_expires(served: Served) -> None:
    signed = await served.url(await served.add())
    served.clock.now += timedelta(days=4)
    assert (await ask("GET", signed.url)).status_code == 410


async def test_the_directions_do_not_mix(served: Served) -> None:
    download, upload = await served.url(await served.add()), await served.url(None, Direction.UPLOAD)
    assert (await ask("PUT", download.url, content=b"x")).status_code == 405
    assert (await ask("GET", upload.url)).status_code == 405
    assert (await ask("DELETE", download.url)).status_code == 405


@pytest.mark.parametrize("kind", [httpx.BasicAuth, httpx.DigestAuth])
async def test_passwords_where_they_are_asked_for(tmp_path: Path, store: Store, kind: Any) -> None:
    served = await served_with(tmp_path, store, auth=FileAuth.PASSWORD)
    try:
        signed = await served.url(await served.add(b"secret"))
        bare = await ask("GET", signed.url)
        assert bare.status_code == 401
        assert [each.split()[0] for each in bare.headers.get_list("www-authenticate")] == ["Digest", "Basic"]
        wrong = await ask("GET", signed.url, auth=kind(signed.username, "wrong"))
        assert wrong.status_code == 401
        right = await ask("GET", signed.url, auth=kind(signed.username, signed.password))
        assert (right.status_code, right.content) == (200, b"secret")
        upload = await served.url(None, Direction.UPLOAD)
        sent = await ask("PUT", upload.url, content=b"log", auth=kind(upload.username, upload.password))
        assert sent.status_code == 201
    finally:
        await served.server.stop(2.0)


async def test_a_wrong_password_is_refused_even_where_none_is_asked_for(served: Served) -> None:
    signed = await served.url(await served.add())
    assert (await ask("GET", signed.url, auth=("x", "y"))).status_code == 401
    assert (await ask("GET", signed.url, auth=(signed.username, signed.password))).status_code == 200


@pytest.mark.parametrize("how", ["put", "chunked", "post", "multipart"])
async def test_a_device_sends_a_file(served: Served, how: str) -> None:
    content = os.urandom(BLOCK + 4242) + b"\r\n--almost\r\n"
    came: list[tuple[str, str]] = []
    served.transfers.received = lambda operation, file: came.append((operation, file.id))
    signed = await served.url(None, Direction.UPLOAD, file_type="2 Vendor Log File", operation="operation-1")
    if how == "put":
        answer = await ask("PUT", signed.url, content=content)
    elif how == "chunked":
        answer = await ask("PUT", signed.url, content=pieces(content, 5_000))
    elif how == "post":
        answer = await ask("POST", signed.url, content=content)
    else:
        form = {"data": {"token": "x"}, "files": {"file": ("../../etc/evil", content)}}
        answer = await ask("POST", signed.url, **form)
    assert answer.status_code == 201, answer.text
    (stored,) = await served.files.find(ADMIN, uploads=True)
    assert (stored.size_bytes, stored.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (stored.device, stored.operation, stored.file_type) == (KEY, "operation-1", "2 Vendor Log File")
    assert stored.name.startswith(KEY) and "evil" not in stored.name
    assert served.intake.folder.path_of(stored.id).read_bytes() == content
    assert came == [("operation-1", stored.id)]
    assert (await ask("PUT", signed.url, content=b"again")).status_code == 410


async def test_an_upload_that_breaks_off_leaves_nothing(served: Served) -> None:
    signed = await served.url(None, Direction.UPLOAD)
    path = signed.url.partition(f":{served.port}")[2]
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nshort".encode()
    _reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(head)
    await writer.drain()
    await asyncio.sleep(0.1)
    writer.close()
    for _ in range(3000):
        if not [path for path in served.folder.rglob("*") if path.is_file()]:
            break
        await asyncio.sleep(0.02)
    assert [path for path in served.folder.rglob("*") if path.is_file()] == []
    assert await served.files.find(ADMIN) == []
    assert (await ask("PUT", signed.url, content=b"whole")).status_code == 201


async def test_expect_is_answered_before_the_body(served: Served) -> None:
    signed = await served.url(None, Direction.UPLOAD)
    path = signed.url.partition(f":{served.port}")[2]
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    writer.write(b"log")
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 201 ")
    writer.close()


async def test_an_upload_that_is_too_long_is_refused(tmp_path: Path, store: Store) -> None:
    served = await served_with(tmp_path, store, upload_bytes=1_000)
    try:
        declared = await served.url(None, Direction.UPLOAD)
        assert (await ask("PUT", declared.url, content=b"x" * 1_001)).status_code == 413
        assert (await ask("PUT", declared.url, content=pieces(b"x" * 5_000, 100))).status_code == 413
        assert (await ask("PUT", declared.url, content=b"x" * 1_000)).status_code == 201
    finally:
        await served.server.stop(2.0)
    assert len([path for path in served.folder.rglob("*") if path.is_file()]) == 1


async def test_the_folder_has_a_quota(tmp_path: Path, store: Store) -> None:
    served = await served_with(tmp_path, store, quota_bytes=1_000)
    try:
        await served.add(b"x" * 900)
        with pytest.raises(TooLarge, match="quota_bytes"):
            await served.add(b"x" * 200)
        upload = await served.url(None, Direction.UPLOAD)
        assert (await ask("PUT", upload.url, content=b"x" * 200)).status_code == 413
        assert (await ask("PUT", upload.url, content=b"x" * 50)).status_code == 201
    finally:
        await served.server.stop(2.0)


async def test_transfers_of_one_address_are_limited(tmp_path: Path, store: Store) -> None:
    served = await served_with(tmp_path, store, transfers_per_address=1)
    try:
        signed = await served.url(await served.add())
        _reader, idle = await asyncio.open_connection("127.0.0.1", served.port)
        await asyncio.sleep(0.05)
        answer = await ask("GET", signed.url)
        assert answer.status_code == 503 and int(answer.headers["retry-after"]) >= 30
        idle.close()
        for _ in range(3000):
            if (await ask("GET", signed.url)).status_code == 200:
                break
            await asyncio.sleep(0.02)
        else:
            pytest.fail("the place was never given back")
    finally:
        await served.server.stop(2.0)


async def test_silent_connections_of_one_address_leave_room_for_others(tmp_path: Path, store: Store) -> None:
    served = await served_with(tmp_path, store, transfers_per_address=1, transfers=4)
    try:
        silent = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(6)]
        cut = [asyncio.ensure_future(reader.read()) for reader, _ in silent]
        done, _open = await asyncio.wait(cut, timeout=0.3)
        assert len(done) == 4, "two for its one transfer, and no more"
        for each in done:
            assert isinstance(each.exception(), ConnectionError) or each.result() == b""
        for _, writer in silent:
            writer.transport.abort()
        await asyncio.gather(*cut, return_exceptions=True)
    finally:
        await served.server.stop(2.0)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"garbage\r\n\r\n", b"400"),
        (b"GET /files/a/b/c HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 20_000 + b"\r\n\r\n", b"431"),
        (b"GET /" + b"a" * 200_000, b"431"),
        (b"GET /files/a/b/c HTTP/1.1\r\nHost: x\r\n\r\nGET /files/a/b/c HTTP/1.1\r\nHost: x\r\n\r\n", b"400"),
        (b"GET /files/\x00/b/c HTTP/1.0\r\n\r\n", b"40"),
        (b"POST /files/a/b/c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello", b"404"),
    ],
)
async def test_bad_requests_get_an_answer(served: Served, request_: bytes, status: bytes) -> None:
    assert (await raw(served.port, request_)).startswith(b"HTTP/1.1 " + status)


async def test_a_silent_peer_is_cut_off(tmp_path: Path, store: Store) -> None:
    served = await served_with(tmp_path, store, stall_s=0.2)
    try:
        assert await raw(served.port, b"GET /files/a") == b""
    finally:
        await served.server.stop(2.0)


async def test_a_file_for_another_model_is_refused(served: Served) -> None:
    other = await served.add(models=("STB-*", "00BB22:ONT"))
    with pytest.raises(InvalidInput, match="is for STB-"):
        await served.url(other)
    assert (await served.url(await served.add(models=("00aa11:ont",)))).url


async def test_a_damaged_file_is_not_stored(served: Served) -> None:
    with pytest.raises(InvalidInput, match="damaged"):
        await served.add(b"content", sha256="0" * 64)
    with pytest.raises(InvalidInput, match="empty"):
        await served.add(b"")
    assert await served.files.find(ADMIN) == []
    assert [path for path in served.folder.rglob("*") if path.is_file()] == []
    assert await served.add(b"content", sha256=hashlib.sha256(b"content").hexdigest())


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a\x00b", "..", "x" * 201])
async def test_names_that_cannot_be_used(served: Served, name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        await served.add(name=name)


async def test_a_file_that_devices_wait_for_is_kept(served: Served) -> None:
    file_id = await served.add()
    signed = await served.url(file_id)
    with pytest.raises(Conflict, match="1 devices"):
        await served.files.remove(ADMIN, file_id)
    await served.files.remove(ADMIN, file_id, force=True)
    assert not served.intake.folder.path_of(file_id).exists()
    assert (await ask("GET", signed.url)).status_code == 410
    with pytest.raises(NotFound):
        await served.files.remove(ADMIN, file_id)


async def test_old_uploads_are_thrown_away(served: Served) -> None:
    kept = await served.add()
    upload = await served.url(None, Direction.UPLOAD)
    assert (await ask("PUT", upload.url, content=b"log")).status_code == 201
    served.clock.now += timedelta(days=91)
    await served.transfers.tidy()
    assert [file.id for file in await served.files.find(ADMIN)] == [kept]
    assert len([path for path in served.folder.rglob("*") if path.is_file()]) == 1


async def test_the_same_over_tls(tmp_path: Path, store: Store) -> None:
    authority = Authority(tmp_path)
    issued = authority.issue("127.0.0.1", file="files")
    files = {"tls_certificate_file": issued.certificate, "tls_key_file": issued.key, "tls_port": 0}
    served = await served_with(tmp_path, store, **files)
    try:
        content = os.urandom(BLOCK * 2 + 5)
        signed = await served.url(await served.add(content))
        assert signed.url.startswith(f"https://127.0.0.1:{served.addresses.ports[1]}/files/")
        trusting = ssl.create_default_context(cafile=str(authority.file))
        trusting.check_hostname = False
        async with httpx.AsyncClient(trust_env=False, verify=trusting) as client:
            assert (await client.get(signed.url)).content == content
            upload = await served.url(None, Direction.UPLOAD)
            assert (await client.put(upload.url, content=content)).status_code == 201
        assert (await raw(served.addresses.ports[1] or 0, b"GET / HTTP/1.1\r\n\r\n"))[:8] != b"HTTP/1.1"
    finally:
        await served.server.stop(2.0)


async def test_a_certificate_that_does_not_fit_its_key_stops_the_start(tmp_path: Path, store: Store) -> None:
    authority = Authority(tmp_path)
    one, two = authority.issue("one", file="one"), authority.issue("two", file="two")
    with pytest.raises(ConfigError, match="tls_certificate_file"):
        await served_with(tmp_path, store, tls_certificate_file=one.certificate, tls_key_file=two.key, tls_port=0)


async def test_bytes_per_second_are_limited_for_all_together(tmp_path: Path, store: Store) -> None:
    served = await served_with(tmp_path, store, bytes_per_s=1_000_000_000)
    try:
        content = os.urandom(BLOCK * 2)
        signed = await served.url(await served.add(content))
        assert (await ask("GET", signed.url)).content == content
        text = served.metrics.text().decode()
        assert f'acs_file_bytes_total{{direction="download"}} {float(len(content))}' in text
    finally:
        await served.server.stop(2.0)
