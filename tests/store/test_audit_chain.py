"""The chain of the audit trail: many writers make one chain, and whatever is done to it afterwards is seen."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, select, update

from acs.services.actor import local_actor
from acs.services.audit_trail import AuditTrail, Verified
from acs.store import Store, Vault, audit, audit_chain
from acs.store.records import AuditRecord
from acs.store.schema import audit as entries
from acs.store.schema import audit_anchors, audit_links
from acs.store.schema import audit_chain as heads
from acs.store.transaction import Transaction

ME = local_actor()


async def write(store: Store, now: datetime, count: int, start: int = 0) -> None:
    for n in range(start, start + count):
        async with store.transaction() as tx:
            await audit.append(tx, AuditRecord(now, "ann", "line.stored", f"line:{n}", {"n": n}, ticket="INC-1"))


def trail_of(store: Store, vault: Vault, folder: Path) -> AuditTrail:
    return AuditTrail(store, vault, folder / "anchors")


async def test_many_writers_make_one_chain(store: Store, vault: Vault, now: datetime, tmp_path: Path) -> None:
    async def writer(n: int) -> None:
        for k in range(5):
            async with store.transaction() as tx:
                for part in range(2):
                    await audit.append(tx, AuditRecord(now, f"w{n}", "x.done", f"t:{n}/{k}/{part}"))
                await asyncio.sleep(0)

    await asyncio.gather(*(writer(n) for n in range(8)))
    found = await trail_of(store, vault, tmp_path).verify(ME)
    assert found == Verified(80, 0, 0, (), found.last_hash)


async def test_a_transaction_that_fails_leaves_no_gap(
    store: Store, vault: Vault, now: datetime, tmp_path: Path
) -> None:
    await write(store, now, 2)
    with pytest.raises(ZeroDivisionError):
        async with store.transaction() as tx:
            await audit.append(tx, AuditRecord(now, "ann", "x.done", "t"))
            await audit.flush(tx)
            raise ZeroDivisionError
    await write(store, now, 2, 2)
    found = await trail_of(store, vault, tmp_path).verify(ME)
    assert found.good and found.entries == 4


async def changed(tx: Transaction) -> None:
    await tx.run(update(entries).where(entries.c.target == "line:3").values(actor="eve"))


async def changed_with_a_hash_that_fits(tx: Transaction) -> None:
    """As `changed`, and its own hash made anew, as anybody can: only the entries after it tell."""
    await changed(tx)
    rows = await tx.rows(select(audit_links).order_by(audit_links.c.entry))
    third = await tx.one(select(entries).where(entries.c.target == "line:3"))
    assert third is not None
    place = next(n for n, row in enumerate(rows) if row.entry == third.id)
    entry = audit_chain.Linked(
        third.id, third.at, third.actor, third.action, third.target, third.detail, rows[place].ticket
    )
    new = audit_chain.link(rows[place - 1].hash, entry)
    assert new != rows[place].hash
    await tx.run(update(audit_links).where(audit_links.c.entry == third.id).values(hash=new))


async def ticket_changed(tx: Transaction) -> None:
    third = select(entries.c.id).where(entries.c.target == "line:3").scalar_subquery()
    await tx.run(update(audit_links).where(audit_links.c.entry == third).values(ticket="INC-2"))


async def taken_out(tx: Transaction) -> None:
    third = await tx.one(select(entries.c.id).where(entries.c.target == "line:3"))
    assert third is not None
    await tx.run(delete(audit_links).where(audit_links.c.entry == third.id))
    await tx.run(delete(entries).where(entries.c.id == third.id))


async def entry_taken_out(tx: Transaction) -> None:
    await tx.run(delete(entries).where(entries.c.target == "line:3"))


async def put_in(tx: Transaction) -> None:
    row = {"at": 1, "actor": "eve", "action": "line.stored", "target": "line:x", "detail": None}
    await tx.run(insert(entries).values(row))
    head = await audit_chain.head(tx)
    assert head is not None
    last = await tx.one(select(entries.c.id).order_by(entries.c.id.desc()))
    assert last is not None
    await tx.run(insert(audit_links).values(entry=last.id, ticket="", hash="0" * 64))


async def end_cut(tx: Transaction) -> None:
    rows = await tx.rows(select(entries.c.id).order_by(entries.c.id.desc()).limit(2))
    for row in rows:
        await tx.run(delete(audit_links).where(audit_links.c.entry == row.id))
        await tx.run(delete(entries).where(entries.c.id == row.id))


async def end_moved(tx: Transaction) -> None:
    """The end is cut and the head made to fit, as somebody without the key can."""
    await end_cut(tx)
    last = await tx.one(select(audit_links).order_by(audit_links.c.entry.desc()))
    assert last is not None
    await tx.run(update(heads).values(last_entry=last.entry, last_hash=last.hash, entries=heads.c.entries - 2))


async def whole_chain_gone(tx: Transaction) -> None:
    for table in (heads, audit_links, entries):
        await tx.run(delete(table))


TAMPERED = (
    changed, changed_with_a_hash_that_fits, ticket_changed, taken_out, entry_taken_out, put_in, end_cut, end_moved,
    whole_chain_gone,
)  # fmt: skip


@pytest.mark.parametrize("tamper", TAMPERED, ids=[each.__name__ for each in TAMPERED])
async def test_tampering_is_seen(
    store: Store, vault: Vault, now: datetime, tmp_path: Path, tamper: Callable[[Transaction], Awaitable[None]]
) -> None:
    trail = trail_of(store, vault, tmp_path)
    await write(store, now, 6)
    await trail.anchor()
    assert (await trail.verify(ME)).good
    async with store.transaction() as tx:
        await tamper(tx)
    assert not (await trail.verify(ME)).good


async def test_an_older_copy_of_the_store_is_seen_by_the_file(
    store: Store, vault: Vault, now: datetime, tmp_path: Path
) -> None:
    trail = trail_of(store, vault, tmp_path)
    await write(store, now, 3)
    async with store.reading() as tx:
        head = await audit_chain.head(tx)
    await write(store, now, 3, 3)
    assert await trail.anchor() is not None and await trail.anchor() is None
    assert head is not None
    async with store.transaction() as tx:  # as a restored copy: entries, chain and anchors of yesterday
        await tx.run(delete(audit_links).where(audit_links.c.entry > head.last_entry))
        await tx.run(delete(entries).where(entries.c.id > head.last_entry))
        await tx.run(delete(audit_anchors))
        values = {"last_entry": head.last_entry, "last_hash": head.last_hash, "entries": 3, "seal": head.seal}
        await tx.run(update(heads).values(**values))
    found = await trail.verify(ME)
    assert len(found.problems) == 1 and "the end was cut" in found.problems[0]


async def test_a_changed_anchor_is_seen(store: Store, vault: Vault, now: datetime, tmp_path: Path) -> None:
    trail = trail_of(store, vault, tmp_path)
    await write(store, now, 2)
    await trail.anchor()
    file = tmp_path / "anchors"
    assert file.stat().st_mode & 0o077 == 0
    file.write_text(file.read_text().replace('"entry": ', '"entry": 1'))
    assert "changed" in (await trail.verify(ME)).problems[0]
    file.write_text("nonsense\n")
    assert not (await trail.verify(ME)).good


async def test_retention_takes_the_beginning_and_the_rest_still_holds(
    store: Store, vault: Vault, now: datetime, tmp_path: Path
) -> None:
    trail = trail_of(store, vault, tmp_path)
    await write(store, now - timedelta(days=800), 4)
    await trail.anchor()
    await write(store, now, 3, 4)
    async with store.transaction() as tx:
        assert await audit.prune(tx, now - timedelta(days=730), chunk=3) == 3
        assert await audit.prune(tx, now - timedelta(days=730), chunk=3) == 1
        assert await audit.prune(tx, now - timedelta(days=730), chunk=3) == 0
    found = await trail.verify(ME)
    assert found.good and found.entries == 3
    async with store.transaction() as tx:
        await tx.run(delete(entries).where(entries.c.target == "line:4"))
    assert not (await trail.verify(ME)).good


async def test_entries_from_before_the_chain_are_counted(
    store: Store, vault: Vault, now: datetime, tmp_path: Path
) -> None:
    async with store.transaction() as tx:
        row = {"at": 1, "actor": "old", "action": "a.b", "target": "t", "detail": None}
        await tx.run(insert(entries).values(row))
    await write(store, now, 2)
    found = await trail_of(store, vault, tmp_path).verify(ME)
    assert found.good and (found.before_chain, found.entries) == (1, 2)


async def test_an_export_is_whole_and_can_be_checked_by_anybody(
    store: Store, vault: Vault, now: datetime, tmp_path: Path
) -> None:
    await write(store, now, 3)
    lines = [json.loads(line) async for line in trail_of(store, vault, tmp_path).export(ME)]
    last = ""
    async with store.reading() as tx:
        rows = await tx.rows(select(entries).order_by(entries.c.id))
    for row, told in zip(rows, lines, strict=False):
        linked = audit_chain.Linked(row.id, row.at, row.actor, row.action, row.target, row.detail, told["ticket"])
        last = audit_chain.link(last, linked)
        assert told["hash"] == last
    assert lines[-1]["end"]["last_hash"] == last and lines[-1]["end"]["entries"] == 3
