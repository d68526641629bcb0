"""Derived from the OpenAPI document, so that no route is forgotten: who may not is refused, and that is audited.

Each route is asked without a token, with the token of a foreign region that holds every verb there, with a lower role.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from acs.app import App, build
from acs.services.actor import Scope, local_actor
from acs.services.approvals import Proposal
from acs.services.refusals import _BURST, Refusal, Refusals
from acs.store import Vault, devices, groups, line_tests, lines, operations, tickets
from acs.store import outages as outage_store
from acs.store.groups import LineGroups
from acs.store.outages import OutageLine, OutageRecord
from acs.store.records import DeviceRecord, GrantRecord, Json, LineTestRecord, LineTestState, TicketRecord
from tests.api.conftest import NobodyAnswers, config_of, made_once
from tests.api.samples import body_of, required_of
from tests.api.test_rights import BODIES, ENDLESS, TEXTS
from tests.store.make import line, opening, operation

#: answered without a token of the API: they prove something else, or tell nothing
OPEN = {
    "GET /health",
    "GET /openapi.json",
    "POST /sessions",
    "POST /sessions/oidc",
    "GET /sessions/oidc/callback",
    "POST /sessions/oidc/redeem",
}
#: of these a token is none: a signature or a line token is asked for
OTHERWISE_PROVEN = {"POST /webhooks/{system}", "POST /self-service/check", "GET /self-service/check"}
#: any token may ask these
ANY_TOKEN = {"GET /sessions/me", "DELETE /sessions/me"}
SOUTH = "00AA11-ONT-SOUTH"
#: a fact that has a curve
FACT = "ont.rx_dbm"
#: words that only the south's things have
SECRETS_OF_THE_SOUTH = (SOUTH, "line-south", "op-south", "test-south", "ticket-south", "olt-south", "user-south")
#: name of a path's parameter → the south's thing
THINGS = {
    "key": SOUTH,
    "line_id": "line-south",
    "operation_id": "op-south",
    "test_id": "test-south",
    "ticket_id": "ticket-south",
    "outage_id": "outage-olt-south",
}
#: bodies that name the south's things
OF_THE_SOUTH: dict[str, object] = {
    "POST /facts": {
        "source": "crm",
        "facts": [{"line": "line-south", "name": "account.business", "value": True, "at": "2026-01-01T00:00:00Z"}],
    },
    "POST /tickets/{ticket_id}/closure": {"code": "drop_fibre_cut"},
    "POST /closures": {"closures": [{"ticket": "ticket-south", "code": "drop_fibre_cut"}]},
}


@pytest.fixture
async def world(store_url: str, tmp_path: Path) -> AsyncIterator[App]:
    Vault.create(tmp_path / "vault.key")
    roles = tmp_path / "roles.toml"
    verbs = ", ".join(f'"{scope}"' for scope in Scope if scope is not Scope.ADMIN)
    roles.write_text(f"[everything]\nverbs = [{verbs}]\n")
    built = await build(config_of(store_url, tmp_path, rights={"roles_file": str(roles)}), caller=NobodyAnswers())
    await _fill(built)
    yield built
    await built.stop()


async def _fill(app: App) -> None:
    now = datetime.now(UTC)
    for where in ("north", "south"):
        name = where.upper()
        await app.store.sessions.open(opening(now, key=f"00AA11-ONT-{name}", serial_number=name))
        async with app.store.transaction() as tx:
            told = {"node": f"olt-{where}", "pppoe_login": f"user-{where}", "device_serials": (name,)}
            await lines.upsert(tx, [line(f"line-{where}", **told)], now)
            await groups.put(tx, {f"line-{where}": LineGroups(region=where)})
            await devices.set_line(tx, f"00AA11-ONT-{name}", f"line-{where}")
            wanted = operation(now, id=f"op-{where}", device=f"00AA11-ONT-{name}", command_key=f"key-{where}")
            await operations.add(tx, wanted)
            test = LineTestRecord(f"test-{where}", f"line-{where}", LineTestState.DONE, now, now, "x", verdict={})
            await line_tests.add(tx, test)
            ticket = TicketRecord(f"ticket-{where}", f"e-{where}", now, "oss", {}, f"line-{where}", f"test-{where}")
            await tickets.add(tx, ticket)
            outage = OutageRecord(
                f"outage-olt-{where}", "candidate", "fall", "port", f"olt-{where}/0", f"olt-{where}", "fibre", now,
                now, now, 3, 9, -9.0,
            )  # fmt: skip
            await outage_store.put(tx, outage)


#: name of a field → the south's thing that a request names there
FIELDS: dict[str, object] = {"line": "line-south", "device": SOUTH, "ticket": "ticket-south", "fact": FACT}


def every(app: App) -> list[tuple[str, str]]:
    paths = made_once(app.northbound).openapi()["paths"]
    return [
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in paths.items()
        for method in methods
        if path.startswith("/api/v1")
    ]


async def ask(client: httpx.AsyncClient, app: App, call: tuple[str, str]) -> tuple[str, int, str]:
    """(address, status, text) of a call of this route with a query and a body that it takes, about the south."""
    method, path = call
    document = made_once(app.northbound).openapi()
    described = document["paths"][f"/api/v1{path}"][method.lower()]
    url = re.sub(r"\{(\w+)\}", lambda found: THINGS.get(found[1], "x"), path)
    name, query = f"{method} {path}", required_of(document, described, "query", FIELDS)
    body = OF_THE_SOUTH.get(name, BODIES.get(name)) or body_of(document, described, FIELDS)
    headers = required_of(document, described, "header", FIELDS)
    content: dict[str, object] = {"json": body} if body is not None else {}
    if path in TEXTS or path == "/lines/groups/import":
        content, headers = {"content": b"id,technology\nline-south,pon\n"}, {"Content-Type": "text/csv"}
    if name == "POST /files":
        content = {"content": b"x"}
    try:
        async with asyncio.timeout(1.0 if path.endswith(ENDLESS) or path.endswith("/events") else None):
            answer = await client.request(method, url, params=query, headers=headers, **content)  # type: ignore[arg-type] # json or content
            return url, answer.status_code, answer.text
    except TimeoutError:
        return url, 200, ""


def client_with(app: App, token: str | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(made_once(app.northbound), raise_app_exceptions=False),
        base_url="http://server/api/v1",
        headers={} if token is None else {"Authorization": f"Bearer {token}"},
    )


async def refused_by_audit(app: App, who: str) -> list[str]:
    found = await app.northbound.audit_trail.list(local_actor(), by=who, action="access.refused", limit=1000)
    assert all(isinstance(each.detail, dict) for each in found)
    return [str(each.detail["after"]["request"]) for each in found]  # type: ignore[index,call-overload] # checked above


async def test_without_a_token_every_route_refuses_and_audits(world: App) -> None:
    asked = []
    async with client_with(world, None) as client:
        for method, path in every(world):
            if f"{method} {path}" not in OPEN:
                url, status, text = await ask(client, world, (method, path))
                assert status == 401, (method, path, text)
                asked.append(f"{method} /api/v1{url}")
    assert len(asked) == len(every(world)) - len(OPEN & {f"{m} {p}" for m, p in every(world)})
    assert sorted(await refused_by_audit(world, "nobody")) == sorted(asked)


async def test_a_foreign_regions_token_gets_nothing_of_another_region(world: App) -> None:
    _let_a_test_run(world)
    grants = [GrantRecord("everything", ("region:north",))]
    made = await world.northbound.access.create(local_actor(), "north", grants=grants)
    expected: list[str] = []
    wrong: list[tuple[str, int, str]] = []
    counted = 0
    async with client_with(world, made.secret) as client:
        for method, path in every(world):
            name = f"{method} {path}"
            counted += 1
            if name in OPEN | OTHERWISE_PROVEN | ANY_TOKEN:
                continue
            url, status, text = await ask(client, world, (method, path))
            keyed = any(f"{{{each}}}" in path for each in THINGS)
            if keyed or name in OF_THE_SOUTH:
                # facts are taken as a table: what is out of reach is an error of its row
                if status not in ((403, 404) if name != "POST /facts" else (422,)):
                    wrong.append((name, status, text[-200:]))
                expected.append(f"{method} /api/v1{url}")
            elif status == 403:
                expected.append(f"{method} /api/v1{url}")
            elif status >= 500 or any(word in text for word in SECRETS_OF_THE_SOUTH):
                wrong.append((name, status, text[-200:]))
    assert not wrong, "\n".join(map(str, wrong))
    assert counted == len(every(world))
    audited = await refused_by_audit(world, "north")
    assert not set(expected) - set(audited), sorted(set(expected) - set(audited))
    async with world.store.reading() as tx:
        device = await devices.get(tx, SOUTH)
        assert isinstance(device, DeviceRecord) and device.line == "line-south"
        untouched = await operations.list_operations(tx, device=SOUTH)
    assert [each.id for each in untouched] == ["op-south"], "nothing was asked of the south's device"


def _let_a_test_run(app: App) -> None:
    """A test of the south's line that does not end: whoever may ask for one too would join it."""
    now = datetime.now(UTC)
    record = LineTestRecord("test-south-2", "line-south", LineTestState.RUNNING, now, now, "x", ticket="ticket-south")
    job = app.northbound.line_tests._running.open(record)
    job.task = asyncio.create_task(asyncio.sleep(3600))


async def test_a_lower_role_is_refused_and_audited(world: App) -> None:
    made = await world.northbound.access.create(local_actor(), "page", grants=[GrantRecord("self-service")])
    allowed, expected = [], []
    async with client_with(world, made.secret) as client:
        for method, path in every(world):
            name = f"{method} {path}"
            if name in OPEN | OTHERWISE_PROVEN | ANY_TOKEN:
                continue
            url, status, text = await ask(client, world, (method, path))
            if status == 403:
                expected.append(f"{method} /api/v1{url}")
            else:
                allowed.append((name, status, text[:80]))
    assert {name for name, _, _ in allowed} <= {"POST /self-service/tokens"}, "\n".join(map(str, allowed))
    assert sorted(await refused_by_audit(world, "page")) == sorted(expected)


async def test_a_limited_actor_sees_its_own(world: App) -> None:
    grants = [GrantRecord("second-line", ("region:north",)), GrantRecord("viewer", ("region:south",))]
    made = await world.northbound.access.create(local_actor(), "both", grants=grants)
    async with client_with(world, made.secret) as client:
        assert [each["id"] for each in (await client.get("/lines")).json()] == ["line-north", "line-south"]
        assert (await client.get(f"/devices/{SOUTH}")).status_code == 200
        answer = await client.post(f"/devices/{SOUTH}/operations", json={"kind": "reboot"})
        assert answer.status_code == 404, "it may look at the south, and do nothing there"
        answer = await client.post("/devices/00AA11-ONT-NORTH/operations", json={"kind": "refresh"})
        assert answer.status_code == 202, answer.text


async def test_approvals_of_a_foreign_device_are_not_seen(world: App) -> None:
    proposal = Proposal("x", f"device:{SOUTH}", {"a": 1}, "because", device=SOUTH)
    made = await world.northbound.approvals.propose(local_actor(), proposal)
    grants = [GrantRecord("everything", ("region:north",))]
    token = await world.northbound.access.create(local_actor(), "north", grants=grants)
    async with client_with(world, token.secret) as client:
        assert (await client.get("/approvals")).json() == []
        assert (await client.post(f"/approvals/{made.id}/approve", json={})).status_code == 404


async def test_a_call_names_the_ticket_that_it_is_for(world: App) -> None:
    made = await world.northbound.access.create(local_actor(), "crm", ["write"])
    async with client_with(world, made.secret) as client:
        await client.put("/lines/line-9", json={"technology": "pon"}, headers={"For-Ticket": "INC-7"})
    found = await world.northbound.audit_trail.list(local_actor(), ticket="INC-7")
    assert [(each.actor, each.target) for each in found] == [("crm", "line:line-9")]


async def test_a_flood_of_refusals_is_counted_and_not_written(world: App) -> None:
    now = [datetime.now(UTC)]
    refusals = Refusals(world.store, clock=lambda: now[0])
    refusal = Refusal(None, "192.0.2.9", "GET", "/x", 401)
    refusals._left["192.0.2.9"] = (2.0, now[0])
    for _ in range(5):
        await refusals.note(refusal)
    now[0] += timedelta(seconds=_BURST)
    await refusals.note(refusal)
    found = await world.northbound.audit_trail.list(local_actor(), by="nobody", action="access.refused")
    assert len(found) == 3
    assert found[0].detail["after"]["not_noted_before"] == 3  # type: ignore[index,call-overload] # as written above


async def test_what_was_only_counted_is_told_though_the_address_never_comes_again(world: App) -> None:
    now = datetime.now(UTC)
    refusals = Refusals(world.store, clock=lambda: now, tell_s=0.05)
    for origin, count in (("192.0.2.9", 1_003), ("192.0.2.10", 1_000)):
        for _ in range(count):
            await refusals.note(Refusal(None, origin, "GET", "/x", 401))

    async def told() -> list[Json]:
        found = await world.northbound.audit_trail.list(local_actor(), action="access.refusals_counted")
        return [each.detail for each in found]

    async with asyncio.timeout(60):
        while not (found := await told()):  # noqa: ASYNC110 - from the store
            await asyncio.sleep(0.02)
    assert [(each["origin"], each["after"]["not_noted"]) for each in found] == [("192.0.2.9", 3)]  # type: ignore[index,call-overload]
    refusals = Refusals(world.store, clock=lambda: now)
    refusals._left["192.0.2.11"] = (0.0, now)
    await refusals.note(Refusal(None, "192.0.2.11", "GET", "/x", 401))
    await refusals.close()
    assert len(await told()) == 2, "what waits is told at the end"


async def test_figures_of_the_whole_fleet_are_not_for_who_sees_a_part(world: App) -> None:
    made = await world.northbound.access.create(local_actor(), "n", grants=[GrantRecord("viewer", ("region:north",))])
    async with client_with(world, made.secret) as client:
        assert (await client.get("/metrics")).status_code == 403


async def test_an_outage_of_two_regions_is_of_both(world: App) -> None:
    """On the south's node, with two lines of the south and one of the north."""
    now = datetime.now(UTC)
    async with world.store.transaction() as tx:
        await lines.upsert(tx, [line("line-south-2", node="olt-south")], now)
        await groups.put(tx, {"line-south-2": LineGroups(region="south")})
        wide = OutageRecord(
            "wide", "candidate", "fall", "splitter", "s-1", "olt-south", "fibre", now, now, now, 3, 9, -9.0
        )
        await outage_store.put(tx, wide)
        hit = [OutageLine("wide", one, now) for one in ("line-north", "line-south", "line-south-2")]
        await outage_store.put_lines(tx, hit)
    figures = {"north": (1, 1), "south": (2, 2), "": (3, 9)}
    for region, expected in figures.items():
        grants = [GrantRecord("everything", (f"region:{region}",) if region else ())]
        made = await world.northbound.access.create(local_actor(), f"noc {region}", grants=grants)
        async with client_with(world, made.secret) as client:
            listed = {one["id"]: one for one in (await client.get("/outages")).json()}
            assert (listed["wide"]["hit"], listed["wide"]["members"]) == expected, region
            shown = (await client.get("/outages/wide")).json()
            assert (shown["hit"], shown["members"], len(shown["lines"])) == (*expected, expected[0])
            for call, body in (("confirm", {}), ("close", {"note": "x"})):
                answer = await client.post(f"/outages/wide/{call}", json=body)
                assert answer.status_code == (403 if region else 200), answer.text
