"""TLS for CPEs: one context of the server, whose files can be read again while it serves.

The one rule: a file that cannot be used stops the start, but never a server that runs: it goes on with the old one.
"""

import asyncio
import ssl
from pathlib import Path
from typing import Final

import structlog

from acs.config import TlsSection
from acs.errors import ConfigError
from acs.server.http import Connection, Shared
from acs.server.origin import Origin, name_in

log = structlog.get_logger()

_VERSIONS: Final = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}


class TlsConnection(Connection):
    """A connection over TLS: its origin is known once the handshake is over."""

    __slots__ = ("_device_in",)

    def __init__(self, shared: Shared, loop: asyncio.AbstractEventLoop, config: TlsSection) -> None:
        super().__init__(shared, loop)
        self._device_in = config.device_in

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The handshake is over."""
        peer = transport.get_extra_info("peername")
        name = name_in(transport.get_extra_info("peercert"), self._device_in)
        self.origin = Origin(peer[0] if peer else "", tls=True, certificate=name)
        super().connection_made(transport)


def server_context(config: TlsSection) -> ssl.SSLContext:
    """The context of a server with the configured certificates; sessions may be resumed by tickets.

    Raises:
        ConfigError: a file is missing or cannot be used; the message names its key.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = _VERSIONS[config.minimum_version]
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 1  # a CPE opens one connection at a time; each ticket costs both sides
    if config.ciphers is not None:
        _use("cwmp.tls.ciphers", config.ciphers, lambda: context.set_ciphers(config.ciphers or ""))
    elif config.minimum_version in ("1.0", "1.1"):
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL 3 signs nothing for old versions above this level
    load(context, config)
    return context


def load(context: ssl.SSLContext, config: TlsSection) -> None:
    """Put the certificates of the files into a context; new handshakes use them.

    Raises:
        ConfigError: a file is missing or cannot be used; the message names its key.
    """
    pairs = (
        ("cwmp.tls.certificate_file", config.certificate_file, config.key_file),
        ("cwmp.tls.second_certificate_file", config.second_certificate_file, config.second_key_file),
    )
    for name, certificate, key in pairs:
        if certificate is not None:
            _use(name, certificate, lambda c=certificate, k=key: context.load_cert_chain(c, k))
    authorities = config.client_ca_file
    if authorities is not None:
        _use("cwmp.tls.client_ca_file", authorities, lambda: context.load_verify_locations(authorities))
        context.verify_mode = ssl.CERT_OPTIONAL
    revoked = config.client_crl_file
    if revoked is not None:
        _use("cwmp.tls.client_crl_file", revoked, lambda: context.load_verify_locations(revoked))
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF


def reload(context: ssl.SSLContext, config: TlsSection) -> bool:
    """Read the files again; False, and a line in the log, where they cannot be used: the old ones stay."""
    try:
        server_context(config)  # first beside the one that serves: half a change would be worse than none
        load(context, config)
    except ConfigError as error:
        log.error("tls.not_reloaded", error=str(error))
        return False
    log.info("tls.reloaded")
    return True


def _use(key: str, value: Path | str, work: object) -> None:
    assert callable(work)
    try:
        work()
    except (OSError, ssl.SSLError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(
            f"{key}: {value} cannot be used ({reason}); write a PEM file with its matching key"
        ) from error
