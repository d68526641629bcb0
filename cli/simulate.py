"""`secondline simulate`: a neighbourhood that talks to any server until Ctrl-C."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import output
from cli.client import Client, connect, read_token
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import json_option
from cli.texts import N_, _

if TYPE_CHECKING:
    from cli.simulator.faults import Fault
    from cli.simulator.neighbourhood import Home, Neighbourhood
    from cli.simulator.town import Town

#: seconds that a server may need until it answers, if both are started at once on a busy machine
SERVER_START_S = 60.0

#: what a start is busy with → what a person reads
STAGES = {
    "inventory": N_("Handing in the access node and the lines"),
    "history": N_("Handing in seven days of readings"),
    "cpes": N_("Starting the CPEs"),
}


@click.command(help=_("Run a simulated neighbourhood against a server: an OLT, CPEs, and the other systems' feeds."))
@click.option(
    "--url", help=_("Address of the API; else url in ~/.config/secondline/client.toml, else http://127.0.0.1:8080.")
)
@click.option("--token-file", type=click.Path(path_type=Path, dir_okay=False), help=_("Token with write and admin."))
@click.option("--cwmp-url", default="http://127.0.0.1:7547/", show_default=True, help=_("Where the CPEs call."))
@click.option("--username", default="enrol", show_default=True, help=_("User name of the enrolment credential."))
@click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help=_("The enrolment password: enrol.password beside the server's configuration."),
)
@click.option("--olt-port", type=click.IntRange(0, 65535), default=0, help=_("UDP port of the OLT's agent; 0 = free."))
@click.option("--community", default="public", show_default=True, help=_("Community of the OLT's agent."))
@click.option("--ports", type=click.IntRange(1, 16), default=5, show_default=True, help=_("PON ports."))
@click.option("--onts", type=click.IntRange(1, 128), default=32, show_default=True, help=_("ONTs on each port."))
@click.option("--cpes", type=click.IntRange(0, 2000), default=24, show_default=True, help=_("Homes with a CPE."))
@click.option("--stbs", type=click.IntRange(0, 10), default=2, show_default=True, help=_("Homes with a set-top box."))
@click.option(
    "--period",
    "periodic_s",
    type=click.IntRange(5, 86400),
    default=300,
    show_default=True,
    help=_("Seconds between the Informs of a CPE."),
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME:LINE",
    help=_("A fault, such as weak-wifi:L0003; may be repeated. A wrong name shows those that there are."),
)
@click.option("--no-feed", is_flag=True, help=_("Only OLT and CPEs: no API is called."))
@json_option
def simulate(
    url: str | None,
    token_file: Path | None,
    cwmp_url: str,
    username: str,
    password_file: Path,
    olt_port: int,
    community: str,
    ports: int,
    onts: int,
    cpes: int,
    stbs: int,
    periodic_s: int,
    faults: tuple[str, ...],
    no_feed: bool,
    as_json: bool,
) -> None:
    """Run a neighbourhood."""
    from cli.simulator.neighbourhood import build
    from cli.simulator.town import Settings, Town

    state = build(datetime.now(UTC), ports=ports, onts_per_port=onts, cpes=cpes, stbs=stbs)
    struck = [parse_fault(text, state) for text in faults]
    settings = Settings(
        cwmp_url, username, read_token(password_file), snmp_port=olt_port, community=community, periodic_s=periodic_s
    )
    client = None if no_feed else connect(url, token_file)
    try:
        until_stopped(lambda: _run(Town(state, settings, client, output.print_note), struck, client, as_json))
    finally:
        if client is not None:
            client.close()


def parse_fault(text: str, state: "Neighbourhood") -> "tuple[Fault, Home]":
    """Return the fault and the home that NAME:LINE names.

    Raises:
        CliError: USAGE, with what there is to choose from.
    """
    from cli.simulator.faults import FAULTS

    name, _colon, line = text.partition(":")
    known = {fault.name: fault for fault in FAULTS}
    if name not in known:
        message = _("There is no fault {name}; choose one of {names}").format(name=repr(name), names=", ".join(known))
        raise CliError(message, ExitStatus.USAGE)
    try:
        fault, home = known[name], state.home(line)
    except KeyError:
        message = _("There is no line {line}; lines are {first} to {last}. Write --fault {name}:{first}")
        first, last = state.homes[0].line, state.homes[-1].line
        text = message.format(line=repr(line), first=first, last=last, name=name)
        raise CliError(text, ExitStatus.USAGE) from None
    if not fault.can_strike(home):
        message = _("{line} has no device that would show {name}; lines that have one are {lines}")
        lines = ", ".join(each.line for each in state.homes if fault.can_strike(each))
        raise CliError(message.format(line=line, name=name, lines=lines or "-"), ExitStatus.USAGE)
    return fault, home


def until_stopped(work: Callable[[], Awaitable[None]]) -> None:
    """Run until the work ends, or until SIGINT, SIGTERM or SIGHUP, which cancel it so that it can clean up."""
    import signal

    async def run() -> None:
        task = asyncio.ensure_future(work())
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, task.cancel)
        await task

    try:
        asyncio.run(run())
    except asyncio.CancelledError:
        output.print_note(_("Stopped."))


async def _run(town: "Town", faults: "list[tuple[Fault, Home]]", client: Client | None, as_json: bool) -> None:
    try:
        with output.progress(_("Starting the neighbourhood"), quiet=as_json) as progress:
            if client is not None:
                await asyncio.to_thread(client.await_server, SERVER_START_S)
            await town.start(lambda stage: progress.update(_(STAGES[stage])))
        text = _("{cpes} CPEs run on {lines} lines; the OLT answers SNMP on UDP port {port}. Ctrl-C ends it.")
        counts = {"cpes": len(town.cpes), "lines": len(town.state.homes), "port": town.snmp_port}
        if not as_json:
            output.print_line(text.format(**counts))
            output.flush()
        if faults:
            await town.informed()
            await town.strike(faults)
        if as_json:
            output.print_json({**counts, "faults": [{"line": home.line, "fault": one.name} for one, home in faults]})
        else:
            for fault, home in faults:
                output.print_line(_("{line}: {fault}").format(line=home.line, fault=_(fault.title)))
            output.flush()
        await asyncio.Event().wait()
    finally:
        await town.stop()
