"""Secrets at rest: sealed with Fernet (AES-128-CBC and HMAC-SHA-256); the key is a file that only the server reads."""

import hashlib
import hmac
import os
import stat
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from acs.errors import ConfigError, StoreError


class Vault:
    """Seals and opens small secrets with one key."""

    def __init__(self, key: bytes) -> None:
        self._fernet = Fernet(key)
        self._mac_key = hashlib.blake2b(key, digest_size=32, person=b"audit seals").digest()

    @classmethod
    def from_file(cls, path: Path | str) -> "Vault":
        """Return the vault of a key file.

        Raises:
            ConfigError: the file is missing, unreadable, readable by others, or holds no key.
        """
        path = Path(path)
        try:
            mode = path.stat().st_mode
            key = path.read_bytes().strip()
        except FileNotFoundError as error:
            raise ConfigError(
                f"vault key file {path} does not exist; create one (`secondline serve` does so for a new store), "
                "or bring back the one that this store was written with: without it stored passwords cannot be read"
            ) from error
        except OSError as error:
            raise ConfigError(
                f"vault key file {path} cannot be read: {error.strerror}; run this as the user that owns it"
            ) from error
        if stat.S_IMODE(mode) & 0o077:
            raise ConfigError(f"vault key file {path} can be read by others; run: chmod 600 {path}")
        try:
            return cls(key)
        except ValueError as error:
            raise ConfigError(
                f"vault key file {path} holds no key: a Fernet key is 32 bytes in URL-safe base64 (44 characters)"
            ) from error

    @classmethod
    def create(cls, path: Path | str) -> "Vault":
        """Write a new key to a file that must not exist, readable by its owner alone (0600), and return its vault.

        Raises:
            ConfigError: the file exists already, or cannot be written.
        """
        path = Path(path)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise ConfigError(f"vault key file {path} exists already; it is never overwritten") from error
        except OSError as error:
            raise ConfigError(f"vault key file {path} cannot be written: {error.strerror}") from error
        key = Fernet.generate_key()
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(key + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:  # a part of a key is none, and would be in the way of the next try
            path.unlink(missing_ok=True)
            raise ConfigError(f"vault key file {path} cannot be written: {error.strerror}") from error
        return cls(key)

    @classmethod
    def open_or_create(cls, path: Path | str) -> "Vault":
        """Return the vault of the file, after writing a new key if there is no such file."""
        return cls.from_file(path) if Path(path).exists() else cls.create(path)

    def seal(self, secret: bytes) -> bytes:
        """Return the secret sealed; every call gives other bytes."""
        return self._fernet.encrypt(secret)

    def mac(self, text: str) -> str:
        """Return a seal of what is no secret: it proves that somebody with this key wrote it (HMAC-SHA-256)."""
        return hmac.new(self._mac_key, text.encode(), hashlib.sha256).hexdigest()

    def is_mac(self, text: str, seal: str) -> bool:
        """Whether the seal is that of the text."""
        return hmac.compare_digest(self.mac(text), seal)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed.

        Raises:
            StoreError: it was sealed with another key, or is damaged.
        """
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken as error:
            raise StoreError(
                "a stored secret does not open with this vault key: the store was written with another key file; "
                "bring that file back, or enter the secret again"
            ) from error
