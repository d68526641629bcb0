"""What the API says of every kind of operation: arguments in its description, secrets never, a device's own reports."""

from datetime import timedelta

import httpx
import pytest

from acs.app import App
from acs.services.clock import utc_now
from acs.services.kinds import KINDS
from acs.store import abilities, reports
from acs.store.reports import ReportRecord
from tests.api.test_devices import KEY, PATH, device
from tests.routed_api import described

__all__ = ["device"]

DOWNLOAD = {"file_type": "firmware", "url": "http://files.example/fw", "username": "u", "password": "hush-hush"}


def test_the_description_has_the_arguments_of_every_kind() -> None:
    schema = described()["components"]["schemas"]["OperationRequest"]
    arguments = {one["title"]: one["properties"]["arguments"] for one in schema["oneOf"]}
    assert set(arguments) == {kind.name for kind in KINDS.values() if not kind.internal}
    assert "version" in arguments["download"]["properties"]
    assert arguments["schedule_download"]["properties"]["windows"]["items"]["properties"]["end_s"]["type"] == "integer"
    assert "$ref" not in str(schema["oneOf"])


async def test_a_password_of_a_download_is_sealed_and_never_shown(
    app: App, client: httpx.AsyncClient, device: str
) -> None:
    answer = await client.post(f"{PATH}/operations", json={"kind": "download", "arguments": DOWNLOAD})
    assert answer.status_code == 202
    shown = await client.get(f"/operations/{answer.json()['id']}")
    assert "hush" not in answer.text + shown.text
    assert shown.json()["arguments"]["username"] == "u"
    async with app.store.reading() as tx:
        assert await abilities.open_arguments(tx, answer.json()["id"]) == {"password": "hush-hush"}


@pytest.mark.parametrize("kind", ["first_contact", "nothing"])
async def test_a_kind_that_may_not_be_asked_for_is_refused(client: httpx.AsyncClient, device: str, kind: str) -> None:
    answer = await client.post(f"{PATH}/operations", json={"kind": kind})
    assert answer.status_code == 422
    assert "factory_reset" in answer.json()["message"]


async def test_the_history_of_a_device_has_its_events_and_reports(
    app: App, client: httpx.AsyncClient, device: str
) -> None:
    at = utc_now() - timedelta(minutes=1)
    report = ReportRecord(KEY, at, "s1", "TransferComplete", "k1", {"fault_code": 9010}, "one", None, 9010)
    async with app.store.transaction() as tx:
        assert await reports.add(tx, report)
        assert not await reports.add(tx, report)
    told = (await client.get(f"{PATH}/history")).json()
    assert [(one["name"], one["fault_code"]) for one in told] == [("TransferComplete", 9010), ("1 BOOT", None)]
    assert (await client.get("/devices/none/history")).status_code == 404
