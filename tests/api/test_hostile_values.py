"""Values that no honest system sends: each is refused by name, and nothing of it reaches the store."""

import itertools
import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from acs.api.bodies import Instant
from acs.app import App
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.store import after_fix
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store.after_fix import Closure
from acs.store.records import LineRecord
from tests.api.conftest import client_of
from tests.api.test_tickets import event, verdict_of
from tests.routed_api import described

NOW = utc_now().isoformat()
BIG = "1" + "0" * 400


async def with_line(app: App) -> None:
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L-1", "pon")], utc_now())


def entry(name: str, value: str, at: str = NOW) -> str:
    return f'{{"source": "s", "facts": [{{"line": "L-1", "name": "{name}", "value": {value}, "at": "{at}"}}]}}'


@pytest.mark.parametrize(
    "body",
    [
        entry("ping.rtt_ms", "NaN"),
        entry("ping.rtt_ms", "Infinity"),
        entry("ping.rtt_ms", "-1e999"),
        entry("ping.rtt_ms", '"nan"'),
        entry("ping.rtt_ms", BIG),
        entry("ping.rtt_ms", f'"{BIG}"'),
        entry("ping.rtt_ms", "true"),
        entry("contacts_14d", "-1"),
        entry("contacts_14d", "1.5"),
        entry("contacts_14d", BIG),
        entry("account.state", '"ACTIVE"'),
        entry("account.state", "null"),
        entry("account.state", "[1]"),
        entry("dns.operator_ok", "2"),
        entry("ont.last_down_at", '"0001-01-01T00:00:00+14:00"'),
        entry("ont.last_down_at", '"9999-12-31T23:59:59-12:00"'),
        entry("ont.last_down_at", '"2026-01-01"'),
        entry("bras.address", '"a\\u0000b"'),
        entry("bras.address", '"\\ud800"'),
        entry("ping.rtt_ms", "1", at="0001-01-01T00:00:00+14:00"),
        entry("ping.rtt_ms", "1", at="9999-12-31T23:59:59-12:00"),
        entry("ping.rtt_ms", "1", at=(utc_now() + timedelta(hours=1)).isoformat()),
        entry("no.such_fact", "1"),
        entry("incident.match", '"none"'),
        entry("account.state", '"active"').replace("L-1", "L-2"),
        '{"source": "\\ud800", "facts": []}',
        '{"source": "\\u0000", "facts": []}',
    ],
)
async def test_a_value_that_cannot_be_is_refused_by_name(app: App, body: str) -> None:
    await with_line(app)
    async with await client_of(app, "write") as client:
        answer = await client.post("/facts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text[:300]
    assert answer.json()["code"] == "invalid_input"
    async with app.store.reading() as tx:
        assert await fact_store.latest(tx, "L-1") == {}


async def test_the_error_names_the_entry_that_only_a_snapshot_may_give(app: App) -> None:
    await with_line(app)
    good = {"line": "L-1", "name": "account.state", "value": "active", "at": NOW}
    facts = [good, {**good, "name": "incident.match", "value": "none"}]
    async with await client_of(app, "write") as client:
        answer = await client.post("/facts", json={"source": "s", "facts": facts})
    assert "entry 2 " in answer.json()["message"], answer.text


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (
            "/planned-works/s",
            {"works": [{"id": "w", "scope": "olt-1", "from": "0001-01-01T00:00:00+14:00", "to": NOW}]},
        ),
        (
            "/planned-works/s",
            {"works": [{"id": "w", "scope": "olt-1", "from": NOW, "to": "9999-12-31T23:59:59-12:00"}]},
        ),
        ("/incidents/s", {"incidents": [{"id": "i", "scope": "a\x00b", "since": NOW}]}),
        ("/incidents/s", {"incidents": [{"id": "i\x00", "scope": "olt-1", "since": NOW}]}),
        ("/incidents/%00", {"incidents": []}),
        ("/incidents/" + "x" * 65, {"incidents": []}),
    ],
)
async def test_a_snapshot_that_cannot_be_is_refused(app_on_both: App, path: str, body: dict[str, Any]) -> None:
    async with await client_of(app_on_both, "write") as client:
        answer = await client.put(path, json={"at": NOW, **body})
    assert answer.status_code == 422, answer.text[:300]


def ticket(**members: Any) -> dict[str, Any]:
    inner = {"id": "TT-1", "description": "x", "relatedEntity": [{"id": "L-1", "@referredType": "Line"}], **members}
    return {"eventId": "e-1", "eventType": "TroubleTicketCreateEvent", "event": {"troubleTicket": inner}}


@pytest.mark.parametrize(
    "members",
    [
        {"description": "zero \u0000 inside"},
        {"description": "half \ud800 a pair"},
        {"extra": float("nan")},
        {"extra": 10**400},
        {"extra": {"deep": [[[[[[[[[[{}]]]]]]]]]]}},
        {"creationDate": "0001-01-01T00:00:00+14:00"},
        {"creationDate": "9999-12-31T23:59:59-12:00"},
        {"troubleTicketCharacteristic": [{"name": "led.los", "value": {"a": 1}}]},
        {"relatedEntity": [{"id": "L-1\u0000", "@referredType": "Line"}]},
    ],
)
async def test_a_strange_ticket_is_taken_or_refused_and_never_a_crash(
    app_on_both: App, members: dict[str, Any]
) -> None:
    app = app_on_both
    await with_line(app)
    async with await client_of(app, "tickets", "read") as client:
        body = json.dumps(ticket(**members))
        answer = await client.post("/tickets/events", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code in (201, 422), answer.text[:300]
        if answer.status_code == 201 and answer.json()["line_test"]:
            async for progress in app.northbound.line_tests.watch(local_actor(), answer.json()["line_test"]):
                assert progress.kind != "ended" or progress.data["state"] == "done", progress.data
        shown = await client.get("/tickets/TT-1")
        assert shown.status_code == (200 if answer.status_code == 201 else 404)


CSV = "line,name,value,at\n"


@pytest.mark.parametrize(
    ("text", "status", "words"),
    [
        ("\ufeff" + CSV + f"L-1,account.state,active,{NOW}\n", 200, ""),
        (CSV.replace("\n", "\r\n") + f"L-1,account.state,active,{NOW}\r\n", 200, ""),
        (CSV + f'"L-1","account.state","active","{NOW}"\n', 200, ""),
        (CSV + f"\n\nL-1 , account.state , active ,{NOW}\n\n", 200, ""),
        ("name,at,value,line\n" + f"account.state,{NOW},active,L-1", 200, ""),
        ("line,name,value\nL-1,account.state,active\n", 422, "at"),
        ("line,name,value,at,at\n", 422, "twice"),
        ("line,fact,value,at\n", 422, "fact"),
        ("", 422, "header"),
        (CSV + f'L-1,account.state,"active,{NOW}\n', 422, "quotes"),
        (CSV + "L-1,account.state,active\n", 422, "row 2"),
        (CSV + "L-1,account.state,active,today\n", 422, "row 2, column at"),
        (CSV + "L-1,account.state,active,0001-01-01T00:00:00+14:00\n", 422, "row 2, column at"),
        (CSV + f"L-1,ping.rtt_ms,nan,{NOW}\n", 422, "row 2, column value"),
        (CSV + f"L-1,ping.rtt_ms,{BIG[:150]},{NOW}\n", 422, "row 2, column value"),
        (CSV + f"L-1,incident.match,none,{NOW}\n", 422, "row 2"),
        (CSV + f"L-1,no.such,1,{NOW}\n", 422, "row 2, column name"),
        (CSV + f"L-9,account.state,active,{NOW}\n", 422, "L-9"),
        (CSV + "\x00,,,\n", 422, ""),
    ],
    ids=itertools.count(),  # an instant in a name differs in each worker
)
async def test_a_csv_of_facts_is_taken_whole_or_refused_by_row(app: App, text: str, status: int, words: str) -> None:
    await with_line(app)
    async with await client_of(app, "write") as client:
        answer = await client.post("/facts/import?source=crm", content=text, headers={"Content-Type": "text/csv"})
    assert answer.status_code == status, answer.text[:300]
    assert words in answer.text
    async with app.store.reading() as tx:
        assert bool(await fact_store.latest(tx, "L-1")) is (status == 200)


async def test_a_csv_in_another_encoding_is_refused_with_the_place(app: App) -> None:
    async with await client_of(app, "write") as client:
        body = (CSV + "Лин,account.state,active,x\n").encode("cp1251")
        answer = await client.post("/facts/import?source=crm", content=body, headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422
    assert "UTF-8" in answer.json()["message"]


@pytest.mark.parametrize("word", ["%00", "a%00b", "%FF%FE", "%ED%A0%80", "'%3B--", "%25", "x" * 4000])
async def test_a_strange_name_is_not_found_and_never_a_crash(app_on_both: App, word: str) -> None:
    paths = (
        f"/lines?search={word[:200]}",
        f"/lines?after={word[:500]}",
        f"/lines/{word}",
        f"/devices?search={word[:200]}",
        f"/devices?line={word[:60]}",
        f"/devices/{word}",
        f"/devices/{word}/parameters?path={word[:200]}",
        f"/operations?device={word[:500]}",
        f"/operations/{word}",
        f"/operations/{word}/events",
        f"/line-tests?line={word[:60]}&ticket={word[:60]}",
        f"/line-tests?before={word[:60]}",
        f"/line-tests/{word}",
        f"/line-tests/{word}/events",
        f"/tickets?line={word[:60]}",
        f"/tickets/{word}",
    )
    async with await client_of(app_on_both, "read") as client:
        for path in paths:
            answer = await client.get(path)
            assert answer.status_code in (200, 404, 422), (path, answer.text[:200])
    async with await client_of(app_on_both, "admin") as client:
        assert (await client.post(f"/lines/{word}/tests")).status_code in (404, 422)
        assert (await client.put(f"/lines/{word}", json={"technology": "pon"})).status_code in (404, 422, 200, 201)
        assert (await client.delete(f"/access-nodes/{word}")).status_code in (404, 422)
        assert (await client.delete(f"/tokens/{word}")).status_code in (404, 422)
        node = await client.put(f"/access-nodes/{word}", json={"address": "192.0.2.1"})
        assert node.status_code in (200, 404, 422), node.text


#: instants that have no counterpart in UTC
BESIDE_TIME = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00")


def test_no_instant_of_the_api_lies_outside_of_utc() -> None:
    """Every instant that comes in is an `Instant`; how each form of the API says it is asked of the code itself."""
    for at in BESIDE_TIME:
        with pytest.raises(ValidationError, match="of this century"):
            TypeAdapter(Instant).validate_python(at)
    loose = [path for path in Path("acs/api").rglob("*.py") if "AwareDatetime" in path.read_text()]
    assert [path.name for path in loose] == ["bodies.py"]


@pytest.mark.parametrize("at", [*BESIDE_TIME, "0001-01-01T00:00:00Z", "2020-01-01T00:00:00Z"])
async def test_a_ticket_was_not_closed_before_it_came(app: App, at: str) -> None:
    await with_line(app)
    async with await client_of(app, "tickets", "read", "operate") as client:
        ticket = event("e-1", "N-1", relatedEntity=[{"id": "L-1", "role": "line", "@referredType": "Line"}])
        assert (await client.post("/tickets/events", json=ticket)).status_code == 201
        await verdict_of(client, "N-1")
        for path, body in (
            ("/tickets/N-1/closure", {"code": "drop_fibre_cut", "at": at}),
            ("/closures", {"closures": [{"ticket": "N-1", "code": "drop_fibre_cut", "at": at}]}),
        ):
            answer = await client.post(path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input"), answer.text


async def test_a_ticket_that_is_handed_in_late_was_closed_when_its_system_says(app: App) -> None:
    await with_line(app)
    closed, opened = utc_now() - timedelta(days=2), utc_now() - timedelta(days=3)
    async with await client_of(app, "tickets", "read", "operate") as client:
        related = [{"id": "L-1", "role": "line", "@referredType": "Line"}]
        ticket = event("e-1", "N-1", relatedEntity=related, creationDate=opened.isoformat())
        assert (await client.post("/tickets/events", json=ticket)).status_code == 201
        await verdict_of(client, "N-1")
        body = {"code": "drop_fibre_cut", "at": closed.isoformat()}
        assert (await client.post("/tickets/N-1/closure", json=body)).status_code == 200


async def test_reports_survive_an_instant_that_cannot_be(app_on_both: App) -> None:
    """An earlier release stored it."""
    await with_line(app_on_both)
    async with await client_of(app_on_both, "tickets", "read", "operate") as client:
        ticket = event("e-1", "N-1", relatedEntity=[{"id": "L-1", "role": "line", "@referredType": "Line"}])
        assert (await client.post("/tickets/events", json=ticket)).status_code == 201
        await verdict_of(client, "N-1")
        for at in BESIDE_TIME:
            closure = Closure("N-1", "c", "drop_fibre_cut", datetime.fromisoformat(at), "x", line="L-1")
            async with app_on_both.store.transaction() as tx:
                await after_fix.put_closure(tx, closure)
            for path in ("/reports/operating", "/reports/quality", "/reports/operating.csv"):
                answer = await client.get(path)
                assert answer.status_code == 200, (path, answer.text)


def integers(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Every integer that a value of this schema may be."""
    inner = [one for key in ("anyOf", "oneOf", "allOf") for one in schema.get(key, ())]
    return [found for one in inner for found in integers(one)] + ([schema] if schema.get("type") == "integer" else [])


async def test_no_integer_in_an_address_is_larger_than_the_store_holds(app: App) -> None:
    """Derived from the OpenAPI document: each has its greatest value, which is taken; the next one is refused."""
    bounds = {
        (path, each["name"]): one.get("maximum", one.get("exclusiveMaximum"))
        for path, methods in described()["paths"].items()
        for operation in methods.values()
        for each in operation.get("parameters", ())
        for one in integers(each["schema"])
        if each["in"] in ("query", "path")
    }
    assert len(bounds) >= 20, "they were found"
    unbounded = {at: most for at, most in bounds.items() if most is None or most >= 2**63}
    assert not unbounded
    async with await client_of(app, "read") as client:
        for at, status in ((2**63 - 1, 200), (2**63, 422), (10**25, 422)):
            assert (await client.get("/access-alarms", params={"after": at})).status_code == status
        for (path, name), most in bounds.items():
            if "{" not in path:
                answer = await client.get(f"http://server{path}", params={name: most, "source": "x", "line": "x"})
                assert answer.status_code < 500, (path, name, answer.text)


async def test_no_instant_in_an_address_is_one_that_cannot_be(app: App) -> None:
    """Derived from the OpenAPI document: every parameter that is an instant refuses what has no counterpart in UTC."""
    instants = [
        (path.replace("{key}", "x"), each["name"])
        for path, methods in described()["paths"].items()
        for each in methods.get("get", {}).get("parameters", ())
        for one in (each["schema"], *each["schema"].get("anyOf", ()))
        if one.get("format") == "date-time" and each["in"] == "query"
    ]
    assert len(instants) >= 4, "they were found"
    async with await client_of(app, "read", "audit", "reports") as client:
        for path, name in instants:
            for at in (*BESIDE_TIME, "2026-01-01T00:00:00"):
                answer = await client.get(f"http://server{path}", params={name: at, "fact": "ont.rx_dbm"})
                assert answer.status_code == 422, (path, name, at, answer.text)
