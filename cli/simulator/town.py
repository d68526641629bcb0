"""A neighbourhood that runs: the OLT's agent, the CPEs, the feeds, and faults that happen to all of them at once.

The rule: a fault changes the state first; then the OLT, the CPEs and the feeds are brought up to it.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from acs.cwmp.envelope import NS_1_0, NS_1_2
from acs.cwmp.structs import DeviceId
from cli.client import Client
from cli.errors import CliError
from cli.simulator.cpe import Cpe, Habits
from cli.simulator.faults import Fault
from cli.simulator.feed import Feed, cpe_serial
from cli.simulator.indoors import reflect
from cli.simulator.neighbourhood import CpeKind, Home, Neighbourhood
from cli.simulator.olt import Olt
from cli.simulator.tree import Tree, load

#: seconds between two hand-overs of the other systems; a session is known for 300
FEED_PERIOD_S = 60.0
#: CPEs that may start within one second
STARTS_PER_S = 50

_IDENTITY = {
    CpeKind.ONT: ("Huawei Technologies Co., Ltd", "00259E", "EG8145V5"),
    CpeKind.ROUTER: ("TP-Link", "1C61B4", "Device2"),
    CpeKind.STB: ("SimTV", "02005E", "STB4K"),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server is and how the neighbourhood behaves towards it."""

    cwmp_url: str
    username: str
    password: str
    snmp_port: int = 0
    community: str = "public"
    periodic_s: int = 300
    habits: Callable[[], Habits] = Habits


class Town:
    """The running neighbourhood.

    `client` hands over the feeds; without one there are none. `complain` is told when a later hand-over fails; the next
    one is tried all the same, because a server may be restarted.
    """

    def __init__(
        self,
        state: Neighbourhood,
        settings: Settings,
        client: Client | None,
        complain: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self.state = state
        self._complain = complain
        self.cpes: dict[tuple[str, CpeKind], Cpe] = {}
        self.olt = Olt(state, port=settings.snmp_port, community=settings.community)
        self.snmp_port = 0
        self._settings = settings
        self._feed = None if client is None else Feed(state, client)
        self._feeding: asyncio.Task[None] | None = None
        for home in state.homes:
            for kind in home.cpes:
                self.cpes[home.line, kind] = self._make(home, kind)

    async def start(self, say: Callable[[str], None] = lambda _text: None) -> None:
        """Start the OLT, hand in inventory and history, start the CPEs and the periodic feeds."""
        self.snmp_port = await self.olt.start()
        if self._feed is not None:
            say("inventory")
            await asyncio.to_thread(self._feed.inventory, self.snmp_port, self._settings.community)
            say("history")
            await asyncio.to_thread(self._feed.history, datetime.now(UTC))
            await self.hand_over()
            self._feeding = asyncio.create_task(self._keep_feeding())
        say("cpes")
        for number, cpe in enumerate(self.cpes.values()):
            await cpe.start("0 BOOTSTRAP")
            if number % STARTS_PER_S == STARTS_PER_S - 1:
                await asyncio.sleep(1.0)

    async def stop(self) -> None:
        """Stop everything that was started."""
        if self._feeding is not None:
            self._feeding.cancel()
            await asyncio.gather(self._feeding, return_exceptions=True)
        await asyncio.gather(*(cpe.stop() for cpe in self.cpes.values()))
        await self.olt.stop()

    async def informed(self) -> None:
        """Return once every CPE has held a first session."""
        await asyncio.gather(*(cpe.wait_informed() for cpe in self.cpes.values()))

    async def strike(self, faults: list[tuple[Fault, Home]]) -> None:
        """Let faults happen, in every source at once."""
        now = datetime.now(UTC)
        for fault, home in faults:
            fault.apply(self.state, home, now)
        self.olt.refresh()
        await asyncio.gather(*(self._show(home, kind, cpe) for home, kind, cpe in self._living()))
        await self.hand_over()

    async def hand_over(self) -> None:
        """Hand over what the other systems say now."""
        if self._feed is not None:
            await asyncio.to_thread(self._feed.present, datetime.now(UTC))

    def _living(self) -> list[tuple[Home, CpeKind, Cpe]]:
        return [(self.state.home(line), kind, cpe) for (line, kind), cpe in self.cpes.items()]

    async def _show(self, home: Home, kind: CpeKind, cpe: Cpe) -> None:
        if not home.online:
            await cpe.stop()
            return
        reflect(cpe.tree, kind, home)
        if home.stb_hung and kind is CpeKind.STB:
            cpe.hang()
        cpe.notice_changes()

    async def _keep_feeding(self) -> None:
        while True:
            await asyncio.sleep(FEED_PERIOD_S)
            self.olt.refresh()
            try:
                await self.hand_over()
            except CliError as error:
                self._complain(error.message)

    def _make(self, home: Home, kind: CpeKind) -> Cpe:
        manufacturer, oui, product_class = _IDENTITY[kind]
        started = home.up_at or datetime.now(UTC)
        habits = self._settings.habits()
        habits.namespace = NS_1_0 if kind is CpeKind.ONT else NS_1_2
        return Cpe(
            device_id=DeviceId(manufacturer, oui, product_class, cpe_serial(home, kind)),
            make_tree=lambda cpe: self._tree(home, kind, cpe),
            password=self._settings.password,
            uptime_s=(datetime.now(UTC) - started).total_seconds(),
            habits=habits,
        )

    def _tree(self, home: Home, kind: CpeKind, cpe: Cpe) -> Tree:
        made = load(kind.value, self._fixed(home, kind), cpe.live)
        reflect(made, kind, home)
        made.take_changes()
        return made

    def _fixed(self, home: Home, kind: CpeKind) -> dict[str, str]:
        middle = {CpeKind.ONT: "10", CpeKind.ROUTER: "20", CpeKind.STB: "30"}[kind]
        return {
            "serial": cpe_serial(home, kind),
            "gpon_serial": f"HWTC{home.gpon_serial[8:]}",
            "number": str(home.number),
            "number_hex": f"{home.number % 256:02X}",
            "mac": f"02:00:5E:{middle}:{home.number // 256:02X}:{home.number % 256:02X}",
            "acs_url": self._settings.cwmp_url,
            "username": self._settings.username,
            "cr_username": f"cr-{cpe_serial(home, kind)}",
            "periodic_s": str(self._settings.periodic_s),
            "wan_address": f"10.20.{home.number // 250}.{home.number % 250 + 2}",
            "pppoe_login": home.pppoe_login,
            "vlan": str(1000 + home.port),
        }
