"""Sessions of subscribers as RADIUS accounting tells them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, select, tuple_, update

from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.schema import access_sessions
from acs.store.transaction import Transaction

_CHUNK = 300
_OPEN_ON = (
    select(access_sessions)
    .where(access_sessions.c.line.in_(bindparam("lines", expanding=True)), access_sessions.c.stopped_at.is_(None))
    .order_by(access_sessions.c.heard_at.desc())
)
_ON_LINE = (
    select(access_sessions)
    .where(access_sessions.c.line == bindparam("line"))
    .order_by(access_sessions.c.heard_at.desc())
    .limit(bindparam("limit"))
)


@dataclass(frozen=True, slots=True)
class AccessSession:
    """One session at one NAS. `stopped_at` None: it is open; `heard_at`: when its NAS spoke of it last.

    `start_packet`: the Request Authenticator of its Start, as hex, by which the same packet is known again.
    """

    nas: str
    session: str
    line: str | None
    login: str
    address: str
    port: str
    circuit: str
    calling: str
    started_at: datetime
    heard_at: datetime
    stopped_at: datetime | None = None
    cause: str = ""
    in_octets: int = 0
    out_octets: int = 0
    start_packet: str = ""


async def put(tx: Transaction, sessions: Sequence[AccessSession]) -> int:
    """Store sessions; what was heard later than the new word stays."""
    return await tx.upsert(access_sessions, [_row(each) for each in sessions], newer="heard_at")


async def get_many(tx: Transaction, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], AccessSession]:
    """Return (nas, session) → the stored session."""
    found: dict[tuple[str, str], AccessSession] = {}
    for start in range(0, len(keys), _CHUNK):
        part = list(keys[start : start + _CHUNK])
        query = select(access_sessions).where(tuple_(access_sessions.c.nas, access_sessions.c.session).in_(part))
        for row in await tx.rows(query):
            found[row.nas, row.session] = _record(row)
    return found


async def open_on(tx: Transaction, lines: Sequence[str]) -> dict[str, list[AccessSession]]:
    """Return line → its open sessions, the youngest first."""
    found: dict[str, list[AccessSession]] = {}
    for start in range(0, len(lines), _CHUNK):
        for row in await tx.rows(_OPEN_ON, {"lines": list(lines[start : start + _CHUNK])}):
            found.setdefault(row.line, []).append(_record(row))
    return found


async def close_nas(tx: Transaction, nas: str, at: datetime, cause: str) -> list[str]:
    """End every open session of a NAS that were heard of before, and return the lines that had one."""
    ours = (
        access_sessions.c.nas == nas,
        access_sessions.c.stopped_at.is_(None),
        access_sessions.c.heard_at <= micros(at),
    )
    rows = await tx.rows(select(access_sessions.c.line).where(*ours, access_sessions.c.line.is_not(None)).distinct())
    values = {"stopped_at": micros(at), "heard_at": micros(at), "cause": cause}
    await tx.run(update(access_sessions).where(*ours).values(values))
    return sorted(row.line for row in rows)


async def silent(tx: Transaction, before: datetime, *, limit: int = 1_000) -> list[AccessSession]:
    """Return open sessions of which nothing was heard since, and that were not found silent before.

    They are held, so that one that is heard meanwhile is stored after what is said of it; one that is being stored now
    is left out, for it was heard.
    """
    query = (
        select(access_sessions)
        .where(
            access_sessions.c.stopped_at.is_(None),
            access_sessions.c.heard_at < micros(before),
            access_sessions.c.cause == "",
        )
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_record(row) for row in await tx.rows(query)]


async def mark(tx: Transaction, sessions: Sequence[AccessSession], cause: str) -> None:
    """Note why open sessions are doubted."""
    for start in range(0, len(sessions), _CHUNK):
        part = [(each.nas, each.session) for each in sessions[start : start + _CHUNK]]
        await tx.run(
            update(access_sessions)
            .where(tuple_(access_sessions.c.nas, access_sessions.c.session).in_(part))
            .values(cause=cause)
        )


async def on_line(tx: Transaction, line: str, *, limit: int = 20) -> list[AccessSession]:
    """Return the sessions of a line, the youngest first."""
    return [_record(row) for row in await tx.rows(_ON_LINE, {"line": line, "limit": limit})]


async def prune(tx: Transaction, before: datetime) -> int:
    """Delete sessions of which nothing was heard since, and return how many."""
    return await tx.run(delete(access_sessions).where(access_sessions.c.heard_at < micros(before)))


def _row(one: AccessSession) -> dict[str, object]:
    return {
        "nas": one.nas,
        "session": one.session,
        "line": one.line,
        "login": one.login,
        "address": one.address,
        "port": one.port,
        "circuit": one.circuit,
        "calling": one.calling,
        "started_at": micros(one.started_at),
        "heard_at": micros(one.heard_at),
        "stopped_at": micros_or_none(one.stopped_at),
        "cause": one.cause,
        "in_octets": one.in_octets,
        "out_octets": one.out_octets,
        "start_packet": one.start_packet,
    }


def _record(row: Row[Any]) -> AccessSession:
    return AccessSession(
        row.nas, row.session, row.line, row.login, row.address, row.port, row.circuit, row.calling,
        instant(row.started_at), instant(row.heard_at), instant_or_none(row.stopped_at), row.cause, row.in_octets,
        row.out_octets, row.start_packet or "",
    )  # fmt: skip
