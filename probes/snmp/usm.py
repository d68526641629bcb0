"""The user-based security of SNMPv3: keys, authentication, privacy (RFC 3414, RFC 3826, RFC 7860). Pure.

For notifications, which come by the thousand: a trap with authentication and privacy costs some tens of microseconds
here, and two milliseconds in pysnmp. The tests hold it against net-snmp and against pysnmp.
"""

import functools
import hashlib
import hmac
from collections.abc import Iterator
from itertools import islice

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from probes.snmp.target import V3User

#: protocol → (hash, bytes of the code in a message)
_AUTH = {
    "md5": ("md5", 12),
    "sha": ("sha1", 12),
    "sha224": ("sha224", 16),
    "sha256": ("sha256", 24),
    "sha384": ("sha384", 32),
    "sha512": ("sha512", 48),
}
_KEY_BYTES = {"des": 16, "aes128": 16, "aes192": 24, "aes256": 32}
#: the stretch of the repeated password that is hashed (RFC 3414 §A.2)
_STRETCH = 1_048_576


class WrongKey(ValueError):
    """A message that was not made with this user's keys."""


def code_bytes(user: V3User) -> int:
    """Bytes of the authentication code in a message of this user."""
    return _AUTH[user.auth][1]


def code(user: V3User, engine: bytes, message: bytes) -> bytes:
    """The authentication code of a message in which the place of the code is zero."""
    name, size = _AUTH[user.auth]
    return hmac.digest(_localized(user.auth, user.auth_password, engine), message, name)[:size]


def verify(user: V3User, engine: bytes, message: bytes, at: int, given: bytes) -> None:
    """Check the code that stands at a position of a message.

    Raises:
        WrongKey: it is another one.
    """
    blank = message[:at] + bytes(len(given)) + message[at + len(given) :]
    if not hmac.compare_digest(code(user, engine, blank), given):
        raise WrongKey(f"user {user.name!r}: the message was made with another password or protocol, or was changed")


def decrypted(user: V3User, engine: bytes, boots: int, time_s: int, salt: bytes, data: bytes) -> Iterator[bytes]:
    """What hidden bytes may mean: the longer keys of AES-192 and AES-256 are made in two ways, and one is right.

    The position of the right one is the `way` in which an answer is hidden.
    """
    if len(salt) != 8:
        raise WrongKey(f"user {user.name!r}: privacy parameters of {len(salt)} bytes, 8 belong there")
    for key in _privacy_keys(user, engine):
        if user.privacy == "des":
            yield _des(key, salt, data)
        else:
            decryptor = Cipher(AES(key), CFB(_iv(boots, time_s, salt))).decryptor()
            yield decryptor.update(data) + decryptor.finalize()


def encrypted(user: V3User, engine: bytes, boots: int, time_s: int, salt: bytes, data: bytes, *, way: int = 0) -> bytes:
    """Bytes hidden for this user."""
    key = next(islice(_privacy_keys(user, engine), way, None))
    if user.privacy == "des":
        vector = bytes(a ^ b for a, b in zip(key[8:16], salt, strict=True))
        encryptor = Cipher(TripleDES(key[:8] * 3), CBC(vector)).encryptor()
        return encryptor.update(data + bytes(-len(data) % 8)) + encryptor.finalize()
    encryptor = Cipher(AES(key), CFB(_iv(boots, time_s, salt))).encryptor()
    return encryptor.update(data) + encryptor.finalize()


def _des(key: bytes, salt: bytes, data: bytes) -> bytes:
    if len(data) % 8:
        raise WrongKey("hidden bytes that are no whole blocks of DES")
    vector = bytes(a ^ b for a, b in zip(key[8:16], salt, strict=True))
    decryptor = Cipher(TripleDES(key[:8] * 3), CBC(vector)).decryptor()
    return decryptor.update(data) + decryptor.finalize()


def _iv(boots: int, time_s: int, salt: bytes) -> bytes:
    return (boots & 0xFFFFFFFF).to_bytes(4, "big") + (time_s & 0xFFFFFFFF).to_bytes(4, "big") + salt


def _privacy_keys(user: V3User, engine: bytes) -> Iterator[bytes]:
    """The key; where the hash is too short for it, first as RFC drafts make it longer, then as one vendor began."""
    size = _KEY_BYTES[user.privacy]
    name = _AUTH[user.auth][0]
    key = _localized(user.auth, user.privacy_password, engine)
    if len(key) >= size:
        yield key[:size]
        return
    longer = key
    while len(longer) < size:
        longer += hashlib.new(name, longer).digest()
    yield longer[:size]
    yield _chained(user.auth, user.privacy_password, engine, size)


@functools.lru_cache(maxsize=4096)
def _localized(auth: str, password: str, engine: bytes) -> bytes:
    """The key of a password at one engine (RFC 3414 §2.6)."""
    return _at_engine(auth, _master(auth, password.encode()), engine)


@functools.lru_cache(maxsize=1024)
def _chained(auth: str, password: str, engine: bytes, size: int) -> bytes:
    """The longer key of draft-reeder-snmpv3-usm-3desede: each part is the key of the part before as a password."""
    part = _localized(auth, password, engine)
    key = part
    while len(key) < size:
        part = _at_engine(auth, _master(auth, part), engine)
        key += part
    return key[:size]


def _at_engine(auth: str, master: bytes, engine: bytes) -> bytes:
    return hashlib.new(_AUTH[auth][0], master + engine + master).digest()


@functools.lru_cache(maxsize=4096)
def _master(auth: str, password: bytes) -> bytes:
    """The key of a password (RFC 3414 §A.2): a hash of a megabyte, so it is kept."""
    repeated = password * (_STRETCH // len(password) + 1)
    return hashlib.new(_AUTH[auth][0], repeated[:_STRETCH]).digest()
