"""A subscriber checks his own line: one line, a short time, plain words, nothing of the network."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App, build
from acs.errors import ConfigError
from acs.services.actor import local_actor
from acs.services.identifiers import new_id
from acs.services.line_tokens import PREFIX, LineToken, LineTokens
from acs.services.self_service_words import HEADINGS, NEXT_STEPS, heading_of, next_step_of
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store.records import LineRecord, LineTestRecord, LineTestState
from acs.store.vault import Vault
from probes.linetest import load_pack
from probes.linetest.model import VerdictKind
from probes.linetest.self_service import NO_FAULT_SEEN, STATES, for_subscriber
from tests.api.conftest import NobodyAnswers, client_of, config_of, made_once

T0 = datetime(2026, 3, 1, tzinfo=UTC)
INTERNAL = ("olt", "192.0.2", "user-1", "dbm", "ont.", "noc", "bras", "splitter", "l-1")


async def two_lines(app: App) -> None:
    lines = [LineRecord("L-1", "pon", node="olt-north", slot=1, port=2, ont=3, pppoe_login="user-1"),
             LineRecord("L-2", "pon")]  # fmt: skip
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, lines, datetime.now(UTC))
    await app.northbound.nodes.put(local_actor(), "olt-north", "192.0.2.1", credentials={"community": "x"})


async def had_tests(app: App, state: LineTestState, *at: datetime, depth: str = "self-service") -> None:
    """L-1 was tested then."""
    async with app.store.transaction() as tx:
        for one in at:
            record = LineTestRecord(new_id(), "L-1", LineTestState.RUNNING, one, one, "x", depth)
            await test_store.add(tx, record)
            await test_store.finish(tx, record.id, state, one)


async def minted(app: App, line: str = "L-1", **more: Any) -> str:
    async with await client_of(app, "self_check") as portal:
        answer = await portal.post("/self-service/tokens", json={"line": line, **more})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def page(app: App, token: str, language: str = "en-GB,en;q=0.8") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False),
        base_url="http://server/api/v1",
        headers={"Authorization": f"Bearer {token}", "Accept-Language": language},
    )


async def test_a_check_is_told_in_plain_words_with_one_next_step(app: App) -> None:
    await two_lines(app)
    async with page(app, await minted(app)) as client:
        assert (await client.get("/self-service/check")).status_code == 404
        began = await client.post("/self-service/check")
        assert (began.status_code, began.json()["state"], began.json()["next_step"]) == (202, "running", "wait")
        for _ in range(600):
            told = (await client.get("/self-service/check")).json()
            if told["state"] != "running":
                break
            await asyncio.sleep(0.1)
        assert (told["state"], told["next_step"]) == ("call_us", "call")
        assert told["heading"] == "Please call us" and told["text"]
        assert not [word for word in INTERNAL if word in json.dumps(told).lower()]
        again = await client.post("/self-service/check")
        assert again.json() == told, "a line is tested once a minute"
        russian = await client.get("/self-service/check", headers={"Accept-Language": "de, ru;q=0.5"})
        assert (russian.json()["heading"], russian.headers["Content-Language"]) == ("Позвоните нам, пожалуйста", "ru")
        assert not [word for word in INTERNAL if word in russian.text.lower()]
    (test,) = await app.northbound.line_tests.find(local_actor(), line="L-1")
    assert test.depth == "self-service"


async def test_a_line_token_opens_its_line_and_nothing_else(app: App) -> None:
    await two_lines(app)
    token = await minted(app)
    async with page(app, token) as client:
        for method, path in (
            ("GET", "/lines/L-1"),
            ("POST", "/lines/L-1/tests"),
            ("GET", "/devices"),
            ("POST", "/self-service/tokens"),
        ):
            refused = await client.request(method, path, json={"line": "L-2"} if method == "POST" else None)
            assert refused.status_code == 401, path
        await client.post("/self-service/check")
    assert await app.northbound.line_tests.find(local_actor(), line="L-2") == []
    sealed, half = token.removeprefix(PREFIX), len(token) // 2
    other = (await minted(app, "L-2")).removeprefix(PREFIX)
    changed = sealed[:half] + ("A" if sealed[half] != "A" else "B") + sealed[half + 1 :]
    for forged in (*(f"{PREFIX}{one}" for one in (changed, sealed[:half] + other[half:], sealed[:half], "")), sealed):
        async with page(app, forged) as client:
            assert (await client.post("/self-service/check")).status_code == 401, forged
    async with await client_of(app, "read", "tickets") as client:
        assert (await client.post("/self-service/tokens", json={"line": "L-1"})).status_code == 403
    async with await client_of(app, "self_check") as client:
        assert (await client.get("/lines/L-1")).status_code == 403, "the portal's right is no other right"
        assert (await client.post("/self-service/tokens", json={"line": "L-9"})).status_code == 404
        long = await client.post("/self-service/tokens", json={"line": "L-1", "valid_s": 7200})
        assert (long.status_code, "3600" in long.json()["message"]) == (422, True)


def test_a_token_ends_and_is_good_for_one_key_alone() -> None:
    tokens = LineTokens(b"k" * 32)
    text = tokens.mint(LineToken("L-1", T0 + timedelta(seconds=60)))
    assert tokens.proven(text, T0) == LineToken("L-1", T0 + timedelta(seconds=60))
    assert tokens.proven(text, T0 + timedelta(seconds=60)) is None
    assert LineTokens(b"x" * 32).proven(text, T0) is None
    assert tokens.proven(f"{PREFIX}é.x", T0) is None


def test_who_holds_a_token_reads_nothing_in_it_and_no_two_are_alike() -> None:
    tokens, token = LineTokens(b"k" * 32), LineToken("line-of-ivanov", T0)
    made = {tokens.mint(token) for _ in range(2)}
    assert len(made) == 2
    for text in made:
        body = text.removeprefix(PREFIX)
        for turned in range(4):  # base64 can be read from four places
            whole = body[turned:].rstrip("=")
            seen = base64.urlsafe_b64decode(whole[: len(whole) // 4 * 4])
            assert b"ivanov" not in seen and str(int(T0.timestamp())).encode() not in seen


async def test_the_longest_line_id_has_a_token(app: App) -> None:
    line = "𝄞" * 64  # four bytes each
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord(line, "pon")], datetime.now(UTC))
    async with page(app, await minted(app, line)) as client:
        assert (await client.post("/self-service/check")).status_code == 202


@pytest.mark.parametrize(("language", "word"), [("en", "possible in"), ("ru", "возможна через")])
async def test_a_line_is_checked_so_often_and_no_more(app: App, language: str, word: str) -> None:
    await two_lines(app)
    now = datetime.now(UTC)
    await had_tests(app, LineTestState.FAILED, *(now - timedelta(minutes=50 - 5 * n) for n in range(6)))
    async with page(app, await minted(app), language) as client:
        refused = await client.post("/self-service/check")
        assert refused.status_code == 429
        assert word in refused.json()["message"]
        assert 500 < int(refused.headers["Retry-After"]) <= 601
        failed = (await client.get("/self-service/check")).json()
        assert (failed["state"], failed["next_step"]) == ("failed", "call")


@pytest.mark.parametrize(("language", "word"), [("en", "possible in"), ("ru", "возможна через")])
async def test_the_portals_server_asks_within_the_limits_of_the_line(app: App, language: str, word: str) -> None:
    await two_lines(app)
    now = datetime.now(UTC)
    await had_tests(app, LineTestState.FAILED, *(now - timedelta(minutes=50 - 5 * n) for n in range(6)))
    async with await client_of(app, "test") as server, page(app, await minted(app), language) as his:
        refused = await server.post("/lines/L-1/self-checks", headers={"Accept-Language": language})
        assert refused.status_code == 429 and word in refused.json()["message"], refused.text
        assert refused.json()["message"] == (await his.post("/self-service/check")).json()["message"]
        assert (await server.post("/lines/L-9/self-checks")).status_code == 404
        assert (await server.post("/lines/L-2/self-checks")).status_code == 202, "its own line's limit"


async def test_what_an_engineer_tests_answers_both_ways(app: App) -> None:
    """His test measures all that a check would: the subscriber is told of its end, however he asks."""
    await two_lines(app)
    now = datetime.now(UTC)
    await had_tests(app, LineTestState.FAILED, now - timedelta(minutes=2), depth="quick")
    (quick,) = await app.northbound.line_tests.find(local_actor(), line="L-1")
    async with await client_of(app, "test") as server, page(app, await minted(app)) as his:
        assert (await his.get("/self-service/check")).status_code == 404, "a quick test measures less"
        assert (await server.get(f"/self-checks/{quick.id}")).status_code == 404
        full = await app.northbound.line_tests.start(local_actor(), "L-1", depth="full")
        assert (await his.post("/self-service/check")).json()["state"] == "running"
        began = (await server.post("/lines/L-1/self-checks")).json()
        assert (began["id"], began["state"], began["line"]) == (full.id, "running", None)
        async with asyncio.timeout(60):
            async for _ in app.northbound.line_tests.watch(local_actor(), full.id):
                pass
        told = (await his.get("/self-service/check")).json()
        its = (await server.get(f"/self-checks/{full.id}")).json()
        assert (its["line"], its["text"]["en"], its["state"]) == (told["state"], told["text"], "done")
        assert (await server.post("/lines/L-1/self-checks")).json() == its, "a line is tested once a minute"
    assert len(await app.northbound.line_tests.find(local_actor(), line="L-1")) == 2


@pytest.mark.parametrize(
    ("needs_human", "state", "heading", "said"),
    [(False, "good", "Your line is fine", "Your line is fine"), (True, "no_fault_seen", "We see no fault", "call us")],
)
async def test_a_line_is_called_fine_only_where_nobody_must_look(
    app: App, needs_human: bool, state: str, heading: str, said: str
) -> None:
    await two_lines(app)
    now = datetime.now(UTC)
    pack = app.northbound.packs.base.ref
    verdict: dict[str, Any] = {"verdict": "NFF", "cause": "nff", "needs_human": needs_human, "due_at": None}
    verdict["pack"] = {"id": pack.id, "version": pack.version, "hash": pack.hash}
    async with app.store.transaction() as tx:
        record = LineTestRecord(new_id(), "L-1", LineTestState.RUNNING, now, now, "x", "self-service")
        await test_store.add(tx, record)
        await test_store.finish(tx, record.id, LineTestState.DONE, now, verdict=verdict, facts={})
    async with page(app, await minted(app)) as client:
        told = (await client.get("/self-service/check")).json()
        assert (told["state"], told["heading"], told["next_step"]) == (state, heading, "nothing")
        assert said in told["text"]
        russian = (await client.get("/self-service/check", headers={"Accept-Language": "ru"})).json()
        assert ("не видно" in russian["heading"]) is needs_human


def test_every_state_has_its_words_and_one_step() -> None:
    for state in {*STATES.values(), NO_FAULT_SEEN}:
        assert state in NEXT_STEPS
        assert {"ru", "en"} == set(HEADINGS[state])


@pytest.mark.parametrize(
    ("verdict", "heading", "text", "step"),
    [
        ("REMOTE_FIX", "can repair", "Tell us when it suits you", "call"),
        ("OPEN_OUTAGE", "may be", "It seems", "wait"),
        ("ATTACH_OUTAGE", "works or an outage", "works or an outage", "wait"),
        ("ESCALATE_CORE", "in our network", "in our network", "wait"),
        ("DISPATCH_LINE", "on our side", "We will see to it", "wait"),
        ("DISPATCH_HOME", "seems to be needed", "seems to be needed", "agree_visit"),
    ],
)
def test_a_heading_claims_no_more_than_its_text(verdict: str, heading: str, text: str, step: str) -> None:
    kind = VerdictKind(verdict)
    told = for_subscriber(load_pack(), {"verdict": verdict, "cause": "other", "due_at": None})
    assert heading in heading_of(told["state"], kind)["en"] and text in told["text"]["en"]
    assert next_step_of(told["state"], kind) == step


@pytest.fixture
async def portal(store_url: str, tmp_path: Path) -> AsyncIterator[App]:
    Vault.create(tmp_path / "vault.key")
    config = config_of(store_url, tmp_path, self_service={"origins": ["https://my.example"]})
    built = await build(config, caller=NobodyAnswers())
    yield built
    await built.stop()


async def test_a_page_of_the_portal_may_call_the_check_from_a_browser_and_nothing_else(portal: App) -> None:
    await two_lines(portal)
    asks = {"Origin": "https://my.example", "Access-Control-Request-Method": "POST"}
    asks["Access-Control-Request-Headers"] = "authorization"
    async with page(portal, await minted(portal)) as client:
        may = await client.options("/self-service/check", headers=asks)
        assert (may.status_code, may.headers["Access-Control-Allow-Origin"]) == (204, "https://my.example")
        assert "Authorization" in may.headers["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in may.headers, "no cookie is ever believed"
        began = await client.post("/self-service/check", headers=asks)
        assert (began.status_code, began.headers["Access-Control-Allow-Origin"]) == (202, "https://my.example")
        lost = await client.get("/self-service/check", headers={**asks, "Authorization": f"Bearer {PREFIX}x"})
        assert (lost.status_code, lost.headers["Access-Control-Allow-Origin"]) == (401, "https://my.example")
        for path, origin in (
            ("/self-service/check", "https://my.example.evil"),
            ("/self-service/check", "null"),
            ("/self-service/tokens", "https://my.example"),
            ("/lines", "https://my.example"),
        ):
            for method in ("OPTIONS", "POST"):
                other = await client.request(method, path, headers={**asks, "Origin": origin}, json={})
                assert not [name for name in other.headers if name.startswith("access-control")], (path, origin)


@pytest.mark.parametrize("origin", ["*", "https://*.example", "my.example", "https://my.example/", "https://a b"])
def test_an_origin_is_one_address(tmp_path: Path, origin: str) -> None:
    with pytest.raises(ConfigError, match="origins"):
        config_of("sqlite:///x.db", tmp_path, self_service={"origins": [origin]})
