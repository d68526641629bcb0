"""Layer-2 probes (PPPoE and DHCP discovery) in a process of their own.

    server: run_capture ──starts──▶ python -m probes.capture --interface IF pppoe|dhcp ──▶ one line of JSON

Only that process needs CAP_NET_RAW and loads scapy (through probes.packets). Whatever it lacks becomes ProbeRefused
with the remedy, and the facts stay missing.
"""

import argparse
import asyncio
import errno
import importlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from types import ModuleType

from probes.errors import ProbeError, ProbeRefused, ProbeTimeout, ProbeUnreadable
from probes.facts import Fact

#: how often a discovery is sent within its time
_TRIES = 3
#: on top of the probe's own time: start of the interpreter and import of scapy [E]
_START_S = 10.0
_ETH_P_IP = 0x0800
#: PPPoE discovery stage (RFC 2516 §4)
_ETH_P_PPP_DISC = 0x8863
#: octets of Ethernet, IPv4 without options, and UDP, up to and with the destination port
_UDP_PORTS = slice(34, 38)
_DHCP_ANSWER_PORTS = b"\x00\x43\x00\x44"
_REMEDY_PRIVILEGE = "the capture process needs CAP_NET_RAW: start it as root or give its interpreter cap_net_raw+ep"
_REMEDY_SCAPY = "scapy is not installed: pip install 'secondline[capture]'"


class ExitCode(IntEnum):
    """How the capture process ends."""

    #: JSON with facts is on standard output
    OK = 0
    #: wrong arguments
    USAGE = 2
    #: a privilege, a library or an interface is missing; the reason is on standard error
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class _Question:
    """One discovery: what to send, and what an answer says."""

    frame: bytes
    #: what a frame says: facts that are now true, or None when it is no answer to us
    read: Callable[[bytes], dict[str, bool] | None]
    #: facts when nobody answers
    silent: dict[str, bool]


async def run_capture(
    interface: str, kind: str, *, now: datetime, timeout_s: float = 3.0, launcher: Sequence[str] = (sys.executable,)
) -> list[Fact]:
    """Facts of one discovery on an interface: kind `pppoe` gives ppp.pado_seen, kind `dhcp` gives dhcp.offer_seen.

    `launcher` is how an interpreter is started that may open raw sockets, such as one with file capabilities.

    Raises:
        ProbeRefused: scapy, the interface or the privilege is missing; the message says how to get it.
        ProbeTimeout: the process did not end in time.
        ProbeUnreadable: the process ended with neither facts nor a reason.
    """
    arguments = [*launcher, "-m", "probes.capture", "--interface", interface, "--timeout", str(timeout_s), kind]
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise ProbeRefused(f"{arguments[0]} does not start: {error.strerror}; check the launcher") from error
    try:
        async with asyncio.timeout(timeout_s + _START_S):
            out, err = await process.communicate()
    except TimeoutError as error:
        raise ProbeTimeout(f"the {kind} probe on {interface} did not end in {timeout_s + _START_S:g} s") from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return _facts(interface, kind, process.returncode, out, err, now)


def main(argv: Sequence[str] | None = None) -> int:
    """The capture process: one discovery, one JSON object on standard output."""
    parser = argparse.ArgumentParser(prog="python -m probes.capture", description="One layer-2 discovery.")
    parser.add_argument("kind", choices=sorted(_QUESTIONS))
    parser.add_argument("--interface", required=True, help="network interface to ask on")
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds to wait for an answer")
    arguments = parser.parse_args(argv)
    try:
        found = capture(arguments.interface, arguments.kind, arguments.timeout)
    except ProbeError as error:
        sys.stderr.write(f"{error}\n")
        return ExitCode.REFUSED
    sys.stdout.write(json.dumps(found) + "\n")
    return ExitCode.OK


def capture(interface: str, kind: str, timeout_s: float) -> dict[str, bool]:
    """One discovery in this process: fact name → value. It blocks, and loads scapy.

    Raises:
        ProbeRefused: scapy, the interface or the privilege is missing.
    """
    ether_type, question_of = _QUESTIONS[kind]
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ether_type)) as wire:
            wire.bind((interface, ether_type))
            hardware = wire.getsockname()[4].hex(":")
            return _ask(wire, question_of(hardware), timeout_s)
    except PermissionError as error:
        raise ProbeRefused(_REMEDY_PRIVILEGE) from error
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise ProbeRefused(f"there is no network interface {interface!r}; `ip link` lists them") from error
        raise ProbeRefused(f"interface {interface}: {error.strerror}; is it up?") from error


def _ask(wire: socket.socket, question: _Question, timeout_s: float) -> dict[str, bool]:
    for _ in range(_TRIES):
        wire.send(question.frame)
        until = time.monotonic() + timeout_s / _TRIES
        while (left := until - time.monotonic()) > 0:
            wire.settimeout(left)
            try:
                frame = wire.recv(65535)
            except TimeoutError:
                break
            answer = question.read(frame)
            if answer is not None:
                return question.silent | answer
    return question.silent


def _pppoe(source: str) -> _Question:
    packets = _packets()
    mark = os.urandom(8)

    def read(frame: bytes) -> dict[str, bool] | None:
        offer = packets.parse_pado(frame)
        return {"ppp.pado_seen": True} if offer is not None and offer.host_uniq == mark else None

    return _Question(packets.padi(source, mark), read, {"ppp.pado_seen": False})


def _dhcp(source: str) -> _Question:
    packets = _packets()
    transaction = int.from_bytes(os.urandom(4), "big")

    def read(frame: bytes) -> dict[str, bool] | None:
        if frame[_UDP_PORTS] != _DHCP_ANSWER_PORTS:
            return None
        answer = packets.parse_dhcp(frame)
        if answer is None or answer.transaction != transaction:
            return None
        return {f"dhcp.{answer.kind}_seen": True}

    silent = {"dhcp.offer_seen": False, "dhcp.nak_seen": False}
    return _Question(packets.dhcp_discover(source, transaction), read, silent)


#: kind → EtherType of its frames, and how its question is made for a hardware address
_QUESTIONS: Mapping[str, tuple[int, Callable[[str], _Question]]] = {
    "pppoe": (_ETH_P_PPP_DISC, _pppoe),
    "dhcp": (_ETH_P_IP, _dhcp),
}


def _packets() -> ModuleType:
    """The module with scapy, only in the process that needs it."""
    try:
        return importlib.import_module("probes.packets")
    except ImportError as error:
        raise ProbeRefused(_REMEDY_SCAPY) from error


def _facts(interface: str, kind: str, code: int | None, out: bytes, err: bytes, now: datetime) -> list[Fact]:
    reason = err.decode("utf-8", "replace").strip()
    if code in (ExitCode.REFUSED, ExitCode.USAGE):
        raise ProbeRefused(reason.splitlines()[-1] if reason else f"the {kind} probe was refused")
    try:
        found = json.loads(out)
    except ValueError as error:
        raise ProbeUnreadable(
            f"the {kind} probe on {interface} ended with {code} and no facts: {reason[-200:]}"
        ) from error
    return [Fact(name, value, now, f"capture {interface}", kind) for name, value in found.items()]


if __name__ == "__main__":
    sys.exit(main())
