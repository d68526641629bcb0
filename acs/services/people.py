"""Accounts of people: made, given roles, given a second factor, disabled.

The rule of this file: nobody gives a right that he could not give a token, and the first administrator is made at the
server's own shell: there is no account, and no password, that was not made by somebody.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from acs.errors import Conflict, InvalidInput, NotFound
from acs.services import audit, second_factor
from acs.services.access import Access, shown_grant
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.sign_in import Proof, SignIns
from acs.store import people as people_store
from acs.store import tmf as tmf_store
from acs.store import tokens as token_store
from acs.store.people import PersonRecord
from acs.store.records import GrantRecord, Json
from acs.store.store import Store
from acs.store.transaction import Transaction

_NAME_CHARS = 64
#: of whoever changes another's account
_NONE = Proof()


@dataclass(frozen=True, slots=True)
class NewFactor:
    """A new second factor, shown once: its key, and the same as an authenticator app reads it."""

    key: str = field(repr=False)
    address: str = field(repr=False)


class People:
    """Use cases on accounts."""

    def __init__(
        self, store: Store, access: Access, sign_ins: SignIns | None = None, *, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._access = access
        self._sign_ins = sign_ins or SignIns(store, clock=clock)
        self._clock = clock

    async def add(
        self,
        actor: Actor,
        name: str,
        grants: Sequence[GrantRecord],
        *,
        password: str | None = None,
        full_name: str = "",
    ) -> PersonRecord:
        """Make an account; without a password it is for sign-in through the identity provider only.

        Raises:
            Forbidden: the actor may not make accounts, or lacks a right that he gives.
            InvalidInput: the name, a role or the password cannot be used.
            Conflict: the name is taken, or a token's: a name is who somebody is, to tickets, hooks and limits.
        """
        actor.require(Scope.PEOPLE)
        if not name or len(name) > _NAME_CHARS or not name.isprintable() or name != name.strip():
            raise InvalidInput(f"name: write 1 to {_NAME_CHARS} printable characters, such as i.petrova")
        if not grants:
            raise InvalidInput("role: name at least one; `secondline role list` shows them")
        self._access.check_grants(actor, grants)
        hashed = None if password is None else await asyncio.to_thread(second_factor.hash_of_password, password)
        now = self._clock()
        person = PersonRecord(name, now, actor.name, tuple(grants), full_name, password_hash=hashed)
        async with self._store.transaction() as tx:
            if await token_store.is_named(tx, name):
                raise Conflict(
                    f"name: a token is called {name!r}, and the person would pass for it; choose another name"
                )
            await people_store.add(tx, person)
            after: dict[str, Json] = {"full_name": full_name, "grants": _shown(grants)}
            await audit.note(tx, actor, "person.added", f"person:{name}", now, after=after)
        return person

    async def list(self, actor: Actor) -> list[PersonRecord]:
        """Everybody, by name."""
        actor.require(Scope.PEOPLE)
        async with self._store.reading() as tx:
            return await people_store.list_people(tx)

    async def set_grants(self, actor: Actor, name: str, grants: Sequence[GrantRecord]) -> None:
        """Give a person these roles in the place of the former ones; who is signed in must sign in again.

        Raises:
            NotFound: no such person.
            InvalidInput: a role or a group is none.
        """
        actor.require(Scope.PEOPLE)
        self._access.check_grants(actor, grants)
        async with self._store.transaction() as tx:
            person = await _known(tx, name)
            await people_store.put(tx, replace(person, grants=tuple(grants)))
            await self._end_sessions(tx, name)
            await tmf_store.drop_subscriptions_of(tx, name)
            before: dict[str, Json] = {"grants": _shown(person.grants)}
            after: dict[str, Json] = {"grants": _shown(grants)}
            await audit.note(tx, actor, "person.changed", f"person:{name}", self._clock(), before=before, after=after)
        self._access.forget()

    async def set_password(self, actor: Actor, name: str, password: str, proof: Proof = _NONE) -> None:
        """Give a person a new password: an administrator anybody, a person himself, who proves that it is he.

        Every session of the person ends.

        Raises:
            NotFound: no such person.
            Forbidden: the person has rights that the actor lacks; for oneself: the proof is wrong.
            InvalidInput: the password is too short.
        """
        _require_own_or_people(actor, name)
        hashed = await asyncio.to_thread(second_factor.hash_of_password, password)

        async def change(tx: Transaction, person: PersonRecord) -> None:
            if person.subject:
                raise Conflict(f"person {name} signs in through the identity provider, and has no password here")
            await people_store.put(tx, replace(person, password_hash=hashed, failures=0, locked_until=None))
            await audit.note(tx, actor, "person.password_changed", f"person:{name}", self._clock())

        await self._change(actor, name, proof, change)

    async def new_factor(self, actor: Actor, name: str, proof: Proof = _NONE) -> NewFactor:
        """Give a person a new second factor in the place of any former one; it is shown this once.

        Who asks for himself proves that it is he. Every session of the person ends.

        Raises:
            NotFound: no such person.
            Forbidden: the person has rights that the actor lacks; for oneself: the proof is wrong.
        """
        _require_own_or_people(actor, name)
        key = second_factor.new_totp_key()

        async def change(tx: Transaction, person: PersonRecord) -> None:
            await people_store.put(tx, replace(person, totp=key, totp_step=0))
            await audit.note(tx, actor, "person.factor_changed", f"person:{name}", self._clock())

        await self._change(actor, name, proof, change)
        return NewFactor(key, second_factor.totp_address(key, name))

    async def set_disabled(self, actor: Actor, name: str, *, disabled: bool) -> None:
        """Close an account for good, with every sign-in of it, or open it again.

        Raises:
            NotFound: no such person.
            Conflict: it is so already.
        """
        actor.require(Scope.PEOPLE)
        now = self._clock()
        async with self._store.transaction() as tx:
            person = await _known(tx, name)
            if (person.disabled_at is not None) == disabled:
                raise Conflict(f"person {name} is {'disabled' if disabled else 'not disabled'}")
            opened = replace(person, disabled_at=now if disabled else None, failures=0, locked_until=None)
            await people_store.put(tx, opened)
            if disabled:
                await self._end_sessions(tx, name)
                await tmf_store.drop_subscriptions_of(tx, name)
            await audit.note(tx, actor, "person.disabled" if disabled else "person.enabled", f"person:{name}", now)
        self._access.forget()

    async def _change(
        self, actor: Actor, name: str, proof: Proof, change: Callable[[Transaction, PersonRecord], Awaitable[None]]
    ) -> None:
        """Change what lets a person in, for whoever may, and end the sessions that the former opened."""

        async def changed(tx: Transaction, _seen: PersonRecord) -> None:
            await change(tx, await _known(tx, name))  # the proof has used up a code meanwhile
            await self._end_sessions(tx, name)
            await tmf_store.drop_subscriptions_of(tx, name)

        if _is_own(actor, name):
            await self._sign_ins.once_proved(name, proof, actor.origin, changed)
        else:
            async with self._store.transaction() as tx:
                person = await _known(tx, name)
                self._access.check_takes_over(actor, name, person.grants)
                await changed(tx, person)
        self._access.forget()

    async def _end_sessions(self, tx: Transaction, name: str) -> None:
        await token_store.revoke_of(tx, name, self._clock())


def _is_own(actor: Actor, name: str) -> bool:
    return bool(actor.person) and actor.person == name


def _require_own_or_people(actor: Actor, name: str) -> None:
    if not _is_own(actor, name):
        actor.require(Scope.PEOPLE)


async def _known(tx: Transaction, name: str) -> PersonRecord:
    person = await people_store.hold(tx, name)
    if person is None:
        raise NotFound(f"there is no person {name[:80]!r}; `secondline user list` shows their names")
    return person


def _shown(grants: Sequence[GrantRecord]) -> list[Json]:
    return [shown_grant(each) for each in grants]
