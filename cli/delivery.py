"""`secondline delivery`: what other systems were told, and the dead letters."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.card import in_language
from cli.client import connect, segment
from cli.options import same_server, server_options
from cli.texts import _


@click.group(help=_("Messages to other systems: list, show, resend."))
def delivery() -> None:
    """Group of the delivery commands."""


@delivery.command("list", help=_("List messages, the newest first; --state failed shows the dead letters."))
@click.option("--state", type=click.Choice(["pending", "delivered", "failed"]))
@click.option("--target", help=_("Only to this receiver."))
@click.option("--ticket", help=_("Only about this ticket."))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@server_options
def list_deliveries(
    state: str | None,
    target: str | None,
    ticket: str | None,
    limit: int,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """List messages."""
    with connect(url, token_file) as client:
        found = client.get("/deliveries", state=state, target=target, ticket=ticket, limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            one["id"],
            output.instant(one.get("created_at")),
            one.get("target"),
            one.get("event_type"),
            one.get("ticket") or one.get("subject"),
            one.get("state"),
            one.get("attempts"),
            one.get("last_error"),
        ]
        for one in output.items(found)
    ]
    columns = [_("id"), _("written"), _("to"), _("event"), _("about"), _("state"), _("tries"), _("last error")]
    output.print_table(columns, rows)
    output.print_more(len(rows), limit)


@delivery.command(help=_("Show a message with every try: what it says in short; --body: all of it, as it is sent."))
@click.argument("delivery_id")
@click.option("--body", "whole", is_flag=True, help=_("The body alone, as JSON."))
@server_options
def show(delivery_id: str, whole: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show a message."""
    with connect(url, token_file) as client:
        found = client.get(f"/deliveries/{segment(delivery_id)}")
    if as_json or whole:
        output.print_json(found["body"] if whole else found)
        return
    body = found.get("body") or {}
    pairs: list[tuple[str, object]] = [
        (_("to"), found["target"]),
        (_("event"), found["event_type"]),
        (_("about"), found["ticket"] or found["subject"]),
        (_("state"), found["state"]),
        (_("written"), output.instant(found["created_at"])),
        (_("next try"), output.instant(found["next_at"]) if found["state"] == "pending" else None),
        *_says(body),
    ]
    output.print_pairs(pairs)
    rows = [
        [output.instant(one.get("at")), one.get("duration_ms"), one.get("taken"), one.get("answer")]
        for one in output.items(found.get("log"))
    ]
    output.print_table([_("at"), _("ms"), _("taken"), _("answer")], rows)
    text = _("The body has {chars} characters: secondline delivery show {id} --body{server}")
    output.print_note(text.format(chars=len(json.dumps(body)), id=found["id"], server=same_server()))


def _says(body: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    """What a body says, as far as it has what our own messages have; a TM Forum event says it inside."""
    verdict = body.get("verdict")
    if not isinstance(verdict, dict):
        verdict = {}
    yield _("line"), body.get("line")
    yield _("test"), body.get("line_test")
    yield _("verdict"), ": ".join(filter(None, (verdict.get("verdict"), in_language(verdict.get("title"))))) or None
    yield _("why"), in_language(verdict.get("text")) or None
    yield _("queue"), body.get("queue") or verdict.get("queue")
    yield _("detail"), body.get("detail") or None


@delivery.command(help=_("Send a dead letter again."))
@click.argument("delivery_ids", metavar="DELIVERY...", nargs=-1, required=True)
@server_options
def resend(delivery_ids: tuple[str, ...], url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Send dead letters again."""
    with connect(url, token_file) as client:
        found = [client.post(f"/deliveries/{segment(id_)}/resend", {}) for id_ in delivery_ids]
    if as_json:
        output.print_json(found)
        return
    for one in found:
        output.print_line(_("Delivery {id} goes to {target} again.").format(id=one["id"], target=one["target"]))
