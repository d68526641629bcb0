"""`secondline line`: access lines, and the check of one."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.card import card, style
from cli.client import Client, connect, segment
from cli.connection_request import detail_of
from cli.errors import CliError
from cli.exit_status import ExitStatus, for_verdict
from cli.files import read_text
from cli.forgetting import forget_line
from cli.options import same_server, server_options
from cli.rights import groups, import_groups
from cli.search import phones
from cli.texts import N_, _
from cli.titles import titled

#: seconds beyond the test's own deadline after which nothing more is waited for
PATIENCE_S = 90.0

#: how a source of a test ended → what a person reads
SOURCE_STATES = {
    "answered": N_("answered"),
    "skipped": N_("not asked"),
    "late": N_("too late"),
    "failed": N_("failed"),
}


@click.group(help=_("Access lines."))
def line() -> None:
    """Group of the line commands."""


line.add_command(forget_line)
line.add_command(phones)
line.add_command(groups)
line.add_command(import_groups)


@line.command(
    "import",
    help=_(
        "Import a CSV of lines: all of it or nothing; errors name row and column. The first row names the columns: id "
        "and technology (pon, fttb or dsl), and as far as they are known address, node, frame, slot, port, splitter, "
        "ont, gpon_serial, account, services, pppoe_login, cable_length_m, device_serials. Cells are separated by a "
        "comma or a semicolon; several services or serials by a semicolon in quotes."
    ),
)
@click.argument("csv_file", type=click.Path(path_type=Path, allow_dash=True))
@server_options
def import_lines(csv_file: Path, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Import lines."""
    text = read_text(csv_file)
    with connect(url, token_file) as client, output.progress(_("Importing"), quiet=as_json):
        done = client.post_text("/lines/import", text)
    if as_json:
        output.print_json(done)
        return
    text = _("Lines: {created} new, {changed} changed, {unchanged} as they were. Devices that found theirs: {bound}.")
    counts = {name: done.get(name, 0) for name in ("created", "changed", "unchanged", "bound")}
    output.print_line(text.format(**counts))


@line.command("list", help=_("List lines by id."))
@click.option("--search", default=None, help=_("Part of id, address, account, login or serial."))
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--after", default=None, help=_("The last id of the page before."))
@server_options
def list_lines(
    search: str | None, limit: int, after: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """List lines."""
    with connect(url, token_file) as client:
        found = client.get("/lines", search=search, limit=limit, after=after)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [row.get("id"), row.get("technology"), place(row), row.get("address"), " ".join(words(row.get("services")))]
        for row in output.items(found)
    ]
    output.print_table([_("line"), _("technology"), _("place"), _("address"), _("services")], rows)
    output.print_more(len(rows), limit, rows[-1][0] if rows else None)


@line.command(help=_("Show a line, its devices, and what other systems say of it."))
@click.argument("line_id", metavar="LINE")
@server_options
def show(line_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show one line."""
    with connect(url, token_file) as client:
        found = client.get(f"/lines/{segment(line_id)}")
    if as_json:
        output.print_json(found)
        return
    record = found.get("line") if isinstance(found.get("line"), dict) else found
    plain = {name: value for name, value in record.items() if name not in ("devices", "facts")}
    output.print_pairs(titled(plain.items()))
    for device in found.get("devices") or ():
        text = _("device {key}: last Inform {at}")
        output.print_line(text.format(key=device.get("key"), at=output.instant(device.get("last_inform_at"))))
    rows = [
        [f.get("name"), f.get("value"), f.get("source"), output.instant(f.get("at"))] for f in found.get("facts") or ()
    ]
    output.print_table([_("fact"), _("value"), _("source"), _("at")], rows)


@line.command(help=_("Test a line now and give a verdict; the exit code says which."))
@click.argument("line_id", metavar="LINE")
@click.option("--service", type=click.Choice(("internet", "iptv", "voip")), help=_("What the complaint is about."))
@click.option("--depth", type=click.Choice(("quick", "normal", "full")), default="normal", show_default=True)
@server_options
def check(
    line_id: str, service: str | None, depth: str, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Check a line."""
    body: dict[str, object] = {"depth": depth}
    if service is not None:
        body["service"] = service
    with connect(url, token_file) as client:
        started = client.post(f"/lines/{segment(line_id)}/tests", body)
        verdict, test = watch(client, started["id"], line_id, quiet=as_json)
    if as_json:
        output.print_json({**verdict, "line_test": started["id"]})
    else:
        output.print_card(_("Line {line}").format(line=line_id), card(verdict, test), style=style(verdict))
        why = _("Why: secondline linetest explain {id}").format(id=started["id"])
        output.print_note(why + same_server())
    raise SystemExit(for_verdict(str(verdict.get("verdict"))))


def watch(client: Client, test_id: str, line_id: str, *, quiet: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """Show the progress of a line test, and return its verdict and the stored test.

    Ctrl-C ends the watching, not the test, and that is said.

    Raises:
        CliError: FAILURE when it ended without a verdict, TIMEOUT when nothing more came.
    """
    try:
        with output.progress(_("Testing {line}").format(line=line_id), quiet=quiet) as progress:
            for event in client.events(f"/line-tests/{test_id}/events", timeout_s=PATIENCE_S):
                text = progress_text(event.data) if isinstance(event.data, dict) else ""
                if text:
                    progress.step(text)
    except KeyboardInterrupt:
        text = _("The test of {line} goes on without you; its verdict: secondline linetest show {id}")
        output.print_note(text.format(line=line_id, id=test_id) + same_server())
        raise
    test: dict[str, Any] = client.get(f"/line-tests/{test_id}")
    verdict = test.get("verdict")
    if not isinstance(verdict, dict):
        text = _("The test of {line} ended without a verdict: {detail}")
        raise CliError(text.format(line=line_id, detail=test.get("detail") or test.get("state")), ExitStatus.FAILURE)
    return verdict, test


def progress_text(data: dict[str, Any]) -> str:
    """Return what a progress event says of one source; empty for other events."""
    inner = data.get("data") if isinstance(data.get("data"), dict) else data
    assert isinstance(inner, dict)
    name, state = inner.get("name") or inner.get("source"), inner.get("state")
    if not name or not state:
        return ""
    problem = detail_of(str(inner.get("problem") or inner.get("detail") or ""))
    return f"  {name}: {_(SOURCE_STATES.get(str(state), str(state)))}" + (f" ({problem})" if problem else "")


def place(row: dict[str, Any]) -> str:
    """Return the topology path of a line; empty where nothing of it is known."""
    parts = [row.get(name) for name in ("node", "frame", "slot", "port", "splitter", "ont")]
    known = ["" if part is None else str(part) for part in parts]
    return "/".join(part or "-" for part in known) if any(known) else ""


def words(value: object) -> list[str]:
    """Return a list of an answer as texts."""
    return [str(each) for each in value] if isinstance(value, list) else []
