"""Lines through the API: put, import, bad tables, limits."""

import httpx
import pytest

from acs.app import App
from acs.store import audit, groups
from acs.store.groups import LineGroups
from acs.store.records import GrantRecord
from tests.api.conftest import client_of

GOOD = (
    "id,technology,node,frame,slot,port,ont,splitter,services,pppoe_login,device_serials\n"
    "L-1,pon,olt-1,0,1,2,3,S1,internet;iptv,user1,SN0001\n"
    "L-2,pon,olt-1,0,1,2,4,S1,internet,user2,SN0002;SN0003\n"
)


async def imported(client: httpx.AsyncClient, text: str, **query: str) -> httpx.Response:
    return await client.post("/lines/import", content=text.encode(), headers={"Content-Type": "text/csv"}, params=query)


async def test_import_is_taken_whole_and_again_changes_nothing(app_on_both: App) -> None:
    async with await client_of(app_on_both, "write", "read") as client:
        assert (await imported(client, GOOD)).json() == {"created": 2, "changed": 0, "unchanged": 0, "bound": 0}
        assert (await imported(client, GOOD)).json() == {"created": 0, "changed": 0, "unchanged": 2, "bound": 0}
        line = (await client.get("/lines/L-2")).json()
        assert line["services"] == ["internet"]
        assert line["device_serials"] == ["SN0002", "SN0003"]
        assert line["port"] == 2
        assert [one["id"] for one in (await client.get("/lines", params={"search": "USER2"})).json()] == ["L-2"]


async def test_a_missing_column_keeps_and_an_empty_cell_clears(client: httpx.AsyncClient) -> None:
    await imported(client, GOOD)
    await imported(client, "id,technology,splitter\nL-1,pon,\n")
    line = (await client.get("/lines/L-1")).json()
    assert line["splitter"] == ""
    assert line["pppoe_login"] == "user1"


async def test_a_line_is_put_on_no_node_where_one_has_none(app_on_both: App) -> None:
    """Who sees some lines only sees the alarms and outages of their nodes."""
    async with await client_of(app_on_both, "write") as client:
        await client.put("/lines/north", json={"technology": "pon", "node": "olt-n"})
        await client.put("/lines/south", json={"technology": "pon", "node": "olt-s"})
    async with app_on_both.store.transaction() as tx:
        await groups.put(tx, {"north": LineGroups(region="north"), "south": LineGroups(region="south")})
    grants = [GrantRecord("field", ("region:north",))]
    async with await client_of(app_on_both, grants=grants) as client:
        for node, status in (("olt-s", 403), ("olt-new", 403), ("olt-n", 200), ("", 200)):
            answer = await client.put("/lines/north", json={"technology": "pon", "node": node})
            assert answer.status_code == status, (node, answer.text)
            table = await imported(client, f"id,technology,node\nnorth,pon,{node}\n")
            assert table.status_code == status, (node, table.text)


async def test_dry_run_stores_nothing(client: httpx.AsyncClient) -> None:
    assert (await imported(client, GOOD, dry_run="true")).json()["created"] == 2
    assert (await client.get("/lines")).json() == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ["row 1", "header is missing"]),
        ("id\nL-1\n", ["technology", "is missing"]),
        ("id,technology,colour\nL-1,pon,red\n", ["colour", "no such column"]),
        ("id,id,technology\nL-1,L-1,pon\n", ["there twice"]),
        ("id,technology\nL-1,fibre\n", ["row 2, column technology", "'fibre'", "pon, fttb, dsl"]),
        ("id,technology,port\nL-1,pon,-1\n", ["row 2, column port", "'-1'", "whole number"]),
        ("id,technology,port\nL-1,pon,1e9\n", ["row 2, column port"]),
        ("id,technology\nL-1,pon\nL-1,pon\n", ["row 3, column id", "row 2 has it too"]),
        ("id,technology\n,pon\n", ["row 2, column id", "may not be empty"]),
        ("id,technology\nL-1,pon,extra\n", ["row 2", "3 cells", "the header 2"]),
        ('id,technology\nL-1,"pon\n', ["row 2", "not CSV"]),
        ("id,technology,node\nL-1,pon,a/b\n", ["column node", "write it without /"]),
        ("id,technology,cable_length_m\nL-1,pon,nan\n", ["column cable_length_m"]),
        ("id,technology,account\nL-1,pon,\x00\n", ["row 2"]),
        (
            "id,technology,node,slot,port,ont\nL-1,pon,o,1,1,1\nL-2,pon,o,1,1,1\n",
            ["row 3, column ont", "row 2 has it too"],
        ),
        ("id,technology,device_serials\nL-1,pon,A\nL-2,pon,A\n", ["row 3, column device_serials"]),
    ],
)
async def test_a_wrong_table_names_the_place_and_stores_nothing(
    client: httpx.AsyncClient, text: str, told: list[str]
) -> None:
    answer = await imported(client, text)
    assert answer.status_code == 422, answer.text
    for part in told:
        assert part in answer.json()["message"]
    assert (await client.get("/lines")).json() == []


async def test_a_table_of_a_russian_excel_is_taken(client: httpx.AsyncClient) -> None:
    text = '\ufeffid;address;technology;services;device_serials\r\nL-1;"Lenina, 3";pon;"internet;iptv";A1\r\n'
    assert (await imported(client, text)).json()["created"] == 1
    line = (await client.get("/lines/L-1")).json()
    line = line.get("line", line)
    assert (line["address"], line["services"], line["device_serials"]) == ("Lenina, 3", ["internet", "iptv"], ["A1"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("id;technology;services\nL-1;pon;internet;iptv\n", ["row 2, column services", "in quotes"]),
        ("id\ttechnology\nL-1\tpon\n", ["row 1", "not by a tab"]),
        ("id;technlogy\nL-1;pon\n", ["row 1, column technlogy"]),
        ("id;technology;cable_length_m\nL-1;pon;12,5\n", ["row 2, column cable_length_m", "with a point"]),
    ],
)
async def test_a_wrong_table_with_semicolons_says_what_to_do(
    client: httpx.AsyncClient, text: str, told: list[str]
) -> None:
    message = (await imported(client, text)).json()["message"]
    for part in told:
        assert part in message


async def test_all_errors_are_told_at_once(client: httpx.AsyncClient) -> None:
    rows = "".join(f"L-{n},wood\n" for n in range(50))
    message = (await imported(client, "id,technology\n" + rows)).json()["message"]
    assert message.count("column technology") == 20
    assert "and 30 more errors" in message


async def test_other_media_types_and_encodings_are_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/lines/import", json={"lines": []})
    assert answer.status_code == 415
    answer = await client.post("/lines/import", content=b"id,\xff\xfe", headers={"Content-Type": "text/csv"})
    assert answer.status_code == 422
    assert "CSV UTF-8" in answer.json()["message"]


async def test_put_creates_and_replaces(client: httpx.AsyncClient) -> None:
    body = {"technology": "pon", "node": "olt-1", "slot": 1, "port": 2, "ont": 3}
    assert (await client.put("/lines/L-9", json=body)).status_code == 201
    assert (await client.put("/lines/L-9", json={"technology": "dsl"})).status_code == 200
    assert (await client.get("/lines/L-9")).json()["node"] == ""
    unknown = await client.put("/lines/L-9", json={"technology": "dsl", "colour": 1})
    assert unknown.status_code == 422
    assert "colour" in unknown.json()["message"]
    assert (await client.get("/lines/none")).status_code == 404


async def test_a_body_beyond_its_limit_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.put("/lines/L-1", content=b"x" * 1_100_000)
    assert answer.status_code == 413
    assert answer.json()["code"] == "too_large"

    async def drip() -> object:
        for _ in range(12):
            yield b"x" * 100_000

    answer = await client.put("/lines/L-1", content=drip())  # type: ignore[arg-type]
    assert answer.status_code == 413


async def test_every_write_leaves_an_audit_line(app: App, client: httpx.AsyncClient) -> None:
    await client.put("/lines/L-1", json={"technology": "pon", "account": "A-1"})
    await client.put("/lines/L-1", json={"technology": "pon", "account": "A-2"})
    await client.put("/access-nodes/olt-1", json={"address": "192.0.2.1", "community": "hush"})
    async with app.store.reading() as tx:
        lines = await audit.list_entries(tx, target="line:L-1")
        nodes = await audit.list_entries(tx, target="node:olt-1")
    assert lines[0].detail["before"] == {"account": "A-1"}
    assert lines[0].detail["after"] == {"account": "A-2"}
    assert lines[0].actor == "test admin"
    assert "hush" not in str(nodes)
    assert "hush" not in (await client.get("/access-nodes")).text
