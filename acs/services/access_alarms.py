"""Alarms of access nodes: from datagrams to rows, lines and listeners, within a second.

    socket ─► take (decode, whose is it) ─► a batch: what, where, which line ─► one transaction ─► bus, answers

The rule of this file: an inform is acknowledged after it is on disk; what is not taken is counted with its reason,
and a flood costs memory up to a limit, then only itself. Nothing here asks a node.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from acs.config import TrapsSection
from acs.errors import AcsError
from acs.metrics import Metrics
from acs.services.actor import Actor, Scope
from acs.services.alarm_senders import BELIEVED_S, AlarmSenders
from acs.services.background import PAUSE_S, repeat
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.store import access as access_store
from acs.store import facts as fact_store
from acs.store.access import AccessAlarm
from acs.store.limits import GREATEST_NUMBER
from acs.store.records import AccessNode, ContextFact
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.profiles.decode import plain_text
from probes.profiles.indexes import Spot
from probes.profiles.schema import AccessProfile
from probes.snmp.ber import MalformedMessage
from probes.snmp.notification import Engine, Notification, Report, Unknown, decode
from probes.snmp.usm import WrongKey
from probes.traps import Alarm, AlarmKind, Traps

log = structlog.get_logger()

#: the topic of every new alarm, for outages and for those who watch
TOPIC = "access-alarms"
#: what the source of a fact begins with that an alarm told
SOURCE = "trap "

#: seconds between two batches; an alarm is with its line within a second
_BATCH_S = 0.1
#: alarms of one batch: a transaction of some tens of milliseconds
_BATCH = 1_000
#: alarms whose repetition is noticed
_REMEMBERED = 50_000
#: varbinds and characters of an alarm's detail
_SHOWN_VARBINDS, _SHOWN = 12, 1_000

#: what an alarm says of the line's ONT or port
_STATES: Mapping[AlarmKind, tuple[str, str]] = {
    AlarmKind.ONT_LOS: ("offline", "los"),
    AlarmKind.ONT_DYING_GASP: ("offline", "dgi"),
    AlarmKind.ONT_DOWN: ("offline", ""),
    AlarmKind.ONT_UP: ("online", ""),
}


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A notification on its way to the store."""

    told: Notification
    node: AccessNode
    address: str
    at: datetime
    acknowledge: Callable[[], None] | None


class AccessAlarms:
    """Takes notifications of access nodes; lists what they told. Belongs to one loop."""

    def __init__(
        self,
        store: Store,
        bus: Bus,
        config: TrapsSection,
        traps: Traps,
        profiles: Mapping[str, AccessProfile],
        metrics: Metrics,
        clock: Clock,
    ) -> None:
        self._store = store
        self._bus = bus
        self._config = config
        self._traps = traps
        self._profiles = profiles
        self._metrics = metrics
        self._clock = clock
        self._waiting: deque[_Waiting] = deque()
        self._senders = AlarmSenders(store, clock)
        self._lately: OrderedDict[tuple[object, ...], AccessAlarm] = OrderedDict()
        self._came = asyncio.Event()
        # the loop and the end of the server may store at the same time: each batch is taken and stored by one of them
        self._storing = asyncio.Lock()
        #: hears of new alarms in the transaction that stores them; see `Hubs.node_alarms`
        self.told: Callable[[Transaction, list[AccessAlarm]], Awaitable[None]] | None = None
        #: what became of datagrams, by a word
        self.counts: Counter[str] = Counter()

    def take(self, data: bytes, address: str, engine: Engine, answer: Callable[[bytes], None] | None = None) -> None:
        """Take one datagram; it is stored soon. `answer` sends what the protocol wants back: for an inform, then."""
        try:
            told = decode(data, address, engine, self._senders.user)
        except MalformedMessage:
            self._count("malformed")
            return
        except (Unknown, WrongKey) as error:
            self._count("refused")
            log.debug("trap.refused", address=address, why=str(error))
            return
        if isinstance(told, Report):
            self._count("report")
            if answer is not None:
                answer(told.answer)
            return
        node = self._senders.node_of(told, address)
        if isinstance(node, str):
            self._count(node)
            return
        if len(self._waiting) >= self._config.waiting:
            self._count("overflow")
            return
        reply = told.answer
        acknowledge = (lambda: answer(reply)) if answer is not None and reply is not None else None
        self._waiting.append(_Waiting(told, node, address, self._clock(), acknowledge))
        self._came.set()

    async def run(self) -> None:
        """Store what waits, batch by batch, until cancelled; a store that fails for a while ends nothing."""
        await repeat(self._turn, self._not_stored, pause_s=PAUSE_S)

    async def drain(self) -> None:
        """Store everything that waits: the server ends. What cannot be stored is told, and its senders ask again."""
        try:
            while self._waiting:
                await self.flush()
        except AcsError as error:
            self._not_stored(error)

    async def flush(self) -> int:
        """Store one batch of what waits; returns how many alarms were new.

        Raises:
            StoreError: the store failed; everything still waits.
        """
        async with self._storing:
            return await self._flush()

    async def latest(
        self,
        actor: Actor,
        *,
        node: str | None = None,
        line: str | None = None,
        kind: str | None = None,
        since: datetime | None = None,
        after: int | None = None,
        limit: int = 100,
        wait_s: float = 0.0,
    ) -> list[AccessAlarm]:
        """Alarms, the youngest first; with `after`, those that came later than that id, oldest first.

        With `after`, where there is none yet, the answer waits for one as long as `wait_s`.
        """
        actor.require(Scope.READ)

        async def ask() -> list[AccessAlarm]:
            async with self._store.reading() as tx:
                return await access_store.list_alarms(
                    tx, node=node, line=line, kind=kind, since=since, after=after, limit=limit
                )

        async with self._bus.subscribe(TOPIC) as news:
            found = await ask()
            if found or after is None or wait_s <= 0:
                return found
            try:
                async with asyncio.timeout(wait_s):
                    async for _ in news:
                        if found := await ask():
                            break
            except TimeoutError:
                # another process may listen: the store knows
                found = await ask()
        return found

    async def prune(self) -> None:
        """Throw away what is older than it is kept."""
        before = self._clock() - timedelta(days=self._config.keep_days)
        async with self._store.transaction() as tx:
            await access_store.prune_alarms(tx, before)

    async def _turn(self) -> None:
        """Wait for alarms, and store them; where none come, the inventory is read again when it is old."""
        await self._senders.refresh()
        if not self._waiting:
            try:
                async with asyncio.timeout(BELIEVED_S):
                    await self._came.wait()
            except TimeoutError:
                return
            await asyncio.sleep(_BATCH_S)
        self._came.clear()
        while self._waiting:
            await self.flush()

    async def _flush(self) -> int:
        await self._senders.refresh()
        batch = [self._waiting[n] for n in range(min(_BATCH, len(self._waiting)))]
        alarms = [self._alarm(one) for one in batch]
        await self._senders.refresh_lines({alarm.node for alarm in alarms})
        new, again = self._sorted(alarms)
        async with self._store.transaction() as tx:
            stored = await access_store.add_alarms(tx, new)
            for alarm in again:
                await access_store.count_again(tx, alarm.id, alarm.last_at, alarm.count)
            await fact_store.put(tx, [fact for alarm in stored for fact in _facts(alarm)])
            if self.told is not None:
                await self.told(tx, stored)
        for _ in batch:
            self._waiting.popleft()
        for alarm in again:
            self._lately[_key(alarm)] = alarm
        for alarm in stored:
            self._lately[_key(alarm)] = alarm
            self._bus.publish(TOPIC, alarm)
        while len(self._lately) > _REMEMBERED:
            self._lately.popitem(last=False)
        for one in batch:
            if one.acknowledge is not None:
                one.acknowledge()
        self._count("stored", len(stored))
        self._count("repeated", len(batch) - len(stored))
        return len(stored)

    def _not_stored(self, error: Exception) -> None:
        log.error("traps.not_stored", waiting=len(self._waiting), error=str(error), kind=type(error).__name__)

    def _count(self, what: str, times: int = 1) -> None:
        self.counts[what] += times
        self._metrics.traps.labels(what).inc(times)

    def _alarm(self, one: _Waiting) -> AccessAlarm:
        alarm = self._traps.alarm(one.told, self._profiles.get(one.node.profile or ""))
        spot = _held(alarm.spot)
        return AccessAlarm(
            node=one.node.name,
            address=one.address,
            kind=alarm.kind.value,
            at=one.at,
            last_at=one.at,
            place=_fit(alarm.place, 200),
            clears=alarm.clears,
            frame=None if spot is None else spot.frame,
            slot=None if spot is None else spot.slot,
            port=None if spot is None else spot.port,
            ont=None if spot is None else spot.ont,
            if_index=alarm.if_index if alarm.if_index is not None and alarm.if_index >= 0 else None,
            serial=_fit(alarm.serial, 64),
            trap=_fit(alarm.trap, 250),
            detail=_detail(one.told, alarm),
        )

    def _sorted(self, alarms: Sequence[AccessAlarm]) -> tuple[list[AccessAlarm], list[AccessAlarm]]:
        """Those that are new, with their lines, and those that were told a moment ago, with their counts."""
        new: OrderedDict[tuple[object, ...], AccessAlarm] = OrderedDict()
        again: dict[tuple[object, ...], AccessAlarm] = {}
        for alarm in alarms:
            key = _key(alarm)
            if key in new:
                new[key] = replace(new[key], count=new[key].count + 1, last_at=alarm.at)
                continue
            known = again.get(key) or self._lately.get(key)
            if known is not None and (alarm.at - known.last_at).total_seconds() < self._config.same_s:
                again[key] = replace(known, count=known.count + 1, last_at=alarm.at)
                continue
            new[key] = replace(alarm, line=self._senders.line_of(alarm))
        return list(new.values()), list(again.values())


def _facts(alarm: AccessAlarm) -> list[ContextFact]:
    """What an alarm says of its line."""
    if alarm.line is None or alarm.kind not in _STATES:
        return []
    state, cause = _STATES[AlarmKind(alarm.kind)]
    told: list[tuple[str, str]] = [("ont.run_state", state)]
    if state == "offline":
        told.append(("ont.last_down_at", alarm.at.isoformat()))
    if cause:
        told.append(("ont.last_down_cause", cause))
    source = f"{SOURCE}{alarm.node}"
    return [ContextFact(alarm.line, name, value, alarm.at, source) for name, value in told]


def _held(spot: Spot | None) -> Spot | None:
    """A place whose numbers a column holds: 32 bits of an index are no place that an inventory knows."""
    numbers = () if spot is None else (spot.frame, spot.slot, spot.port, spot.ont or 0)
    return spot if all(number <= GREATEST_NUMBER for number in numbers) else None


def _key(alarm: AccessAlarm) -> tuple[object, ...]:
    """What makes two alarms the same: an alarm of no known kind is told apart by its OID."""
    return (alarm.node, alarm.kind, alarm.place, alarm.trap if alarm.kind == AlarmKind.OTHER else "")


def _detail(told: Notification, alarm: Alarm) -> str:
    shown = [f"{one.oid}={plain_text(one.value)}" for one in told.varbinds[:_SHOWN_VARBINDS] if one.value is not None]
    names = [alarm.name] if alarm.name else []
    return _fit("; ".join([*names, *shown]), _SHOWN)


def _fit(text: str, length: int) -> str:
    """Text that both databases hold: without NUL and halves of pairs."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "")[:length]
