"""`secondline linetest`: the engine on facts from a file, and the card of a stored line test."""

from pathlib import Path
from typing import Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus, for_verdict
from cli.file_errors import not_read
from cli.options import json_option, server_options
from cli.texts import _
from cli.told import told

#: greatest size of a file of facts, bytes
FACTS_LIMIT = 4_000_000


@click.group(help=_("Line tests: list, show, explain and replay one, judge facts."))
def linetest() -> None:
    """Group of the line-test commands."""


@linetest.command(help=_("Judge the facts in FILE (JSON; - is standard input). The exit code says which verdict."))
@click.argument("file", type=click.Path(allow_dash=True, path_type=str))
@click.option("--strict-gates", is_flag=True, help=_("Absent gate facts are unknown, as in a live check."))
@click.option("--now", "now_text", help=_("Judge as of this instant (RFC 3339); else now."))
@click.option("--pack", "pack_path", type=click.Path(path_type=Path), help=_("Rule pack: a TOML file or a folder."))
@click.option("--technology", type=click.Choice(["pon", "fttb", "dsl", "any"]), help=_("Instead of the file's."))
@json_option
@click.pass_context
def judge(
    context: click.Context,
    file: str,
    strict_gates: bool,
    now_text: str | None,
    pack_path: Path | None,
    technology: str | None,
    as_json: bool,
) -> None:
    """Print the verdict of the pure engine; needs no server."""
    from cli import output
    from cli.card import card, style
    from probes.errors import PackError
    from probes.linetest import judge as verdict_of
    from probes.linetest import load_pack
    from probes.linetest.cases import read_case

    try:
        pack = load_pack(pack_path)
        case = read_case(_tree(file), now=_now(now_text), technology=technology, strict_gates=strict_gates)
    except PackError as error:
        raise CliError(told(str(error)), ExitStatus.USAGE) from error
    verdict = verdict_of(case.technology, case.facts, pack=pack, now=case.now, strict_gates=case.strict_gates)
    _notes(verdict.ignored, verdict.unreadable)
    found = verdict.to_json()
    if as_json:
        output.print_json(found)
    else:
        output.print_card(_("Line test"), card(found), style=style(found))
    context.exit(for_verdict(verdict.verdict.value))


@linetest.command(name="list", help=_("List line tests, the newest first."))
@click.option("--line", default=None, help=_("Only of this line."))
@click.option("--ticket", default=None, help=_("Only of this ticket."))
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@server_options
def list_(
    line: str | None, ticket: str | None, limit: int, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Print the line tests of the server."""
    from cli import output
    from cli.client import connect

    with connect(url, token_file) as client:
        found = client.get("/line-tests", line=line, ticket=ticket, limit=limit)
    if as_json:
        output.print_json(found)
        return
    rows = []
    for one in output.items(found):
        verdict = one.get("verdict")
        given: dict[str, Any] = verdict if isinstance(verdict, dict) else {}
        said = [given.get("verdict") or one["state"], given.get("cause")]
        rows.append([one["id"], output.instant(one["created_at"]), one["line"], one["ticket"], *said])
    output.print_table([_("id"), _("created"), _("line"), _("ticket"), _("verdict"), _("cause")], rows)
    output.print_more(len(rows), limit)


@linetest.command(help=_("Show a stored line test and its verdict."))
@click.argument("test_id")
@server_options
@click.pass_context
def show(context: click.Context, test_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Print the card of a line test of the server."""
    from cli import output
    from cli.card import card, style
    from cli.client import connect, segment

    with connect(url, token_file) as client:
        test: dict[str, Any] = client.get(f"/line-tests/{segment(test_id)}")
    verdict = test.get("verdict")
    if as_json:
        output.print_json(test)
    if not isinstance(verdict, dict):
        if not as_json:
            text = _("Line test {id} has no verdict yet (state: {state}); try again in a moment.")
            output.print_line(text.format(id=test_id, state=test.get("state") or "?"))
        return
    if not as_json:
        output.print_card(_("Line {line}").format(line=test.get("line")), card(verdict, test), style=style(verdict))
    context.exit(for_verdict(str(verdict.get("verdict"))))


@linetest.command(help=_("Explain a stored line test: the sums, what was missing, what would have flipped it."))
@click.argument("test_id")
@server_options
def explain(test_id: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Print why a line test said what it said."""
    from cli import output
    from cli.client import connect, segment
    from cli.explained import explained

    with connect(url, token_file) as client:
        told: dict[str, Any] = client.get(f"/line-tests/{segment(test_id)}/explanation")
    if as_json:
        output.print_json(told)
        return
    for line in explained(told):
        output.print_line(line)


@linetest.command(help=_("Judge a stored line test again from its facts: the same bits, or exit code 1."))
@click.argument("test_id")
@click.option("--pack", "pack_name", default="", help=_("Another pack than its own: a hash, active or packaged."))
@server_options
@click.pass_context
def replay(
    context: click.Context, test_id: str, pack_name: str, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """Print whether a stored test gives the same verdict again."""
    from cli import output
    from cli.client import connect, segment

    with connect(url, token_file) as client:
        told: dict[str, Any] = client.get(f"/line-tests/{segment(test_id)}/replay", pack=pack_name or None)
    if as_json:
        output.print_json(told)
    else:
        verdict = told["verdict"]
        output.print_line(_("{verdict} ({cause}), pack {hash}").format(hash=verdict["pack"]["hash"], **_named(verdict)))
        same = _("The same, bit by bit.")
        other = _("It differs in: {keys}").format(keys=", ".join(told["differing"]))
        output.print_line(same if told["same"] else other)
    context.exit(ExitStatus.OK if told["same"] else ExitStatus.FAILURE)


def _named(verdict: dict[str, Any]) -> dict[str, str]:
    return {"verdict": str(verdict["verdict"]), "cause": str(verdict["cause"])}


def _tree(file: str) -> object:
    import json
    import sys

    def refuse(text: str) -> float:
        raise ValueError(text)

    place = _("standard input") if file == "-" else file
    try:
        raw = sys.stdin.buffer.read(FACTS_LIMIT + 1) if file == "-" else _read(Path(file))
    except OSError as error:
        raise not_read(place, error) from error
    if len(raw) > FACTS_LIMIT:
        raise CliError(_("{file} is larger than {limit} bytes").format(file=place, limit=FACTS_LIMIT), ExitStatus.USAGE)
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        text = _("{file} is no JSON ({error}); correct the place, or see docs/linetest.md for the form")
        raise CliError(text.format(file=place, error=error), ExitStatus.USAGE) from error


def _read(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(FACTS_LIMIT + 1)


def _now(text: str | None) -> Any:
    from datetime import UTC, datetime

    if text is None:
        return datetime.now(UTC)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        message = _("--now {text} is no instant; write it like 2026-03-12T18:30:00Z").format(text=text)
        raise CliError(message, ExitStatus.USAGE) from error
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _notes(ignored: tuple[str, ...], unreadable: tuple[str, ...]) -> None:
    if ignored:
        click.echo(_("Unknown facts, ignored: {names}").format(names=", ".join(ignored)), err=True)
    if unreadable:
        click.echo(_("No reading, taken as missing: {names}").format(names=", ".join(unreadable)), err=True)
