"""Every call of the OpenAPI document, ours and TM Forum's alike: asked by who may not, refused and audited, each time.

    nobody's signature     a message's signature that was taken once, and no token
    the next lower role    of the shipped roles the one that may most and not this

The rule of this file: what is asked is counted against the document, and the document against the routes.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi.routing import APIRoute

from acs.api.application import _ROUTERS, PREFIX
from acs.api.docs_page import router as docs_router
from acs.api.pages import router as pages_router
from acs.api.tmf import TMF_ROUTERS
from acs.app import App, build
from acs.services.actor import Grant, Scope, local_actor
from acs.services.roles import load_roles
from acs.services.signatures import HEADER, signed
from acs.store import Vault
from acs.store.records import GrantRecord
from tests.api.conftest import NobodyAnswers, config_of, made_once
from tests.api.samples import body_of, required_of
from tests.api.test_every_refusal import OPEN, refused_by_audit
from tests.api.test_rights import BODIES, ENDLESS, TEXTS
from tests.routed_api import described
from tests.tmf.test_refusals import body_for

#: fewer than so many calls would mean that the document lost some
AT_LEAST = 190
#: what is no part of the document because it tells nothing of what the server holds
BESIDE = {"GET /docs", "GET /style.css"}
#: these say `Any token`, or prove something else
UNSCOPED = {"GET /sessions/me", "DELETE /sessions/me", "POST /webhooks/{system}"}
MESSAGE = b'{"id": "17"}'
THINGS = {"system": "helpdesk", "alarm_id": "1"}


class Call(NamedTuple):
    """One call of the document; `name` as the tests of rights name it, `scopes`: one of them is enough."""

    name: str
    method: str
    path: str
    described: dict[str, Any]
    scopes: frozenset[str]


def calls() -> Iterator[Call]:
    for path, methods in described()["paths"].items():
        for method, one in methods.items():
            told = frozenset(re.findall(rf"`({'|'.join(Scope)})`", one["description"].split(".")[0]))
            yield Call(f"{method.upper()} {path.removeprefix(PREFIX)}", method.upper(), path, one, told)


ASKED = [one for one in calls() if one.name not in OPEN]


@pytest.fixture
async def served(store_url: str, tmp_path: Path) -> AsyncIterator[App]:
    """A server that takes signed messages of `helpdesk`."""
    Vault.create(tmp_path / "vault.key")
    (tmp_path / "desk.secret").write_text("hush")
    (tmp_path / "desk.secret").chmod(0o600)
    system = {"name": "helpdesk", "adapter": "generic-crm", "url": "https://192.0.2.7", "poll_s": 0}
    systems = {"systems": [{**system, "secret_file": "desk.secret"}]}
    built = await build(config_of(store_url, tmp_path, adapters=systems), caller=NobodyAnswers())
    yield built
    await built.stop()


def client_of(app: App, headers: dict[str, str]) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://server", headers=headers)


async def ask(client: httpx.AsyncClient, call: Call) -> tuple[str, int]:
    """What the audit trail calls the request, and its status; the request is one that the call would take."""
    document = described()
    url = re.sub(r"\{(\w+)\}", lambda found: THINGS.get(found[1], "x"), call.path)
    tmf = body_for(call.path) if "/tmf-api/" in call.path and call.method in ("POST", "PATCH") else None
    body = tmf or BODIES.get(call.name) or body_of(document, call.described, {})
    content: dict[str, Any] = {} if body is None else {"json": body}
    headers = required_of(document, call.described, "header", {})
    if call.path.endswith(TEXTS):
        content, headers = {"content": b"id,technology\nx,pon\n"}, {"Content-Type": "text/csv"}
    if call.name in ("POST /files", "POST /webhooks/{system}"):
        content = {"content": MESSAGE}
    query = required_of(document, call.described, "query", {"fact": "ont.rx_dbm"})
    try:
        async with asyncio.timeout(5.0 if call.path.endswith((*ENDLESS, "/events")) else None):
            answer = await client.request(call.method, url, params=query, headers=headers, **content)
    except TimeoutError:
        return f"{call.method} {url}", 200
    return f"{call.method} {url}", answer.status_code


def test_no_route_is_forgotten() -> None:
    routers = [(PREFIX, one) for one in _ROUTERS] + [("", one) for one in (*TMF_ROUTERS, docs_router, pages_router)]
    routes = {
        f"{method} {prefix}{route.path}".replace(":path", "")
        for prefix, router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    documented = {f"{one.method} {one.path}" for one in calls()}
    assert routes - documented == BESIDE
    assert documented <= routes
    assert len(ASKED) == len(documented) - len(OPEN) >= AT_LEAST


async def test_a_replayed_signature_is_refused_everywhere_and_audited_each_time(served: App) -> None:
    signature = signed(["hush"], MESSAGE, datetime.now(UTC))
    headers = {HEADER: signature, "X-Hub-Signature": f"sha256={signature[-64:]}"}
    asked = []
    async with client_of(served, headers) as client:
        taken = await client.post(f"{PREFIX}/webhooks/helpdesk", content=MESSAGE)
        assert taken.status_code == 200, taken.text
        for call in ASKED:
            request, status = await ask(client, call)
            assert status == 401, call.name
            asked.append(request)
    assert sorted(await refused_by_audit(served, "nobody")) == sorted(asked)
    assert len(asked) == len(ASKED)


def next_lower(scopes: frozenset[str]) -> str:
    """The shipped role that holds most verbs, and none of these."""
    roles = {name: Grant(frozenset(role.verbs)) for name, role in load_roles().by_name.items()}
    lower = [name for name, grant in roles.items() if not any(grant.holds(scope) for scope in scopes)]
    return max(lower, key=lambda name: (sum(roles[name].holds(scope) for scope in Scope), name))


async def test_the_next_lower_role_is_refused_and_audited_each_time(served: App) -> None:
    by_role: dict[str, list[Call]] = {}
    for call in ASKED:
        if call.name not in UNSCOPED:
            assert call.scopes, f"{call.name} does not say its scope"
            by_role.setdefault(next_lower(call.scopes), []).append(call)
    assert {"operations", "remote-expert", "field"} <= set(by_role), "the roles are near, not only the lowest"
    counted = 0
    for role, mine in by_role.items():
        made = await served.northbound.access.create(local_actor(), role, grants=[GrantRecord(role)])
        asked = []
        async with client_of(served, {"Authorization": f"Bearer {made.secret}"}) as client:
            for call in mine:
                request, status = await ask(client, call)
                assert status == 403, (role, call.name)
                asked.append(request)
        assert sorted(await refused_by_audit(served, role)) == sorted(asked)
        counted += len(asked)
    assert counted == len(ASKED) - len(UNSCOPED)
