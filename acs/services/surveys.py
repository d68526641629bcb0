"""Whole nodes: what is there, what the inventory says otherwise, and what rounds tell the lines.

    round or `discover` ─► survey of the node ─► endpoints ─► readings and facts of the lines they are
                                             └─► held against the inventory ─► disagreements

The rule of this file: a survey that is a part, or much smaller than the last one, takes nothing away that is known, and
says so; the inventory is changed only where it is asked to be, and only where it was empty.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from acs.config import PollingSection
from acs.errors import InvalidInput, NotFound
from acs.services import audit, topology
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.placing import SELF, Located, locate
from acs.services.sources import node_target
from acs.store import access as access_store
from acs.store import facts as fact_store
from acs.store import history
from acs.store import lines as line_store
from acs.store import nodes as node_store
from acs.store.access import Disagreement, Endpoint, NodePoll
from acs.store.records import AccessNode, ContextFact, LineRecord, Reading
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.access import AccessReader, NodeTarget
from probes.errors import ProbeError, ProfileError
from probes.option82 import octets_of
from probes.profiles.decode import canonical_serial
from probes.survey import Seen, Survey, macs_of, own_mac, survey_olt

#: how the source of what a round tells begins
SOURCE = "polling "
#: a reading for each fall that a round sees; a line's flaps are counted from these
FALL = "ont.fall"
#: the light of a line when it was young
BIRTH = "ont.birth_rx_dbm"
#: seconds of one try: a round has time, and a node that is slow is not dead
_TIMEOUT_S = 3.0
#: hours and readings that a birth value needs, as a baseline does
_BIRTH_HOURS, _BIRTH_POINTS = 48, 3
#: endpoints that were not seen for so long are forgotten
_FORGET = timedelta(days=30)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a look at a whole node found."""

    node: str
    at: datetime
    #: ONTs, or MACs, that are there
    endpoints: int = 0
    online: int = 0
    complete: bool = True
    #: why it is a part; empty when it is whole
    problem: str = ""
    disagreements: tuple[Disagreement, ...] = ()
    #: lines whose place was filled in
    placed: tuple[str, ...] = ()


class Surveys:
    """Use cases on whole nodes."""

    def __init__(self, store: Store, reader: AccessReader, config: PollingSection, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._config = config
        self._clock = clock

    async def discover(self, actor: Actor, name: str, *, place: bool = False) -> Discovery:
        """Look at a whole node now; with `place`, lines that know their ONT and not its place get it.

        A node that does not answer is no error: the answer says why there is nothing.

        Raises:
            NotFound: there is no such node.
        """
        actor.require(Scope.WRITE if place else Scope.OPERATE)
        node = await self._node(name)
        return await self.look(node, actor if place else None)

    async def find(self, actor: Actor, key: str) -> list[Endpoint]:
        """Where an ONT's serial or a MAC was last seen, the latest first.

        Raises:
            InvalidInput: no key.
        """
        actor.require(Scope.READ)
        if not key.strip():
            raise InvalidInput("key: write the serial of an ONT, or a MAC address")
        forms = {key.strip().lower().replace("-", ":"), canonical_serial(key.strip())}
        async with self._store.reading() as tx:
            return await access_store.find_endpoints(tx, sorted(forms))

    async def locate(self, actor: Actor, circuit: str, remote: str = "") -> Located:
        """Where a relay says that a subscriber is, as DHCP option 82 or a RADIUS server's log writes it.

        Raises:
            InvalidInput: hexadecimal that is none, or a circuit id in no format that is known.
        """
        actor.require(Scope.READ)
        try:
            told = octets_of(circuit), octets_of(remote)
        except ValueError as error:
            raise InvalidInput(f"circuit or remote id: {error}") from error
        async with self._store.reading() as tx:
            found = await locate(tx, *told)
        if found is None:
            raise InvalidInput(
                f"circuit id {circuit!r} is in no format that is known; write it as the relay does: text, or "
                "hexadecimal with 0x before it"
            )
        return found

    async def disagreements(self, actor: Actor, node: str | None = None) -> list[Disagreement]:
        """What nodes show and the inventory says otherwise, as of each node's last whole look."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await access_store.disagreements(tx, node)

    async def endpoints(self, actor: Actor, node: str) -> list[Endpoint]:
        """What was seen at a node.

        Raises:
            NotFound: there is no such node.
        """
        actor.require(Scope.READ)
        await self._node(node)
        async with self._store.reading() as tx:
            return await access_store.endpoints_of(tx, node)

    async def polls(self, actor: Actor) -> list[NodePoll]:
        """The last round over each node."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return list((await access_store.polls(tx)).values())

    async def look(self, node: AccessNode, placing: Actor | None = None) -> Discovery:
        """One look at a whole node, stored; `placing` is who wants lines to get their places."""
        target, now = node_target(node, _TIMEOUT_S), self._clock()
        asked = self._reader.gentle.state_of(target.snmp).asked
        try:
            if await self._is_switch(target):
                return await self._look_at_switch(node, target, now)
            profile = await self._reader.profile_of(target)
            survey = await survey_olt(self._reader, target, profile, now, budget_s=self._config.budget_s)
        except ProbeError as error:
            return await self._nothing(node, now, str(error))
        asked = self._reader.gentle.state_of(target.snmp).asked - asked
        return await self._keep(node, survey, asked, placing)

    async def _is_switch(self, target: NodeTarget) -> bool:
        """Whether a node is read as a switch: its profile is no OLT's."""
        try:
            await self._reader.profile_of(target)
        except ProfileError:
            return True
        return False

    async def _nothing(self, node: AccessNode, now: datetime, problem: str) -> Discovery:
        """A look that brought nothing: what was known stays."""
        async with self._store.transaction() as tx:
            last = (await access_store.polls(tx)).get(node.name)
            poll = NodePoll(node.name, now, self._next(now), 0 if last is None else last.endpoints)
            await access_store.put_poll(tx, replace(poll, complete=False, problem=problem[:250]))
        return Discovery(node.name, now, complete=False, problem=problem)

    async def _look_at_switch(self, node: AccessNode, target: NodeTarget, now: datetime) -> Discovery:
        """The MACs behind the ports of a switch, and the lines whose ports they are."""
        profile = await self._reader.switch_profile_of(target)
        if profile.fdb is None:
            raise ProfileError(f"profile {profile.id} does not say where {node.name} keeps the MACs that it has learnt")
        macs, whole = await macs_of(self._reader, target, profile.fdb)
        itself = await own_mac(self._reader, target)
        problem = "" if whole else "the table of MACs broke off"
        async with self._store.transaction() as tx:
            lines = await line_store.on_node(tx, node.name)
            seen, wrong = topology.mac_endpoints(node.name, macs, lines, now)
            own = [Endpoint(node.name, SELF, itself, now)] if itself else []
            await access_store.put_endpoints(tx, [*seen, *own])
            if whole:
                await access_store.replace_disagreements(tx, node.name, wrong)
                await access_store.forget_endpoints(tx, node.name, "mac", now - _FORGET)
            poll = NodePoll(node.name, now, self._next(now), len(seen), len(seen), 0, whole, problem)
            await access_store.put_poll(tx, poll)
            found = await access_store.disagreements(tx, node.name)
        return Discovery(node.name, now, len(seen), len(seen), whole, problem, tuple(found))

    async def _keep(self, node: AccessNode, survey: Survey, asked: int, placing: Actor | None) -> Discovery:
        """Store a survey: endpoints, readings, facts, disagreements."""
        now = survey.at
        async with self._store.transaction() as tx:
            last = (await access_store.polls(tx)).get(node.name)
            dropped = topology.dropped(survey, last, self._config.least_share)
            problem = "; ".join(filter(None, [dropped, survey.problem]))
            count = last.endpoints if dropped and last is not None else len(survey.onts)
            whole = survey.complete and not dropped
            poll = NodePoll(node.name, now, self._next(now), count, survey.online, asked, whole, problem[:250])
            await access_store.put_poll(tx, poll)
            if dropped:
                return Discovery(node.name, now, len(survey.onts), survey.online, False, problem)
            lines = await line_store.on_node(tx, node.name)
            placed = await self._place(tx, lines, survey, placing) if placing is not None else []
            if placed:
                lines = await line_store.on_node(tx, node.name)
            await self._tell(tx, node.name, lines, survey)
            found = await access_store.disagreements(tx, node.name)
        return Discovery(node.name, now, len(survey.onts), survey.online, whole, problem, tuple(found), tuple(placed))

    async def _tell(self, tx: Transaction, node: str, lines: Sequence[LineRecord], survey: Survey) -> None:
        owners = topology.owners(lines, survey.onts)
        before = {one.key: one for one in await access_store.endpoints_of(tx, node, "ont")}
        await self._tell_lines(tx, survey, owners, before)
        await access_store.put_endpoints(tx, topology.endpoints(node, survey, owners))
        if not survey.complete:
            return
        unknown = topology.unknown_keys(lines, survey.onts)
        elsewhere = await access_store.lines_by_gpon_serial(tx, unknown)
        wrong = topology.disagreements(node, lines, survey, elsewhere)
        await access_store.replace_disagreements(tx, node, wrong)
        await access_store.forget_endpoints(tx, node, "ont", survey.at - _FORGET)

    async def _place(self, tx: Transaction, lines: Sequence[LineRecord], survey: Survey, actor: Actor) -> list[str]:
        """Lines that name their ONT and lack its place get it; nothing that the inventory says is changed."""
        by_key = {topology.key_of(one): one for one in survey.onts if one.reading.gpon_serial}
        found = [line.id for line in lines if _missing_place(line, by_key)]
        changed = []
        for line in (await line_store.hold_many(tx, found)).values():
            if at := _missing_place(line, by_key):
                changed.append(replace(line, **at))  # type: ignore[arg-type]  # numbers of a place
        if changed:
            await line_store.upsert(tx, changed, survey.at)
        for line in changed:
            place = {"place": line.topology_path(), "ont": line.ont}
            await audit.note(tx, actor, "line.placed", f"line:{line.id}", survey.at, after=place)
        return [line.id for line in changed]

    async def _tell_lines(
        self, tx: Transaction, survey: Survey, owners: Mapping[str, LineRecord], before: Mapping[str, Endpoint]
    ) -> None:
        """Readings for baselines, falls, and what follows from them."""
        readings: list[Reading] = []
        for one in survey.onts:
            line = owners.get(one.place)
            if line is None:
                continue
            source = f"{SOURCE}{line.node}"
            levels = (("ont.rx_dbm", one.reading.rx_dbm), ("ont.olt_rx_dbm", one.reading.olt_rx_dbm))
            readings += [
                Reading(line.id, name, level, survey.at, source) for name, level in levels if level is not None
            ]
            fell_at = topology.fell_at(one, before.get(topology.key_of(one)), survey.at)
            if fell_at is not None:
                readings.append(Reading(line.id, FALL, 1.0, fell_at, source))
        await history.put(tx, readings)
        by_id = {line.id: line for line in owners.values()}
        falls = await history.points(tx, sorted(by_id), FALL, survey.at - _DAY)
        facts = [
            ContextFact(line.id, "ont.flaps_24h", len(falls.get(line.id, ())), survey.at, f"{SOURCE}{line.node}")
            for line in by_id.values()
        ]
        await fact_store.put(tx, [*facts, *await self._births(tx, sorted(by_id))])

    async def _births(self, tx: Transaction, ids: Sequence[str]) -> list[ContextFact]:
        """The light that lines had in their first days: told once there is enough of it, and never changed."""
        known = await fact_store.of_lines(tx, ids, BIRTH)
        young = [line for line in ids if line not in known]
        found = []
        for line, points in (await history.points(tx, young, "ont.rx_dbm")).items():
            first = [point for point in points if point[0] - points[0][0] <= timedelta(days=self._config.baseline_days)]
            if len(first) >= _BIRTH_POINTS and first[-1][0] - first[0][0] >= timedelta(hours=_BIRTH_HOURS):
                level = round(statistics.median(level for _, level in first), 2)
                found.append(ContextFact(line, BIRTH, level, first[-1][0], "birth"))
        return found

    async def _node(self, name: str) -> AccessNode:
        async with self._store.reading() as tx:
            node = await node_store.get(tx, name)
        if node is None:
            raise NotFound(f"there is no access node {name[:80]!r}; `secondline node list` shows them")
        return node

    def _next(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._config.interval_s)


def _missing_place(line: LineRecord, seen: Mapping[str, Seen]) -> dict[str, int | None]:
    """The place of a line that knows its ONT and not where it is; empty where it lacks none, or was not seen."""
    one = next((seen[key] for key in topology.keys_of(line) if key in seen), None)
    if one is None or (line.port is not None and line.ont is not None) or not topology.is_at(line, one):
        return {}
    return {"frame": one.frame, "slot": one.slot, "port": one.port, "ont": one.reading.ont}
