"""CWMP versions: what the CPE speaks, which one the session uses, and which RPC came with which version.

Source: TR-069 Amendment 6, §3.7.4; the version in which each RPC appeared is that of the schemas cwmp-1-0 … cwmp-1-4.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Final

#: The versions that we speak, oldest first.
SUPPORTED_VERSIONS: Final = ("1.0", "1.1", "1.2", "1.3", "1.4")
#: The version that brought an RPC; those that are not named are as old as 1.0.
RPC_SINCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "GetAllQueuedTransfers": "1.1",
        "AutonomousTransferComplete": "1.1",
        "ScheduleDownload": "1.2",
        "CancelTransfer": "1.2",
        "ChangeDUState": "1.2",
        "DUStateChangeComplete": "1.2",
        "AutonomousDUStateChangeComplete": "1.2",
    }
)
#: What the ACS answers to GetRPCMethods.
ACS_METHODS: Final = (
    "GetRPCMethods", "Inform", "TransferComplete", "AutonomousTransferComplete", "RequestDownload", "Kicked",
    "DUStateChangeComplete", "AutonomousDUStateChangeComplete",
)  # fmt: skip

_NAMESPACE_VERSION = re.compile(r"cwmp-1-(\d{1,2})$")


@dataclass(frozen=True, slots=True)
class Negotiated:
    """The version of a session. `use_version` goes into the InformResponse header, and only when it is not None."""

    version: str
    use_version: str | None


def negotiate(namespace: str, supported: Sequence[str] = (), *, has_session_timeout: bool = False) -> Negotiated | None:
    """The version for a session, from the headers of its Inform; None when there is no common one (fault 8006).

    Args:
        namespace: the cwmp namespace URI of the Inform.
        supported: the versions of its SupportedCWMPVersions header; empty when it sent none.
        has_session_timeout: whether it carried a SessionTimeout header, which tells 1.3 from 1.2.
    """
    if supported:
        common = [version for version in SUPPORTED_VERSIONS if version in supported]
        return Negotiated(common[-1], common[-1]) if common else None
    return _by_namespace(namespace, has_session_timeout)


def may_send(rpc: str, version: str, methods: frozenset[str] | None = None) -> bool:
    """Whether the ACS may send an RPC to a CPE of this version; the list from GetRPCMethods, when known, decides."""
    if methods is not None:
        return rpc in methods
    return _rank(RPC_SINCE.get(rpc, "1.0")) <= _rank(version)


@lru_cache(maxsize=64)
def _by_namespace(namespace: str, has_session_timeout: bool) -> Negotiated:
    found = _NAMESPACE_VERSION.search(namespace)
    minor = int(found[1]) if found else 0
    if minor == 2 and has_session_timeout:
        minor = 3
    return Negotiated(SUPPORTED_VERSIONS[min(minor, len(SUPPORTED_VERSIONS) - 1)], None)


def _rank(version: str) -> int:
    return SUPPORTED_VERSIONS.index(version) if version in SUPPORTED_VERSIONS else 0
