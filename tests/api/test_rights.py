"""Nothing but /health without a token, and nothing beyond the scopes of the token."""

import asyncio
import re
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi.routing import APIRoute

from acs.api.application import _ROUTERS
from acs.app import App
from acs.services.actor import PARTS, Scope, local_actor
from tests.api.conftest import client_of
from tests.routed_api import api_over, described


def anonymous(app: App) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(api_over(app.northbound)), base_url="http://server")


def routes() -> list[tuple[str, str]]:
    return [(method.upper(), path) for path, methods in described()["paths"].items() for method in methods]


async def test_every_route_but_health_wants_a_token(app: App) -> None:
    async with anonymous(app) as client:
        for method, path in routes():
            answer = await client.request(method, path.replace("{", "").replace("}", ""))
            if "/sessions" in path and not path.endswith("/me"):
                continue  # a sign-in needs none: tests/services/test_people.py, test_oidc.py
            expected = 200 if path.endswith("/health") else 401
            assert answer.status_code == expected, (method, path)
            if expected == 401:
                assert answer.json()["code"] == "unauthenticated"
                assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_every_route_is_described() -> None:
    for path, methods in described()["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)


#: a body that a route takes, so that its scope is what it is refused for
BODIES: dict[str, object] = {
    "POST /approvals/{approval_id}/approve": {"note": "x"},
    "POST /approvals/{approval_id}/refuse": {"note": "x"},
    "POST /people": {"name": "x", "grants": ["viewer"]},
    "PUT /people/{name}/grants": {"grants": ["viewer"]},
    "PUT /people/{name}/password": {"password": "a long enough password"},
    "PUT /people/{name}/disabled": {"disabled": True},
    "POST /devices/{key}/secrets": {"reason": "x"},
    "PUT /lines/{line_id}/groups": {"region": "x"},
    "PUT /devices/{key}/line": {"line": None},
    "PUT /devices/{key}/admission": {"admitted": True},
    "POST /devices/{key}/operations": {"kind": "reboot"},
    "POST /devices/{key}/actions/{action}": {"arguments": {}},
    "PUT /lines/{line_id}": {"technology": "pon"},
    "PUT /access-nodes/{name}": {"address": "192.0.2.1"},
    "POST /facts": {"source": "crm", "facts": []},
    "POST /readings": {"source": "nms", "readings": []},
    "PUT /incidents/{source}": {"at": "2026-01-01T00:00:00Z", "incidents": []},
    "PUT /planned-works/{source}": {"at": "2026-01-01T00:00:00Z", "works": []},
    "POST /tickets/events": {"eventId": "e", "eventType": "TroubleTicketCreateEvent"},
    "POST /tokens": {"name": "x", "scopes": ["read"]},
    "POST /provisioning/lint": {"text": ""},
    "POST /devices/{key}/provisioning/resume": {},
    "PATCH /devices/{key}/tags": {"add": ["x"]},
    "POST /campaigns": {"name": "x", "file": "x", "settings": {"targets": {"models": ["x"]}}},
    "POST /outages/{outage_id}/confirm": {},
    "POST /outages/{outage_id}/close": {"note": "x"},
    "POST /packs": {"files": {"x.toml": ""}},
    "POST /packs/compare": {},
    "POST /packs/rollback": {"reason": "a reason"},
    "POST /packs/{digest}/activations": {"reason": "a reason"},
    "POST /tickets/{ticket_id}/closure": {"code": "x"},
    "PUT /groups/{name}": {"query": "x"},
    "PUT /lines/{line_id}/phones": {"phones": []},
    "POST /closures": {"closures": [{"ticket": "x", "code": "x"}]},
    "POST /lines/{line_id}/checkups": {"action": "x"},
    "POST /campaigns/preview": {"name": "x", "file": "x", "settings": {"targets": {"models": ["x"]}}},
}
#: these want a key of the caller
KEYED = "/hooks/"
BODIES |= {
    "POST /hooks/reboot": {"line": "x"},
    "POST /hooks/resync": {"line": "x"},
    "POST /hooks/line-test": {"line": "x"},
    "POST /hooks/is-it-fixed": {"line": "x"},
    "POST /adapters/check": {"text": "x"},
    "POST /adapters/try": {"adapter": "redmine", "message": {}},
    "PUT /freeze": {"frozen": False, "reason": "x"},
    "POST /self-service/tokens": {"line": "x"},
}
#: these give rights, and nobody gives one that he lacks
GIVES = {"/people": ("read",), "/people/{name}/grants": ("read",)}
#: these go on for ever once they let somebody in
ENDLESS = ("/outages/stream",)
#: what these must be asked with
QUERIES = {"/devices/{key}/readings": "?fact=ont.rx_dbm", "/access-places": "?circuit=p01"}
#: these take a CSV
TEXTS = (
    "/lines/groups/import", "/lines/import", "/facts/import", "/readings/import", "/incidents/import",
    "/planned-works/import",
)  # fmt: skip


def scoped_routes() -> list[tuple[str, str, frozenset[str]]]:
    """Every route with the scopes that its description names; one of them is enough."""
    found = []
    for router in _ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            scopes = frozenset(re.findall(rf"`({'|'.join(Scope)})`", route.description.split(".")[0]))
            method = min(route.methods or {"GET"})
            tokenless = route.description.startswith(("No token", "Any token"))
            if route.path not in ("/health", "/openapi.json") and not tokenless:
                assert scopes, f"{method} {route.path} does not say its scope"
                found.append((method, route.path.replace(":path", ""), scopes))
    return found


def _headers(path: str) -> dict[str, str]:
    return {"Idempotency-Key": "x"} if path.startswith(KEYED) else {}


async def call(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    url = re.sub(r"\{\w+\}", "x", path)
    if path in TEXTS:
        query = "" if path.startswith("/lines/") else "?source=crm"
        return await client.request(method, url + query, content=b"x", headers={"Content-Type": "text/csv"})
    if path in QUERIES:
        return await client.get(url + QUERIES[path])
    if (method, path) == ("POST", "/files"):
        return await client.request(method, url + "?name=x", content=b"x")
    try:
        async with asyncio.timeout(5.0 if path in ENDLESS else None):
            return await client.request(method, url, json=BODIES.get(f"{method} {path}"), headers=_headers(path))
    except TimeoutError:
        return httpx.Response(200)


@pytest.mark.parametrize(("method", "path", "scopes"), scoped_routes())
async def test_a_call_wants_its_scope(app: App, method: str, path: str, scopes: frozenset[str]) -> None:
    others = {scope for scope in ("read", "operate", "write", "tickets") if not {scope, *PARTS.get(scope, ())} & scopes}
    async with await client_of(app, *sorted(others)) as client:
        refused = await call(client, method, path)
        assert refused.status_code == 403, refused.text
        assert refused.json()["code"] == "forbidden"
        assert any(scope in refused.json()["message"] for scope in scopes)
    for scope in scopes:
        async with await client_of(app, *sorted({scope, *GIVES.get(path, ())})) as client:
            assert (await call(client, method, path)).status_code not in (401, 403)


async def test_a_large_body_of_a_stranger_is_not_read(app: App) -> None:
    read: list[int] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(300):
            read.append(1)
            yield b"[" * 65_536

    async with anonymous(app) as client:
        for headers in ({}, {"Authorization": f"Bearer sl_{'x' * 43}"}, {"Authorization": "Basic eDp4"}):
            large = await client.post("/api/v1/facts", content=b"[" * 200_000, headers=headers)
            assert (large.status_code, large.json()["code"]) == (401, "unauthenticated")
            chunked = {**headers, "Transfer-Encoding": "chunked"}
            answer = await client.post("/api/v1/facts", content=body(), headers=chunked)
            assert answer.status_code == 401
    assert len(read) <= 3, "at most what was on its way"


async def test_a_revoked_token_is_refused_at_once(app: App) -> None:
    made = await app.northbound.access.create(local_actor(), "crm", ["read"])
    async with anonymous(app) as client:
        headers = {"Authorization": f"Bearer {made.secret}"}
        assert (await client.get("/api/v1/lines", headers=headers)).status_code == 200
        await app.northbound.access.revoke(local_actor(), made.record.id)
        assert (await client.get("/api/v1/lines", headers=headers)).status_code == 401


async def test_guessing_tokens_is_slowed_down(app: App) -> None:
    async with anonymous(app) as client:
        answers = [
            (await client.get("/api/v1/lines", headers={"Authorization": f"Bearer sl_{n:043d}"})).status_code
            for n in range(30)
        ]
    assert answers[0] == 401
    assert answers[-1] == 429


async def test_tokens_are_made_listed_and_revoked_without_showing_their_secret_again(client: httpx.AsyncClient) -> None:
    made = (await client.post("/tokens", json={"name": "crm", "scopes": ["tickets"]})).json()
    assert made["token"].startswith("sl_")
    listed = await client.get("/tokens")
    assert made["token"] not in listed.text
    assert made["id"] in {token["id"] for token in listed.json()}
    assert (await client.delete(f"/tokens/{made['id']}")).status_code == 204
    assert (await client.delete(f"/tokens/{made['id']}")).status_code == 409
    assert (await client.delete("/tokens/none")).status_code == 404
