"""Lines as an outage detector sees them: which groups each belongs to. Believed for a while, node by node.

The rule of this file: a group is named by what the inventory says; a line of which nothing is known belongs to its
node alone.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.store import lines as line_store
from acs.store import outage_evidence as evidence_store
from acs.store.records import LineRecord
from acs.store.transaction import Transaction
from probes.linetest.mass_outage import Area, AreaLine, Group
from probes.linetest.places import place_of

#: for so long the lines of a node are believed
_BELIEVED = timedelta(seconds=60)
#: for so long the count of lines of a BRAS, a firmware, a house or a street is believed
_COUNTED = timedelta(hours=1)
#: part of all lines that must have come or gone before they are counted anew
_ANOTHER = 0.02
#: parts of a topology path up to a level
_DEPTHS = {"olt": 1, "switch": 1, "slot": 3, "pon": 4, "splitter": 5}


@dataclass(frozen=True, slots=True)
class NodeLines:
    """What is believed of one node."""

    at: datetime
    lines: Mapping[str, LineRecord]
    groups: Sequence[AreaLine]


class Inventory:
    """Lines of nodes with their groups."""

    def __init__(self) -> None:
        self._nodes: dict[str, NodeLines] = {}
        self._area: tuple[tuple[tuple[str, datetime], ...], Area] | None = None
        self._sizes: dict[Group, int] = {}
        self._counted_at: datetime | None = None
        #: when it was asked how many lines there are, and how many there were
        self._asked_at: datetime | None = None
        self._lines = 0

    async def prepare(self, tx: Transaction, now: datetime) -> None:
        """Count the lines of what spans nodes, once an hour and after an import, before others have to wait.

        Only nodes with trouble are looked at: what their lines share with a whole network would seem to be all theirs.
        """
        if not await self._is_to_count(tx, now):
            return
        self._counted_at = now
        bras, firmware = await evidence_store.lines_of_bras(tx), await evidence_store.lines_of_firmware(tx)
        places: Counter[Group] = Counter()
        async for page in evidence_store.addresses(tx):
            places.update(await asyncio.to_thread(_places_of, page))
        self._sizes = {
            **places,
            **{("bras", name): n for name, n in bras.items()},
            **{("firmware", name): n for name, n in firmware.items()},
        }

    async def _is_to_count(self, tx: Transaction, now: datetime) -> bool:
        """Whether the counts are old, or the network is another one by now: looked at once a minute."""
        if self._asked_at is not None and now - self._asked_at < _BELIEVED:
            return False
        self._asked_at, before, self._lines = now, self._lines, await evidence_store.lines_in_all(tx)
        if self._counted_at is None or now - self._counted_at >= _COUNTED:
            return True
        return abs(self._lines - before) > _ANOTHER * before

    async def of(self, tx: Transaction, node: str, now: datetime) -> NodeLines:
        """The lines of a node."""
        known = self._nodes.get(node)
        if known is None or now - known.at > _BELIEVED or known.at > now:
            lines = await line_store.on_node(tx, node)
            firmware = await evidence_store.firmware_of(tx, node)
            bras = await evidence_store.bras_of(tx, node)
            groups = [
                AreaLine(line.id, groups_of(line, firmware.get(line.id, ("", ""))[1], bras.get(line.id, "")))
                for line in lines
            ]
            known = self._nodes[node] = NodeLines(now, {line.id: line for line in lines}, groups)
        return known

    async def area(self, tx: Transaction, nodes: Iterable[str], now: datetime) -> Area:
        """The lines of several nodes, which may fail together."""
        parts = [(node, await self.of(tx, node, now)) for node in sorted(set(nodes))]
        key = tuple((node, part.at) for node, part in parts)
        if self._area is None or self._area[0] != key:
            self._area = (key, Area.of(line for _, part in parts for line in part.groups))
        self._area[1].sizes = self._sizes
        return self._area[1]

    def line(self, node: str, line_id: str) -> LineRecord | None:
        """A line of a node that was asked for before."""
        known = self._nodes.get(node)
        return None if known is None else known.lines.get(line_id)

    def by_line(self) -> dict[str, LineRecord]:
        """Every line that is believed."""
        return {id_: line for known in self._nodes.values() for id_, line in known.lines.items()}

    async def on_port(
        self, tx: Transaction, node: str, place: tuple[int | None, int | None, int | None], now: datetime
    ) -> list[str]:
        """The lines of one port of a node."""
        frame, slot, port = place
        known = await self.of(tx, node, now)
        return [
            line.id
            for line in known.lines.values()
            if (line.frame or 0, line.slot, line.port) == (frame or 0, slot, port) and line.technology == "pon"
        ]


def _places_of(addresses: Iterable[str]) -> Counter[Group]:
    """How many lines each house and street has; an address of several lines is given as often."""
    found: Counter[Group] = Counter()
    for address in addresses:
        found.update(_place_groups(address))
    return found


def _place_groups(address: str) -> list[Group]:
    house, street = place_of(address)
    return [*([("house", house)] if house else []), *([("street", street)] if street else [])]


def groups_of(line: LineRecord, firmware: str = "", bras: str = "") -> tuple[Group, ...]:
    """The groups of a line, from the narrowest to the widest of each tree."""
    found: list[Group] = []
    base = f"{line.node}/{line.frame or 0}"
    if line.node and line.technology == "pon":
        if line.slot is not None and line.port is not None:
            port = f"{base}/{line.slot}/{line.port}"
            found += [("splitter", f"{port}/{line.splitter}")] if line.splitter else []
            found.append(("pon", port))
        found += [("slot", f"{base}/{line.slot}")] if line.slot is not None else []
        found.append(("olt", line.node))
    elif line.node:
        found += [("slot", f"{base}/{line.slot}")] if line.slot is not None else []
        found.append(("switch", line.node))
    found += _place_groups(line.address)
    found += [("bras", bras)] if bras else []
    found += [("firmware", firmware)] if firmware else []
    return tuple(found)


def areas_of(line: LineRecord) -> tuple[str, ...]:
    """The areas whose rates a line has, from the wide one to the narrow one."""
    if line.technology != "pon" or line.slot is None or line.port is None:
        return (line.node,)
    return (line.node, f"{line.node}/{line.frame or 0}/{line.slot}/{line.port}")


def scope_path(line: LineRecord, level: str) -> str:
    """The topology path of a level above a line, as the gates of line tests match it; empty where there is none."""
    depth = _DEPTHS.get(level)
    parts = line.topology_path().split("/") if line.node else []
    return "/".join(parts[:depth]) if depth is not None and len(parts) >= depth else ""
