"""`secondline probe tr143-server`: the far end of the downloads, uploads and echoes that CPEs test themselves with."""

import asyncio
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.probe_facts import cli_error
from cli.texts import _

if TYPE_CHECKING:  # the probes are loaded when a probe runs, not when the help is shown
    from probes.tr143.allowed import Limits, Network


@click.command(
    "tr143-server", help=_("Be the far end of the speed tests of CPEs (TR-143): HTTP downloads and uploads, UDP echo.")
)
@click.option("--host", default="127.0.0.1", show_default=True, help=_("Address to listen on; 0.0.0.0 lets CPEs in."))
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8143, show_default=True, help=_("TCP port of the tests.")
)
@click.option(
    "--echo-port",
    type=click.IntRange(0, 65535),
    default=8143,
    show_default=True,
    help=_("UDP port of the echo; CPEs ask port 7 unless they are told another."),
)
@click.option(
    "--allow", multiple=True, metavar="NETWORK", help=_("Network that may test here; else private ones only.")
)
@click.option(
    "--connections", type=click.IntRange(1, 10_000), default=32, show_default=True, help=_("Transfers at once.")
)
@click.option("--plain-echo", is_flag=True, help=_("Answer echoes unchanged, without the stamps of Echo Plus."))
@json_option
def tr143_server(
    host: str, port: int, echo_port: int, allow: tuple[str, ...], connections: int, plain_echo: bool, as_json: bool
) -> None:
    """Be the far end of the speed tests of CPEs (TR-143): HTTP downloads and uploads, UDP echo."""
    from probes.errors import ProbeError
    from probes.tr143.allowed import DEFAULT_NETWORKS, Limits, networks

    try:
        among = networks(allow or DEFAULT_NETWORKS)
        asyncio.run(_serve((host, port, echo_port), among, Limits(connections=connections), not plain_echo, as_json))
    except ProbeError as error:
        raise cli_error(error) from error
    except OSError as error:
        text = _("The server cannot listen on {host}: {error}").format(host=host, error=error)
        raise CliError(text, ExitStatus.CONFLICT) from error


async def _serve(
    where: tuple[str, int, int], among: "tuple[Network, ...]", limits: "Limits", plus: bool, as_json: bool
) -> None:
    from cli.output import print_json, print_line
    from probes.tr143.echo import UdpEcho
    from probes.tr143.transfers import TransferServer

    host, port, echo_port = where
    server = TransferServer(among, limits)
    await server.start(host, port)
    echo = await UdpEcho.start(host, echo_port, among, limits, plus=plus)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    shown = f"[{host}]" if ":" in host else host
    places = {
        "download": f"http://{shown}:{server.port}/download/100000000",
        "upload": f"http://{shown}:{server.port}/upload",
        "udp_echo": f"{shown}:{echo.port}",
    }
    if as_json:
        print_json(places)
    else:
        print_line(_("Listening; Ctrl-C ends it. Let CPEs test against:"))
        for name, place in places.items():
            print_line(f"  {name:9} {place}")
    await stop.wait()
    await server.close()
    echo.close()
    if not as_json:
        counted = {**asdict(server.counts), **asdict(echo.counts)}
        print_line(", ".join(f"{name} {number}" for name, number in counted.items()))
