"""The state of a simulated neighbourhood: who lives where, what hangs on which splitter, what is broken.

The rule: no I/O and no clock; faults change this state, and OLT, CPEs and feeds are computed from it.

    OLT ── slot/port (PON) ── splitter A … D ── drop ── ONT ── home (set-top box, Wi-Fi, wired hosts)
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum

OLT_NAME = "olt-1"
FRAME = 0
SLOT = 1
ONTS_PER_SPLITTER = 8
#: an ONT that was dead for this long counts neither as sibling nor as fallen
LONG_DEAD = timedelta(days=30)
#: homes of the last port that always have a CPE, if any has
FIRST_HOMES = 10


class DownCause(IntEnum):
    """Why an OLT says that an ONT went down: hwGponDeviceOntControlLastDownCause of the SmartAX MIB."""

    #: loss of signal for one ONT: its fibre
    LOSI = 2
    #: the ONT said that its power fails
    DYING_GASP = 13
    #: the ONT was restarted
    RESET = 9


class CpeKind(StrEnum):
    """What a home has as its CPE; the value is the name of the tree."""

    #: an ONT that routes, TR-098
    ONT = "ont-tr098"
    #: a router behind a bridging ONT, TR-181
    ROUTER = "router-tr181"
    #: a set-top box, TR-135; never the only CPE of a home
    STB = "stb-tr135"


class Session(StrEnum):
    """What AAA knows of the subscriber's session."""

    UP = "up"
    NONE = "none"


@dataclass(slots=True)
class Home:
    """One subscriber: the line, its ONT, and everything that a fault may change about it."""

    number: int
    line: str
    port: int
    ont: int
    splitter: str
    distance_m: int
    base_rx_dbm: float
    cpes: tuple[CpeKind, ...] = ()
    services: tuple[str, ...] = ("internet",)
    powered: bool = True
    fibre: bool = True
    rx_step_db: float = 0.0
    down_at: datetime | None = None
    down_cause: DownCause | None = None
    up_at: datetime | None = None
    session_wanted: Session = Session.UP
    radius: str = "accept"
    ppp_error: str = "ERROR_NONE"
    lan_plugged: bool = True
    wifi_rssi_dbm: int | None = None
    memory_free_pct: int | None = None
    stb_hung: bool = False
    since: datetime | None = None

    @property
    def turn(self) -> tuple[int, int]:
        """Order in which homes get a CPE and a part in the faults: the first of each splitter, then the second ones."""
        return self.ont % ONTS_PER_SPLITTER, self.ont // ONTS_PER_SPLITTER

    @property
    def online(self) -> bool:
        """Whether the ONT is up: powered, and with light."""
        return self.powered and self.fibre

    @property
    def session(self) -> Session:
        """What AAA knows: no session where the ONT is down or the login is refused."""
        return self.session_wanted if self.online else Session.NONE

    @property
    def rx_dbm(self) -> float:
        """Light at the ONT in dBm, as it would be with power."""
        return round(self.base_rx_dbm + self.rx_step_db, 2)

    @property
    def olt_rx_dbm(self) -> float:
        """Light of this ONT at the OLT in dBm: the way up loses what the way down loses, from a weaker laser."""
        return round(self.rx_dbm - 2.2, 2)

    @property
    def gpon_serial(self) -> str:
        """The serial that the OLT knows, in hexadecimal: four letters of the vendor and our number."""
        return f"48575443{0xA0000000 + self.number:08X}"

    @property
    def pppoe_login(self) -> str:
        """The login of the order."""
        return f"user{self.number:05d}@operator.example"

    @property
    def address(self) -> str:
        """Where the subscriber lives."""
        return f"Sadovaya ulitsa {1 + self.number // 16}, kv. {1 + self.number % 16}"

    def fall(self, at: datetime, cause: DownCause) -> None:
        """Go down: the OLT remembers when and why."""
        self.powered = self.powered and cause is not DownCause.DYING_GASP
        self.fibre = self.fibre and cause is not DownCause.LOSI
        self.down_at, self.down_cause = at, cause


@dataclass(slots=True)
class PonPort:
    """One PON port of the OLT and its optics."""

    port: int
    tx_dbm: float = 3.2
    temperature_c: int = 41
    bias_ma: int = 18


@dataclass(slots=True)
class Neighbourhood:
    """Everything that is simulated behind one OLT."""

    ports: list[PonPort] = field(default_factory=list)
    homes: list[Home] = field(default_factory=list)

    def home(self, line: str) -> Home:
        """Return the home of a line; KeyError if there is none."""
        for home in self.homes:
            if home.line == line:
                return home
        raise KeyError(line)

    def on_port(self, port: int) -> list[Home]:
        """Return the homes on a PON port, in the order of ONT numbers."""
        return [home for home in self.homes if home.port == port]

    def on_splitter(self, port: int, splitter: str) -> list[Home]:
        """Return the homes on a splitter."""
        return [home for home in self.on_port(port) if home.splitter == splitter]

    def alive(self, port: int) -> Iterator[Home]:
        """Yield the homes on a port whose ONT is up."""
        return (home for home in self.on_port(port) if home.online)


def build(now: datetime, *, ports: int = 5, onts_per_port: int = 32, cpes: int = 24, stbs: int = 2) -> Neighbourhood:
    """Return a healthy neighbourhood.

    Every port has `onts_per_port` ONTs on splitters of eight; the last ONT of each port is dead for a month, as one
    always is. `cpes` homes have a CPE that informs: first the first ten of the last port, then the others by ONT
    number, so that L0001 to L0003 always have one; outside of the last port every fourth is a router behind a bridging
    ONT. The last `stbs` of those ten watch television and have a set-top box.
    """
    town = Neighbourhood([PonPort(port, tx_dbm=3.1 + port / 10) for port in range(ports)])
    for port in range(ports):
        for ont in range(onts_per_port):
            town.homes.append(_home(len(town.homes) + 1, port, ont, now))
        if onts_per_port > 1:
            town.homes[-1].fall(now - LONG_DEAD, DownCause.LOSI)
    first = sorted(town.on_port(ports - 1), key=lambda home: home.turn)[:FIRST_HOMES]
    others = sorted((home for home in town.homes if home not in first), key=lambda home: (home.ont, home.port))
    for home in [home for home in first + others if home.online][:cpes]:
        routes = home in first or home.ont % 4 != 1
        home.cpes = (CpeKind.ONT,) if routes else (CpeKind.ROUTER,)
    for home in [home for home in first if home.cpes][-stbs:] if stbs else []:
        home.cpes = (CpeKind.ONT, CpeKind.STB)
        home.services = ("internet", "iptv")
    return town


def _home(number: int, port: int, ont: int, now: datetime) -> Home:
    booted = now - timedelta(days=10 + number % 30, minutes=number * 17)
    distance = 900 + 70 * ont + 11 * port
    return Home(
        number=number,
        line=f"L{number:04d}",
        port=port,
        ont=ont,
        splitter="ABCDEFGHIJKLMNOP"[ont // ONTS_PER_SPLITTER % 16],
        distance_m=distance,
        base_rx_dbm=round(-18.6 - distance / 1000 - (number * 7 % 13) / 10, 2),
        up_at=booted,
        down_at=booted - timedelta(minutes=3),
        down_cause=DownCause.RESET,
    )
