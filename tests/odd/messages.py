"""Messages of odd devices from fixtures/cpe: the bytes as such a device sends them.

A message is a file with a request's head, an empty line, and its body. `Content-Length: auto` stands for the true
length, and `Transfer-Encoding: chunked` for a body in chunks of uneven size.
"""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2] / "fixtures" / "cpe"
FILES = sorted(ROOT.rglob("*.http"))
_RPC = re.compile(rb"<(?:[\w-]+:)?Body[^>]*>\s*<(?:[\w-]+:)?(\w+)")


@dataclass(frozen=True)
class Message:
    """One request of an odd device."""

    name: str
    head: bytes
    body: bytes

    @property
    def rpc(self) -> str:
        """The message in its body; "" for an empty POST."""
        found = _RPC.search(self.body)
        return found[1].decode() if found else ""

    @property
    def serial(self) -> str:
        """The serial number in an Inform."""
        found = re.search(rb"SerialNumber[^>]*>\s*([^<\s]+)", self.body)
        return found[1].decode() if found else ""

    def raw(self, cookie: str | None = None) -> bytes:
        """The whole request as it goes over the wire."""
        lines = self.head.replace(b"auto", str(len(self.body)).encode()).rstrip(b"\n").split(b"\n")
        if cookie:
            lines = [line for line in lines if not line.lower().startswith(b"cookie:")]
            lines.append(b"Cookie: " + cookie.encode())
        body = _chunked(self.body) if b"chunked" in self.head else self.body
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def read(path: Path) -> Message:
    """The message in a file."""
    head, _, body = path.read_bytes().partition(b"\n\n")
    return Message(str(path.relative_to(ROOT)), head, body)


def oddities(device: str) -> list[str]:
    """What is odd about a device, in words."""
    found = tomllib.loads((ROOT / device / "case.toml").read_text("utf-8"))["odd"]
    assert isinstance(found, list)
    return found


def _chunked(body: bytes) -> bytes:
    sizes, parts, at = (0x58F, 3, 700), [], 0
    while at < len(body):
        piece = body[at : at + sizes[len(parts) % 3]]
        parts.append(b"%x\r\n%s\r\n" % (len(piece), piece))
        at += len(piece)
    return b"".join(parts) + b"0\r\n\r\n"


__all__ = ["FILES", "ROOT", "Message", "oddities", "read"]
