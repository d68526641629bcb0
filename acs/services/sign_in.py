"""Sign-in of people: a password and, where there is one, a code of the second factor become a session for one shift.

    name, password, code ──► lock? ──► argon2 ──► TOTP, never twice ──► a token of the person's roles, for some hours

The rule of this file: whatever is wrong gives the same answer after the same work; wrong tries close the account for a
while, and are audited; the account decides as it is when the password has been checked.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from acs.config import RightsSection
from acs.errors import Forbidden
from acs.services import audit, second_factor
from acs.services.access import PREFIX, hash_of
from acs.services.actor import Actor
from acs.services.clock import Clock, utc_now
from acs.store import people as people_store
from acs.store import tmf as tmf_store
from acs.store import tokens as token_store
from acs.store.people import PersonRecord
from acs.store.records import TokenRecord
from acs.store.store import Store
from acs.store.transaction import Transaction

Done = TypeVar("Done")
Then = Callable[[Transaction, PersonRecord], Awaitable[Done]]

_WRONG = "name, password or code is wrong, or the account is closed for a while; try again later, or ask for help"


class WrongCredentials(Forbidden):
    """Nobody came in. Which part was wrong is in the audit trail, and nowhere else."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a person proves himself with, who has a session already: it might be a stolen one."""

    password: str = field(default="", repr=False)
    code: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Session:
    """A session of a person: `token` is the bearer token, shown once."""

    person: PersonRecord
    expires_at: datetime
    token: str = field(repr=False)


class SignIns:
    """Lets people in."""

    def __init__(self, store: Store, config: RightsSection | None = None, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._config = config or RightsSection()
        self._clock = clock
        # argon2 takes 64 MiB: two at a time are enough for a shift that begins
        self._hashing = asyncio.Semaphore(2)

    async def sign_in(self, name: str, password: str, code: str, origin: str) -> Session:
        """Let a person with a local account in.

        Raises:
            WrongCredentials: something is wrong; nobody is told what.
        """

        async def opened(tx: Transaction, person: PersonRecord) -> Session:
            return await self.open_session(tx, person, origin)

        return await self.once_proved(name, Proof(password, code), origin, opened)

    async def once_proved(self, name: str, proof: Proof, origin: str, then: Then[Done]) -> Done:
        """Do what only the person himself may have done, in the transaction of the proof.

        Raises:
            WrongCredentials: something is wrong; nobody is told what.
        """
        async with self._store.reading() as tx:
            before = await people_store.get(tx, name)
        async with self._hashing:
            stored = None if before is None else before.password_hash
            good = await asyncio.to_thread(second_factor.is_password, proof.password, stored)
        async with self._store.transaction() as tx:
            # tries that came together were waiting for their turn: what those before them closed is closed to this one
            person = await people_store.hold(tx, name)
            why = self._why_not(person, good and person is not None and person.password_hash == stored)
            if not why and person is not None:
                why = await self._check_code(tx, person, proof.code)
            if person is not None and not why:
                return await then(tx, person)
            await self._count(tx, person, name, why, origin)
        raise WrongCredentials(_WRONG)

    async def open_session(self, tx: Transaction, person: PersonRecord, origin: str) -> Session:
        """A session for somebody who has proved who he is, in the transaction of that."""
        now = self._clock()
        secret = PREFIX + secrets.token_urlsafe(32)
        record = TokenRecord(
            id=secrets.token_hex(8),
            name=f"session of {person.name}",
            token_hash=hash_of(secret),
            scopes=(),
            created_at=now,
            created_by=person.name,
            expires_at=now + timedelta(hours=self._config.session_hours),
            grants=person.grants,
            person=person.name,
        )
        await token_store.add(tx, record)
        await people_store.came_in(tx, person.name, now)
        actor = Actor(person.name, "person", frozenset(), origin, id=record.id, person=person.name)
        await audit.note(tx, actor, "session.opened", f"person:{person.name}", now)
        assert record.expires_at is not None
        return Session(person, record.expires_at, secret)

    async def sign_out(self, actor: Actor) -> None:
        """End every session of the person who asks."""
        if not actor.person:
            raise Forbidden("a program's token has no session; revoke it with: secondline token revoke")
        async with self._store.transaction() as tx:
            await token_store.revoke_of(tx, actor.person, self._clock())
            await tmf_store.drop_subscriptions_of(tx, actor.person)
            await audit.note(tx, actor, "session.closed", f"person:{actor.person}", self._clock())

    def _why_not(self, person: PersonRecord | None, good: bool) -> str:
        if person is None:
            return "no such account"
        if person.disabled_at is not None:
            return "the account is disabled"
        if person.locked_until is not None and person.locked_until > self._clock():
            return "the account is closed for a while"
        if not good:
            return "wrong password"
        needs = {grant.role for grant in person.grants} & set(self._config.totp_roles)
        if person.totp is None and needs:
            return f"the role {min(needs)} needs a second factor: secondline user totp NAME"
        return ""

    async def _check_code(self, tx: Transaction, person: PersonRecord, code: str) -> str:
        if person.totp is None:
            return ""
        step = second_factor.step_of_code(person.totp, code, self._clock())
        if step is None:
            return "wrong code"
        return "" if await people_store.take_step(tx, person.name, step) else "the code was used before"

    async def _count(self, tx: Transaction, person: PersonRecord | None, name: str, why: str, origin: str) -> None:
        now = self._clock()
        actor = Actor(name[:64] if name.isprintable() else "?", "person", frozenset(), origin)
        await audit.note(tx, actor, "session.refused", f"person:{actor.name}", now, after={"why": why})
        if person is None:
            return
        failures = await people_store.count_failure(tx, person.name)
        if failures >= self._config.lock_after:
            until = now + timedelta(minutes=self._config.lock_minutes)
            await people_store.lock(tx, person.name, until)
            await audit.note(
                tx, actor, "person.locked", f"person:{person.name}", now, after={"until": until.isoformat()}
            )
