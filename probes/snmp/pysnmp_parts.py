"""pysnmp's parts that writing and notifying share: one engine, targets, users, values. Loaded only where they are used.

One engine serves the whole process: a new one costs 150 ms and more for each request.
"""

import functools
from typing import Any

from pysnmp.hlapi.v3arch import asyncio as hlapi  # type: ignore[import-untyped]
from pysnmp.proto.rfc1902 import ObjectIdentifier  # type: ignore[import-untyped]

from probes.errors import ProbeRefused
from probes.snmp.ber import Cell, Kind
from probes.snmp.target import Oid, SnmpTarget, V3User, Version

_AUTH = {
    "md5": hlapi.usmHMACMD5AuthProtocol,
    "sha": hlapi.usmHMACSHAAuthProtocol,
    "sha224": hlapi.usmHMAC128SHA224AuthProtocol,
    "sha256": hlapi.usmHMAC192SHA256AuthProtocol,
    "sha384": hlapi.usmHMAC256SHA384AuthProtocol,
    "sha512": hlapi.usmHMAC384SHA512AuthProtocol,
}
_PRIVACY = {
    "des": hlapi.usmDESPrivProtocol,
    "aes128": hlapi.usmAesCfb128Protocol,
    # the keys are made longer as the reading library does it (draft-reeder-snmpv3-usm-3desede, as most agents do)
    "aes192": hlapi.usmAesCfb192Protocol,
    "aes256": hlapi.usmAesCfb256Protocol,
}
_KINDS = {
    Kind.INTEGER: hlapi.Integer32,
    Kind.OCTETS: hlapi.OctetString,
    Kind.OID: ObjectIdentifier,
    Kind.IP_ADDRESS: hlapi.IpAddress,
    Kind.COUNTER32: hlapi.Counter32,
    Kind.GAUGE32: hlapi.Gauge32,
    Kind.TIMETICKS: hlapi.TimeTicks,
    Kind.OPAQUE: hlapi.Opaque,
    Kind.COUNTER64: hlapi.Counter64,
}


@functools.cache
def engine() -> Any:
    """The engine of this process."""
    return hlapi.SnmpEngine()


def close() -> None:
    """Let the engine's sockets go; the next use makes a new engine."""
    if engine.cache_info().currsize:
        engine().close_dispatcher()
        engine.cache_clear()


async def transport(target: SnmpTarget, address: str) -> Any:
    """Where a message goes, with the target's patience."""
    kind = hlapi.Udp6TransportTarget if ":" in address else hlapi.UdpTransportTarget
    return await kind.create((address, target.port), timeout=target.timeout_s, retries=target.retries)


def credentials(version: Version, community: str, user: V3User | None) -> Any:
    """Whose message it is.

    Raises:
        ProbeRefused: SNMPv3 without a user, or a password that is too short for a key.
    """
    if version is not Version.V3:
        return hlapi.CommunityData(community, mpModel=0 if version is Version.V1 else 1)
    if user is None:
        raise ProbeRefused("SNMPv3 needs a user")
    protections: dict[str, Any] = {}
    if user.auth_password:
        protections |= {"authKey": user.auth_password, "authProtocol": _AUTH[user.auth]}
    if user.privacy_password:
        protections |= {"privKey": user.privacy_password, "privProtocol": _PRIVACY[user.privacy]}
    return hlapi.UsmUserData(user.name, **protections)


def varbind(oid: Oid, cell: Cell) -> Any:
    """One variable with its value."""
    kind = _KINDS.get(cell.kind)
    if kind is None or cell.value is None:
        raise ProbeRefused(f"{oid}: {cell.kind.name} is no value that can be written")
    return hlapi.ObjectType(hlapi.ObjectIdentity(oid), kind(cell.value))
