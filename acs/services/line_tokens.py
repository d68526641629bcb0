"""Line tokens: the right to check one line for a short time, minted for a portal and handed to the subscriber. Pure.

    slt_ <line and end, as JSON in base64url> . <HMAC-SHA256 over it>

The rule of this file: the token names one line and an end, and proves them; nothing of it is stored, so it can neither
be made longer nor be made out for another line.
"""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime

#: how a line token begins, so that nobody takes it for a token of the API
PREFIX = "slt_"
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class LineToken:
    """What a token says: which line, until when, and which portal had it made."""

    line: str
    until: datetime
    portal: str


class LineTokens:
    """Mints and proves line tokens with one key."""

    def __init__(self, key: bytes) -> None:
        self._key = hashlib.blake2b(key, digest_size=32, person=b"line tokens").digest()

    def mint(self, token: LineToken) -> str:
        """Return the token as text."""
        said = json.dumps([token.line, int(token.until.timestamp()), token.portal], separators=(",", ":"))
        body = _text(said.encode())
        return f"{PREFIX}{body}.{self._mark(body)}"

    def proven(self, text: str, now: datetime) -> LineToken | None:
        """Return what a token says; None for one that is not ours, was changed, or has ended."""
        body, _, mark = text.removeprefix(PREFIX).partition(".")
        if not text.startswith(PREFIX) or len(text) > _LONGEST or not text.isascii():
            return None
        if not hmac.compare_digest(mark, self._mark(body)):
            return None
        line, until, portal = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        token = LineToken(str(line), datetime.fromtimestamp(int(until), UTC), str(portal))
        return token if now < token.until else None

    def _mark(self, body: str) -> str:
        return _text(hmac.new(self._key, body.encode(), hashlib.sha256).digest())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
