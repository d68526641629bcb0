"""API tokens: only a hash of each is stored."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from acs.errors import Conflict
from acs.store.built import new
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record
from acs.store.records import GrantRecord, TokenRecord
from acs.store.schema import token_grants, tokens
from acs.store.transaction import Transaction

_SELECT = select(tokens, token_grants.c.grants, token_grants.c.person).select_from(
    tokens.outerjoin(token_grants, token_grants.c.token == tokens.c.id)
)
_BY_ID = _SELECT.where(tokens.c.id == bindparam("id"))
_BY_HASH = _SELECT.where(tokens.c.token_hash == bindparam("token_hash"))
_LIVE_NAMED = _SELECT.where(
    tokens.c.name == bindparam("name"),
    tokens.c.revoked_at.is_(None),
    tokens.c.expires_at.is_(None) | (tokens.c.expires_at > bindparam("now")),
    token_grants.c.person.is_(None) | (token_grants.c.person == ""),
)
_NAMED = _SELECT.where(
    tokens.c.name == bindparam("name"), token_grants.c.person.is_(None) | (token_grants.c.person == "")
).limit(1)
_MAKERS = select(tokens.c.created_by).where(tokens.c.name.in_(bindparam("names", expanding=True))).distinct()
_TOUCH = update(tokens).where(tokens.c.id == bindparam("its_id")).values(new("last_used_at"))


async def add(tx: Transaction, token: TokenRecord) -> None:
    """Store a new token.

    Raises:
        Conflict: its id or hash is taken.
        InvalidInput: a text is too long.
    """
    check_record(token)
    row = {
        "id": token.id,
        "name": token.name,
        "token_hash": token.token_hash,
        "scopes": " ".join(token.scopes),
        "created_at": micros(token.created_at),
        "created_by": token.created_by,
        "expires_at": micros_or_none(token.expires_at),
        "revoked_at": micros_or_none(token.revoked_at),
        "last_used_at": micros_or_none(token.last_used_at),
    }
    if not await tx.insert(tokens, row):
        raise Conflict(f"token {token.id} exists already")
    if token.grants or token.person:
        row = {"token": token.id, "person": token.person, "grants": grants_text(token.grants)}
        await tx.insert(token_grants, row)


async def get(tx: Transaction, token_id: str) -> TokenRecord | None:
    """Return the token, or None."""
    row = await tx.one(_BY_ID, {"id": token_id})
    return None if row is None else _record(row)


async def by_hash(tx: Transaction, token_hash: str) -> TokenRecord | None:
    """Return the token with this hash, whether it is still good or not, or None."""
    row = await tx.one(_BY_HASH, {"token_hash": token_hash})
    return None if row is None else _record(row)


async def live_named(tx: Transaction, name: str, now: datetime) -> list[TokenRecord]:
    """Return the tokens of this name that are still good; sessions of people are none."""
    return [_record(row) for row in await tx.rows(_LIVE_NAMED, {"name": name, "now": micros(now)})]


async def is_named(tx: Transaction, name: str) -> bool:
    """Whether a program's token has, or had, this name; sessions of people are none."""
    return await tx.one(_NAMED, {"name": name}) is not None


async def list_tokens(tx: Transaction) -> list[TokenRecord]:
    """Return every token, oldest first."""
    return [_record(row) for row in await tx.rows(_SELECT.order_by(tokens.c.id))]


async def makers(tx: Transaction, name: str) -> set[str]:
    """Return the names of who made tokens of this name, and of who made their tokens, and so on; ended ones count."""
    found: set[str] = set()
    asked = {name}
    while asked:
        asked = {row.created_by for row in await tx.rows(_MAKERS, {"names": sorted(asked)})} - found
        found |= asked
    return found


async def revoke(tx: Transaction, token_id: str, at: datetime) -> bool:
    """Make the token good for nothing from now on; False where it was revoked before or is not known."""
    statement = update(tokens).where(tokens.c.id == token_id, tokens.c.revoked_at.is_(None))
    return await tx.run(statement.values(revoked_at=micros(at))) == 1


async def revoke_of(tx: Transaction, person: str, at: datetime) -> int:
    """End every sign-in of a person and return how many were open."""
    theirs = select(token_grants.c.token).where(token_grants.c.person == person)
    statement = update(tokens).where(tokens.c.id.in_(theirs), tokens.c.revoked_at.is_(None))
    return await tx.run(statement.values(revoked_at=micros(at)))


async def touch(tx: Transaction, token_id: str, at: datetime) -> None:
    """Note when the token was last used; the caller does so at most once in some minutes."""
    await tx.run(_TOUCH, {"its_id": token_id, "new_last_used_at": micros(at)})


def grants_text(grants: Sequence[GrantRecord]) -> str:
    """Grants as they are stored."""
    return json.dumps([{"role": each.role, "groups": list(each.groups)} for each in grants])


def grants_of(text: str | None) -> tuple[GrantRecord, ...]:
    """The grants of what `grants_text` wrote."""
    return tuple(GrantRecord(each["role"], tuple(each["groups"])) for each in json.loads(text or "[]"))


def _record(row: Row[Any]) -> TokenRecord:
    return TokenRecord(
        id=row.id,
        name=row.name,
        token_hash=row.token_hash,
        scopes=tuple(row.scopes.split()),
        created_at=instant(row.created_at),
        created_by=row.created_by,
        expires_at=instant_or_none(row.expires_at),
        revoked_at=instant_or_none(row.revoked_at),
        last_used_at=instant_or_none(row.last_used_at),
        grants=grants_of(row.grants),
        person=row.person or "",
    )
