"""An explanation of a verdict as lines for a person: the sums, what was missing, what would have flipped it.

The rule of this file: it prints what the explanation says and adds nothing.
"""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from cli.card import VERDICTS, in_language, percent, shown, title
from cli.texts import N_, _, language

#: stage that decided → what a person reads
STAGES = {
    "gate": N_("Decided by a gate, before all sums"),
    "outage": N_("Decided by the falls of the neighbours, before all sums"),
    "score": N_("Decided by the sums"),
    "fallback": N_("Not decided by the sums; named by what was seen"),
}
_DECIDED = re.compile(r"decided by (?P<stage>\w+): \w+(?: \((?P<why>.*)\))?")
#: reasons of the engine for saying no cause, and what a person reads
_WHY = (
    (re.compile("no cause stands out"), N_("no cause stands out")),
    (
        re.compile("not everything that a healthy line needs was measured"),
        N_("not everything that a healthy line needs was measured"),
    ),
    (re.compile(r"too little speaks for (?P<cause>\w+)"), N_("too little speaks for {cause}")),
    (
        re.compile(r"(?P<cause>\w+) may not be said without (?P<facts>.+)"),
        N_("{cause} may not be said without {facts}"),
    ),
    (
        re.compile("a wrong dispatch would cost more than this belief is worth"),
        N_("a wrong dispatch would cost more than this belief is worth"),
    ),
    (
        re.compile(r"a full test may find another cause than (?P<cause>\w+)"),
        N_("a full test may find another cause than {cause}"),
    ),
)
#: what a condition is made of, and how a person reads it
_ASKED = (
    (re.compile(r"(?P<fact>[@\w.]+) was not measured"), N_("{fact} was not measured")),
    (re.compile(r"(?P<fact>[@\w.]+) was measured"), N_("{fact} was measured")),
    (re.compile(r"(?P<fact>[@\w.]+) in "), N_("{fact} in ")),
    (re.compile(r"(?P<fact>[@\w.]+) between "), N_("{fact} between ")),
    (re.compile(r"(?P<sign>[=≠]) yes\b"), N_("{sign} yes")),
    (re.compile(r"(?P<sign>[=≠]) no\b"), N_("{sign} no")),
    (re.compile(" and "), N_(" and ")),
    (re.compile(" or "), N_(" or ")),
)
#: rows of a card, missing facts and flips that are printed; --json has them all
_ROWS = 12


def explained(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of an explanation."""
    verdict = told["verdict"]
    kind, pack = str(verdict["verdict"]), verdict["pack"]
    lines = [
        f"{kind}: {_(VERDICTS.get(kind, kind))} ({verdict['cause']})",
        decided_by(str(told["decided_by"])),
        _("Pack {id} {version}, hash {hash}").format(**pack),
    ]
    decisive = told.get("decisive") or []
    if decisive:
        lines += ["", *_decisive(decisive), "", _("What the sums would have said:")]
    for card in told["cards"]:
        lines += ["", *_card(card)]
    lines += ["", *([*_missing(told["missing"]), ""] if told["missing"] else []), *_flips(told["flips"])]
    return lines


def _decisive(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    """What a gate, or the falls of the neighbours, saw; chance is told in decibans, as every sum is."""
    for row in rows:
        value = f"{shown(row['value'])} {row['unit']}".strip()
        points = _points(row["points"]) if row["points"] else " " * 6
        yield f"  {points}  {row['fact']} = {value}  ({title(str(row['fact']))})"


def _card(card: Mapping[str, Any]) -> Iterator[str]:
    head = _("{cause}: {score} dB, belief {belief}")
    name = f"{in_language(card['title'])} ({card['cause']})"
    yield head.format(cause=name, score=_points(card["score_db"]).strip(), belief=percent(card["posterior"]))
    yield f"  {_points(card['prior_db'])}  " + _("prior")
    for row in card["rows"][:_ROWS]:
        values = ", ".join(shown(value) for value in row["values"].values())
        hidden = "" if row["counted"] else " " + _("(a stronger one of its group counts)")
        asks = condition(str(row["asks"]))
        asks = asks if row["held"] else _("not: {condition}").format(condition=asks)
        yield f"  {_points(row['points'])}  {asks}  [{values}]{hidden}"


def condition(text: str) -> str:
    """Return what a row of a card asks, in the language in use; names of facts and their values stay."""
    for form, said in _ASKED:
        text = form.sub(partial(_read, said), text)
    return text


def decided_by(line: str) -> str:
    """Return how it was decided, in the language in use; a line of another form stays as it is."""
    found = _DECIDED.fullmatch(line)
    stage = found["stage"] if found is not None else ""
    if found is None or stage not in STAGES:
        return line
    why = next(
        (_(text).format(**match.groupdict()) for form, text in _WHY if (match := form.fullmatch(found["why"] or ""))),
        "",
    )
    return _(STAGES[stage]) + (f": {why}" if why else "")


def _read(said: str, match: re.Match[str]) -> str:
    return _(said).format(**match.groupdict())


def _points(value: float) -> str:
    text = f"{value:+6.1f}".replace("-", "−")
    return text.replace(".", ",") if language() == "ru" else text


def _missing(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    if rows:
        yield _("Missing for this cause:")
    for row in rows[:_ROWS]:
        names = ", ".join(title(str(name)) for name in row["facts"])
        yield f"  {row['yes']:+.0f} / {row['no']:+.0f}  {condition(str(row['asks']))}  ({names})"


def _flips(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield _("Another verdict if:") if rows else _("No single fact gives another verdict.")
    # what would decide otherwise comes before what would only leave it open
    ranked = sorted(rows, key=lambda row: (row["verdict"] == "INCONCLUSIVE", -float(row["posterior"])))
    for row in ranked[:_ROWS]:
        now = _("not measured") if row["is"] is None else shown(row["is"])
        open_ = row["verdict"] == "INCONCLUSIVE"
        text = _("  {fact} = {value} (now: {now}) → {verdict}") + ("" if open_ else " ({cause}, {belief})")
        belief = percent(row["posterior"])
        yield text.format(
            fact=row["fact"], value=shown(row["if"]), now=now, verdict=row["verdict"], cause=row["cause"], belief=belief
        )
    if len(ranked) > _ROWS:
        yield "  " + _("and {count} more (--json has all)").format(count=len(ranked) - _ROWS)
