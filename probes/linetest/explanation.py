"""Why this verdict: the sum of every leading card row by row, what was missing, and what would have flipped it.

    facts → judge → verdict      the same view and cards → rows that counted, rows that a stronger one hides
                              each fact at each value that matters → judge again → what would flip it

The rule of this file: it decides nothing; every line of it comes from the judgement that it explains.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from probes.facts import FACTS, Fact, Facts, Scalar
from probes.linetest.conditions import Condition, Operator
from probes.linetest.engine import judge
from probes.linetest.model import Evidence, Verdict, VerdictKind
from probes.linetest.pack import Card, CompiledRow, Pack, measured_facts
from probes.linetest.scorecard import Scored, counted, rank
from probes.linetest.view import View, look
from probes.linetest.worlds import base_domains

#: cards that are told in full
_CARDS = 3
#: cards whose facts are tried for a flip
_TRIED_CARDS = 4
#: how the trace of a verdict begins that no sum decided
_BEFORE_SUMS = ("decided by gate", "decided by outage")


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement as it was asked for: what `judge` took, and so what gives the same verdict again."""

    technology: str
    facts: Facts
    now: datetime
    strict_gates: bool
    obtainable: frozenset[str] | None = None
    depth: str = "full"

    def verdict(self, pack: Pack) -> Verdict:
        """Return the verdict of a pack."""
        return judge(
            self.technology,
            self.facts,
            pack=pack,
            now=self.now,
            strict_gates=self.strict_gates,
            obtainable=self.obtainable,
            depth=self.depth,
        )


def explain(pack: Pack, asked: Judged) -> dict[str, object]:
    """Return the explanation as plain JSON values: verdict, cards, missing, flips.

    Where a gate or the falls of the neighbours decided, `decisive` holds what they saw, and the cards are what the sums
    would have said: what those lack changes nothing.
    """
    verdict = asked.verdict(pack)
    view = look(asked.facts, pack, asked.now)
    ranked = rank(pack, asked.technology, view)
    leading = [item for item in ranked if item.card.id != "other"]
    said = [item for item in leading if item.card.id == verdict.cause]
    shown = list({item.card.id: item for item in (*said, *leading[:_CARDS])}.values())[:_CARDS]
    before = verdict.trace[0].startswith(_BEFORE_SUMS)
    settled = before and verdict.verdict is not VerdictKind.INCONCLUSIVE
    return {
        "verdict": verdict.to_json(),
        "decided_by": verdict.trace[0],
        "decisive": [_decisive(line) for line in verdict.evidence] if before else [],
        "cards": [_card(item, view) for item in shown],
        "missing": [] if settled else [line for item in shown[:1] for line in _missing(item.card, view)],
        "flips": list(_flips(pack, asked, verdict, leading[:_TRIED_CARDS], view)),
    }


def condition_text(condition: Condition) -> str:
    """Return a condition as a person reads it: `ont.rx_dbm < -27`."""
    if condition.fact is None:
        joint = " and " if condition.all else " or "
        return "(" + joint.join(condition_text(part) for part in (*condition.all, *condition.any)) + ")"
    if condition.op is Operator.KNOWN:
        return f"{condition.fact} was measured"
    if condition.op is Operator.UNKNOWN:
        return f"{condition.fact} was not measured"
    sign = {"eq": "=", "ne": "≠", "lt": "<", "le": "≤", "gt": ">", "ge": "≥"}.get(condition.op or "", condition.op)
    if condition.value_fact is not None:
        times = "" if condition.times == 1.0 else f"{condition.times:g} × "
        return f"{condition.fact} {sign} {times}{condition.value_fact}"
    listed = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    return f"{condition.fact} {sign} {', '.join(_plain(value) for value in listed)}"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _decisive(line: Evidence) -> dict[str, object]:
    return {"fact": line.fact, "value": line.value, "unit": line.unit, "points": line.points, "age_s": line.age_s}


def _card(item: Scored, view: View) -> dict[str, object]:
    sums = {id(row): points for row, _, points in counted(item.card, view)}
    rows = []
    for row in item.card.rows:
        held = view.results[row.place]
        if held is None or (row.only_if and view.values.get(row.only_if) is not True):
            continue
        points = row.yes if held else row.no
        if points:
            rows.append(_row(row, held, points, id(row) in sums, view))
    rows.sort(key=lambda row: (not row["counted"], -abs(float(str(row["points"])))))
    card = item.card
    return {
        "cause": card.id,
        "title": card.cause.title.both(),
        "prior_db": round(card.base_db, 2),
        "rows": rows,
        "score_db": round(item.score_db, 2),
        "posterior": round(item.posterior, 4),
    }


def _row(row: CompiledRow, held: bool, points: float, counts: bool, view: View) -> dict[str, object]:
    values = {name: view.values[name] for name in row.facts if name in view.values}
    ages = [view.age_s(name) for name in measured_facts(row.facts) if name in view.facts]
    return {
        "asks": condition_text(row.row),
        "held": held,
        "values": values,
        "points": points,
        "counted": counts,
        "group": "" if row.group.startswith("#") else row.group,
        "age_s": max(ages, default=0.0),
    }


def _missing(card: Card, view: View) -> Iterator[dict[str, object]]:
    """The rows of a card that nothing was known for, those that weigh most first."""
    rows = sorted(card.rows, key=lambda row: -max(abs(row.yes), abs(row.no)))
    for row in rows:
        if view.results[row.place] is None and (row.yes or row.no):
            unknown = [name for name in measured_facts(row.facts) if not view.known(name)]
            yield {"facts": unknown, "asks": condition_text(row.row), "yes": row.yes, "no": row.no}


def _flips(
    pack: Pack, asked: Judged, verdict: Verdict, leading: list[Scored], view: View
) -> Iterator[dict[str, object]]:
    """Every fact of the leading cards and gates, and the nearest value of it that gives another verdict."""
    tried = base_domains(pack)
    names = {fact for item in leading for row in item.card.rows for fact in measured_facts(row.facts)}
    names |= {"incident.match", "planned.work", "account.state", "contacts_14d"}
    names |= {line.fact for line in verdict.evidence}
    for name in sorted(names):
        if name not in FACTS:
            continue
        before = asked.facts.get(name)
        told: set[tuple[str, str]] = {(verdict.verdict.value, verdict.cause)}
        for value in _nearest_first(tried.get(name, ()), before.value if before else None):
            fact = Fact(name, value, asked.now, "supposed")
            other = replace(asked, facts={**asked.facts, name: fact}).verdict(pack)
            if (other.verdict.value, other.cause) in told:
                continue
            told.add((other.verdict.value, other.cause))
            known = view.values.get(name) if view.known(name) else None
            yield {
                "fact": name,
                "is": known,
                "if": value,
                "verdict": other.verdict.value,
                "cause": other.cause,
                "posterior": other.posterior,
            }


def _nearest_first(values: tuple[Scalar, ...], now: Scalar | None) -> list[Scalar]:
    def distance(value: Scalar) -> tuple[float, str]:
        if isinstance(value, str | bool) or isinstance(now, str | bool) or now is None:
            return 0.0, str(value)
        return abs(value - now), str(value)

    return sorted(values, key=distance)
