"""Hubs: who may listen from where, what is heard, and that it arrives, in order, whatever fails in between."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from acs.app import App, build
from acs.errors import InvalidInput, NotFound
from acs.services.actor import Actor, Grant, Scope, limit, local_actor
from acs.services.identifiers import new_id
from acs.services.tmf.notices import EVENT_TYPES, Interface
from acs.store import access as access_store
from acs.store import groups as group_store
from acs.store import line_tests as test_store
from acs.store import outages as outage_store
from acs.store import tmf as tmf_store
from acs.store.access import AccessAlarm
from acs.store.groups import LineGroups
from acs.store.instants import micros
from acs.store.reach import View, parse_groups, viewing
from acs.store.records import GrantRecord, LineRecord, LineTestRecord, LineTestState
from acs.store.schema import tokens
from acs.store.vault import Vault
from tests.api.conftest import NobodyAnswers, client_of, config_of, made_once
from tests.tmf.test_server import outage
from tests.tmf_definitions import definition

BOSS = local_actor()
PASSWORD = "a long enough password"
CALLBACK = "https://192.0.2.5/listener"
SCHEMAS = {"serviceTest": "tmf653", "serviceProblem": "tmf656", "alarm": "tmf642"}


class Listener:
    """Takes events, and fails on request."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.failures: list[int] = []

    def take(self, request: httpx.Request) -> httpx.Response:
        if self.failures:
            return httpx.Response(self.failures.pop(0))
        event = json.loads(request.content)
        interface = event["domain"]
        definition(SCHEMAS[interface]).check(event["eventType"], event)
        assert event["eventType"] in EVENT_TYPES[Interface(interface)]
        self.events.append(event)
        return httpx.Response(201)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(event["eventType"], event["event"][event["domain"]].get("id")) for event in self.events]


@asynccontextmanager
async def listening(
    store_url: str, folder: Path, *, roles: Path | None = None, **tmf: Any
) -> AsyncIterator[tuple[App, Listener]]:
    """A server whose calls go to a listener instead of the network; the listener's network may be called."""
    Vault.open_or_create(folder / "vault.key")
    networks = {"callback_networks": ["192.0.2.0/24"], **tmf}
    rights = {} if roles is None else {"roles_file": str(roles)}
    config = config_of(store_url, folder, tmf=networks, rights=rights, webhooks={"retry_s": 0.01, "retry_max_s": 0.02})
    app = await build(config, caller=NobodyAnswers())
    listener = Listener()
    app.northbound.tmf.hubs._callbacks._transport = httpx.MockTransport(listener.take)
    await app.northbound.lines.put(BOSS, LineRecord("L-1", "pon"))
    try:
        yield app, listener
    finally:
        await app.stop()


async def sent(app: App, listener: Listener, count: int) -> None:
    """Send until so many events arrived."""
    for _ in range(400):
        await app.northbound.deliveries.pump()
        if len(listener.events) >= count:
            return
    raise AssertionError(f"{len(listener.events)} of {count} events arrived")


async def a_test(app: App, line: str = "L-1") -> str:
    """A line test from its beginning to its end, as the store sees it."""
    id_, now = new_id(), datetime.now(UTC)
    record = LineTestRecord(id_, line, LineTestState.RUNNING, now, now + timedelta(minutes=1), "x")
    async with app.store.transaction() as tx:
        await test_store.add(tx, record)
        await app.northbound.tmf.hubs.line_test(tx, id_)
    async with app.store.transaction() as tx:
        await test_store.finish(tx, id_, LineTestState.DONE, now, facts={}, verdict={"verdict": "NFF", "cause": "nff"})
        await app.northbound.tmf.hubs.line_test(tx, id_)
    return id_


async def test_events_arrive_once_and_in_order_though_the_listener_fails(url: str, tmp_path: Path) -> None:
    async with listening(url, tmp_path) as (app, listener):
        await app.northbound.tmf.hubs.subscribe(BOSS, Interface.SERVICE_TEST, CALLBACK, base="http://acs.example")
        listener.failures = [500, 503, 429]
        ids = [await a_test(app), await a_test(app)]
        await sent(app, listener, 4)
        created, changed = "ServiceTestCreateEvent", "ServiceTestStateChangeEvent"
        assert listener.told == [(created, ids[0]), (changed, ids[0]), (created, ids[1]), (changed, ids[1])]
        assert len({event["eventId"] for event in listener.events}) == 4
        href = listener.events[0]["event"]["serviceTest"]["href"]
        assert href == f"http://acs.example/tmf-api/serviceTestManagement/v4/serviceTest/{ids[0]}"


async def test_a_query_chooses_events_and_things(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path) as (app, listener):
        hubs = app.northbound.tmf.hubs
        query = "eventType=ServiceTestStateChangeEvent&event.serviceTest.relatedService.id=L-1"
        await hubs.subscribe(BOSS, Interface.SERVICE_TEST, CALLBACK, query)
        await app.northbound.lines.put(BOSS, LineRecord("L-2", "pon"))
        await a_test(app, "L-2")
        wanted = await a_test(app)
        await sent(app, listener, 1)
        assert await app.northbound.deliveries.pump() == 0
        assert listener.told == [("ServiceTestStateChangeEvent", wanted)]
        with pytest.raises(InvalidInput, match="ServiceTestCreateEvent"):
            await hubs.subscribe(BOSS, Interface.SERVICE_TEST, CALLBACK, "eventType=AlarmCreateEvent")


async def test_outages_and_alarms_are_told(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path) as (app, listener):
        hubs = app.northbound.tmf.hubs
        await hubs.subscribe(BOSS, Interface.SERVICE_PROBLEM, CALLBACK)
        await hubs.subscribe(BOSS, Interface.ALARM, CALLBACK)
        one, at = outage(), datetime.now(UTC)
        async with app.store.transaction() as tx:
            await outage_store.put(tx, one)
            await app.northbound.deliveries.enqueue(tx, "outage.opened", {"outage": one.id}, at)
            alarm = AccessAlarm("OLT-3", "192.0.2.1", "pon_los", at, at, place="0/1/3")
            await hubs.node_alarms(tx, await access_store.add_alarms(tx, [alarm]))
        app.northbound.alarms.raise_soon("device.cloned", "device:d-1", {"serial": "x"})
        await sent(app, listener, 3)
        listed = await app.northbound.alarms.list(BOSS)
        await app.northbound.alarms.clear(BOSS, listed[0].id)
        await app.northbound.outages.confirm(BOSS, one.id, note="seen")
        await sent(app, listener, 5)
        assert sorted(event for event, _ in listener.told) == [
            "AlarmCreateEvent",
            "AlarmCreateEvent",
            "AlarmStateChangeEvent",
            "ServiceProblemCreateEvent",
            "ServiceProblemStateChangeEvent",
        ]


#: whatever is no host of somebody else's
REFUSED = (
    "https://127.0.0.1/x",
    "https://10.1.2.3/x",
    "https://169.254.169.254/latest/meta-data",
    "https://[::1]/x",
    "https://[::ffff:10.0.0.1]/x",
    "https://[fe80::1]/x",
    "https://0.0.0.0/x",
    "https://224.0.0.1/x",
    "http://192.0.2.5/x",
    "https://user:password@192.0.2.5/x",
    "ftp://192.0.2.5/x",
    "https:///x",
    "https://nobody.invalid/x",
)


async def test_a_callback_leads_nowhere_inside(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path) as (app, _):
        for callback in REFUSED:
            with pytest.raises(InvalidInput):
                await app.northbound.tmf.hubs.subscribe(BOSS, Interface.ALARM, callback)


async def test_a_callback_whose_name_leads_inside_later_is_not_called(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path) as (app, listener):
        hubs = app.northbound.tmf.hubs
        made = await hubs.subscribe(BOSS, Interface.SERVICE_TEST, CALLBACK)
        moved = tmf_store.Subscription(
            id=new_id(), interface="serviceTest", callback="https://10.0.0.1/x", query="", base="", token="",
            actor="cli", created_at=made.created_at,
        )  # fmt: skip
        async with app.store.transaction() as tx:
            await tmf_store.add_subscription(tx, moved)
        await a_test(app)
        await sent(app, listener, 2)
        waiting = [one for one in await app.northbound.deliveries.list(BOSS) if one.state.value == "pending"]
        assert waiting and all("callback_networks" in one.last_error for one in waiting if one.last_error)


async def test_a_listener_ends_with_its_token(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path) as (app, listener):
        made = await app.northbound.access.create(BOSS, "noc", ["read"])
        actor = await app.northbound.access.authenticate(made.secret, "192.0.2.5")
        assert actor is not None
        await app.northbound.tmf.hubs.subscribe(actor, Interface.SERVICE_TEST, CALLBACK)
        await a_test(app)
        await app.northbound.access.revoke(BOSS, made.record.id)
        await app.northbound.deliveries.pump()
        assert listener.events == []
        async with app.store.reading() as tx:
            assert await tmf_store.subscriptions(tx) == []


async def test_a_listener_ends_with_the_rights_of_the_person_who_subscribed(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path) as (app, listener):
        people, hubs = app.northbound.people, app.northbound.tmf.hubs
        eve = Actor("eve", "person", frozenset({Scope.READ}), person="eve")
        await people.add(local_actor(), "eve", [GrantRecord("viewer")])
        for _ in range(2):
            await hubs.subscribe(eve, Interface.SERVICE_TEST, CALLBACK)
        await people.set_grants(local_actor(), "eve", [GrantRecord("viewer", ("region:north",))])
        async with app.store.reading() as tx:
            assert await tmf_store.subscriptions(tx) == []
        await hubs.subscribe(eve, Interface.SERVICE_TEST, CALLBACK)
        await people.set_disabled(local_actor(), "eve", disabled=True)
        await a_test(app)
        await app.northbound.deliveries.pump()
        assert listener.told == []


@pytest.mark.parametrize("end", ["sign-out", "password", "factor", "expiry"])
async def test_a_listener_ends_with_the_session_that_subscribed(store_url: str, tmp_path: Path, end: str) -> None:
    async with listening(store_url, tmp_path) as (app, listener):
        north = app.northbound
        await north.people.add(local_actor(), "eve", [GrantRecord("viewer")], password=PASSWORD)
        session = await north.sign_ins.sign_in("eve", PASSWORD, "", "192.0.2.5")
        eve = await north.access.authenticate(session.token, "192.0.2.5")
        assert eve is not None
        await north.tmf.hubs.subscribe(eve, Interface.SERVICE_TEST, CALLBACK)
        await a_test(app)
        await sent(app, listener, 2)
        if end == "sign-out":
            await north.sign_ins.sign_out(eve)
        elif end == "password":
            await north.people.set_password(local_actor(), "eve", "another long password")
        elif end == "factor":
            await north.people.new_factor(local_actor(), "eve")
        else:
            async with app.store.transaction() as tx:
                await tx.run(update(tokens).where(tokens.c.id == eve.id).values(expires_at=micros(datetime.now(UTC))))
            await north.sign_ins.sign_in("eve", PASSWORD, "", "192.0.2.5")
        await a_test(app)
        await north.deliveries.pump()
        assert len(listener.told) == 2
        async with app.store.reading() as tx:
            assert await tmf_store.subscriptions(tx) == []


@pytest.mark.parametrize("who", ["person", "token"])
async def test_a_listener_ends_when_its_role_reads_no_more(store_url: str, tmp_path: Path, who: str) -> None:
    """The operator's file of roles changed: who subscribed as an auditor hears nothing from the next start on."""
    roles = tmp_path / "roles.toml"
    roles.write_text('[auditor]\ntitle = "x"\nverbs = ["read"]\n')
    async with listening(store_url, tmp_path, roles=roles) as (app, listener):
        grants = [GrantRecord("auditor")]
        if who == "person":
            await app.northbound.people.add(local_actor(), "eve", grants, password=PASSWORD)
            await app.northbound.sign_ins.sign_in("eve", PASSWORD, "", "192.0.2.5")
        else:
            await app.northbound.access.create(local_actor(), "eve", grants=grants)
        eve = Actor("eve", who, frozenset(), grants=app.northbound.access.roles.grants(grants))  # type: ignore[arg-type]
        await app.northbound.tmf.hubs.subscribe(eve, Interface.SERVICE_TEST, CALLBACK)
        await a_test(app)
        await sent(app, listener, 2)
    roles.write_text('[auditor]\ntitle = "x"\nverbs = ["test"]\n')
    async with listening(store_url, tmp_path, roles=roles) as (app, listener):
        await a_test(app)
        await app.northbound.deliveries.pump()
        assert listener.told == []
        async with app.store.reading() as tx:
            assert await tmf_store.subscriptions(tx) == []


async def test_a_listener_hears_of_its_own_lines_only(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path) as (app, listener):
        await app.northbound.lines.put(BOSS, LineRecord("L-2", "pon"))
        async with app.store.transaction() as tx:
            await group_store.put(tx, {"L-1": LineGroups("north"), "L-2": LineGroups("south")})
        north = Actor(
            "n", "person", frozenset(), grants=(Grant(frozenset({Scope.READ}), parse_groups(["region:north"])),)
        )
        with viewing(View()) as view:
            limit(view, north)
            await app.northbound.tmf.hubs.subscribe(north, Interface.SERVICE_TEST, CALLBACK)
            with pytest.raises(Exception, match="all lines"):
                await app.northbound.tmf.hubs.subscribe(north, Interface.ALARM, CALLBACK)
        await a_test(app, "L-2")
        heard = await a_test(app, "L-1")
        await sent(app, listener, 2)
        assert {id_ for _, id_ in listener.told} == {heard}


async def test_subscribing_by_the_api(app: App) -> None:
    async with await client_of(app, "read") as client:
        transport = httpx.ASGITransport(made_once(app.northbound))
        async with httpx.AsyncClient(transport=transport, base_url="http://server", headers=client.headers) as api:
            hub = "/tmf-api/alarm/v4/hub"
            body = {"callback": "https://8.8.8.8/x", "query": "eventType=AlarmCreateEvent"}
            definition("tmf642").check("EventSubscriptionInput", body)
            made = await api.post(hub, json=body)
            assert made.status_code == 201, made.text
            definition("tmf642").check("EventSubscription", made.json())
            assert (await api.post(hub, json=body)).json() == made.json(), "the same again is the same listener"
            refused = await api.post(hub, json={"callback": "https://127.0.0.1/x"})
            assert refused.status_code == 400
            definition("tmf642").check("Error", refused.json())
            assert (await api.delete(f"/tmf-api/serviceTestManagement/v4/hub/{made.json()['id']}")).status_code == 404
            assert (await api.delete(made.headers["Location"])).status_code == 204
            assert (await api.delete(made.headers["Location"])).status_code == 404


async def test_only_its_own_actor_removes_a_listener(store_url: str, tmp_path: Path) -> None:
    async with listening(store_url, tmp_path, subscriptions=1) as (app, _):
        hubs = app.northbound.tmf.hubs
        one, other = (Actor(name, "token", frozenset({"read"})) for name in ("one", "other"))
        made = await hubs.subscribe(one, Interface.ALARM, CALLBACK)
        with pytest.raises(Exception, match=r"tmf\.subscriptions"):
            await hubs.subscribe(other, Interface.ALARM, CALLBACK)
        with pytest.raises(NotFound):
            await hubs.unsubscribe(other, Interface.ALARM, made.id)
        await hubs.unsubscribe(BOSS, Interface.ALARM, made.id)
