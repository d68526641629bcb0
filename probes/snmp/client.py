"""Reading an agent: GET, walks of one subtree, and whole columns, for SNMP v1, v2c and v3.

The rule: a caller gets the whole answer, or a part that says that it is a part; never a part that looks whole.
Library errors leave this module as ProbeError kinds.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

#: an OID in numbers without a leading dot
Oid = str
#: OCTET STRING is bytes, OBJECT IDENTIFIER and IpAddress are text, every number is int
Value = int | float | bytes | str


class Version(StrEnum):
    """The SNMP versions that the client speaks."""

    V1 = "1"
    V2C = "2c"
    V3 = "3"


@dataclass(frozen=True, slots=True)
class V3User:
    """One user of SNMPv3 (RFC 3414). An empty password means that this protection is not used."""

    name: str
    auth: str = "sha"
    auth_password: str = field(default="", repr=False)
    privacy: str = "aes128"
    privacy_password: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class SnmpTarget:
    """Where an agent is and how to talk to it. `timeout_s` is for the first try; every retry waits 1.5 times longer."""

    address: str
    port: int = 161
    community: str = field(default="public", repr=False)
    version: Version = Version.V2C
    user: V3User | None = None
    timeout_s: float = 2.0
    retries: int = 2
    max_repetitions: int = 25


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk gave. `complete` is False when it stopped before the end of the subtree; `problem` says why."""

    rows: tuple[tuple[Oid, Value], ...]
    complete: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns by row: `rows[index][column name]`; a cell that the agent does not have is absent."""

    rows: Mapping[str, Mapping[str, Value]]
    complete: bool
    problem: str = ""


async def get(target: SnmpTarget, oids: Iterable[Oid]) -> dict[Oid, Value]:
    """Values by OID in one request; an OID that the agent does not have is absent.

    Raises:
        ProbeTimeout: no answer after all retries.
        ProbeRefused: wrong user or password (v3), or the port is closed.
        ProbeUnreadable: the answer is not SNMP.
    """
    raise NotImplementedError


async def walk(target: SnmpTarget, root: Oid, *, limit: int = 20_000) -> Walk:
    """All instances below `root`, in order, at most `limit`."""
    raise NotImplementedError


async def columns(target: SnmpTarget, oids: Mapping[str, Oid], *, below: str = "") -> Table:
    """Columns of one table as rows by index; `below` keeps to the rows whose index begins with it."""
    raise NotImplementedError
