"""Messages to other systems: written with what they tell of, sent at least once, signed, and never lost.

    pending ─→ delivered
       └─(tries used up)─→ failed: the dead letters, shown and sent again on request

The rule of this file: a message is stored in the transaction of the thing that it tells; nothing is sent from there.
The receiver checks `X-Secondline-Signature: t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of `<t>.<body>`, and drops
repeats by `X-Secondline-Delivery`.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import secrets
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import httpx
import structlog

from acs.config import WebhooksSection, WebhookTarget, read_secret
from acs.errors import ConfigError, InvalidInput
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.identifiers import new_id
from acs.store import webhooks as webhook_store
from acs.store.records import DeliveryState, Json, WebhookDelivery
from acs.store.store import Store
from acs.store.transaction import Transaction

#: deliveries sent in one pump, at most this many at the same time
_BATCH = 100
_AT_ONCE = 8
#: characters kept of what went wrong
_ERROR_CHARS = 300

log = structlog.get_logger()

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Webhooks:
    """The outbox and its sender."""

    def __init__(
        self,
        store: Store,
        config: WebhooksSection,
        *,
        clock: Clock = utc_now,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._transport = transport
        self._targets = {target.name: target for target in config.targets}
        self._secrets = {name: _secret_of(target) for name, target in self._targets.items()}
        self._wake = asyncio.Event()

    @property
    def names(self) -> Sequence[str]:
        """The configured targets."""
        return tuple(self._targets)

    async def enqueue(self, tx: Transaction, event_type: str, body: Mapping[str, Json], now: datetime) -> int:
        """Write one message per target in the caller's transaction and return how many there are."""
        for name in self._targets:
            delivery = WebhookDelivery(
                id=new_id(),
                hook=name,
                event_type=event_type,
                body=dict(body),
                state=DeliveryState.PENDING,
                created_at=now,
                next_at=now,
            )
            await webhook_store.add(tx, delivery)
        return len(self._targets)

    def wake(self) -> None:
        """Tell the sender that there is something to send; called after the transaction."""
        self._wake.set()

    async def run(self, idle_s: float = 1.0) -> None:
        """Send for ever: at once when woken, and every `idle_s` for retries; ends when it is cancelled."""
        while True:
            self._wake.clear()
            try:
                if await self.pump() >= _BATCH:
                    continue
            except Exception:  # the worker loop: a store that is away for a minute must not end the sending for good
                log.exception("webhooks.failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(idle_s):
                    await self._wake.wait()

    async def pump(self) -> int:
        """Send what is due and return how many deliveries were tried."""
        async with self._store.reading() as tx:
            due = await webhook_store.due(tx, self._clock(), limit=_BATCH)
        if not due:
            return 0
        limit = asyncio.Semaphore(_AT_ONCE)
        timeout = httpx.Timeout(self._config.timeout_s)
        async with (
            # no proxy and no .netrc of the environment: the message goes to the address that was checked
            httpx.AsyncClient(
                transport=self._transport, timeout=timeout, follow_redirects=False, trust_env=False
            ) as client,
            asyncio.TaskGroup() as group,
        ):
            for delivery in due:
                group.create_task(self._deliver(client, delivery, limit))
        return len(due)

    async def list(self, actor: Actor, state: DeliveryState | None = None, limit: int = 100) -> list[WebhookDelivery]:
        """Deliveries, newest first; `failed` are the dead letters."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            states = None if state is None else (state,)
            return await webhook_store.list_deliveries(tx, states=states, limit=limit)

    async def _deliver(self, client: httpx.AsyncClient, delivery: WebhookDelivery, limit: asyncio.Semaphore) -> None:
        async with limit:
            claimed_until = self._clock() + timedelta(seconds=2 * self._config.timeout_s)
            async with self._store.transaction() as tx:
                if not await webhook_store.claim(tx, delivery.id, delivery.attempts, claimed_until):
                    return
            problem = await self._send(client, delivery)
        now, attempts = self._clock(), delivery.attempts + 1
        given_up = attempts >= self._config.attempts
        retry_at = None if given_up else now + timedelta(seconds=self._pause_s(attempts))
        async with self._store.transaction() as tx:
            if problem:
                await webhook_store.mark_failed(tx, delivery.id, now, problem[:_ERROR_CHARS], retry_at=retry_at)
            else:
                await webhook_store.mark_delivered(tx, delivery.id, now)
        if problem:
            log.warning("webhook.failed", target=delivery.hook, attempts=attempts, problem=problem[:_ERROR_CHARS])

    async def _send(self, client: httpx.AsyncClient, delivery: WebhookDelivery) -> str:
        """What went wrong; empty when the receiver took it."""
        target = self._targets.get(delivery.hook)
        if target is None:
            return f"no target is called {delivery.hook!r} any more; add it to [webhooks] or leave it here"
        body = json.dumps(delivery.body, ensure_ascii=False, separators=(",", ":")).encode()
        stamp = int(self._clock().timestamp())
        headers = {
            "Content-Type": "application/json",
            "X-Secondline-Event": delivery.event_type,
            "X-Secondline-Delivery": delivery.id,
            "X-Secondline-Signature": f"t={stamp},v1={signature(self._secrets[target.name], stamp, body)}",
        }
        try:
            async with asyncio.timeout(self._config.timeout_s):
                await self._check_target(target)
                # what the receiver writes back is not read: it may be endless
                async with client.stream("POST", target.url, content=body, headers=headers) as answer:
                    pass
        except (httpx.HTTPError, InvalidInput, OSError, TimeoutError) as error:
            return f"{type(error).__name__}: {error}"
        return "" if answer.is_success else f"HTTP {answer.status_code}"

    async def _check_target(self, target: WebhookTarget) -> None:
        """Refuse a target without TLS outside of the networks that may have it, and addresses that are no host's."""
        parts = urlsplit(target.url)
        host = parts.hostname or ""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, parts.port or 443, type=socket.SOCK_STREAM)
        for address in {ipaddress.ip_address(str(entry[4][0]).split("%")[0]) for entry in found}:
            if address.is_link_local or address.is_multicast or address.is_unspecified:
                raise InvalidInput(f"webhook {target.name}: {host} is {address}, which is no receiver; mend its url")
            if parts.scheme != "https" and not self._may_be_plain(address):
                raise InvalidInput(
                    f"webhook {target.name}: {address} needs https; "
                    "use it, or list the network in webhooks.plain_networks"
                )

    def _may_be_plain(self, address: Address) -> bool:
        return any(address in network for network in self._config.plain_networks)

    def _pause_s(self, attempts: int) -> float:
        pause = min(self._config.retry_s * 2.0 ** min(attempts - 1, 30), self._config.retry_max_s)
        return pause * (0.8 + 0.4 * secrets.randbelow(1000) / 1000)


def signature(secret: str, stamp: int, body: bytes) -> str:
    """The HMAC-SHA256 over time and body, in hexadecimal."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def _secret_of(target: WebhookTarget) -> str:
    parts = urlsplit(target.url)
    if parts.username or parts.password or not parts.hostname:
        raise ConfigError(f"webhooks.targets.{target.name}.url: write scheme, host and path, without user or password")
    return read_secret(target.secret_file, f"webhooks.targets.{target.name}.secret_file")
