"""Nothing but /health without a token, and nothing beyond the scopes of the token."""

import httpx
import pytest

from acs.api import create_app
from acs.app import App
from acs.services.actor import local_actor
from tests.api.conftest import client_of

LINE = {"technology": "pon"}


def anonymous(app: App) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(create_app(app.northbound)), base_url="http://server")


def routes(app: App) -> list[tuple[str, str]]:
    described = create_app(app.northbound).openapi()
    return [(method.upper(), path) for path, methods in described["paths"].items() for method in methods]


async def test_every_route_but_health_wants_a_token(app: App) -> None:
    async with anonymous(app) as client:
        for method, path in routes(app):
            answer = await client.request(method, path.replace("{", "").replace("}", ""))
            expected = 200 if path.endswith("/health") else 401
            assert answer.status_code == expected, (method, path)
            if expected == 401:
                assert answer.json()["code"] == "unauthenticated"
                assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_every_route_is_described(app: App) -> None:
    described = create_app(app.northbound).openapi()
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"], (method, path)
            assert operation["description"], (method, path)


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("GET", "/devices", None, "read"),
        ("GET", "/lines", None, "read"),
        ("GET", "/operations", None, "read"),
        ("GET", "/line-tests", None, "read"),
        ("GET", "/tickets", None, "read"),
        ("GET", "/access-nodes", None, "read"),
        ("GET", "/metrics", None, "read"),
        ("PUT", "/lines/L-1", LINE, "write"),
        ("POST", "/facts", {"source": "crm", "facts": []}, "write"),
        ("POST", "/readings", {"source": "nms", "readings": []}, "write"),
        ("PUT", "/incidents/noc", {"at": "2026-01-01T00:00:00Z", "incidents": []}, "write"),
        ("GET", "/tokens", None, "admin"),
        ("PUT", "/access-nodes/olt-1", {"address": "192.0.2.1"}, "admin"),
    ],
)
async def test_a_call_wants_its_scope(app: App, method: str, path: str, body: object, scope: str) -> None:
    others = {"read", "operate", "write", "tickets"} - {scope}
    async with await client_of(app, *sorted(others)) as client:
        refused = await client.request(method, path, json=body)
        assert refused.status_code == 403, refused.text
        assert refused.json()["code"] == "forbidden"
        assert scope in refused.json()["message"]
    async with await client_of(app, scope) as client:
        assert (await client.request(method, path, json=body)).status_code != 403


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
