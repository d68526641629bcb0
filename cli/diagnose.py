"""`secondline device diagnose` and `device reports`: tests that a device runs itself, and what it reports by itself.

The one rule: which tests there are, and what each takes, is said by the server's own table.
"""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.client import connect, segment
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import server_options
from cli.rpcs import ask, asking, show
from cli.texts import _


@click.command(
    help=_(
        "Run a test on the device: ping host=NAME, traceroute, nslookup, download url=URL, upload, neighbours and "
        "others; without a test, list them."
    )
)
@asking
@click.argument("test", required=False)
@click.argument("given", metavar="INPUT=VALUE...", nargs=-1)
def diagnose(test: str | None, given: tuple[str, ...], **options: Any) -> None:
    """Run a test, and print what it found."""
    if test is None:
        _list_tests(options["as_json"])
        return
    inputs = dict(map(_input, given))
    ended = ask("diagnose", {"test": test.replace("-", "_"), "inputs": inputs}, **options)
    show(ended, _print_result, **options)


@click.command(help=_("The bulk data that a device reported by itself, the newest first."))
@click.argument("key", metavar="DEVICE")
@click.option("--limit", type=click.IntRange(1, 200), default=5, show_default=True)
@server_options
def reports(key: str, limit: int, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show bulk data."""
    with connect(url, token_file) as client:
        found = client.get(f"/devices/{segment(key)}/bulk-reports", limit=limit)
    if as_json:
        output.print_json(found)
        return
    for report in output.items(found):
        values = report.get("values")
        pairs = sorted(values.items()) if isinstance(values, dict) else []
        output.print_table(
            [_("parameter"), _("value")], [list(pair) for pair in pairs], title=output.instant(report.get("at"))
        )
    if not found:
        output.print_line(_("The device has reported nothing in the last week."))


def _list_tests(as_json: bool) -> None:
    from acs.profiles.diagnostics import DIAGNOSTICS

    if as_json:
        output.print_json({name: list(test.inputs) for name, test in DIAGNOSTICS.items()})
        return
    rows = [
        [
            name,
            _title(test.title),
            ", ".join(f"{key}*" if known.required else key for key, known in test.inputs.items()),
        ]
        for name, test in DIAGNOSTICS.items()
    ]
    output.print_table([_("test"), _("what it does"), _("inputs (* needed)")], rows)


def _title(titles: Any) -> str:
    from cli.texts import language

    return str(titles[language()])


def _input(text: str) -> tuple[str, object]:
    name, mark, value = text.partition("=")
    if not mark or not name:
        raise CliError(
            _("{text}: must be INPUT=VALUE, such as host=www.example.net.").format(text=text), ExitStatus.USAGE
        )
    if value in ("true", "false"):
        return name, value == "true"
    return name, int(value) if value.isascii() and value.isdigit() else value


def _print_result(result: dict[str, Any]) -> None:
    """Plain values first, then the table of rows."""
    output.print_pairs([(name, value) for name, value in result.items() if not isinstance(value, list)])
    for name, rows in result.items():
        if isinstance(rows, list):
            columns = list(dict.fromkeys(key for row in rows for key in row))
            cells = [[_cell(row.get(column)) for column in columns] for row in rows]
            output.print_table(columns, cells, title=name)


def _cell(value: object) -> object:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
