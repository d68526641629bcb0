"""What the NOC sees of mass outages and says of them: a person confirms one, ends it, or says that it is none.

The rule of this file: what a person says stands; it is not contradicted within the hour. Who sees a part of the lines
is told the figures of that part, and says nothing about the rest.
"""

from dataclasses import replace
from datetime import datetime

from acs.errors import Conflict, Forbidden, NotFound
from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.context import OWN_OUTAGES
from acs.services.deliveries import Deliveries
from acs.services.outage_systemic import Systemic
from acs.services.outage_telling import Telling
from acs.store import outages as outage_store
from acs.store import scopes as scope_store
from acs.store.outages import OutageLine, OutageRecord, OutageTicket
from acs.store.reach import View, viewing
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.linetest.excess import Excess


class Outages:
    """Use cases on mass outages."""

    def __init__(self, store: Store, bus: Bus, deliveries: Deliveries, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._telling = Telling(bus, deliveries)
        self._systemic = Systemic(store, clock)

    async def find(
        self, actor: Actor, *, state: str | None = None, active: bool = False, limit: int = 100, before: str = ""
    ) -> list[OutageRecord]:
        """Outages, the newest first; `active`: those that are not over."""
        actor.require(Scope.READ)
        states = outage_store.OPEN if active else None if state is None else (state,)
        async with self._store.reading() as tx:
            return await self._as_seen(
                tx, await outage_store.list_outages(tx, states=states, limit=limit, before=before)
            )

    async def get(self, actor: Actor, id_: str) -> tuple[OutageRecord, list[OutageLine], list[OutageTicket]]:
        """One outage with its lines and tickets.

        Raises:
            NotFound: there is no such outage.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            [outage] = await self._as_seen(tx, [_there(await outage_store.get(tx, id_), id_)])
            return outage, await outage_store.lines_of(tx, id_), await outage_store.tickets_of(tx, id_)

    async def confirm(self, actor: Actor, id_: str, *, note: str = "", kind: str | None = None) -> OutageRecord:
        """A person says that it is one; `kind` says what it is, where the person knows better.

        Raises:
            NotFound: there is no such outage.
            Conflict: it is no candidate.
            Forbidden: it has lines for which the actor lacks `outages`.
        """
        actor.require(Scope.OUTAGES)
        now = self._clock()
        async with self._store.transaction() as tx:
            outage = _there(await outage_store.hold(tx, id_), id_)
            await self._refuse_a_part(tx, id_)
            if outage.state != "candidate":
                raise Conflict(f"outage {id_} is {outage.state}; only a candidate is confirmed")
            said = replace(outage, state="confirmed", confirmed_by=actor.name, confirmed_at=now, changed_at=now)
            said = replace(said, note=note or outage.note, kind=kind or outage.kind)
            await self._said(tx, actor, "outage.confirmed", said, now)
        self._telling.publish([said], {id_: outage})
        return said

    async def close(self, actor: Actor, id_: str, *, note: str, dismiss: bool = False) -> OutageRecord:
        """A person ends it; with `dismiss` it was none. Its lines are not held against it again for an hour.

        Raises:
            NotFound: there is no such outage.
            Conflict: it is over.
            Forbidden: it has lines for which the actor lacks `outages`.
        """
        actor.require(Scope.OUTAGES)
        now, state = self._clock(), "dismissed" if dismiss else "closed"
        async with self._store.transaction() as tx:
            outage = _there(await outage_store.hold(tx, id_), id_)
            await self._refuse_a_part(tx, id_)
            if outage.state not in outage_store.OPEN:
                raise Conflict(f"outage {id_} is {outage.state} already")
            said = replace(outage, state=state, closed_by=actor.name, closed_at=now, changed_at=now, note=note)
            await self._said(tx, actor, f"outage.{state}", said, now)
        self._telling.publish([said], {id_: outage})
        return said

    async def _as_seen(self, tx: Transaction, found: list[OutageRecord]) -> list[OutageRecord]:
        """The outages with the figures of those of their lines that the view reaches."""
        if not tx.limited:
            return found
        seen = await outage_store.counts_of(tx, [one.id for one in found])
        counts = await self._counts([one.id for one in found])
        told = []
        for one in found:
            lines, down = seen.get(one.id, (0, 0))
            part = lines < counts.get(one.id, (0, 0))[0]
            told.append(replace(one, hit=down, members=lines) if part else one)
        return told

    async def _counts(self, ids: list[str]) -> dict[str, tuple[int, int]]:
        """Outage → all of its lines and how many are down, whoever asks."""
        with viewing(View()):
            async with self._store.reading() as tx:
                return await outage_store.counts_of(tx, ids)

    async def _refuse_a_part(self, tx: Transaction, id_: str) -> None:
        if not tx.limited:
            return
        if await outage_store.counts_of(tx, [id_]) != await self._counts([id_]):
            needed = str(Scope.OUTAGES)
            raise Forbidden(
                f"outage {id_} has lines out of your reach; ask somebody who holds {needed!r} for all of them"
            )

    async def _said(self, tx: Transaction, actor: Actor, event: str, outage: OutageRecord, now: datetime) -> None:
        await outage_store.put(tx, outage)
        if outage.state in ("closed", "dismissed"):
            await scope_store.drop_incident(tx, OWN_OUTAGES, outage.id)
        await audit.note(tx, actor, event, f"outage:{outage.id}", now, after={"note": outage.note})
        await self._telling.enqueue(tx, event, outage, now)

    async def systemic(self, actor: Actor, *, days: float) -> list[Excess]:
        """Models, firmware, splitters, nodes and streets with more tickets than their share."""
        actor.require(Scope.READ)
        return await self._systemic.find(days)


def _there(outage: OutageRecord | None, id_: str) -> OutageRecord:
    if outage is None:
        raise NotFound(f"there is no outage {id_[:80]!r}; `secondline outage list` shows them")
    return outage
