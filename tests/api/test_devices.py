"""Devices and operations through the API: search, parameters without secrets, requests, steps as a stream."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from acs.api.sse import ServerEvent, event_stream
from acs.app import App
from acs.errors import NotFound
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.store import operations as operation_store
from acs.store import trees
from acs.store.records import OperationState, OperationTransition, StepName, TreeUpdate
from tests.store.make import opening

KEY = "00259E-First%20class-SN0001"
PATH = "/devices/00259E-First%2520class-SN0001"
TREE = {
    "Device.DeviceInfo.UpTime": "17",
    "Device.WiFi.AccessPoint.1.Security.KeyPassphrase": "hush-hush",
    "Device.ManagementServer.ConnectionRequestPassword": "hush-hush",
    "Device.PPP.Interface.1.Username": "user1",
    "Device.PPP.Interface.1.Password": "",
}


@pytest.fixture
async def device(app: App) -> str:
    at = utc_now() - timedelta(minutes=5)
    await app.store.sessions.open(
        opening(
            at, key=KEY, oui="00259E", product_class="First class", serial_number="SN0001", software_version="1.0",
            address="192.0.2.50", events=(("1 BOOT", ""),), values=(),
        )
    )  # fmt: skip
    async with app.store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate({name: (value, "xsd:string") for name, value in TREE.items()}, at))
    return KEY


def events_of(text: str) -> list[tuple[str, Any]]:
    found = []
    for block in text.strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if lines:
            found.append((lines["event"], json.loads(lines["data"])))
    return found


async def test_a_device_is_found_and_shown(client: httpx.AsyncClient, device: str) -> None:
    assert [one["key"] for one in (await client.get("/devices", params={"search": "sn00"})).json()] == [KEY]
    assert (await client.get("/devices", params={"search": "elsewhere"})).json() == []
    shown = (await client.get(PATH)).json()
    assert (shown["key"], shown["profile"], shown["parameters"]) == (KEY, "generic-tr181", len(TREE))
    missing = await client.get("/devices/none")
    assert missing.status_code == 404
    assert "`secondline search` finds the key" in missing.json()["message"]


async def test_parameters_are_shown_without_secrets(client: httpx.AsyncClient, device: str) -> None:
    answer = await client.get(f"{PATH}/parameters")
    assert "hush" not in answer.text
    values = {one["name"]: one["value"] for one in answer.json()}
    assert values["Device.WiFi.AccessPoint.1.Security.KeyPassphrase"] == "(hidden)"
    assert values["Device.PPP.Interface.1.Password"] == ""
    part = await client.get(f"{PATH}/parameters", params={"path": "Device.PPP."})
    assert [one["name"].rsplit(".", 1)[1] for one in part.json()] == ["Password", "Username"]


async def test_an_operation_is_requested_once_per_key_and_can_be_cancelled(
    client: httpx.AsyncClient, device: str
) -> None:
    body = {"kind": "set", "arguments": {"values": {"Device.X.Password": "hush-hush"}}, "reason": "test"}
    first = await client.post(f"{PATH}/operations", json=body, headers={"Idempotency-Key": "k1"})
    assert first.status_code == 202, first.text
    assert "hush" not in first.text
    again = await client.post(f"{PATH}/operations", json=body, headers={"Idempotency-Key": "k1"})
    assert again.json()["id"] == first.json()["id"]
    found = (await client.get("/operations", params={"device": KEY, "state": "queued"})).json()
    assert [one["id"] for one in found] == [first.json()["id"]]
    assert (await client.post(f"/operations/{first.json()['id']}/cancel")).json()["state"] == "cancelled"
    assert (await client.post(f"/operations/{first.json()['id']}/cancel")).status_code == 409
    assert (await client.get("/operations/none")).status_code == 404


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"kind": "explode"}, "explode"),
        ({"kind": "get", "arguments": {}}, "names"),
        ({"kind": "get", "arguments": {"names": ["Device.A"]}, "colour": 1}, "colour"),
        ({"kind": "reboot", "deadline_s": -1}, "deadline_s"),
        ({"kind": "reboot", "deadline_s": 1e12}, "deadline_s"),
        ({"arguments": {}}, "kind"),
    ],
)
async def test_a_wrong_request_names_the_key(
    client: httpx.AsyncClient, device: str, body: dict[str, Any], told: str
) -> None:
    answer = await client.post(f"{PATH}/operations", json=body)
    assert answer.status_code == 422, answer.text
    assert told in answer.json()["message"]


@pytest.mark.parametrize("path", ["/operations/{}", "/devices/{}", "/lines/{}", "/line-tests/{}", "/nowhere/{}"])
async def test_a_long_id_is_not_repeated_whole(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path.format("x" * 5_000))
    assert answer.status_code in (404, 422)
    assert len(answer.json()["message"]) < 400, answer.text


async def test_a_list_of_operations_cuts_long_values(client: httpx.AsyncClient, device: str) -> None:
    typed = {"value": "w" * 5_000, "type": "xsd:string"}
    long = {"kind": "set", "arguments": {"values": {"Device.X": "v" * 5_000, "Device.Y": typed}}}
    answer = await client.post(f"{PATH}/operations", json=long)
    asked = answer.json()
    assert answer.status_code == 202, answer.text
    listed = (await client.get("/operations")).json()[0]["arguments"]["values"]
    assert listed == {"Device.X": "v" * 200 + "…", "Device.Y": typed | {"value": "w" * 200 + "…"}}
    shown = (await client.get(f"/operations/{asked['id']}")).json()
    assert shown["arguments"] == long["arguments"]


async def test_steps_are_streamed_history_first_and_end_with_the_operation(
    app: App, client: httpx.AsyncClient, device: str
) -> None:
    made = (
        await client.post(f"{PATH}/operations", json={"kind": "get", "arguments": {"names": ["Device.DeviceInfo."]}})
    ).json()
    async with app.store.transaction() as tx:
        for states, to_state, step in (
            ((OperationState.QUEUED,), OperationState.SENT, StepName.RPC_SENT),
            ((OperationState.SENT,), OperationState.SUCCEEDED, StepName.SUCCEEDED),
        ):
            change = OperationTransition(made["id"], states, to_state, utc_now(), step)
            await operation_store.transition(tx, change)
    answer = await client.get(f"/operations/{made['id']}/events")
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = events_of(answer.text)
    names = [data["name"] for name, data in events if name == "step"]
    assert names[0] == "queued"
    assert names[-2:] == ["rpc_sent", "succeeded"]
    assert events[-1][0] == "end"
    assert events[-1][1]["state"] == "succeeded"
    assert events[-1][1]["result"]["values"]["Device.DeviceInfo.UpTime"]["value"] == "17"
    detail = (await client.get(f"/operations/{made['id']}")).json()
    assert {step["name"] for step in detail["steps"]} >= set(names)
    assert (await client.get("/operations/none/events")).status_code == 404


async def test_a_device_is_put_on_a_line_by_hand(client: httpx.AsyncClient, device: str) -> None:
    await client.put("/lines/L-1", json={"technology": "pon"})
    assert (await client.put(f"{PATH}/line", json={"line": "L-1"})).status_code == 204
    assert [one["key"] for one in (await client.get("/lines/L-1")).json()["devices"]] == [KEY]
    assert (await client.put(f"{PATH}/line", json={"line": "none"})).status_code == 404
    assert (await client.put(f"{PATH}/line", json={"line": None})).status_code == 204
    assert (await client.get("/lines/L-1")).json()["devices"] == []


async def no_end() -> None:
    """A right that does not end."""


async def test_a_stream_beats_while_nothing_happens_and_closes_its_source() -> None:
    closed = asyncio.Event()

    async def slow() -> AsyncIterator[ServerEvent]:
        try:
            await asyncio.sleep(0.12)
            yield ServerEvent("step", {"n": 1})
            await asyncio.sleep(60)
        finally:
            closed.set()

    body = event_stream(slow(), no_end, heartbeat_s=0.05).body_iterator  # type: ignore[arg-type]
    got = [await anext(body) for _ in range(3)]
    assert got[0].startswith(":") and got[1].startswith(":")
    assert got[2] == 'event: step\ndata: {"n":1}\n\n'
    await body.aclose()  # type: ignore[attr-defined]
    await asyncio.wait_for(closed.wait(), 60)


async def test_a_stream_whose_source_fails_says_so() -> None:
    async def failing() -> AsyncIterator[ServerEvent]:
        yield ServerEvent("step", {})
        raise NotFound("it is gone")

    lines = [line async for line in event_stream(failing(), no_end).body_iterator]  # type: ignore[arg-type]
    assert events_of("".join(lines))[-1] == ("error", {"code": "failed", "message": "it is gone"})


async def test_the_page_of_calls_and_the_description(client: httpx.AsyncClient) -> None:
    described = (await client.get("/openapi.json")).json()
    page = await client.get("http://server/docs", headers={"Authorization": ""})
    for path in described["paths"]:
        assert path in page.text
    assert "<script" not in page.text
    assert (await client.get("/metrics")).text.startswith("# HELP")
    assert (await client.get("/nothing")).json()["code"] == "not_found"
    assert local_actor().may("read")
