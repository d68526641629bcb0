"""The HTTP server of a CPE for connection requests: answers as the test says, and checks digests by itself."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.conformance import digest

Reply = str | None


@dataclass
class Callee:
    """`replies` are given in turn, the last one again and again; None closes without an answer."""

    replies: list[Reply] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    port: int = 0
    called: Callable[[], None] = lambda: None

    def url(self, path: str = "/x7") -> str:
        """Where it is called."""
        return f"http://127.0.0.1:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while True:
                self.requests.append((await reader.readuntil(b"\r\n\r\n")).decode("latin-1"))
                reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
                if reply is None:
                    break
                writer.write(reply.encode("latin-1"))
                await writer.drain()
                if reply.startswith("HTTP/1.1 20"):
                    self.called()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def answer(status: str, *headers: str) -> str:
    """A response without a body."""
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *headers, "Content-Length: 0", ""))


def challenge(extra: str = 'qop="auth"', nonce: str = "0a1b") -> str:
    """401 with a Digest challenge."""
    return answer("401 Unauthorized", f'WWW-Authenticate: Digest realm="cpe@home x", nonce="{nonce}", {extra}')


def authorized(request: str, username: str, password: str) -> bool:
    """Whether the Authorization in a request is right, computed from RFC 2617."""
    first, *lines = request.split("\r\n")
    header = next((line for line in lines if line.lower().startswith("authorization: digest")), "")
    given = digest.parts(header)
    method, target, _ = first.split(" ")
    if given.get("uri") != target or given.get("username") != username:
        return False
    secret = _md5(f"{username}:{given['realm']}:{password}")
    if given.get("algorithm", "MD5").lower() == "md5-sess":
        secret = _md5(f"{secret}:{given['nonce']}:{given['cnonce']}")
    middle = f"{given['nonce']}:{given['nc']}:{given['cnonce']}:auth" if "qop" in given else given["nonce"]
    return given["response"] == _md5(f"{secret}:{middle}:{_md5(f'{method}:{target}')}")


@asynccontextmanager
async def listening(*replies: Reply) -> AsyncIterator[Callee]:
    """Such a server on a port of its own."""
    callee = Callee(list(replies))
    server = await asyncio.start_server(callee.serve, "127.0.0.1", 0)
    callee.port = server.sockets[0].getsockname()[1]
    try:
        yield callee
    finally:
        server.close()
        await server.wait_closed()


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
