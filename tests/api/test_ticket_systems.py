"""Signed messages of ticket systems: by a key of ours, of now, once; what they say is taken as the ticket is."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App, build
from acs.services import ticket_systems
from acs.services.actor import Actor, Scope, local_actor
from acs.services.signatures import HEADER, signed
from acs.services.slots import Priority
from acs.store.records import LineRecord, LineTestRecord
from acs.store.vault import Vault
from tests.api.conftest import NobodyAnswers, client_of, config_of

URL = "http://server/api/v1/webhooks"


def message(number: str = "5", **more: Any) -> dict[str, Any]:
    return {"ticket": {"id": number, "subject": "No Internet", "line": "L-1", "status": "new", **more}}


def system(name: str, adapter: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "adapter": adapter, "url": "https://192.0.2.7", "poll_s": 0, "secret_file": "key", **more}


@pytest.fixture
async def hooked(store_url: str, tmp_path: Path) -> AsyncIterator[App]:
    for name, text in (("key", "hush"), ("old", "hist")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    Vault.create(tmp_path / "vault.key")
    systems = [
        system("crm", "generic-crm", old_secret_file="old"),
        system("zammad", "zammad"),
        system("jira", "jira-service-management"),
        {**system("quiet", "redmine"), "secret_file": None},
    ]
    config = config_of(store_url, tmp_path, adapters={"systems": systems}, after_fix={"codes": {"77": "wifi_weak"}})
    app = await build(config, caller=NobodyAnswers())
    await app.northbound.lines.put(local_actor(), LineRecord("L-1", "pon"))
    yield app
    await app.stop()


async def post(
    client: httpx.AsyncClient, name: str, body: Any, headers: dict[str, str] | None = None, **sign: Any
) -> httpx.Response:
    """Post a message without a token, signed now by the key of ours unless told otherwise."""
    content = json.dumps(body).encode()
    told = sign.pop("told", content)
    own = {HEADER: signed(sign.get("keys", ["hush"]), told, sign.get("at", datetime.now(UTC)))}
    client.headers.pop("Authorization", None)
    return await client.post(f"{URL}/{name}", content=content, headers=own if headers is None else headers)


async def test_a_ticket_that_is_sent_is_tested_and_its_repeats_change_nothing(hooked: App) -> None:
    async with await client_of(hooked, "read") as reader, await client_of(hooked, "read") as client:
        first = await post(client, "crm", message())
        assert first.status_code == 200, first.text
        assert first.json()["ticket"] == "crm:5" and first.json()["news"] == "created"
        again = await post(client, "crm", message(), at=datetime.now(UTC) + timedelta(seconds=2))
        assert (again.status_code, again.json()["news"]) == (200, "")
        listed = (await reader.get("/line-tests", params={"line": "L-1"})).json()
        assert [one["id"] for one in listed] == [first.json()["line_test"]]
        ticket = (await reader.get("/tickets/crm:5")).json()
        assert ticket["line"] == "L-1"


async def test_a_resolved_ticket_is_tested_again_and_a_closed_one_hands_in_its_code(hooked: App) -> None:
    async with await client_of(hooked, "read") as reader, await client_of(hooked, "read") as client:
        made = (await post(client, "crm", message())).json()
        await hooked.northbound.line_tests.stop()
        resolved = (await post(client, "crm", message(status="resolved"))).json()
        assert resolved["news"] == "resolved"
        assert resolved["line_test"] not in (None, made["line_test"])
        closed = (await post(client, "crm", message(status="closed", closing_code="77"))).json()
        assert (closed["news"], closed["line_test"]) == ("closed", None)
        report = (await reader.get("/reports/quality", params={"days": 1})).json()
        assert report["closures"] == 1


async def test_a_ticket_that_is_resolved_again_is_tested_again_though_its_system_says_no_times(hooked: App) -> None:
    async with await client_of(hooked, "read") as client:
        tests = [(await post(client, "crm", message())).json()["line_test"]]
        for n, status in enumerate(("open", "resolved", "open", "resolved")):
            at = datetime.now(UTC) + timedelta(seconds=20 * n)
            heard = (await post(client, "crm", message(status=status), at=at)).json()
            assert heard["news"] == {"open": "inProgress"}.get(status, status)
            await hooked.northbound.line_tests.stop()
            if status == "resolved":
                tests.append(heard["line_test"])
                again = await post(client, "crm", message(status=status), at=at + timedelta(seconds=9))
                assert (again.status_code, again.json()["news"]) == (200, "")
        assert None not in tests and len(set(tests)) == 3


async def test_the_test_after_a_repair_waits_as_tickets_do_whichever_way_it_was_told(
    hooked: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, asked = hooked.northbound, list[Priority]()
    opened = north.line_tests._running.open

    def opens(record: LineTestRecord, priority: Priority) -> Any:
        asked.append(priority)
        return opened(record, priority)

    async with await client_of(hooked, "read") as client:
        await post(client, "crm", message())
        await north.line_tests.stop()
        monkeypatch.setattr(north.line_tests._running, "open", opens)
        assert (await post(client, "crm", message(status="resolved"))).json()["line_test"] is not None
    await north.line_tests.stop()
    told = {"id": "TT-9", "status": "acknowledged", "relatedEntity": [{"id": "L-1", "@referredType": "Line"}]}
    token = Actor("bss", "token", frozenset({Scope.TICKETS}))
    for kind, status in (("Create", "acknowledged"), ("StatusChange", "resolved")):
        event = {"troubleTicket": {**told, "status": status}}
        body = {"eventId": f"e-{kind}", "eventType": f"TroubleTicket{kind}Event", "event": event}
        assert (await north.tmf.listener.take(token, body)).line_test is not None
        await north.line_tests.stop()
    assert asked == [Priority.TICKET] * 3


async def test_a_ticket_that_had_ended_gets_no_test(hooked: App) -> None:
    async with await client_of(hooked, "read") as client:
        heard = (await post(client, "crm", message(status="closed"))).json()
        assert heard["line_test"] is None and "had ended" in heard["detail"]


@pytest.mark.parametrize(
    ("sign", "told"),
    [
        ({"keys": ["guess"]}, "no signature"),
        ({"keys": []}, "missing or broken"),
        ({"keys": ["hist"]}, ""),
        ({"keys": ["guess", "hush"]}, ""),
        ({"told": b"{}"}, "no signature"),
        ({"at": datetime.fromtimestamp(0, UTC)}, "set the clock"),
    ],
)
async def test_only_a_key_of_ours_is_believed(hooked: App, sign: dict[str, Any], told: str) -> None:
    async with await client_of(hooked, "read") as client:
        answer = await post(client, "crm", message(), **sign)
        assert answer.status_code == (401 if told else 200), answer.text
        assert told in answer.text


async def test_times_are_believed_within_five_minutes_either_way(hooked: App) -> None:
    async with await client_of(hooked, "read") as client:
        for away_s, status in ((-290, 200), (290, 200), (-320, 401), (320, 401)):
            at = datetime.now(UTC) + timedelta(seconds=away_s)
            assert (await post(client, "crm", message(), at=at)).status_code == status, away_s


async def test_the_very_same_message_is_refused_by_any_process(hooked: App) -> None:
    async with await client_of(hooked, "read") as client:
        headers = {HEADER: signed(["hush"], json.dumps(message()).encode(), datetime.now(UTC))}
        answers = [await post(client, "crm", message(), headers) for _ in range(3)]
        assert [one.status_code for one in answers] == [200, 401, 401]
        assert "came before" in answers[1].text
    another = await build(hooked.config, caller=NobodyAnswers())
    try:
        async with await client_of(another, "read") as client:
            assert (await post(client, "crm", message(), headers)).status_code == 401
    finally:
        await another.stop()


async def test_a_message_that_was_refused_may_come_again_just_as_it_was(
    hooked: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime.now(UTC)
    body = {"ticket": {"id": 8, "line": "L-1", "state": "open", "updated_at": at.isoformat()}}
    headers = {"X-Hub-Signature": "sha1=" + hmac.new(b"hush", json.dumps(body).encode(), "sha1").hexdigest()}
    async with await client_of(hooked, "read") as client, await client_of(hooked, "read") as reader:
        with monkeypatch.context() as full:
            full.setattr(hooked.northbound.line_tests._running, "_limit", 0)
            refused = await post(client, "zammad", body, headers)
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many")
        taken = await post(client, "zammad", body, headers)
        assert (taken.status_code, taken.json()["news"]) == (200, "created"), "it signs once and repeats what it signed"
        assert (await post(client, "zammad", body, headers)).status_code == 401
        assert len((await reader.get("/line-tests", params={"line": "L-1"})).json()) == 1


async def test_a_long_message_is_taken_and_one_whose_length_nobody_says(hooked: App) -> None:
    async def parts(content: bytes) -> AsyncIterator[bytes]:
        yield content

    now = datetime.now(UTC)
    async with await client_of(hooked, "read") as client:
        client.headers.pop("Authorization")
        for number, chunked in (("6", False), ("7", True)):
            content = json.dumps(message(number, description="x" * 200_000)).encode()
            headers = {HEADER: signed(["hush"], content, now)}
            body = parts(content) if chunked else content
            taken = await client.post(f"{URL}/crm", content=body, headers=headers)
            assert (taken.status_code, taken.json().get("news")) == (200, "created"), taken.text
        unsigned = await client.post(f"{URL}/crm", content=parts(b"x" * 200_000))
        assert unsigned.status_code == 401 and "known callers only" in unsigned.text
        huge = await client.post(f"{URL}/crm", content=parts(b"x" * 2_000_000), headers=headers)
        assert huge.status_code == 413


async def test_a_system_that_waits_for_us_while_we_wait_for_it_is_told_to_come_again(
    hooked: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_systems, "_PATIENCE_S", 0.05)
    headers = {HEADER: signed(["hush"], json.dumps(message()).encode(), datetime.now(UTC))}
    lock = hooked.northbound.ticket_systems._systems["crm"].lock
    async with await client_of(hooked, "read") as client:
        async with lock:
            refused = await post(client, "crm", message(), headers)
        assert refused.status_code == 429 and "send the message again" in refused.text
        assert int(refused.headers["Retry-After"]) >= 0
        assert (await post(client, "crm", message(), headers)).status_code == 200


async def test_systems_that_sign_their_own_way_are_believed_by_the_time_in_the_body(hooked: App) -> None:
    now = datetime.now(UTC)
    zammad = {"ticket": {"id": 8, "line": "L-1", "state": "open", "updated_at": now.isoformat()}}
    jira = {"timestamp": int(now.timestamp() * 1000), "issue": {"key": "H-1", "fields": {"customfield_10050": "L-1"}}}
    late = {"ticket": {"id": 9, "line": "L-1", "updated_at": (now - timedelta(hours=1)).isoformat()}}
    none = {"ticket": {"id": 9, "line": "L-1"}}

    async def hear(client: httpx.AsyncClient, name: str, how: str, body: Any, key: bytes = b"hush") -> int:
        mark = hmac.new(key, json.dumps(body).encode(), how).hexdigest()
        return (await post(client, name, body, {"X-Hub-Signature": f"{how}={mark}"})).status_code

    async with await client_of(hooked, "read") as client:
        assert await hear(client, "zammad", "sha1", zammad) == 200
        assert await hear(client, "zammad", "sha1", zammad) == 401, "the same again"
        assert await hear(client, "jira", "sha256", jira) == 200
        assert await hear(client, "jira", "sha1", {**jira, "n": 1}) == 401
        assert await hear(client, "zammad", "sha1", late) == 401
        assert await hear(client, "zammad", "sha1", none) == 401
        assert await hear(client, "zammad", "sha1", {**zammad, "n": 1}, b"guess") == 401


async def test_what_is_no_ticket_or_no_system_is_told(hooked: App) -> None:
    async with await client_of(hooked, "read") as client:
        assert (await post(client, "crm", {"hello": 1})).status_code == 422
        assert (await post(client, "crm", [1])).status_code == 422
        assert (await post(client, "nobody", message())).status_code == 401
        assert (await post(client, "quiet", message())).status_code == 401, "it has no secret"


async def test_refusals_are_audited(hooked: App) -> None:
    async with await client_of(hooked, "admin") as admin, await client_of(hooked, "read") as client:
        await post(client, "crm", message(), keys=["guess"])
        assert "/webhooks/crm" in (await admin.get("/audit")).text
        listed = (await admin.get("/ticket-systems")).json()
        assert [(one["name"], one["hears"]) for one in listed] == [
            ("crm", True), ("zammad", True), ("jira", True), ("quiet", False)
        ]  # fmt: skip


def test_a_digest_is_not_the_signature_itself() -> None:
    assert signed(["k"], b"x", datetime.fromtimestamp(1, UTC)).startswith("t=1,v1=")
    assert signed(["k"], b"x", datetime.fromtimestamp(1, UTC)).endswith(
        hmac.new(b"k", b"1.x", hashlib.sha256).hexdigest()
    )
