"""`secondline adapter`: ticket systems by adapter: which there are, whether a file is right, what it makes of one."""

import json
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import server_options
from cli.texts import _
from cli.titles import titled

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(help=_("Adapters of ticket systems: list, check, try."))
def adapter() -> None:
    """Group of the adapter commands."""


@adapter.command("list", help=_("List the adapters that come with the server, and the ticket systems that it knows."))
@server_options
def list_adapters(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List adapters and systems."""
    with connect(url, token_file) as client:
        found = {"adapters": client.get("/adapters"), "systems": client.get("/ticket-systems")}
    if as_json:
        output.print_json(found)
        return
    rows = [
        [one["name"], one.get("title"), one.get("tried") or _("its documentation alone"), one.get("signature")]
        for one in output.items(found["adapters"])
    ]
    output.print_table([_("adapter"), _("system"), _("tried on"), _("signature")], rows)
    systems = [[one["name"], one.get("adapter"), one.get("url"), *_feed(one)] for one in output.items(found["systems"])]
    if systems:
        output.print_table([_("name"), _("adapter"), _("url"), _("read to"), _("problem")], systems)


@adapter.command(help=_("Check an adapter file; what is wrong is told line by line."))
@click.argument("file", type=_FILE)
@server_options
def check(file: Path, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Check a file."""
    with connect(url, token_file) as client:
        found = client.post("/adapters/check", {"text": _text(file)})
    if as_json:
        output.print_json(found)
    else:
        output.print_line(_("{file} is right: {title}.").format(file=file, title=found["title"]))


@adapter.command(
    "try",
    help=_(
        "See what an adapter (a name, or a file) makes of a message of the system, and what it would answer.\n\n"
        "Example: secondline adapter try redmine issue.json --set verdict_field=11"
    ),
)
@click.argument("name", metavar="ADAPTER")
@click.argument("message", type=_FILE)
@click.option("--set", "variables", metavar="NAME=VALUE", multiple=True, help=_("A word that the adapter leaves open."))
@server_options
def try_adapter(
    name: str,
    message: Path,
    variables: tuple[str, ...],
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Try an adapter."""
    body: dict[str, Any] = {"message": _message(message), "variables": dict(_pair(one) for one in variables)}
    body |= {"text": _text(Path(name))} if Path(name).is_file() else {"adapter": name}
    with connect(url, token_file) as client:
        found = client.post("/adapters/try", body)
    if as_json:
        output.print_json(found)
        return
    output.print_pairs(titled(found["ticket"].items()))
    for call in output.items(found["calls"]):
        output.print_line(f"{call['method']} {call['path']}")
        output.print_json(call["body"])


def _feed(system: dict[str, Any]) -> list[object]:
    feed = system.get("feed") or {}
    refused = [f"{one['number']}: {one['why']}" for one in feed.get("refused") or []]
    return [output.instant(feed.get("seen_to")), "\n".join([feed.get("problem") or "", *refused]).strip()]


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(_("{file} cannot be read: {why}").format(file=file, why=error), ExitStatus.USAGE) from error


def _message(file: Path) -> object:
    try:
        return json.loads(_text(file))
    except ValueError as error:
        raise CliError(_("{file} is no JSON: {why}").format(file=file, why=error), ExitStatus.USAGE) from error


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise CliError(_("--set {text}: write NAME=VALUE.").format(text=text), ExitStatus.USAGE)
    return name, value
