"""Scripted faults: each changes the state of the neighbourhood as the real fault would, so that every source shows it.

FAULTS is the table: what a fault is called, what it does, and what the line test should say about it. The expected
verdict is used by the demo to check the product, never by the product.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from cli.simulator.neighbourhood import CpeKind, DownCause, Home, Neighbourhood, Session
from cli.texts import N_

#: (neighbourhood, the home that complains, when)
Breaker = Callable[[Neighbourhood, Home, datetime], None]


@dataclass(frozen=True, slots=True)
class Expected:
    """What the line test should say."""

    verdict: str
    cause: str
    location: str


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault. `title` and `complaint` are message ids.

    `service` is what the subscriber complains about, `said` what the support desk wrote down as facts. `shown_by`:
    only a device of one of these kinds in the home can show the fault; empty for one that other sources see.
    """

    name: str
    title: str
    complaint: str
    apply: Breaker
    expected: Expected
    service: str = "internet"
    said: Mapping[str, str] = field(default_factory=dict)
    shown_by: tuple[CpeKind, ...] = ()

    def can_strike(self, home: Home) -> bool:
        """Return whether anything would show the fault in this home."""
        return not self.shown_by or any(kind in home.cpes for kind in self.shown_by)


def power_off(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """The subscriber switched the ONT off: one dying gasp, all neighbours stay."""
    home.fall(now, DownCause.DYING_GASP)


def broken_drop(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """The drop is cut: loss of signal of one ONT, all neighbours stay."""
    home.fall(now, DownCause.LOSI)


def low_light(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """A bent or dirty drop: this ONT sees 6.8 dB less and comes below the sensitivity of class B+."""
    home.rx_step_db = round(-28.1 - home.base_rx_dbm, 2)
    home.since = now


def low_light_splitter(town: Neighbourhood, home: Home, now: datetime) -> None:
    """A bad splice before the splitter: most of its ONTs see 3.4 dB less, all stay online."""
    for neighbour in town.on_splitter(home.port, home.splitter)[:7]:
        neighbour.rx_step_db, neighbour.since = -3.4, now
    home.rx_step_db, home.since = -3.5, now


def feeder_cut(town: Neighbourhood, home: Home, now: datetime) -> None:
    """The feeder is cut: every ONT of the port loses the signal within seconds, none gasps; the laser is well."""
    for neighbour in list(town.alive(home.port)):
        neighbour.fall(now, DownCause.LOSI)


def area_power(town: Neighbourhood, home: Home, now: datetime) -> None:
    """Power fails in a street: twelve ONTs and the subscriber's own go down, over three splitters.

    Every fourth of them is of a kind whose capacitor is too small for a dying gasp.
    """
    struck = [other for other in town.alive(home.port) if other is not home and other.ont % 8 < 4 and other.ont < 24]
    for position, neighbour in enumerate(struck):
        gasped = position % 4 != 3
        neighbour.fall(now, DownCause.DYING_GASP if gasped else DownCause.LOSI)
        neighbour.powered = False
    home.fall(now, DownCause.DYING_GASP)


def wrong_password(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """AAA refuses the login: no session, while management on its own VLAN goes on."""
    home.session_wanted = Session.NONE
    home.radius = "reject_password"
    home.ppp_error = "ERROR_AUTHENTICATION_FAILURE"
    home.since = now


def lan_unplugged(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """No cable in any LAN port, and nobody on Wi-Fi."""
    home.lan_plugged = False
    home.since = now


def weak_wifi(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """The subscriber sits behind two walls: the worst client is at -82 dBm."""
    home.wifi_rssi_dbm = -82
    home.since = now


def hung_stb(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """The set-top box hangs: its port is up and its MAC is learned, but it answers nobody."""
    home.stb_hung = True
    home.since = now


def memory_exhausted(_town: Neighbourhood, home: Home, now: datetime) -> None:
    """The CPE has leaked its memory: 3 % are free and the processor swaps pages."""
    home.memory_free_pct = 3
    home.since = now


def healthy(_town: Neighbourhood, _home: Home, _now: datetime) -> None:
    """Nothing is wrong."""


FAULTS: tuple[Fault, ...] = (
    Fault(
        "power-off",
        N_("power off at home"),
        N_("The Internet does not work at all."),
        power_off,
        Expected("GUIDE_CUSTOMER", "customer_power_off", "home-power"),
    ),
    Fault(
        "broken-drop",
        N_("broken drop"),
        N_("A red lamp is lit on the terminal and nothing works."),
        broken_drop,
        Expected("DISPATCH_HOME", "drop_fibre_cut", "drop"),
        said={"led.los": "red", "led.power": "on"},
    ),
    Fault(
        "low-light",
        N_("low light on one line"),
        N_("The Internet is slow and breaks off."),
        low_light,
        Expected("DISPATCH_HOME", "low_rx_single", "drop"),
    ),
    Fault(
        "low-light-splitter",
        N_("low light on a splitter"),
        N_("It became slow this evening."),
        low_light_splitter,
        Expected("DISPATCH_LINE", "low_rx_shared", "splitter/closure"),
    ),
    Fault(
        "feeder-cut",
        N_("feeder cut"),
        N_("Nothing works, and the neighbours have the same."),
        feeder_cut,
        Expected("OPEN_OUTAGE", "mass_fibre", "feeder"),
    ),
    Fault(
        "area-power",
        N_("area power outage"),
        N_("The Internet is gone."),
        area_power,
        Expected("OPEN_OUTAGE", "mass_power", "home-power"),
    ),
    Fault(
        "ppp-password",
        N_("PPP password wrong"),
        N_("After a reset of the router the Internet does not come back."),
        wrong_password,
        Expected("REMOTE_FIX", "ppp_auth", "home-device"),
    ),
    Fault(
        "lan-unplugged",
        N_("LAN unplugged"),
        N_("The computer says that the cable is not connected."),
        lan_unplugged,
        Expected("GUIDE_CUSTOMER", "lan_unplugged", "home-LAN/Wi-Fi"),
    ),
    Fault(
        "weak-wifi",
        N_("weak Wi-Fi"),
        N_("Video stutters in the bedroom."),
        weak_wifi,
        Expected("GUIDE_CUSTOMER", "wifi_weak", "home-LAN/Wi-Fi"),
        shown_by=(CpeKind.ONT, CpeKind.ROUTER),
    ),
    Fault(
        "hung-stb",
        N_("hung set-top box"),
        N_("Television shows a frozen picture; the Internet works."),
        hung_stb,
        Expected("REMOTE_FIX", "stb_hung", "home-device"),
        service="iptv",
        shown_by=(CpeKind.STB,),
    ),
    Fault(
        "memory",
        N_("memory of the CPE exhausted"),
        N_("Pages open with long pauses."),
        memory_exhausted,
        Expected("REMOTE_FIX", "cpe_memory", "home-device"),
        shown_by=(CpeKind.ONT, CpeKind.ROUTER),
    ),
    Fault(
        "healthy",
        N_("healthy line"),
        N_("Something was wrong an hour ago."),
        healthy,
        Expected("NFF", "nff", "unknown"),
    ),
)


def casting(town: Neighbourhood) -> list[tuple[Fault, Home]]:
    """Return each fault with the home it happens to.

    Mass faults have ports of their own, and so has the home without power, which would else look like a neighbour of
    the broken drop; all others are on the last port. Needs five ports with ten homes and more, as `build` makes.
    """
    apart = ("feeder-cut", "area-power", "low-light-splitter", "power-off")
    homes = sorted(town.on_port(len(town.ports) - 1), key=lambda home: home.turn)
    single = iter([home for home in homes if home.cpes == (CpeKind.ONT,)])
    place = {name: town.on_port(port)[0] for port, name in enumerate(apart)}
    place["hung-stb"] = next(home for home in homes if CpeKind.STB in home.cpes)
    return [(fault, place.get(fault.name) or next(single)) for fault in FAULTS]
