"""The one way out to other people's HTTP servers: the address is checked, and it is the checked address that is called.

The rule of this file: no redirect is followed, no proxy of the environment used, no answer read beyond its limit;
what went wrong is told as the fault that decides what follows.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from acs.errors import ConfigError, InvalidInput
from acs.services.deliveries import Fault, NotTaken

#: characters of an answer that errors quote
_QUOTED = 200
#: answers that a later try may change: the server is busy, or somebody has to mend a key or an address
_LATER = frozenset({401, 403, 404, 408, 409, 423, 425, 429})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered; the body as far as it was wanted."""

    status: int
    body: bytes
    retry_after_s: float | None = None
    #: the version of what was read, as the server names it; empty where it does not
    etag: str = ""

    @property
    def said(self) -> str:
        """In a few words."""
        text = self.body[: 4 * _QUOTED].decode("utf-8", "replace").strip()
        return f"HTTP {self.status}" + (f": {' '.join(text.split())[:_QUOTED]}" if text and self.status >= 400 else "")


class Outgoing:
    """Calls servers. `plain_networks`: those that may be called without TLS, our own machine included."""

    def __init__(
        self,
        plain_networks: Iterable[Network],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        verify: ssl.SSLContext | bool = True,
        key: str = "webhooks.plain_networks",
    ) -> None:
        self._plain = tuple(plain_networks)
        self._transport = transport
        self._verify = verify
        self._key = key

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout_s: float = 10.0,
        most_bytes: int = 0,
    ) -> Reply:
        """Make one call and return the answer, whatever its status; `most_bytes` of its body are read.

        Raises:
            NotTaken: nobody answered (`away`), or the address is none that may be called (`later`: mend it).
        """
        try:
            async with asyncio.timeout(timeout_s):
                address = await self._checked(url)
                return await self._call(method, url, address, dict(headers or {}), content, timeout_s, most_bytes)
        except InvalidInput as error:
            raise NotTaken(str(error)) from error
        except TimeoutError as error:
            raise NotTaken(f"no answer within {timeout_s:g} s from {_place(url)}", Fault.AWAY) from error
        except (httpx.HTTPError, OSError) as error:
            raise NotTaken(_unreached(url, error), Fault.AWAY) from error

    async def _call(
        self,
        method: str,
        url: str,
        address: Address,
        headers: dict[str, str],
        content: bytes,
        timeout_s: float,
        most_bytes: int,
    ) -> Reply:
        asked = httpx.URL(url)
        headers.setdefault("Host", asked.netloc.decode())
        at_address = asked.copy_with(host=str(address))
        async with (
            httpx.AsyncClient(
                transport=self._transport,
                timeout=timeout_s,
                follow_redirects=False,
                trust_env=False,
                verify=self._verify,
            ) as client,
            client.stream(
                method, at_address, content=content, headers=headers, extensions={"sni_hostname": asked.host}
            ) as answer,
        ):
            body = await _read(answer, most_bytes)
            return Reply(answer.status_code, body, _retry_after_s(answer), answer.headers.get("ETag", ""))

    async def _checked(self, url: str) -> Address:
        """The address to call: none that is no host's, ours only where listed, without TLS only where listed."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
        addresses = [ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found]
        for address in addresses:
            if address.is_link_local or address.is_multicast or address.is_unspecified:
                raise InvalidInput(f"{_named(host, address)} is no host's address; mend the url")
            listed = any(address in network for network in self._plain)
            if address.is_loopback and not listed:
                raise InvalidInput(f'{_named(host, address)} is this very machine; add "{address}" to {self._key}')
            if parts.scheme != "https" and not listed:
                key = self._key
                raise InvalidInput(f"{_named(host, address)} is called without TLS; use https, or add it to {key}")
        return addresses[0]


def _named(host: str, address: Address) -> str:
    return host if host == str(address) else f"{host} ({address})"


def _place(url: str) -> str:
    return httpx.URL(url).netloc.decode()


def _unreached(url: str, error: Exception) -> str:
    """Why nobody was reached, and where to look."""
    place, why = _place(url), str(error) or type(error).__name__
    if isinstance(error, socket.gaierror):
        return f"there is no host {httpx.URL(url).host} ({why}); mend the url, or the name server of this machine"
    if "SSL" in why or "certificate" in why:
        return f"TLS with {place} failed ({why}); mend its certificate, or name what it is checked against"
    if isinstance(error, httpx.ConnectError | ConnectionRefusedError):
        return f"nobody answers at {place} ({why}); see that it runs and that no firewall stands between"
    return f"{place} broke off: {type(error).__name__}: {why}"


def checked_url(url: str, key: str) -> str:
    """Return the url of a receiver.

    Raises:
        ConfigError: it names no host, or holds a user or password.
    """
    parts = urlsplit(url)
    if parts.username or parts.password or not parts.hostname:
        raise ConfigError(f"{key}: write scheme, host and path, without user or password")
    return url


def fault_of(status: int) -> Fault | None:
    """What an HTTP status says of a message: None for taken."""
    if 200 <= status < 300:
        return None
    return Fault.LATER if status >= 500 or status < 400 or status in _LATER else Fault.REFUSED


def taken(reply: Reply) -> str:
    """What was answered, in a few words.

    Raises:
        NotTaken: it was no yes.
    """
    fault = fault_of(reply.status)
    if fault is not None:
        raise NotTaken(reply.said, fault, reply.retry_after_s)
    return reply.said


async def _read(answer: httpx.Response, most_bytes: int) -> bytes:
    """The beginning of a body; of what we do not want nothing is read, for it may be endless."""
    if not most_bytes:
        return b""
    body = bytearray()
    async for part in answer.aiter_bytes():
        body += part
        if len(body) > most_bytes:
            break
    return bytes(body[:most_bytes])


def _retry_after_s(answer: httpx.Response) -> float | None:
    text = answer.headers.get("Retry-After", "")
    return float(text) if text.isdecimal() and len(text) < 7 else None
