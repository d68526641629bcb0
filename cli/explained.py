"""An explanation of a verdict as lines for a person: the sums, what was missing, what would have flipped it.

The rule of this file: it prints what the explanation says and adds nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from cli.card import VERDICTS, in_language, percent, shown, title
from cli.texts import _

#: rows of a card, missing facts and flips that are printed; --json has them all
_ROWS = 12


def explained(told: Mapping[str, Any]) -> list[str]:
    """Return the lines of an explanation."""
    verdict = told["verdict"]
    kind, pack = str(verdict["verdict"]), verdict["pack"]
    lines = [
        f"{kind}: {_(VERDICTS.get(kind, kind))} ({verdict['cause']})",
        str(told["decided_by"]),
        _("Pack {id} {version}, hash {hash}").format(**pack),
    ]
    for card in told["cards"]:
        lines += ["", *_card(card)]
    lines += ["", *_missing(told["missing"]), "", *_flips(told["flips"])]
    return lines


def _card(card: Mapping[str, Any]) -> Iterator[str]:
    head = _("{cause}: {score} dB, belief {belief}")
    name = f"{in_language(card['title'])} ({card['cause']})"
    yield head.format(cause=name, score=f"{card['score_db']:+.1f}", belief=percent(card["posterior"]))
    yield f"  {card['prior_db']:+6.1f}  " + _("prior")
    for row in card["rows"][:_ROWS]:
        values = ", ".join(shown(value) for value in row["values"].values())
        hidden = "" if row["counted"] else " " + _("(a stronger one of its group counts)")
        asks = row["asks"] if row["held"] else _("not: {condition}").format(condition=row["asks"])
        yield f"  {row['points']:+6.1f}  {asks}  [{values}]{hidden}"


def _missing(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    if rows:
        yield _("Missing for this cause:")
    for row in rows[:_ROWS]:
        names = ", ".join(title(str(name)) for name in row["facts"])
        yield f"  {row['yes']:+.0f} / {row['no']:+.0f}  {row['asks']}  ({names})"


def _flips(rows: list[Mapping[str, Any]]) -> Iterator[str]:
    yield _("Another verdict if:") if rows else _("No single fact gives another verdict.")
    for row in rows[:_ROWS]:
        now = _("not measured") if row["is"] is None else shown(row["is"])
        text = _("  {fact} = {value} (now: {now}) → {verdict} ({cause}, {belief})")
        belief = percent(row["posterior"])
        yield text.format(
            fact=row["fact"], value=shown(row["if"]), now=now, verdict=row["verdict"], cause=row["cause"], belief=belief
        )
