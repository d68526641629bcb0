"""One outage from its opening to its end: what it becomes when lines fall, come back, or are tested. Pure.

    candidate ─(NOC)→ confirmed
        └──────┬──────────┘
     few enough down for a while ─→ restored (its lines are tested) ─→ closed, with those still broken by name
     a person says it is none ─→ dismissed

The rule of this file: it decides on values; nothing is read or written here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from acs.config import OutagesSection
from acs.store.outages import LineTrouble, OutageLine, OutageRecord
from probes.linetest.after_fix import all_seen
from probes.linetest.mass_outage import Area, Fall, Found, Group, OutageRules, kind_of

#: states in which lines are attached and tickets go to the outage
RUNNING = ("candidate", "confirmed")
#: verdicts after which a line is well where all was seen, and those that say nothing
_WELL, _NOTHING = ("NFF", "MONITOR_24H"), ("INCONCLUSIVE", "ATTACH_OUTAGE", "")
#: where a fault is no fault of the line, and hides what the line is
_BESIDES = ("account",)
#: the outcome of a line that had no test, or none that ended in time
NOT_TESTED = "not_tested"


@dataclass(frozen=True, slots=True)
class Case:
    """An outage with its lines."""

    outage: OutageRecord
    lines: Mapping[str, OutageLine]

    @property
    def down(self) -> list[OutageLine]:
        """The lines that are not back."""
        return [one for one in self.lines.values() if one.back_at is None]


def rules_of(config: OutagesSection) -> OutageRules:
    """The detector's rules as they are configured."""
    return OutageRules(
        alpha=config.alpha,
        windows_s=config.windows_s,
        horizon_s=config.horizon_s,
        least_lines=config.least_lines,
        dead_after_days=config.dead_after_days,
        power=config.power_share,
        fibre=config.fibre_share,
    )


def fall_of(trouble: LineTrouble) -> Fall:
    """A trouble as the statistics take it."""
    return Fall(trouble.line, trouble.at, trouble.gasp)


def fall_of_line(line: OutageLine) -> Fall:
    """The fall of a line that came back a moment ago, as the statistics take it."""
    return Fall(line.line, line.at, line.gasp)


def opened(id_: str, found: Found, witness: str, node: str, now: datetime) -> OutageRecord:
    """A new candidate."""
    return OutageRecord(
        id=id_,
        state="candidate",
        witness=witness,
        level=found.level,
        scope=found.scope,
        node=node,
        kind=_kind(found.kind, witness),
        since=found.since,
        opened_at=now,
        changed_at=now,
        hit=len(found.hit),
        members=found.members,
        log_chance=max(found.log_chance, -1e6),
        gasp_share=found.gasp_share,
        detail=_alike(found.same),
    )


def widened(case: Case, found: Found, now: datetime) -> OutageRecord:
    """The outage as it is seen now, where more fell; its earlier lines stay."""
    outage = case.outage
    hit = len({one.line for one in case.down} | set(found.hit))
    narrower = found.level == outage.level and found.scope == outage.scope
    members = max(found.members, hit, outage.members if narrower else 0)
    return replace(
        outage,
        level=found.level,
        scope=found.scope,
        kind=_kind(found.kind, outage.witness) if found.kind != "unknown" else outage.kind,
        gasp_share=outage.gasp_share if found.gasp_share is None else found.gasp_share,
        since=min(outage.since, found.since),
        hit=hit,
        members=members,
        log_chance=max(min(outage.log_chance, found.log_chance), -1e6),
        detail=_detail(found, outage),
        changed_at=now,
    )


def added(case: Case, troubles: Iterable[LineTrouble], now: datetime) -> list[OutageLine]:
    """Lines that fell with it, or fell again, or of which more is known."""
    found = []
    for one in troubles:
        known = case.lines.get(one.line)
        if known is None:
            found.append(OutageLine(case.outage.id, one.line, one.at, one.gasp))
        elif known.back_at is not None and one.at > known.back_at:
            found.append(replace(known, back_at=None, gasp=one.gasp if one.gasp is not None else known.gasp))
        elif one.gasp is not None and one.gasp != known.gasp:
            found.append(replace(known, gasp=one.gasp))
    return found


def returned(case: Case, still_down: set[str], now: datetime) -> list[OutageLine]:
    """Lines that came back since the last look."""
    return [replace(one, back_at=now) for one in case.down if one.line not in still_down]


def with_lines(case: Case, changed: Iterable[OutageLine], rules: OutageRules, now: datetime) -> Case:
    """The case with these lines changed, and what follows for its counts and its kind."""
    lines = {**case.lines, **{one.line: one for one in changed}}
    outage = case.outage
    kind, share = kind_of((Fall(one.line, one.at, one.gasp) for one in lines.values()), rules)
    hit = sum(one.back_at is None for one in lines.values())
    kind = outage.kind if kind == "unknown" else _kind(kind, outage.witness)
    new = replace(outage, hit=hit, kind=kind, gasp_share=outage.gasp_share if share is None else share)
    return Case(new if new == outage else replace(new, changed_at=now), lines)


def narrowed(case: Case, area: Area, least: int, now: datetime) -> Case:
    """The case with a narrower scope, where all that is still down lies in one."""
    down = [one.line for one in case.down if one.line in area.groups]
    if len(down) < least or len(down) == len(case.lines):
        return case
    common: list[Group] = [group for group in area.groups[down[0]] if all(group in area.groups[line] for line in down)]
    levels = [group[0] for group in area.groups[down[0]]]
    if not common or case.outage.level not in levels:
        return case
    level, scope = common[0]
    if levels.index(level) >= levels.index(case.outage.level):
        return case
    members = max(len(area.members[level, scope]), len(down))
    return Case(replace(case.outage, level=level, scope=scope, members=members, changed_at=now), case.lines)


def merged(case: Case, other: Case, now: datetime) -> tuple[Case, Case]:
    """Two outages that turn out to be one: the first goes on with the lines of both, the second is ended."""
    return Case(case.outage, {**other.lines, **case.lines}), one_with(case.outage.id, other, now)


def one_with(id_: str, other: Case, now: datetime) -> Case:
    """An outage that ends because another one is the same fault."""
    return Case(
        replace(
            other.outage,
            state="closed",
            changed_at=now,
            closed_at=now,
            closed_by="server",
            note=f"is one with {id_}",
        ),
        other.lines,
    )


def seconded(case: Case, witness: str, now: datetime) -> Case:
    """The case with the name of another witness that tells of the same lines."""
    said = f"told by {witness} too"
    if said in case.outage.detail:
        return case
    detail = f"{case.outage.detail}; {said}" if case.outage.detail else said
    return Case(replace(case.outage, detail=detail, changed_at=now), case.lines)


def still_down(case: Case, config: OutagesSection, now: datetime) -> set[str]:
    """The lines that are down, and those that have not been back for long enough to be believed."""
    settled = now - timedelta(seconds=config.settle_s)
    return {one.line for one in case.lines.values() if one.back_at is None or one.back_at > settled}


def is_over(case: Case, down: Collection[str], config: OutagesSection) -> bool:
    """Whether so few lines are down that the outage is over, whatever chance says of those.

    One of which no line came back is not over.
    """
    back = len(case.lines) - len(down)
    return back > 0 and (back >= config.back_share * len(case.lines) or len(down) < config.least_lines)


def to_test(case: Case, with_tickets: set[str], most: int) -> list[str]:
    """The lines that are tested after it: those with tickets, those still down, then the others."""
    ranked = sorted(case.lines.values(), key=lambda one: (one.line not in with_tickets, one.back_at is not None))
    return [one.line for one in ranked[:most]]


def outcome_of(verdict: Mapping[str, object] | None, line: OutageLine) -> str:
    """What a test after an outage says of a line: healthy, broken, or unknown; one that is down is not unknown."""
    said = verdict or {}
    kind = str(said.get("verdict", ""))
    if kind in _WELL and all_seen(said):
        return "healthy"
    if kind in (*_WELL, *_NOTHING) or said.get("location") in _BESIDES:
        return "broken" if line.back_at is None else "unknown"
    return "broken"


def untested(line: OutageLine) -> str:
    """What is said of a line whose test there was no time for, or none was meant for: what is down is broken."""
    return "broken" if line.back_at is None else NOT_TESTED


def evidence_text(case: Case) -> str:
    """How it ended, in words."""
    lines = list(case.lines.values())
    back = [one.back_at for one in lines if one.back_at is not None]
    broken = sorted(one.line for one in lines if one.outcome == "broken")
    last = f", the last at {max(back).isoformat(timespec='seconds')}" if back else ""
    named = f"; still broken: {', '.join(broken[:50])}" if broken else ""
    more = f" and {len(broken) - 50} more" if len(broken) > 50 else ""
    tested = [one for one in lines if one.line_test is not None and one.outcome != NOT_TESTED]
    unknown = sum(one.outcome == "unknown" for one in tested)
    unsure = f"; not known: {unknown}" if unknown else ""
    left = f"; not tested: {len(lines) - len(tested)}" if len(tested) < len(lines) else ""
    return f"{len(back)} of {len(lines)} lines are back{last}; {len(tested)} tested{unsure}{left}{named}{more}"


def convicts(outage: OutageRecord) -> bool:
    """Whether it says something of its lines to their tests: one that goes on, and that somebody saw.

    A crowd of tickets is a question to a person. What the line itself shows goes before it until he has confirmed it.
    """
    return outage.state == "confirmed" or (outage.state in RUNNING and outage.witness != "ticket")


def covering(case: Case, path: str, full_share: float = 0.8) -> Sequence[str]:
    """The scopes that an incident of this outage has: a topology path where nearly all below is down, else lines."""
    if path and case.outage.hit >= full_share * case.outage.members:
        return (path,)
    return [f"line:{one.line}" for one in case.down]


def _kind(kind: str, witness: str) -> str:
    """What broke, as far as the witness can say."""
    if kind != "unknown":
        return kind
    return {"boot": "power", "session": "sessions", "ticket": "tickets"}.get(witness, "unknown")


def _detail(found: Found, outage: OutageRecord) -> str:
    """What cannot be told apart now; who else tells of it is kept."""
    told = [part for part in outage.detail.split("; ") if part.startswith("told by ")]
    return "; ".join([*filter(None, [_alike(found.same)]), *told]) or outage.detail


def _alike(same: Sequence[Group]) -> str:
    named = ", ".join(f"{level} {scope}" for level, scope in same)
    return f"nobody can tell it from: {named}" if named else ""
