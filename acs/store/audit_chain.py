"""The chain that makes the audit trail provable: each entry's hash holds the one before it.

    hash(n) = SHA-256 of [hash(n-1), id, at, actor, action, target, detail, ticket]      anybody can compute it
    head    = last entry, its hash, how many, sealed with a key that is not in the database
    anchor  = the head at an instant, sealed, here and in a file outside of the database

A changed, inserted or missing entry breaks the hashes; a cut end breaks the head; a cut end with an older head put
back breaks the anchors. The rule of this file: who adds holds the lock of the chain until its commit, and takes no
other one.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import func, select, text

from acs.store.instants import instant, micros
from acs.store.schema import audit, audit_anchors, audit_chain, audit_links
from acs.store.transaction import Transaction

#: the key of the advisory lock under which entries are added on PostgreSQL ("audi")
_LOCK = 0x61_75_64_69
#: entries of one query
_PAGE = 2_000
_HEAD = 1
_CHAIN = select(audit_chain).where(audit_chain.c.id == _HEAD)
_TAKE = text("SELECT pg_advisory_xact_lock(:key)")


@dataclass(frozen=True, slots=True)
class Linked:
    """One entry as it is hashed."""

    id: int
    at: int
    actor: str
    action: str
    target: str
    detail: str | None
    ticket: str


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain begins and ends: it begins after the entry `after_entry`, whose hash was `after_hash`."""

    after_entry: int
    after_hash: str
    last_entry: int
    last_hash: str
    entries: int
    seal: str = ""

    def sealed_text(self) -> str:
        """What the seal is of."""
        return json.dumps([self.after_entry, self.after_hash, self.last_entry, self.last_hash, self.entries])


@dataclass(frozen=True, slots=True)
class Anchor:
    """The end of the trail at an instant."""

    entry: int
    at: datetime
    hash: str
    seal: str

    def sealed_text(self) -> str:
        """What the seal is of."""
        return json.dumps([self.entry, micros(self.at), self.hash])


def link(before: str, entry: Linked) -> str:
    """The hash of an entry whose predecessor has the hash `before`."""
    parts = [before, entry.id, entry.at, entry.actor, entry.action, entry.target, entry.detail, entry.ticket]
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


async def head(tx: Transaction) -> Head | None:
    """Where the chain begins and ends; None where nothing was ever added to it."""
    row = await tx.one(_CHAIN)
    if row is None:
        return None
    return Head(row.after_entry, row.after_hash, row.last_entry, row.last_hash, row.entries, row.seal)


async def take(tx: Transaction) -> Head:
    """The head, held for this transaction alone; the first one begins after what was written before the chain."""
    if tx.connection.dialect.name == "postgresql":
        await tx.connection.execute(_TAKE, {"key": _LOCK})
    found = await head(tx)
    if found is not None:
        return found
    last = await newest(tx)
    return Head(last, "", last, "", 0)


async def extend(tx: Transaction, before: Head, entries: Sequence[Linked]) -> None:
    """Link entries to the head that `take` gave."""
    last, rows = before.last_hash, []
    for entry in entries:
        last = link(last, entry)
        rows.append({"entry": entry.id, "ticket": entry.ticket, "hash": last})
    await tx.insert_many(audit_links, rows)
    await _keep(tx, replace(before, last_entry=entries[-1].id, last_hash=last, entries=before.entries + len(entries)))


async def begin_after(tx: Transaction, entry: int) -> None:
    """Let the chain begin after this entry: retention takes it away, with all before it."""
    found = await take(tx)
    row = await tx.one(select(audit_links.c.hash).where(audit_links.c.entry == entry))
    if row is None:
        return
    gone = await tx.one(select(func.count()).select_from(audit_links).where(audit_links.c.entry <= entry))
    left = found.entries - (int(gone[0]) if gone is not None else 0)
    await _keep(tx, replace(found, after_entry=entry, after_hash=row.hash, entries=left))


async def page(tx: Transaction, after: int, until: int) -> list[tuple[int, Linked | None, str | None]]:
    """(id, entry, hash) of what stands after an id, in order; the entry or the hash None where it is missing."""
    left = select(audit, audit_links.c.hash, audit_links.c.ticket).select_from(
        audit.outerjoin(audit_links, audit_links.c.entry == audit.c.id)
    )
    found: dict[int, tuple[int, Linked | None, str | None]] = {}
    wanted = left.where(audit.c.id > after, audit.c.id <= until).order_by(audit.c.id).limit(_PAGE)
    for row in await tx.rows(wanted):
        entry = Linked(row.id, row.at, row.actor, row.action, row.target, row.detail, row.ticket or "")
        found[row.id] = (row.id, entry, row.hash)
    end = max(found) if len(found) == _PAGE else until
    bare = select(audit_links.c.entry, audit_links.c.hash).where(
        audit_links.c.entry > after, audit_links.c.entry <= end, audit_links.c.entry.not_in(select(audit.c.id))
    )
    for row in await tx.rows(bare):
        found[row.entry] = (row.entry, None, row.hash)
    return [found[each] for each in sorted(found)]


async def newest(tx: Transaction) -> int:
    """The id of the newest entry, linked or not; 0 where there is none."""
    row = await tx.one(select(func.max(audit.c.id)))
    return int(row[0] or 0) if row is not None else 0


async def beyond(tx: Transaction, entry: int) -> int:
    """How many entries stand behind this one."""
    row = await tx.one(select(func.count()).select_from(audit).where(audit.c.id > entry))
    return int(row[0]) if row is not None else 0


async def count_before(tx: Transaction, entry: int) -> int:
    """How many entries stand at or before this one: written before the chain began."""
    row = await tx.one(select(func.count()).select_from(audit).where(audit.c.id <= entry))
    return int(row[0]) if row is not None else 0


async def anchors(tx: Transaction) -> list[Anchor]:
    """Every anchor that is kept, the oldest first."""
    rows = await tx.rows(select(audit_anchors).order_by(audit_anchors.c.entry))
    return [Anchor(row.entry, instant(row.at), row.hash, row.seal) for row in rows]


async def drop_anchor(tx: Transaction, now: datetime) -> Anchor | None:
    """Keep the present end as an anchor; None where the newest anchor holds it already."""
    found = await head(tx)
    if found is None:
        return None
    kept = await tx.one(select(audit_anchors.c.entry).where(audit_anchors.c.entry >= found.last_entry))
    if kept is not None:
        return None
    bare = Anchor(found.last_entry, now, found.last_hash, "")
    made = replace(bare, seal=tx.vault.mac(bare.sealed_text()))
    row = {"entry": made.entry, "at": micros(made.at), "hash": made.hash, "seal": made.seal}
    await tx.insert(audit_anchors, row)
    return made


async def _keep(tx: Transaction, changed: Head) -> None:
    row = {
        "id": _HEAD,
        "after_entry": changed.after_entry,
        "after_hash": changed.after_hash,
        "last_entry": changed.last_entry,
        "last_hash": changed.last_hash,
        "entries": changed.entries,
        "seal": tx.vault.mac(changed.sealed_text()),
    }
    await tx.upsert(audit_chain, [row])
