"""`secondline db`: the database."""

import asyncio
from pathlib import Path

import click

from cli import output
from cli.local import config_option, load_config, translated
from cli.options import json_option
from cli.texts import _


@click.group(help=_("The database of the server."))
def db() -> None:
    """Group of the database commands."""


@db.command(help=_("Bring the schema of the database to that of this release; doing it twice changes nothing."))
@config_option
@json_option
def upgrade(config_file: Path, as_json: bool) -> None:
    """Upgrade the schema."""
    from acs.errors import AcsError
    from acs.store import migrate

    config = load_config(config_file)
    with output.progress(_("Upgrading the database"), quiet=as_json):
        try:
            asyncio.run(migrate.upgrade(config.store.url))
        except AcsError as error:
            raise translated(error) from error
    revision = migrate.newest_revision()
    if as_json:
        output.print_json({"revision": revision})
    else:
        output.print_line(_("The database is at revision {revision}.").format(revision=revision))
