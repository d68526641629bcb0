"""Tokens: shown once, stored as a hash, refused when expired or revoked."""

from datetime import UTC, datetime, timedelta

import pytest

from acs.app import App
from acs.errors import Conflict, Forbidden, InvalidInput, NotFound
from acs.services.access import Access, hash_of
from acs.services.actor import Actor, local_actor
from acs.store import audit, tokens
from acs.store.records import GrantRecord

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class Hand:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


async def test_only_the_hash_is_stored_and_the_audit_has_no_secret(app_on_both: App) -> None:
    access = Access(app_on_both.store)
    made = await access.create(local_actor(), "crm", ["read", "tickets"])
    assert made.secret.startswith("sl_") and len(made.secret) == 46
    assert made.secret not in repr(made)
    async with app_on_both.store.reading() as tx:
        stored = await tokens.get(tx, made.record.id)
        entries = await audit.list_entries(tx)
    assert stored is not None and stored.token_hash == hash_of(made.secret)
    assert made.secret not in str(entries) and stored.token_hash not in str(entries)
    assert entries[0].action == "access.granted"


async def test_a_token_stands_for_its_actor_and_scopes(app: App) -> None:
    access = Access(app.store)
    made = await access.create(local_actor(), "crm", ["tickets"])
    actor = await access.authenticate(made.secret, "192.0.2.1")
    assert actor == Actor("crm", "token", frozenset({"tickets"}), "192.0.2.1")
    with pytest.raises(Forbidden, match="'read'"):
        actor.require("read")
    for wrong in ("", "sl_", made.secret[:-1], made.secret + "x", "Bearer " + made.secret, "sl_" + "é" * 43):
        assert await access.authenticate(wrong, "") is None


async def test_an_expired_or_revoked_token_is_nobody(app: App) -> None:
    clock = Hand()
    access = Access(app.store, clock=clock)
    made = await access.create(local_actor(), "short", ["read"], NOW + timedelta(hours=1))
    assert await access.authenticate(made.secret, "") is not None
    clock.now += timedelta(hours=1)
    assert await access.authenticate(made.secret, "") is None
    other = await access.create(local_actor(), "long", ["read"])
    assert await access.authenticate(other.secret, "") is not None
    await access.revoke(local_actor(), other.record.id)
    assert await access.authenticate(other.secret, "") is None
    with pytest.raises(Conflict):
        await access.revoke(local_actor(), other.record.id)
    with pytest.raises(NotFound):
        await access.revoke(local_actor(), "nothing")


async def test_another_process_notices_a_revocation_within_seconds(app: App) -> None:
    clock = Hand()
    here, there = Access(app.store, clock=clock), Access(app.store, clock=clock)
    made = await here.create(local_actor(), "crm", ["read"])
    await there.authenticate(made.secret, "")
    assert await there.authenticate(made.secret, "") is not None
    await here.revoke(local_actor(), made.record.id)
    clock.now += timedelta(seconds=6)
    assert await there.authenticate(made.secret, "") is None


async def test_last_use_is_noted_at_most_once_a_minute(app: App) -> None:
    clock = Hand()
    access = Access(app.store, clock=clock)
    made = await access.create(local_actor(), "crm", ["read"])
    for _ in range(3):
        await access.authenticate(made.secret, "")
        clock.now += timedelta(seconds=10)
    assert [record.last_used_at for record in await access.list(local_actor())] == [NOW]


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at", "told"),
    [
        ("", ["read"], None, "name"),
        ("x" * 101, ["read"], None, "name"),
        ("crm", [], None, "scopes"),
        ("crm", ["root"], None, "'root'"),
        ("crm", ["read"], NOW - timedelta(days=9000), "expires_at"),
    ],
)
async def test_an_impossible_token_is_refused(
    app: App, name: str, scopes: list[str], expires_at: datetime | None, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        await Access(app.store).create(local_actor(), name, scopes, expires_at)


async def test_two_tokens_of_one_name_may_do_the_same(app_on_both: App) -> None:
    """So a token is replaced while the old one works, and nobody passes for another by his name."""
    clock, north, south = Hand(), GrantRecord("viewer", ("region:north",)), GrantRecord("viewer", ("region:south",))
    access = Access(app_on_both.store, clock=clock)
    first = await access.create(local_actor(), "desk", expires_at=NOW + timedelta(hours=1), grants=[north])
    second = await access.create(local_actor(), "desk", grants=[north])
    for grants, scopes in (([south], []), ([north, south], []), ([north], ["read"])):
        with pytest.raises(Conflict, match=f"{first.record.id}.*token revoke|{second.record.id}.*token revoke"):
            await access.create(local_actor(), "desk", scopes, grants=grants)
    await access.revoke(local_actor(), second.record.id)
    with pytest.raises(Conflict, match=first.record.id):
        await access.create(local_actor(), "desk", grants=[south])
    clock.now += timedelta(hours=1)
    await access.create(local_actor(), "desk", grants=[south])


async def test_only_an_administrator_makes_tokens(app: App) -> None:
    actor = Actor("crm", "token", frozenset({"read", "write", "operate", "tickets"}))
    with pytest.raises(Forbidden):
        await Access(app.store).create(actor, "more", ["admin"])
