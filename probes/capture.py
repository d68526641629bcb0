"""Layer-2 probes (PPPoE, DHCP, ARP, IGMP with a stream check) in a process of their own.

    server, CLI: observe ──starts──▶ python -m probes.capture --interface IF KIND ──▶ one line of JSON
                                       └ discoveries.py: what is asked ─ wire.py: frames ─ packets.py: scapy

Only that process needs CAP_NET_RAW and loads scapy (through probes.packets). Whatever it lacks becomes ProbeRefused
with the remedy, and the facts stay missing.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from probes.discoveries import KINDS, Wanted, discover
from probes.errors import ProbeError, ProbeRefused, ProbeTimeout, ProbeUnreadable
from probes.facts import Fact

#: on top of the probe's own time: start of the interpreter and import of scapy [E]
_START_S = 10.0


class ExitCode(IntEnum):
    """How the capture process ends."""

    #: JSON with facts is on standard output
    OK = 0
    #: wrong arguments
    USAGE = 2
    #: a privilege, a library or an interface is missing; the reason is on standard error
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What one probe saw: facts for a line, and all of it as the process told it."""

    facts: tuple[Fact, ...]
    detail: Mapping[str, Any]


async def observe(
    interface: str, wanted: Wanted, *, now: datetime, launcher: Sequence[str] = (sys.executable,)
) -> Seen:
    """Make one probe on an interface in a process of its own; it takes about `wanted.timeout_s` and a second.

    `launcher` is how an interpreter is started that may open raw sockets, such as one with file capabilities.

    Raises:
        ProbeRefused: scapy, the interface or the privilege is missing; the message says how to get it.
        ProbeTimeout: the process did not end in time.
        ProbeUnreadable: the process ended with neither facts nor a reason.
    """
    arguments = [*launcher, "-m", "probes.capture", "--interface", interface, *_arguments(wanted), wanted.kind]
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise ProbeRefused(f"{arguments[0]} does not start: {error.strerror}; check the launcher") from error
    patience_s = wanted.timeout_s + _START_S
    try:
        async with asyncio.timeout(patience_s):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise ProbeTimeout(f"the {wanted.kind} probe on {interface} did not end in {patience_s:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _seen(interface, wanted.kind, process.returncode, out, err, now)


def main(argv: Sequence[str] | None = None) -> int:
    """The capture process: one probe, one JSON object on standard output."""
    parser = argparse.ArgumentParser(prog="python -m probes.capture", description="One layer-2 probe.")
    parser.add_argument("kind", choices=sorted(KINDS))
    parser.add_argument("--interface", required=True, help="network interface to ask on")
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds to wait for an answer, or to watch")
    parser.add_argument("--vlan", type=int, help="VLAN to ask on, 1 to 4094")
    parser.add_argument("--address", default="", help="arp: the IPv4 address; igmp: the group")
    parser.add_argument("--port", type=int, help="igmp: the UDP port of the stream; else any")
    parser.add_argument("--count", type=int, default=3, help="how often a question is sent")
    parser.add_argument("--source-ip", default="", help="our IPv4 address; else the interface's own, or 0.0.0.0")
    parser.add_argument("--igmp-version", type=int, choices=(2, 3), default=2)
    parser.add_argument("--media-rate", type=float, help="igmp: nominal rate of the stream in bit/s, for MDI")
    given = parser.parse_args(argv)
    wanted = Wanted(
        given.kind,
        given.timeout,
        vlan=given.vlan,
        address=given.address,
        port=given.port,
        count=given.count,
        source_ip=given.source_ip,
        igmp_version=given.igmp_version,
        media_rate_bps=given.media_rate,
    )
    try:
        found = discover(given.interface, wanted)
    except ProbeError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.REFUSED
    sys.stdout.write(json.dumps(found) + "\n")
    return ExitCode.OK


def _arguments(wanted: Wanted) -> list[str]:
    named = {
        "--timeout": wanted.timeout_s,
        "--vlan": wanted.vlan,
        "--address": wanted.address or None,
        "--port": wanted.port,
        "--count": wanted.count,
        "--source-ip": wanted.source_ip or None,
        "--igmp-version": wanted.igmp_version,
        "--media-rate": wanted.media_rate_bps,
    }
    return [word for name, value in named.items() if value is not None for word in (name, str(value))]


def _seen(interface: str, kind: str, code: int | None, out: bytes, err: bytes, now: datetime) -> Seen:
    reason = err.decode("utf-8", "replace").strip()
    if code in (ExitCode.REFUSED, ExitCode.USAGE):
        raise ProbeRefused(reason.splitlines()[-1] if reason else f"the {kind} probe was refused")
    try:
        found = json.loads(out)
        stated = {str(name): bool(value) for name, value in found["facts"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ProbeUnreadable(
            f"the {kind} probe on {interface} ended with {code} and no facts: {reason[-200:]}"
        ) from error
    facts = tuple(Fact(name, value, now, f"capture {interface}", kind) for name, value in stated.items())
    return Seen(facts, found["detail"])


if __name__ == "__main__":
    sys.exit(main())
