"""Frames of PPPoE and DHCP discovery, ARP and IGMP: the only module that imports scapy, and it does no I/O.

Only `probes.capture` imports it, and only inside its own process: scapy costs a second of import, tens of megabytes,
and is GPL-2.0-only.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from scapy.contrib.igmp import IGMP  # type: ignore[attr-defined]  # the class is made by a decorator
from scapy.contrib.igmpv3 import IGMPv3gr, IGMPv3mr
from scapy.error import Scapy_Exception
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import IP, UDP, IPOption_Router_Alert
from scapy.layers.l2 import ARP, Ether
from scapy.layers.ppp import PPPoED, PPPoED_Tags, PPPoETag

_BROADCAST = "ff:ff:ff:ff:ff:ff"
#: RFC 2516 §5
_PADI, _PADO = 0x09, 0x07
#: RFC 2516 Appendix A
_SERVICE_NAME, _AC_NAME, _HOST_UNIQ = 0x0101, 0x0102, 0x0103
_ERRORS = (0x0201, 0x0202, 0x0203)
#: RFC 2236 §2 and RFC 3376 §4.2: report and leave; where they go
_REPORT_2, _LEAVE_2, _REPORT_3 = 0x16, 0x17, 0x22
_TO_INCLUDE, _TO_EXCLUDE = 3, 4
_ALL_ROUTERS, _ALL_IGMP3 = "224.0.0.2", "224.0.0.22"
#: RFC 2132 §9.6: DHCP message types that answer a Discover
_DHCP_ANSWERS = {2: "offer", 6: "nak"}


@dataclass(frozen=True, slots=True)
class Pado:
    """An access concentrator's offer: its name and address, and the mark of the PADI that it answers."""

    concentrator: str
    source: str
    host_uniq: bytes
    services: tuple[str, ...] = ()
    #: what it says against us (RFC 2516 Appendix A, error tags)
    error: str = ""


@dataclass(frozen=True, slots=True)
class DhcpAnswer:
    """A DHCP server's word to a Discover: `offer` or `nak`, with the transaction that it answers."""

    kind: str
    transaction: int
    server: str
    offered: str
    source: str = ""
    mask: str = ""
    router: str = ""
    resolvers: tuple[str, ...] = ()
    lease_s: int | None = None
    #: the relay that carried it; 0.0.0.0 without one
    relay: str = "0.0.0.0"


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
    listed = [(int(tag.tag_type), bytes(tag.tag_value)) for tag in packet[PPPoED_Tags].tag_list]
    tags = dict(listed)
    return Pado(
        concentrator=tags.get(_AC_NAME, b"").decode("utf-8", "replace"),
        source=str(packet.src),
        host_uniq=tags.get(_HOST_UNIQ, b""),
        services=tuple(value.decode("utf-8", "replace") for kind, value in listed if kind == _SERVICE_NAME),
        error="; ".join(value.decode("utf-8", "replace") for kind, value in listed if kind in _ERRORS),
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
    options = {option[0]: option[1:] for option in packet[DHCP].options if isinstance(option, tuple)}
    kind = _DHCP_ANSWERS.get(options.get("message-type", (0,))[0])
    if kind is None:
        return None
    return DhcpAnswer(
        kind=kind,
        transaction=int(packet[BOOTP].xid),
        server=_first(options, "server_id"),
        offered=str(packet[BOOTP].yiaddr),
        source=str(packet.src),
        mask=_first(options, "subnet_mask"),
        router=_first(options, "router"),
        resolvers=tuple(map(str, options.get("name_server", ()))),
        lease_s=options["lease_time"][0] if "lease_time" in options else None,
        relay=str(packet[BOOTP].giaddr),
    )


def arp_request(source: str, own_address: str, wanted: str) -> bytes:
    """A broadcast ARP request; from 0.0.0.0 it is a probe that no table remembers (RFC 5227)."""
    return bytes(
        Ether(dst=_BROADCAST, src=source)
        / ARP(op=1, hwsrc=source, psrc=own_address, hwdst="00:00:00:00:00:00", pdst=wanted)
    )


def parse_arp(frame: bytes) -> tuple[str, str] | None:
    """Address and hardware address that an ARP reply tells; None for anything else."""
    packet = _parsed(frame)
    if packet is None or ARP not in packet or packet[ARP].op != 2:
        return None
    return str(packet[ARP].psrc), str(packet[ARP].hwsrc)


def igmp_join(source: str, own_address: str, group: str, version: int) -> bytes:
    """A membership report for a group, of IGMP version 2 or 3 (any source)."""
    if version == 3:
        return _igmp_3(source, own_address, group, _TO_EXCLUDE)
    return bytes(_to_group(source, own_address, group) / IGMP(type=_REPORT_2, gaddr=group))


def igmp_leave(source: str, own_address: str, group: str, version: int) -> bytes:
    """The word that ends a membership."""
    if version == 3:
        return _igmp_3(source, own_address, group, _TO_INCLUDE)
    return bytes(_to_group(source, own_address, _ALL_ROUTERS) / IGMP(type=_LEAVE_2, gaddr=group))


def group_hardware(group: str) -> str:
    """The Ethernet address of an IPv4 group (RFC 1112 §6.4)."""
    low = [int(part) for part in group.split(".")][1:]
    return f"01:00:5e:{low[0] & 0x7F:02x}:{low[1]:02x}:{low[2]:02x}"


def _igmp_3(source: str, own_address: str, group: str, change: int) -> bytes:
    record = IGMPv3gr(rtype=change, maddr=group)
    return bytes(_to_group(source, own_address, _ALL_IGMP3) / IGMPv3mr(type=_REPORT_3, numgrp=1, records=[record]))


def _to_group(source: str, own_address: str, group: str) -> Ether:
    """RFC 2236 §2: one hop, with the router alert option."""
    return Ether(dst=group_hardware(group), src=source) / IP(
        src=own_address, dst=group, ttl=1, tos=0xC0, proto=2, options=[IPOption_Router_Alert()]
    )


def _first(options: Mapping[str, tuple[object, ...]], name: str) -> str:
    """The first value of a DHCP option as text; empty without it."""
    return str(options.get(name, ("",))[0])


def _parsed(frame: bytes) -> Ether | None:
    """A frame as scapy reads it. Foreign frames may be anything, and scapy's dissectors fail in their own ways."""
    try:
        return Ether(frame)
    except (Scapy_Exception, ValueError, IndexError, KeyError, TypeError):
        return None
