"""People and their sign-ins. A password is kept as its argon2 hash, the key of the second factor sealed."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select, update

from acs.errors import Conflict
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record
from acs.store.records import GrantRecord
from acs.store.schema import people, sign_ins
from acs.store.tokens import grants_of, grants_text
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """One person. `subject` is who it is at the identity provider (`issuer sub`); "" for a local account."""

    name: str
    created_at: datetime
    created_by: str
    grants: tuple[GrantRecord, ...] = ()
    full_name: str = ""
    subject: str = ""
    password_hash: str | None = field(default=None, repr=False)
    #: the key of the second factor; None: there is none
    totp: str | None = field(default=None, repr=False)
    #: the time step of the last code that was taken: none is taken twice
    totp_step: int = 0
    #: wrong tries since the last good one
    failures: int = 0
    locked_until: datetime | None = None
    disabled_at: datetime | None = None
    last_login_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """A sign-in under way at the identity provider. `secret` is what only we know of it."""

    state: str
    challenge: str
    return_to: str
    secret: str = field(repr=False)
    expires_at: datetime
    code_hash: str | None = None
    person: str | None = None


async def add(tx: Transaction, person: PersonRecord) -> None:
    """Store a new person.

    Raises:
        Conflict: the name is taken.
        InvalidInput: a text is too long.
    """
    check_record(person)
    if not await tx.insert(people, _row(tx, person)):
        raise Conflict(f"there is a person {person.name!r} already")


async def put(tx: Transaction, person: PersonRecord) -> None:
    """Store what became of a person."""
    check_record(person)
    await tx.upsert(people, [_row(tx, person)])


async def get(tx: Transaction, name: str) -> PersonRecord | None:
    """Return the person, or None."""
    row = await tx.one(select(people).where(people.c.name == name))
    return None if row is None else _record(tx, row)


async def hold(tx: Transaction, name: str) -> PersonRecord | None:
    """Return the person, or None; until the transaction ends nobody else changes the account."""
    row = await tx.one(select(people).where(people.c.name == name).with_for_update())
    return None if row is None else _record(tx, row)


async def by_subject(tx: Transaction, subject: str) -> PersonRecord | None:
    """Return the person that the identity provider means, or None; held as by `hold`."""
    row = await tx.one(select(people).where(people.c.subject == subject).with_for_update())
    return None if row is None else _record(tx, row)


async def list_people(tx: Transaction) -> list[PersonRecord]:
    """Return everybody, by name."""
    return [_record(tx, row) for row in await tx.rows(select(people).order_by(people.c.name))]


async def take_step(tx: Transaction, name: str, step: int) -> bool:
    """Use up a code of the second factor; False where this code, or a later one, was used before."""
    statement = update(people).where(people.c.name == name, people.c.totp_step < step)
    return await tx.run(statement.values(totp_step=step)) == 1


async def count_failure(tx: Transaction, name: str) -> int:
    """Count one more wrong try and return how many there are in a row."""
    statement = update(people).where(people.c.name == name).values(failures=people.c.failures + 1)
    await tx.run(statement)
    row = await tx.one(select(people.c.failures).where(people.c.name == name))
    return 0 if row is None else int(row.failures)


async def lock(tx: Transaction, name: str, until: datetime) -> None:
    """Close an account for a while."""
    await tx.run(update(people).where(people.c.name == name).values(locked_until=micros(until)))


async def came_in(tx: Transaction, name: str, at: datetime) -> None:
    """Note that the person signed in: wrong tries are forgotten."""
    values = {"failures": 0, "locked_until": None, "last_login_at": micros(at)}
    await tx.run(update(people).where(people.c.name == name).values(**values))


async def begin_sign_in(tx: Transaction, sign_in: SignIn) -> None:
    """Remember a sign-in at the identity provider."""
    row = {
        "state": sign_in.state,
        "challenge": sign_in.challenge,
        "return_to": sign_in.return_to,
        "sealed": tx.vault.seal(sign_in.secret.encode()),
        "expires_at": micros(sign_in.expires_at),
        "code_hash": sign_in.code_hash,
        "person": sign_in.person,
        "grants": None,
    }
    await tx.insert(sign_ins, row)


async def take_sign_in(tx: Transaction, *, state: str = "", code_hash: str = "") -> SignIn | None:
    """Return a sign-in by its state, or by the code that it was given, and forget it; None where there is none."""
    wanted = sign_ins.c.state == state if state else sign_ins.c.code_hash == code_hash
    row = await tx.one(select(sign_ins).where(wanted))
    if row is None or await tx.run(delete(sign_ins).where(sign_ins.c.state == row.state)) != 1:
        return None
    secret, until = tx.vault.open(row.sealed).decode(), instant(row.expires_at)
    return SignIn(row.state, row.challenge, row.return_to, secret, until, row.code_hash, row.person)


async def forget_sign_ins(tx: Transaction, now: datetime) -> int:
    """Forget sign-ins that nobody finished and return how many."""
    return await tx.run(delete(sign_ins).where(sign_ins.c.expires_at < micros(now)))


def _row(tx: Transaction, person: PersonRecord) -> dict[str, object]:
    return {
        "name": person.name,
        "full_name": person.full_name,
        "subject": person.subject,
        "grants": grants_text(person.grants),
        "password_hash": person.password_hash,
        "sealed_totp": None if person.totp is None else tx.vault.seal(person.totp.encode()),
        "totp_step": person.totp_step,
        "failures": person.failures,
        "locked_until": micros_or_none(person.locked_until),
        "disabled_at": micros_or_none(person.disabled_at),
        "created_at": micros(person.created_at),
        "created_by": person.created_by,
        "last_login_at": micros_or_none(person.last_login_at),
    }


def _record(tx: Transaction, row: Row[Any]) -> PersonRecord:
    return PersonRecord(
        name=row.name,
        created_at=instant(row.created_at),
        created_by=row.created_by,
        grants=grants_of(row.grants),
        full_name=row.full_name,
        subject=row.subject,
        password_hash=row.password_hash,
        totp=None if row.sealed_totp is None else tx.vault.open(row.sealed_totp).decode(),
        totp_step=row.totp_step,
        failures=row.failures,
        locked_until=instant_or_none(row.locked_until),
        disabled_at=instant_or_none(row.disabled_at),
        last_login_at=instant_or_none(row.last_login_at),
    )
