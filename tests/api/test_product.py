"""What holds for every call of the API: problems with remedies, pages, ETags, limits told, repeated requests."""

import asyncio
from datetime import timedelta
from pathlib import Path

import httpx

from acs.api.paging import LISTS, NEWEST
from acs.app import App
from acs.config import ApiSection
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.services.kept_answers import KEPT, KeptAnswers, repeatable
from tests.api.conftest import client_of
from tests.routed_api import api_over, described

LINE = {"technology": "pon", "address": "Lenina 5"}


async def test_errors_are_problems_with_a_remedy(client: httpx.AsyncClient) -> None:
    asked = [
        ("GET", "/lines/none", {}, 404, "not_found"),
        ("PUT", "/lines/x", {"json": {"technology": "smoke"}}, 422, "invalid_input"),
        ("GET", "/nowhere", {}, 404, "not_found"),
        ("PATCH", "/lines", {}, 405, "method_not_allowed"),
        ("POST", "/lines/import", {"content": b"{}", "headers": {"Content-Type": "image/png"}}, 415, None),
    ]
    for method, path, more, status, code in asked:
        answer = await client.request(method, path, **more)  # type: ignore[arg-type] # a table of calls
        assert answer.status_code == status, (path, answer.text)
        assert answer.headers["Content-Type"] == "application/problem+json"
        told = answer.json()
        assert told["status"] == status
        assert told["type"] == f"urn:secondline:problem:{told['code']}"
        assert told["title"] and told["detail"] and told["remedy"].endswith((".", "!", "?")), told
        assert code is None or told["code"] == code
    wrong = (await client.put("/lines/x", json={"technology": "smoke", "ont": "a"})).json()
    assert {one["place"] for one in wrong["errors"]} == {"technology", "ont"}


async def test_what_has_not_changed_is_not_sent_again(client: httpx.AsyncClient) -> None:
    await client.put("/lines/L1", json=LINE)
    first = await client.get("/lines/L1")
    tag = first.headers["ETag"]
    again = await client.get("/lines/L1", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    await client.put("/lines/L1", json={**LINE, "splitter": "s-1"})
    changed = await client.get("/lines/L1", headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


async def test_what_has_changed_is_not_written_over(client: httpx.AsyncClient) -> None:
    await client.put("/lines/L1", json=LINE)
    tag = (await client.get("/lines/L1")).headers["ETag"]
    theirs, mine = {**LINE, "splitter": "theirs"}, {**LINE, "splitter": "mine"}
    both = await asyncio.gather(
        *(client.put("/lines/L1", json=body, headers={"If-Match": tag}) for body in (theirs, mine))
    )
    assert sorted(answer.status_code for answer in both) == [200, 412]
    lost = next(answer for answer in both if answer.status_code == 412)
    assert lost.json()["code"] == "changed_meanwhile"
    assert lost.headers["ETag"] == (await client.get("/lines/L1")).headers["ETag"]
    assert (await client.put("/lines/L9", json=LINE, headers={"If-Match": "*"})).status_code == 412
    assert (await client.put("/lines/L1", json=mine, headers={"If-Match": "*"})).status_code == 200


async def test_a_caller_is_told_what_he_may_still_ask(app: App) -> None:
    made = await app.northbound.access.create(local_actor(), "busy", ["read"])
    transport = httpx.ASGITransport(api_over(app.northbound, ApiSection(rate_per_s=0.01, rate_burst=3)))
    headers = {"Authorization": f"Bearer {made.secret}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1", headers=headers) as client:
        answers = [await client.get("/lines") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"3"}
    assert answers[-1].headers["RateLimit-Policy"] == "3;w=300"
    assert 90 <= int(answers[-1].headers["Retry-After"]) <= 101
    assert answers[-1].json()["code"] == "too_many"


async def test_a_request_that_comes_again_gets_the_first_answer(app: App, client: httpx.AsyncClient) -> None:
    body, key = {"name": "crm", "scopes": ["read"]}, {"Idempotency-Key": "k-1"}
    first = await client.post("/tokens", json=body, headers=key)
    again = await client.post("/tokens", json=body, headers=key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [token["name"] for token in (await client.get("/tokens")).json()].count("crm") == 1
    other = await client.post("/tokens", json={**body, "name": "x"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (422, "invalid_input")
    assert "Idempotency-Key" in other.json()["detail"]
    async with await client_of(app, "admin") as somebody:
        theirs = await somebody.post("/tokens", json=body, headers=key)
    assert theirs.json()["id"] != first.json()["id"], "a key belongs to one token"


async def test_what_failed_may_be_sent_again_with_the_same_key(client: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": "k-2"}
    assert (await client.post("/lines/L1/checkups", json={"action": "visit"}, headers=key)).status_code == 404
    await client.put("/lines/L1", json=LINE)
    assert (await client.post("/lines/L1/checkups", json={"action": "visit"}, headers=key)).status_code == 201


async def test_many_at_once_with_one_key_do_it_once(client: httpx.AsyncClient) -> None:
    body, key = {"name": "once", "scopes": ["read"]}, {"Idempotency-Key": "k-3"}
    answers = await asyncio.gather(*(client.post("/tokens", json=body, headers=key) for _ in range(8)))
    assert {answer.status_code for answer in answers} <= {201, 429}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert [token["name"] for token in (await client.get("/tokens")).json()].count("once") == 1


async def test_what_was_cut_off_is_not_done_again(app: App, client: httpx.AsyncClient) -> None:
    now = utc_now()
    begun = KeptAnswers(app.store, clock=lambda: now - timedelta(minutes=11))
    header = client.headers["Authorization"]
    one = repeatable(header, "k-4", b"POST", b"/api/v1/tokens", b"", b'{"name":"x","scopes":["read"]}')
    assert await begun.begin(one) is None
    sent = await client.post(
        "/tokens",
        content=b'{"name":"x","scopes":["read"]}',
        headers={"Idempotency-Key": "k-4", "Content-Type": "application/json"},
    )
    assert (sent.status_code, sent.json()["code"]) == (409, "conflict")
    assert "look whether it took effect" in sent.json()["detail"]
    later = KeptAnswers(app.store, clock=lambda: now + KEPT)
    await later.tidy()
    assert await later.begin(one) is None, "forgotten after a day"


async def test_an_answer_that_is_kept_is_sealed(app: App, client: httpx.AsyncClient, tmp_path: Path) -> None:
    key = {"Idempotency-Key": "k-5"}
    secret = (await client.post("/tokens", json={"name": "s", "scopes": ["read"]}, headers=key)).json()["token"]
    stored = await asyncio.to_thread(lambda: b"".join(path.read_bytes() for path in tmp_path.glob("store.db*")))
    assert b"k-5" not in stored
    assert secret.encode() not in stored


async def test_a_large_body_with_a_key_is_refused_as_ever(client: httpx.AsyncClient) -> None:
    answer = await client.post("/tokens", content=b"x" * 1_100_000, headers={"Idempotency-Key": "k-6"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_every_call_is_described_with_what_holds_for_all() -> None:
    ours = {path: methods for path, methods in described()["paths"].items() if path.startswith("/api/")}
    assert len(ours) > 90
    for path, methods in ours.items():
        for method, call in methods.items():
            for status, answer in call["responses"].items():
                if status[0] in "45":
                    assert list(answer["content"]) == ["application/problem+json"], (path, method, status)
            if method == "post":
                names = [one["name"].lower() for one in call["parameters"]]
                assert names.count("idempotency-key") == 1, path


async def test_every_list_tells_its_next_page(client: httpx.AsyncClient) -> None:
    paged = set()
    for path, methods in described()["paths"].items():
        call = methods.get("get", {})
        answer = call.get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
        names = {one["name"]: one["schema"].get("default") for one in call.get("parameters", ())}
        if path.startswith("/api/v1") and answer.get("schema", {}).get("type") == "array" and "limit" in names:
            below = path.removeprefix("/api/v1")
            paged.add(below)
            assert below in LISTS or below in NEWEST, f"{below}: say in acs/api/paging.py how it is paged"
            if below in LISTS:
                name, _field, limit = LISTS[below]
                assert names[name] == "" or name in names
                assert names["limit"] == limit, below
    assert paged == {*LISTS, *NEWEST}


async def test_pages_of_a_list_follow_each_other(client: httpx.AsyncClient) -> None:
    for n in range(5):
        await client.put(f"/lines/L{n}", json=LINE)
        await client.post(f"/lines/L{n}/checkups", json={"action": "visit"})
    for path, field, wanted in (("/lines", "id", 5), ("/checkups", "line", 5)):
        address, seen = f"{path}?limit=2", []
        while address:
            answer = await client.get(address)
            seen += [one[field] for one in answer.json()]
            address = answer.links.get("next", {}).get("url", "").removeprefix("/api/v1")
        assert (len(seen), len(set(seen))) == (wanted, wanted), path
