"""`secondline device tag`: words on a device that rules and campaigns look for."""

from pathlib import Path

import click

from cli import output
from cli.client import connect, segment
from cli.options import server_options
from cli.texts import _


@click.command("tag", help=_("Show the tags of a device; --add and --remove change them."))
@click.argument("key", metavar="DEVICE")
@click.option("--add", "add", multiple=True, help=_("A tag to give; may be repeated."))
@click.option("--remove", "remove", multiple=True, help=_("A tag to take away; may be repeated."))
@server_options
def tag(
    key: str, add: tuple[str, ...], remove: tuple[str, ...], url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Show or change tags."""
    path = f"/devices/{segment(key)}/tags"
    with connect(url, token_file) as client:
        found = client.patch(path, {"add": list(add), "remove": list(remove)}) if add or remove else client.get(path)
    if as_json:
        output.print_json(found)
        return
    for each in found["tags"]:
        output.print_line(each)
