"""`secondline alarm`: what somebody should look at."""

from pathlib import Path

import click

from cli import output
from cli.client import connect, segment
from cli.options import server_options
from cli.texts import _


@click.group(help=_("Alarms: what somebody should look at."))
def alarm() -> None:
    """Group of the alarm commands."""


@alarm.command("list", help=_("List alarms, the newest first."))
@click.option("--all", "every", is_flag=True, help=_("Those that were cleared too."))
@click.option("--kind", help=_("Only of this kind, such as device.cloned."))
@click.option("--device", help=_("Only those of this device key."))
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@server_options
def list_alarms(
    every: bool,
    kind: str | None,
    device: str | None,
    limit: int,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """List alarms."""
    subject = f"device:{device}" if device else None
    active = None if every else "true"
    with connect(url, token_file) as client:
        found = client.get("/alarms", active=active, kind=kind, subject=subject, limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            a["id"],
            output.instant(a.get("last_at")),
            a.get("count"),
            a.get("kind"),
            a.get("subject"),
            next((d.get("ended") or d.get("why") for d in output.items([a.get("detail")])), None),
        ]
        for a in output.items(found)
    ]
    output.print_table([_("id"), _("last seen"), _("times"), _("kind"), _("about"), _("why")], rows)
    output.print_more(len(rows), limit)


@alarm.command(help=_("End an alarm; it is raised again when its cause is still there."))
@click.argument("alarm_id")
@server_options
def clear(alarm_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Clear an alarm."""
    with connect(url, token_file) as client:
        found = client.post(f"/alarms/{segment(alarm_id)}/clear", {})
    if as_json:
        output.print_json(found)
    else:
        output.print_line(_("Alarm {id} is cleared.").format(id=alarm_id))
