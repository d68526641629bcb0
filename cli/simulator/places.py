"""One scenario, standing: its access node, its PON with neighbours, its CPEs. `strike` makes it what the scenario says.

The rule: what is broken is broken at its source; no other source is told what it would not notice.
"""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from acs.profiles.schema import load_profiles
from cli.simulator.copper import PORT, CopperNode
from cli.simulator.cpe import Cpe
from cli.simulator.feed import cpe_serial
from cli.simulator.indoors import reflect
from cli.simulator.neighbourhood import FRAME, ONTS_PER_SPLITTER, SLOT, CpeKind, DownCause, Home, build
from cli.simulator.olt import XPON, if_index
from cli.simulator.scenario_files import Near, Scenario
from cli.simulator.town import Settings, Town
from cli.simulator.tree import Tree
from probes.snmp.agent import Cell, Kind

#: numbers of homes per scenario: no two scenarios have a serial in common
NUMBERS = 64
_CAUSES = {"losi": DownCause.LOSI, "dgi": DownCause.DYING_GASP}
#: looks after a restart whether its session is through, and seconds between two of them
_LOOKS, _LOOK_S = 400, 0.05
#: rows that a table cut short still has
_HALF = 0.55
_KINDS = {"ont": CpeKind.ONT, "router": CpeKind.ROUTER}
#: what of a tree is kept beside that which a profile reads: a whole one costs a second per device
_KEPT = ("DeviceInfo.", "ManagementServer.", "PPPConnection.", "PPP.Interface.", "DHCPv4.Client.", "RootData")
_DROPPED = (".Process.", ".Stats.")


class Place(Town):
    """The running scenario; a Town of one PON, or of one port of copper."""

    def __init__(self, number: int, scenario: Scenario, settings: Settings, now: datetime) -> None:
        self.scenario = scenario
        state = build(now, ports=1, onts_per_port=scenario.onts if scenario.access == "pon" else 1, cpes=0, stbs=0)
        for position, home in enumerate(state.homes):
            home.number = number * NUMBERS + position + 1
            home.line = scenario.id if position == 0 else f"{scenario.id}-{position:02d}"
        self.own: Home = state.homes[0]
        self.own.base_rx_dbm = scenario.light
        self.own.services = ("internet", "iptv") if scenario.stb else ("internet",)
        kinds = [_KINDS[scenario.cpe]] if scenario.cpe != "none" else []
        self.own.cpes = (*kinds, CpeKind.STB) if scenario.stb else tuple(kinds)
        for home in [home for home in state.homes[1 : scenario.cpes] if home.online]:
            home.cpes = tuple(kinds)
        super().__init__(state, settings, None)
        self._copper = CopperNode(scenario.access) if scenario.access in ("fttb", "dsl") else None
        if self._copper is not None:
            self.olt = self._copper  # type: ignore[assignment]  # the same three methods and an agent
        #: its own, for a server remembers a node by its address, and free ports come again
        self.address = self.olt.agent.host = f"127.1.{number // 250}.{number % 250 + 1}"

    @property
    def node(self) -> str:
        """Name of the access node; empty where nobody knows one."""
        return "" if self.scenario.access == "bare" else f"{self.scenario.id}-node"

    @property
    def is_told(self) -> bool:
        """Whether the server is told of the node."""
        return bool(self.node) and self.scenario.node != "unknown"

    def inventory(self) -> Iterator[dict[str, object]]:
        """The lines of this node, as rows of the inventory."""
        for home in self.state.homes:
            pon = self.scenario.access == "pon"
            yield {
                "id": home.line,
                "address": f"Ulitsa {self.scenario.id} 1, kv. {home.number}",
                "technology": "pon" if self.scenario.access == "bare" else self.scenario.access,
                "node": self.node,
                "frame": FRAME if self.node else "",
                "slot": SLOT if pon else 0 if self.node else "",
                "port": (home.port if pon else PORT) if self.node else "",
                "splitter": f"{self.scenario.id}-{home.splitter}" if pon and self.scenario.splitters else "",
                "ont": home.ont if pon else "",
                "gpon_serial": home.gpon_serial if pon else "",
                "account": f"A{home.number:06d}",
                "services": ";".join(home.services),
                "pppoe_login": home.pppoe_login,
                "cable_length_m": 62 if self.scenario.access == "fttb" and self.scenario.known_length else "",
                "device_serials": ";".join(cpe_serial(home, kind) for kind in home.cpes),
            }

    async def strike(self, now: datetime) -> None:  # type: ignore[override]  # its faults are its scenario's
        """Break what the scenario says."""
        scenario = self.scenario
        self._break_light(now)
        self.olt.refresh()
        self._break_node()
        for kind, cpe in [(kind, cpe) for (_, kind), cpe in self.cpes.items()]:
            await self._break_cpe(kind, cpe)
        if scenario.node != "answers":
            self._cut_node()

    def _break_light(self, now: datetime) -> None:
        scenario, own = self.scenario, self.own
        own.rx_step_db = scenario.step_db
        spare = [home for home in self.state.homes[1:] if home.online]
        for near in scenario.near:
            for home in _turn(near, spare):
                spare.remove(home)
                home.rx_step_db = near.step_db
                if near.cause:
                    home.fall(now - timedelta(minutes=scenario.minutes), _CAUSES[near.cause])
        if scenario.down:
            cause = _CAUSES.get(str(scenario.down), DownCause.LOSI)
            own.fall(now - timedelta(minutes=scenario.minutes), cause)
        if scenario.up_minutes is not None:
            own.powered = own.fibre = True
            own.up_at = now - timedelta(minutes=scenario.up_minutes)

    def _break_node(self) -> None:
        scenario = self.scenario
        if self._copper is not None:
            self._copper.strike(scenario.cells)
            return
        table, port = self.olt.agent.table, if_index(0)
        own = f"{port}.{self.own.ont}"
        cells = {_oid(end, own): number for end, number in scenario.ont_cells.items()}
        cells |= {f"{XPON}.{end}.{port}": number for end, number in scenario.port_cells.items()}
        if isinstance(scenario.down, int):
            cells[f"{XPON}.46.1.24.{port}.{self.own.ont}"] = scenario.down
        table.set_many({oid: Cell(Kind.INTEGER, number) for oid, number in cells.items()})
        if scenario.stranger:
            serial = bytes.fromhex("5A544547C0FFEE01")
            table.set(f"{XPON}.48.1.2.{port}.0", Cell(Kind.OCTETS, serial))
        self._take_cells(port)
        self.olt.agent.failing |= {f"{XPON}.{end}" for end in scenario.failing}

    def _take_cells(self, port: int) -> None:
        """Take away what the node has not: a column of the line's own ONT, of its neighbours, of the port."""
        scenario, table = self.scenario, self.olt.agent.table
        rows = [(end, f"{port}.{self.own.ont}") for end in scenario.ont_gone]
        rows += [(end, f"{port}.{home.ont}") for end in scenario.near_gone for home in self.state.homes[1:]]
        rows += [(end, f"{port}") for end in scenario.port_gone]
        for end, row in rows:
            table.remove_row(f"{XPON}.{end}.{row}")

    def _cut_node(self) -> None:
        agent = self.olt.agent
        if self.scenario.node == "silent":
            agent.answering = False
            return
        kept, port = int(self.scenario.onts * _HALF), if_index(0)
        for ont in range(kept, self.scenario.onts):
            for root in ("43.1.3", "43.1.7", "43.1.8", "43.1.9", "46.1.1", "46.1.15", "46.1.16", "46.1.18", "46.1.24"):
                agent.table.remove(f"{XPON}.{root}.{port}.{ont}")
            for root in ("46.1.20", "46.1.22", "46.1.23", "51.1.1", "51.1.2", "51.1.3", "51.1.4", "51.1.6"):
                agent.table.remove(f"{XPON}.{root}.{port}.{ont}")

    async def _break_cpe(self, kind: CpeKind, cpe: Cpe) -> None:
        scenario = self.scenario
        lives = scenario.up or scenario.cpe_lives
        if not lives or ("stb" if kind is CpeKind.STB else "cpe") in scenario.hung:
            await cpe.stop()
            return
        if "cpe-session" in scenario.hung and kind is not CpeKind.STB:
            cpe.hung = True
            return
        changes = scenario.stb_tree if kind is CpeKind.STB else scenario.tree
        if kind is not CpeKind.STB:
            self.own.session_wanted = type(self.own.session)("up" if scenario.has_session else "none")
            reflect(cpe.tree, kind, self.own)
            for pattern in scenario.gone:
                cpe.tree.remove_rows(cpe.tree.root + pattern)
        for name, value in changes.items():
            cpe.tree.grow(cpe.tree.root + name, value)
        for _ in range(scenario.boots if kind is not CpeKind.STB else 0):
            await _restart(cpe)
        cpe.notice_changes()

    def _make(self, home: Home, kind: CpeKind) -> Cpe:
        cpe = super()._make(home, kind)
        if self.scenario.model and kind is not CpeKind.STB:
            cpe.device_id = replace(cpe.device_id, product_class=self.scenario.model)
        return cpe

    def _tree(self, home: Home, kind: CpeKind, cpe: Cpe) -> Tree:
        tree = super()._tree(home, kind, cpe)
        for name, value in self.scenario.tree.items():
            if tree.root + name not in tree and kind is not CpeKind.STB:
                tree.grow(tree.root + name, value)  # rows that the packaged tree lacks, such as a telephone
        wanted = _read_somewhere()
        tree.keep(lambda name: _is_kept(name, wanted))
        tree.hide(_leaves_of(self.scenario.lacks))
        if self.scenario.model and kind is not CpeKind.STB:
            tree.grow(f"{tree.root}DeviceInfo.ModelName", self.scenario.model)
        return tree


def _turn(near: Near, spare: list[Home]) -> list[Home]:
    """So many homes of the splitters, one of each in turn."""
    lists = [[home for home in spare if home.splitter == letter] for letter in near.on]
    found: list[Home] = []
    for position in range(ONTS_PER_SPLITTER):
        found += [homes[position] for homes in lists if position < len(homes)]
    return found[: near.n]


def _oid(end: str, row: str) -> str:
    """The OID of a column of the line's own ONT; `{ont}` marks where the row stands when more follows it."""
    return f"{XPON}.{end.replace('{ont}', row)}" if "{ont}" in end else f"{XPON}.{end}.{row}"


async def _restart(cpe: Cpe) -> None:
    """Power off and on, and the session that tells of it."""
    before = cpe.sessions
    await cpe.stop()
    await cpe.start("1 BOOT")
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK_S)
        if cpe.sessions > before:
            return


@cache
def _read_somewhere() -> frozenset[str]:
    """Ends of the names that a profile reads, with the conditions beside them."""
    ends: set[str] = set()
    for profile in load_profiles():
        for readings in profile.readings.values():
            for reading in readings:
                ends |= {path.rpartition(".")[2] for path in (reading.path, reading.of, reading.counted_by) if path}
                ends |= set(reading.where or {})
    return frozenset(ends)


@cache
def _leaves_of(facts: tuple[str, ...]) -> tuple[str, ...]:
    """The paths that any profile reads these facts from."""
    found = (
        reading.path for profile in load_profiles() for fact in facts for reading in profile.readings.get(fact, ())
    )
    return tuple(dict.fromkeys(found))


def _is_kept(name: str, ends: frozenset[str]) -> bool:
    if any(part in name for part in _DROPPED):
        return False
    return name.rpartition(".")[2] in ends or any(part in name for part in _KEPT)
