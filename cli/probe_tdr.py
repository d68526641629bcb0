"""`secondline probe tdr`: test the cable behind a switch port, pair by pair. It writes to the switch."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_agent import FILE
from cli.probe_facts import cli_error, community_of, fact_json, fact_row
from cli.probe_ports import node_of, node_options
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.access import NodeTarget, PortPlace
    from probes.facts import Fact


@click.command(
    help=_("Test the cable behind a switch port (TDR): each pair's state and length. It writes to the switch.")
)
@node_options
@click.option(
    "--allow-link-drop", is_flag=True, help=_("Test the cable of a port with a link too, which drops the link.")
)
@click.option(
    "--write-community-file",
    type=FILE,
    required=True,
    help=_("File with the community for writing; only the cable test needs it."),
)
@json_option
def tdr(allow_link_drop: bool, write_community_file: Path, as_json: bool, **node: Any) -> None:
    """Test the cable behind a switch port (TDR): each pair's state and length. It writes to the switch."""
    from cli.output import print_json, print_table, progress
    from probes.errors import ProbeError

    target, place = node_of(node)
    write = community_of(write_community_file)
    try:
        with progress(_("Testing the cable…"), quiet=as_json):
            profile, facts = asyncio.run(_tested(target, place, write, allow_link_drop))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json({"profile": profile, "facts": [fact_json(fact) for fact in facts]})
    else:
        now = datetime.now(UTC)
        columns = (_("Fact"), "", _("Value"), _("Unit"), _("Source"), _("Age"))
        print_table(columns, [fact_row(fact, now) for fact in facts])
    if all(fact.value is None for fact in facts):
        raise CliError(_("The switch gave no result of the test."), ExitStatus.FAILURE)


async def _tested(target: "NodeTarget", place: "PortPlace", write: str, link_drop: bool) -> "tuple[str, list[Fact]]":
    from probes.access import AccessReader
    from probes.access.cable import Allowed, cable_test
    from probes.gentle import Gentle
    from probes.snmp.client import WriteAccess

    reader = AccessReader(gentle=Gentle(may_write=True))
    try:
        profile = await reader.switch_profile_of(target)
        allowed = Allowed(test=True, link_drop=link_drop)
        now = datetime.now(UTC)
        return profile.id, await cable_test(reader, target, profile, place, WriteAccess(write), now, allowed=allowed)
    finally:
        await reader.close()
