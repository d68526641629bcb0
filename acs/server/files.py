"""The file server that CPEs fetch firmware from and send their files to.

    GET, HEAD /files/ID/SIGNATURE/NAME   the file, whole or a range        200, 206
    PUT, POST /files/ID/SIGNATURE/NAME   what the device sends             201, once it is on disk

The one rule: an address is believed for its signature alone; nothing else of a request chooses a file or a name.
"""

import asyncio
import secrets
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Final

import structlog

from acs.config import FileAuth, FilesSection
from acs.cwmp import auth
from acs.errors import ConfigError, InvalidInput, StoreError
from acs.metrics import Metrics
from acs.server.file_http import BadRequest, HttpConnection, Request
from acs.server.limits import retry_after
from acs.server.multipart import FilePart, NotMultipart, boundary_of
from acs.server.ranges import Span, Unsatisfiable, span_of
from acs.services.file_addresses import FileAddresses
from acs.services.file_folder import BLOCK, FileFolder, TooLarge, read_range
from acs.services.file_transfers import FileTransfers, Grant, Refused
from acs.store.files import Direction, FileRecord, TransferRecord
from probes.tasks import end_tasks

log = structlog.get_logger()

_METHODS: Final = {
    "GET": Direction.DOWNLOAD, "HEAD": Direction.DOWNLOAD, "PUT": Direction.UPLOAD, "POST": Direction.UPLOAD,
}  # fmt: skip
_REALM: Final = "files"
#: Seconds that a digest nonce lives: a transfer of a large file may be resumed with the one it began with.
_NONCE_S: Final = 7_200.0
#: Seconds of Retry-After when too many transfers run.
_RETRY_S: Final = 30
#: Connections of one address, in parts of its transfers, beyond which more are not even heard: else those that say
#: nothing would hold every place.
_CROWD: Final = 2
#: Seconds that a refused peer gets to read why.
_LINGER_S: Final = 2.0


class Bandwidth:
    """All transfers together send no more than so many bytes per second; 0 = as fast as they can."""

    def __init__(self, bytes_per_s: int) -> None:
        self._rate = bytes_per_s
        self._free_at = 0.0

    async def take(self, size: int) -> None:
        """Wait until `size` bytes may pass."""
        if self._rate <= 0:
            return
        now = time.monotonic()
        self._free_at = max(now, self._free_at) + size / self._rate
        wait_s = self._free_at - now - 0.1  # a tenth of a second may come at once
        if wait_s > 0:
            await asyncio.sleep(wait_s)


class FileServer:
    """Serves files on a plain port and, with a certificate, on one with TLS."""

    def __init__(
        self,
        config: FilesSection,
        folder: FileFolder,
        transfers: FileTransfers,
        addresses: FileAddresses,
        metrics: Metrics,
        nonce_secret: bytes,
    ) -> None:
        self._config = config
        self._folder = folder
        self._transfers = transfers
        self._addresses = addresses
        self._metrics = metrics
        self._nonces = auth.Nonces(nonce_secret)
        self._bandwidth = Bandwidth(config.bytes_per_s)
        self._per_address: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._notes: set[asyncio.Future[None]] = set()
        self._servers: list[asyncio.Server] = []

    async def start(self) -> None:
        """Listen, and tell the addresses that devices are given about the ports.

        Raises:
            ConfigError: the folder or the certificate cannot be used.
            OSError: a port cannot be used.
        """
        config = self._config
        try:
            await asyncio.to_thread(self._folder.prepare)
        except OSError as error:
            raise ConfigError(
                f"files.directory: {config.directory}: {error.strerror}; choose another folder"
            ) from error
        context = self._tls() if config.tls_certificate_file is not None else None
        try:
            plain = await self._listen(config.port, None)
            tls = None if context is None else await self._listen(config.tls_port, context)
        except OSError:
            await self.stop()
            raise
        self._addresses.ports = (plain, tls)

    async def _listen(self, port: int, context: ssl.SSLContext | None) -> int:
        server = await asyncio.start_server(
            self._accepted, self._config.host, port, limit=BLOCK, backlog=512, ssl=context
        )
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def stop(self, grace_s: float = 0.0) -> None:
        """Accept nothing new, give transfers `grace_s` seconds, then end them."""
        for server in self._servers:
            server.close()
        if self._tasks and grace_s:
            await asyncio.wait(self._tasks, timeout=grace_s)
        await end_tasks(self._tasks)
        await asyncio.gather(*self._notes, return_exceptions=True)

    def _tls(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        certificate, key = self._config.tls_certificate_file, self._config.tls_key_file
        assert certificate is not None
        try:
            context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"files.tls_certificate_file: {certificate} with {key} cannot be used ({error}); write PEM files that "
                "belong together"
            ) from error
        return context

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = writer.get_extra_info("peername")
        address = str(peer[0]) if peer else ""
        if self._per_address[address] >= _CROWD * self._config.transfers_per_address:
            self._tasks.discard(task)
            writer.transport.abort()
            return
        self._per_address[address] += 1
        http = HttpConnection(reader, writer, self._config.stall_s)
        try:
            await self._serve(http, address)
        except (TimeoutError, OSError, asyncio.CancelledError):
            writer.transport.abort()
        except Exception as error:
            log.error("file.crashed", address=address, error=str(error), kind=type(error).__name__, exc_info=error)
            writer.transport.abort()
        finally:
            self._tasks.discard(task)
            self._per_address[address] -= 1
            if self._per_address[address] <= 0:
                del self._per_address[address]
            with suppress(asyncio.CancelledError):
                await http.close()

    async def _serve(self, http: HttpConnection, address: str) -> None:
        """Requests of one connection, one after the other."""
        while True:
            try:
                request = await http.next_request()
            except BadRequest as error:
                await self._refuse(http, address, Refused(error.status, str(error)))
                return
            if request is None:
                return
            crowded = len(self._tasks) > self._config.transfers
            crowded |= self._per_address[address] > self._config.transfers_per_address
            try:
                async with asyncio.timeout(self._config.transfer_s):
                    if crowded:
                        raise Refused(503, "too many transfers at once")
                    await self._answer(http, request, address)
            except (Refused, BadRequest) as error:
                await self._refuse(http, address, error if isinstance(error, Refused) else _as_refusal(error))
                return
            if not request.keep_alive or not http.body_is_whole:
                return

    async def _answer(self, http: HttpConnection, request: Request, address: str) -> None:
        direction = _METHODS.get(request.method)
        if direction is None:
            raise Refused(405, f"method {request.method[:16]}")
        grant = await self._transfers.grant(*_place(request.target), direction)
        if not self._is_proved(request, grant.transfer):
            await self._challenge(http, request, address)
        elif direction is Direction.DOWNLOAD:
            await self._send(http, request, grant, address)
        else:
            await self._receive(http, request, grant, address)

    async def _send(self, http: HttpConnection, request: Request, grant: Grant, address: str) -> None:
        file = grant.file
        assert file is not None
        headers = {
            "Content-Type": "application/octet-stream",
            "Accept-Ranges": "bytes",
            "ETag": f'"{file.sha256}"',
            "Cache-Control": "no-store",
        }
        try:
            span = _span(request, file)
        except Unsatisfiable:
            await http.head(416, headers | {"Content-Range": f"bytes */{file.size_bytes}"}, 0)
            return
        if not span.whole:
            end = span.start + span.length - 1
            headers["Content-Range"] = f"bytes {span.start}-{end}/{file.size_bytes}"
        status = 200 if span.whole else 206
        if request.method == "HEAD":
            await http.head(status, headers, span.length)
            return
        await self._pour(http, grant, span, status, headers, address)

    async def _pour(
        self, http: HttpConnection, grant: Grant, span: Span, status: int, headers: dict[str, str], address: str
    ) -> None:
        file = grant.file
        assert file is not None
        try:
            source = await self._folder.open(file.id)
        except FileNotFoundError as error:
            log.error("file.lost", file=file.id)
            raise Refused(410, "the content of the file is gone") from error
        sent = 0
        try:
            await http.head(status, headers, span.length)
            async for block in read_range(source, span.start, span.length):
                await self._bandwidth.take(len(block))
                await http.write(block)
                sent += len(block)
            if sent < span.length:
                raise OSError("the file is shorter than it was")
        finally:
            source.close()
            self._metrics.file_bytes.labels("download").inc(sent)
            at_end = sent == span.length and span.start + span.length == file.size_bytes
            await self._note(self._transfers.sent(grant, sent, to_the_end=at_end, address=address))
        self._metrics.file_transfers.labels("download", str(status)).inc()

    async def _note(self, work: Coroutine[object, object, None]) -> None:
        """Write down what became of a transfer, even when its connection is being ended."""
        note = asyncio.ensure_future(work)
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)
        await asyncio.shield(note)

    async def _receive(self, http: HttpConnection, request: Request, grant: Grant, address: str) -> None:
        try:
            boundary = boundary_of(request.headers.get(b"content-type", b""))
        except NotMultipart as error:
            raise Refused(400, str(error)) from error
        if boundary is not None and request.method != "POST":
            boundary = None
        await http.go_on()
        body = self._slowed(http.body()) if boundary is None else _file_of(self._slowed(http.body()), boundary)
        declared = request.length if boundary is None else None
        try:
            stored = await self._transfers.receive(grant, body, declared, address)
        except TooLarge as error:
            raise Refused(413, str(error)) from error
        except InvalidInput as error:
            raise Refused(400, str(error)) from error
        except NotMultipart as error:
            raise Refused(400, str(error)) from error
        except StoreError as error:
            log.error("file.not_stored", problem=str(error))
            raise Refused(507, "the file could not be stored") from error
        self._metrics.file_transfers.labels("upload", "201").inc()
        self._metrics.file_bytes.labels("upload").inc(stored.size_bytes)
        await http.head(201, {}, 0)

    async def _slowed(self, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for piece in body:
            await self._bandwidth.take(len(piece))
            yield piece

    def _is_proved(self, request: Request, transfer: TransferRecord) -> bool:
        """Whether the password that came is the transfer's own, or none is asked for and none came."""
        header = request.headers.get(b"authorization")
        if header is None:
            return self._config.auth is FileAuth.URL
        given = auth.parse_authorization(header.decode("latin-1"))
        if isinstance(given, auth.BasicCredentials):
            return auth.verify_basic(given, transfer.username, transfer.password)
        if given is None or given.username != transfer.username:
            return False
        if self._nonces.check(given.nonce, time.time(), _NONCE_S) is not auth.NonceState.FRESH:
            return False
        ha1 = auth.ha1(transfer.username, _REALM, transfer.password, given.algorithm)
        return auth.verify(given, request.method, ha1)

    async def _challenge(self, http: HttpConnection, request: Request, address: str) -> None:
        """Ask for digest first, then for basic: what a client knows better it takes."""
        self._metrics.file_transfers.labels(_METHODS[request.method].value, "401").inc()
        log.debug("file.challenged", address=address)
        digest = auth.challenge_header(_REALM, self._nonces.mint(time.time(), secrets.token_hex(4)))
        if request.length == 0 or request.headers.get(b"expect") is None:
            keep = await http.discard()
        else:
            keep = False
        headers = {"WWW-Authenticate": f"{digest}\r\nWWW-Authenticate: {auth.basic_challenge(_REALM)}"}
        await http.head(401, headers, 0, close=not keep)

    async def _refuse(self, http: HttpConnection, address: str, refused: Refused) -> None:
        """Answer with an error, and let the peer read it before the connection ends."""
        self._metrics.file_transfers.labels("none", str(refused.status)).inc()
        log.info("file.refused", status=refused.status, why=str(refused), address=address)
        headers = {"Retry-After": str(retry_after(_RETRY_S))} if refused.status == 503 else {}
        if refused.status == 405:
            headers["Allow"] = "GET, HEAD, PUT, POST"
        await http.head(refused.status, headers, 0, close=True)
        await http.let_it_read(_LINGER_S)


def _place(target: bytes) -> tuple[str, str]:
    """Transfer and signature of a request's target: the two parts before the name. What is before them is a proxy's.

    Raises:
        Refused: it is no address of ours.
    """
    parts = target.split(b"?", 1)[0].split(b"/")
    if len(parts) < 5 or parts[-4] != b"files":
        raise Refused(404, "no such address")
    return parts[-3].decode("latin-1")[:64], parts[-2].decode("latin-1")[:64]


def _span(request: Request, file: FileRecord) -> Span:
    """What of the file is asked for; a range of another version of the file is the whole file."""
    condition = request.headers.get(b"if-range")
    if condition is not None and condition.strip() != b'"%s"' % file.sha256.encode():
        return span_of(None, file.size_bytes)
    return span_of(request.headers.get(b"range"), file.size_bytes)


async def _file_of(body: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[bytes]:
    """The file within a multipart body; what follows it is taken and thrown away."""
    part = FilePart(boundary)
    async for piece in body:
        content = part.feed(piece)
        if content:
            yield content
    if not part.done:
        raise NotMultipart("the body has no file, or ends within it")


def _as_refusal(error: BadRequest) -> Refused:
    return Refused(error.status, str(error))
