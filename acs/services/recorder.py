"""Keeps what sessions read: numbers into the history of the device, and what a model reports into its abilities.

    session ──(after its commit)──▶ queue ──▶ facts of the values ──▶ history
                                                whole tree read? ──▶ abilities: what this model reports, and what not

The rule of this file: a session never waits for it. What is lost with a process is history of its last second, never
what a device said: that stands in its tree.
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from acs.errors import AcsError
from acs.profiles.patterns import regex_of
from acs.profiles.schema import Profile
from acs.profiles.sums import sums_of
from acs.profiles.tree import facts_from_tree
from acs.services.abilities import ModelAbilities
from acs.services.background import Background
from acs.services.profiles import profile_of
from acs.services.readings import has_curve, record
from acs.services.reported import Seen, seen_in
from acs.store import devices as device_store
from acs.store import trees as tree_store
from acs.store.records import DeviceRecord, TreeUpdate
from acs.store.store import Store
from probes.facts import Fact

log = structlog.get_logger()

#: What the readings are called as a source.
SOURCE = "cpe"
#: Readings that may wait; of more the oldest are left out, so that a storm of refreshes costs no memory.
_WAITING = 5_000
#: Readings of one transaction.
_TOGETHER = 50
#: Seconds that readings wait for others, so that they share a transaction.
_GATHER_S = 0.2
#: Values that are judged at once: of fewer the way to a thread and back costs more than the judging.
_AT_ONCE = 200
#: Sets of names of Informs that are remembered.
_SHAPES = 4_096
#: What nearly every Inform can carry and nobody wants a point of each time.
_EVERY_TIME = frozenset({"cpe.uptime_s", "cpe.inform_interval_s"})


@dataclass(frozen=True, slots=True)
class _Read:
    """Values of a device: name → text, read at an instant; `whole`: all that it has."""

    key: str
    values: Mapping[str, str]
    at: datetime
    whole: bool


class Recorder:
    """What a process's sessions read, on its way into history."""

    def __init__(self, store: Store, profiles: Sequence[Profile], abilities: ModelAbilities) -> None:
        self._store = store
        self._profiles = profiles
        self._abilities = abilities
        self._waiting: deque[_Read] = deque(maxlen=_WAITING)
        self._background = Background()
        self._running: asyncio.Task[None] | None = None
        self._shapes: dict[tuple[str, ...], bool] = {}
        patterns = {
            reading.path
            for profile in profiles
            for fact, readings in profile.readings.items()
            for reading in readings
            if has_curve(fact) and fact not in _EVERY_TIME
        }
        self._exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
        self._patterns = [regex_of(pattern) for pattern in sorted(patterns - self._exact)]

    def read(self, device: DeviceRecord, update: TreeUpdate) -> None:
        """Take what a session read and stored; returns at once."""
        values = {name: text for name, (text, _) in update.values.items()}
        root = device.root if device.root.endswith(".") else f"{device.root}."
        whole = any(root.startswith(path) for path in update.replaced_paths)
        self._take(_Read(device.key, values, update.read_at, whole))

    def heard(self, device: DeviceRecord, values: Sequence[tuple[str, str, str]], at: datetime) -> None:
        """Take what an Inform carried, where there is anything in it that has a history; returns at once."""
        shape = tuple([value[0] for value in values])
        wanted = self._shapes.get(shape)
        if wanted is None:
            if len(self._shapes) >= _SHAPES:
                self._shapes.clear()
            wanted = self._shapes[shape] = any(self._has_history(name) for name in shape)
        if wanted:
            self._take(_Read(device.key, {name: text for name, text, _ in values}, at, whole=False))

    async def drain(self) -> None:
        """Return when everything that was taken so far is stored."""
        while self._running is not None and not self._running.done():
            await asyncio.wait([self._running])

    async def close(self) -> None:
        """Store what waits, then end."""
        await self.drain()
        await self._background.close()

    def _has_history(self, name: str) -> bool:
        return name in self._exact or any(pattern.fullmatch(name) for pattern in self._patterns)

    def _take(self, read: _Read) -> None:
        self._waiting.append(read)
        if self._running is None or self._running.done():
            self._running = self._background.start(self._store_all())

    async def _store_all(self) -> None:
        while self._waiting:
            await asyncio.sleep(_GATHER_S)
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), _TOGETHER))]
            try:
                await self._store_some(some)
            except AcsError as error:
                log.warning("history.not_kept", devices=len(some), error=str(error))

    async def _store_some(self, some: Sequence[_Read]) -> None:
        async with self._store.reading() as tx:
            devices = await device_store.get_many(tx, sorted({read.key for read in some}))
        found = [(read.key, await self._judge(read, devices[read.key])) for read in some if read.key in devices]
        if any(facts for _, facts in found):
            async with self._store.transaction() as tx:
                devices = await device_store.get_many(tx, sorted({key for key, _ in found}))
                for key, facts in found:
                    if facts and key in devices:
                        await record(tx, devices[key], facts)

    async def _judge(self, read: _Read, device: DeviceRecord) -> list[Fact]:
        async with self._store.reading() as tx:
            tree = await tree_store.read(tx, read.key)
        if tree is None:
            return []
        known = {name: text for name, (text, _) in tree.values.items()}
        profile = profile_of(self._profiles, device, sorted(known))
        if profile is None:
            return []
        if len(read.values) > _AT_ONCE:
            facts, seen = await asyncio.to_thread(_facts_of, profile, read, known)
        else:
            facts, seen = _facts_of(profile, read, known)
        if seen is not None:
            await self._abilities.learn_reported(device, seen.shown, seen.lacking, read.at)
        return facts


def _facts_of(profile: Profile, read: _Read, known: Mapping[str, str]) -> tuple[list[Fact], Seen | None]:
    facts = facts_from_tree(profile, read.values, read.at, SOURCE)
    facts += sums_of(profile, read.values, known, read.at, SOURCE)
    return facts, seen_in(profile, known) if read.whole else None
