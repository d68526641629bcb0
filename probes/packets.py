"""Frames of PPPoE and DHCP discovery: the only module that imports scapy, and it does no I/O.

Only `probes.capture` imports it, and only inside its own process: scapy costs a second of import, tens of megabytes,
and is GPL-2.0-only.
"""

from dataclasses import dataclass

from scapy.error import Scapy_Exception
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.layers.ppp import PPPoED, PPPoED_Tags, PPPoETag

_BROADCAST = "ff:ff:ff:ff:ff:ff"
#: RFC 2516 §5
_PADI, _PADO = 0x09, 0x07
#: RFC 2516 Appendix A
_SERVICE_NAME, _AC_NAME, _HOST_UNIQ = 0x0101, 0x0102, 0x0103
#: RFC 2132 §9.6: DHCP message types that answer a Discover
_DHCP_ANSWERS = {2: "offer", 6: "nak"}


@dataclass(frozen=True, slots=True)
class Pado:
    """An access concentrator's offer: its name and address, and the mark of the PADI that it answers."""

    concentrator: str
    source: str
    host_uniq: bytes


@dataclass(frozen=True, slots=True)
class DhcpAnswer:
    """A DHCP server's word to a Discover: `offer` or `nak`, with the transaction that it answers."""

    kind: str
    transaction: int
    server: str
    offered: str


def padi(source: str, host_uniq: bytes) -> bytes:
    """A PADI frame for any service, from a MAC address (RFC 2516 §5.1)."""
    tags = [
        PPPoETag(tag_type=_SERVICE_NAME, tag_value=b""),
        PPPoETag(tag_type=_HOST_UNIQ, tag_value=host_uniq),
    ]
    return bytes(Ether(dst=_BROADCAST, src=source) / PPPoED(code=_PADI) / PPPoED_Tags(tag_list=tags))


def parse_pado(frame: bytes) -> Pado | None:
    """The PADO in a frame; None for anything else, broken frames included."""
    packet = _parsed(frame)
    if packet is None or PPPoED not in packet or packet[PPPoED].code != _PADO or PPPoED_Tags not in packet:
        return None
    tags = {int(tag.tag_type): bytes(tag.tag_value) for tag in packet[PPPoED_Tags].tag_list}
    return Pado(
        concentrator=tags.get(_AC_NAME, b"").decode("utf-8", "replace"),
        source=str(packet.src),
        host_uniq=tags.get(_HOST_UNIQ, b""),
    )


def dhcp_discover(source: str, transaction: int) -> bytes:
    """A broadcast DHCPDISCOVER frame from a MAC address, asking for a broadcast answer (RFC 2131 §4.1)."""
    hardware = bytes.fromhex(source.replace(":", ""))
    return bytes(
        Ether(dst=_BROADCAST, src=source)
        / IP(src="0.0.0.0", dst="255.255.255.255")
        / UDP(sport=68, dport=67)
        / BOOTP(chaddr=hardware, xid=transaction, flags=0x8000)
        / DHCP(options=[("message-type", "discover"), ("param_req_list", [1, 3, 6, 51]), "end"])
    )


def parse_dhcp(frame: bytes) -> DhcpAnswer | None:
    """The Offer or Nak in a frame; None for anything else, broken frames included."""
    packet = _parsed(frame)
    if packet is None or BOOTP not in packet or DHCP not in packet or packet[BOOTP].op != 2:
        return None
    options = {option[0]: option[1] for option in packet[DHCP].options if isinstance(option, tuple)}
    kind = _DHCP_ANSWERS.get(options.get("message-type", 0))
    if kind is None:
        return None
    return DhcpAnswer(
        kind=kind,
        transaction=int(packet[BOOTP].xid),
        server=str(options.get("server_id", "")),
        offered=str(packet[BOOTP].yiaddr),
    )


def _parsed(frame: bytes) -> Ether | None:
    """A frame as scapy reads it. Foreign frames may be anything, and scapy's dissectors fail in their own ways."""
    try:
        return Ether(frame)
    except (Scapy_Exception, ValueError, IndexError, KeyError, TypeError):
        return None
