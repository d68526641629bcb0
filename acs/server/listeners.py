"""The ports of the CWMP endpoint: plain, behind a proxy with the PROXY protocol, and over TLS."""

import asyncio
import socket
import ssl

from acs.config import CwmpSection
from acs.server.http import Connection, Shared
from acs.server.origin import Origin
from acs.server.proxy import ProxyDoor
from acs.server.tls import TlsConnection, reload, server_context

#: Connections that wait to be taken: a town that comes back at once.
BACKLOG = 4096
#: Seconds that the kernel keeps a TLS connection on which nothing came: it costs nothing there.
_DEFERRED_S = 10


class Listeners:
    """The listening sockets of one endpoint."""

    def __init__(self, config: CwmpSection, shared: Shared) -> None:
        self._config = config
        self._shared = shared
        self._servers: list[asyncio.Server] = []
        self._context: ssl.SSLContext | None = None
        #: 0: nothing is served without TLS
        self.port = config.port if config.plain else 0
        self.tls_port: int | None = None

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: an address cannot be used.
            ConfigError: a file of `[cwmp.tls]` cannot be used.
        """
        loop = asyncio.get_running_loop()
        config, shared = self._config, self._shared
        tls = config.tls
        if tls.certificate_file is not None:
            self._context = server_context(tls)
        proxied = bool(config.proxy.trusted) and config.proxy.mode == "protocol"

        def connection(origin: Origin | None = None) -> Connection:
            return Connection(shared, loop, origin)

        def behind_proxy() -> ProxyDoor:
            return ProxyDoor(config.proxy, connection)

        if config.plain:
            plain = await loop.create_server(
                behind_proxy if proxied else connection, config.host, config.port, backlog=BACKLOG
            )
            self._servers.append(plain)
            self.port = _port(plain)
        if self._context is not None:
            secure = await loop.create_server(
                lambda: TlsConnection(shared, loop, tls), tls.host, tls.port, backlog=BACKLOG, ssl=self._context,
                ssl_handshake_timeout=tls.handshake_timeout_s,
            )  # fmt: skip
            self._servers.append(secure)
            self.tls_port = _port(secure)
            for each in secure.sockets:
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, _DEFERRED_S)

    def reload(self) -> None:
        """Read the certificates again; where they cannot be used the old ones stay."""
        if self._context is not None:
            reload(self._context, self._config.tls)

    def close(self) -> None:
        """Take no new connections."""
        for server in self._servers:
            server.close()


def _port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])
