"""`secondline approval`: what waits for another person."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.options import server_options
from cli.texts import _

_STATES = ("proposed", "approved", "refused", "run")


@click.group(help=_("What two persons are needed for: list, show, approve, refuse."))
def approval() -> None:
    """Group of the approval commands."""


@approval.command("list", help=_("List proposals, the newest first."))
@click.option("--state", type=click.Choice(_STATES), default="proposed", show_default=True)
@server_options
def list_approvals(state: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List proposals."""
    with connect(url, token_file) as client:
        found = client.get("/approvals", state=state)
    if as_json:
        output.print_json(found)
        return
    columns = [_("id"), _("what"), _("about"), _("who"), _("why"), _("until")]
    rows = [
        [a["id"], a["kind"], a["subject"], a["proposed_by"], a["reason"], output.instant(a["expires_at"])]
        for a in output.items(found)
    ]
    output.print_table(columns, rows)


@approval.command(help=_("Show a proposal; secrets in it are hidden."))
@click.argument("approval_id")
@server_options
def show(approval_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show a proposal."""
    with connect(url, token_file) as client:
        _print(client.get(f"/approvals/{segment(approval_id)}"), as_json)


@approval.command(help=_("Approve what another person proposed; it runs now, once."))
@click.argument("approval_id")
@click.option("--note", default="", help=_("Kept in the audit trail."))
@server_options
def approve(approval_id: str, note: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Approve a proposal."""
    with connect(url, token_file) as client:
        _print(client.post(f"/approvals/{segment(approval_id)}/approve", {"note": note}), as_json)


@approval.command(help=_("Refuse a proposal, or take back one's own."))
@click.argument("approval_id")
@click.option("--note", default="", help=_("Kept in the audit trail."))
@server_options
def refuse(approval_id: str, note: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Refuse a proposal."""
    with connect(url, token_file) as client:
        _print(client.post(f"/approvals/{segment(approval_id)}/refuse", {"note": note}), as_json)


def _print(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    output.print_pairs(
        [
            (_("what"), found["kind"]),
            (_("about"), found["subject"]),
            (_("wanted"), ", ".join(f"{name}={value}" for name, value in found["wanted"].items())),
            (_("why"), found["reason"]),
            (_("who"), found["proposed_by"]),
            (_("state"), found["state"]),
            (_("decided by"), found["decided_by"]),
            (_("outcome"), found["outcome"]),
        ]
    )
