"""What the layer-2 probes ask, and what they make of the answers. It blocks, and loads scapy when it is called.

A discovery goes on for a moment after its first answer: a second concentrator, DHCP server or owner of an address is
what one wants to see.
"""

import importlib
import ipaddress
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any

from probes.errors import ProbeRefused
from probes.stream import StreamMeter
from probes.wire import Frame, Wire

_ETH_P_IP, _ETH_P_ARP = 0x0800, 0x0806
#: PPPoE discovery stage (RFC 2516 §4)
_ETH_P_PPP_DISC = 0x8863
#: octets of Ethernet, IPv4 without options, and UDP, up to and with the destination port
_UDP_PORTS = slice(34, 38)
_DHCP_ANSWER_PORTS = b"\x00\x43\x00\x44"
_REMEDY_SCAPY = "scapy is not installed: pip install 'secondline[capture]'"
#: so long after the first answer others are waited for [E]
_LINGER_S = 0.3
#: a report is repeated, as RFC 2236 §3 asks (Unsolicited Report Interval), and often enough for any querier [E]
_REPORT_EVERY_S = 5.0
_IGMP, _UDP, _QUERY = 2, 17, 0x11


@dataclass(frozen=True, slots=True)
class Wanted:
    """One probe. `address` is whom ARP asks for, or the group of IGMP; `timeout_s` is how long is waited or watched."""

    kind: str
    timeout_s: float = 3.0
    vlan: int | None = None
    address: str = ""
    port: int | None = None
    count: int = 3
    source_ip: str = ""
    igmp_version: int = 2
    media_rate_bps: float | None = None

    def check(self) -> None:
        """Refuse what makes no sense, before a frame leaves.

        Raises:
            ProbeRefused: it names what is wrong.
        """
        if self.vlan is not None and not 1 <= self.vlan <= 4094:
            raise ProbeRefused(f"VLAN {self.vlan} must be 1 to 4094")
        if not 1 <= self.count <= 100 or not 0 < self.timeout_s <= 600:
            raise ProbeRefused(f"count {self.count} must be 1 to 100, time {self.timeout_s:g} s at most 600")
        for name, text in (("address", self.address), ("source address", self.source_ip)):
            try:
                address = ipaddress.IPv4Address(text) if text else None
            except ValueError as error:
                raise ProbeRefused(f"{name} {text!r} is no IPv4 address") from error
            if name == "address" and self.kind == "igmp" and (address is None or not address.is_multicast):
                raise ProbeRefused(f"{text!r} is no multicast group; one is 224.0.0.0 to 239.255.255.255")
        if self.kind == "arp" and not self.address:
            raise ProbeRefused("arp needs the address that is asked for")


def discover(interface: str, wanted: Wanted) -> dict[str, Any]:
    """One probe in this process: `facts` (name → flag) and `detail`.

    Raises:
        ProbeRefused: scapy, the interface, the privilege is missing, or something wanted makes no sense.
    """
    ether_type, ask = KINDS[wanted.kind]
    wanted.check()
    packets = _packets()
    with Wire(interface, ether_type, wanted.vlan) as wire:
        return ask(wire, wanted, packets)


def _pppoe(wire: Wire, wanted: Wanted, packets: ModuleType) -> dict[str, Any]:
    mark = os.urandom(8)
    offers: dict[str, dict[str, Any]] = {}
    sent: list[int] = []
    for left_ns, frame in _asked(wire, wanted, packets.padi(wire.hardware, mark), sent, lambda: bool(offers)):
        offer = packets.parse_pado(frame.data)
        if offer is not None and offer.host_uniq == mark:
            offers.setdefault(
                offer.source,
                {
                    "concentrator": offer.concentrator,
                    "mac": offer.source,
                    "services": list(offer.services),
                    "error": offer.error,
                    "rtt_ms": _ms(frame, left_ns),
                },
            )
    return {"facts": {"ppp.pado_seen": bool(offers)}, "detail": {"offers": list(offers.values()), "sent": len(sent)}}


def _dhcp(wire: Wire, wanted: Wanted, packets: ModuleType) -> dict[str, Any]:
    transaction = int.from_bytes(os.urandom(4), "big")
    answers: dict[tuple[str, str], dict[str, Any]] = {}
    sent: list[int] = []
    question = packets.dhcp_discover(wire.hardware, transaction)
    for left_ns, frame in _asked(wire, wanted, question, sent, lambda: bool(answers)):
        if frame.data[_UDP_PORTS] != _DHCP_ANSWER_PORTS:
            continue
        answer = packets.parse_dhcp(frame.data)
        if answer is not None and answer.transaction == transaction:
            told = asdict(answer) | {"rtt_ms": _ms(frame, left_ns)}
            told.pop("transaction")
            answers.setdefault((answer.source, answer.kind), told)
    kinds = {kind for _, kind in answers}
    servers = {answer["server"] or answer["source"] for answer in answers.values()}
    return {
        "facts": {"dhcp.offer_seen": "offer" in kinds, "dhcp.nak_seen": "nak" in kinds},
        "detail": {"answers": list(answers.values()), "servers": sorted(servers), "sent": len(sent)},
    }


def _arp(wire: Wire, wanted: Wanted, packets: ModuleType) -> dict[str, Any]:
    own = wanted.source_ip or wire.own_address()
    request = packets.arp_request(wire.hardware, own, wanted.address)
    owners: dict[str, list[float]] = {}
    received = 0
    for _ in range(wanted.count):
        left_ns, heard = wire.send(request), set[str]()
        for frame in _until(wire, wanted.timeout_s / wanted.count, heard.__len__):
            told = packets.parse_arp(frame.data)
            if told is not None and told[0] == wanted.address:
                owners.setdefault(told[1], []).append(_ms(frame, left_ns))
                heard.add(told[1])
        received += bool(heard)
    answers = [{"mac": mac, "answers": len(times), "rtt_ms": min(times)} for mac, times in owners.items()]
    detail = {"answers": answers, "sent": wanted.count, "received": received, "conflict": len(owners) > 1}
    return {"facts": {}, "detail": detail}


def _igmp(wire: Wire, wanted: Wanted, packets: ModuleType) -> dict[str, Any]:
    own = wanted.source_ip or wire.own_address()
    group = ipaddress.IPv4Address(wanted.address).packed
    join = packets.igmp_join(wire.hardware, own, wanted.address, wanted.igmp_version)
    wire.hear_group(packets.group_hardware(wanted.address))
    meter = StreamMeter(wanted.media_rate_bps)
    sources: dict[str, int] = {}
    queries, first_ns, joined_ns = 0, 0, wire.send(join)
    until, report_at = time.monotonic() + wanted.timeout_s, time.monotonic() + _REPORT_EVERY_S
    for frame in wire.frames(wanted.timeout_s):
        if time.monotonic() >= report_at:
            wire.send(join)
            report_at = time.monotonic() + _REPORT_EVERY_S
        if _is_query(frame.data):
            queries += 1
            wire.send(join)
        payload = _datagram(frame.data, group, wanted.port)
        if payload is not None:
            first_ns = first_ns or frame.received_ns
            source = ".".join(map(str, frame.data[26:30]))
            sources[source] = sources.get(source, 0) + 1
            meter.take(payload, frame.received_ns)
        if time.monotonic() >= until:
            break
    wire.send(packets.igmp_leave(wire.hardware, own, wanted.address, wanted.igmp_version))
    detail = {
        "group": wanted.address,
        "joined_ms": max(0, first_ns - joined_ns) / 1e6 if first_ns else None,
        "queries": queries,
        "sources": sources,
        "stream": asdict(meter.result()),
    }
    return {"facts": {}, "detail": detail}


#: kind → EtherType of its frames, and what asks
KINDS: dict[str, tuple[int, Callable[[Wire, Wanted, ModuleType], dict[str, Any]]]] = {
    "pppoe": (_ETH_P_PPP_DISC, _pppoe),
    "dhcp": (_ETH_P_IP, _dhcp),
    "arp": (_ETH_P_ARP, _arp),
    "igmp": (_ETH_P_IP, _igmp),
}


def _asked(
    wire: Wire, wanted: Wanted, question: bytes, sent: list[int], answered: Callable[[], bool]
) -> Iterator[tuple[int, Frame]]:
    """Send a question until it is answered, at most `count` times: when it last left, and each frame."""
    for _ in range(wanted.count):
        sent.append(wire.send(question))
        for frame in _until(wire, wanted.timeout_s / wanted.count, answered):
            yield sent[-1], frame
        if answered():
            return


def _until(wire: Wire, seconds: float, answered: Callable[[], object]) -> Iterator[Frame]:
    """Frames for so long, or for a moment after the answer."""
    until = time.monotonic() + seconds
    lingering = False
    while (left := until - time.monotonic()) > 0:
        for frame in wire.frames(left):
            yield frame
            if answered() and not lingering:
                lingering, until = True, min(until, time.monotonic() + _LINGER_S)
                break
        else:
            return


def _datagram(frame: bytes, group: bytes, port: int | None) -> bytes | None:
    """The UDP payload of a frame to the group. Taken apart by hand: a stream is thousands of frames a second."""
    if frame[30:34] != group or frame[23] != _UDP:
        return None
    start = 14 + (frame[14] & 0x0F) * 4
    length = int.from_bytes(frame[start + 4 : start + 6], "big")
    if port is not None and int.from_bytes(frame[start + 2 : start + 4], "big") != port:
        return None
    return frame[start + 8 : start + length]


def _is_query(frame: bytes) -> bool:
    start = 14 + (frame[14] & 0x0F) * 4
    return frame[23] == _IGMP and len(frame) > start and frame[start] == _QUERY


def _ms(frame: Frame, left_ns: int) -> float:
    return round(max(0, frame.received_ns - left_ns) / 1e6, 3)


def _packets() -> ModuleType:
    """The module with scapy, only in the process that needs it."""
    try:
        return importlib.import_module("probes.packets")
    except ImportError as error:
        raise ProbeRefused(_REMEDY_SCAPY) from error
