"""`secondline probe snmp get` and `walk`: any agent, by name or number, from this machine."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_facts import cli_error, community_of
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.snmp.client import SnmpTarget, Value

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


@click.group(help=_("Ask any SNMP agent: get, walk."))
def snmp() -> None:
    """Group of the SNMP commands."""


def _agent_options(command: Callable[..., None]) -> Callable[..., None]:
    options = [
        click.argument("address"),
        click.option(
            "--port", type=click.IntRange(1, 65535), default=161, show_default=True, help=_("UDP port of the agent.")
        ),
        click.option(
            "--community-file", type=_FILE, help=_("File with the SNMP community; a secret is never an argument.")
        ),
        click.option(
            "--snmp-version", type=click.Choice(["1", "2c", "3"]), default="2c", show_default=True, help=_("Version.")
        ),
        click.option("--user", help=_("With version 3: the user.")),
        click.option("--auth", default="sha", show_default=True, help=_("With version 3: authentication protocol.")),
        click.option("--auth-file", type=_FILE, help=_("With version 3: file with the authentication password.")),
        click.option("--privacy", default="aes128", show_default=True, help=_("With version 3: privacy protocol.")),
        click.option("--privacy-file", type=_FILE, help=_("With version 3: file with the privacy password.")),
        click.option(
            "--timeout",
            "timeout_s",
            type=click.FloatRange(0.1, 60),
            default=2.0,
            show_default=True,
            help=_("Seconds of the first try; there are three."),
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@snmp.command("get", help=_("Read objects, by name (sysDescr.0) or by number."))
@_agent_options
@click.argument("names", metavar="OBJECT...", nargs=-1, required=True)
@json_option
def get(names: tuple[str, ...], as_json: bool, **agent: Any) -> None:
    """Read objects."""
    from probes.errors import ProbeError
    from probes.snmp.client import get as read
    from probes.snmp.names import oid_of

    try:
        wanted = [oid_of(name) for name in names]
        found = asyncio.run(read(_target(agent), wanted))
    except ProbeError as error:
        raise cli_error(error) from error
    _show([(oid, found[oid]) for oid in wanted if oid in found], as_json)
    missing = [name for name, oid in zip(names, wanted, strict=True) if oid not in found]
    if missing:
        text = _("The agent does not have: {names}").format(names=", ".join(missing))
        raise CliError(text, ExitStatus.NOT_FOUND)


@snmp.command("walk", help=_("Read everything below an object, by name (ifTable) or by number."))
@_agent_options
@click.argument("root", metavar="OBJECT", default="1.3.6.1.2.1.1")
@click.option("--limit", type=click.IntRange(1, 100_000), default=10_000, show_default=True, help=_("Rows at most."))
@json_option
def walk(root: str, limit: int, as_json: bool, **agent: Any) -> None:
    """Read a subtree."""
    from cli.output import print_note
    from probes.errors import ProbeError
    from probes.snmp.client import walk as read
    from probes.snmp.names import oid_of

    try:
        found = asyncio.run(read(_target(agent), oid_of(root), limit=limit))
    except ProbeError as error:
        raise cli_error(error) from error
    _show(list(found.rows), as_json)
    if not found.complete:
        print_note(found.problem)
        raise CliError(_("This is only a part of the answer."), ExitStatus.TIMEOUT)
    if not found.rows:
        raise CliError(_("The agent has nothing there."), ExitStatus.NOT_FOUND)


def _target(agent: dict[str, Any]) -> "SnmpTarget":
    from probes.snmp.client import SnmpTarget, V3User, Version

    version = Version(agent["snmp_version"])
    where = {"address": agent["address"], "port": agent["port"], "timeout_s": agent["timeout_s"], "version": version}
    if version is not Version.V3:
        if agent["community_file"] is None:
            raise CliError(_("Give --community-file: there is no default community."), ExitStatus.USAGE)
        return SnmpTarget(**where, community=community_of(agent["community_file"]))
    if not agent["user"]:
        raise CliError(_("Version 3 needs --user."), ExitStatus.USAGE)
    passwords = {
        f"{kind}_password": community_of(agent[f"{kind}_file"])
        for kind in ("auth", "privacy")
        if agent[f"{kind}_file"] is not None
    }
    user = V3User(agent["user"], auth=agent["auth"], privacy=agent["privacy"], **passwords)
    return SnmpTarget(**where, user=user)


def _show(rows: "list[tuple[str, Value]]", as_json: bool) -> None:
    from cli.output import print_json, print_table
    from probes.snmp.names import name_of

    if as_json:
        print_json([{"oid": oid, "name": name_of(oid), "value": _plain(value)} for oid, value in rows])
    elif rows:
        print_table((_("Object"), _("Value")), [(name_of(oid), _plain(value)) for oid, value in rows])


def _plain(value: "Value") -> str | int | float:
    """Octets as text where they are text, else in hexadecimal with colons."""
    if not isinstance(value, bytes):
        return value
    text = value.rstrip(b"\0").decode("utf-8", "replace")
    return (
        text
        if text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable() and "�" not in text
        else value.hex(":")
    )
