"""The OLT of the neighbourhood: SNMP tables of a SmartAX, computed from the state and served by `probes.snmp.agent`.

The rule: this file only turns state into cells. Columns, scales and sentinels are those of HUAWEI-XPON-MIB and of a
recording of an MA5603T; all begin with 1.3.6.1.4.1.2011.6.128.1.1.2.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

from cli.simulator.neighbourhood import FRAME, OLT_NAME, SLOT, Home, Neighbourhood, PonPort
from probes.snmp.agent import Agent, AgentTable, Cell, Kind

XPON = "1.3.6.1.4.1.2011.6.128.1.1.2"
SYS_DESCR = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
SYS_NAME = "1.3.6.1.2.1.1.5.0"
IF_DESCR = "1.3.6.1.2.1.2.2.1.2"
IF_OPER_STATUS = "1.3.6.1.2.1.2.2.1.8"
IF_NAME = "1.3.6.1.2.1.31.1.1.1.1"

#: what every column of the optics table says of an ONT that is offline
NO_VALUE = 2147483647
UNI_PORTS = 4
NEVER = bytes(8)


def if_index(port: int) -> int:
    """Return the ifIndex of a GPON port: type 125, frame, slot, port."""
    return (125 << 25) + (FRAME << 19) + (SLOT << 13) + (port << 8)


def cells(town: Neighbourhood, now: datetime) -> dict[str, Cell]:
    """Return the whole agent: OID → value, as the OLT would answer at `now`."""
    table = dict(_system(now))
    for port in town.ports:
        table.update(_port(port, town))
    for home in town.homes:
        table.update(_ont(home))
    return table


class Olt:
    """The running agent. `refresh` after every change of the state."""

    def __init__(self, town: Neighbourhood, *, port: int = 0, community: str = "public") -> None:
        self._town = town
        self._table = AgentTable()
        self.agent = Agent(self._table, port=port, community=community)

    async def start(self) -> int:
        """Fill the tables, bind, and return the UDP port."""
        self.refresh()
        await self.agent.start()
        return self.agent.port

    async def stop(self) -> None:
        """Close the socket."""
        await self.agent.stop()

    def refresh(self) -> None:
        """Bring the tables up to the present state."""
        self._table.set_many(cells(self._town, datetime.now(UTC)))


def date_and_time(instant: datetime | None) -> bytes:
    """Return DateAndTime (RFC 2579) with zone, in eleven bytes; all zero for never."""
    if instant is None:
        return NEVER
    at = instant.astimezone(UTC)
    clock = bytes([at.month, at.day, at.hour, at.minute, at.second, at.microsecond // 100_000])
    return at.year.to_bytes(2, "big") + clock + b"+\x00\x00"


def _system(now: datetime) -> Iterator[tuple[str, Cell]]:
    yield SYS_DESCR, _text("Huawei Integrated Access Software")
    yield SYS_OBJECT_ID, Cell(Kind.OID, "1.3.6.1.4.1.2011.2.123")
    yield SYS_UPTIME, Cell(Kind.TIMETICKS, int(now.timestamp() * 100) % 2**32)
    yield SYS_NAME, _text(OLT_NAME)


def _port(port: PonPort, town: Neighbourhood) -> Iterator[tuple[str, Cell]]:
    index = if_index(port.port)
    name = f"GPON {FRAME}/{SLOT}/{port.port}"
    yield f"{IF_DESCR}.{index}", _text(f"Huawei-MA5600-V800R018-{name}")
    yield f"{IF_NAME}.{index}", _text(name)
    yield f"{IF_OPER_STATUS}.{index}", _number(1)
    yield f"{XPON}.21.1.16.{index}", _number(len(town.on_port(port.port)))
    optics = {1: port.temperature_c, 2: 330, 3: port.bias_ma, 4: round(port.tx_dbm * 100)}
    for column, value in optics.items():
        yield f"{XPON}.23.1.{column}.{index}", _number(value)


def _ont(home: Home) -> Iterator[tuple[str, Cell]]:
    index = f"{if_index(home.port)}.{home.ont}"
    yield f"{XPON}.43.1.3.{index}", Cell(Kind.OCTETS, bytes.fromhex(home.gpon_serial))
    yield f"{XPON}.43.1.7.{index}", _text("line-profile_10")
    yield f"{XPON}.43.1.8.{index}", _text("srv-profile_10")
    yield f"{XPON}.43.1.9.{index}", _text(home.line)
    yield f"{XPON}.45.1.1.{index}", _text("159D.A")
    yield f"{XPON}.45.1.4.{index}", _text("EG8145V5")
    yield f"{XPON}.45.1.5.{index}", _text("V5R020C00S280")
    for column, cell in _state(home).items():
        yield f"{XPON}.46.1.{column}.{index}", cell
    for column, value in _optics(home).items():
        yield f"{XPON}.51.1.{column}.{index}", _number(value)
    for uni in range(1, UNI_PORTS + 1):
        link = home.online and home.lan_plugged and (uni == 1 or (uni == 2 and "iptv" in home.services))
        yield f"{XPON}.62.1.4.{index}.{uni}", _number(7 if link else 4)
        yield f"{XPON}.62.1.5.{index}.{uni}", _number(1)
        yield f"{XPON}.62.1.22.{index}.{uni}", _number(_link(home, link))


def _state(home: Home) -> dict[int, Cell]:
    gasp = home.down_at if home.down_cause is not None and home.down_cause.name == "DYING_GASP" else None
    return {
        1: _number(1),
        15: _number(1 if home.online else 2),
        16: _number(2 if home.online else -1),
        18: _number(2 if home.online else -1),
        20: _number(home.distance_m if home.online else -1),
        21: _number(3 if home.online else 0),
        22: Cell(Kind.OCTETS, date_and_time(home.up_at)),
        23: Cell(Kind.OCTETS, date_and_time(home.down_at)),
        24: _number(-1 if home.down_cause is None else home.down_cause),
        25: Cell(Kind.OCTETS, date_and_time(gasp)),
        29: _number(home.distance_m),
    }


def _optics(home: Home) -> dict[int, int]:
    if not home.online:
        return dict.fromkeys(range(1, 8), NO_VALUE)
    return {
        1: 46,
        2: 12,
        3: 230,
        4: round(home.rx_dbm * 100),
        5: 3315,
        6: round(home.olt_rx_dbm * 100) + 10_000,
        7: NO_VALUE,
    }


def _link(home: Home, up: bool) -> int:
    if not home.online:
        return -1
    return 1 if up else 2


def _number(value: int) -> Cell:
    return Cell(Kind.INTEGER, value)


def _text(value: str) -> Cell:
    return Cell(Kind.OCTETS, value.encode())
