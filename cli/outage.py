"""`secondline outage`: faults of many lines."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.options import server_options
from cli.texts import N_, _

_KINDS = ("power", "fibre", "mixed", "unknown", "sessions", "tickets")

#: what stands in the API → how a person reads it
_WORDS = {
    "candidate": N_("candidate"),
    "confirmed": N_("confirmed"),
    "restored": N_("restored, lines are tested"),
    "closed": N_("closed"),
    "dismissed": N_("dismissed"),
    "power": N_("power"),
    "fibre": N_("fibre"),
    "mixed": N_("mixed: power or fibre"),
    "unknown": N_("unknown"),
    "sessions": N_("sessions"),
    "tickets": N_("tickets"),
    "splitter": N_("splitter"),
    "pon": N_("PON port"),
    "slot": N_("slot"),
    "olt": N_("OLT"),
    "switch": N_("switch"),
    "house": N_("house"),
    "street": N_("street"),
    "bras": N_("BRAS"),
    "firmware": N_("firmware"),
    "model": N_("model"),
    "healthy": N_("healthy"),
    "broken": N_("broken"),
    "not_tested": N_("not tested"),
}


@click.group(help=_("Mass outages: what is open, and what a person says of it."))
def outage() -> None:
    """Group of the outage commands."""


@outage.command("list", help=_("List outages, the newest first."))
@click.option("--all", "every", is_flag=True, help=_("Those that are over too."))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@server_options
def list_outages(every: bool, limit: int, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List outages."""
    with connect(url, token_file) as client:
        found = client.get("/outages", active=None if every else "true", limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            one["id"],
            output.instant(one["since"]),
            _word(one["state"]),
            _word(one["kind"]),
            f"{_word(one['level'])} {one['scope']}",
            f"{one['hit']}/{one['members']}",
        ]
        for one in output.items(found)
    ]
    output.print_table([_("id"), _("since"), _("state"), _("kind"), _("where"), _("down")], rows)
    output.print_more(len(rows), limit)


@outage.command(help=_("Show one outage with its tickets and the lines that are still broken."))
@click.argument("outage_id")
@click.option("--lines", is_flag=True, help=_("All of its lines too."))
@server_options
def show(outage_id: str, lines: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show an outage."""
    with connect(url, token_file) as client:
        found = client.get(f"/outages/{segment(outage_id)}")
    if as_json:
        output.print_json(found)
        return
    _print(found)
    if lines:
        rows = [
            [
                one["line"],
                output.instant(one["at"]),
                one["gasp"],
                output.instant(one["back_at"]),
                _word(one["outcome"]) if one["outcome"] else None,
            ]
            for one in found["lines"]
        ]
        output.print_table([_("line"), _("fell"), _("dying gasp"), _("back"), _("tested")], rows)


@outage.command(help=_("Say that a candidate is an outage."))
@click.argument("outage_id")
@click.option("--note", default="", help=_("What is known."))
@click.option("--kind", type=click.Choice(_KINDS), help=_("What it is, where you know better."))
@server_options
def confirm(
    outage_id: str, note: str, kind: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Confirm a candidate."""
    body: dict[str, Any] = {"note": note, **({"kind": kind} if kind else {})}
    with connect(url, token_file) as client:
        found = client.post(f"/outages/{segment(outage_id)}/confirm", body)
    _said(found, as_json)


@outage.command(help=_("End an outage; with --dismiss it was none."))
@click.argument("outage_id")
@click.option("--note", required=True, help=_("Why; it is kept."))
@click.option("--dismiss", is_flag=True, help=_("It was no outage."))
@server_options
def close(outage_id: str, note: str, dismiss: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """End an outage."""
    with connect(url, token_file) as client:
        found = client.post(f"/outages/{segment(outage_id)}/close", {"note": note, "dismiss": dismiss})
    _said(found, as_json)


@outage.command(help=_("Show what has more tickets than its share: models, firmware, splitters, nodes, streets."))
@click.option("--days", type=click.FloatRange(0.01, 366), default=7.0, show_default=True)
@server_options
def systemic(days: float, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show slow faults."""
    with connect(url, token_file) as client:
        found = client.get("/outages/systemic", days=days)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            f"{_word(one['level'])} {one['scope']}",
            one["tickets"],
            one["lines"],
            f"{one['expected']:.1f}",
            f"{one['rate']:.1f}",
            _few(one["examples"]),
        ]
        for one in output.items(found)
    ]
    output.print_table([_("where"), _("tickets"), _("lines"), _("expected"), _("times"), _("for example")], rows)


def _word(told: object) -> str:
    text = str(told)
    return _(_WORDS[text]) if text in _WORDS else text


def _said(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    output.print_line(_("Outage {id} is {state}.").format(id=found["id"], state=_word(found["state"])))


def _print(found: dict[str, Any]) -> None:
    share = found["gasp_share"]
    pairs: list[tuple[str, object]] = [
        (_("id"), found["id"]),
        (_("state"), _word(found["state"])),
        (_("kind"), _word(found["kind"])),
        (_("where"), f"{_word(found['level'])} {found['scope']}"),
        (_("down"), f"{found['hit']}/{found['members']}"),
        (_("dying gasps"), None if share is None else f"{share:.0%}"),
        (_("since"), output.instant(found["since"])),
        (_("confirmed by"), found["confirmed_by"]),
        (_("over since"), output.instant(found["restored_at"])),
        (_("closed by"), found["closed_by"]),
        (_("tickets"), ", ".join(one["ticket"] for one in found["tickets"]) or None),
        (_("lines after it"), _after(found["outcomes"])),
        (_("still broken"), ", ".join(found["still_broken"]) or None),
        (_("detail"), found["detail"] or None),
        (_("note"), found["note"] or None),
    ]
    output.print_pairs(pairs)


def _after(outcomes: dict[str, int]) -> str | None:
    """What is known of the lines after the end; None before."""
    told = [
        f"{_word(name)} {outcomes[name]}" for name in ("healthy", "broken", "unknown", "not_tested") if outcomes[name]
    ]
    return ", ".join(told) or None


def _few(examples: Any) -> str:
    return ", ".join(examples[:5])
