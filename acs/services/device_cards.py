"""The card of a device from the store, and refreshed from the device first.

    show     one reading transaction: device, tree, line, words of other systems, history, starts   ──▶ card
    refresh  what the card needs is read from the device (a connection request and one session)     ──▶ card

The rule of this file: a card that cannot be refreshed in time is shown as it is known, and says why.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.errors import no_device
from acs.profiles.rows import Table, table_names, tables_from_tree
from acs.profiles.schema import Profile
from acs.profiles.tree import facts_from_tree, optical_class_of, wanted_names
from acs.services.abilities import Abilities, model_of
from acs.services.actor import Actor, Scope
from acs.services.card_history import LIGHT, Levels, Starts, levels_of, starts_of
from acs.services.card_values import BIRTH, CLASS, Light, defects_of, firmware_values, identity_values, light_values
from acs.services.clock import Clock
from acs.services.device_card import Card, Known, card_of
from acs.services.merging import merge
from acs.services.operations import Operations
from acs.services.optics import edges_of
from acs.services.own_names import names_of_model
from acs.services.packs import Packs
from acs.services.profiles import profile_of
from acs.services.told_starts import TABLE as STARTS
from acs.store import abilities as ability_store
from acs.store import connection_requests as request_store
from acs.store import devices as device_store
from acs.store import facts as fact_store
from acs.store import lines as line_store
from acs.store import trees as tree_store
from acs.store.records import DeviceRecord, LineRecord, OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction
from probes.facts import Fact
from probes.linetest.derive import Limits

#: Seconds that a refresh may take when the caller names none, and at most.
LIVE_S = 10.0
LONGEST_LIVE_S = 60.0


@dataclass(frozen=True, slots=True)
class Refreshed:
    """A card, and what became of the reading before it. `problem` is empty where the device answered."""

    card: Card
    operation: str
    seconds: float
    problem: str


@dataclass(frozen=True, slots=True)
class _Stored:
    """What the store says of a device."""

    device: DeviceRecord
    line: LineRecord | None
    values: Mapping[str, str]
    times: Mapping[str, datetime]
    read_at: datetime | None
    told: Sequence[Fact]
    levels: Levels
    absent: frozenset[str]


class DeviceCards:
    """Use cases on the card."""

    def __init__(
        self,
        store: Store,
        operations: Operations,
        profiles: Sequence[Profile],
        packs: Packs,
        *,
        usual_class: str,
        clock: Clock,
    ) -> None:
        self._store = store
        self._operations = operations
        self._profiles = profiles
        self._packs = packs
        self._usual_class = usual_class
        self._clock = clock

    async def show(self, actor: Actor, key: str) -> Card:
        """The card as everything is known now; the device is not asked.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        now = self._clock()
        async with self._store.reading() as tx:
            stored = await self._load(tx, key, now)
            starts = await starts_of(tx, stored.device, now, stored.values)
            pack = await self._packs.deciding(tx, stored.line.scopes() if stored.line is not None else ())
        return await asyncio.to_thread(self._card, stored, starts, pack.limits, now)

    async def refresh(self, actor: Actor, key: str, *, wait_s: float = LIVE_S) -> Refreshed:
        """Read from the device what its card shows, then the card; what did not come in time stays as it was.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.OPERATE)
        now = self._clock()
        async with self._store.reading() as tx:
            stored = await self._load(tx, key, now)
        kind, arguments = await asyncio.to_thread(self._question, stored)
        operation = await self._operations.request(actor, key, kind, arguments, reason="device card", deadline_s=60.0)
        ended = await self._operations.wait(operation.id, min(wait_s, LONGEST_LIVE_S))
        took_s = round((self._clock() - now).total_seconds(), 3)
        problem = _problem(ended.state, ended.detail, wait_s)
        if problem and (tried := await self._last_call(key, now)):
            problem = f"{problem}; when it was called: {tried}"
        return Refreshed(await self.show(actor, key), operation.id, took_s, problem)

    async def _last_call(self, key: str, since: datetime) -> str:
        """What came of the last connection request since then; empty where there was none."""
        async with self._store.reading() as tx:
            tries = await request_store.list_tries(tx, key, limit=1)
        return tries[0].detail if tries and tries[0].at >= since else ""

    def _question(self, stored: _Stored) -> tuple[str, dict[str, object]]:
        """What to ask the device for: what its profile reads, or everything where nothing is known yet."""
        profile = profile_of(self._profiles, stored.device, sorted(stored.values))
        if profile is None or stored.read_at is None:
            return "refresh", {}
        wanted = {*wanted_names(profile, sorted(stored.values)), *table_names(profile, stored.values)}
        if any(name.startswith(STARTS) for name in stored.values):
            wanted.add(STARTS)
        paths = tuple(name for name in wanted if name.endswith("."))
        names = sorted(name for name in wanted if not any(name != path and name.startswith(path) for path in paths))
        return ("get", {"names": names}) if names else ("refresh", {})

    async def _load(self, tx: Transaction, key: str, now: datetime) -> _Stored:
        device = await device_store.get(tx, key)
        tree = await tree_store.read(tx, key)
        if device is None or tree is None:
            raise no_device(key)
        line = await line_store.get(tx, device.line) if device.line is not None else None
        known = Abilities.from_json(await ability_store.get(tx, model_of(device)))
        told: list[Fact] = []
        if line is not None:
            latest = await fact_store.latest(tx, line.id)
            told = [Fact(each.name, each.value, each.at, each.source, "told") for each in latest.values()]
        return _Stored(
            device=device,
            line=line,
            values={name: value for name, (value, _) in tree.values.items()},
            times=tree.times,
            read_at=tree.read_at,
            told=told,
            levels=await levels_of(tx, device, now),
            absent=known.absent,
        )

    def _card(self, stored: _Stored, starts: Starts, limits: Limits, now: datetime) -> Card:
        device = stored.device
        profile = profile_of(self._profiles, device, sorted(stored.values))
        own: list[Fact] = []
        tables: Mapping[str, Table] = {}
        if profile is not None:
            own = facts_from_tree(profile, stored.values, stored.times, "cpe")
            tables = tables_from_tree(profile, stored.values, stored.times, "cpe")
        own += _told_without_tree(device, starts, now)
        facts = dict(merge([], [*own, *stored.told, *_seen_from_outside(stored)], now).facts)
        light = self._light(stored, facts, profile, limits)
        names = names_of_model(device.product_class, stored.values)
        defects = defects_of(profile, device, names) if profile is not None else ()
        return card_of(
            Known(
                device=device,
                profile=profile,
                facts=facts,
                tables=tables,
                absent=stored.absent,
                extra={
                    "identity": identity_values(device, stored.line, stored.values, stored.times, now),
                    "firmware": firmware_values(device, profile, defects, now),
                    "optics": light_values(light, facts.get(LIGHT), now),
                },
                reboots=starts.reboots,
                defects=defects,
                read_at=stored.read_at,
                now=now,
            )
        )

    def _light(self, stored: _Stored, facts: Mapping[str, Fact], profile: Profile | None, limits: Limits) -> Light:
        told = facts.get(CLASS)
        names = names_of_model(stored.device.product_class, stored.values)
        optical_class, source, assumed = self._usual_class, "configuration", True
        if told is not None and isinstance(told.value, str):
            optical_class, source, assumed = told.value, told.source, False
        elif profile is not None and (own := optical_class_of(profile, names)) is not None:
            optical_class, source, assumed = own.optical_class, f"profile {profile.id}", False
        edges = edges_of(optical_class, limits.sensitivity_dbm, limits.overload_dbm)
        return Light(stored.levels.light, optical_class, assumed, edges, source, facts.get(BIRTH))


def _told_without_tree(device: DeviceRecord, starts: Starts, now: datetime) -> list[Fact]:
    """What Informs tell, whatever the tree says."""
    facts = [Fact("cpe.boots_24h", starts.since(now - timedelta(days=1)), now, "cwmp", "Informs that tell of a start")]
    if device.uptime_s is not None and device.uptime_at is not None:
        facts.append(Fact("cpe.uptime_s", device.uptime_s, device.uptime_at, "Inform"))
    return facts


def _seen_from_outside(stored: _Stored) -> list[Fact]:
    """The last levels of light that others read on the line."""
    return [
        Fact(name, levels[-1][1], levels[-1][0], "access node", "last reading of the line")
        for name, levels in stored.levels.of_line.items()
        if levels
    ]


def _problem(state: OperationState, detail: str, wait_s: float) -> str:
    if state is OperationState.SUCCEEDED:
        return ""
    return detail or f"the device did not answer within {wait_s:g} s"
