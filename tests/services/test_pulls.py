"""Systems asked over HTTP: mapping, ETag, limits, and what is said of one that is down."""

import json
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from acs.app import App
from acs.config import ContextSection, PullSection
from acs.config.context import PullFact
from acs.errors import ConfigError
from acs.services.actor import local_actor
from acs.services.context import Entry, scope_facts, with_no_contacts
from acs.services.context_sources import ContextSources
from acs.services.pulls import Pulls
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store import scopes as scope_store
from acs.store.records import LineRecord
from probes.facts import Fact
from tests.api.conftest import client_of

BOSS = local_actor()
PLAIN = ContextSection(plain_networks=(ip_network("127.0.0.0/8"),), expected={"crm": 600.0})


class Crm:
    """Another system: what it says, and what it was asked."""

    def __init__(self, app: App, folder: Path) -> None:
        self.app, self.now = app, datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        self.says: Any = []
        self.status, self.etag = 200, ""
        self.asked: list[httpx.Request] = []
        self.secret = folder / "crm.secret"
        self.secret.write_text("t0ken\n")
        self.secret.chmod(0o600)
        self.sources = ContextSources(app.store, PLAIN, app.northbound.alarms, lambda: self.now)

    def hear(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.etag and request.headers.get("If-None-Match") == self.etag:
            return httpx.Response(304)
        content = self.says if isinstance(self.says, bytes) else json.dumps(self.says).encode()
        return httpx.Response(self.status, content=content, headers={"ETag": self.etag} if self.etag else {})

    def pulls(self, **more: Any) -> Pulls:
        table = {"name": "crm-pull", "url": "http://127.0.0.1:9/x", "credentials_file": self.secret, **more}
        services = self.app.northbound
        return Pulls(
            self.app.store, (PullSection(**table),), PLAIN, services.context, services.lines, self.sources,
            lambda: self.now, transport=httpx.MockTransport(self.hear),
        )  # fmt: skip

    async def facts(self, line: str) -> dict[str, tuple[Any, datetime, str]]:
        async with self.app.store.reading() as tx:
            found = await fact_store.latest(tx, line)
        return {name: (fact.value, fact.at, fact.source) for name, fact in found.items()}


@pytest.fixture
async def crm(app: App, tmp_path: Path) -> Crm:
    lines = [LineRecord("L-1", "pon", account="A-1"), LineRecord("L-2", "pon", account="A-2"),
             LineRecord("L-3", "pon", account="A-2")]  # fmt: skip
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, lines, datetime.now(UTC))
    return Crm(app, tmp_path)


ACCOUNTS = {
    "items": "data.accounts",
    "line": "contract.number",
    "line_by": "account",
    "at": "changed",
    "facts": {
        "account.state": PullFact(path="state", values={"A": "active", "B": "blocked"}),
        "account.tariff_mbit": PullFact(path="tariff.speed"),
    },
}


async def test_items_become_facts_with_source_and_time(crm: Crm) -> None:
    at = crm.now - timedelta(minutes=5)
    crm.says = {
        "data": {
            "accounts": [
                {"contract": {"number": "A-1"}, "state": "B", "tariff": {"speed": 100}, "changed": at.isoformat()},
                {"contract": {"number": "A-1"}, "state": "?", "tariff": {"speed": "fast"}, "changed": at.isoformat()},
                {"contract": {"number": "A-2"}, "state": "A", "changed": at.isoformat()},
                {"contract": {"number": "A-9"}, "state": "A"},
                {"contract": {"number": "A-1"}, "state": "A", "changed": "yesterday"},
                "nonsense",
            ]
        }
    }
    pulls = crm.pulls(**ACCOUNTS)
    assert await pulls.turn() == 1
    assert await crm.facts("L-1") == {
        "account.state": ("blocked", at, "crm-pull"),
        "account.tariff_mbit": (100, at, "crm-pull"),
    }
    assert await crm.facts("L-2") == {}, "two lines have the account: neither is meant"
    assert crm.asked[0].headers["Authorization"] == "Bearer t0ken"
    (source,) = await crm.sources.find(BOSS)
    assert (source.name, source.down_since, source.entries, source.left_out) == ("crm-pull", None, 2, 5)
    assert await pulls.turn() == 0, "not before its interval"


async def test_what_has_not_changed_is_true_as_of_now(crm: Crm) -> None:
    crm.says, crm.etag = [{"line": "L-1", "state": "active"}], '"v1"'
    pulls = crm.pulls(facts={"account.state": PullFact(path="state")})
    await pulls.turn()
    crm.now += timedelta(seconds=301)
    await pulls.turn()
    assert (await crm.facts("L-1"))["account.state"] == ("active", crm.now, "crm-pull")
    assert crm.asked[1].headers["If-None-Match"] == '"v1"'


@pytest.mark.parametrize(
    ("status", "says", "why"),
    [
        (500, [], "answered 500"),
        (302, [], "answered 302"),
        (200, b"<html>", "JSONDecodeError"),
        (200, {"a": 1}, "no list"),
        (200, [{"line": "L-1"}] * 11, "11 items"),
        (200, b" " * 2_000, "longer than 1000"),
    ],
)
async def test_a_source_that_is_down_is_said_and_nothing_is_guessed(crm: Crm, status: int, says: Any, why: str) -> None:
    good = [{"line": "L-1", "state": "active"}]
    crm.says = good
    pulls = crm.pulls(facts={"account.state": PullFact(path="state")}, max_items=10, max_bytes=1_000)
    await pulls.turn()
    told_at = crm.now
    crm.says, crm.status = says, status
    crm.now += timedelta(seconds=301)
    await pulls.turn()
    (source,) = await crm.sources.find(BOSS)
    assert (source.down_since, why in source.problem) == (crm.now, True), source.problem
    assert (await crm.facts("L-1"))["account.state"] == ("active", told_at, "crm-pull"), "it grows old"
    async with await client_of(crm.app, "read", "operate") as client:
        assert (await client.get("/health")).json()["sources_down"] == 1
        (shown,) = (await client.get("/context-sources")).json()
        assert (shown["name"], shown["kind"]) == ("crm-pull", "pull")
        await crm.app.northbound.alarms.close()
        (alarm,) = await crm.app.northbound.alarms.list(BOSS, active=True)
        assert (alarm.kind, alarm.subject) == ("source.down", "source:crm-pull")
        if status == 500:
            test = (await client.post("/lines/L-1/tests", json={"depth": "quick"})).json()
            assert "event: verdict" in (await client.get(f"/line-tests/{test['id']}/events")).text
            found = (await client.get(f"/line-tests/{test['id']}")).json()["facts"]
            sources = {each["name"]: each for each in found["sources"]}
            assert "down since" in sources["context:crm-pull"]["problem"]
            assert {fact["name"]: fact["value"] for fact in found["facts"]}["probe.sources_down"] >= 1
    crm.says, crm.status = good, 200
    crm.now += timedelta(seconds=1_300)
    await pulls.turn()
    assert await crm.sources.down() == 0
    assert await crm.app.northbound.alarms.list(BOSS, active=True) == []


async def test_incidents_works_contacts_and_lines_are_pulled_too(crm: Crm) -> None:
    hour = timedelta(hours=1)
    crm.says = [{"no": 7, "where": "olt-1/0/1", "began": int((crm.now - hour).timestamp())}]
    await crm.pulls(kind="incidents", fields={"id": "no", "scope": "where", "since": "began"}).turn()
    crm.says = [{"no": "w", "where": "olt-1", "a": crm.now.isoformat(), "b": (crm.now + hour).isoformat()}]
    await crm.pulls(kind="works", fields={"id": "no", "scope": "where", "from": "a", "to": "b"}).turn()
    crm.says = [{"line": "L-1", "at": (crm.now - days * 24 * hour).isoformat()} for days in (0, 3, 13, 20)]
    await crm.pulls(kind="contacts", at="at").turn()
    assert (await crm.facts("L-1"))["contacts_14d"][0] == 3
    crm.says = [{"id": "L-7", "tech": "pon", "olt": "olt-1", "s": 1, "p": 2}]
    fields = {"id": "id", "technology": "tech", "node": "olt", "slot": "s", "port": "p"}
    await crm.pulls(kind="lines", fields=fields).turn()
    line = (await crm.app.northbound.lines.get(BOSS, "L-7")).line
    assert (line.node, line.slot, line.port) == ("olt-1", 1, 2)
    (source,) = await crm.sources.find(BOSS)
    assert (source.down_since, source.problem) == (None, "")


INCIDENTS = {"kind": "incidents", "fields": {"id": "no", "scope": "where", "since": "since"}}
WORKS = {"kind": "works", "fields": {"id": "no", "scope": "where", "from": "since", "to": "until"}}


@pytest.mark.parametrize(("kind", "fact"), [(INCIDENTS, "incident.match"), (WORKS, "planned.work")])
async def test_a_list_with_an_item_that_cannot_be_read_takes_nothing_back(crm: Crm, kind: Any, fact: str) -> None:
    hour, asked_at = timedelta(hours=1), crm.now
    good = {"no": "7", "where": "olt-1", "since": (asked_at - hour).isoformat(), "until": (asked_at + hour).isoformat()}
    crm.says = [good]
    pulls = crm.pulls(**kind)
    await pulls.turn()
    crm.says = [{**good, "no": "8"}, {"no": "7", "area": "olt-1", "since": good["since"], "until": good["until"]}]
    crm.now += timedelta(seconds=301)
    await pulls.turn()
    async with crm.app.store.reading() as tx:
        facts = {each.name: each for each in await scope_facts(tx, ["olt-1"], crm.now)}
    assert (facts[fact].value, facts[fact].at) == ("7", asked_at)
    (source,) = await crm.sources.find(BOSS)
    assert source.down_since is not None
    assert "item 2: scope is not there" in source.problem and "mend pulls.crm-pull.fields" in source.problem


async def test_a_source_that_must_push_and_does_not_is_down(crm: Crm) -> None:
    await crm.sources.turn()
    crm.now += timedelta(seconds=601)
    await crm.sources.turn()
    assert await crm.sources.down() == 1
    crm.app.northbound.context.pushed = crm.sources.pushed
    async with await client_of(crm.app, "write") as client:
        entry = {"line": "L-1", "name": "account.state", "value": "active", "at": datetime.now(UTC).isoformat()}
        taken = await client.post("/facts", json={"source": "crm", "facts": [entry]})
        assert taken.status_code == 200, taken.text
    assert await crm.sources.down() == 0


async def test_plain_http_goes_only_where_it_may_and_urls_hold_no_secrets(crm: Crm) -> None:
    pulls = crm.pulls(url="http://192.0.2.7/x", facts={"account.state": PullFact(path="s")})
    await pulls.turn()
    (source,) = await crm.sources.find(BOSS)
    assert ("needs https" in source.problem, crm.asked) == (True, [])
    with pytest.raises(ConfigError, match="without user or password"):
        crm.pulls(url="https://user:word@crm.example/x", facts={"account.state": PullFact(path="s")})


async def counted(crm: Crm, line: str) -> tuple[Any, str] | None:
    """What a line test of now would know of the contacts of a line."""
    async with crm.app.store.reading() as tx:
        record = await line_store.get(tx, line)
        assert record is not None
        stored = (await fact_store.latest(tx, line)).values()
        told = [Fact(fact.name, fact.value, fact.at, fact.source, "handed in") for fact in stored]
        found = {fact.name: fact for fact in await with_no_contacts(tx, record, told)}
    fact = found.get("contacts_14d")
    return None if fact is None else (fact.value, fact.source)


def contact(crm: Crm, line: str, days_ago: float = 1.0) -> dict[str, Any]:
    return {"line": line, "at": (crm.now - timedelta(days=days_ago)).timestamp()}


async def test_a_line_that_a_complete_count_does_not_name_had_no_contact(crm: Crm) -> None:
    crm.now -= timedelta(days=3)
    pulls = crm.pulls(kind="contacts", at="at", complete=True)
    crm.says = [contact(crm, "L-1"), contact(crm, "L-1"), contact(crm, "of another network")]
    await pulls.turn()
    assert [await counted(crm, line) for line in ("L-1", "L-2")] == [(2, "crm-pull"), (0, "crm-pull")]
    crm.now += timedelta(days=1)
    crm.says = [contact(crm, "L-2")]
    await pulls.turn()
    assert [await counted(crm, line) for line in ("L-1", "L-2")] == [(0, "crm-pull"), (1, "crm-pull")]


async def test_a_count_that_nobody_calls_complete_says_nothing_of_others(crm: Crm) -> None:
    crm.says = [contact(crm, "L-1")]
    await crm.pulls(kind="contacts", at="at").turn()
    assert [await counted(crm, line) for line in ("L-1", "L-2")] == [(1, "crm-pull"), None]
    with pytest.raises(ValueError, match="complete is said of contacts only"):
        crm.pulls(kind="works", complete=True, fields={"id": "a", "scope": "b", "from": "c", "to": "d"})


@pytest.mark.parametrize(
    "says",
    [
        [],
        [{"line": "of another network", "at": 1.0}],
        [{"line": "L-1", "at": 1.0}, {"line": "L-2", "at": "yesterday"}],
        [{"line": "L-1", "at": 1.0}, {"contract": "L-2", "at": 1.0}],
    ],
)
async def test_an_answer_that_was_not_understood_is_not_complete(crm: Crm, says: list[Any]) -> None:
    """Nothing at all, nobody of ours, a contact without a time that can be read, one that names nobody."""
    crm.says = says
    await crm.pulls(kind="contacts", at="at", complete=True).turn()
    assert await counted(crm, "L-3") is None


async def test_a_source_that_is_down_says_nothing_new_of_lines_that_it_does_not_name(crm: Crm) -> None:
    pulls = crm.pulls(kind="contacts", at="at", complete=True)
    crm.says = [contact(crm, "L-1")]
    await pulls.turn()
    counted_at = crm.now
    crm.now, crm.status = crm.now + timedelta(days=1), 500
    await pulls.turn()
    async with crm.app.store.reading() as tx:
        assert await scope_store.contact_counts(tx) == [("crm-pull", "id", counted_at)]


async def test_a_line_that_a_complete_count_cannot_name_is_not_spoken_of(crm: Crm) -> None:
    """Two lines have the account A-2, and L-4 has none: a contact of theirs would have been left out."""
    async with crm.app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L-4", "pon"), LineRecord("L-5", "pon", account="A-5")], crm.now)
    crm.says = [contact(crm, "A-1")]
    await crm.pulls(kind="contacts", at="at", line_by="account", complete=True).turn()
    found = [await counted(crm, f"L-{n}") for n in range(1, 6)]
    assert found == [(1, "crm-pull"), None, None, None, (0, "crm-pull")]


async def test_what_is_told_after_a_complete_count_stands(crm: Crm) -> None:
    crm.says = [contact(crm, "L-1")]
    await crm.pulls(kind="contacts", at="at", complete=True).turn()
    told = [Entry("L-2", "contacts_14d", 3, crm.now + timedelta(minutes=1))]
    await crm.app.northbound.context.put_facts(BOSS, "hand", told)
    assert await counted(crm, "L-2") == (3, "hand")


async def test_contacts_grow_old_though_the_answer_stays_the_same(crm: Crm) -> None:
    """304 says that the list is the same, not that its contacts are still of the last 14 days."""
    crm.now -= timedelta(days=3)
    crm.says, crm.etag = [contact(crm, "L-1", days_ago=13)], '"v1"'
    pulls = crm.pulls(kind="contacts", at="at")
    await pulls.turn()
    assert (await crm.facts("L-1"))["contacts_14d"][0] == 1
    crm.now += timedelta(days=2)
    await pulls.turn()
    assert (await crm.facts("L-1"))["contacts_14d"][:2] == (0, crm.now)
