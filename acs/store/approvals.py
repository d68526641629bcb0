"""What waits for another person: proposed, approved or refused, run once. What is wanted is sealed.

proposed ──► approved ──► run          each arrow is guarded: two that come at once give one
    ├──► refused
    └──► (expired: decided by the clock, stored by nobody)
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from acs.errors import Conflict
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, json_text
from acs.store.records import Json
from acs.store.schema import approvals
from acs.store.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """One thing that two persons are needed for. `proposer` and `decider` are who they are, whatever the token."""

    id: str
    #: what is done when it is approved: the name of a runner
    kind: str
    #: `device:KEY`, `campaign:NAME` and so on
    subject: str
    wanted: dict[str, Json]
    reason: str
    proposed_by: str
    proposer: str
    proposed_at: datetime
    expires_at: datetime
    device: str | None = None
    line: str | None = None
    ticket: str = ""
    state: str = "proposed"
    decided_by: str = ""
    decider: str = ""
    decided_at: datetime | None = None
    #: what the other person wrote
    decision: str = ""
    run_by: str = ""
    run_at: datetime | None = None
    outcome: str = ""


async def add(tx: Transaction, record: ApprovalRecord) -> None:
    """Store a proposal.

    Raises:
        Conflict: its id is taken.
        InvalidInput: a text or what is wanted is too long.
    """
    check_record(record)
    row = {name: getattr(record, name) for name in approvals.c.keys() if name != "wanted"}  # noqa: SIM118 - columns
    row |= {name: micros(getattr(record, name)) for name in ("proposed_at", "expires_at")}
    row |= {name: micros_or_none(getattr(record, name)) for name in ("decided_at", "run_at")}
    row["wanted"] = tx.vault.seal(json_text("wanted", record.wanted).encode()).decode()
    if not await tx.insert(approvals, row):
        raise Conflict(f"approval {record.id} exists already")


async def get(tx: Transaction, approval_id: str) -> ApprovalRecord | None:
    """Return the proposal, or None."""
    row = await tx.one(select(approvals).where(approvals.c.id == approval_id))
    return None if row is None else _record(tx, row)


async def list_approvals(
    tx: Transaction, *, state: str | None = None, limit: int = 100, before: str | None = None
) -> list[ApprovalRecord]:
    """Return proposals, the newest first; `before` is the id of the last one of the page before."""
    query = select(approvals).order_by(approvals.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(approvals.c.state == state)
    if before is not None:
        query = query.where(approvals.c.id < before)
    return [_record(tx, row) for row in await tx.rows(query)]


async def open_like(tx: Transaction, record: ApprovalRecord, now: datetime) -> ApprovalRecord | None:
    """The same proposal of the same person that still waits, or None: a repeated call makes no second one."""
    query = select(approvals).where(
        approvals.c.state == "proposed",
        approvals.c.kind == record.kind,
        approvals.c.subject == record.subject,
        approvals.c.proposer == record.proposer,
        approvals.c.expires_at > micros(now),
    )
    found = [_record(tx, row) for row in await tx.rows(query)]
    return next((each for each in found if each.wanted == record.wanted), None)


async def decide(
    tx: Transaction, approval_id: str, state: str, *, by: str, decider: str, at: datetime, decision: str
) -> bool:
    """Approve or refuse what is still proposed; False, and nothing written, where somebody was faster."""
    statement = update(approvals).where(approvals.c.id == approval_id, approvals.c.state == "proposed")
    values = {"state": state, "decided_by": by, "decider": decider, "decided_at": micros(at), "decision": decision}
    return await tx.run(statement.values(**values)) == 1


async def begin(tx: Transaction, approval_id: str, *, by: str, at: datetime) -> bool:
    """Take an approved proposal to run it; False where it was run, or is not approved."""
    statement = update(approvals).where(approvals.c.id == approval_id, approvals.c.state == "approved")
    return await tx.run(statement.values(state="run", run_by=by, run_at=micros(at))) == 1


async def end(tx: Transaction, approval_id: str, outcome: str) -> None:
    """Note what became of it."""
    await tx.run(update(approvals).where(approvals.c.id == approval_id).values(outcome=outcome[:1000]))


def _record(tx: Transaction, row: Row[Any]) -> ApprovalRecord:
    values = dict(row._mapping)
    values |= {name: instant(values[name]) for name in ("proposed_at", "expires_at")}
    values |= {name: instant_or_none(values[name]) for name in ("decided_at", "run_at")}
    values["wanted"] = json.loads(tx.vault.open(values["wanted"].encode()))
    return ApprovalRecord(**values)
