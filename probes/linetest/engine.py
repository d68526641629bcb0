"""judge: facts → verdict. Gates, then mass faults, then scorecards, then post-gates; later stages never override.

    facts → view → first gate ─┐
                 → mass fault ─┼→ decision → post-gates → verdict
                 → scorecards ─┘      (what did not decide is kept as secondary findings)

The rule of this file: it holds no threshold and no cause but the names nff, other and not_determined.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from probes.facts import Facts
from probes.linetest.depths import QUICK, SELF_SERVICE, settled
from probes.linetest.explain import filled
from probes.linetest.form import Fallback, Instead
from probes.linetest.gates import Answer, gate_answers, mass_fault
from probes.linetest.model import Candidate, Evidence, Finding, Verdict, VerdictKind
from probes.linetest.next_probe import next_probe
from probes.linetest.options import priority, steps
from probes.linetest.pack import Pack
from probes.linetest.postgates import coverage, dear, gate_facts, human_reasons, instead, unmet_needs
from probes.linetest.scorecard import Scored, counted, evidence, rank
from probes.linetest.view import View, look

_SHOWN = 5
_RIVALS = 3


@dataclass(frozen=True, slots=True)
class _Decision:
    """What was decided before it is dressed as a verdict."""

    cause: str
    posterior: float
    stage: str
    evidence: tuple[Evidence, ...]
    change: Instead | None = None
    location: str = ""
    scope: str = ""
    gate_facts: tuple[str, ...] | None = None
    wanted: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, slots=True)
class _Case:
    pack: Pack
    technology: str
    view: View
    ranked: list[Scored]
    now: datetime
    strict_gates: bool
    obtainable: Container[str] | None
    depth: str


def judge(
    technology: str,
    facts: Facts,
    *,
    pack: Pack,
    now: datetime,
    strict_gates: bool,
    obtainable: Container[str] | None = None,
    depth: str = "full",
) -> Verdict:
    """Return the verdict that the pack gives for these facts at this instant; it raises for no facts whatever.

    `technology` is pon, fttb, dsl, or any (only what needs no access fact). With `strict_gates` an absent gate fact
    is unknown and asks for a person; without it, it is known and quiet. `obtainable` are the facts that could still be
    had: what to measure next is one of them, where any of them helps. With depth `quick` a cause is said only where
    nothing that a full test measures could make another one of it. Deterministic; costs under a millisecond.
    """
    view = look(facts, pack, now)
    case = _Case(pack, technology, view, rank(pack, technology, view), now, strict_gates, obtainable, depth)
    answers = [*gate_answers(pack, technology, view), *([mass] if (mass := mass_fault(pack, technology, view)) else [])]
    decision = _from_answer(answers[0]) if answers else _from_scores(case)
    return _verdict(case, decision, answers[1:])


def _from_answer(answer: Answer) -> _Decision:
    return _Decision(
        answer.cause,
        answer.confidence,
        answer.stage,
        answer.evidence,
        location=answer.location,
        scope=answer.scope,
        gate_facts=answer.gate_facts,
        wanted=answer.wanted,
    )


def _from_scores(case: _Case) -> _Decision:
    first, second = case.ranked[0], case.ranked[1] if len(case.ranked) > 1 else None
    rules = case.pack.file.engine
    margin = first.score_db - second.score_db if second else 99.0
    lacking = _coverage_gap(case) if first.card.id in ("nff", "other") else ()
    if first.card.id == "other" or first.posterior < rules.min_posterior or margin < rules.min_margin_db:
        return _undecided(case, first, lacking, "no cause stands out")
    if first.card.id == "nff":
        if lacking is None or lacking:
            return _undecided(case, first, lacking, "not everything that a healthy line needs was measured")
        return _undecided(case, first, lacking, unsettled) if (unsettled := _unsettled(case)) else _said(case, first)
    if first.score_db - first.card.base_db < rules.min_evidence_db:
        return _undecided(case, first, lacking, f"too little speaks for {first.card.id}")
    needs = unmet_needs(first.card.cause, case.view, strict_gates=case.strict_gates)
    if needs:
        return _undecided(case, first, needs, f"{first.card.id} may not be said without {', '.join(needs)}")
    decision = _said(case, first)
    verdict = decision.change.verdict if decision.change else None
    if unsettled := _unsettled(case):
        return _undecided(case, first, lacking, unsettled)
    business = case.view.values.get("account.business") is True
    if dear(case.pack, verdict or first.card.cause.verdict, first.posterior, business=business):
        return _undecided(case, first, lacking, "a wrong dispatch would cost more than this belief is worth")
    return decision


def _unsettled(case: _Case) -> str:
    """Return why a quick test may not say its first cause, "" where it may."""
    if case.depth != QUICK or settled(case.ranked, case.view, case.pack):
        return ""
    return f"a full test may find another cause than {case.ranked[0].card.id}"


def _said(case: _Case, first: Scored) -> _Decision:
    change = instead(case.pack, first.card.cause, case.view)
    lines = evidence(first.card, case.view, case.pack)
    if first.card.id == "nff":
        lines = tuple(item for item in lines if item.points >= 0) or lines
    return _Decision(first.card.id, first.posterior, "score", lines, change)


def _undecided(case: _Case, first: Scored, wanted: tuple[str, ...] | None, why: str) -> _Decision:
    lines = _open_evidence(case)
    for item in case.pack.file.fallback:
        if case.pack.met(item.when, case.view.results) and _fits(case, item):
            belief = item.confidence or first.posterior
            return _Decision(item.cause, belief, "fallback", lines, wanted=wanted or (), why=why)
    return _Decision("not_determined", first.posterior, "score", lines, wanted=wanted or (), why=why)


def _fits(case: _Case, item: Fallback) -> bool:
    """Return whether the ranking is as the fallback asks."""
    return (not item.leader or _leads(case, item.leader)) and not (item.mute and _risen(case))


def _risen(case: _Case) -> bool:
    """Return whether anything that was measured speaks for a cause, enough to be said if it stood alone."""
    least = case.pack.file.engine.min_evidence_db
    causes = (item for item in case.ranked if item.card.id not in ("nff", "other"))
    return any(item.score_db - item.card.base_db >= least for item in causes)


def _leads(case: _Case, name: str) -> bool:
    """Return whether a cause stands out from all others, at a depth at which no further reading may change that."""
    first, second = case.ranked[0], case.ranked[1] if len(case.ranked) > 1 else None
    rules = case.pack.file.engine
    clear = second is None or first.score_db - second.score_db >= rules.min_margin_db
    return first.card.id == name and first.posterior >= rules.min_posterior and clear and not _unsettled(case)


def _open_evidence(case: _Case) -> tuple[Evidence, ...]:
    """Return what was read although it decides nothing: of the likeliest cause, else of the healthy line."""
    leader = next(item for item in case.ranked if item.card.id != "other")
    healthy = next(item for item in case.ranked if item.card.id == "nff")
    return evidence(leader.card, case.view, case.pack) or evidence(healthy.card, case.view, case.pack)


def _coverage_gap(case: _Case) -> tuple[str, ...] | None:
    needed = coverage(case.pack, case.technology, case.view)
    return None if needed is None else tuple(name for name in needed if not case.view.known(name))


def _verdict(case: _Case, decision: _Decision, beside: Sequence[Answer] = ()) -> Verdict:
    pack, view = case.pack, case.view
    change = decision.change
    cause_id = change.cause if change and change.cause else decision.cause
    cause = pack.cause(cause_id)
    kind = change.verdict if change and change.verdict else cause.verdict
    action = change.action if change and change.action else cause.action
    gates = decision.gate_facts if decision.gate_facts is not None else gate_facts(pack, case.technology)
    unknown = tuple(name for name in gates if not view.known(name))
    reasons = human_reasons(pack, kind, action, view, unknown, strict_gates=case.strict_gates)
    return Verdict(
        verdict=kind,
        cause=cause_id,
        title=cause.title.both(),
        location=(change.location if change else "") or decision.location or cause.location,
        queue=(change.queue if change else "") or cause.queue,
        posterior=round(min(decision.posterior, pack.file.engine.cap), 4),
        needs_human=bool(reasons),
        pack=pack.ref,
        technology=case.technology,
        judged_at=case.now,
        due_at=_due(case, kind),
        action=action,
        scope=decision.scope,
        runner_up=_runner_up(case, decision),
        evidence=decision.evidence,
        not_measured=_not_measured(case, decision, gates),
        next_probe=_next(case, decision) if kind is VerdictKind.INCONCLUSIVE else None,
        human_reasons=reasons,
        secondary=_secondary(case, decision, beside),
        ranking=tuple(item.candidate() for item in case.ranked[:_SHOWN]),
        text=filled(cause.text, view.values),
        script=cause.script.both(),
        parts=cause.parts,
        post_check=_post_check(cause.post_check),
        ignored=tuple(view.ignored),
        unreadable=tuple(sorted(view.unreadable)),
        stale=tuple(view.stale),
        trace=_trace(case, decision),
        steps=steps(pack, case.ranked, view) if decision.stage in ("score", "fallback") else (),
        priority=priority(pack, view),
        depth=case.depth,
    )


def _next(case: _Case, decision: _Decision) -> str | None:
    barred = case.pack.intrusive if case.depth == SELF_SERVICE else frozenset()
    # what kind of mass fault it is no card of a single line tells
    ranked = [] if decision.stage == "outage" else case.ranked
    return next_probe(case.pack, ranked, case.view, decision.wanted, case.obtainable, barred)


def _post_check(check: object) -> str:
    fields = check.model_dump() if hasattr(check, "model_dump") else {}
    return f"{fields['fact']} {fields['op']} {fields['value']} (+{fields['after_s']} s)" if fields else ""


def _due(case: _Case, kind: VerdictKind) -> datetime:
    if kind is VerdictKind.MONITOR_24H:
        return case.now + timedelta(hours=24)
    # a ticket that its system opens tomorrow is due as one that it opens now
    opened_at = min(case.view.instants.get("ticket.opened_at", case.now), case.now)
    return opened_at + timedelta(hours=case.pack.file.engine.due_h)


def _runner_up(case: _Case, decision: _Decision) -> Candidate | None:
    others = [item for item in case.ranked if item.card.id not in (decision.cause, "other")]
    if not others or decision.stage in ("gate", "outage"):
        return None
    return others[0].candidate()


def _not_measured(case: _Case, decision: _Decision, gates: tuple[str, ...]) -> tuple[str, ...]:
    """Return what could have spoken and did not, the weightiest first.

    First what the decision lacked, then what the cards in question ask for; where nothing was found, the rivals of
    the healthy line speak before its own long list.
    """
    wanted = list(decision.wanted)
    if decision.stage in ("score", "fallback"):
        wanted += [name for item in _in_question(case, decision) for name in _asked(item)]
    wanted += gates
    return tuple(name for name in dict.fromkeys(wanted) if not case.view.known(name))


def _in_question(case: _Case, decision: _Decision) -> list[Scored]:
    healthy = [item for item in case.ranked if item.card.id == "nff"]
    if decision.cause == "nff":
        return [item for item in case.ranked[:_RIVALS] if item.card.id != "nff"] + healthy
    if decision.wanted or decision.cause == "not_determined" or decision.cause not in case.pack.file.cause:
        leaders = case.ranked[:_RIVALS]
        return [item for item in leaders if item.card.id != "nff"] + [item for item in leaders if item.card.id == "nff"]
    return case.ranked[:1]


def _asked(item: Scored) -> list[str]:
    """Return the facts of a card, those that weigh most first."""
    rows = sorted(item.card.rows, key=lambda row: -max(abs(row.yes), abs(row.no)))
    return [name for row in rows for name in row.facts if name[0] != "@"]


def _secondary(case: _Case, decision: _Decision, beside: Sequence[Answer]) -> tuple[Finding, ...]:
    """Return what else is so: later gates and mass faults, and causes well above their prior that explain more."""
    explained = {item.fact for item in decision.evidence if item.points > 0}
    found: list[Finding] = []
    for answer in beside:
        cause = case.pack.cause(answer.cause)
        if answer.cause not in (decision.cause, *(finding.cause for finding in found)):
            place = answer.location or cause.location
            found.append(Finding(answer.cause, cause.title.both(), place, answer.evidence))
    for item in case.ranked:
        risen = item.score_db - item.card.base_db
        if item.card.id in ("nff", "other", decision.cause) or risen < case.pack.file.engine.secondary_db:
            continue
        lines = tuple(line for line in evidence(item.card, case.view, case.pack) if line.points > 0)
        if any(line.fact not in explained for line in lines):
            found.append(Finding(item.card.id, item.card.cause.title.both(), item.card.cause.location, lines))
    return tuple(found[:_SHOWN])


def _trace(case: _Case, decision: _Decision) -> tuple[str, ...]:
    out = [f"decided by {decision.stage}: {decision.cause}" + (f" ({decision.why})" if decision.why else "")]
    for item in case.ranked[:3]:
        rows = "; ".join(f"{row.fact} {points:+g}" for row, _, points in counted(item.card, case.view))
        out.append(
            f"{item.card.id}: prior {item.card.base_db:+.1f}; {rows or 'nothing measured'} = {item.score_db:.1f} dB"
        )
    if case.view.stale:
        out.append("stale: " + ", ".join(case.view.stale))
    if case.view.unreadable:
        out.append("unreadable: " + ", ".join(sorted(case.view.unreadable)))
    return tuple(out)
