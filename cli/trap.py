"""`secondline trap`: alarms of access nodes as they come: from the server, or heard by this machine itself."""

import asyncio
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cli import output
from cli.client import connect
from cli.errors import CliError
from cli.exit_status import ExitStatus
from cli.options import server_options
from cli.texts import _

if TYPE_CHECKING:  # loaded when this machine listens itself
    from probes.snmp.notification import Engine, Notification
    from probes.traps import Alarm

#: seconds that the server may wait for a new alarm before it answers that there is none
_WAIT_S = 5.0


@click.group(help=_("Alarms of access nodes (SNMP traps)."))
def trap() -> None:
    """Group of the trap commands."""


@trap.command(
    "tail", help=_("Show alarms as they come; with --listen this machine hears them itself, without a server.")
)
@click.option("--listen", metavar="HOST:PORT", help=_("Hear traps here, such as 0.0.0.0:1162; needs no server."))
@click.option(
    "--community-file",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help=_("With --listen: file with the community that traps must carry; else all are shown."),
)
@click.option("--node", help=_("Only alarms of this access node."))
@click.option("--line", help=_("Only alarms of this line."))
@click.option("--last", type=click.IntRange(0, 1000), default=10, show_default=True, help=_("Alarms shown first."))
@click.option("--count", type=click.IntRange(1), help=_("End after so many new alarms; else with Ctrl-C."))
@server_options
def tail(
    listen: str | None,
    community_file: Path | None,
    node: str | None,
    line: str | None,
    last: int,
    count: int | None,
    url: str | None,
    token_file: Path | None,
    as_json: bool,
) -> None:
    """Show alarms as they come."""
    if listen is not None:
        from cli.probe_facts import community_of

        host, port = _address(listen)
        community = community_of(community_file) if community_file is not None else None
        asyncio.run(_hear(host, port, community, count, as_json))
        return
    query = {"node": node, "line": line}
    with connect(url, token_file) as client:
        newest, shown = 0, 0
        for alarm in reversed(output.items(client.get("/access-alarms", limit=max(1, last), **query))):
            newest = max(newest, _number(alarm))
            if last:
                _show(alarm, as_json)
        while count is None or shown < count:
            fresh = output.items(client.get("/access-alarms", after=newest, limit=100, wait_s=_WAIT_S, **query))
            for alarm in fresh[: None if count is None else count - shown]:
                newest, shown = max(newest, _number(alarm)), shown + 1
                _show(alarm, as_json)


@trap.command("counts", help=_("What became of the traps that reached the server's listener."))
@server_options
def counts(url: str | None, token_file: Path | None, as_json: bool) -> None:
    """Show what became of traps."""
    with connect(url, token_file) as client:
        found = client.get("/access-alarms/counts")
    if as_json:
        output.print_json(found)
    else:
        output.print_table([_("What"), _("Datagrams")], [[name, found[name]] for name in sorted(found)])


async def _hear(host: str, port: int, community: str | None, count: int | None, as_json: bool) -> None:
    """Listen on this machine until enough came, or until Ctrl-C; then say what the kernel dropped."""
    from probes.errors import ProbeRefused
    from probes.snmp.ber import MalformedMessage
    from probes.snmp.notification import Engine, Report, Unknown, decode
    from probes.snmp.trap_socket import TrapSocket
    from probes.snmp.usm import WrongKey
    from probes.traps import load_traps

    enough, traps, seen = asyncio.Event(), load_traps(), [0]
    engine = Engine(b"\x80\x00\x00\x00\x05laptop", 1, asyncio.get_running_loop().time)

    def take(data: bytes, sender: tuple[str, int]) -> None:
        told = _told(data, sender[0], engine)
        if told is None or (community is not None and told.community != community.encode()):
            return
        if told.answer is not None:
            socket.send(told.answer, sender)
        _show(_heard(traps.alarm(told, None), told, sender[0]), as_json)
        seen[0] += 1
        if seen[0] == count:
            enough.set()

    def _told(data: bytes, source: str, ours: "Engine") -> "Notification | None":
        try:
            told: Notification | Report = decode(data, source, ours, lambda *_: None)
        except (MalformedMessage, Unknown, WrongKey) as error:
            output.print_note(f"{source}: {error}")
            return None
        return None if isinstance(told, Report) else told

    socket = TrapSocket(host, port, take, buffer_bytes=1 << 22, waiting=10_000)
    try:
        await socket.start()
    except ProbeRefused as error:
        raise CliError(str(error), ExitStatus.REFUSED) from error
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, enough.set)
    output.print_note(_("Listening on {where}; Ctrl-C ends it.").format(where=f"{host}:{socket.port}"))
    await enough.wait()
    kernel = socket.counts()
    await socket.stop()
    if kernel.dropped_by_kernel:
        output.print_note(_("The kernel dropped {count} traps.").format(count=kernel.dropped_by_kernel))


def _heard(alarm: "Alarm", told: "Notification", source: str) -> dict[str, Any]:
    from probes.profiles.decode import plain_text

    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "node": source,
        "kind": alarm.kind.value,
        "place": alarm.place,
        "count": 1,
        "trap": told.trap,
        "detail": "; ".join(f"{one.oid}={plain_text(one.value)}" for one in told.varbinds if one.value is not None),
    }


def _show(alarm: dict[str, Any], as_json: bool) -> None:
    if as_json:
        output.print_json(alarm)
        return
    words = [str(alarm.get(name) or "") for name in ("node", "kind", "place")]
    line = f"  {_('line')} {alarm['line']}" if alarm.get("line") else ""
    times = f"  ×{alarm['count']}" if alarm.get("count", 1) != 1 else ""
    shown = output.instant(alarm.get("last_at") or alarm.get("at"))
    output.print_line(f"{shown}  {'  '.join(filter(None, words))}{line}{times}  {_named(str(alarm.get('trap') or ''))}")


def _named(trap: str) -> str:
    from probes.snmp.names import name_of

    return name_of(trap) if trap else ""


def _number(alarm: dict[str, Any]) -> int:
    number = alarm.get("id")
    return number if isinstance(number, int) else 0


def _address(text: str) -> tuple[str, int]:
    host, _colon, port = text.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise CliError(_("--listen: write an address and a port, such as 0.0.0.0:1162."), ExitStatus.USAGE)
    return host.strip("[]"), int(port)
