"""Hooks over real services: keys, limits, the freeze, "is it fixed?"; a device that answers stands in the store."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, update

from acs.app import App
from acs.errors import Conflict, StoreError
from acs.services.actor import local_actor, system_actor
from acs.services.hooks import HookRequest
from acs.services.identifiers import new_id
from acs.services.slots import Priority
from acs.store import audit as audit_store
from acs.store import groups as group_store
from acs.store import hooks as hook_store
from acs.store import line_tests as test_store
from acs.store import lines as line_store
from acs.store import operations as operation_store
from acs.store import tickets as ticket_store
from acs.store import trees as tree_store
from acs.store.groups import LineGroups
from acs.store.records import (
    GrantRecord,
    Json,
    LineRecord,
    LineTestRecord,
    LineTestState,
    TicketRecord,
    TreeUpdate,
)
from acs.store.schema import hook_calls, line_tests, operations
from tests.api.conftest import client_of
from tests.api.test_tickets import event
from tests.store.make import opening

KEY = "001122-B-S1"
PPP = "Device.PPP.Interface.1."
REBOOT = {"line": "L-1", "wait_s": 0, "reason": "no link"}


async def line_with_cpe(app: App) -> None:
    now = datetime.now(UTC)
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L-1", "pon", pppoe_login="user-1"), LineRecord("L-2", "pon")], now)
    await app.store.sessions.open(
        opening(now, key=KEY, oui="001122", product_class="B", serial_number="S1", session_id=new_id(), values=())
    )
    async with app.store.transaction() as tx:
        await line_store.bind_device(tx, "L-1", KEY)


def key(name: str) -> dict[str, str]:
    return {"Idempotency-Key": name}


async def rows(app: App, table: Any) -> int:
    async with app.store.reading() as tx:
        found = await tx.one(select(func.count()).select_from(table))
    assert found is not None
    return int(found[0])


async def settle(app: App, state: str) -> None:
    at = int(datetime.now(UTC).timestamp() * 1e6)
    async with app.store.transaction() as tx:
        await tx.run(update(operations).values(state=state, finished_at=at))


@pytest.fixture
async def ticketing(app: App) -> httpx.AsyncClient:
    await line_with_cpe(app)
    return await client_of(app, "operate", "tickets", "read", "freeze")


async def test_the_same_key_and_body_is_one_reboot_and_one_answer(app_on_both: App) -> None:
    await line_with_cpe(app_on_both)
    async with await client_of(app_on_both, "operate", "read") as client:
        answers = await asyncio.gather(
            *(client.post("/hooks/reboot", json=REBOOT, headers=key("event-7")) for _ in range(8))
        )
        assert {answer.status_code for answer in answers} == {202}, answers[0].text
        assert len({answer.text for answer in answers}) == 1
        told = answers[0].json()
        assert (told["state"], told["device"], len(told["operations"])) == ("running", KEY, 1)
        assert answers[0].headers["Location"] == f"/api/v1/hooks/{told['id']}"
        assert await rows(app_on_both, operations) == 1
        await settle(app_on_both, "succeeded")
        again = await client.post("/hooks/reboot", json=REBOOT, headers=key("event-7"))
        assert (again.status_code, again.json()["state"]) == (200, "done")
        assert (await client.get(f"/hooks/{told['id']}")).json() == again.json()
        assert [one["id"] for one in (await client.get("/hooks", params={"line": "L-1"})).json()] == [told["id"]]


async def test_a_ticket_system_follows_its_own_calls_and_nobody_elses(app_on_both: App) -> None:
    await line_with_cpe(app_on_both)
    async with await client_of(app_on_both, "operate", "read") as other:
        its = (await other.post("/hooks/line-test", json={"line": "L-1", "wait_s": 20}, headers=key("a"))).json()
    made = await app_on_both.northbound.access.create(local_actor(), "crm", [], grants=[GrantRecord("ticket-system")])
    async with await client_of(app_on_both, "tickets") as client:
        assert (await client.get("/hooks", params={"line": "L-1"})).status_code == 403, "it may call none"
        client.headers["Authorization"] = f"Bearer {made.secret}"
        told = await client.post("/hooks/line-test", json={"line": "L-1", "wait_s": 20}, headers=key("a"))
        followed = await client.get(told.headers["Location"].removeprefix("/api/v1"))
        assert (followed.status_code, followed.json()) == (200, told.json()), followed.text
        assert [one["id"] for one in (await client.get("/hooks", params={"line": "L-1"})).json()] == [told.json()["id"]]
        for id_ in (its["id"], "nothing"):
            assert (await client.get(f"/hooks/{id_}")).status_code == 404


async def crm_of(app: App, region: str) -> httpx.AsyncClient:
    """The ticket system of a region; that of the region before has gone, and its name was free."""
    for token in await app.northbound.access.list(local_actor()):
        if token.name == "crm" and token.revoked_at is None:
            await app.northbound.access.revoke(local_actor(), token.id)
    grants = [GrantRecord("ticket-system", (f"region:{region}",))]
    made = await app.northbound.access.create(local_actor(), "crm", [], grants=grants)
    client = await client_of(app, "tickets")
    client.headers["Authorization"] = f"Bearer {made.secret}"
    return client


async def test_a_key_of_another_region_is_refused_without_a_word_of_what_it_stands_for(app_on_both: App) -> None:
    await line_with_cpe(app_on_both)
    async with app_on_both.store.transaction() as tx:
        await group_store.put(tx, {"L-1": LineGroups(region="north"), "L-2": LineGroups(region="south")})
    body = {"line": "L-1", "wait_s": 0, "ticket": "TT-north"}
    async with await crm_of(app_on_both, "north") as north:
        told = await north.post("/hooks/line-test", json=body, headers=key("event-1"))
        assert told.status_code == 202, told.text
    async with await crm_of(app_on_both, "south") as south:
        for other in ({**body, "line": "L-2", "ticket": "TT-south"}, {**body, "line": "L-2"}):
            refused = await south.post("/hooks/line-test", json=other, headers=key("event-1"))
            assert (refused.status_code, refused.json()["code"]) == (409, "conflict"), refused.text
            for secret in (told.json()["id"], "TT-north", "L-1", "north"):
                assert secret not in refused.text.replace("TT-south", "")
        russian = await south.post("/hooks/line-test", json=other, headers={**key("event-1"), "Accept-Language": "ru"})
        assert russian.json()["message"].endswith("для нового вопроса нужен свой ключ"), russian.text
        assert (await south.post("/hooks/line-test", json=other, headers=key("event-2"))).status_code == 202


async def test_a_key_of_an_operation_out_of_reach_is_refused_in_words(app_on_both: App) -> None:
    await line_with_cpe(app_on_both)
    path, body = f"/devices/{KEY}/operations", {"kind": "reboot"}
    grants = [GrantRecord("second-line", ("region:north",))]
    made = await app_on_both.northbound.access.create(local_actor(), "moved", [], grants=grants)
    async with await client_of(app_on_both, "tickets") as client:
        client.headers["Authorization"] = f"Bearer {made.secret}"
        async with app_on_both.store.transaction() as tx:
            await group_store.put(tx, {"L-1": LineGroups(region="north"), "L-2": LineGroups(region="south")})
        first = await client.post(path, json=body, headers=key("a"))
        assert first.status_code == 202, first.text
        async with app_on_both.store.transaction() as tx:
            other = "001122-B-S2"
            await line_store.upsert(tx, [LineRecord("L-3", "pon")], datetime.now(UTC))
            await group_store.put(tx, {"L-1": LineGroups(region="south"), "L-3": LineGroups(region="north")})
        await app_on_both.store.sessions.open(
            opening(
                datetime.now(UTC), key=other, oui="001122", product_class="B", serial_number="S2",
                session_id=new_id(), values=(),
            )
        )  # fmt: skip
        async with app_on_both.store.transaction() as tx:
            await line_store.bind_device(tx, "L-3", other)
        refused = await client.post(f"/devices/{other}/operations", json=body, headers=key("a"))
    assert refused.status_code == 409 and "may not see" in refused.json()["message"], refused.text
    assert first.json()["id"] not in refused.text and KEY not in refused.text


async def test_the_audit_shows_the_key_of_a_call(app: App, ticketing: httpx.AsyncClient) -> None:
    await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("event-7"))
    async with app.store.reading() as tx:
        (entry,) = await audit_store.list_entries(tx, target="line:L-1", limit=1)
    assert "event-7" in str(entry.detail)


async def test_another_body_under_a_known_key_is_refused(ticketing: httpx.AsyncClient) -> None:
    assert (await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("a"))).status_code == 202
    for path, body in (("/hooks/reboot", {**REBOOT, "reason": "other"}), ("/hooks/line-test", {"line": "L-1"})):
        refused = await ticketing.post(path, json=body, headers=key("a"))
        assert refused.status_code == 409
        assert "another body" in refused.json()["message"]
    longer = await ticketing.post("/hooks/reboot", json={**REBOOT, "wait_s": 0.1}, headers=key("a"))
    assert longer.status_code == 202, "how long one waits is no other question"
    assert (await ticketing.post("/hooks/reboot", json=REBOOT)).status_code == 422


async def test_a_call_that_broke_off_is_taken_up_by_its_repetition(app: App, ticketing: httpx.AsyncClient) -> None:
    first = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("a"))
    async with app.store.transaction() as tx:  # as if the process had died before it noted the operation
        await tx.run(update(hook_calls).values(operations="[]"))
    again = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("a"))
    assert again.json()["operations"] == first.json()["operations"]
    assert await rows(app, operations) == 1


def failing_once(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """From now on the store of hooks fails in this once."""
    real, failures = getattr(hook_store, name), [StoreError("the database is away for a moment")]

    async def fails_once(*given: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return await real(*given, **named)

    monkeypatch.setattr(hook_store, name, fails_once)


async def test_a_store_that_fails_while_the_reboot_is_noted_makes_no_second_reboot(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    await line_with_cpe(app_on_both)
    failing_once(monkeypatch, "set_operations")
    async with await client_of(app_on_both, "operate", "read") as client:
        answers = [await client.post("/hooks/reboot", json=REBOOT, headers=key("event-1")) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503, 202, 202]
    assert answers[1].json()["operations"] == answers[2].json()["operations"]
    assert (await rows(app_on_both, operations), await rows(app_on_both, hook_calls)) == (1, 1)


async def test_a_restart_that_has_not_ended_is_not_asked_for_again(app: App, ticketing: httpx.AsyncClient) -> None:
    """Another event about the same home, and a key of its own: the first restart is named, and the key stays free."""
    first = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("a"))
    other = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("b"))
    assert other.status_code == 409 and first.json()["operations"][0]["id"] in other.json()["message"]
    again = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("a"))
    assert again.json()["operations"] == first.json()["operations"]
    await settle(app, "failed")
    assert (await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("b"))).status_code == 202


async def test_a_line_and_a_ticket_are_rebooted_so_often_and_no_more(app: App, ticketing: httpx.AsyncClient) -> None:
    for n in range(2):
        body = {**REBOOT, "ticket": "TT-1"}
        assert (await ticketing.post("/hooks/reboot", json=body, headers=key(f"t{n}"))).status_code == 202
        await settle(app, "succeeded")
    refused = await ticketing.post("/hooks/reboot", json={**REBOOT, "ticket": "TT-1"}, headers=key("t2"))
    assert refused.status_code == 429
    assert "ticket TT-1" in refused.json()["message"]
    assert 86_000 < int(refused.headers["Retry-After"]) <= 86_401
    await app.operations.request(local_actor(), KEY, "reboot", {})  # a person's counts too
    refused = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("l"))
    assert refused.status_code == 429
    assert KEY in refused.json()["message"]
    repeated = await ticketing.post("/hooks/reboot", json={**REBOOT, "ticket": "TT-1"}, headers=key("t1"))
    assert (repeated.status_code, repeated.json()["state"]) == (200, "done"), "a repetition is no further call"
    with pytest.raises(Exception, match="are allowed"):
        await app.northbound.hooks.call(system_actor("automatic"), "reboot", HookRequest(line="L-1"), "x", wait_s=0)
    assert await rows(app, operations) == 3


async def test_a_reboot_that_a_person_asked_for_counts_for_the_ticket(app: App, ticketing: httpx.AsyncClient) -> None:
    body = {**REBOOT, "ticket": "TT-1"}
    assert (await ticketing.post("/hooks/reboot", json=body, headers=key("a"))).status_code == 202
    await settle(app, "succeeded")
    await app.operations.request(local_actor(), KEY, "reboot", {}, ticket="TT-1")
    await settle(app, "succeeded")
    refused = await ticketing.post("/hooks/reboot", json=body, headers=key("b"))
    assert refused.status_code == 429 and "ticket TT-1: 2 calls" in refused.json()["message"]
    other = await ticketing.post("/hooks/reboot", json={**REBOOT, "ticket": "TT-2"}, headers=key("c"))
    assert other.status_code == 202, other.text


async def test_restarts_are_counted_however_much_else_was_done(app: App, ticketing: httpx.AsyncClient) -> None:
    for _ in range(3):
        await app.operations.request(local_actor(), KEY, "reboot", {})
        await settle(app, "succeeded")
    async with app.store.transaction() as tx:
        (one, *_) = await operation_store.list_operations(tx, device=KEY)
        for n in range(200):
            more = replace(one, id=new_id(), kind="get", command_key=f"more-{n}", created_at=datetime.now(UTC))
            await operation_store.add(tx, more)
    refused = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("a"))
    assert refused.status_code == 429 and KEY in refused.json()["message"]


@pytest.mark.parametrize("hook", ["line-test", "is-it-fixed"])
async def test_a_hook_of_a_program_gives_way_to_engineers(
    app: App, ticketing: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, hook: str
) -> None:
    """A ticket system fills no place that is kept for engineers; a person's own call is an engineer's."""
    tests = app.northbound.line_tests
    asked: list[Priority] = []
    opened = tests._running.open

    def opens(record: LineTestRecord, priority: Priority) -> Any:
        asked.append(priority)
        return opened(record, priority)

    monkeypatch.setattr(tests._running, "open", opens)
    called = await ticketing.post(f"/hooks/{hook}", json={"line": "L-1", "wait_s": 0}, headers=key("a"))
    assert called.status_code == 202, called.text
    await tests.stop()
    person = replace(local_actor(), person="ann")
    await app.northbound.hooks.call(person, hook, HookRequest(line="L-2"), "p", wait_s=0)
    assert asked == [Priority.TICKET, Priority.OPERATOR]


async def test_the_freeze_stops_what_writes_and_lets_what_reads_go_on(app: App, ticketing: httpx.AsyncClient) -> None:
    thrown = await ticketing.put("/freeze", json={"frozen": True, "reason": "core works"})
    assert (thrown.status_code, thrown.json()["reason"]) == (200, "core works")
    health = (await ticketing.get("/health")).json()
    assert (health["status"], health["frozen"]) == ("ok", True)
    assert "acs_frozen 1.0" in (await ticketing.get("/metrics")).text
    for path, body in (("/hooks/reboot", REBOOT), ("/hooks/resync", {"line": "L-1", "wait_s": 0})):
        refused = await ticketing.post(path, json=body, headers=key(path))
        assert (refused.status_code, refused.json()["code"]) == (423, "frozen"), refused.text
        assert "core works" in refused.json()["message"]
    for kind, arguments in (("reboot", {}), ("set", {"values": {"Device.X": "1"}}), ("factory_reset", {})):
        body = {"kind": kind, "arguments": arguments}
        assert (await ticketing.post(f"/devices/{KEY}/operations", json=body)).status_code == 423, kind
    refresh = await ticketing.post(f"/devices/{KEY}/operations", json={"kind": "refresh"})
    assert refresh.status_code < 300, refresh.text
    tested = await ticketing.post("/hooks/line-test", json={"line": "L-1", "wait_s": 20}, headers=key("test"))
    assert (tested.status_code, tested.json()["state"]) == (200, "done")
    assert await rows(app, hook_calls) == 1
    lifted = await ticketing.put("/freeze", json={"frozen": False, "reason": "works over"})
    assert lifted.json()["frozen"] is False
    after = await ticketing.post("/hooks/reboot", json=REBOOT, headers=key("/hooks/reboot"))
    assert after.status_code == 202, "the key was not used up by a refusal"


async def test_only_who_may_throws_the_switch(app: App) -> None:
    async with await client_of(app, "operate", "read") as client:
        refused = await client.put("/freeze", json={"frozen": True, "reason": "x"})
        assert refused.status_code == 403
        assert (await client.get("/freeze")).json() == {"frozen": False, "by": None, "at": None, "reason": None}


async def test_is_it_fixed_is_held_against_the_tickets_first_test(app: App, ticketing: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    first = LineTestRecord(new_id(), "L-1", LineTestState.RUNNING, now, now, "crm", ticket="TT-1")
    facts: Json = {"facts": [{"name": "ont.rx_dbm", "value": -29.0, "quality": "ok"}]}
    verdict: Json = {"verdict": "DISPATCH_HOME", "cause": "low_rx_single"}
    async with app.store.transaction() as tx:
        await test_store.add(tx, first)
        await test_store.finish(tx, first.id, LineTestState.DONE, now, facts=facts, verdict=verdict)
        await ticket_store.add(tx, TicketRecord("TT-1", "e1", now, "crm", event("e1"), "L-1", first.id))
        await ticket_store.add(tx, TicketRecord("TT-2", "e2", now, "crm", {}, None, None))
    asked = await ticketing.post("/hooks/is-it-fixed", json={"ticket": "TT-1", "wait_s": 20}, headers=key("q"))
    told = asked.json()
    assert (asked.status_code, told["state"], told["line"]) == (200, "done", "L-1"), asked.text
    assert told["line_test"] != first.id
    assert told["outcome"] in ("fixed", "same", "other", "unknown")
    assert told["fixed"] is {"fixed": True, "same": False, "other": False, "unknown": None}[told["outcome"]]
    assert "ont.rx_dbm" in {row["name"] for row in told["changes"]}
    for body, status in (({"ticket": "TT-2"}, 404), ({"ticket": "TT-9"}, 404), ({}, 422), ({"line": "L-9"}, 404)):
        refused = await ticketing.post("/hooks/is-it-fixed", json=body, headers=key(f"n{status}{body}"))
        assert refused.status_code == status, refused.text


async def test_a_session_is_restarted_where_the_tree_shows_one(app: App, ticketing: httpx.AsyncClient) -> None:
    body = {"line": "L-1", "what": "session", "wait_s": 0}
    refused = await ticketing.post("/hooks/resync", json=body, headers=key("s"))
    assert (refused.status_code, "no session" in refused.json()["message"]) == (409, True)
    assert await rows(app, hook_calls) == 0, "what began nothing is not counted"
    values = {f"{PPP}{name}": (value, "xsd:string") for name, value in (("Reset", "0"), ("Username", "user-1"))}
    values |= {"Device.PPP.Interface.2.Reset": ("0", "xsd:boolean"), "Device.PPP.Interface.2.Username": ("tv", "x")}
    async with app.store.transaction() as tx:
        await tree_store.merge(tx, KEY, TreeUpdate(values, datetime.now(UTC), (), frozenset()))
    told = (await ticketing.post("/hooks/resync", json=body, headers=key("s"))).json()
    operation = (await ticketing.get(f"/operations/{told['operations'][0]['id']}")).json()
    assert operation["arguments"] == {"values": {f"{PPP}Reset": True}}
    both = {"line": "L-1", "what": "all", "wait_s": 0}
    told = (await ticketing.post("/hooks/resync", json=both, headers=key("b"))).json()
    assert [one["kind"] for one in told["operations"]] == ["refresh", "provision", "set"]


async def test_a_later_step_that_is_refused_does_not_queue_the_first_anew(
    app: App, ticketing: httpx.AsyncClient
) -> None:
    body = {"line": "L-1", "what": "all", "wait_s": 0}
    real = app.operations.request

    async def refuses_to_provision(actor: Any, device: str, kind: str, *given: Any, **named: Any) -> Any:
        if kind == "provision":
            raise Conflict("the device is not to be provisioned")
        return await real(actor, device, kind, *given, **named)

    values = {f"{PPP}{name}": (value, "xsd:string") for name, value in (("Reset", "0"), ("Username", "user-1"))}
    async with app.store.transaction() as tx:
        await tree_store.merge(tx, KEY, TreeUpdate(values, datetime.now(UTC), (), frozenset()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(app.operations, "request", refuses_to_provision)
        for _ in range(2):
            assert (await ticketing.post("/hooks/resync", json=body, headers=key("b"))).status_code == 409
    told = (await ticketing.post("/hooks/resync", json=body, headers=key("b"))).json()
    assert [one["kind"] for one in told["operations"]] == ["refresh", "provision", "set"]
    assert await rows(app, operations) == 3


async def test_the_device_must_be_clear(ticketing: httpx.AsyncClient) -> None:
    refused = await ticketing.post("/hooks/reboot", json={"line": "L-2"}, headers=key("x"))
    assert (refused.status_code, "L-2 has no CPE yet" in refused.json()["message"]) == (409, True)
    other = await ticketing.post("/hooks/reboot", json={"line": "L-1", "device": "nobody"}, headers=key("y"))
    assert other.status_code == 404
    long = await ticketing.post("/hooks/reboot", json={"line": "L-1", "wait_s": 31}, headers=key("z"))
    assert (long.status_code, "wait_s" in long.json()["message"]) == (422, True)


async def test_twenty_line_tests_at_once_under_one_key_are_one_test(app: App, ticketing: httpx.AsyncClient) -> None:
    body = {"line": "L-1", "wait_s": 0}
    answers = await asyncio.gather(
        *(ticketing.post("/hooks/line-test", json=body, headers=key("k")) for _ in range(20))
    )
    assert {answer.json()["line_test"] for answer in answers} == {answers[0].json()["line_test"]}
    assert await rows(app, line_tests) == 1
