"""Which falls and tickets belong to which outage: one that runs, several that turn out to be one, or a new one.

The rule of this file: what is known is widened before anything new is opened, and the older of two goes on.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from acs.config import OutagesSection
from acs.services import outage_cases as cases
from acs.services.identifiers import new_id
from acs.services.outage_cases import RUNNING, Case
from acs.services.outage_inventory import Inventory
from acs.services.outage_splitting import split
from acs.services.outage_tickets import BEFORE
from acs.services.outage_witnesses import beside
from acs.store import outage_evidence as evidence_store
from acs.store import outages as outage_store
from acs.store.outages import LineTrouble
from acs.store.transaction import Transaction
from probes.linetest.mass_outage import Found, find_outages

#: operations of ours after which a line falls because we wanted it
_RESTARTS = ("reboot", "factory_reset", "download", "schedule_download")
#: share of a group that must have fallen before those that fall one by one are counted to it
_BROKEN_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class _Pass:
    """One kind of witness at one look; `running` changes as outages do."""

    tx: Transaction
    witness: str
    now: datetime
    running: dict[str, Case]
    troubles: Mapping[str, LineTrouble]
    #: outages that stay as wide as a person said
    kept: frozenset[str] = frozenset()

    def ours(self) -> list[Case]:
        """The outages of this witness that run."""
        return [
            case
            for case in self.running.values()
            if case.outage.witness == self.witness and case.outage.state in RUNNING
        ]


class Matching:
    """Brings the outages that run up to date with the troubles of lines."""

    def __init__(self, inventory: Inventory, config: OutagesSection) -> None:
        self._inventory = inventory
        self._config = config
        self._rules = cases.rules_of(config)

    async def judge(
        self,
        tx: Transaction,
        witness: str,
        running: dict[str, Case],
        usual: Callable[[str], float],
        now: datetime,
    ) -> None:
        """Bring the outages of one kind of witness up to date, and open new ones; `usual`: a line's falls a day."""
        ours = {id_: case for id_, case in running.items() if case.outage.witness == witness}
        nodes = set(await outage_store.troubled_nodes(tx, now - timedelta(seconds=self._config.horizon_s)))
        nodes |= {case.outage.node for case in ours.values()}
        troubles = await _troubles(tx, witness, nodes, ours)
        area = await self._inventory.area(tx, nodes, now)
        for id_, case in ours.items():
            back = cases.returned(case, set(troubles), now)
            case = cases.with_lines(case, back, self._rules, now)
            running[id_] = cases.narrowed(case, area, self._config.least_lines, now) if back else case
            await outage_store.put_lines(tx, back)
        excused = await self._excused(tx, witness, now, running)
        falls = [cases.fall_of(one) for one in troubles.values() if not excused(one)]
        founds = await asyncio.to_thread(find_outages, area, falls, now, usual, self._rules)
        this = _Pass(tx, witness, now, running, troubles)
        this = replace(this, kept=await self._split(this, founds))
        for found in founds:
            await self._match(this, found)
        await self._join_late(this)

    async def _excused(
        self, tx: Transaction, witness: str, now: datetime, running: Mapping[str, Case]
    ) -> Callable[[LineTrouble], bool]:
        """Which falls are no evidence: ours, those that a person said were nothing, tickets that are explained."""
        since = now - timedelta(seconds=self._config.own_action_s + self._config.horizon_s)
        ours = await evidence_store.lines_acted_on(tx, _RESTARTS, since) if witness != "ticket" else set()
        horizon = now - timedelta(seconds=self._config.horizon_s)
        ended: dict[str, datetime] = {}
        for outage in await outage_store.list_outages(tx, states=("closed", "dismissed", "restored"), limit=50):
            at = outage.closed_at or outage.restored_at
            if at is not None and at > horizon:
                ended |= {one.line: at for one in await outage_store.lines_of(tx, outage.id)}

        explained = _explained(running) if witness == "ticket" else {}

        def excused(one: LineTrouble) -> bool:
            if one.line in explained and one.at >= explained[one.line] - BEFORE:
                return True
            return one.line in ours or (one.line in ended and one.at <= ended[one.line])

        return excused

    async def _split(self, this: _Pass, founds: Sequence[Found]) -> frozenset[str]:
        """Take apart what is several outages; returns those that stay as wide as a person said."""
        done = split(this.ours(), founds)
        for id_, lines in done.let_go:
            await outage_store.drop_lines(this.tx, id_, lines)
        for case in done.cases:
            this.running[case.outage.id] = cases.with_lines(case, (), self._rules, this.now)
        return done.kept

    async def _match(self, this: _Pass, found: Found) -> None:
        """What was found is an outage that is known, several that are one, or a new one."""
        hit = set(found.hit)
        same = [case for case in this.ours() if hit & case.lines.keys()]
        others = beside(hit, this.witness, this.running.values())
        if others.goes_on is not None and not same:
            this.running[others.goes_on.outage.id] = cases.seconded(others.goes_on, this.witness, this.now)
            return
        if not same:
            node = Counter(this.troubles[line].node for line in found.hit).most_common(1)[0][0]
            case = Case(cases.opened(new_id(), found, this.witness, node, this.now), {})
        else:
            case = min(same, key=lambda each: each.outage.opened_at)
            grown = found.level != case.outage.level or found.scope != case.outage.scope or hit - case.lines.keys()
            if grown and case.outage.id not in this.kept:
                case = Case(cases.widened(case, found, this.now), case.lines)
        for other in same:
            if other.outage.id != case.outage.id:
                case, this.running[other.outage.id] = cases.merged(case, other, this.now)
        for other in others.ended:
            this.running[other.outage.id] = cases.one_with(case.outage.id, other, this.now)
            case = cases.seconded(case, other.outage.witness, this.now)
        lines = cases.added(case, [this.troubles[line] for line in sorted(hit)], this.now)
        await outage_store.put(this.tx, case.outage)
        await outage_store.put_lines(
            this.tx, [*lines, *(replace(one, outage=case.outage.id) for one in case.lines.values())]
        )
        this.running[case.outage.id] = cases.with_lines(case, lines, self._rules, this.now)

    async def _join_late(self, this: _Pass) -> None:
        """Lines of a broken group that fell later, one by one, belong to it as well."""
        held = {line for case in this.running.values() if case.outage.state in RUNNING for line in case.lines}
        for case in this.ours():
            if case.outage.hit < _BROKEN_SHARE * case.outage.members:
                continue
            area = await self._inventory.area(this.tx, [case.outage.node], this.now)
            members = area.members.get((case.outage.level, case.outage.scope), ())
            late = [this.troubles[line] for line in members if line in this.troubles and line not in held]
            late = [one for one in late if one.at >= case.outage.since]
            again = [this.troubles[line] for line in case.lines if line in this.troubles]
            lines = cases.added(case, [*late, *again], this.now)
            if lines:
                await outage_store.put_lines(this.tx, lines)
                this.running[case.outage.id] = cases.with_lines(case, lines, self._rules, this.now)


def _explained(running: Mapping[str, Case]) -> dict[str, datetime]:
    """Lines whose tickets an outage explains that others than tickets told of, and since when."""
    others = [case for case in running.values() if case.outage.witness != "ticket" and case.outage.state in RUNNING]
    return {line: case.outage.since for case in others for line in case.lines}


async def _troubles(tx: Transaction, witness: str, nodes: set[str], ours: Mapping[str, Case]) -> dict[str, LineTrouble]:
    """The troubles of these nodes, and of lines that moved to others since their outage began."""
    troubles = {one.line: one for one in await outage_store.troubles(tx, nodes=sorted(nodes), witness=witness)}
    held = {line for case in ours.values() for line in case.lines}
    missing = sorted(held - troubles.keys())
    if missing:
        apart = await outage_store.troubles(tx, ids=missing, witness=witness)
        troubles |= {one.line: one for one in apart}
    return troubles
