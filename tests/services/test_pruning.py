"""What grows with every call has an end: each thing is gone once it is older than it is kept, and not before."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select

from acs.app import App, build
from acs.cwmp import auth
from acs.services.kept_answers import KEPT, repeatable
from acs.store import Vault, retention
from acs.store import lines as line_store
from acs.store.records import LineRecord
from acs.store.schema import (
    access_sessions,
    deliveries,
    delivery_attempts,
    digest_nonces,
    hook_calls,
    kept_answers,
    ticket_states,
    tokens,
    webhook_replays,
)
from acs.store.ticket_systems import is_new
from tests.api.conftest import NobodyAnswers, config_of

NOW = datetime(2026, 3, 5, 12, 0, 0, tzinfo=UTC)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def app(store_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[App]:
    Vault.create(tmp_path / "vault.key")
    secret = tmp_path / "radius.secret"
    secret.write_text("shared with the NAS\n")
    secret.chmod(0o600)
    client = {"name": "bras", "networks": ["192.0.2.0/24"], "secret_file": "radius.secret"}
    more = {"hooks": {"keep_days": 3}, "radius": {"clients": [client], "keep_days": 5}}
    built = await build(config_of(store_url, tmp_path, **more), caller=NobodyAnswers(), clock=clock)
    yield built
    await built.stop()


def micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


async def count(app: App, table: Table) -> int:
    async with app.store.reading() as tx:
        return int((await tx.rows(select(func.count().label("n")).select_from(table)))[0].n)


async def put(app: App, table: Table, *rows: dict[str, Any]) -> None:
    async with app.store.transaction() as tx:
        for row in rows:
            await tx.run(insert(table).values(row))


async def test_calls_of_hooks_are_kept_as_long_as_the_configuration_says(app: App, clock: Clock) -> None:
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, [LineRecord("L-1", "pon")], NOW)
    empty = {column.name: "" for column in hook_calls.c if not column.nullable and column.type.python_type is str}
    at = {"created_at": micros(NOW), "deadline_at": micros(NOW)}
    await put(
        app, hook_calls, {**empty, **at, "id": "c1", "key": "k1", "line": "L-1", "body": "{}", "operations": "[]"}
    )
    await _until_gone(app, clock, hook_calls, timedelta(days=3), app.northbound.hooks.tidy)


async def test_sessions_of_subscribers(app: App, clock: Clock) -> None:
    empty = {column.name: "" for column in access_sessions.c if not column.nullable and column.type.python_type is str}
    numbers = {column.name: 0 for column in access_sessions.c if not column.nullable and column.name not in empty}
    row = {**empty, **numbers, "nas": "bras", "session": "1", "heard_at": micros(NOW)}
    await put(app, access_sessions, row)
    jobs = dict(app.northbound.second_line.jobs()) | _jobs(app)
    await _until_gone(app, clock, access_sessions, timedelta(days=5), jobs["silent sessions"][1])


def _jobs(app: App) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in dir(app.northbound):
        part: Any = getattr(app.northbound, name, None)
        if hasattr(part, "jobs") and not name.startswith("_"):
            found |= part.jobs()
    return found


async def test_answers_to_calls_with_a_key(app: App, clock: Clock) -> None:
    assert await app.northbound.kept_answers.begin(repeatable("a", "k", b"body")) is None
    await _until_gone(app, clock, kept_answers, KEPT, app.northbound.kept_answers.tidy)


async def _until_gone(app: App, clock: Clock, table: Table, age: timedelta, tidy: Any) -> None:
    clock.now = NOW + age - timedelta(seconds=1)
    await tidy()
    assert await count(app, table) == 1
    clock.now = NOW + age + timedelta(seconds=1)
    await tidy()
    assert await count(app, table) == 0


async def test_signatures_are_remembered_as_long_as_they_could_be_replayed(app: App) -> None:
    for minute in range(30):
        now = NOW + timedelta(minutes=minute)
        async with app.store.transaction() as tx:
            assert await is_new(tx, "helpdesk", f"digest {minute}", now, now - timedelta(minutes=10))
            assert not await is_new(tx, "helpdesk", f"digest {minute}", now, now - timedelta(minutes=10))
    assert await count(app, webhook_replays) == 11


async def test_nonces_of_devices(app: App) -> None:
    now = datetime.now(UTC).timestamp()
    old, young = auth.Nonces.first_id(now - 86_400), auth.Nonces.first_id(now)
    await put(app, digest_nonces, {"id": old, "nc": 1}, {"id": young, "nc": 1})
    await app.auth.forget_old_nonces()
    async with app.store.reading() as tx:
        assert [row.id for row in await tx.rows(select(digest_nonces.c.id))] == [young]


async def test_the_delivery_log_and_tokens_that_are_good_no_more(app: App) -> None:
    def delivery(id_: str, state: str, at: datetime) -> dict[str, Any]:
        return {
            "id": id_, "target": "t", "subject": "", "event_type": "e", "body": "{}", "state": state,
            "created_at": micros(at), "next_at": micros(at), "attempts": 1, "last_error": "",
        }  # fmt: skip

    long_ago, late = NOW - timedelta(days=400), NOW - timedelta(days=1)
    rows = [delivery("d1", "delivered", long_ago), delivery("d2", "failed", long_ago)]
    rows += [delivery("d3", "pending", long_ago), delivery("d4", "delivered", late)]
    await put(app, deliveries, *rows)
    tries = [
        {"delivery": row["id"], "at": row["created_at"], "duration_ms": 1, "taken": 1, "answer": "ok"} for row in rows
    ]
    await put(app, delivery_attempts, *tries)
    token = {"name": "n", "scopes": "read", "created_at": micros(long_ago), "created_by": "x"}
    await put(
        app,
        tokens,
        {**token, "id": "ended", "token_hash": "1", "expires_at": micros(long_ago)},
        {**token, "id": "revoked", "token_hash": "2", "revoked_at": micros(long_ago)},
        {**token, "id": "just ended", "token_hash": "3", "expires_at": micros(late)},
        {**token, "id": "for ever", "token_hash": "4"},
    )
    state = {"system": "s", "status": "closed", "word": "", "changed_at": micros(long_ago)}
    await put(app, ticket_states, {**state, "ticket": "t1"}, {**state, "ticket": "t2", "changed_at": micros(late)})
    async with app.store.transaction() as tx:
        await retention.prune(tx, NOW, retention.Ages())
        left = {row.id for row in await tx.rows(select(deliveries.c.id))}
        logged = {row.delivery for row in await tx.rows(select(delivery_attempts.c.delivery))}
        good = {row.id for row in await tx.rows(select(tokens.c.id))}
        shown = {row.ticket for row in await tx.rows(select(ticket_states.c.ticket))}
    assert (left, logged, good, shown) == ({"d3", "d4"}, {"d3", "d4"}, {"just ended", "for ever"}, {"t2"})
