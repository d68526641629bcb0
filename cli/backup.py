"""`secondline device backup`: configurations of devices: list, show, compare, take, put back."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.asking import finish, request, wait_options
from cli.client import connect, segment
from cli.doing import do_action
from cli.options import server_options
from cli.rpcs import confirming
from cli.texts import _


@click.group(help=_("Configurations of devices, kept on a schedule and before every change."))
def backup() -> None:
    """Group of the backup commands."""


@backup.command("list", help=_("List a device's configurations, the newest first."))
@click.argument("key", metavar="DEVICE")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@server_options
def list_backups(key: str, limit: int, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List configurations."""
    with connect(url, token_file) as client:
        found = client.get(f"/devices/{segment(key)}/backups", limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            each["id"],
            output.instant(each.get("at")),
            output.instant(each.get("seen_at")),
            each.get("origin"),
            each.get("good"),
            each.get("live"),
            each.get("parameters"),
            each.get("size_bytes"),
            each.get("software_version"),
        ]
        for each in output.items(found)
    ]
    columns = [_("id"), _("taken"), _("seen last"), _("why"), _("line up"), _("read for it")]
    output.print_table([*columns, _("settings"), _("bytes"), _("software")], rows)


@backup.command("show", help=_("Show a configuration: an id, last_good, desired or current. Secrets are hidden."))
@click.argument("key", metavar="DEVICE")
@click.argument("which", metavar="BACKUP", default="last_good")
@click.option("--path", default="", help=_("Only what is below this path."))
@server_options
def show(key: str, which: str, path: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show one configuration."""
    with connect(url, token_file) as client:
        found = client.get(f"/devices/{segment(key)}/backups/{segment(which)}", path=path)
    if as_json:
        output.print_json(found)
        return
    for name, value in found["values"].items():
        output.print_line(f"{name} = {value}")


@backup.command("diff", help=_("Show what differs between two configurations: ids, last_good, desired or current."))
@click.argument("key", metavar="DEVICE")
@click.argument("first", default="last_good")
@click.argument("second", default="current")
@server_options
def diff(key: str, first: str, second: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Compare two configurations."""
    with connect(url, token_file) as client:
        found = client.get(f"/devices/{segment(key)}/backups/diff", first=first, second=second)
    if as_json:
        output.print_json(found)
        return
    rows = [[each["path"], each["first"], each["second"]] for each in output.items(found)]
    if rows:
        output.print_table([_("parameter"), first, second], rows)
    else:
        output.print_line(_("They do not differ."))


@backup.command("take", help=_("Read the device's configuration now, and keep it."))
@click.argument("key", metavar="DEVICE")
@wait_options
@server_options
def take(key: str, wait: bool, deadline_s: int | None, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Take a configuration."""
    with connect(url, token_file) as client:
        ended = request(client, key, "backup", {}, wait, deadline_s, as_json)
    finish(ended, wait, as_json)


@backup.command("restore", help=_("Put a configuration back; without BACKUP the newest of a line that was up."))
@click.argument("key", metavar="DEVICE")
@click.argument("which", metavar="BACKUP", default="last_good")
@click.option("--reason", default="", help=_("Why; it is kept with the operation."))
@confirming
@wait_options
@server_options
def restore(key: str, which: str, **options: Any) -> None:
    """Put a configuration back."""
    options |= {"ticket": None, "override": False}
    with connect(options["url"], options["token_file"]) as client:
        do_action(client, key, "restore", {"backup": which}, options)
