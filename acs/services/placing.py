"""Which line stands where a relay says that a subscriber is: option 82 of DHCP, the circuit id of PPPoE and RADIUS.

    circuit id, remote id ─► place (probes.option82) ─► node by name or by its own MAC ─► the line of that port

The rule of this file: one line or none; a place where two lines stand is nobody's.
"""

from dataclasses import dataclass

from acs.store import access as access_store
from acs.store import lines as line_store
from acs.store import nodes as node_store
from acs.store.records import LineRecord
from acs.store.transaction import Transaction
from probes.option82 import Place, decode_place

#: the kind of endpoint that is the node itself, by its own MAC
SELF = "self"


@dataclass(frozen=True, slots=True)
class Located:
    """A place that was told; `node` is empty where the inventory knows no such node, `line` None where none stands."""

    place: Place
    node: str = ""
    line: str | None = None


async def locate(tx: Transaction, circuit: bytes, remote: bytes = b"") -> Located | None:
    """The place that a relay tells, its node and its line; None where no format reads it."""
    place = decode_place(circuit, remote)
    if place is None:
        return None
    node = await _node(tx, place)
    if not node:
        return Located(place)
    here = [line for line in await line_store.on_node(tx, node) if _stands(line, place)]
    return Located(place, node, here[0].id if len(here) == 1 else None)


async def _node(tx: Transaction, place: Place) -> str:
    """The node's name: as the relay writes it, whatever the case; else the one that has this MAC itself."""
    if place.node:
        names = {one.name.casefold(): one.name for one in await node_store.list_nodes(tx)}
        return names.get(place.node.casefold(), "")
    seen = await access_store.find_endpoints(tx, [place.mac]) if place.mac else []
    return next((one.node for one in seen if one.kind == SELF), "")


def _stands(line: LineRecord, place: Place) -> bool:
    """Whether a line is at the place; the port must be told by both, of the rest what one leaves out is not held."""
    if line.port is None or line.port != place.port:
        return False
    pairs = ((line.frame, place.frame), (line.slot, place.slot), (line.ont, place.ont))
    return all(mine is None or told is None or mine == told for mine, told in pairs)
