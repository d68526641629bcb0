"""A file server of a few lines: GET gives what `files` holds, PUT keeps what comes; Basic where credentials are set."""

import asyncio
import base64
from types import TracebackType


class FileServer:
    """Serves on a port of 127.0.0.1 for the length of a block."""

    def __init__(self, credentials: tuple[str, str] | None = None) -> None:
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.received: dict[str, bytes] = {}
        self.url = ""
        self._credentials = credentials

    async def __aenter__(self) -> "FileServer":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            lines = head.split("\r\n")
            headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            method, path, _ = lines[0].split(" ")
            status, content = self._answer(method, path, headers.get("authorization", ""), body)
            challenge = 'WWW-Authenticate: Basic realm="files"\r\n' if status == 401 else ""
            length = f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
            writer.write(f"HTTP/1.1 {status} X\r\n{challenge}{length}".encode() + content)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, path: str, authorization: str, body: bytes) -> tuple[int, bytes]:
        if self._credentials is not None:
            wanted = "Basic " + base64.b64encode(":".join(self._credentials).encode()).decode()
            if authorization != wanted:
                return 401, b""
        if method == "PUT":
            self.received[path] = body
            return 201, b""
        self.fetched.append(path)
        return (200, self.files[path]) if path in self.files else (404, b"")
