"""`secondline device forget` and `secondline line forget`: what is no more."""

from pathlib import Path

import click

from cli import output
from cli.asking import confirm
from cli.client import connect, segment
from cli.options import server_options
from cli.texts import _


@click.command(
    "forget",
    help=_(
        "Forget a device that is no more, with its tree, history, operations and configurations. "
        "If it informs after that, it is a new one."
    ),
)
@click.argument("key", metavar="DEVICE")
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@server_options
def forget_device(key: str, yes: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Forget a device."""
    if not yes:
        confirm(_("Forget device {device} and all that is known of it?").format(device=key))
    _forget(f"/devices/{segment(key)}", key, url, token_file, as_json)


@click.command(
    "forget",
    help=_(
        "Forget a line that is no more, with its tests, facts and readings. "
        "Its tickets stay, and its devices are on no line then."
    ),
)
@click.argument("line_id", metavar="LINE")
@click.option("--yes", is_flag=True, help=_("Do not ask."))
@server_options
def forget_line(line_id: str, yes: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Forget a line."""
    if not yes:
        confirm(_("Forget line {line} and all that is known of it?").format(line=line_id))
    _forget(f"/lines/{segment(line_id)}", line_id, url, token_file, as_json)


def _forget(path: str, name: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    with connect(url, token_file) as client:
        client.delete(path)
    if as_json:
        output.print_json({"forgotten": name})
    else:
        output.print_line(_("Forgotten: {name}").format(name=name))
