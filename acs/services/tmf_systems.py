"""The calls to a ticket system with TMF621: read a ticket, change it, make one, listen to its hub.

The rule of this file: every answer that is no yes is a `NotTaken` with the fault that decides what follows; a ticket
that changed between reading and writing is read again by the caller.
"""

import base64
import json
import ssl
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from acs.config import TicketSystemSection, read_secret
from acs.errors import ConfigError
from acs.services.deliveries import Fault, NotTaken
from acs.services.outgoing import Outgoing, Reply, checked_url, taken
from acs.services.tmf.ticket_patches import TicketVersion, external_ids

#: bytes of a ticket that are read; attachments may stand in it
_TICKET_BYTES = 8_000_000
#: tickets of one look for one of ours
_FOUND = 20
#: answers of a proxy whose server is away
_PROXY_AWAY = (502, 503, 504)
#: the ticket is another one than was read
_CHANGED = (409, 412)


class TicketSystem:
    """One ticket system."""

    def __init__(
        self,
        config: TicketSystemSection,
        plain_networks: tuple[IPv4Network | IPv6Network, ...],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        key = f"tmf.ticket_systems.{config.name}"
        self._url = checked_url(config.url, f"{key}.url").rstrip("/")
        self._timeout_s = config.timeout_s
        self._credential = _credential(config, key)
        self._outgoing = Outgoing(
            plain_networks, transport=transport, verify=_trust(config, key), key="tmf.plain_networks"
        )
        self.version = TicketVersion(config.version)

    async def ticket(self, id_: str) -> tuple[dict[str, Any], str]:
        """A ticket as it is now, and its version (empty where the system names none).

        Raises:
            NotTaken: it could not be read.
        """
        reply = await self._call("GET", f"/troubleTicket/{quote(id_, safe='')}")
        return _object(reply), reply.etag

    async def patch(self, id_: str, body: Mapping[str, Any], etag: str) -> str | None:
        """Change a ticket and say what was answered; None where it is another one than was read.

        Raises:
            NotTaken: it was not changed, or nobody knows.
        """
        headers = {"If-Match": etag} if etag else {}
        reply = await self._send("PATCH", f"/troubleTicket/{quote(id_, safe='')}", body, headers)
        return None if reply.status in _CHANGED else _taken(reply)

    async def find(self, key: str) -> str | None:
        """The id of the ticket that we made under a key; None where there is none.

        Raises:
            NotTaken: nobody knows.
        """
        member = "externalId" if self.version is TicketVersion.V4 else "externalIdentifier.id"
        query = urlencode({member: key, "limit": _FOUND})
        reply = await self._call("GET", f"/troubleTicket?{query}")
        found = _json(reply)
        for ticket in found if isinstance(found, list) else []:
            if isinstance(ticket, dict) and key in external_ids(ticket) and ticket.get("id"):
                return str(ticket["id"])
        return None

    async def create(self, body: Mapping[str, Any]) -> str:
        """Make a ticket and return its id.

        Raises:
            NotTaken: it was not made, or nobody knows: look with `find`.
        """
        return await self._made("/troubleTicket", body)

    async def subscribe(self, callback: str) -> str:
        """Listen to its hub and return the id of that.

        Raises:
            NotTaken: it was not taken, or nobody knows.
        """
        body = {"callback": callback} | ({"@type": "Hub"} if self.version is TicketVersion.V5 else {})
        return await self._made("/hub", body)

    async def unsubscribe(self, id_: str) -> None:
        """Listen no more; what is not there any more is no fault.

        Raises:
            NotTaken: nobody knows.
        """
        reply = await self._send("DELETE", f"/hub/{quote(id_, safe='')}", None, {})
        if reply.status not in (404, 410):
            _taken(reply)

    async def _made(self, path: str, body: Mapping[str, Any]) -> str:
        reply = await self._send("POST", path, body, {})
        _taken(reply)
        made = _object(reply)
        if not made.get("id"):
            raise NotTaken(f"POST {path}: the answer names no id, so what was made cannot be found again")
        return str(made["id"])

    async def _call(self, method: str, path: str) -> Reply:
        reply = await self._send(method, path, None, {})
        _taken(reply)
        return reply

    async def _send(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Reply:
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        merge = method == "PATCH" and self.version is TicketVersion.V5
        kind = "application/merge-patch+json" if merge else "application/json;charset=utf-8"
        sent = {"Accept": "application/json", **self._credential, **headers}
        return await self._outgoing.call(
            method,
            self._url + path,
            headers={**sent, "Content-Type": kind} if body is not None else sent,
            content=content,
            timeout_s=self._timeout_s,
            most_bytes=_TICKET_BYTES,
        )


def _taken(reply: Reply) -> str:
    if reply.status in _PROXY_AWAY:
        raise NotTaken(reply.said, Fault.AWAY, reply.retry_after_s)
    return taken(reply)


def _object(reply: Reply) -> dict[str, Any]:
    found = _json(reply)
    if not isinstance(found, dict):
        raise NotTaken("the answer is no JSON object; is the url that of its TMF621?")
    return found


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        raise NotTaken("the answer is no JSON, or longer than is read; is the url that of its TMF621?") from None


def _credential(config: TicketSystemSection, key: str) -> dict[str, str]:
    if config.token_file is not None:
        return {"Authorization": f"Bearer {read_secret(config.token_file, f'{key}.token_file')}"}
    if config.username is None or config.password_file is None:
        return {}
    password = read_secret(config.password_file, f"{key}.password_file")
    told = base64.b64encode(f"{config.username}:{password}".encode()).decode()
    return {"Authorization": f"Basic {told}"}


def _trust(config: TicketSystemSection, key: str) -> ssl.SSLContext | bool:
    if config.ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(config.ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(f"{key}.ca_file: {config.ca_file} holds no certificates ({error}); write PEM") from error
