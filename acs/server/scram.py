"""SCRAM: a password proven without being sent, and a server that proves that it knows it too. Pure.

    client first ──▶ nonce, salt, iterations ──▶ proof ──▶ the server's signature

The rule of this file: a server that does not prove itself, or asks for a weak or an endless derivation, is refused.

Source: RFC 5802 (SCRAM-SHA-1), RFC 7677 (SCRAM-SHA-256), RFC 6120 §6.3.8; no channel binding ("n,,").
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import Mapping
from typing import Final

from acs.errors import ProtocolError

#: Mechanism → hash, the strongest first.
HASHES: Final[Mapping[str, str]] = {"SCRAM-SHA-256": "sha256", "SCRAM-SHA-1": "sha1"}
#: Rounds that a server may ask for: RFC 5802 wants 4096 at least; a million takes half a second of this process.
_LEAST_ROUNDS, _MOST_ROUNDS = 4_096, 1_000_000
_GS2: Final = "n,,"


class Scram:
    """One exchange with one server."""

    def __init__(self, mechanism: str, username: str, password: str, nonce: str = "") -> None:
        self.name = mechanism
        self._hash = HASHES[mechanism]
        self._password = unicodedata.normalize("NFKC", password).encode()
        user = unicodedata.normalize("NFKC", username).replace("=", "=3D").replace(",", "=2C")
        self._nonce = nonce or secrets.token_urlsafe(24)
        self._bare = f"n={user},r={self._nonce}"
        self._signature: bytes | None = None
        #: the server has proven that it knows the password
        self.verified = False

    def first(self) -> bytes:
        """What the client sends first."""
        return (_GS2 + self._bare).encode()

    def answer(self, challenge: bytes) -> bytes:
        """The proof for a server's challenge; nothing for the one that carries its signature.

        Raises:
            ProtocolError: the challenge is none, or one that may not be answered.
        """
        if self._signature is not None:
            self.verify(challenge)
            return b""
        given = _fields(challenge)
        nonce, salt, rounds = given.get("r", ""), given.get("s", ""), given.get("i", "")
        if "m" in given or not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ProtocolError("SCRAM: the server answers another question than ours")
        if not rounds.isascii() or not rounds.isdigit() or not _LEAST_ROUNDS <= int(rounds[:9]) <= _MOST_ROUNDS:
            raise ProtocolError(f"SCRAM: the server wants {rounds[:20] or 'no'} rounds, which is too few or too many")
        salted = hashlib.pbkdf2_hmac(self._hash, self._password, _decoded(salt), int(rounds))
        without = f"c={base64.b64encode(_GS2.encode()).decode()},r={nonce}"
        signed = ",".join((self._bare, challenge.decode(), without)).encode()
        key = self._hmac(salted, b"Client Key")
        shown = self._hmac(hashlib.new(self._hash, key).digest(), signed)
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, shown, strict=True))).decode()
        self._signature = self._hmac(self._hmac(salted, b"Server Key"), signed)
        return f"{without},p={proof}".encode()

    def verify(self, last: bytes) -> None:
        """Hold the server's last word against what only somebody who knows the password can say.

        Raises:
            ProtocolError: the server did not prove itself.
        """
        told = _decoded(_fields(last).get("v", ""))
        if self._signature is None or not hmac.compare_digest(told, self._signature):
            raise ProtocolError("SCRAM: the server did not prove that it knows the password")
        self.verified = True

    def _hmac(self, key: bytes, data: bytes) -> bytes:
        return hmac.new(key, data, self._hash).digest()


def _fields(data: bytes) -> dict[str, str]:
    try:
        parts = data.decode("utf-8").split(",")
    except UnicodeDecodeError as error:
        raise ProtocolError("SCRAM: the server's message is no UTF-8") from error
    return {name: value for name, equals, value in (part.partition("=") for part in parts) if equals}


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ProtocolError("SCRAM: the server's message is no base64") from error
