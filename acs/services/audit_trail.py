"""The audit trail as people use it: list, verify, export; and its anchors, which make a cut end visible.

The rule of this file: `verify` believes nothing that it can compute, and tells each place where the trail breaks.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

import structlog

from acs.errors import StoreError
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.store import audit as audit_store
from acs.store import audit_chain as chain
from acs.store.audit_chain import Anchor, Head
from acs.store.records import AuditRecord
from acs.store.store import Store
from acs.store.transaction import Transaction
from acs.store.vault import Vault

log = structlog.get_logger()

#: broken places that one report names
_SHOWN = 50
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole trail found. `entries`: linked ones; `before_chain`: older than the chain."""

    entries: int
    before_chain: int
    anchors: int
    problems: tuple[str, ...]
    last_hash: str = ""

    @property
    def good(self) -> bool:
        """Whether the trail holds from end to end."""
        return not self.problems


@dataclass(slots=True)
class _Walk:
    """A walk along the chain: what was found so far, and the hashes of the entries that anchors name."""

    wanted: frozenset[int]
    last: str
    entries: int = 0
    problems: list[str] = field(default_factory=list)
    hashes: dict[int, str] = field(default_factory=dict)

    def tell(self, problem: str) -> None:
        """Note a broken place."""
        if len(self.problems) < _SHOWN:
            self.problems.append(problem)


class AuditTrail:
    """Use cases on the audit trail."""

    def __init__(self, store: Store, vault: Vault, anchor_file: Path, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._vault = vault
        self._file = anchor_file
        self._clock = clock

    async def list(
        self,
        actor: Actor,
        *,
        target: str | None = None,
        by: str | None = None,
        action: str | None = None,
        ticket: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 100,
        before: int | None = None,
    ) -> list[AuditRecord]:
        """Entries, newest first."""
        actor.require(Scope.AUDIT)
        async with self._store.reading() as tx:
            return await audit_store.list_entries(
                tx,
                target=target,
                actor=by,
                action=action,
                ticket=ticket,
                since=since,
                until=until,
                limit=limit,
                before=before,
            )

    async def export(
        self, actor: Actor, *, since: datetime | None = None, until: datetime | None = None
    ) -> AsyncIterator[str]:
        """The trail as JSON lines, the oldest entry first; each has its hash, and the last line the sealed end."""
        actor.require(Scope.AUDIT)
        after = 0
        while True:
            async with self._store.reading() as tx:
                found = await audit_store.oldest_first(tx, after=after, since=since, until=until, limit=_PAGE)
                head = await chain.head(tx)
            for entry in found:
                yield _line(asdict(entry))
            if len(found) < _PAGE:
                yield _line({"end": None if head is None else asdict(head), "at": self._clock()})
                return
            after = found[-1].id or 0

    async def verify(self, actor: Actor) -> Verified:
        """Compute the whole chain again, and hold it against its sealed end and every anchor."""
        actor.require(Scope.AUDIT)
        kept = await asyncio.to_thread(self._read_file)
        async with self._store.reading() as tx:
            newest = await chain.newest(tx)  # before the head: what is written meanwhile is in no hurry
            head = await chain.head(tx)
            stored = await chain.anchors(tx)
            if head is None:
                lost = len(kept) + len(stored)
                problems = (f"the whole chain is gone, and {lost} anchors say that there was one",) if lost else ()
                return Verified(0, await chain.beyond(tx, 0), lost, problems)
            walk = await self._walk(tx, head, [*stored, *kept])
            before = await chain.count_before(tx, head.after_entry)
        if newest > head.last_entry:
            walk.tell(f"entry {newest} was put in behind the end of the chain, which is {head.last_entry}")
        self._check_anchors(walk, head, stored, "in the store")
        self._check_anchors(walk, head, kept, f"in {self._file}")
        return Verified(walk.entries, before, len(stored) + len(kept), tuple(walk.problems), head.last_hash)

    async def anchor(self) -> Anchor | None:
        """Keep the present end in the store and in the file; None where nothing was added since. For the worker."""
        async with self._store.transaction() as tx:
            made = await chain.drop_anchor(tx, self._clock())
        if made is None:
            return None
        try:
            await asyncio.to_thread(self._append_file, made)
        except OSError as error:
            log.error("audit.not_anchored", file=str(self._file), problem=str(error))
        log.info("audit.anchored", entry=made.entry, hash=made.hash)
        return made

    async def _walk(self, tx: Transaction, head: Head, anchors: Sequence[Anchor]) -> _Walk:
        walk = _Walk(frozenset(each.entry for each in anchors), head.after_hash)
        if not self._vault.is_mac(head.sealed_text(), head.seal):
            walk.tell("the end of the chain was changed: its seal is not ours")
        after = head.after_entry
        while found := await chain.page(tx, after, head.last_entry):
            for number, entry, hash_ in found:
                _step(walk, number, entry, hash_)
            after = found[-1][0]
        if walk.last != head.last_hash or walk.entries != head.entries:
            walk.tell(
                f"the end is not there: {head.entries} entries up to {head.last_entry} were written, "
                f"{walk.entries} are found"
            )
        return walk

    def _check_anchors(self, walk: _Walk, head: Head, anchors: Sequence[Anchor], where: str) -> None:
        for each in anchors:
            if not self._vault.is_mac(each.sealed_text(), each.seal):
                walk.tell(f"anchor {each.entry} {where} was changed: its seal is not ours")
            elif each.entry > head.last_entry:
                walk.tell(f"the end was cut: anchor {each.entry} {where} is behind the last entry {head.last_entry}")
            elif each.entry > head.after_entry and walk.hashes.get(each.entry) != each.hash:
                walk.tell(f"entry {each.entry} is not what anchor {each.entry} {where} says it was")

    def _append_file(self, anchor: Anchor) -> None:
        descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8") as file:
            file.write(_line(asdict(anchor)))
            file.flush()
            os.fsync(file.fileno())

    def _read_file(self) -> Sequence[Anchor]:
        try:
            lines = self._file.read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        except (OSError, UnicodeDecodeError) as error:
            raise StoreError(f"the anchors in {self._file} cannot be read: {error}") from error
        return [_anchor(line) for line in lines if line.strip()]


def _step(walk: _Walk, number: int, entry: chain.Linked | None, hash_: str | None) -> None:
    if entry is None:
        walk.tell(f"entry {number} is missing")
    elif hash_ is None:
        walk.tell(f"entry {number} was put in beside the chain: {entry.action} {entry.target}")
        return
    elif chain.link(walk.last, entry) != hash_:
        walk.tell(f"entry {number} was changed, or one before it is missing: {entry.action} {entry.target}")
    walk.entries += entry is not None
    walk.last = hash_ or ""
    if number in walk.wanted:
        walk.hashes[number] = walk.last


def _line(value: dict[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, default=lambda each: each.isoformat()) + "\n"


def _anchor(line: str) -> Anchor:
    """An anchor of the file; a line that is none is an anchor whose seal is not ours."""
    try:
        told = json.loads(line)
        return Anchor(int(told["entry"]), datetime.fromisoformat(told["at"]), str(told["hash"]), str(told["seal"]))
    except (ValueError, KeyError, TypeError):
        return Anchor(0, datetime.fromisoformat("1970-01-01T00:00:00+00:00"), "", "")
