"""The rule of two persons: one proposes, another approves, and it runs once.

    propose ──► somebody else: approve ──► the runner of its kind, as the proposer asked it, at most once
                               refuse
    nobody within rights.approval_hours: void

The rule of this file: who approves is not who proposed, whichever token each of them used, nor is one of the two the
maker of the other's token, and nothing runs twice. A
use case asks `needed` where two persons are needed and raises what comes back; its runner does the work later.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

import structlog

from acs.config import RightsSection
from acs.errors import AcsError, ApprovalNeeded, Conflict, Forbidden, InvalidInput, NotFound
from acs.secret_names import is_secret
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.identifiers import new_id
from acs.store import approvals as approval_store
from acs.store import tokens as token_store
from acs.store.approvals import ApprovalRecord
from acs.store.records import Json
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

_HIDDEN = "(hidden)"
_REASON_CHARS = 1_000

#: does what was approved and says in a few words what became of it; the actor is who approved
Runner = Callable[[Actor, ApprovalRecord], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one person wants and another must approve. `device` or `line` say whose it is; neither: the fleet's."""

    kind: str
    subject: str
    wanted: Mapping[str, Json] = field(repr=False)
    reason: str
    device: str | None = None
    line: str | None = None
    ticket: str = ""


class Approvals:
    """What waits for another person. `runners`: kind → what is done when it is approved; the composition sets them."""

    def __init__(self, store: Store, config: RightsSection | None = None, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._config = config or RightsSection()
        self._clock = clock
        self.runners: dict[str, Runner] = {}

    def is_bulk(self, count: int) -> bool:
        """Whether a request on so many devices or lines needs another person."""
        return count >= self._config.bulk_limit

    async def propose(self, actor: Actor, proposal: Proposal) -> ApprovalRecord:
        """Store what is wanted until another person approves it; the same proposal again gives the first one.

        Raises:
            Forbidden: the actor may not propose.
            InvalidInput: no reason is given.
        """
        actor.require(Scope.PROPOSE)
        if not proposal.reason.strip() or len(proposal.reason) > _REASON_CHARS:
            raise InvalidInput("reason: say in a few words why, for the person who must approve it")
        now = self._clock()
        record = ApprovalRecord(
            id=new_id(),
            kind=proposal.kind,
            subject=proposal.subject,
            wanted=dict(proposal.wanted),
            reason=proposal.reason,
            proposed_by=actor.name,
            proposer=identity_of(actor),
            proposed_at=now,
            expires_at=now + timedelta(hours=self._config.approval_hours),
            device=proposal.device,
            line=proposal.line,
            ticket=proposal.ticket,
        )
        async with self._store.transaction() as tx:
            if (known := await approval_store.open_like(tx, record, now)) is not None:
                return known
            await approval_store.add(tx, record)
            told: dict[str, Json] = {"what": record.kind, "reason": record.reason, "wanted": masked(record.wanted)}
            subject, ticket = f"approval:{record.id}", proposal.ticket or None
            await audit.note(tx, actor, "approval.proposed", subject, now, after=told, ticket=ticket)
        return record

    async def needed(self, actor: Actor, proposal: Proposal) -> ApprovalNeeded:
        """Propose, and give the error that tells the caller so: `raise await approvals.needed(actor, …)`."""
        record = await self.propose(actor, proposal)
        return ApprovalNeeded(
            f"{record.subject}: another person must approve this; proposal {record.id} waits until "
            f"{record.expires_at:%Y-%m-%d %H:%M} UTC (secondline approval approve {record.id})",
            approval=record.id,
        )

    async def list(
        self, actor: Actor, *, state: str | None = None, limit: int = 100, before: str | None = None
    ) -> list[ApprovalRecord]:
        """Proposals, the newest first; those that nobody decided in time are `expired`."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await approval_store.list_approvals(tx, state=state, limit=limit, before=before)

    async def get(self, actor: Actor, approval_id: str) -> ApprovalRecord:
        """One proposal.

        Raises:
            NotFound: there is none with this id.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            record = await approval_store.get(tx, approval_id)
        if record is None:
            raise _unknown(approval_id)
        return record

    async def approve(self, actor: Actor, approval_id: str, *, note: str = "") -> ApprovalRecord:
        """Approve what another person proposed, and run it.

        Raises:
            Forbidden: the actor may not approve, or proposed it himself, or is no other person by his token.
            NotFound: no such proposal.
            Conflict: it was decided already, or waited too long.
        """
        record = await self._decide(actor, approval_id, "approved", note)
        return await self._run(actor, record)

    async def refuse(self, actor: Actor, approval_id: str, *, note: str = "") -> ApprovalRecord:
        """Refuse a proposal; who proposed it may take it back so.

        Raises:
            Forbidden: the actor may not approve, and did not propose it.
            NotFound: no such proposal.
            Conflict: it was decided already.
        """
        return await self._decide(actor, approval_id, "refused", note)

    async def _decide(self, actor: Actor, approval_id: str, state: str, note: str) -> ApprovalRecord:
        actor.require(Scope.APPROVE if state == "approved" else Scope.PROPOSE)
        now = self._clock()
        async with self._store.transaction() as tx:
            record = await approval_store.get(tx, approval_id)
            if record is None:
                raise _unknown(approval_id)
            self._check(actor, record, state)
            if state == "approved" and await _is_makers(tx, identity_of(actor), record.proposer):
                raise Forbidden(
                    f"approval {record.id} was proposed by {record.proposed_by!r}, and {actor.name!r} is no other "
                    "person: one of them made the token of the other; somebody with a login must approve it, or with "
                    "a token that neither of them made"
                )
            decided = await approval_store.decide(
                tx, approval_id, state, by=actor.name, decider=identity_of(actor), at=now, decision=note[:_REASON_CHARS]
            )
            if not decided:
                raise Conflict(f"approval {approval_id} was decided by somebody else meanwhile")
            after: dict[str, Json] = {"what": record.kind, "subject": record.subject, "note": note}
            ticket = record.ticket or None
            await audit.note(tx, actor, f"approval.{state}", f"approval:{approval_id}", now, after=after, ticket=ticket)
            kept = await approval_store.get(tx, approval_id)
        assert kept is not None
        return kept

    def _check(self, actor: Actor, record: ApprovalRecord, state: str) -> None:
        own = identity_of(actor) == record.proposer
        if record.state != "proposed":
            raise Conflict(f"approval {record.id} is {record.state} already, by {record.decided_by or 'nobody'}")
        if record.expires_at <= self._clock() and state == "approved":
            raise Conflict(f"approval {record.id} waited until {record.expires_at:%Y-%m-%d %H:%M}; propose it again")
        if state == "approved" and own:
            raise Forbidden(
                f"approval {record.id} was proposed by {record.proposed_by!r}; another person must approve it"
            )
        if state == "approved" and record.device is None and record.line is None:
            actor.require_all_lines(Scope.APPROVE)
        if state == "refused" and not own:
            actor.require(Scope.APPROVE)

    async def _run(self, actor: Actor, record: ApprovalRecord) -> ApprovalRecord:
        """Run what was approved, once: it is marked before it begins, so that a break in between runs it no more."""
        runner = self.runners.get(record.kind)
        async with self._store.transaction() as tx:
            if runner is None or not await approval_store.begin(tx, record.id, by=actor.name, at=self._clock()):
                return record
        try:
            outcome = await runner(actor, record)
        except AcsError as error:
            outcome = f"failed: {error}"
        async with self._store.transaction() as tx:
            await approval_store.end(tx, record.id, outcome)
            target, ticket = f"approval:{record.id}", record.ticket or None
            after: dict[str, Json] = {"what": record.kind, "subject": record.subject, "outcome": outcome}
            await audit.note(tx, actor, "approval.run", target, self._clock(), after=after, ticket=ticket)
            kept = await approval_store.get(tx, record.id)
        log.info("approval.run", approval=record.id, kind=record.kind)
        assert kept is not None
        return kept


def identity_of(actor: Actor) -> str:
    """Who it is for the rule of two persons: the person whatever the token, or the program by its name."""
    return f"person:{actor.person}" if actor.person else f"{actor.kind}:{actor.name}"


async def _is_makers(tx: Transaction, one: str, other: str) -> bool:
    """Whether one of two is a program whose token the other made, directly or by further tokens.

    The server's shell is nobody: whoever sets the server up makes the first token of everybody there.
    """
    for made, maker in ((one, other), (other, one)):
        (kind, name), (by, maker_name) = (each.split(":", 1) for each in (made, maker))
        if kind == "token" and by in ("token", "person") and maker_name in await token_store.makers(tx, name):
            return True
    return False


def masked(value: Json) -> Json:
    """What is wanted without its secrets: values under a secret name, in objects and in {name, value} pairs."""
    if isinstance(value, dict):
        named = value.get("name")
        if isinstance(named, str) and "value" in value and is_secret(named):
            return {**value, "value": _HIDDEN}
        return {key: _HIDDEN if is_secret(key) and item else masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(each) for each in value]
    return value


def _unknown(approval_id: str) -> NotFound:
    return NotFound(f"there is no approval {approval_id[:80]!r}; `secondline approval list` shows what waits")
