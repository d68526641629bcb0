"""`secondline search`: devices and lines by anything that is known of them; saved groups; telephone numbers."""

import re
from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import Client, connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import server_options
from cli.texts import _

#: what a word of plain text has not: a comparison, a bracket, a mark, a word that joins others, an exclusion
_LANGUAGE = re.compile(r'[":()<>=]|(?:^|\s)(?:(?:OR|AND|NOT)\s|-\S)')


@click.command(
    help=_(
        "Search devices and lines: words, field:value, rx<-25, fw!=V5R019, -tag:vip, OR, brackets.\n\n"
        "Example: secondline search 'model:HG8245 rx<-25 \"Lenina 5\"'"
    )
)
@click.argument("words", metavar="QUERY...", nargs=-1)
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--after", default=None, help=_("Where the page before ended."))
@click.option("--groups", is_flag=True, help=_("Show the saved groups."))
@click.option("--save", metavar="NAME", help=_("Save the query as a group: group:NAME means it from now on."))
@click.option("--remove", metavar="NAME", help=_("Forget a saved group."))
@server_options
def search(
    words: tuple[str, ...],
    limit: int,
    after: str | None,
    groups: bool,
    save: str | None,
    remove: str | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Search, or keep groups."""
    query = " ".join(_quoted(word) for word in words)
    with connect(url, token_file) as client:
        if remove:
            client.delete(f"/groups/{segment(remove)}")
        elif save:
            _save(client, save, query, as_json)
        elif groups:
            _show_groups(client, as_json)
        elif not query:
            raise CliError(_("Say what to search for, or --groups."), ExitStatus.USAGE)
        else:
            _show(client.get("/search", q=query, limit=limit, after=after), as_json)


@click.command(help=_("Store the telephone numbers of a line's subscriber, or show them."))
@click.argument("line_id", metavar="LINE")
@click.argument("numbers", metavar="NUMBER...", nargs=-1)
@click.option("--clear", is_flag=True, help=_("Forget the numbers."))
@server_options
def phones(
    line_id: str, numbers: tuple[str, ...], clear: bool, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Store or show telephone numbers."""
    path = f"/lines/{segment(line_id)}/phones"
    with connect(url, token_file) as client:
        found = client.put(path, {"phones": list(numbers)}) if numbers or clear else client.get(path)
    if as_json:
        output.print_json(found)
    else:
        output.print_line(", ".join(found["phones"]) or "–")


def _quoted(word: str) -> str:
    """Words that the shell had between quotation marks get them back; what says more than words is a query already."""
    return f'"{word}"' if " " in word and not _LANGUAGE.search(word) else word


def _save(client: Client, name: str, query: str, as_json: bool) -> None:
    saved = client.put(f"/groups/{segment(name)}", {"query": query})
    if as_json:
        output.print_json(saved)
    else:
        output.print_line(_("Saved: group:{name} is {query}").format(name=saved["name"], query=saved["query"]))


def _show_groups(client: Client, as_json: bool) -> None:
    found = client.get("/groups", limit=1000)
    if as_json:
        output.print_json(found)
        return
    rows = [[one["name"], one["query"], one["created_by"], output.instant(one["updated_at"])] for one in found]
    output.print_table([_("group"), _("query"), _("by"), _("at")], rows)


def _show(found: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(found)
        return
    rows = [_row(one) for one in found["items"]]
    columns = [_("device"), _("model"), _("software"), _("line"), _("address"), _("last Inform"), _("numbers")]
    output.print_table(columns, rows)
    text = _("{shown} of {total}.") if found["after"] is None else _("{shown} of {total}; more with --after {after}.")
    output.print_note(text.format(shown=len(rows), total=found["total"], after=found["after"]))


def _row(one: dict[str, Any]) -> list[object]:
    device, line = one["device"] or {}, one["line"] or {}
    numbers = " ".join(f"{name}={value:g}" for name, value in sorted(one["numbers"].items()))
    return [
        device.get("key"),
        device.get("product_class"),
        device.get("software_version"),
        line.get("id"),
        line.get("address"),
        output.instant(device.get("last_inform_at")),
        numbers or None,
    ]
