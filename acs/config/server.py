"""`[server]`, `[store]`, `[api]`, `[log]`: the process and where it keeps things."""

import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from acs.config.base import FilePath, Network, Port, Seconds, Section, StoreUrl


class Role(StrEnum):
    """What this process serves."""

    #: The CWMP endpoint, without API or worker.
    CWMP = "cwmp"
    #: The northbound API.
    API = "api"
    #: Deadlines, connection requests, webhooks, retention.
    WORKER = "worker"
    #: All three in one process: the default for a network of up to some hundred thousand devices.
    ALL = "all"


class ServerSection(Section):
    """`[server]`: the process as a whole."""

    #: All roles in one process, because that needs no second machine.
    role: Role = Role.ALL
    #: Seconds that open sessions get to end after SIGTERM; a CPE's turn takes well under one second.
    grace_s: Seconds = 10.0


class StoreSection(Section):
    """`[store]`: where everything is kept."""

    #: `sqlite:///file` (relative to this file) or `postgresql://user@host/database`.
    url: StoreUrl = "sqlite:///secondline.db"
    #: File with the key that seals device credentials; `secondline serve` makes it when it is absent and the
    #: store is new. Keep it apart from backups of the store.
    vault_key_file: FilePath = Path("secondline.key")
    #: Milliseconds between batches of sessions under load: one disk write for all of a batch. A session that comes
    #: alone does not wait.
    commit_window_ms: Annotated[float, Field(ge=0, le=1000)] = 10.0


class ApiSection(Section):
    """`[api]`: the northbound HTTP API."""

    #: Loopback: tokens and subscribers' data go over it, and it speaks no TLS. Another address needs `proxies`.
    host: str = "127.0.0.1"
    #: Addresses of the proxies that end TLS in front of it (docs/proxies.md), such as "10.0.0.5/32": what they say of a
    #: caller's address is believed; our own machine always is.
    proxies: tuple[Network, ...] = ()
    #: The port that CLI and examples assume; 0 takes any free one.
    port: Port = 8080
    #: Requests per second of one token, on the long run: far above what a ticket system of a big region sends.
    rate_per_s: Annotated[float, Field(gt=0, le=100_000)] = 200.0
    #: Requests of one token that may come at once, before they are held to that rate.
    rate_burst: Annotated[int, Field(ge=1, le=1_000_000)] = 1_000

    @model_validator(mode="after")
    def _no_tokens_in_the_clear(self) -> Self:
        if not self.proxies and not _is_loopback(self.host):
            raise ValueError(
                f"host {self.host!r} can be reached from other machines, and the API speaks no TLS: tokens would go in "
                "the clear; put a proxy with TLS in front and list its address in api.proxies (docs/proxies.md), or "
                'write host = "127.0.0.1"'
            )
        return self


class LogSection(Section):
    """`[log]`: structured lines on standard error."""

    #: `debug`, `info`, `warning` or `error`; info is one line per session and per change.
    level: Annotated[str, Field(pattern="^(debug|info|warning|error)$")] = "info"


def _is_loopback(host: str) -> bool:
    """Whether only our own machine reaches an address; a name that is not `localhost` may be any."""
    try:
        return ipaddress.ip_address(host.strip("[]").partition("%")[0]).is_loopback
    except ValueError:
        return host.lower() == "localhost"
