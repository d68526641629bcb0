"""`secondline ticket`: one ticket, and how it was closed."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.options import server_options
from cli.texts import N_, _

_TEST_STATES = {
    "running": N_("under way"),
    "done": N_("done"),
    "failed": N_("ended without a verdict"),
}


@click.group(help=_("Tickets: list, show one, close it with a code."))
def ticket() -> None:
    """Group of the ticket commands."""


@ticket.command(name="list", help=_("List the tickets that came, the newest first; why one was not tested."))
@click.option("--line", default=None, help=_("Only of this line."))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@server_options
def list_(line: str | None, limit: int, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List tickets."""
    with connect(url, token_file) as client:
        found = client.get("/tickets", line=line, limit=limit)
    if as_json:
        output.print_json(found)
        return
    names = ("id", "line", "line_test", "detail")
    rows = [[output.instant(one["received_at"]), *(one[name] for name in names)] for one in output.items(found)]
    output.print_table([_("received"), _("ticket"), _("line"), _("test"), _("detail")], rows)
    output.print_more(len(rows), limit)


@ticket.command(help=_("Show a ticket and what its line test said."))
@click.argument("ticket_id")
@server_options
def show(ticket_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show a ticket."""
    with connect(url, token_file) as client:
        found = client.get(f"/tickets/{segment(ticket_id)}")
    if as_json:
        output.print_json(found)
        return
    verdict: dict[str, Any] = found.get("verdict") or {}
    said = f"{verdict.get('verdict')} ({verdict.get('cause')})" if verdict else None
    test: dict[str, Any] = found.get("test") or {}
    state = str(test.get("state") or "")
    pairs: list[tuple[str, object]] = [
        (_("ticket"), found["id"]),
        (_("received"), output.instant(found["received_at"])),
        (_("line"), found["line"]),
        (_("test"), found["line_test"]),
        (_("state of the test"), _(_TEST_STATES.get(state, state)) if state else None),
        (_("why there is no verdict"), test.get("detail") or None),
        (_("verdict"), said),
        (_("queue"), (found.get("check") or {}).get("queue") or None),
        (_("detail"), found["detail"] or None),
    ]
    output.print_pairs(pairs)


@ticket.command(help=_("Hand in how a ticket was closed; the verdicts are held against it."))
@click.argument("ticket_id")
@click.option("--code", required=True, help=_("A cause of the pack, or your own closure code."))
@click.option("--visited/--not-visited", default=None, help=_("Whether somebody went there."))
@click.option("--overridden", is_flag=True, help=_("A person decided otherwise than the verdict."))
@click.option("--note", default="", help=_("What was found."))
@server_options
def close(
    ticket_id: str,
    code: str,
    visited: bool | None,
    overridden: bool,
    note: str,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Close a ticket."""
    body = {"code": code, "visited": visited, "overridden": overridden, "note": note}
    with connect(url, token_file) as client:
        found = client.post(f"/tickets/{segment(ticket_id)}/closure", body)
    if as_json:
        output.print_json(found)
        return
    output.print_line(_("Ticket {id} was closed with {cause}.").format(id=found["ticket"], cause=found["cause"]))
