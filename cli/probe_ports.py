"""`secondline probe switch` and `probe dslam`: a subscriber's port or line, read by SNMP from this machine."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_agent import FILE, agent_options, target_of
from cli.probe_facts import cli_error, community_of, fact_json, fact_row
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.access import NodeTarget, PortPlace
    from probes.facts import Fact

_STATES = ("sw.port_oper", "dsl.link")


def node_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say which node and which port."""
    options: list[Callable[[Callable[..., None]], Callable[..., None]]] = [
        agent_options,
        click.option("--port-number", type=click.IntRange(0), help=_("The subscriber's port.")),
        click.option(
            "--slot", type=click.IntRange(0), default=0, show_default=True, help=_("Slot (card) of the port.")
        ),
        click.option(
            "--frame", type=click.IntRange(0), default=0, show_default=True, help=_("Frame (shelf) of the port.")
        ),
        click.option("--name", help=_("The port's own name on the node (ifName), instead of its number.")),
        click.option("--if-index", type=click.IntRange(1), help=_("The port's ifIndex, instead of its number.")),
        click.option("--profile", help=_("Vendor profile; without it the node is asked what it is.")),
        click.option("--time-zone", default="UTC", show_default=True, help=_("Time zone of the node's clock.")),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command(
    help=_("Read a port of a switch by SNMP: state, speed, errors, addresses, bindings, PoE; on request its cable.")
)
@node_options
@click.option("--cable-test", is_flag=True, help=_("Also test the cable (TDR): writes to the switch."))
@click.option(
    "--allow-link-drop", is_flag=True, help=_("Test the cable of a port with a link too, which drops the link.")
)
@click.option(
    "--write-community-file", type=FILE, help=_("File with the community for writing; only the cable test needs it.")
)
@json_option
def switch(
    cable_test: bool, allow_link_drop: bool, write_community_file: Path | None, as_json: bool, **node: Any
) -> None:
    """Read a port of a switch by SNMP: state, speed, errors, addresses, bindings, PoE; on request its cable."""
    if cable_test and write_community_file is None:
        raise CliError(_("The cable test writes to the switch: give --write-community-file."), ExitStatus.USAGE)
    write = community_of(write_community_file) if cable_test and write_community_file is not None else None
    _show(*_run(lambda target, place: _switch(target, place, write, allow_link_drop), node, as_json), as_json)


@click.command(help=_("Read a line of a DSLAM by SNMP: state, margins, attenuation, rates, errors, retrains."))
@node_options
@json_option
def dslam(as_json: bool, **node: Any) -> None:
    """Read a line of a DSLAM by SNMP: state, margins, attenuation, rates, errors, retrains."""
    _show(*_run(_dslam, node, as_json), as_json)


def node_of(node: dict[str, Any]) -> "tuple[NodeTarget, PortPlace]":
    """The node and the port that the options of `node_options` name."""
    from probes.access import NodeTarget, PortPlace

    if node["port_number"] is None and node["name"] is None and node["if_index"] is None:
        raise CliError(_("Name the port: --port-number, --name or --if-index."), ExitStatus.USAGE)
    target = NodeTarget(node["address"], target_of(node), node["profile"], node["time_zone"])
    place = PortPlace(node["port_number"] or 0, node["slot"], node["frame"], node["name"], node["if_index"])
    return target, place


_Read = Callable[["NodeTarget", "PortPlace"], Any]


def _run(read: _Read, node: dict[str, Any], as_json: bool) -> "tuple[str, Sequence[Fact]]":
    """The profile's id and the facts of the port that the options name."""
    from cli.output import progress
    from probes.errors import ProbeError

    target, place = node_of(node)
    try:
        with progress(_("Reading the port…"), quiet=as_json):
            found: tuple[str, Sequence[Fact]] = asyncio.run(read(target, place))
            return found
    except ProbeError as error:
        raise cli_error(error) from error


async def _switch(
    target: "NodeTarget", place: "PortPlace", write: str | None, link_drop: bool
) -> "tuple[str, Sequence[Fact]]":
    from probes.access import AccessReader
    from probes.access.cable import Allowed, cable_test
    from probes.gentle import Gentle
    from probes.snmp.client import WriteAccess

    reader, now = AccessReader(gentle=Gentle(may_write=write is not None)), datetime.now(UTC)
    try:
        profile = await reader.switch_profile_of(target)
        facts = await reader.read_switch_port(target, profile, place, now)
        if write is not None:
            allowed = Allowed(test=True, link_drop=link_drop)
            tested = await cable_test(reader, target, profile, place, WriteAccess(write), now, allowed=allowed)
            facts = [*facts, *tested]
        return profile.id, facts
    finally:
        await reader.close()


async def _dslam(target: "NodeTarget", place: "PortPlace") -> "tuple[str, Sequence[Fact]]":
    from probes.access import AccessReader

    reader = AccessReader()
    try:
        profile = await reader.dslam_profile_of(target)
        return profile.id, await reader.read_dsl_line(target, profile, place, datetime.now(UTC))
    finally:
        await reader.close()


def _show(profile_id: str, facts: "Sequence[Fact]", as_json: bool) -> None:
    from cli.output import print_json, print_table
    from probes.facts import Quality

    if as_json:
        print_json({"profile": profile_id, "facts": [fact_json(fact) for fact in facts]})
    else:
        now = datetime.now(UTC)
        columns = (_("Fact"), "", _("Value"), _("Unit"), _("Source"), _("Age"))
        shown = [fact for fact in facts if fact.quality is not Quality.MISSING or fact.name in _STATES]
        print_table(columns, [fact_row(fact, now) for fact in shown])
    if all(fact.name.endswith(".reachable") for fact in facts):
        raise CliError(_("The node does not answer SNMP: check address, route and community."), ExitStatus.UNREACHABLE)
    lost = next((fact.raw for fact in facts if fact.name in _STATES and fact.quality is Quality.MISSING), None)
    if lost and len(facts) == 2:
        raise CliError(lost, ExitStatus.NOT_FOUND)
