"""Webhooks: signed with every key, never to a place that is no receiver, and nothing read that nobody wants."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.config import WebhooksSection
from acs.errors import ConfigError
from acs.services.actor import local_actor
from acs.services.deliveries import Deliveries
from acs.services.signatures import HEADER
from acs.services.webhooks import webhook_targets
from acs.store.deliveries import DeliveryState

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
HERE = ("127.0.0.0/8",)


def section(folder: Path, url: str = "http://127.0.0.1:9/hook", **more: Any) -> WebhooksSection:
    target = {"name": "crm", "url": url, "secret_file": secret(folder, "secret", "hush"), **more.pop("target", {})}
    return WebhooksSection.model_validate({"targets": (target,), "plain_networks": HERE, **more}, strict=False)


def secret(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(f"{text}\n")
    path.chmod(0o600)
    return path


def taking(got: list[httpx.Request]) -> Callable[[httpx.Request], httpx.Response]:
    """A receiver that takes everything."""

    def take(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(204)

    return take


async def sent(
    app: App, config: WebhooksSection, answer: Callable[[httpx.Request], httpx.Response] | None = None
) -> Deliveries:
    """An outbox from which one verdict was sent."""
    deliveries = Deliveries(app.store, config, clock=lambda: START)
    transport = None if answer is None else httpx.MockTransport(answer)
    for target in webhook_targets(config, clock=lambda: START, transport=transport):
        deliveries.add(target)
    async with app.store.transaction() as tx:
        await deliveries.enqueue(tx, "line_test.verdict", {"ticket": "TT-1", "text": "обрыв"}, START)
    await deliveries.pump()
    return deliveries


async def test_a_message_is_signed_over_time_and_body_with_both_keys(app_on_both: App, tmp_path: Path) -> None:
    got: list[httpx.Request] = []
    config = section(tmp_path, target={"old_secret_file": secret(tmp_path, "old", "hist")})
    deliveries = await sent(app_on_both, config, taking(got))
    body = got[0].read()
    stamp, new, old = got[0].headers[HEADER].split(",")
    assert stamp == f"t={int(START.timestamp())}"
    for key, given in ((b"hush", new), (b"hist", old)):
        assert given == "v1=" + hmac.new(key, stamp[2:].encode() + b"." + body, hashlib.sha256).hexdigest()
    assert got[0].headers["X-Secondline-Event"] == "line_test.verdict"
    listed = await deliveries.list(local_actor())
    assert [(one.state, one.id) for one in listed] == [
        (DeliveryState.DELIVERED, got[0].headers["X-Secondline-Delivery"])
    ]


async def test_a_receiver_gets_the_events_that_it_lists(app: App, tmp_path: Path) -> None:
    config = section(tmp_path, target={"events": ("outage.",)})
    assert not await (await sent(app, config)).list(local_actor())


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://192.0.2.9/hook", "192.0.2.9 is called without TLS; use https"),
        ("https://169.254.169.254/latest", "is no host's address; mend the url"),
        ("https://224.0.0.1/hook", "is no host's address; mend the url"),
        ("https://[::1]/hook", '::1 is this very machine; add "::1" to webhooks.plain_networks'),
        ("https://127.0.0.1/hook", ""),
    ],
)
async def test_a_place_that_is_no_receiver_is_never_called(app: App, tmp_path: Path, url: str, told: str) -> None:
    calls: list[httpx.Request] = []
    config = section(tmp_path, url)
    deliveries = await sent(app, config, taking(calls))
    assert bool(calls) is (not told)
    assert told in (await deliveries.list(local_actor()))[0].last_error


async def test_the_address_that_was_checked_is_called_under_the_name(app: App, tmp_path: Path) -> None:
    asked: list[httpx.Request] = []
    config = section(tmp_path, "http://localhost:9/hook", plain_networks=("127.0.0.0/8", "::1/128"))
    await sent(app, config, taking(asked))
    assert asked[0].url.host in ("127.0.0.1", "::1")
    assert asked[0].headers["Host"] == "localhost:9"
    assert asked[0].extensions["sni_hostname"] == "localhost"


async def test_a_redirect_is_not_followed(app: App, tmp_path: Path) -> None:
    asked: list[str] = []

    def lead_away(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"Location": "http://169.254.169.254/latest"})

    deliveries = await sent(app, section(tmp_path), lead_away)
    assert asked == ["http://127.0.0.1:9/hook"]
    assert (await deliveries.list(local_actor()))[0].last_error == "HTTP 307"


async def test_an_endless_answer_is_not_read(app: App, tmp_path: Path) -> None:
    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65_536

    async with asyncio.timeout(60):
        deliveries = await sent(app, section(tmp_path), lambda _: httpx.Response(200, stream=Endless()))
    assert (await deliveries.list(local_actor()))[0].state is DeliveryState.DELIVERED


async def test_proxies_of_the_environment_are_not_used(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1/")
    seen: list[bytes] = []

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    await sent(app, section(tmp_path, f"http://127.0.0.1:{port}/hook"))
    server.close()
    assert seen == [b"POST /hook HTTP/1.1\r\n"]


def test_a_url_with_a_password_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without user or password"):
        webhook_targets(section(tmp_path, "https://user:secret@example.net/"))
