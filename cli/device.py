"""`secondline device`: CPEs: what is known of them, and what may be done with them."""

from pathlib import Path
from typing import Any

import click

from cli import output
from cli.asking import confirm, wait_options
from cli.asking import finish as _finish
from cli.asking import request as _request
from cli.client import Client, connect, segment
from cli.connection_request import print_ways
from cli.device_card import print_device_card
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.lazy import LazyCommands
from cli.options import server_options
from cli.texts import _

#: what is not needed to list and show devices: name → module:attribute
ELSEWHERE = {
    "add": "cli.rpcs:add",
    "admit": "cli.admission:admit",
    "attributes": "cli.rpcs:attributes",
    "backup": "cli.backup:backup",
    "credentials": "cli.admission:credentials",
    "delete": "cli.rpcs:delete",
    "diagnose": "cli.diagnose:diagnose",
    "do": "cli.doing:do",
    "download": "cli.rpcs:download",
    "factory-reset": "cli.rpcs:factory_reset",
    "forget": "cli.forgetting:forget_device",
    "history": "cli.rpcs:history",
    "methods": "cli.rpcs:methods",
    "names": "cli.rpcs:names",
    "plot": "cli.plot:plot",
    "quarantine": "cli.admission:quarantine",
    "reports": "cli.diagnose:reports",
    "secrets": "cli.rights:secrets",
    "tag": "cli.tags:tag",
    "upload": "cli.rpcs:upload",
    "wake": "cli.connection_request:wake",
}


@click.group(cls=LazyCommands, places=ELSEWHERE, help=_("CPEs: ONTs, routers, set-top boxes."))
def device() -> None:
    """Group of the device commands."""


@device.command("list", help=_("List devices by key."))
@click.option("--search", default=None, help=_("Part of key, serial number, model or line."))
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--after", default=None, help=_("The last key of the page before."))
@server_options
def list_devices(
    search: str | None, limit: int, after: str | None, url: str | None, token_file: Path | None, as_json: bool
) -> None:
    """List devices."""
    with connect(url, token_file) as client:
        found = client.get("/devices", search=search, limit=limit, after=after)
    if as_json:
        output.print_json(found)
        return
    rows = [
        [
            d.get("key"),
            d.get("manufacturer"),
            d.get("software_version"),
            d.get("line"),
            output.instant(d.get("last_inform_at")),
        ]
        for d in output.items(found)
    ]
    output.print_table([_("device"), _("manufacturer"), _("software"), _("line"), _("last Inform")], rows)
    output.print_more(len(rows), limit, rows[-1][0] if rows else None)


@device.command(help=_("Show the card of a device: what it says of itself, how old that is, and what it never says."))
@click.argument("key", metavar="DEVICE")
@click.option("--live", is_flag=True, help=_("Read the device first, through a connection request."))
@click.option("--full", is_flag=True, help=_("All columns of all tables."))
@server_options
def show(key: str, live: bool, full: bool, url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show one device."""
    path = f"/devices/{segment(key)}"
    with connect(url, token_file) as client:
        refreshed = _refreshed(client, path, as_json) if live else None
        found = client.get(path)
        ways = client.get(f"{path}/connection-requests", limit=5)
        card = refreshed["card"] if refreshed is not None else client.get(f"{path}/card")
    if as_json:
        said = {} if refreshed is None else {"live": {name: refreshed[name] for name in ("operation", "problem")}}
        output.print_json({**found, "connection_requests": ways, "card": card, **said})
        return
    print_device_card(card, full=full)
    if found.get("quarantined_since"):
        since = output.instant(found["quarantined_since"])
        output.print_line(_("In quarantine since {since}: it is only recorded.").format(since=since), style="yellow")
    output.print_line()
    print_ways(ways)


def _refreshed(client: Client, path: str, quiet: bool) -> dict[str, Any]:
    """The card after a reading of the device; why there was none is told on standard error."""
    with output.progress(_("Reading the device…"), quiet=quiet):
        found: dict[str, Any] = client.post(f"{path}/card/refresh")
    if found["problem"] and not quiet:
        output.print_note(_("The device was not read: {problem}").format(problem=found["problem"]))
    return found


@device.command(help=_("Read parameters from the device: full names, or partial paths that end in a point."))
@click.argument("key", metavar="DEVICE")
@click.argument("names", metavar="PATH...", nargs=-1, required=True)
@click.option("--cached", is_flag=True, help=_("What the server knows already, without asking the device."))
@wait_options
@server_options
def get(
    key: str,
    names: tuple[str, ...],
    cached: bool,
    wait: bool,
    deadline_s: int | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Read parameters."""
    with connect(url, token_file) as client:
        if cached:
            _get_known(client, key, names, as_json)
            return
        ended = _request(client, key, "get", {"names": list(names)}, wait, deadline_s, as_json)
    if not wait:
        return
    if ended.get("state") == "succeeded":
        _print_values(_values(ended), as_json)
    else:
        _finish(ended, wait, as_json)


def _get_known(client: Client, key: str, names: tuple[str, ...], as_json: bool) -> None:
    """Print what the server knows below each path; a path below which nothing is known is NOT_FOUND."""
    rows = {name: output.items(client.get(f"/devices/{segment(key)}/parameters", path=name)) for name in names}
    _print_values([row for found in rows.values() for row in found], as_json)
    unknown = [name for name, found in rows.items() if not found]
    if unknown:
        text = _("Nothing is known below {path} of {device}; read it from the device without --cached.")
        raise CliError(text.format(path=", ".join(unknown), device=key), ExitStatus.NOT_FOUND)


@device.command("set", help=_("Set parameters, all or none: PATH=VALUE, or PATH=VALUE:xsd:type."))
@click.argument("key", metavar="DEVICE")
@click.argument("assignments", metavar="PATH=VALUE...", nargs=-1, required=True)
@click.option("--reason", default="", help=_("Why; it is kept with the operation."))
@wait_options
@server_options
def set_values(
    key: str,
    assignments: tuple[str, ...],
    reason: str,
    wait: bool,
    deadline_s: int | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Set parameters."""
    values = dict(map(parse_assignment, assignments))
    with connect(url, token_file) as client:
        ended = _request(client, key, "set", {"values": values}, wait, deadline_s, as_json, reason=reason)
    _finish(ended, wait, as_json)


@device.command(help=_("Read the whole tree of the device, or a part of it, into the server."))
@click.argument("key", metavar="DEVICE")
@click.argument("path", required=False)
@wait_options
@server_options
def refresh(
    key: str,
    path: str | None,
    wait: bool,
    deadline_s: int | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Refresh the known tree."""
    arguments: dict[str, object] = {} if path is None else {"path": path}
    with connect(url, token_file) as client:
        ended = _request(client, key, "refresh", arguments, wait, deadline_s, as_json)
    _finish(ended, wait, as_json)


@device.command(help=_("Reboot the device; with --wait it ends when the device has reported its boot."))
@click.argument("key", metavar="DEVICE")
@click.option("--yes", is_flag=True, help=_("Do not ask first."))
@click.option("--reason", default="", help=_("Why; it is kept with the operation."))
@wait_options
@server_options
def reboot(
    key: str,
    yes: bool,
    reason: str,
    wait: bool,
    deadline_s: int | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Reboot a device."""
    if not yes:
        confirm(_("Reboot {device}? The subscriber is cut off for a minute or two.").format(device=key))
    with connect(url, token_file) as client:
        ended = _request(client, key, "reboot", {}, wait, deadline_s, as_json, reason=reason)
    _finish(ended, wait, as_json)


def parse_assignment(text: str) -> tuple[str, object]:
    """Return path and value of PATH=VALUE or PATH=VALUE:xsd:type.

    Raises:
        CliError: USAGE, it is neither.
    """
    path, equals, value = text.partition("=")
    if not equals or not path.strip():
        raise CliError(_("{text} is no assignment; write PATH=VALUE").format(text=repr(text)), ExitStatus.USAGE)
    plain, colon, kind = value.rpartition(":xsd:")
    if colon:
        return path.strip(), {"value": plain, "type": f"xsd:{kind}"}
    return path.strip(), value


def _values(ended: dict[str, Any]) -> list[dict[str, Any]]:
    result = ended.get("result") or {}
    values = result.get("values", result) if isinstance(result, dict) else result
    if isinstance(values, dict):
        return [
            {"name": name, **value} if isinstance(value, dict) else {"name": name, "value": value}
            for name, value in values.items()
        ]
    return list(values)


def _print_values(values: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        output.print_json(values)
        return
    for value in values:
        output.print_line(f"{value.get('name')} = {value.get('value')}")
