"""The door of other systems: facts, readings, incidents, works; one wrong entry refuses all."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.services.clock import utc_now
from acs.store import scopes
from tests.api.conftest import client_of


def at(**ago: float) -> str:
    return (utc_now() - timedelta(**ago)).isoformat()


def fact(name: str = "account.state", value: Any = "active", line: str = "L-1", **more: Any) -> dict[str, Any]:
    return {"line": line, "name": name, "value": value, "at": at(minutes=1), **more}


async def with_line(app: App) -> httpx.AsyncClient:
    client = await client_of(app, "write", "read")
    await client.post("/lines/import", content=b"id,technology\nL-1,pon\n", headers={"Content-Type": "text/csv"})
    return client


async def told(client: httpx.AsyncClient) -> dict[str, Any]:
    return {one["name"]: one["value"] for one in (await client.get("/lines/L-1")).json()["facts"]}


async def test_facts_are_typed_and_younger_ones_stay(app_on_both: App) -> None:
    client = await with_line(app_on_both)
    facts = [fact(), fact("contacts_14d", "3"), fact("dns.operator_ok", "true"), fact("ping.rtt_ms", 4)]
    answer = await client.post("/facts", json={"source": "crm", "facts": facts})
    assert answer.json() == {"received": 4, "stored": 4}
    assert await told(client) == {
        "account.state": "active",
        "contacts_14d": 3,
        "dns.operator_ok": True,
        "ping.rtt_ms": 4,
    }
    older = fact(value="blocked", at=at(hours=2))
    assert (await client.post("/facts", json={"source": "crm", "facts": [older]})).json() == {
        "received": 1,
        "stored": 0,
    }
    assert (await told(client))["account.state"] == "active"
    await client.aclose()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (fact("acount.state"), "did you mean account.state"),
        (fact(value="rich"), "active, blocked, suspended"),
        (fact("contacts_14d", -1), "whole number"),
        (fact("contacts_14d", 1.5), "whole number"),
        (fact("contacts_14d", True), "write a number"),
        (fact("dns.operator_ok", "perhaps"), "true or false"),
        (fact("ping.rtt_ms", "fast"), "a number in ms"),
        (fact("ont.last_down_at", "yesterday"), "instant"),
        (fact("bras.address", ""), "printable text"),
        (fact("incident.match", "INC-1"), "snapshots"),
        (fact("ticket.opened_at", "2026-01-01T00:00:00Z"), "comes with its ticket"),
        (fact(line="L-9"), "not in the inventory: 'L-9'"),
        (fact(at="2999-01-01T00:00:00Z"), "in the future"),
        (fact(at="2001-01-01T00:00:00Z"), "over 400 days ago"),
        (fact(at="2026-01-01T00:00:00"), "at"),
        (fact(value=None), "value"),
        (fact(value=[1]), "value"),
        (fact(colour=1), "colour"),
    ],
)
async def test_one_wrong_fact_refuses_all_and_is_named(app: App, entry: dict[str, Any], message: str) -> None:
    async with await client_of(app, "write", "read") as client:
        csv = b"id,technology\nL-1,pon\n"
        await client.post("/lines/import", content=csv, headers={"Content-Type": "text/csv"})
        answer = await client.post("/facts", json={"source": "crm", "facts": [fact("contacts_14d", 1), entry]})
        assert answer.status_code == 422, answer.text
        assert message in answer.json()["message"]
        assert await told(client) == {}


async def test_facts_and_readings_come_as_csv_too(app: App) -> None:
    client = await with_line(app)
    headers = {"Content-Type": "text/csv"}
    table = f"line,name,value,at\nL-1,contacts_14d,2,{at(minutes=1)}\nL-1,dns.operator_ok,false,{at(minutes=1)}\n"
    answer = await client.post("/facts/import", params={"source": "crm"}, content=table, headers=headers)
    assert answer.json() == {"received": 2, "stored": 2}
    assert await told(client) == {"contacts_14d": 2, "dns.operator_ok": False}
    table = f"line,name,value,at\nL-1,ont.rx_dbm,-20.5,{at(hours=3)}\n"
    answer = await client.post("/readings/import", params={"source": "nms"}, content=table, headers=headers)
    assert answer.json()["stored"] == 1
    wrong = (
        f"line,name,value,at\nL-1,ont.rx_dbm,much,{at(hours=3)}\nL-1,ont.rx,1,{at(hours=3)}\nL-1,ont.rx_dbm,1,noon\n"
    )
    answer = await client.post("/readings/import", params={"source": "nms"}, content=wrong, headers=headers)
    assert answer.status_code == 422
    lines = answer.json()["message"].splitlines()
    assert lines[0].startswith("row 2, column value: 'much'")
    assert lines[1].startswith("row 3, column name: 'ont.rx': ")
    assert lines[2].startswith("row 4, column at: 'noon'")
    answer = await client.post("/readings", json={"source": "nms", "readings": [fact()]})
    assert "hand it in as a fact" in answer.json()["message"]
    await client.aclose()


async def test_a_snapshot_replaces_the_former_and_an_older_one_does_not(app_on_both: App) -> None:
    client = await with_line(app_on_both)
    incident = {"id": "INC-1", "scope": "olt-1/0/1", "kind": "fibre", "since": at(hours=1)}
    answer = await client.put("/incidents/noc", json={"at": at(minutes=2), "incidents": [incident]})
    assert answer.json() == {"stored": True, "entries": 1}
    answer = await client.put("/incidents/noc", json={"at": at(minutes=5), "incidents": []})
    assert answer.json() == {"stored": False, "entries": 0}
    work = {"id": "W-1", "scope": "line:L-1", "from": at(hours=1), "to": at(hours=-1)}
    assert (await client.put("/planned-works/noc", json={"at": at(minutes=2), "works": [work]})).json()["stored"]
    await client.aclose()


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/incidents/noc", {"at": "2999-01-01T00:00:00Z", "incidents": []}, "in the future"),
        ("/incidents/noc", {"at": "now", "incidents": []}, "at"),
        ("/incidents/noc", {"incidents": []}, "at"),
        (
            "/incidents/noc",
            {"at": at(hours=1), "incidents": [{"id": "I", "scope": "/", "since": at(hours=1)}]},
            "scope",
        ),
        (
            "/planned-works/noc",
            {
                "at": at(hours=1),
                "works": [{"id": "W", "scope": "olt-1", "from": at(hours=1), "to": at(hours=2)}],
            },
            "to is not after from",
        ),
    ],
)
async def test_a_wrong_snapshot_is_refused(app: App, path: str, body: dict[str, Any], message: str) -> None:
    async with await client_of(app, "write") as client:
        answer = await client.put(path, json=body)
        assert answer.status_code == 422, answer.text
        assert message in answer.json()["message"]


CSV = {"Content-Type": "text/csv"}
BOTH = ["olt-1", "line:L-1"]


async def test_incidents_and_works_come_as_csv_too(app: App) -> None:
    async with await client_of(app, "context") as client:
        works = "id;scope;from;to\nW-1;olt-1/0;2026-01-01T00:00:00Z;2026-01-01T04:00:00+03:00\n"
        done = await client.post("/planned-works/import?source=oss", content=works, headers=CSV)
        assert (done.status_code, done.json()) == (200, {"stored": True, "entries": 1}), done.text
        incidents = "scope,id,since,kind\nline:L-1,I-1,2026-01-01T00:00:00Z,\nolt-1,I-2,2026-01-01T00:00:00Z,power\n"
        done = await client.post("/incidents/import?source=noc", content=incidents, headers=CSV)
        assert done.json() == {"stored": True, "entries": 2}
        older = "/incidents/import?source=noc&at=2026-01-02T00:00:00Z"
        assert (await client.post(older, content=incidents, headers=CSV)).json()["stored"] is False
        async with app.store.reading() as tx:
            (work,) = await scopes.planned_works_covering(tx, ["olt-1/0"], datetime(2026, 1, 1, 0, 30, tzinfo=UTC))
            found = sorted((one.id, one.scope, one.kind) for one in await scopes.incidents_covering(tx, BOTH))
        assert (work.id, work.scope, work.to_at) == ("W-1", "olt-1/0", datetime(2026, 1, 1, 1, tzinfo=UTC))
        assert found == [("I-1", "line:L-1", ""), ("I-2", "olt-1", "power")]
        wrong = await client.post("/planned-works/import?source=oss", content=works + "W-2;;x;\n", headers=CSV)
        assert wrong.status_code == 422 and wrong.json()["errors"], wrong.text
        assert "row 3, column from" in wrong.text and "nothing was imported" in wrong.text
        swapped = "id,scope,from,to\nW-1,olt-1,2026-01-02T00:00:00Z,2026-01-01T00:00:00Z\n"
        assert (
            "to is not after from"
            in (await client.post("/planned-works/import?source=oss", content=swapped, headers=CSV)).text
        )
        none = await client.post("/incidents/import?source=noc", content="id,scope,kind,since\n", headers=CSV)
        assert none.json() == {"stored": True, "entries": 0}, "a table without rows says that there is none"
        async with app.store.reading() as tx:
            assert await scopes.incidents_covering(tx, BOTH) == []
