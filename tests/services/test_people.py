"""People: what lets them in, what keeps them out, and that nobody learns which part was wrong."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import argon2
import httpx
import pyotp
import pytest
from sqlalchemy import select

from acs.app import App
from acs.config import RightsSection
from acs.errors import Conflict, Forbidden, InvalidInput, NotFound
from acs.services import second_factor
from acs.services.access import Access, hash_of
from acs.services.actor import Actor, Grant, Scope, local_actor
from acs.services.people import People
from acs.services.sign_in import Proof, SignIns, WrongCredentials
from acs.store import people as people_store
from acs.store.reach import Group, Reach
from acs.store.records import GrantRecord
from acs.store.schema import people as people_table
from acs.store.transaction import Transaction
from tests.api.conftest import made_once
from tests.held_rows import ended_or_waiting

PASSWORD = "correct horse battery"
VIEWER = [GrantRecord("viewer", ("region:north",))]


class Hand:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(autouse=True)
def cheap_argon(monkeypatch: pytest.MonkeyPatch) -> None:
    cheap = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(second_factor, "_HASHER", cheap)
    monkeypatch.setattr(second_factor, "_NOBODY", cheap.hash("nobody at all"))


def desk(app: App, clock: Hand | None = None) -> tuple[People, SignIns, Access]:
    access = Access(app.store, clock=clock or Hand())
    config = RightsSection(lock_after=3, lock_minutes=15.0, session_hours=12.0)
    sign_ins = SignIns(app.store, config, clock=clock or Hand())
    return People(app.store, access, sign_ins), sign_ins, access


async def test_a_person_signs_in_for_a_shift(app_on_both: App) -> None:
    clock = Hand()
    people, sign_ins, access = desk(app_on_both, clock)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    session = await sign_ins.sign_in("ann", PASSWORD, "", "192.0.2.1")
    actor = await access.authenticate(session.token, "192.0.2.1")
    assert actor is not None and (actor.name, actor.kind, actor.person) == ("ann", "person", "ann")
    assert actor.may(Scope.READ) and not actor.may(Scope.TEST) and actor.reach() is not None
    clock.now += timedelta(hours=12, seconds=1)
    assert await access.authenticate(session.token, "") is None


async def test_whatever_is_wrong_the_answer_is_the_same(app: App) -> None:
    people, sign_ins, _ = desk(app)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    await people.add(local_actor(), "off", VIEWER, password=PASSWORD)
    await people.set_disabled(local_actor(), "off", disabled=True)
    await people.add(local_actor(), "boss", [GrantRecord("administrator")], password=PASSWORD)
    told = set()
    for name, password in (("nobody", PASSWORD), ("ann", "wrong password"), ("off", PASSWORD), ("boss", PASSWORD)):
        with pytest.raises(WrongCredentials) as error:
            await sign_ins.sign_in(name, password, "", "192.0.2.1")
        told.add(str(error.value))
    assert len(told) == 1
    trail = await app.northbound.audit_trail.list(local_actor(), action="session.refused")
    why = [each.detail["after"]["why"] for each in reversed(trail)]  # type: ignore[index,call-overload] # written above
    assert why == [
        "no such account",
        "wrong password",
        "the account is disabled",
        "the role administrator needs a second factor: secondline user totp NAME",
    ]


async def test_guessing_closes_the_account_for_a_while(app_on_both: App) -> None:
    clock = Hand()
    people, sign_ins, _ = desk(app_on_both, clock)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    for _ in range(3):
        with pytest.raises(WrongCredentials):
            await sign_ins.sign_in("ann", "wrong password", "", "192.0.2.1")
    with pytest.raises(WrongCredentials):
        await sign_ins.sign_in("ann", PASSWORD, "", "192.0.2.1")
    clock.now += timedelta(minutes=16)
    assert (await sign_ins.sign_in("ann", PASSWORD, "", "192.0.2.1")).person.name == "ann"
    trail = await app_on_both.northbound.audit_trail.list(local_actor(), action="person.locked")
    assert trail and trail[0].target == "person:ann"


class SlowHash:
    """A check of a password that goes on when it may: another thread is in it meanwhile."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.real, self.loop = second_factor.is_password, asyncio.get_running_loop()
        self.begun, self.may_end = asyncio.Event(), threading.Event()
        monkeypatch.setattr(second_factor, "is_password", self)

    def __call__(self, password: str, stored: str | None) -> bool:
        self.loop.call_soon_threadsafe(self.begun.set)
        assert self.may_end.wait(60)
        return self.real(password, stored)


@pytest.mark.parametrize("what", ["locked", "disabled", "another password"])
async def test_who_is_let_in_is_judged_by_the_account_as_it_is_then(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Of many guesses that came together the right one must not come in once the others closed the account."""
    people, sign_ins, _ = desk(app_on_both)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    slow = SlowHash(monkeypatch)
    coming = asyncio.create_task(sign_ins.sign_in("ann", PASSWORD, "", "192.0.2.1"))
    try:
        await asyncio.wait_for(slow.begun.wait(), 60)
        if what == "disabled":
            await people.set_disabled(local_actor(), "ann", disabled=True)
        elif what == "locked":
            async with app_on_both.store.transaction() as tx:
                await people_store.lock(tx, "ann", datetime.now(UTC) + timedelta(minutes=15))
        else:
            await people.set_password(local_actor(), "ann", "another horse battery")
    finally:
        slow.may_end.set()
    with pytest.raises(WrongCredentials):
        await coming


async def test_two_changes_of_an_account_at_once_are_both_kept(
    app_on_both: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    people, _, _ = desk(app_on_both)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    real, others = people_store.put, list[asyncio.Task[None]]()

    async def put(tx: Transaction, person: people_store.PersonRecord) -> None:
        if not others:
            others.append(asyncio.create_task(people.set_disabled(local_actor(), "ann", disabled=True)))
            await ended_or_waiting(app_on_both.store, others[0])
        await real(tx, person)

    monkeypatch.setattr(people_store, "put", put)
    await people.set_grants(local_actor(), "ann", [GrantRecord("field")])
    await others[0]
    (ann,) = await people.list(local_actor())
    assert ann.disabled_at is not None
    assert [one.role for one in ann.grants] == ["field"]


async def test_a_code_of_the_second_factor_is_good_once(app_on_both: App) -> None:
    clock = Hand()
    people, sign_ins, _ = desk(app_on_both, clock)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    factor = await people.new_factor(local_actor(), "ann")
    assert factor.key in factor.address and factor.key not in repr(factor)
    code = pyotp.TOTP(factor.key).at(clock.now)
    with pytest.raises(WrongCredentials):
        await sign_ins.sign_in("ann", PASSWORD, "", "192.0.2.1")
    await sign_ins.sign_in("ann", PASSWORD, code, "192.0.2.1")
    with pytest.raises(WrongCredentials):
        await sign_ins.sign_in("ann", PASSWORD, code, "192.0.2.1")
    clock.now += timedelta(seconds=30)
    await sign_ins.sign_in("ann", PASSWORD, pyotp.TOTP(factor.key).at(clock.now), "192.0.2.1")


async def test_a_stolen_session_sets_no_password_and_no_factor(app_on_both: App) -> None:
    clock = Hand()
    people, sign_ins, access = desk(app_on_both, clock)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    factor = await people.new_factor(local_actor(), "ann")
    stolen = await sign_ins.sign_in("ann", PASSWORD, pyotp.TOTP(factor.key).at(clock.now), "192.0.2.1")
    ann = await access.authenticate(stolen.token, "192.0.2.9")
    assert ann is not None
    clock.now += timedelta(seconds=30)
    code = pyotp.TOTP(factor.key).at(clock.now)
    for wrong in (Proof(), Proof(PASSWORD, ""), Proof("wrong password", code)):
        with pytest.raises(WrongCredentials):
            await people.set_password(ann, "ann", "the thief's own words", wrong)
        clock.now += timedelta(minutes=16)
        code = pyotp.TOTP(factor.key).at(clock.now)
        with pytest.raises(WrongCredentials):
            await people.new_factor(ann, "ann", wrong)
        clock.now += timedelta(minutes=16)
        code = pyotp.TOTP(factor.key).at(clock.now)
    trail = await app_on_both.northbound.audit_trail.list(local_actor(), action="person.locked")
    assert trail, "guessing closes the account here too"
    new = await people.new_factor(ann, "ann", Proof(PASSWORD, code))
    assert await access.authenticate(stolen.token, "") is None
    clock.now += timedelta(seconds=30)
    with pytest.raises(WrongCredentials):
        await sign_ins.sign_in("ann", PASSWORD, pyotp.TOTP(factor.key).at(clock.now), "")
    clock.now += timedelta(minutes=16)
    code = pyotp.TOTP(new.key).at(clock.now)
    await people.set_password(ann, "ann", "another horse battery", Proof(PASSWORD, code))
    with pytest.raises(WrongCredentials):
        await sign_ins.sign_in("ann", "another horse battery", code, "")
    clock.now += timedelta(seconds=60)
    await sign_ins.sign_in("ann", "another horse battery", pyotp.TOTP(new.key).at(clock.now), "")


async def test_nothing_secret_of_a_person_is_stored_or_audited(app: App) -> None:
    people, _, _ = desk(app)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    factor = await people.new_factor(local_actor(), "ann")
    async with app.store.reading() as tx:
        row = await tx.one(select(people_table))
        person = await people_store.get(tx, "ann")
    trail = await app.northbound.audit_trail.list(local_actor())
    assert row is not None and person is not None and person.totp == factor.key
    assert row.password_hash.startswith("$argon2id$")
    for secret in (PASSWORD, factor.key):
        assert secret not in str(row._mapping) and secret not in str(trail) and secret not in repr(person)


async def test_other_roles_a_new_password_and_closing_end_the_sessions(app: App) -> None:
    people, sign_ins, access = desk(app)
    await people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    changes: tuple[Callable[[], Awaitable[None]], ...] = (
        lambda: people.set_grants(local_actor(), "ann", [GrantRecord("first-line")]),
        lambda: people.set_password(local_actor(), "ann", PASSWORD),
        lambda: people.set_disabled(local_actor(), "ann", disabled=True),
    )
    for change in changes:
        token = (await sign_ins.sign_in("ann", PASSWORD, "", "")).token
        assert await access.authenticate(token, "") is not None
        await change()
        assert await access.authenticate(token, "") is None


async def test_what_is_wrong_with_an_account_is_said(app: App) -> None:
    people, _, access = desk(app)
    with pytest.raises(InvalidInput, match="12 to 256"):
        await people.add(local_actor(), "ann", VIEWER, password="short")
    with pytest.raises(InvalidInput, match="no role 'king'"):
        await people.add(local_actor(), "ann", [GrantRecord("king")])
    with pytest.raises(InvalidInput, match="group 'north'"):
        await people.add(local_actor(), "ann", [GrantRecord("viewer", ("north",))])
    await people.add(local_actor(), "ann", VIEWER)
    with pytest.raises(Conflict):
        await people.add(local_actor(), "ann", VIEWER)
    with pytest.raises(NotFound, match="user list"):
        await people.set_disabled(local_actor(), "eve", disabled=True)
    admin = Actor("boss", "token", frozenset({Scope.ADMIN}))
    with pytest.raises(Forbidden, match="'secrets'"):
        await people.add(admin, "eve", [GrantRecord("remote-expert")])
    with pytest.raises(Forbidden, match="'secrets'"):
        await access.create(admin, "eve", ["secrets"])


async def test_nobody_gives_or_takes_over_a_right_that_he_lacks(app: App) -> None:
    people, _, access = desk(app)
    clerk = Actor("hr", "token", frozenset({Scope.PEOPLE, Scope.READ}))
    north = Reach(frozenset({Group(region="north")}))
    limited = Actor("hr", "token", frozenset({Scope.PEOPLE}), grants=(Grant(frozenset({Scope.READ}), north),))
    with pytest.raises(Forbidden, match="'admin'"):
        await access.create(clerk, "root", ["admin"])
    with pytest.raises(Forbidden, match="'test'"):
        await people.add(clerk, "eve", [GrantRecord("first-line")])
    with pytest.raises(Forbidden, match="'read'"):
        await access.create(limited, "everywhere", ["read"])
    await access.create(limited, "north", grants=VIEWER)
    await people.add(clerk, "ann", VIEWER, password=PASSWORD)
    await people.set_password(clerk, "ann", "another horse battery")
    await people.add(local_actor(), "expert", [GrantRecord("remote-expert")], password=PASSWORD)
    for actor in (clerk, Actor("boss", "token", frozenset({Scope.ADMIN}))):
        with pytest.raises(Forbidden, match="expert"):
            await people.set_password(actor, "expert", "another horse battery")
        with pytest.raises(Forbidden, match="expert"):
            await people.new_factor(actor, "expert")


async def test_a_token_has_an_end_unless_an_earlier_one_is_named(app: App) -> None:
    made = await Access(app.store, RightsSection(token_days=30)).create(local_actor(), "crm", ["read"])
    assert made.record.expires_at is not None
    assert timedelta(days=29) < made.record.expires_at - datetime.now(UTC) <= timedelta(days=30)


async def test_sign_in_by_the_api(app: App) -> None:
    await app.northbound.people.add(local_actor(), "ann", VIEWER, password=PASSWORD)
    transport = httpx.ASGITransport(made_once(app.northbound))
    async with httpx.AsyncClient(transport=transport, base_url="http://server/api/v1") as client:
        wrong = await client.post("/sessions", json={"name": "ann", "password": "wrong password"})
        assert (wrong.status_code, wrong.headers["WWW-Authenticate"]) == (401, "Bearer")
        made = (await client.post("/sessions", json={"name": "ann", "password": PASSWORD})).json()
        headers = {"Authorization": f"Bearer {made['token']}"}
        me = (await client.get("/sessions/me", headers=headers)).json()
        assert (me["name"], me["kind"], me["grants"]) == ("ann", "person", ["read: region:north"])
        new = {"password": "another long password"}
        for own in (
            client.put("/people/ann/password", json=new, headers=headers),
            client.post("/people/ann/factor", headers=headers),
        ):
            assert (await own).status_code == 403, "a session alone is no proof"
        assert (await client.put("/people/eve/password", json=new, headers=headers)).status_code == 403
        assert (await client.delete("/sessions/me", headers=headers)).status_code == 204
        assert (await client.get("/sessions/me", headers=headers)).status_code == 401
        answers = [await client.post("/sessions", json={"name": "x", "password": "y"}) for _ in range(25)]
    assert answers[-1].status_code == 429
    assert hash_of(made["token"]) not in str(answers)


async def test_a_person_is_not_called_like_a_token_nor_a_token_like_a_person(app: App) -> None:
    people, access = app.northbound.people, app.northbound.access
    made = await access.create(local_actor(), "crm", ["read"])
    await access.revoke(local_actor(), made.record.id)
    with pytest.raises(Conflict, match="a token is called 'crm'"):
        await people.add(local_actor(), "crm", [GrantRecord("viewer")])
    await people.add(local_actor(), "anna", [GrantRecord("viewer")], password="a long enough password")
    await app.northbound.sign_ins.sign_in("anna", "a long enough password", "", "192.0.2.1")
    with pytest.raises(Conflict, match="a person is called 'anna'"):
        await access.create(local_actor(), "anna", ["read"])
    await people.add(local_actor(), "session of anna", [GrantRecord("viewer")])
