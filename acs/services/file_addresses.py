"""Addresses of transfers: signed, short enough for every CPE, on the host as the device reaches it. Pure.

The rule of this file: an address names one transfer of one device, and only our key can make one.
"""

import hashlib
import hmac
import json
import re
from typing import Final
from urllib.parse import quote

from acs.config import FilesSection
from acs.errors import InvalidInput
from acs.services.own_address import own_address
from acs.store.files import Direction, FileRecord, TransferRecord
from acs.store.records import DeviceRecord

#: Length of an address that TR-069 allows (A.3.2.8).
URL_LENGTH: Final = 256
#: Characters of a file's name that stand in its address: the end, for some CPEs go by its extension.
_NAME_IN_URL: Final = 60


class FileAddresses:
    """Makes addresses and knows its own."""

    def __init__(self, config: FilesSection, key: bytes) -> None:
        self._config = config
        self._key = key
        #: the port that is served, once it is; (plain, TLS)
        self.ports: tuple[int | None, int | None] = (None, None)

    def url(self, base: str, transfer: TransferRecord, file: FileRecord | None) -> str:
        """The address of a transfer; `base`: see `base_for`.

        Raises:
            InvalidInput: it would be longer than CPEs take.
        """
        url = f"{base}/{transfer.id}/{self.signature(transfer)}/{_name_in_url(file)}"
        if len(url) > URL_LENGTH:
            raise InvalidInput(f"files.public_url: an address would have {len(url)} characters; CPEs take {URL_LENGTH}")
        return url

    def is_signed(self, transfer: TransferRecord, signature: str) -> bool:
        """Whether a signature is ours for this transfer."""
        return hmac.compare_digest(self.signature(transfer).encode(), signature.encode())

    def signature(self, transfer: TransferRecord) -> str:
        """What only our key can make of this transfer: its device, file, direction and end."""
        file = transfer.file if transfer.direction is Direction.DOWNLOAD else None  # an upload's comes later
        parts = (transfer.id, transfer.device, transfer.direction.value, file or "", transfer.expires_at.isoformat())
        return hmac.new(self._key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()[:40]

    def base_for(self, device: DeviceRecord) -> str:
        """The beginning of addresses for this device, as far as the folder of its transfers.

        Raises:
            InvalidInput: nothing names the file server.
        """
        if self._config.public_url is not None:
            return self._config.public_url.rstrip("/") + "/files"
        plain, tls = self.ports
        secure = self._config.tls_certificate_file is not None
        port = (tls or self._config.tls_port) if secure else (plain or self._config.port)
        host = self._config.host if self._config.host not in ("0.0.0.0", "::", "") else own_address(device.address)
        if not host or not port:
            raise InvalidInput(
                "files.public_url is not set, and how the device reaches this host is not known; write the address "
                "that devices see, such as http://files.example.net:7549"
            )
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if secure else 'http'}://{shown}:{port}/files"


def _name_in_url(file: FileRecord | None) -> str:
    if file is None:
        return "upload"
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", file.name)[-_NAME_IN_URL:].lstrip(".")
    return quote(plain or "file")
