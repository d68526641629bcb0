"""Access nodes of copper: a house switch and a DSLAM, each with one subscriber's port, by the standard tables.

The rule: this file only turns numbers into cells. Columns are those of IF-MIB, EtherLike-MIB, Q-BRIDGE-MIB and
ADSL-LINE-MIB; counters grow while the agent runs.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

from probes.snmp.agent import Agent, AgentTable, Cell, Kind

#: the subscriber's port, on every node of copper here
PORT = 7
#: seconds between two steps of the counters
STEP_S = 0.25
FRAMES_PER_STEP = 5_000

_IF = "1.3.6.1.2.1.2.2.1"
_IFX = "1.3.6.1.2.1.31.1.1.1"
_DOT3 = "1.3.6.1.2.1.10.7.2.1"
_ADSL = "1.3.6.1.2.1.10.94.1.1"
_FDB = "1.3.6.1.2.1.17.7.1.2.2.1.2"

#: column of a switch → (OID, healthy value)
SWITCH = {
    "oper": (f"{_IF}.8", 1),
    "admin": (f"{_IF}.7", 1),
    "speed": (f"{_IFX}.15", 100),
    "duplex": (f"{_DOT3}.19", 3),
}
#: column of a DSLAM → (OID, healthy value): tenths of dB, counts of this quarter of an hour
DSLAM = {
    "oper": (f"{_IF}.8", 1),
    "admin": (f"{_IF}.7", 1),
    "margin": (f"{_ADSL}.3.1.4", 120),
    "attenuation": (f"{_ADSL}.3.1.5", 320),
    "es": (f"{_ADSL}.7.1.11", 1),
    "crc": (f"{_ADSL}.11.1.11", 4),
    "fec": (f"{_ADSL}.11.1.10", 120),
    "retrains": (f"{_ADSL}.6.1.22", 0),
}
#: bits of adslAturCurrStatus
_NO_DEFECT, _LPR = b"\x80", b"\x10"
#: counters of a switch that grow: column → (OID, growth per step where nothing else is said)
_COUNTERS = {
    "frames": (f"{_IFX}.7", FRAMES_PER_STEP),
    "fcs": (f"{_DOT3}.3", 0),
    "late": (f"{_DOT3}.8", 0),
}


class CopperNode:
    """A running switch or DSLAM. `strike` gives it other numbers."""

    def __init__(self, access: str) -> None:
        self._access = access
        self._counts = {name: 0 for name in _COUNTERS}
        self._growth = {name: growth for name, (_, growth) in _COUNTERS.items()}
        self._gone: set[str] = set()
        self.agent = Agent(AgentTable())
        self._ticking: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Fill the tables, bind, and return the UDP port."""
        self.strike({})
        await self.agent.start()
        if self._access == "fttb":
            self._ticking = asyncio.create_task(self._tick())
        return self.agent.port

    async def stop(self) -> None:
        """Close the socket."""
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        await self.agent.stop()

    def refresh(self) -> None:
        """The tables always show the present numbers."""

    def strike(self, cells: Mapping[str, int]) -> None:
        """Show other numbers than the healthy ones; a negative one takes the column away."""
        table = self.agent.table
        system = {
            "1.3.6.1.2.1.1.1.0": Cell(Kind.OCTETS, b"access node"),
            "1.3.6.1.2.1.1.2.0": Cell(Kind.OID, "1.3.6.1.4.1.2"),
            "1.3.6.1.2.1.1.3.0": Cell(Kind.TIMETICKS, 8_640_000),
            f"{_IFX}.1.{PORT}": Cell(Kind.OCTETS, f"port {PORT}".encode()),
        }
        table.set_many(system)
        for name, (oid, healthy) in (SWITCH if self._access == "fttb" else DSLAM).items():
            number = cells.get(name, healthy)
            if number < 0:
                table.remove(f"{oid}.{PORT}")
            else:
                table.set(f"{oid}.{PORT}", Cell(Kind.INTEGER, number))
        if self._access == "fttb":
            self._growth |= {name: cells[name] for name in _COUNTERS if cells.get(name, -1) >= 0}
            self._gone = {name for name in _COUNTERS if cells.get(name, 0) < 0}
            self._addresses(cells.get("macs", 1))
            self._count()
        else:
            self._far_end(cells.get("no_power", 0))

    def _addresses(self, macs: int) -> None:
        """The forwarding table: those of the port, and one of the uplink, so that the table is never empty."""
        table = self.agent.table
        if macs < 0:
            table.remove_row(_FDB)
            return
        table.set(f"{_FDB}.1.2.0.94.0.0.250", Cell(Kind.INTEGER, PORT + 20))
        for mac in range(3):
            row = f"{_FDB}.1.2.0.94.0.0.{mac + 1}"
            if mac < macs:
                table.set(row, Cell(Kind.INTEGER, PORT))
            else:
                table.remove(row)

    def _far_end(self, no_power: int) -> None:
        """What the DSLAM says of the modem's own state."""
        table, oid = self.agent.table, f"{_ADSL}.3.1.6.{PORT}"
        if no_power < 0:
            table.remove(oid)
        else:
            table.set(oid, Cell(Kind.OCTETS, _LPR if no_power else _NO_DEFECT))

    def _count(self) -> None:
        for name, (oid, _) in _COUNTERS.items():
            if name in self._gone:
                self.agent.table.remove(f"{oid}.{PORT}")
                continue
            kind = Kind.COUNTER64 if name == "frames" else Kind.COUNTER32
            self.agent.table.set(f"{oid}.{PORT}", Cell(kind, self._counts[name]))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(STEP_S)
            for name, growth in self._growth.items():
                self._counts[name] += growth
            self._count()
