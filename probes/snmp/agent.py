"""An SNMP v2c agent over a table of values, for the simulator and the tests. It never leaves the loopback by itself."""

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """The BER tags of SNMP values (RFC 2578, RFC 3416)."""

    INTEGER = 0x02
    OCTETS = 0x04
    NULL = 0x05
    OID = 0x06
    IP_ADDRESS = 0x40
    COUNTER32 = 0x41
    GAUGE32 = 0x42
    TIMETICKS = 0x43
    OPAQUE = 0x44
    COUNTER64 = 0x46


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of an agent: numbers for number kinds, bytes for OCTETS, dotted text for OID and IP_ADDRESS."""

    kind: Kind
    value: int | bytes | str | None


class AgentTable:
    """OID → Cell in the order of OIDs; it may change while the agent serves it."""

    def set(self, oid: str, cell: Cell) -> None:
        """Put a value; the next answer shows it."""
        raise NotImplementedError

    def set_many(self, cells: dict[str, Cell]) -> None:
        """Put many values at once, sorting once."""
        raise NotImplementedError

    def remove(self, oid: str) -> None:
        """Take a value away; unknown OIDs are ignored."""
        raise NotImplementedError


class Agent:
    """A UDP server that answers GET, GETNEXT and GETBULK from a table. `delay_s` imitates a slow node."""

    def __init__(
        self, table: AgentTable, *, host: str = "127.0.0.1", port: int = 0, community: str = "public"
    ) -> None:
        self.table = table
        self.host = host
        self.port = port
        self.community = community
        self.delay_s = 0.0
        #: when False the agent receives and says nothing, like a node behind a cut cable
        self.answering = True

    async def start(self) -> None:
        """Bind; afterwards `port` is the real port."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Close the socket; returns when it is closed."""
        raise NotImplementedError
