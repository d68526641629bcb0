"""`secondline probe snmp get` and `walk`: any agent, by name or number, from this machine."""

import asyncio
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_agent import agent_options, target_of
from cli.probe_facts import cli_error
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.snmp.client import Value


@click.group(help=_("Ask any SNMP agent: get, walk."))
def snmp() -> None:
    """Group of the SNMP commands."""


@snmp.command("get", help=_("Read objects, by name (sysDescr.0) or by number."))
@agent_options
@click.argument("names", metavar="OBJECT...", nargs=-1, required=True)
@json_option
def get(names: tuple[str, ...], as_json: bool, **agent: Any) -> None:
    """Read objects."""
    from probes.errors import ProbeError
    from probes.snmp.client import get as read
    from probes.snmp.names import oid_of

    try:
        wanted = [oid_of(name) for name in names]
        found = asyncio.run(read(target_of(agent), wanted))
    except ProbeError as error:
        raise cli_error(error) from error
    _show([(oid, found[oid]) for oid in wanted if oid in found], as_json)
    missing = [name for name, oid in zip(names, wanted, strict=True) if oid not in found]
    if missing:
        text = _("The agent does not have: {names}").format(names=", ".join(missing))
        raise CliError(text, ExitStatus.NOT_FOUND)


@snmp.command("walk", help=_("Read everything below an object, by name (ifTable) or by number."))
@agent_options
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
        found = asyncio.run(read(target_of(agent), oid_of(root), limit=limit))
    except ProbeError as error:
        raise cli_error(error) from error
    _show(list(found.rows), as_json)
    if not found.complete:
        print_note(found.problem)
        raise CliError(_("This is only a part of the answer."), ExitStatus.TIMEOUT)
    if not found.rows:
        raise CliError(_("The agent has nothing there."), ExitStatus.NOT_FOUND)


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
