"""`secondline report`: how good the verdicts are, and what helped."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect
from cli.options import server_options
from cli.report_operating import operating
from cli.texts import N_, _

_RATES = {
    "right_verdict": N_("right verdict"),
    "right_cause": N_("right cause"),
    "false_dispatch": N_("false dispatch"),
    "wrong_dispatch": N_("wrong people sent"),
    "missed_dispatch": N_("missed dispatch"),
    "double_dispatch": N_("visited twice"),
    "solved_without_visit": N_("solved without a visit"),
    "repeat": N_("repeated tickets"),
    "override": N_("overridden by a person"),
    "inconclusive": N_("inconclusive"),
}
_STATES = {
    "waiting": N_("waits for the action"),
    "watching": N_("is looked at"),
    "held": N_("held"),
    "well": N_("was well before and is well"),
    "not_fixed": N_("did not help"),
    "fell_back": N_("fell back"),
    "unknown": N_("unknown"),
    "superseded": N_("another action followed"),
    "kept": N_("known before, not tested after"),
    "void": N_("was not done"),
}


@click.group(help=_("Reports: quality of verdicts, what helped and what fell back."))
def report() -> None:
    """Group of the reports."""


report.add_command(operating)


@report.command(help=_("How good the verdicts are, held against how tickets were closed."))
@click.option("--days", type=click.FloatRange(0.01, 3_660), default=90.0, show_default=True)
@server_options
def quality(days: float, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Print the quality report."""
    with connect(url, token_file) as client:
        found = client.get("/reports/quality", days=days)
    if as_json:
        output.print_json(found)
        return
    text = _("{closures} tickets closed, {joined} of them with a verdict; {days:g} days.")
    output.print_line(text.format(closures=found["closures"], joined=found["joined"], days=days))
    _print_rates(found)
    _print_causes(found["causes"])
    _print_reliability(found)
    _print_after_fix(found["after_fix"])
    _print_suggestions(found["suggestions"])


@report.command("after-fix", help=_("What was done on lines, and whether it helped."))
@click.option("--line", help=_("Only this line."))
@click.option("--ticket", help=_("Only this ticket."))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@server_options
def after_fix(
    line: str | None, ticket: str | None, limit: int, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """List actions with what followed."""
    with connect(url, token_file) as client:
        found: Any = client.get("/checkups", line=line, ticket=ticket, limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            output.instant(one["at"]),
            one["line"],
            one["action"],
            one["ticket"],
            _(_STATES.get(one["state"], one["state"])),
            " ".join(run["outcome"] or "…" for run in one["runs"]),
        ]
        for one in found
    ]
    output.print_table([_("at"), _("line"), _("action"), _("ticket"), _("state"), _("tests")], rows)
    output.print_more(len(rows), limit)
    if len(found) == 1:
        _print_changes(found[0]["table"])


def _print_rates(found: dict[str, Any]) -> None:
    rows = []
    for name, text in _RATES.items():
        rate = found["rates"].get(name)
        if rate:
            rows.append([_(text), f"{rate['part']}/{rate['whole']}", _percent(rate["share"]), _interval(rate)])
    output.print_table([_("rate"), _("of"), _("share"), _("95 %")], rows)


def _print_causes(causes: list[dict[str, Any]]) -> None:
    rows = [
        [
            one["cause"],
            f"{one['precision']['part']}/{one['precision']['whole']}",
            _percent(one["precision"]["share"]),
            _percent(one["recall"]["share"]),
            None if one["brier"] is None else f"{one['brier']:.3f}",
            _percent(one["override"]["share"]),
            _("look at it") if one["alarm"] else None,
        ]
        for one in causes
    ]
    if rows:
        heads = [_("cause"), _("right/said"), _("precision"), _("recall"), _("Brier"), _("overridden"), ""]
        output.print_table(heads, rows)


def _print_reliability(found: dict[str, Any]) -> None:
    if found["brier"] is None:
        return
    output.print_line(_("Brier score {score}: 0 is perfect.").format(score=f"{found['brier']:.3f}"))
    rows = [
        [f"{one['low']:.0%}–{one['high']:.0%}", one["n"], _percent(one["believed"]), _percent(one["right"])]
        for one in found["reliability"]
        if one["n"]
    ]
    output.print_table([_("belief"), _("verdicts"), _("believed"), _("right")], rows)


def _print_after_fix(told: dict[str, Any]) -> None:
    rows = []
    for action, one in told.items():
        known = [row for row in one["after"] if row["known"]]
        after = ", ".join(f"{_after(row['after_h'])} {row['fixed']}/{row['known']}" for row in known)
        rows.append([action, one["done"], after or None, one["held"], one["fell_back"]])
    if rows:
        output.print_table([_("action"), _("done"), _("fixed after"), _("held"), _("fell back")], rows)


def _after(hours: float) -> str:
    """How long after an action, in whole minutes or in hours."""
    return _("{n} h").format(n=f"{hours:g}") if hours >= 1 else _("{n} min").format(n=round(hours * 60))


def _print_suggestions(told: list[dict[str, Any]]) -> None:
    if not told:
        return
    output.print_line(_("Points that closures speak for; nothing is changed by itself:"))
    rows = [
        [one["cause"], one["condition"], one["answer"], f"{one['points']:+g}", f"{one['suggested']:+g}", one["cases"]]
        for one in told[:30]
    ]
    output.print_table([_("cause"), _("condition"), _("answer"), _("now"), _("suggested"), _("cases")], rows)


def _print_changes(table: list[dict[str, Any]]) -> None:
    rows = [
        [
            one["name"],
            one["before"],
            one["after"],
            one["unit"],
            None if one["change"] is None else f"{one['change']:+g}",
        ]
        for one in table
    ]
    if rows:
        output.print_table([_("fact"), _("before"), _("after"), _("unit"), _("change")], rows)


def _percent(share: float | None) -> str | None:
    return None if share is None else f"{share:.0%}"


def _interval(rate: dict[str, Any]) -> str | None:
    return None if rate["low"] is None else f"{rate['low']:.0%}–{rate['high']:.0%}"
