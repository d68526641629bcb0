"""`secondline freeze`: the switch that stops every write to devices and network."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect
from cli.options import server_options
from cli.texts import _


@click.group(help=_("The switch that stops every write to devices and network: on, off, show."))
def freeze() -> None:
    """Group of the freeze commands."""


@freeze.command(help=_("Stop every write: operations, campaigns, provisioning, automatic fixes. Reading goes on."))
@click.option("--reason", required=True, help=_("Why; the next shift will ask."))
@server_options
def on(reason: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Throw the switch."""
    _throw(reason, url, token_file, frozen=True, as_json=as_json)


@freeze.command(help=_("Let writes go on; what was queued and is not too old goes out."))
@click.option("--reason", required=True, help=_("Why; the next shift will ask."))
@server_options
def off(reason: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Take it off."""
    _throw(reason, url, token_file, frozen=False, as_json=as_json)


@freeze.command(help=_("Show whether writes are frozen, since when, by whom and why."))
@server_options
def show(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show the switch."""
    with connect(url, token_file) as client:
        _print(client.get("/freeze"), as_json=as_json)


def _throw(reason: str, url: str | None, token_file: Path | None, *, frozen: bool, as_json: bool) -> None:
    with connect(url, token_file) as client:
        _print(client.put("/freeze", {"frozen": frozen, "reason": reason}), as_json=as_json)


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    output.print_pairs(
        [
            (_("writes"), _("frozen") if found["frozen"] else _("allowed")),
            (_("by"), found["by"]),
            (_("since"), output.instant(found["at"])),
            (_("reason"), found["reason"]),
        ]
    )
