"""Webhooks: signed, at least once, put aside after the last try, and never to a place that is no receiver."""

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from acs.app import App
from acs.config import WebhooksSection
from acs.errors import ConfigError
from acs.services.actor import local_actor
from acs.services.webhooks import Webhooks
from acs.store.records import DeliveryState

START = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def section(folder: Path, url: str = "http://127.0.0.1:9/hook", **more: object) -> WebhooksSection:
    (folder / "secret").write_text("hush\n")
    (folder / "secret").chmod(0o600)
    target = {"name": "crm", "url": url, "secret_file": folder / "secret"}
    return WebhooksSection.model_validate({"targets": (target,), **more}, strict=False)


def hooks(
    app: App, config: WebhooksSection, clock: Hand, answer: Callable[[httpx.Request], httpx.Response]
) -> Webhooks:
    return Webhooks(app.store, config, clock=clock, transport=httpx.MockTransport(answer))


async def test_a_delivery_is_signed_over_time_and_body(app_on_both: App, tmp_path: Path) -> None:
    got: list[httpx.Request] = []

    def take(request: httpx.Request) -> httpx.Response:
        got.append(request)
        return httpx.Response(204)

    clock = Hand()
    webhooks = hooks(app_on_both, section(tmp_path), clock, take)
    async with app_on_both.store.transaction() as tx:
        assert await webhooks.enqueue(tx, "line_test.verdict", {"ticket": "TT-1", "text": "обрыв"}, clock.now) == 1
    assert await webhooks.pump() == 1
    assert await webhooks.pump() == 0
    body = got[0].read()
    stamp, given = got[0].headers["X-Secondline-Signature"].removeprefix("t=").split(",v1=")
    assert int(stamp) == int(START.timestamp())
    assert given == hmac.new(b"hush", f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    assert got[0].headers["X-Secondline-Event"] == "line_test.verdict"
    listed = await webhooks.list(local_actor())
    assert [(one.state, one.id) for one in listed] == [
        (DeliveryState.DELIVERED, got[0].headers["X-Secondline-Delivery"])
    ]


async def test_a_failing_receiver_is_tried_again_later_and_then_put_aside(app: App, tmp_path: Path) -> None:
    clock, tries = Hand(), []
    webhooks = hooks(
        app,
        section(tmp_path, attempts=3, retry_s=10.0),
        clock,
        lambda request: tries.append(request) or httpx.Response(500),
    )
    async with app.store.transaction() as tx:
        await webhooks.enqueue(tx, "line_test.verdict", {}, clock.now)
    assert await webhooks.pump() == 1
    assert await webhooks.pump() == 0, "not before its pause is over"
    for _ in range(2):
        clock.now += timedelta(seconds=60)
        await webhooks.pump()
    assert len(tries) == 3
    assert len({request.headers["X-Secondline-Delivery"] for request in tries}) == 1
    dead = await webhooks.list(local_actor(), DeliveryState.FAILED)
    assert [(one.attempts, one.last_error) for one in dead] == [(3, "HTTP 500")]


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://192.0.2.9/hook", "needs https"),
        ("https://169.254.169.254/latest", "is no receiver"),
        ("https://224.0.0.1/hook", "is no receiver"),
    ],
)
async def test_a_place_that_is_no_receiver_is_never_called(app: App, tmp_path: Path, url: str, told: str) -> None:
    calls: list[httpx.Request] = []
    webhooks = hooks(app, section(tmp_path, url), Hand(), lambda request: calls.append(request) or httpx.Response(204))
    async with app.store.transaction() as tx:
        await webhooks.enqueue(tx, "line_test.verdict", {}, START)
    await webhooks.pump()
    assert not calls
    assert told in (await webhooks.list(local_actor()))[0].last_error


async def test_a_redirect_is_not_followed(app: App, tmp_path: Path) -> None:
    asked: list[str] = []

    def lead_away(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(307, headers={"Location": "http://169.254.169.254/latest"})

    webhooks = hooks(app, section(tmp_path), Hand(), lead_away)
    async with app.store.transaction() as tx:
        await webhooks.enqueue(tx, "line_test.verdict", {}, START)
    await webhooks.pump()
    assert asked == ["http://127.0.0.1:9/hook"]
    assert (await webhooks.list(local_actor()))[0].last_error == "HTTP 307"


async def test_what_waits_longest_is_sent_first_and_an_endless_answer_is_not_read(app: App, tmp_path: Path) -> None:
    got: list[int] = []

    class Endless(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            while True:
                yield b"x" * 65_536

    def take(request: httpx.Request) -> httpx.Response:
        got.append(json.loads(request.read())["ticket"])
        return httpx.Response(200, stream=Endless())

    clock = Hand()
    webhooks = hooks(app, section(tmp_path), clock, take)
    for n in range(30):
        async with app.store.transaction() as tx:
            await webhooks.enqueue(tx, "line_test.verdict", {"ticket": n}, clock.now)
        clock.now += timedelta(seconds=1)
    async with asyncio.timeout(20):
        assert await webhooks.pump() == 30
    assert all(abs(place - ticket) < 8 for place, ticket in enumerate(got)), "in order, as far as eight go at once"
    assert {one.state for one in await webhooks.list(local_actor())} == {DeliveryState.DELIVERED}


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
    webhooks = Webhooks(app.store, section(tmp_path, f"http://127.0.0.1:{port}/hook"))
    async with app.store.transaction() as tx:
        await webhooks.enqueue(tx, "line_test.verdict", {}, START)
    await webhooks.pump()
    server.close()
    assert seen == [b"POST /hook HTTP/1.1\r\n"]


def test_a_url_with_a_password_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="without user or password"):
        Webhooks(None, section(tmp_path, "https://user:secret@example.net/"))  # type: ignore[arg-type]
