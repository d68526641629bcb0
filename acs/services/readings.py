"""Facts of devices become history: numbers and counts, by device; its light by line too. Used by every way of reading.

The rule of this file: what was not measured is no zero; a flag is 0 or 1, texts and instants have no curve.
"""

from collections.abc import Iterable

from acs.services.cases import LIGHT
from acs.store import history
from acs.store.history import Owner
from acs.store.records import DeviceRecord, Reading
from acs.store.transaction import Transaction
from probes.facts import FACTS, Fact, FactKind, Quality

#: Kinds of facts that make a curve.
_CURVES = frozenset({FactKind.NUMBER, FactKind.COUNT, FactKind.FLAG})


def has_curve(name: str) -> bool:
    """Whether history is kept of a fact."""
    spec = FACTS.get(name)
    return spec is not None and spec.kind in _CURVES


async def record(tx: Transaction, device: DeviceRecord, facts: Iterable[Fact]) -> int:
    """Keep what a device said of itself; how many readings of it there are now.

    The light goes to its line as well: what is usual for a line is asked of many lines at once.
    """
    found = [
        Reading(device.key, fact.name, float(fact.value), fact.at, fact.source)
        for fact in facts
        if fact.quality is Quality.OK and isinstance(fact.value, bool | int | float) and has_curve(fact.name)
    ]
    if not found:
        return 0
    if device.line is not None:
        light = [Reading(device.line, LIGHT, each.value, each.at, each.source) for each in found if each.name == LIGHT]
        await history.put(tx, light)
    return await history.put(tx, found, of=Owner.DEVICE)
