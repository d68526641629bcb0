"""Searching devices and lines by anything that is known of them, on both databases; groups, and campaigns over them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.services.search_language import parse
from acs.store import devices, lines, provisioning, search, trees
from acs.store.records import LineRecord
from tests.api.conftest import client_of
from tests.store.make import opening

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROOT = "InternetGatewayDevice."


async def inform(app: App, key: str, **more: Any) -> None:
    oui, product, serial = key.split("-", 2)
    known = {
        "key": key, "oui": oui, "product_class": product, "serial_number": serial, "manufacturer": "Huawei",
        "root": ROOT, "software_version": "V5R019C00S125", "hardware_version": "1A", "connection_request_url": "",
        "address": "198.51.100.7", "session_id": f"s-{key}-{more.get('at', NOW).timestamp()}", "values": (),
        "uptime_s": 5,
    }  # fmt: skip
    await app.store.sessions.open(opening(NOW, **(known | more)))


@pytest.fixture
async def town(app_on_both: App) -> AsyncIterator[App]:
    app = app_on_both
    async with app.store.transaction() as tx:
        await lines.upsert(
            tx,
            [
                LineRecord(
                    "L1", "pon", "Lenina st, Lenina 5, flat 7", "olt-1", 0, 1, 2, account="100200", pppoe_login="u1@isp"
                ),
                LineRecord("L2", "pon", "Lenina 57", "olt-10", 0, 1, 2, gpon_serial="HWTC1A2B3C4D"),
                LineRecord("L3", "fttb", "Ёлочная 3", "sw-1", account="100300"),
            ],
            NOW,
        )
    await inform(app, "00259E-HG8245H-48575443AA000001")
    await inform(app, "00259E-EG8145V5-4857544300000002", software_version="V5R020C10S100", address="198.51.100.9")
    async with app.store.transaction() as tx:
        await devices.set_line(tx, "00259E-HG8245H-48575443AA000001", "L1")
        await provisioning.add_tags(tx, "00259E-HG8245H-48575443AA000001", ["vip"], NOW)
        values = {
            f"{ROOT}DeviceInfo.ModelName": ("HG8245H", "string"),
            f"{ROOT}WANDevice.1.WANConnectionDevice.1.WANIPConnection.1.MACAddress": ("00:25:9E:12:AB:CD", "string"),
            f"{ROOT}LANDevice.1.Hosts.Host.1.MACAddress": ("66:66:66:66:66:66", "string"),
            f"{ROOT}WANDevice.1.X_GponInterafceConfig.RXPower": ("-27", "int"),
        }
        await trees.write(tx, "00259E-HG8245H-48575443AA000001", values, NOW)
    yield app


async def found(client: httpx.AsyncClient, query: str) -> list[str]:
    answer = await client.get("/search", params={"q": query})
    assert answer.status_code == 200, answer.text
    return sorted(
        f"{(one['device'] or {}).get('product_class', '–')}/{(one['line'] or {}).get('id', '–')}"
        for one in answer.json()["items"]
    )


async def test_everything_that_is_known_finds_it(town: App) -> None:
    ont, other, line2, line3 = "HG8245H/L1", "EG8145V5/–", "–/L2", "–/L3"
    async with await client_of(town, "admin") as client:
        await client.put("/lines/L3/phones", json={"phones": ["+7 916 123-45-67"]})
        for query, wanted in {
            "model:HG8245": [ont],
            "HG8245H": [ont],
            "serial:48575443aa000001": [ont],
            "HWTCAA000001": [ont],
            "AA000001": [ont],
            "00:25:9e:12:ab:cd": [ont],
            "mac:0025.9e12*": [ont],
            "66:66:66:66:66:66": [],
            "ip:198.51.100.7": [ont],
            "198.51.100.9": [other],
            "line:L1": [ont],
            "contract:100200": [ont],
            "account:1002*": [ont],
            "login:u1@isp": [ont],
            "tag:vip": [ont],
            "-tag:vip has:device": [other],
            '"Lenina 5"': [ont],
            "address:lenina": [ont, line2],
            "елочная": [line3],
            "phone:89161234567": [],
            "9161234567": [line3],
            "phone:79161234567": [line3],
            "place:olt-1": [ont],
            "node:olt-10": [line2],
            "tech:fttb": [line3],
            "HWTC1A2B3C4D": [line2],
            "fw<V5R020": [ont],
            "fw:V5R020": [other],
            "fw!=V5R019 has:device": [other],
            "rx<-25": [ont],
            "rx>=-25": [],
            'model:HG8245 rx<-25 fw!=V5R020 tag:vip "Lenina 5"': [ont],
            "tag:vip OR tech:fttb": [line3, ont],
            "(tag:vip OR tech:fttb) place:sw-1": [line3],
            "vendor:*awe*": [other, ont],
            "seen>1h has:device": [other, ont],
            "seen<1h": [],
            "nothing-like-this": [],
        }.items():
            assert await found(client, query) == sorted(wanted), query


async def test_the_index_follows_what_changes(town: App) -> None:
    key = "00259E-EG8145V5-4857544300000002"
    async with await client_of(town, "admin") as client:
        assert await found(client, "line:L3") == ["–/L3"]
        await client.put(f"/devices/{key}/line", json={"line": "L3"})
        assert await found(client, "line:L3") == ["EG8145V5/L3"]
        await client.put("/lines/L3", json={"technology": "pon", "address": "Мира 1"})
        assert await found(client, "мира") == ["EG8145V5/L3"]
        assert await found(client, "елочная") == []
        await client.put(f"/devices/{key}/line", json={"line": None})
        assert await found(client, "line:L3") == ["–/L3"]
        await client.patch(f"/devices/{key}/tags", json={"add": ["lab"]})
        assert await found(client, "tag:lab") == ["EG8145V5/–"]
        await inform(town, key, software_version="V5R021", at=datetime(2026, 3, 2, tzinfo=UTC))
        assert await found(client, "fw>V5R020") == ["EG8145V5/–"]
    async with town.store.transaction() as tx:
        await lines.remove(tx, "L1")
        await devices.remove(tx, key)
    async with await client_of(town, "admin") as client:
        assert await found(client, "has:device") == ["HG8245H/–"]
        assert await found(client, "has:line") == ["–/L2", "–/L3"]


async def test_pages_follow_each_other(town: App) -> None:
    async with await client_of(town, "read") as client:
        address, seen = "/search?q=has:line&limit=1", []
        while address:
            answer = await client.get(address)
            body = answer.json()
            assert (body["total"], len(body["items"])) == (3, 1)
            seen += [one["line"]["id"] for one in body["items"]]
            address = answer.links.get("next", {}).get("url", "").removeprefix("/api/v1")
        assert sorted(seen) == ["L1", "L2", "L3"]
        assert (await client.get("/search?after=x")).status_code == 422


async def test_the_first_page_tells_what_finding_and_counting_tell(town: App) -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    for query in ("has:line", "has:device", "nothing-like-this", "tech:pon OR has:device"):
        wanted = parse(query, now, {})
        async with town.store.reading() as tx:
            for limit, most in ((1, 100), (50, 2), (2, 1)):
                apart = await search.find(tx, wanted, limit=limit), await search.count(tx, wanted, most)
                assert await search.first_page(tx, wanted, limit=limit, most=most) == apart, (query, limit, most)


async def test_a_query_that_cannot_be_understood_says_where(town: App) -> None:
    async with await client_of(town, "read") as client:
        refused = await client.get("/search", params={"q": "modle:x"})
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("query, character 1: there is no field 'modle'; did you mean model?")


async def test_groups_are_saved_used_and_guarded(town: App) -> None:
    async with await client_of(town, "admin") as client:
        saved = await client.put("/groups/Weak", json={"query": "rx<-25", "description": "weak light"})
        assert (saved.json()["name"], saved.json()["created_by"]) == ("weak", "test admin")
        assert await found(client, "group:weak") == ["HG8245H/L1"]
        await client.put("/groups/worse", json={"query": "group:weak tag:vip"})
        assert await found(client, "group:worse") == ["HG8245H/L1"]
        assert (await client.put("/groups/weak", json={"query": "group:worse"})).status_code == 422
        assert (await client.put("/groups/bad", json={"query": "rx<x"})).status_code == 422
        assert (await client.put("/groups/%20", json={"query": "x"})).status_code == 422
        assert (await client.delete("/groups/weak")).status_code == 409
        assert [one["name"] for one in (await client.get("/groups")).json()] == ["weak", "worse"]
        assert (await client.delete("/groups/worse")).status_code == 204
        assert (await client.get("/groups/worse")).status_code == 404


async def test_a_campaign_goes_to_what_a_group_finds(town: App) -> None:
    async with await client_of(town, "admin") as client:
        await client.put("/groups/weak", json={"query": "rx<-25"})
        found_keys = await town.northbound.search.devices("group:weak")
    assert found_keys == {"00259E-HG8245H-48575443AA000001"}
    assert town.northbound.fleet.campaign_targets.searched == town.northbound.search.devices


async def test_phones_that_are_none_are_refused(town: App) -> None:
    async with await client_of(town, "write", "read") as client:
        assert (await client.put("/lines/L1/phones", json={"phones": ["call me"]})).status_code == 422
        assert (await client.put("/lines/none/phones", json={"phones": []})).status_code == 404
        stored = await client.put("/lines/L1/phones", json={"phones": ["8 (916) 1", "8 (916) 1"]})
        assert stored.json() == {"phones": ["89161"]}
        assert (await client.get("/lines/L1/phones")).json() == {"phones": ["89161"]}


async def test_a_periodic_inform_leaves_the_index_alone(town: App) -> None:
    await town.northbound.search.index.turn()
    await inform(town, "00259E-HG8245H-48575443AA000001", at=datetime(2026, 3, 1, 13, tzinfo=UTC), uptime_s=3605)

    async with town.store.reading() as tx:
        assert not await search.any_change(tx)
