"""Rule packs: every version by its hash, who approved it, where it decides since when, and what it says silently.

The rule of this file: a pack that was stored is never changed and never deleted, so that every verdict can be replayed.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, case, func, select, update

from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, json_text
from acs.store.records import Json
from acs.store.schema import pack_activations, pack_approvals, pack_shadows, rule_packs, shadow_verdicts
from acs.store.transaction import Transaction

_BY_HASH = select(rule_packs).where(rule_packs.c.hash == bindparam("hash"))
_NEWEST = select(func.max(pack_activations.c.id)).group_by(pack_activations.c.scope)
_ACTIVE = select(pack_activations).where(pack_activations.c.id.in_(_NEWEST))
_RUNNING = select(pack_shadows).where(pack_shadows.c.ended_at.is_(None)).order_by(pack_shadows.c.hash)


@dataclass(frozen=True, slots=True)
class PackRecord:
    """A version of a pack as it was handed in: `tree` is all of it, `trials` its cases, `report` lint and test."""

    hash: str
    name: str
    version: str
    owner: str
    author: str
    created_at: datetime
    note: str
    tree: Json
    trials: Json = None
    report: Json = None


@dataclass(frozen=True, slots=True)
class PackApproval:
    """One person's word for a pack."""

    hash: str
    actor: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class PackActivation:
    """From when on a pack decides where: `scope` empty is everywhere, else a topology path or `line:ID`.

    `hash` None ends what decided there: the pack above takes over. `kind` is activate or rollback.
    """

    id: str
    scope: str
    hash: str | None
    kind: str
    at: datetime
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class PackShadow:
    """A pack that judges silently beside the one that decides, for the lines of a scope (empty: all)."""

    hash: str
    scope: str
    started_at: datetime
    ended_at: datetime | None
    actor: str


@dataclass(frozen=True, slots=True)
class ShadowVerdict:
    """What a shadow said of a line test, beside what was decided: both as short documents."""

    hash: str
    line_test: str
    at: datetime
    live_hash: str
    live: Json
    said: Json
    differs: bool


async def put(tx: Transaction, pack: PackRecord) -> bool:
    """Store a version; False, and nothing written, where it is known already.

    Raises:
        InvalidInput: a text or document is too long.
    """
    check_record(pack)
    row = {
        "hash": pack.hash,
        "name": pack.name,
        "version": pack.version,
        "owner": pack.owner,
        "author": pack.author,
        "created_at": micros(pack.created_at),
        "note": pack.note,
        "tree": json_text("tree", pack.tree),
        "trials": None if pack.trials is None else json_text("trials", pack.trials),
        "report": None if pack.report is None else json_text("report", pack.report),
    }
    return await tx.insert(rule_packs, row)


async def get(tx: Transaction, digest: str) -> PackRecord | None:
    """Return a version by its hash, or None."""
    row = await tx.one(_BY_HASH, {"hash": digest})
    return None if row is None else _pack(row)


async def list_packs(tx: Transaction, *, limit: int = 100) -> list[PackRecord]:
    """Return the versions without tree and trials, newest first."""
    columns = [column for column in rule_packs.c if column.name not in ("tree", "trials")]
    query = select(*columns).order_by(rule_packs.c.created_at.desc(), rule_packs.c.hash).limit(limit)
    return [_pack(row) for row in await tx.rows(query)]


async def approve(tx: Transaction, approval: PackApproval) -> bool:
    """Store an approval; False where this person has approved it already."""
    check_record(approval)
    row = {"hash": approval.hash, "actor": approval.actor, "at": micros(approval.at), "note": approval.note}
    return await tx.insert(pack_approvals, row)


async def approvals(tx: Transaction, digest: str) -> list[PackApproval]:
    """Return who approved a version, in order of time."""
    query = select(pack_approvals).where(pack_approvals.c.hash == digest).order_by(pack_approvals.c.at)
    return [PackApproval(row.hash, row.actor, instant(row.at), row.note) for row in await tx.rows(query)]


async def activate(tx: Transaction, activation: PackActivation) -> None:
    """Store from when on a pack decides in a scope."""
    check_record(activation)
    row = {
        "id": activation.id,
        "scope": activation.scope,
        "hash": activation.hash,
        "kind": activation.kind,
        "at": micros(activation.at),
        "actor": activation.actor,
        "reason": activation.reason,
    }
    await tx.insert(pack_activations, row)


async def active(tx: Transaction) -> dict[str, PackActivation]:
    """Return scope → the newest activation there."""
    return {row.scope: _activation(row) for row in await tx.rows(_ACTIVE)}


async def activations(tx: Transaction, *, scope: str | None = None, limit: int = 100) -> list[PackActivation]:
    """Return activations, newest first; of one scope where it is given."""
    query = select(pack_activations).order_by(pack_activations.c.id.desc()).limit(limit)
    if scope is not None:
        query = query.where(pack_activations.c.scope == scope)
    return [_activation(row) for row in await tx.rows(query)]


async def start_shadow(tx: Transaction, shadow: PackShadow) -> None:
    """Begin a shadow, or begin it anew."""
    check_record(shadow)
    row = {
        "hash": shadow.hash,
        "scope": shadow.scope,
        "started_at": micros(shadow.started_at),
        "ended_at": micros_or_none(shadow.ended_at),
        "actor": shadow.actor,
    }
    await tx.upsert(pack_shadows, [row])


async def end_shadow(tx: Transaction, digest: str, at: datetime) -> bool:
    """End a running shadow; False where none runs."""
    statement = (
        update(pack_shadows)
        .where(pack_shadows.c.hash == digest, pack_shadows.c.ended_at.is_(None))
        .values(ended_at=micros(at))
    )
    return await tx.run(statement) == 1


async def shadow(tx: Transaction, digest: str) -> PackShadow | None:
    """Return the shadow of a version, running or ended; None where there was none."""
    row = await tx.one(select(pack_shadows).where(pack_shadows.c.hash == digest))
    return None if row is None else _shadow(row)


async def running_shadows(tx: Transaction) -> list[PackShadow]:
    """Return the shadows that run, by hash."""
    return [_shadow(row) for row in await tx.rows(_RUNNING)]


async def add_shadow_verdicts(tx: Transaction, verdicts: Sequence[ShadowVerdict]) -> None:
    """Store what shadows said of a test."""
    rows = [
        {
            "hash": each.hash,
            "line_test": each.line_test,
            "at": micros(each.at),
            "live_hash": each.live_hash,
            "live": json_text("live", each.live),
            "said": json_text("said", each.said),
            "differs": int(each.differs),
        }
        for each in verdicts
    ]
    if rows:
        await tx.insert_many(shadow_verdicts, rows)


@dataclass(frozen=True, slots=True)
class ShadowCount:
    """Tests that a shadow judged, those of them in which it said something else, and those that it broke on."""

    judged: int = 0
    differed: int = 0
    failed: int = 0


async def count_shadow_verdicts(tx: Transaction, digest: str, since: datetime) -> ShadowCount:
    """Return what a shadow did since then."""
    broke = case((shadow_verdicts.c.said.like('%"problem":%'), 1), else_=0)
    query = select(
        func.count().label("all"),
        func.coalesce(func.sum(shadow_verdicts.c.differs), 0).label("other"),
        func.coalesce(func.sum(broke), 0).label("failed"),
    ).where(shadow_verdicts.c.hash == digest, shadow_verdicts.c.at >= micros(since))
    row = await tx.one(query)
    if row is None:
        return ShadowCount()
    failed = int(row.failed)
    return ShadowCount(int(row.all) - failed, int(row.other) - failed, failed)


async def shadow_differences(tx: Transaction, digest: str, *, limit: int = 1000) -> list[ShadowVerdict]:
    """Return the tests in which a shadow said something else, newest first."""
    query = (
        select(shadow_verdicts)
        .where(shadow_verdicts.c.hash == digest, shadow_verdicts.c.differs == 1)
        .order_by(shadow_verdicts.c.at.desc(), shadow_verdicts.c.line_test)
        .limit(limit)
    )
    return [_shadow_verdict(row) for row in await tx.rows(query)]


def _pack(row: Row[Any]) -> PackRecord:
    tree, trials = getattr(row, "tree", None), getattr(row, "trials", None)
    return PackRecord(
        hash=row.hash,
        name=row.name,
        version=row.version,
        owner=row.owner,
        author=row.author,
        created_at=instant(row.created_at),
        note=row.note,
        tree=None if tree is None else json.loads(tree),
        trials=None if trials is None else json.loads(trials),
        report=None if row.report is None else json.loads(row.report),
    )


def _activation(row: Row[Any]) -> PackActivation:
    return PackActivation(row.id, row.scope, row.hash, row.kind, instant(row.at), row.actor, row.reason)


def _shadow(row: Row[Any]) -> PackShadow:
    return PackShadow(row.hash, row.scope, instant(row.started_at), instant_or_none(row.ended_at), row.actor)


def _shadow_verdict(row: Row[Any]) -> ShadowVerdict:
    live, said = json.loads(row.live), json.loads(row.said)
    return ShadowVerdict(row.hash, row.line_test, instant(row.at), row.live_hash, live, said, bool(row.differs))
