"""Bulk data reports of CPEs become values with their times, and history of the device's facts.

    report → known already? done : stored → names to parameters → tree, where newer → numbers of facts → readings

The rule of this file: a report is on disk before it is acknowledged, and one that comes twice changes nothing. The
values of secrets are not kept in it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from acs.cwmp.bulk import Report, reference_of
from acs.errors import NotFound
from acs.profiles.schema import Profile
from acs.profiles.tree import facts_from_tree
from acs.secret_names import is_secret
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.profiles import profile_of
from acs.services.readings import record
from acs.store import bulk, identity
from acs.store import devices as device_store
from acs.store import trees as tree_store
from acs.store.bulk import BulkReport
from acs.store.records import DeviceRecord, Tree, TreeUpdate
from acs.store.store import Store
from acs.store.transaction import Transaction
from acs.store.tree_secrets import MASK

log = structlog.get_logger()

#: What the readings are called as a source.
SOURCE = "cpe bulk"
#: A time of collection further from now is that of a clock that was never set, or was set wrong.
_LONGEST_PAST = timedelta(days=90)
_FUTURE_SLACK = timedelta(minutes=10)
#: The same values without any time of collection are one report sent again within this time: a CPE tries again after
#: 5 s × 2, 4, 8 … (TR-069 Amendment 6, Annex N), which makes ten minutes of seven tries.
_SAME = timedelta(minutes=10)
_PROFILE_ROW = re.compile(r"(.+\.BulkData\.Profile\.\d+\.Parameter\.\d+\.)Name")
#: How far back a question looks that names no time.
_SHOWN = timedelta(days=7)
#: Reports that one question of the API gives.
MOST = 200


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of the reports of one body."""

    stored: int
    repeated: int
    #: values whose names stand for no parameter that is known; they are kept in the report
    unknown: int
    readings: int


class BulkData:
    """Takes reports, and shows them."""

    def __init__(self, store: Store, profiles: Sequence[Profile], *, clock: Clock = utc_now) -> None:
        self._store = store
        self._profiles = profiles
        self._clock = clock

    async def take(self, key: str, reports: Sequence[Report]) -> Taken:
        """Store reports of a device that proved who it is.

        Raises:
            NotFound: the device was never here, so that it must send an Inform first, or it is in quarantine.
            InvalidInput: a value cannot be stored.
        """
        now = self._clock()
        async with self._store.transaction() as tx:
            device = await device_store.get(tx, key)
            if device is None:
                raise NotFound(f"device {key} is not known: it must open a CWMP session first")
            if await identity.quarantined(tx, key) is not None:
                raise NotFound(f"device {key} is in quarantine: of such a device nothing is kept but its Informs")
            tree = await tree_store.read(tx, key)
            assert tree is not None
            references = _references(tree)
            fresh = await _fresh(tx, key, reports, references, now)
            unknown, written = await self._spread(tx, device, tree, references, fresh) if fresh else (0, 0)
        stored = len(fresh)
        taken = Taken(stored, len(reports) - stored, unknown, written)
        log.info("bulk.taken", device=key, stored=stored, repeated=taken.repeated, unknown=unknown, readings=written)
        return taken

    async def of_device(
        self, actor: Actor, key: str, *, since: datetime | None, limit: int = 20
    ) -> Sequence[BulkReport]:
        """A device's reports collected since then (None: in the last week), the newest first.

        Raises:
            NotFound: the device is not known.
        """
        actor.require(Scope.READ)
        since = since or self._clock() - _SHOWN
        async with self._store.reading() as tx:
            if await device_store.get(tx, key) is None:
                raise NotFound(f"device {key} is not known; see GET /api/v1/devices")
            return await bulk.of_device(tx, key, since=since, limit=min(limit, MOST))

    async def _spread(
        self,
        tx: Transaction,
        device: DeviceRecord,
        tree: Tree,
        references: Mapping[str, str],
        reports: Sequence[tuple[datetime, Report]],
    ) -> tuple[int, int]:
        """Lay reports over the tree and into the history; how many values found no parameter, and readings made.

        Each value that is newest is written once, however many reports came together.
        """
        types = {name: type_ for name, (_, type_) in tree.values.items()}
        newest: dict[str, tuple[datetime, tuple[str, str]]] = {}
        unknown = written = 0
        for at, report in reports:
            values: dict[str, tuple[str, str]] = {}
            for name, (text, type_) in report.values.items():
                parameter = reference_of(name, references)
                if parameter is not None:
                    values[parameter] = (text, types.get(parameter, type_))
            for name, value in values.items():
                before = newest[name][0] if name in newest else tree.times.get(name)
                if before is None or before < at:
                    newest[name] = (at, value)
            unknown += len(report.values) - len(values)
            written += await self._history(tx, device, tree, values, at)
        changes: dict[datetime, dict[str, tuple[str, str]]] = {}
        for name, (at, value) in newest.items():
            changes.setdefault(at, {})[name] = value
        for at in sorted(changes):
            await tree_store.merge(tx, device.key, TreeUpdate(changes[at], at))
        return unknown, written

    async def _history(
        self, tx: Transaction, device: DeviceRecord, tree: Tree, values: Mapping[str, tuple[str, str]], at: datetime
    ) -> int:
        profile = profile_of(self._profiles, device, sorted({*tree.values, *values}))
        if profile is None:
            return 0
        facts = facts_from_tree(profile, {name: text for name, (text, _) in values.items()}, at, SOURCE)
        return await record(tx, device, facts)


def _collected_at(report: Report, now: datetime) -> datetime | None:
    """When it was collected; None where the device does not say, or its clock is wrong."""
    if report.at is None or not now - _LONGEST_PAST < report.at < now + _FUTURE_SLACK:
        return None
    return report.at


async def _fresh(
    tx: Transaction, key: str, reports: Sequence[Report], references: Mapping[str, str], now: datetime
) -> list[tuple[datetime, Report]]:
    """Store the reports that did not come before, and give them with their times."""
    recent: Sequence[BulkReport] | None = None
    fresh: list[tuple[datetime, Report]] = []
    for report in reports:
        collected = _collected_at(report, now)
        kept = BulkReport(key, collected or now, now, _shown(report.values, references))
        if collected is None:
            if recent is None:
                recent = await bulk.of_device(tx, key, since=now - _SAME, limit=MOST)
            if any(each.values == kept.values for each in recent):
                continue
        if await bulk.put(tx, kept):
            fresh.append((kept.at, report))
    return fresh


def _references(tree: Tree) -> dict[str, str]:
    """Name → Reference of the device's own profiles, as its tree shows them."""
    found: dict[str, str] = {}
    for name, (alias, _) in tree.values.items():
        row = _PROFILE_ROW.fullmatch(name)
        reference = tree.values.get(f"{row[1]}Reference") if row is not None else None
        if alias and reference is not None and reference[0]:
            found[alias] = reference[0]
    return found


def _shown(values: Mapping[str, tuple[str, str]], references: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The values with a mask for each secret, also where the device gave it a name of its own."""
    return {
        name: (MASK if is_secret(name) or is_secret(reference_of(name, references) or "") else text, type_)
        for name, (text, type_) in values.items()
    }
