"""`secondline probe tcp`, `dns` and `http`: does a service answer, and how fast."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_facts import cli_error
from cli.probe_ping import version_options
from cli.sparks import sparkline
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.dns import DnsResult
    from probes.http import HttpResult
    from probes.tcp import TcpResult

_COUNT = click.option("--count", type=click.IntRange(1, 1000), default=3, show_default=True, help=_("Attempts."))
_INTERVAL = click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(0.01, 60),
    default=0.2,
    show_default=True,
    help=_("Seconds between two attempts."),
)


def _timeout(default: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(0.05, 600),
        default=default,
        show_default=True,
        help=_("Seconds that an answer may take."),
    )


@click.command(help=_("Connect to a TCP port: open, closed, unreachable or silent, and how long a connection takes."))
@click.argument("address")
@click.argument("port", type=click.IntRange(1, 65535))
@_COUNT
@_INTERVAL
@_timeout(3.0)
@version_options
@json_option
def tcp(address: str, port: int, as_json: bool, **how: Any) -> None:
    """Connect to a TCP port: open, closed, unreachable or silent, and how long a connection takes."""
    from cli.output import live_table, print_json, print_table
    from probes.errors import ProbeError
    from probes.tcp import connect

    columns = (
        *(_("Address"), _("Port"), _("State"), _("Sent"), _("Received")),
        *(_("min, ms"), "p50", "max", _("Round trips"), ""),
    )
    try:
        with live_table(columns, quiet=as_json) as show:
            watch = None if show is None else lambda one: show([_tcp_row(one)])
            result = asyncio.run(connect(address, port, watch=watch, **how))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json(asdict(result))
    else:
        print_table(columns, [_tcp_row(result)])
    if result.state not in ("open", "closed"):
        raise CliError(_("Nothing answers there: {problem}").format(problem=result.problem), ExitStatus.UNREACHABLE)
    if result.state == "closed":
        raise CliError(_("The port is closed: the host answers, no service listens."), ExitStatus.REFUSED)


@click.command(help=_("Ask a resolver for a name: what it says, and how fast."))
@click.argument("name")
@click.argument("kind", default="A")
@click.option("--server", help=_("The resolver to ask; else this machine's own."))
@click.option("--port", type=click.IntRange(1, 65535), default=53, show_default=True, help=_("Port of the resolver."))
@click.option("--tcp", is_flag=True, help=_("Ask over TCP at once."))
@click.option("--dnssec", is_flag=True, help=_("Ask for signatures too."))
@_COUNT
@_INTERVAL
@_timeout(3.0)
@json_option
def dns(name: str, kind: str, server: str | None, as_json: bool, **how: Any) -> None:
    """Ask a resolver for a name: what it says, and how fast."""
    from cli.output import print_json, progress
    from probes.dns import ask
    from probes.errors import ProbeError

    try:
        with progress(_("Asking the resolver…"), quiet=as_json):
            result = asyncio.run(ask(name, server, kind=kind, **how))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json(asdict(result) | {"works": result.works, "loss_pct": result.times.loss_pct})
    else:
        _show_dns(result)
    if result.rcode is None:
        text = _("The resolver {server} does not answer: {problem}")
        raise CliError(text.format(server=result.server, problem=result.problem), ExitStatus.UNREACHABLE)
    if result.rcode == "NXDOMAIN":
        raise CliError(_("The name {name} does not exist.").format(name=name), ExitStatus.NOT_FOUND)
    if not result.works:
        raise CliError(_("The resolver refuses: {rcode}").format(rcode=result.rcode), ExitStatus.FAILURE)


@click.command(help=_("Make one web request and take it to pieces: name, connection, TLS, first byte, rate."))
@click.argument("url")
@click.option("--head", "method", flag_value="HEAD", help=_("Ask for the head only."))
@click.option("--insecure", is_flag=True, help=_("Do not verify the certificate."))
@_timeout(10.0)
@version_options
@json_option
def http(url: str, method: str | None, insecure: bool, as_json: bool, **how: Any) -> None:
    """Make one web request and take it to pieces: name, connection, TLS, first byte, rate."""
    from cli.output import print_json, print_pairs, progress
    from probes.errors import ProbeError
    from probes.http import fetch

    try:
        with progress(_("Asking the server…"), quiet=as_json):
            result = asyncio.run(fetch(url, method=method or "GET", verify=not insecure, **how))
    except ProbeError as error:
        raise cli_error(error) from error
    if as_json:
        print_json(asdict(result))
    else:
        print_pairs(_http_pairs(result))
    if result.status is None:
        raise CliError(_("No answer: {problem}").format(problem=result.problem), ExitStatus.UNREACHABLE)
    if result.status >= 400:
        raise CliError(_("The server answers {status}.").format(status=result.status), ExitStatus.FAILURE)


def _tcp_row(result: "TcpResult") -> tuple[object, ...]:
    times = result.times
    shown = [None if time is None else f"{time:.2f}" for time in (times.rtt_min_ms, times.rtt_p50_ms, times.rtt_max_ms)]
    counted = (times.sent, times.received)
    return (
        *(result.address, result.port, result.state, *counted, *shown),
        *(sparkline(times.rtts_ms[: times.sent]), result.problem),
    )


def _show_dns(result: "DnsResult") -> None:
    from cli.output import print_line, print_pairs, print_table

    times = result.times
    print_pairs(
        [
            (_("Resolver"), f"{result.server} {result.port}"),
            (_("Answer"), result.rcode),
            (_("Loss, %"), None if times.loss_pct is None else f"{times.loss_pct:.0f}"),
            (_("Median, ms"), None if times.rtt_p50_ms is None else f"{times.rtt_p50_ms:.2f}"),
            (_("Round trips"), sparkline(times.rtts_ms)),
            (_("Authoritative"), result.authoritative or None),
            (_("Verified by the resolver (AD)"), result.authenticated or None),
            (_("Cut, asked again over TCP"), result.truncated or None),
        ]
    )
    if result.records:
        print_line()
        rows = [(record.name, record.ttl_s, record.kind, record.value) for record in result.records]
        print_table((_("Name"), "TTL", _("Kind"), _("Value")), rows)


def _http_pairs(result: "HttpResult") -> list[tuple[str, object]]:
    pieces = [
        (_("Name, ms"), result.name_ms),
        (_("Connection, ms"), result.connect_ms),
        (_("TLS, ms"), result.tls_ms),
        (_("First byte, ms"), result.first_byte_ms),
        (_("Body, ms"), result.body_ms),
        (_("Together, ms"), result.total_ms),
    ]
    expires = result.certificate_expires_at
    return [
        (_("Address"), result.address),
        (_("Status"), result.status),
        (_("Redirect to"), result.location or None),
        *((name, None if value is None else f"{value:.1f}") for name, value in pieces),
        (_("Bytes"), result.size_bytes),
        (_("Rate, Mbit/s"), None if result.rate_bps is None else f"{result.rate_bps / 1e6:.1f}"),
        (_("Certificate until"), None if expires is None else expires.isoformat(timespec="seconds")),
        (_("Server"), result.server or None),
    ]
