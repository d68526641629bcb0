"""Alarms speak the language of who asks, by our own interface and by TMF642; kinds and subjects stay as they are."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.services.identifiers import new_id
from acs.store import access, alarms
from acs.store.access import AccessAlarm
from tests.api.conftest import client_of

RUSSIAN = {"Accept-Language": "ru"}
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
DETAILS: dict[str, tuple[dict[str, Any], str, str]] = {
    "device.cloned": (
        {"why": "Informs come in turns from 192.0.2.1 and 192.0.2.2", "addresses": ["192.0.2.1", "192.0.2.2"]},
        "Inform приходят по очереди с 192.0.2.1 и 192.0.2.2",
        "замечено раз: 1; адреса: 192.0.2.1, 192.0.2.2; Inform приходят по очереди с 192.0.2.1 и 192.0.2.2",
    ),
    "credential.shared_used": (
        {"why": "A-B-C has a credential of its own, and used the shared one", "address": "192.0.2.1"},
        "у A-B-C есть своя учётная запись, а вошло оно под общей",
        "замечено раз: 1; адрес: 192.0.2.1; у A-B-C есть своя учётная запись, а вошло оно под общей",
    ),
    "source.down": (
        {"why": "nothing came since 2026-03-05T11:00:00+00:00", "since": "2026-03-05T11:00:00+00:00"},
        "ничего не приходило с 2026-03-05T11:00:00+00:00",
        "замечено раз: 1; с какого времени: 2026-03-05T11:00:00+00:00; ничего не приходило с 2026-03-05T11:00:00+00:00",
    ),
}


@pytest.mark.parametrize("kind", sorted(DETAILS))
async def test_an_alarm_says_why_in_the_language_of_who_asks(app: App, client: httpx.AsyncClient, kind: str) -> None:
    detail, why, told = DETAILS[kind]
    id_ = new_id()
    async with app.store.transaction() as tx:
        await alarms.raise_alarm(tx, id_, kind, "device:A-B-C", detail, AT)
    (shown,) = (await client.get("/alarms", headers=RUSSIAN)).json()
    assert shown["detail"] == detail | {"why": why}, "the rest of it are values"
    assert (shown["kind"], shown["subject"]) == (kind, "device:A-B-C")
    assert (await client.get("/alarms")).json()[0]["detail"] == detail, "what is stored is English"
    async with await client_of(app, "read") as reader:
        reader.base_url = "http://server"
        (listed,) = (await reader.get("/tmf-api/alarm/v4/alarm", headers=RUSSIAN)).json()
        one = (await reader.get(f"/tmf-api/alarm/v4/alarm/{listed['id']}", headers=RUSSIAN)).json()
        english = (await reader.get("/tmf-api/alarm/v4/alarm")).json()[0]["alarmDetails"]
    assert listed["alarmDetails"] == one["alarmDetails"] == told
    assert listed["specificProblem"] == kind
    assert english.startswith("seen 1 times; ") and english.endswith(f"; {detail['why']}")
    cleared = (await client.post(f"/alarms/{id_}/clear", headers=RUSSIAN)).json()
    assert cleared["detail"]["why"] == why


async def test_an_alarm_of_a_node_is_counted_in_the_language_and_quoted_as_it_came(app: App) -> None:
    told = "ifIndex 7; sent; 1.3.6.1.4.1=Link is down"
    alarm = AccessAlarm(node="olt-1", address="192.0.2.1", kind="link_down", at=AT, last_at=AT, detail=told, count=3)
    async with app.store.transaction() as tx:
        await access.add_alarms(tx, [alarm])
    async with await client_of(app, "read") as reader:
        reader.base_url = "http://server"
        (listed,) = (await reader.get("/tmf-api/alarm/v4/alarm", headers=RUSSIAN)).json()
    assert listed["alarmDetails"] == f"замечено раз: 3; {told}"
