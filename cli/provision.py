"""`secondline provision`: rules that give devices their settings, and what they would do."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from cli import output
from cli.client import connect, segment
from cli.files import read_text
from cli.options import json_option, server_options
from cli.texts import _
from cli.told import told


@click.group(help=_("Provisioning: rules that give devices their settings."))
def provision() -> None:
    """Group of the provisioning commands."""


@provision.command(help=_("Show the rules in force, in the order in which they are heard."))
@server_options
def rules(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List the rules."""
    with connect(url, token_file) as client:
        found = client.get("/provisioning/rules")
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            each["id"],
            each["priority"],
            None if each["enabled"] else _("no"),
            len(each.get("values", {})),
            _match(each.get("match", {})),
        ]
        for each in found["rules"]
    ]
    output.print_table([_("rule"), _("priority"), _("enabled"), _("settings"), _("for")], rows)


@provision.command(help=_("Check files of rules without a server; - is standard input."))
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@json_option
def lint(files: tuple[Path, ...], as_json: bool) -> None:
    """Check rule files."""
    from acs.errors import InvalidInput
    from acs.services.rule_files import parse_rules, warnings_of
    from cli.errors import CliError
    from cli.exit_status import ExitStatus

    problems: list[str] = []
    found: list[Any] = []
    for path in files:
        try:
            found += parse_rules(read_text(path), str(path))
        except InvalidInput as error:
            problems.append(told(str(error)))
    if problems:
        raise CliError("\n".join(problems), ExitStatus.USAGE)
    warnings = warnings_of(tuple(found))
    if as_json:
        output.print_json({"rules": [rule.id for rule in found], "warnings": warnings})
        return
    for warning in warnings:
        output.print_note(told(warning))
    output.print_line(_("{count} rules can be used.").format(count=len(found)))


@provision.command(help=_("Show what the rules would do at a device now; nothing is done."))
@click.argument("key", metavar="DEVICE")
@click.option("--event", "events", multiple=True, help=_("As in a session with this event, such as 0 BOOTSTRAP."))
@server_options
def plan(key: str, events: tuple[str, ...], url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show a plan."""
    query = "&".join(f"event={quote(event)}" for event in events)
    with connect(url, token_file) as client:
        path = f"/devices/{segment(key)}/provisioning"
        found = client.get(f"{path}?{query}" if query else path)
    if as_json:
        output.print_json(found)
        return
    output.print_pairs(
        [
            (_("rules"), ", ".join(found["rules"]) or _("none")),
            (_("tags"), ", ".join(found["tags"]) or None),
            (_("line"), found["line"]),
            (_("as wanted"), found["unchanged"]),
            (_("never read"), found["unknown"] or None),
            (_("firmware"), found["firmware"]),
        ]
    )
    rows = [[each["rule"], each["name"], each["present"], each["wanted"]] for each in found["settings"]]
    if rows:
        output.print_table([_("rule"), _("setting"), _("now"), _("wanted")], rows)
    for rule, why in found["left_out"].items():
        output.print_line(_("{rule} is left out: {why}").format(rule=rule, why=why))


@provision.command(help=_("Bring a device to what the rules want, now."))
@click.argument("key", metavar="DEVICE")
@server_options
def apply(key: str, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Ask for provisioning."""
    from cli.operation import print_operation

    with connect(url, token_file) as client:
        queued = client.post(f"/devices/{segment(key)}/operations", {"kind": "provision"})
    print_operation(queued, as_json)


@provision.command(help=_("Show rules that are stopped for a device because it refuses them."))
@server_options
def stopped(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """List stopped rules."""
    with connect(url, token_file) as client:
        found = client.get("/provisioning/stopped", limit=1000)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [each["device"], each["rule"], each["refusals"], output.instant(each["stopped_at"]), each["reason"]]
        for each in output.items(found)
    ]
    output.print_table([_("device"), _("rule"), _("refusals"), _("stopped"), _("why")], rows)


@provision.command(help=_("Try stopped rules of a device again: one of them, or all."))
@click.argument("key", metavar="DEVICE")
@click.argument("rule", required=False)
@server_options
def resume(key: str, rule: str | None, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Resume stopped rules."""
    with connect(url, token_file) as client:
        found = client.post(f"/devices/{segment(key)}/provisioning/resume", {"rule": rule})
    if as_json:
        output.print_json(found)
    else:
        output.print_line(_("{count} rules are tried again.").format(count=found["resumed"]))


def _match(match: dict[str, Any]) -> str:
    """What a rule is for, in one cell."""
    parts = [
        f"{name}={','.join(value) if isinstance(value, list) else value}"
        for name, value in match.items()
        if value not in ([], None, {})
    ]
    return " ".join(parts) or _("every device")
