"""How good the verdicts are: closures taken in, joined to verdicts, and reported. Nothing here changes a rule.

    ticket closed with a code ─► true cause ─► held against the verdict of its test ─► report, suggested points

The rule of this file: every figure is counted from what is stored; a suggestion is shown, and a person may propose a
pack with it, which then goes the way of every pack.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from acs.config import AfterFixSection
from acs.errors import Conflict, InvalidInput, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.after_fix import AfterFix
from acs.services.clock import Clock
from acs.services.packs import Packs
from acs.services.replays import judged_of
from acs.services.tmf import opened_at, parse_event
from acs.store import after_fix as fix_store
from acs.store import tickets as ticket_store
from acs.store.after_fix import Closure
from acs.store.records import Json, LineTestRecord, TicketRecord
from acs.store.store import Store
from probes.linetest import quality
from probes.linetest.explanation import condition_text
from probes.linetest.form import Cause
from probes.linetest.pack import CompiledRow, Pack
from probes.linetest.quality import Answered, Closed
from probes.linetest.view import View, look

#: how far apart the clocks of two systems may be
_CLOCKS_APART = timedelta(minutes=5)
#: closures that one report looks at, at most
_MOST = 20_000
#: closures whose facts are looked at for suggested points: each costs about a millisecond
_LEARNED = 5_000


@dataclass(frozen=True, slots=True)
class Joined:
    """A closure with its test, and whether another ticket of the line followed."""

    closure: Closure
    test: LineTestRecord | None
    repeated: bool
    sent_twice: bool = False


class QualityReports:
    """Use cases on closures and on what they say of the verdicts."""

    def __init__(self, store: Store, config: AfterFixSection, packs: Packs, after_fix: AfterFix, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._packs = packs
        self._after_fix = after_fix
        self._clock = clock

    async def close(
        self,
        actor: Actor,
        ticket: str,
        *,
        code: str,
        visited: bool | None = None,
        overridden: bool = False,
        note: str = "",
        at: datetime | None = None,
    ) -> Closure:
        """Take in how a ticket was closed; `code` is a cause of a pack that decides, or one of `after_fix.codes`.

        Raises:
            NotFound: the ticket was never handed in.
            InvalidInput: a code that stands for nothing, or an instant in the future or before the ticket came.
        """
        self.require_closing(actor)
        async with self._store.reading() as tx:
            cause = self._cause(code, await self._packs.causes(tx))
        known = await _handed_in(self._store, ticket)
        now = self._clock()
        if at is not None and at > now + _CLOCKS_APART:
            raise InvalidInput(f"at: {at.isoformat()} is in the future; send when the ticket was closed")
        if at is not None and at < (came := _came(known)) - _CLOCKS_APART:
            raise InvalidInput(f"at: the ticket came at {came.isoformat()}, after that; send when it was closed")
        line, test = known.line, known.line_test
        closure = Closure(ticket, code, cause, at or now, actor.name, visited, overridden, note, line, test)
        async with self._store.transaction() as tx:
            await fix_store.put_closure(tx, closure)
            after: dict[str, Json] = {"code": code, "cause": cause, "visited": visited}
            await audit.note(tx, actor, "ticket.closed", f"ticket:{ticket}", now, after=after)
        return closure

    def require_closing(self, actor: Actor) -> None:
        """Refuse whoever may not say how tickets were closed.

        Raises:
            Forbidden: it has neither `tickets` nor `operate`.
        """
        actor.require(Scope.TICKETS if actor.may(Scope.TICKETS) else Scope.OPERATE)

    def _cause(self, code: str, known: Mapping[str, Cause]) -> str:
        cause = self._config.codes.get(code, code)
        if cause not in known:
            raise InvalidInput(
                f"code: {code[:80]!r} is no cause of a deciding pack, and [after_fix] codes does not say what it "
                "stands for; write a cause (docs/reference/causes.md), or name the code there"
            )
        return cause

    async def report(self, actor: Actor, *, days: float) -> dict[str, Any]:
        """Everything that closures, tests and checkups of the last days say of the verdicts."""
        actor.require(Scope.READ)
        now = self._clock()
        since = now - timedelta(days=days)
        async with self._store.reading() as tx:
            found = await fix_store.closed_since(tx, since, limit=_MOST)
            tickets = await fix_store.tickets_between(tx, since - timedelta(days=self._config.repeat_days), now)
            verdicts = await fix_store.verdicts_since(tx, since)
            known, pack = await self._packs.causes(tx), await self._packs.deciding(tx, ())
        within = timedelta(days=self._config.repeat_days)
        again, twice = repeats(found, tickets, within), sent_twice([closure for closure, _ in found], within)
        joined = [Joined(closure, test, closure.ticket in again, closure.ticket in twice) for closure, test in found]
        told = await asyncio.to_thread(self._told, joined, verdicts, known, pack)
        return {"since": since, "until": now, **told, "after_fix": await self._after_fix.rates(actor, since)}

    def _told(
        self, joined: Sequence[Joined], verdicts: Mapping[str, int], known: Mapping[str, Cause], pack: Pack
    ) -> dict[str, Any]:
        closed = [_closed(one, known) for one in joined if one.test is not None]
        tested = sum(verdicts.values())
        inconclusive = quality.Share(verdicts.get("INCONCLUSIVE", 0), tested)
        named = {name: share.to_json() for name, share in quality.rates(closed).items()}
        return {
            "closures": len(joined),
            "joined": len(closed),
            "verdicts": dict(sorted(verdicts.items())),
            "rates": {**named, "inconclusive": inconclusive.to_json()},
            "brier": quality.brier(closed),
            "reliability": [asdict(one) for one in quality.reliability(closed)],
            "causes": [
                {
                    "cause": one.cause,
                    "precision": one.said.to_json(),
                    "recall": one.found.to_json(),
                    "brier": one.brier,
                    "alarm": one.alarm,
                    "override": one.overridden.to_json(),
                }
                for one in quality.causes(closed)
            ],
            "suggestions": [asdict(one) for one in _suggestions(pack, joined[:_LEARNED])],
        }


def repeats(
    found: Sequence[tuple[Closure, LineTestRecord | None]], tickets: Sequence[TicketRecord], within: timedelta
) -> set[str]:
    """The closed tickets whose line had another ticket within a time after the closing."""
    by_line: dict[str, list[TicketRecord]] = {}
    for ticket in tickets:
        by_line.setdefault(ticket.line or "", []).append(ticket)
    return {
        closure.ticket
        for closure, _ in found
        if closure.line is not None
        and any(
            other.id != closure.ticket and closure.at < other.received_at <= closure.at + within
            for other in by_line.get(closure.line, ())
        )
    }


def sent_twice(found: Sequence[Closure], within: timedelta) -> set[str]:
    """The closed tickets with a visit whose line had another visit, for another ticket, within a time of it."""
    visits: dict[str, list[Closure]] = {}
    for one in found:
        if one.visited is True and one.line is not None:
            visits.setdefault(one.line, []).append(one)
    return {
        one.ticket
        for ours in visits.values()
        for one in ours
        if any(other.ticket != one.ticket and abs(other.at - one.at) <= within for other in ours)
    }


def _closed(one: Joined, known: Mapping[str, Cause]) -> Closed:
    verdict: Mapping[str, Any] = one.test.verdict if one.test and isinstance(one.test.verdict, dict) else {}
    cause = known.get(one.closure.cause)
    said = str(verdict.get("verdict", ""))
    return Closed(
        ticket=one.closure.ticket,
        verdict=said,
        cause="" if said == "INCONCLUSIVE" else str(verdict.get("cause", "")),
        posterior=float(verdict.get("posterior") or 0.0),
        truth=one.closure.cause,
        needed=cause.verdict.value if cause is not None else "",
        visited=one.closure.visited,
        overridden=one.closure.overridden,
        repeated=one.repeated,
        sent_twice=one.sent_twice,
    )


def _suggestions(pack: Pack, joined: Sequence[Joined]) -> list[quality.Suggestion]:
    """Points of the deciding pack's cards that the facts behind closed tickets speak for."""
    answers: dict[str, list[tuple[str, View]]] = {}
    for one in joined:
        if one.test is None:
            continue
        try:
            judged, _ = judged_of(one.test)
        except (Conflict, KeyError, ValueError):
            continue
        view = look(judged.facts, pack, judged.now)
        answers.setdefault(judged.technology, []).append((one.closure.cause, view))
    found: dict[tuple[str, str, str], quality.Suggestion] = {}
    for technology, told in answers.items():
        plan = pack.plans.get(technology)
        truths = {truth for truth, _ in told}
        for card in plan.cards if plan is not None else ():
            if card.id not in truths:
                continue
            rows = {condition_text(row.row): row for row in card.rows}
            answered = [Answered(truth, _answers(rows, view)) for truth, view in told]
            points = {name: (row.yes, row.no) for name, row in rows.items()}
            for one_of in quality.suggestions(card.id, points, answered):
                found[one_of.cause, one_of.condition, one_of.answer] = one_of
    return sorted(found.values(), key=lambda each: -abs(each.suggested - each.points))


async def _handed_in(store: Store, ticket: str) -> TicketRecord:
    """The ticket, with its line and the test whose verdict it is closed against.

    Raises:
        NotFound: the ticket was never handed in.
    """
    async with store.reading() as tx:
        record = await ticket_store.get(tx, ticket)
    if record is None:
        raise NotFound(f"there is no ticket {ticket[:80]!r}; it is handed in with POST /tickets/events")
    return record


def _came(ticket: TicketRecord) -> datetime:
    """When the ticket was opened, as its system says: some hand in what was closed before; else when it came here."""
    try:
        opened = opened_at(parse_event(ticket.body)) if isinstance(ticket.body, dict) else None
    except InvalidInput:
        opened = None
    return ticket.received_at if opened is None else min(opened, ticket.received_at)


def _answers(rows: Mapping[str, CompiledRow], view: View) -> dict[str, bool]:
    """How the rows of a card that counted on these facts answered."""
    return {
        name: held
        for name, row in rows.items()
        if (held := view.results[row.place]) is not None and (not row.only_if or view.values.get(row.only_if) is True)
    }
