"""Provisioning, files and campaigns over the API."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App, build
from acs.store import Vault
from tests.api.conftest import NobodyAnswers, client_of, config_of
from tests.store.make import opening

KEY = "00AA11-ONT-0001"


@pytest.fixture
async def app(store_url: str, tmp_path: Path) -> AsyncIterator[App]:
    Vault.create(tmp_path / "vault.key")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.toml").write_text(
        '[[rule]]\nid = "a"\nmatch = {}\nvalues = {".X.Name" = "n", ".X.Password" = "geheim"}\n'
    )
    tables: dict[str, Any] = {
        "files": {"directory": str(tmp_path / "files"), "host": "127.0.0.1", "file_bytes": 2_000_000},
        "provisioning": {"directory": str(rules)},
    }
    built = await build(config_of(store_url, tmp_path, **tables), caller=NobodyAnswers())
    await built.store.sessions.open(opening(built.clock()))
    yield built
    await built.stop()


async def test_files_flow_in_and_out(client: httpx.AsyncClient, tmp_path: Path) -> None:
    content = b"VERSION V2\n" + bytes(1_500_000)
    query = {"name": "ont.bin", "version": "V2", "model": ["ONT"], "sha256": hashlib.sha256(content).hexdigest()}
    added = await client.post("/files", params=query, content=content)
    assert added.status_code == 201, added.text
    file = added.json()
    assert (file["size_bytes"], file["models"], file["device"]) == (len(content), ["ONT"], None)
    assert [each["id"] for each in (await client.get("/files")).json()] == [file["id"]]
    assert (await client.get("/files", params={"uploads": True})).json() == []
    assert (await client.get(f"/files/{file['id']}")).json()["transfers"] == []
    fetched = await client.get(f"/files/{file['id']}/content")
    assert fetched.content == content and fetched.headers["content-length"] == str(len(content))
    assert (await client.delete(f"/files/{file['id']}")).status_code == 204
    assert (await client.get(f"/files/{file['id']}")).status_code == 404
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []


async def test_a_file_that_cannot_be_taken(client: httpx.AsyncClient) -> None:
    too_long = await client.post("/files", params={"name": "x"}, content=bytes(2_000_001))
    assert too_long.status_code == 422 and "at most 2000000" in too_long.json()["message"]
    wrong = await client.post("/files", params={"name": "x", "sha256": "0" * 64}, content=b"x")
    assert wrong.status_code == 422 and "damaged" in wrong.json()["message"]
    assert (await client.post("/files", params={"name": "../x"}, content=b"x")).status_code == 422


async def test_rights_of_files(app: App) -> None:
    async with await client_of(app, "read") as reader, await client_of(app, "write") as writer:
        assert (await reader.post("/files", params={"name": "x"}, content=b"x")).status_code == 403
        file = (await writer.post("/files", params={"name": "x"}, content=b"x")).json()
        assert (await writer.get(f"/files/{file['id']}/content")).status_code == 403
        assert (await reader.delete(f"/files/{file['id']}")).status_code == 403
        assert (await reader.patch(f"/devices/{KEY}/tags", json={"add": ["x"]})).status_code == 403
        assert (await reader.post("/campaigns", json={})).status_code in (403, 422)


async def test_rules_are_shown_without_secrets_and_checked(client: httpx.AsyncClient) -> None:
    shown = await client.get("/provisioning/rules")
    assert [rule["id"] for rule in shown.json()["rules"]] == ["a"] and "geheim" not in shown.text
    text = '[[rule]]\nid = "b"\nmatch = {}\nvalues = {".A" = 1}\n'
    assert (await client.post("/provisioning/lint", json={"text": text})).json()["warnings"] == []
    broken = await client.post("/provisioning/lint", json={"text": text.replace("match", "matches")})
    assert broken.status_code == 422 and "rule b: match: missing" in broken.json()["message"]


async def test_a_plan_and_tags_of_a_device(client: httpx.AsyncClient) -> None:
    plan = (await client.get(f"/devices/{KEY}/provisioning")).json()
    assert [(s["name"], s["wanted"]) for s in plan["settings"]] == [
        ("Device.X.Name", "n"),
        ("Device.X.Password", "(hidden)"),
    ]
    assert plan["due"] is True and plan["unknown"] == 2
    assert (await client.patch(f"/devices/{KEY}/tags", json={"add": ["vip", "pilot"]})).json() == {
        "tags": ["pilot", "vip"]
    }
    assert (await client.get(f"/devices/{KEY}/tags")).json() == {"tags": ["pilot", "vip"]}
    assert (await client.get("/tags")).json() == {"pilot": 1, "vip": 1}
    assert (await client.get("/devices/nobody/provisioning")).status_code == 404
    assert (await client.get("/provisioning/stopped")).json() == []
    assert (await client.post(f"/devices/{KEY}/provisioning/resume", json={})).status_code == 404


async def test_a_campaign_over_the_api(client: httpx.AsyncClient) -> None:
    file = (await client.post("/files", params={"name": "v2.bin", "version": "V2"}, content=b"VERSION V2\n")).json()
    body: dict[str, Any] = {"name": "to-v2", "file": file["id"], "settings": {"targets": {"models": ["ont"]}}}
    preview = await client.post("/campaigns/preview", json=body)
    assert preview.json() == {"count": 1, "canaries": 0, "devices": [KEY]}
    made = await client.post("/campaigns", json=body)
    assert made.status_code == 201, made.text
    assert (made.json()["version"], made.json()["devices"]) == ("V2", {"waiting": 1})
    assert (await client.post("/campaigns", json=body)).status_code == 409
    assert (await client.post("/campaigns/to-v2/pause")).json()["state"] == "paused"
    assert (await client.post("/campaigns/to-v2/pause")).status_code == 409
    assert (await client.post("/campaigns/to-v2/resume")).json()["state"] == "running"
    (device,) = (await client.get("/campaigns/to-v2/devices")).json()
    assert (device["device"], device["state"], device["version_before"]) == (KEY, "waiting", "V1")
    assert (await client.post("/campaigns/to-v2/cancel")).json()["devices"] == {"cancelled": 1}
    assert [each["state"] for each in (await client.get("/campaigns")).json()] == ["cancelled"]
    assert (await client.get("/campaigns/nothing")).status_code == 404


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"settings": {"targets": {}}}, "say which devices"),
        ({"settings": {"targets": {"models": ["STB"]}}}, "no device matches"),
        ({"settings": {"targets": {"models": ["ONT"]}, "window": ["25:00-26:00"]}}, "is no window"),
        ({"version": "V9"}, "is version V2, not V9"),
        ({"file": "nothing"}, "there is no file"),
    ],
)
async def test_campaigns_that_cannot_be(client: httpx.AsyncClient, change: dict[str, Any], told: str) -> None:
    file = (await client.post("/files", params={"name": "v2.bin", "version": "V2"}, content=b"x")).json()
    body = {"name": "c", "file": file["id"], "settings": {"targets": {"models": ["ONT"]}}} | change
    refused = await client.post("/campaigns", json=body)
    assert refused.status_code in (404, 422) and told in refused.json()["message"]
