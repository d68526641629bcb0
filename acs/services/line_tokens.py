"""Line tokens: the right to check one line for a short time, minted for a portal and handed to the subscriber. Pure.

    slt_ <line and end, sealed: Fernet, AES-128-CBC and HMAC-SHA-256>

The rule of this file: the token names one line and an end, and proves them to us alone: who holds it reads nothing in
it. Nothing of it is stored, so it can neither be made longer nor be made out for another line.
"""

import base64
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.fernet import Fernet, InvalidToken

#: how a line token begins, so that nobody takes it for a token of the API
PREFIX = "slt_"
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class LineToken:
    """What a token says: which line, and until when."""

    line: str
    until: datetime


class LineTokens:
    """Mints and proves line tokens with a key of their own, made of the vault's."""

    def __init__(self, key: bytes) -> None:
        own = hashlib.blake2b(key, digest_size=32, person=b"line tokens").digest()
        self._seal = Fernet(base64.urlsafe_b64encode(own))

    def mint(self, token: LineToken) -> str:
        """Return the token as text."""
        said = json.dumps([token.line, int(token.until.timestamp())], ensure_ascii=False, separators=(",", ":"))
        return PREFIX + self._seal.encrypt(said.encode()).decode()

    def proven(self, text: str, now: datetime) -> LineToken | None:
        """Return what a token says; None for one that is not ours, was changed, or has ended."""
        if not text.startswith(PREFIX) or len(text) > _LONGEST or not text.isascii():
            return None
        try:
            line, until = json.loads(self._seal.decrypt(text.removeprefix(PREFIX)))
        except InvalidToken:
            return None
        token = LineToken(str(line), datetime.fromtimestamp(int(until), UTC))
        return token if now < token.until else None
