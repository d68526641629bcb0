"""`secondline probe`: look at a line from here, without the server. The group, and reading an OLT."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_agent import agent_options, target_of
from cli.probe_facts import cli_error, fact_json, fact_row
from cli.probe_ping import mtu, ping, trace
from cli.probe_ports import dslam, switch
from cli.probe_services import dns, http, tcp
from cli.probe_snmp import snmp
from cli.probe_speed import tr143_server
from cli.probe_tdr import tdr
from cli.probe_wire import arp, dhcp, igmp, pppoe
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.access import NodeTarget, OntPlace, PortReading
    from probes.facts import Fact


@click.group(help=_("Probes from this machine: the path, services, access nodes, the wire. They need no server."))
def probe() -> None:
    """Probes from this machine: the path, services, access nodes, the wire. They need no server."""


for _command in (
    *(ping, trace, mtu, tcp, dns, http),
    *(switch, dslam, tdr, snmp),
    *(pppoe, dhcp, arp, igmp),
    *(tr143_server,),
):
    probe.add_command(_command)


@probe.command(help=_("Read an OLT by SNMP: one ONT with --ont or --serial, else all ONTs of a PON port."))
@agent_options
@click.option("--frame", type=click.IntRange(0), default=0, show_default=True, help=_("Frame (shelf) of the port."))
@click.option("--slot", type=click.IntRange(0), required=True, help=_("Slot (card) of the port."))
@click.option("--port-number", type=click.IntRange(0), required=True, help=_("The PON port in its slot."))
@click.option("--ont", type=click.IntRange(0), help=_("The ONT's id on the port."))
@click.option("--serial", "gpon_serial", help=_("The ONT's PON serial, when its id is not known."))
@click.option("--profile", help=_("Vendor profile; without it the node is asked what it is."))
@click.option("--time-zone", default="UTC", show_default=True, help=_("Time zone of the node's clock."))
@json_option
def olt(
    frame: int,
    slot: int,
    port_number: int,
    ont: int | None,
    gpon_serial: str | None,
    profile: str | None,
    time_zone: str,
    as_json: bool,
    **agent: Any,
) -> None:
    """Read an OLT by SNMP: one ONT with --ont or --serial, else all ONTs of a PON port."""
    from cli.output import progress
    from probes.access import NodeTarget, OntPlace
    from probes.errors import ProbeError

    target = NodeTarget(name=agent["address"], snmp=target_of(agent), profile=profile, time_zone=time_zone)
    place = OntPlace(frame, slot, port_number, ont, gpon_serial)
    try:
        with progress(_("Reading the OLT…"), quiet=as_json):
            profile_id, facts, reading = asyncio.run(_read(target, place))
    except ProbeError as error:
        raise cli_error(error) from error
    _show(profile_id, facts, reading, as_json)


async def _read(target: "NodeTarget", place: "OntPlace") -> "tuple[str, Sequence[Fact], PortReading | None]":
    """The profile's id, the facts, and the port when a whole port was asked for."""
    from probes.access import AccessReader

    reader = AccessReader()
    now = datetime.now(UTC)
    profile = await reader.profile_of(target)
    if place.ont is not None or place.gpon_serial is not None:
        return profile.id, await reader.read_ont(target, profile, place, now, detail=True), None
    reading = await reader.read_port(target, profile, place, now)
    return profile.id, reading.facts, reading


def _show(profile_id: str, facts: "Sequence[Fact]", reading: "PortReading | None", as_json: bool) -> None:
    from cli.output import print_json, print_note, print_table

    if as_json:
        print_json(_olt_json(profile_id, facts, reading))
    else:
        now = datetime.now(UTC)
        columns = (_("Fact"), "", _("Value"), _("Unit"), _("Source"), _("Age"))
        print_table(columns, [fact_row(fact, now) for fact in facts])
        if reading is not None:
            _show_port(reading)
    if reading is not None and reading.problem:
        print_note(reading.problem)
    if all(fact.name == "olt.reachable" for fact in facts):
        raise CliError(_("The OLT does not answer SNMP: check address, route and community."), ExitStatus.UNREACHABLE)
    if reading is not None and reading.complete and not reading.onts:
        _empty_port(str(reading.place), facts)
    lost = next((fact.raw for fact in facts if fact.name == "ont.run_state" and fact.value is None), None)
    if reading is None and lost and len(facts) == 2:
        raise CliError(lost, ExitStatus.NOT_FOUND)


def _empty_port(place: str, facts: "Sequence[Fact]") -> None:
    """A port without ONTs that tells of itself is there, and that is said; of any other nothing is known."""
    from cli.output import print_note

    if any(fact.name.startswith("olt.port_") and fact.value is not None for fact in facts):
        print_note(_("Port {place} has no ONT.").format(place=place))
        return
    text = _("The OLT tells of no ONT and no light on port {place}: check frame, slot and port number.")
    raise CliError(text.format(place=place), ExitStatus.NOT_FOUND)


def _show_port(reading: "PortReading") -> None:
    from cli.output import print_line, print_table

    print_line()
    columns = ("ONT", _("Serial"), _("State"), _("Last down"), _("Cause"), _("Rx, dBm"), _("Rx at the OLT, dBm"))
    rows = [
        (
            one.ont,
            one.gpon_serial,
            one.run_state,
            one.last_down_at.isoformat(timespec="seconds") if one.last_down_at else None,
            one.last_down_cause,
            one.rx_dbm,
            one.olt_rx_dbm,
        )
        for one in reading.onts
    ]
    print_table(columns, rows)


def _olt_json(profile_id: str, facts: "Sequence[Fact]", reading: "PortReading | None") -> dict[str, Any]:
    document: dict[str, Any] = {"profile": profile_id, "facts": [fact_json(fact) for fact in facts]}
    if reading is not None:
        document |= {
            "complete": reading.complete,
            "light_complete": reading.light_complete,
            "problem": reading.problem,
            "onts": [
                {"ont": one.ont, "gpon_serial": one.gpon_serial, "facts": [fact_json(fact) for fact in one.facts]}
                for one in reading.onts
            ],
        }
    return document
