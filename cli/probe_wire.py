"""`secondline probe pppoe`, `dhcp`, `arp` and `igmp`: what answers on this wire, or on one VLAN of it.

They need CAP_NET_RAW, in a process of their own, and scapy: pip install 'secondline[capture]'.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_facts import cli_error, fact_json
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.capture import Seen


def _wire_options(seconds: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Which wire, and how long."""
    text = _("Seconds that are waited, or watched.")

    def add(command: Callable[..., None]) -> Callable[..., None]:
        options = [
            click.option(
                "--interface", required=True, help=_("Network interface, such as eth0; `ip link` lists them.")
            ),
            click.option("--vlan", type=click.IntRange(1, 4094), help=_("VLAN on that interface; else untagged.")),
            click.option(
                "--timeout",
                "timeout_s",
                type=click.FloatRange(0.1, 600),
                default=seconds,
                show_default=True,
                help=text,
            ),
        ]
        for option in reversed(options):
            command = option(command)
        return command

    return add


_COUNT = click.option(
    "--count", type=click.IntRange(1, 100), default=3, show_default=True, help=_("How often is asked.")
)


@click.command(help=_("Ask for access concentrators (PPPoE discovery): who offers a session on this wire."))
@_wire_options(3.0)
@_COUNT
@json_option
def pppoe(as_json: bool, **wanted: Any) -> None:
    """Ask for access concentrators (PPPoE discovery): who offers a session on this wire."""
    from cli.output import print_table

    seen = _observed("pppoe", wanted, as_json)
    offers = seen.detail["offers"]
    if not as_json:
        columns = (_("Concentrator"), "MAC", _("Services"), _("Answer, ms"), _("Error"))
        print_table(
            columns,
            [
                (one["concentrator"], one["mac"], ", ".join(filter(None, one["services"])), one["rtt_ms"], one["error"])
                for one in offers
            ],
        )
    if not offers:
        raise CliError(_("No access concentrator answered."), ExitStatus.UNREACHABLE)


@click.command(
    help=_(
        "Ask for an address (DHCP discover) without taking it: which servers offer what; two of them is one too many."
    )
)
@_wire_options(4.0)
@_COUNT
@json_option
def dhcp(as_json: bool, **wanted: Any) -> None:
    """Ask for an address (DHCP discover) without taking it: which servers offer what; two of them is one too many."""
    from cli.output import print_note, print_table

    seen = _observed("dhcp", wanted, as_json)
    answers = seen.detail["answers"]
    if not as_json:
        columns = (
            *(_("Answer"), _("Server"), "MAC", _("Address"), _("Mask"), _("Router"), "DNS"),
            *(_("Lease, s"), _("Relay"), _("Answer, ms")),
        )
        print_table(columns, [_dhcp_row(one) for one in answers])
        if len(seen.detail["servers"]) > 1:
            print_note(_("More than one DHCP server answers here."))
    if not answers:
        raise CliError(_("No DHCP server answered."), ExitStatus.UNREACHABLE)


@click.command(help=_("Ask who has an IPv4 address on this wire; two owners are a conflict."))
@click.argument("address")
@_wire_options(3.0)
@_COUNT
@click.option("--source-ip", default="", help=_("Our IPv4 address; else the interface's own, or 0.0.0.0."))
@json_option
def arp(as_json: bool, **wanted: Any) -> None:
    """Ask who has an IPv4 address on this wire; two owners are a conflict."""
    from cli.output import print_table

    seen = _observed("arp", wanted, as_json)
    answers = seen.detail["answers"]
    if not as_json:
        columns = ("MAC", _("Answers"), _("Best, ms"))
        print_table(columns, [(one["mac"], one["answers"], one["rtt_ms"]) for one in answers])
    if not answers:
        raise CliError(_("Nobody has {address}.").format(address=wanted["address"]), ExitStatus.UNREACHABLE)
    if seen.detail["conflict"]:
        text = _("{address} has more than one owner.").format(address=wanted["address"])
        raise CliError(text, ExitStatus.CONFLICT)


@click.command(
    help=_("Join a multicast group and judge its stream: loss, jitter and order of RTP, continuity, MDI; then leave.")
)
@click.argument("group", metavar="GROUP")
@_wire_options(10.0)
@click.option("--port", type=click.IntRange(1, 65535), help=_("UDP port of the stream; else any."))
@click.option("--source-ip", default="", help=_("Our IPv4 address; else the interface's own, or 0.0.0.0."))
@click.option(
    "--igmp-version", type=click.IntRange(2, 3), default=2, show_default=True, help=_("IGMP version of the report.")
)
@click.option("--media-rate", "media_rate_bps", type=click.FloatRange(1), help=_("Nominal rate in bit/s, for MDI."))
@json_option
def igmp(group: str, as_json: bool, **wanted: Any) -> None:
    """Join a multicast group and judge its stream: loss, jitter and order of RTP, continuity, MDI; then leave."""
    from cli.output import print_pairs

    seen = _observed("igmp", wanted | {"address": group}, as_json)
    stream = seen.detail["stream"]
    if not as_json:
        print_pairs(_stream_pairs(seen.detail, stream))
    if not stream["packets"]:
        raise CliError(_("No packet of {group} came.").format(group=group), ExitStatus.UNREACHABLE)


def _observed(kind: str, wanted: Mapping[str, Any], as_json: bool) -> "Seen":
    from cli.output import print_json, progress
    from probes.capture import observe
    from probes.discoveries import Wanted
    from probes.errors import ProbeError

    how = dict(wanted)
    interface = how.pop("interface")
    try:
        with progress(_("Asking on {interface}…").format(interface=interface), quiet=as_json):
            seen = asyncio.run(observe(interface, Wanted(kind, **how), now=datetime.now(UTC)))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json({**seen.detail, "facts": [fact_json(fact) for fact in seen.facts]})
    return seen


def _dhcp_row(one: Mapping[str, Any]) -> tuple[object, ...]:
    relay = one["relay"] if one["relay"] != "0.0.0.0" else None
    return (
        *(one["kind"], one["server"], one["source"], one["offered"], one["mask"], one["router"]),
        *(", ".join(one["resolvers"]), one["lease_s"], relay, one["rtt_ms"]),
    )


def _stream_pairs(detail: Mapping[str, Any], stream: Mapping[str, Any]) -> list[tuple[str, object]]:
    def figure(name: str, digits: int, factor: float = 1.0) -> str | None:
        return None if stream[name] is None else f"{stream[name] * factor:.{digits}f}"

    return [
        (_("Group"), detail["group"]),
        (_("First packet after, ms"), None if detail["joined_ms"] is None else f"{detail['joined_ms']:.0f}"),
        (_("Sources"), ", ".join(detail["sources"]) or None),
        (_("Queries heard"), detail["queries"]),
        (_("Packets"), stream["packets"]),
        (_("Rate, Mbit/s"), figure("rate_bps", 2, 1e-6)),
        ("RTP", stream["rtp"]),
        (_("Lost"), stream["lost"]),
        (_("Loss, %"), figure("loss_pct", 3)),
        (_("Longest loss, packets"), stream["longest_loss"]),
        (_("Doubles"), stream["duplicates"]),
        (_("Out of order"), stream["out_of_order"]),
        (_("Jitter, ms"), figure("jitter_ms", 2)),
        (_("Errors of continuity"), stream["continuity_errors"]),
        (_("MDI: delay factor, ms"), figure("mdi_df_ms", 1)),
        (_("MDI: media loss, packets/s"), figure("mdi_mlr", 0)),
        (_("Longest silence, ms"), figure("longest_gap_ms", 1)),
    ]
