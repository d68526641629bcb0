"""API tokens: made once, shown once, checked on every request, taken back at any time.

The rule of this file: the secret itself is never stored, logged or audited; what is stored is its SHA-256, which is
enough for 32 random bytes (see docs/decisions/0050-tokens.md).
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from acs.config import RightsSection
from acs.errors import Conflict, Forbidden, InvalidInput, NotFound
from acs.services import audit
from acs.services.actor import Actor, Grant, Scope
from acs.services.clock import Clock, utc_now
from acs.services.roles import Roles, load_roles
from acs.store import people as people_store
from acs.store import tokens as token_store
from acs.store.records import GrantRecord, Json, TokenRecord
from acs.store.store import Store

#: what a token's text begins with, so that scanners of leaked secrets find it
PREFIX = "sl_"
#: bytes of randomness in a token
_SECRET_BYTES = 32
#: seconds that a checked token is believed without asking the store; a revocation by another process waits as long
_CACHE_S = 5.0
#: tokens remembered at once
_CACHE_ENTRIES = 10_000
#: seconds between two notes of "last used", so that reading the API does not write the store
_USED_EVERY_S = 60.0
_NAME_CHARS = 100


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """A new token; `secret` is shown to its owner now and never again."""

    record: TokenRecord
    secret: str = field(repr=False)


class Access:
    """Who may use the API."""

    def __init__(
        self,
        store: Store,
        rights: RightsSection | None = None,
        *,
        roles: Roles | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._rights = rights or RightsSection()
        self.roles = roles or load_roles(self._rights.roles_file)
        self._clock = clock
        self._believed: dict[str, tuple[TokenRecord, datetime]] = {}

    async def create(
        self,
        actor: Actor,
        name: str,
        scopes: Sequence[str] = (),
        expires_at: datetime | None = None,
        *,
        grants: Sequence[GrantRecord] = (),
    ) -> CreatedToken:
        """Make a token with scopes for all lines, or roles for some; without an expiry it ends in `rights.token_days`.

        Raises:
            Forbidden: the actor may not make tokens, or lacks a right that he gives.
            InvalidInput: no name, no or unknown scopes or roles, or an expiry in the past.
            Conflict: a token of this name that is still good may do something else, or a person is called so.
        """
        actor.require(Scope.PEOPLE)
        now = self._clock()
        _check_request(name, scopes, grants, expires_at, now)
        self.check_grants(actor, grants, scopes)
        expires_at = expires_at or now + timedelta(days=self._rights.token_days)
        secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
        record = TokenRecord(
            id=secrets.token_hex(8),
            name=name,
            token_hash=hash_of(secret),
            scopes=tuple(sorted(set(scopes))),
            created_at=now,
            created_by=actor.name,
            expires_at=expires_at,
            grants=tuple(grants),
        )
        async with self._store.transaction() as tx:
            if await people_store.get(tx, name) is not None:
                raise Conflict(f"name: a person is called {name!r}, and would pass for this token; choose another name")
            _refuse_double(record, await token_store.live_named(tx, name, now))
            await token_store.add(tx, record)
            after: dict[str, Json] = {"name": name, "scopes": [*record.scopes], "expires_at": str(expires_at)}
            if grants:
                after["grants"] = [shown_grant(each) for each in grants]
            await audit.note(tx, actor, "access.granted", f"token:{record.id}", now, after=after)
        return CreatedToken(record, secret)

    async def list(self, actor: Actor) -> list[TokenRecord]:
        """Every token, revoked and expired ones too."""
        actor.require(Scope.PEOPLE)
        async with self._store.reading() as tx:
            return await token_store.list_tokens(tx)

    async def revoke(self, actor: Actor, token_id: str) -> None:
        """End a token for good.

        Raises:
            NotFound: no such token.
            Conflict: it was revoked before.
        """
        actor.require(Scope.PEOPLE)
        now = self._clock()
        async with self._store.transaction() as tx:
            record = await token_store.get(tx, token_id)
            if record is None:
                raise NotFound(f"there is no token {token_id!r}; `secondline token list` shows their ids")
            if record.revoked_at is not None:
                raise Conflict(f"token {token_id} was revoked at {record.revoked_at.isoformat()}")
            await token_store.revoke(tx, token_id, now)
            await audit.note(tx, actor, "access.revoked", f"token:{token_id}", now, before={"name": record.name})
        self._believed.clear()

    async def authenticate(self, secret: str, origin: str) -> Actor | None:
        """The actor that a bearer token stands for; None when it is unknown, expired or revoked."""
        if not secret.startswith(PREFIX) or len(secret) > 2 * _SECRET_BYTES:
            return None
        digest, now = hash_of(secret), self._clock()
        record = await self._lookup(digest, now)
        if record is None or record.revoked_at is not None:
            return None
        if record.expires_at is not None and record.expires_at <= now:
            return None
        if record.last_used_at is None or (now - record.last_used_at).total_seconds() > _USED_EVERY_S:
            await self._note_use(record, now)
        return Actor(
            name=record.person or record.name,
            kind="person" if record.person else "token",
            scopes=frozenset(record.scopes),
            origin=origin,
            grants=self.roles.grants(record.grants),
            id=record.id if record.grants or record.person else "",
            person=record.person,
        )

    def forget(self) -> None:
        """Believe no token that was looked at before: some were revoked."""
        self._believed.clear()

    def check_grants(self, actor: Actor, grants: Sequence[GrantRecord], scopes: Sequence[str] = ()) -> None:
        """Refuse grants that are none, and rights that the actor does not have himself, for as many lines.

        Raises:
            InvalidInput: a role or a group is none.
            Forbidden: the actor lacks a right that he gives.
        """
        self.roles.check(grants)
        lacked = self._lacked(actor, [*self.roles.grants(grants), Grant(frozenset(scopes))])
        if lacked:
            raise Forbidden(
                f"{actor.name} may not give {lacked!r} without having it, for as many lines; ask somebody who has it"
            )

    def check_takes_over(self, actor: Actor, name: str, grants: Sequence[GrantRecord]) -> None:
        """Refuse a new password or factor for somebody who has rights that the actor lacks: it could be used.

        Raises:
            Forbidden: the person has more rights.
        """
        lacked = self._lacked(actor, self.roles.grants(grants))
        if lacked:
            raise Forbidden(
                f"person {name} has {lacked!r}, which {actor.name} lacks; ask somebody who has it, or use the server's "
                "shell: secondline user passwd, secondline user totp"
            )

    def _lacked(self, actor: Actor, given: Sequence[Grant]) -> str:
        """The first verb of these that the actor does not have for as many lines; "" where he has them all."""
        wanted = [(verb, each) for each in given for verb in sorted(each.verbs)]
        return next((str(verb) for verb, each in wanted if not actor.covers(verb, each.reach)), "")

    async def _lookup(self, digest: str, now: datetime) -> TokenRecord | None:
        believed = self._believed.get(digest)
        if believed is not None and believed[1] > now:
            return believed[0]
        async with self._store.reading() as tx:
            record = await token_store.by_hash(tx, digest)
        if record is None or not hmac.compare_digest(record.token_hash, digest):
            return None
        self._remember(digest, record, now)
        return record

    def _remember(self, digest: str, record: TokenRecord, now: datetime) -> None:
        if len(self._believed) >= _CACHE_ENTRIES:
            self._believed.clear()
        self._believed[digest] = (record, now + timedelta(seconds=_CACHE_S))

    async def _note_use(self, record: TokenRecord, now: datetime) -> None:
        async with self._store.transaction() as tx:
            await token_store.touch(tx, record.id, now)
        self._believed.pop(record.token_hash, None)


def hash_of(secret: str) -> str:
    """What is stored of a token: the SHA-256 of its text, in hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()


def shown_grant(grant: GrantRecord) -> str:
    """The grant as `parse_grant` reads it."""
    return grant.role + ("@" + "+".join(grant.groups) if grant.groups else "")


def _refuse_double(wanted: TokenRecord, named: Sequence[TokenRecord]) -> None:
    """A name is who somebody is, to limits, tickets and the audit trail: two who share one must be the same.

    So a token can be replaced while the old one still works, and nobody passes for another.
    """
    rights = wanted.scopes, set(wanted.grants)
    other = next((each for each in named if (each.scopes, set(each.grants)) != rights), None)
    if other is not None:
        raise Conflict(
            f"token {other.id} is called {wanted.name!r} too and may do something else; choose another name, or revoke"
            f" that one first: secondline token revoke {other.id}"
        )


def _check_request(
    name: str, scopes: Sequence[str], grants: Sequence[GrantRecord], expires_at: datetime | None, now: datetime
) -> None:
    if not name.strip() or len(name) > _NAME_CHARS or not name.isprintable():
        raise InvalidInput(f"name: write a printable name of 1 to {_NAME_CHARS} characters")
    known = ", ".join(Scope)
    if not scopes and not grants:
        raise InvalidInput(f"scopes: name at least one of {known}, or a role")
    for scope in scopes:
        if scope not in frozenset(Scope):
            raise InvalidInput(f"scopes: {scope!r} is none of {known}")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(f"expires_at: {expires_at.isoformat()} is past; choose a later instant")
