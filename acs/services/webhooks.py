"""Webhooks: every message as a signed POST.

The rule of this file: a receiver believes the signature (`acs.services.signatures`) and drops repeats by
`X-Secondline-Delivery`; whatever it answers with 2xx is a yes.
"""

import json
from collections.abc import Callable, Mapping

import httpx

from acs.config import WebhooksSection, WebhookTarget, read_secret
from acs.services.clock import Clock, utc_now
from acs.services.deliveries import Target
from acs.services.outgoing import Outgoing, checked_url, taken
from acs.services.signatures import HEADER, signed
from acs.services.translation import translated_within
from acs.store.deliveries import Delivery
from acs.store.records import Json

#: what a message says became of something, in words; its other texts are codes, or in both languages
_SAID = frozenset({"detail"})


class WebhookSender:
    """Posts messages to one receiver."""

    def __init__(self, target: WebhookTarget, outgoing: Outgoing, timeout_s: float, clock: Clock) -> None:
        self._url = checked_url(target.url, f"webhooks.targets.{target.name}.url")
        self._secrets = secrets_of(target, f"webhooks.targets.{target.name}")
        self._language = target.language
        self._outgoing = outgoing
        self._timeout_s = timeout_s
        self._clock = clock

    async def send(self, delivery: Delivery) -> str:
        """Post one message; see `Sender.send`."""
        said = translated_within(delivery.body, _SAID, self._language)
        body = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Secondline-Event": delivery.event_type,
            "X-Secondline-Delivery": delivery.id,
            HEADER: signed(self._secrets, body, self._clock()),
        }
        return taken(
            await self._outgoing.call("POST", self._url, headers=headers, content=body, timeout_s=self._timeout_s)
        )


def webhook_targets(
    config: WebhooksSection, *, clock: Clock = utc_now, transport: httpx.AsyncBaseTransport | None = None
) -> list[Target]:
    """The receivers of the configuration.

    Raises:
        ConfigError: a url or a secret file is wrong.
    """
    outgoing = Outgoing(config.plain_networks, transport=transport)
    return [
        Target(target.name, WebhookSender(target, outgoing, config.timeout_s, clock), _wanted(target))
        for target in config.targets
    ]


def secrets_of(target: WebhookTarget, key: str) -> list[str]:
    """The key of a receiver, and the one that it is about to leave.

    Raises:
        ConfigError: a file cannot be read.
    """
    files = {"secret_file": target.secret_file, "old_secret_file": target.old_secret_file}
    return [read_secret(path, f"{key}.{name}") for name, path in files.items() if path is not None]


def _wanted(target: WebhookTarget) -> Callable[[str, Mapping[str, Json]], bool]:
    """Which events a receiver gets: all, or those that begin with what it lists."""

    def wants(event_type: str, _: Mapping[str, Json]) -> bool:
        return not target.events or event_type.startswith(target.events)

    return wants
