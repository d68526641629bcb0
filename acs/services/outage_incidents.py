"""Our outages as incidents: the gate of line tests knows of them as it knows of those of other systems.

The rule of this file: incidents are written when what they say changes, and again before they are old.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from acs.services import outage_cases as cases
from acs.services.context import OWN_OUTAGES
from acs.services.outage_cases import Case
from acs.services.outage_inventory import Inventory, scope_path
from acs.store import scopes as scope_store
from acs.store.records import IncidentRecord
from acs.store.transaction import Transaction

#: seconds after which our incidents are told again, so that they stay young
_RETELL = timedelta(seconds=60)


class OwnIncidents:
    """Remembers what it told last."""

    def __init__(self, inventory: Inventory) -> None:
        self._inventory = inventory
        self._told: frozenset[tuple[str, str, str]] | None = None
        self._told_at: datetime | None = None
        self._written: tuple[frozenset[tuple[str, str, str]], datetime] | None = None

    async def tell(self, tx: Transaction, running: Iterable[Case], now: datetime) -> None:
        """Write the incidents of these outages, where they are not told already; then `kept`, once that is stored."""
        self._written = None
        records = [one for case in running for one in self._records(case)]
        told = frozenset((one.id, one.scope, one.kind) for one in records)
        young = self._told_at is not None and now - self._told_at < _RETELL
        if told == self._told and (young or not told):
            return
        await scope_store.put_incidents(tx, OWN_OUTAGES, now, records)
        self._written = told, now

    def kept(self) -> None:
        """What was written last is on disk: it is told."""
        if self._written is not None:
            self._told, self._told_at = self._written

    def _records(self, case: Case) -> list[IncidentRecord]:
        outage = case.outage
        if not cases.convicts(outage):
            return []
        first = next((self._inventory.line(outage.node, one.line) for one in case.down), None)
        path = scope_path(first, outage.level) if first is not None else ""
        return [
            IncidentRecord(OWN_OUTAGES, outage.id, scope, outage.kind, outage.since)
            for scope in cases.covering(case, path)
        ]
