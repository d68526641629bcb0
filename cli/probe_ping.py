"""`secondline probe ping`, `trace` and `mtu`: the path to addresses, live on a terminal."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.file_errors import not_read
from cli.options import json_option
from cli.probe_facts import cli_error
from cli.sparks import sparkline
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.mtu import MtuResult
    from probes.ping import PingResult
    from probes.trace import Hop, TraceResult

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)


def version_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add -4 and -6, passed on as `version`: 4, 6 or None."""
    for flag, number in (("-6", 6), ("-4", 4)):
        text = _("Use the IPv{number} address of a name.").format(number=number)
        command = click.option(flag, "version", flag_value=number, type=int, default=None, help=text)(command)
    return command


def timeout_option(least: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add --timeout, passed on as `timeout_s`."""
    text = _("Seconds that an answer may take.")
    span = click.FloatRange(least, 60)
    return click.option("--timeout", "timeout_s", type=span, default=1.0, show_default=True, help=text)


@click.command(help=_("Ping addresses: loss and its bursts, round-trip times, jitter, order, duplicates."))
@click.argument("addresses", nargs=-1)
@click.option("--from-file", type=_FILE, help=_("File with addresses, one a line, besides those of the command line."))
@click.option("--count", type=click.IntRange(1, 60000), default=5, show_default=True, help=_("Echoes to each address."))
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(0.01, 60),
    default=0.2,
    show_default=True,
    help=_("Seconds between two echoes to one address."),
)
@timeout_option(0.01)
@click.option("--size", type=click.IntRange(8, 65000), default=56, show_default=True, help=_("Bytes after the header."))
@click.option("--df", "whole", is_flag=True, help=_("Forbid fragments on the way (DF)."))
@version_options
@json_option
def ping(addresses: tuple[str, ...], from_file: Path | None, as_json: bool, **how: Any) -> None:
    """Ping addresses: loss and its bursts, round-trip times, jitter, order, duplicates."""
    from cli.output import live_table, print_json, print_table
    from probes.errors import ProbeError
    from probes.ping import ping_many

    wanted = [*addresses, *(_listed(from_file) if from_file is not None else [])]
    if not wanted:
        raise CliError(_("Name an address, or a file with addresses."), ExitStatus.USAGE)
    try:
        with live_table(_ping_columns(), quiet=as_json) as show:
            results = asyncio.run(ping_many(wanted, watch=_watcher(show), **how))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json([_ping_json(result) for result in results.values()])
    else:
        print_table(_ping_columns(), [_ping_row(result) for result in results.values()])
    if not any(result.received for result in results.values()):
        raise CliError(_("No address answered."), ExitStatus.UNREACHABLE)


@click.command(help=_("Trace the way to an address: routers, loss and times of every hop, as mtr has them."))
@click.argument("address")
@click.option("--icmp", "protocol", flag_value="icmp", default=True, help=_("Trace by echoes."))
@click.option("--udp", "protocol", flag_value="udp", help=_("Trace by datagrams; needs no privilege."))
@click.option("--tcp", "protocol", flag_value="tcp", help=_("Trace by connections; needs no privilege."))
@click.option("--port", type=click.IntRange(1, 65535), help=_("Port of --udp (else 33434 and up) or --tcp (else 80)."))
@click.option("--rounds", type=click.IntRange(1, 10000), default=10, show_default=True, help=_("Probes to each hop."))
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(0.05, 60),
    default=1.0,
    show_default=True,
    help=_("Seconds between two rounds."),
)
@timeout_option(0.05)
@click.option("--max-hops", type=click.IntRange(1, 64), default=30, show_default=True, help=_("Hops at most."))
@version_options
@json_option
def trace(address: str, as_json: bool, **how: Any) -> None:
    """Trace the way to an address: routers, loss and times of every hop, as mtr has them."""
    from cli.output import live_table, print_json, print_note, print_table
    from probes.errors import ProbeError
    from probes.trace import trace as traced

    how["protocol"] = how["protocol"] or "icmp"
    try:
        with live_table(_trace_columns(), quiet=as_json) as show:
            watch = None if show is None else _trace_watcher(show)
            result = asyncio.run(traced(address, watch=watch, **how))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json(_trace_json(result))
    else:
        print_table(_trace_columns(), [_hop_row(hop) for hop in result.hops])
    if not result.reached:
        if not as_json:
            print_note(_("The far end itself did not answer."))
        raise CliError(_("The way ends before {address}.").format(address=address), ExitStatus.UNREACHABLE)


@click.command(help=_("Search the greatest packet that comes through whole (path MTU), and who limits it."))
@click.argument("address")
@click.option(
    "--most",
    type=click.IntRange(68, 9216),
    default=1500,
    show_default=True,
    help=_("The greatest packet that is tried, in bytes with the IP header."),
)
@click.option("--tries", type=click.IntRange(1, 20), default=3, show_default=True, help=_("Echoes of each size."))
@timeout_option(0.05)
@version_options
@json_option
def mtu(address: str, as_json: bool, **how: Any) -> None:
    """Search the greatest packet that comes through whole (path MTU), and who limits it."""
    from cli.output import print_json, print_pairs, progress
    from probes.errors import ProbeError
    from probes.mtu import search

    try:
        with progress(_("Searching the MTU…"), quiet=as_json):
            result = asyncio.run(search(address, **how))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json(asdict(result))
    else:
        print_pairs(_mtu_pairs(result))
    if result.mtu is None:
        raise CliError(_("No address answered."), ExitStatus.UNREACHABLE)


def _listed(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise not_read(path, error) from error
    return [line.split("#")[0].strip() for line in lines if line.split("#")[0].strip()]


def _watcher(show: Callable[[list[tuple[object, ...]]], None] | None) -> Any:
    if show is None:
        return None

    def watch(results: "Mapping[str, PingResult]") -> None:
        # what answers badly is what one wants to see of thousands
        worst = sorted(results.values(), key=lambda one: -(one.loss_pct or 0.0))[:200]
        show([_ping_row(result) for result in (worst if len(results) > 20 else results.values())])

    return watch


def _trace_watcher(show: Callable[[list[tuple[object, ...]]], None]) -> "Callable[[TraceResult], None]":
    return lambda result: show([_hop_row(hop) for hop in result.hops])


def _ping_columns() -> tuple[str, ...]:
    figures = (_("Loss, %"), _("min, ms"), "p50", "p95", "p99", "max", _("Jitter"))
    order = (_("Bursts"), _("Doubles"), _("Out of order"), _("Round trips"))
    return (_("Address"), _("Sent"), _("Received"), *figures, *order)


def _ping_json(result: "PingResult") -> dict[str, Any]:
    return asdict(result) | {"loss_pct": result.loss_pct, "longest_loss": result.longest_loss}


def _ping_row(result: "PingResult") -> tuple[object, ...]:
    times = (
        *(result.rtt_min_ms, result.rtt_p50_ms, result.rtt_p95_ms, result.rtt_p99_ms, result.rtt_max_ms),
        result.jitter_ms,
    )
    loss = result.problem if result.loss_pct is None else f"{result.loss_pct:.0f}"
    runs = f"{len(result.loss_bursts)} (≤ {result.longest_loss})" if result.loss_bursts else None
    return (
        *(result.address, result.sent, result.received, loss, *map(_ms, times)),
        *(runs, result.duplicates or None, result.out_of_order or None, sparkline(result.rtts_ms)),
    )


def _trace_columns() -> tuple[str, ...]:
    times = (_("Last"), _("Mean"), _("Best"), _("Worst"), _("Deviation"), _("Jitter"))
    return ("", _("Router"), _("Loss, %"), _("Sent"), *times, "", _("Round trips"))


def _hop_row(hop: "Hop") -> tuple[object, ...]:
    loss = None if hop.loss_pct is None else f"{hop.loss_pct:.0f}"
    times = (hop.last_ms, hop.mean_ms, hop.best_ms, hop.worst_ms, hop.sd_ms, hop.jitter_ms)
    routers = ", ".join(hop.addresses) or "???"
    return (hop.number, routers, loss, hop.sent, *map(_ms, times), " ".join(hop.refusals), sparkline(hop.rtts_ms))


def _trace_json(result: "TraceResult") -> dict[str, Any]:
    hops = [asdict(hop) | {"loss_pct": hop.loss_pct} for hop in result.hops]
    return asdict(result) | {"hops": hops}


def _mtu_pairs(result: "MtuResult") -> list[tuple[str, object]]:
    told = result.told_by and _("{router} (its next link: {mtu})").format(router=result.told_by, mtu=result.told_mtu)
    return [
        (_("Address"), result.address),
        (_("Path MTU, bytes"), result.mtu),
        (_("Payload of a ping, bytes"), result.mtu and result.mtu - (28 if result.version == 4 else 48)),
        (_("Limited by"), told or None),
        (_("Own link, bytes"), result.own_limit),
        (_("Larger packets vanish without a word"), result.black_hole or None),
        (_("Echoes sent"), result.sent),
    ]


def _ms(time: float | None) -> str | None:
    return None if time is None else f"{time:.2f}"
