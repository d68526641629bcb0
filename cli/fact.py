"""`secondline fact`: what other systems know about lines, from a CSV file."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect
from cli.files import read_text
from cli.options import server_options
from cli.texts import _


@click.group(help=_("Facts of other systems: billing, AAA, monitoring."))
def fact() -> None:
    """Group of the fact commands."""


@fact.command("import", help=_("Import a CSV with the columns line, name, value, at: all of it or nothing."))
@click.argument("csv_file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--source", required=True, help=_("The system that says so, for example billing."))
@click.option("--readings", is_flag=True, help=_("The file holds numbers of the past, from which baselines are made."))
@server_options
def import_facts(
    csv_file: Path, source: str, readings: bool, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Import facts or readings."""
    path = "/readings/import" if readings else "/facts/import"
    taken = _send(path, csv_file, source, url, token_file, quiet=as_json)
    if as_json:
        output.print_json(taken)
    else:
        output.print_line(_("{count} values of {source} taken.").format(count=taken.get("received"), source=source))


@fact.command(
    "import-incidents",
    help=_("Import a CSV with the columns id, scope, kind, since: every open incident that the source knows now."),
)
@click.argument("csv_file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--source", required=True, help=_("The system that says so, for example billing."))
@server_options
def import_incidents(csv_file: Path, source: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Replace the open incidents of a source."""
    _replace("/incidents/import", csv_file, source, url, token_file, as_json)


@fact.command(
    "import-works",
    help=_("Import a CSV with the columns id, scope, from, to: every planned work that the source knows now."),
)
@click.argument("csv_file", type=click.Path(path_type=Path, allow_dash=True))
@click.option("--source", required=True, help=_("The system that says so, for example billing."))
@server_options
def import_works(csv_file: Path, source: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Replace the planned works of a source."""
    _replace("/planned-works/import", csv_file, source, url, token_file, as_json)


def _replace(path: str, csv_file: Path, source: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    taken = _send(path, csv_file, source, url, token_file, quiet=as_json)
    if as_json:
        output.print_json(taken)
    else:
        told = _("{count} entries of {source} are known now.")
        output.print_line(told.format(count=taken.get("entries"), source=source))


def _send(
    path: str, csv_file: Path, source: str, url: str | None, token_file: Path | None, *, quiet: bool
) -> dict[str, Any]:
    """Post the file, and return what the server says of it."""
    text = read_text(csv_file)
    with connect(url, token_file) as client, output.progress(_("Importing"), quiet=quiet):
        answer: dict[str, Any] = client.post_text(path, text, source=source)
    return answer
