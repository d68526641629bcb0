"""What happens at the doors of this process that only the whole fleet makes telling: noted in memory, stored together.

    wrong password, unknown device ──▶ counts of the minute ─┐
    another firmware, an address of management ──▶ changes ──┴─(seconds later)──▶ store ──▶ `security_watch`

The rule of this file: a session never waits for it, and one of which nothing is to be noted costs some comparisons.
What is lost with a process is what it noted in its last seconds.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import structlog

from acs.config import SecurityAlarmsSection
from acs.errors import AcsError
from acs.metrics import Metrics
from acs.services.background import PAUSE_S, Background
from acs.services.clock import Clock
from acs.services.guarding import written
from acs.services.identifiers import new_id
from acs.services.kinds.transfers import is_firmware
from acs.store import backups, operations
from acs.store import devices as device_store
from acs.store import security as security_store
from acs.store.limits import storable
from acs.store.records import DeviceRecord, OperationRecord, SessionOpened, SessionOpening, TreeUpdate
from acs.store.security import ManagementUrl, Minute, SoftwareChange
from acs.store.store import Store
from acs.store.transaction import Transaction

log = structlog.get_logger()

Noted = TypeVar("Noted")

#: What is counted by the minute.
CWMP, API, UNKNOWN = "auth.cwmp", "auth.api", "devices.unknown"
#: The parameter whose change is told, below the root.
URL = "ManagementServer.URL"
#: Seconds that what was noted waits for more, so that it shares a transaction; and for what waits at the end.
_GATHER_S, _CLOSE_S = 1.0, 5.0
#: Changes of one transaction, and those that may wait; of more the oldest are left out.
_TOGETHER, _WAITING = 50, 20_000
#: Minutes that wait for the store, of all kinds together.
_MINUTES = 360
#: Addresses of one minute that are told apart, and those of them that are stored.
_ADDRESSES, _STORED_ADDRESSES = 2_000, 20
#: Devices whose address of management is remembered, and for how long: another process may have seen another one.
_REMEMBERED, _REMEMBER = 100_000, timedelta(hours=1)
#: Operations of a device that are looked through for the cause of a change, and how old they may be.
_LOOK, _URL_OURS = 100, timedelta(days=7)
#: Kinds of operation after which any address of management is their doing.
_RESETTING = frozenset({"factory_reset", "restore", "download", "schedule_download"})
_DOWNLOADS = frozenset({"download", "schedule_download"})
_MINUTE_S = 60
_URL_CHARS = 256


@dataclass(slots=True)
class _Tally:
    count: int = 0
    addresses: Counter[str] = field(default_factory=Counter)


class SecurityNotes:
    """What one process noted and has not stored yet."""

    def __init__(self, store: Store, config: SecurityAlarmsSection, metrics: Metrics, clock: Clock) -> None:
        self._store = store
        self._config = config
        self._clock = clock
        self._source = new_id()
        self._events = {
            what: metrics.fleet_events.labels(what)
            for what in ("cwmp", "api", "unknown_device", "firmware", "management_url")
        }
        self._tallies: dict[tuple[str, int], _Tally] = {}
        self._unwritten: set[tuple[str, int]] = set()
        self._software: deque[tuple[DeviceRecord, str, datetime]] = deque(maxlen=_WAITING)
        self._told_urls: deque[tuple[str, str, datetime]] = deque(maxlen=_WAITING)
        self._urls: OrderedDict[str, tuple[str, datetime]] = OrderedDict()
        self._background = Background()
        self._at_once = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def refused_cpe(self, address: str) -> None:
        """A CPE did not prove who it is."""
        self._events["cwmp"].inc()
        self._count(CWMP, address)

    def refused_user(self, address: str) -> None:
        """A request at the API came with a wrong token, password or code."""
        self._events["api"].inc()
        self._count(API, address)

    def unknown(self, address: str) -> None:
        """A device came that nobody knew, whether it was taken in or turned away."""
        self._events["unknown_device"].inc()
        self._count(UNKNOWN, address)

    def came(self, opening: SessionOpening, opened: SessionOpened) -> None:
        """Take what an Inform tells; returns at once."""
        if not self._config.enabled:
            return
        before = opened.previous_software_version
        if opened.created:
            self.unknown(opening.address)
        elif before and before != opening.software_version and opening.software_version:
            self._software.append((opened.device, before, opening.at))
            self._events["firmware"].inc()
            self._wake()
        if opening.management_url:
            self._heard_url(opening.key, opening.management_url, opening.at)

    def read(self, device: DeviceRecord, update: TreeUpdate) -> None:
        """Take what a session read; returns at once."""
        if not self._config.enabled:
            return
        root = device.root if device.root.endswith(".") else f"{device.root}."
        told = update.values.get(root + URL)
        if told is not None:
            self._heard_url(device.key, told[0], update.read_at)

    async def drain(self) -> None:
        """Store what was noted so far without waiting for more; return when that is done."""
        self._at_once.set()
        while self._running is not None and not self._running.done():
            await asyncio.wait([self._running])
        self._at_once.clear()

    async def close(self) -> None:
        """Store what waits, as far as the store takes it soon, then end."""
        self._at_once.set()
        await self._background.close(_CLOSE_S)

    def _count(self, kind: str, address: str) -> None:
        if not self._config.enabled:
            return
        minute = int(self._clock().timestamp()) // _MINUTE_S
        key = kind, minute
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally()
            if len(self._tallies) > _MINUTES:  # the store has been away for hours
                oldest = next(iter(self._tallies))
                del self._tallies[oldest]
                self._unwritten.discard(oldest)
        tally.count += 1
        if address in tally.addresses or len(tally.addresses) < _ADDRESSES:
            tally.addresses[address] += 1
        self._unwritten.add(key)
        self._wake()

    def _heard_url(self, key: str, url: str, at: datetime) -> None:
        known = self._urls.get(key)
        if known is not None and known[0] == url and at - known[1] < _REMEMBER:
            return
        self._urls[key] = (url, at)
        self._urls.move_to_end(key)
        if len(self._urls) > _REMEMBERED:
            self._urls.popitem(last=False)
        plain = _without_user(url)
        if plain:
            self._told_urls.append((key, plain, at))
            self._wake()

    def _wake(self) -> None:
        if self._config.enabled and (self._running is None or self._running.done()):
            self._running = self._background.start(self._run())

    async def _run(self) -> None:
        while self._unwritten or self._software or self._told_urls:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._at_once.wait(), _GATHER_S)
            try:
                await self._store_all()
            except AcsError as error:
                log.warning("security.not_noted", error=str(error))
                await asyncio.sleep(PAUSE_S)

    async def _store_all(self) -> None:
        await self._store_counts()
        while some := _taken(self._software):
            try:
                async with self._store.transaction() as tx:
                    await security_store.add_changes(tx, await self._changes(tx, some))
            except AcsError:
                self._software.extendleft(reversed(some))
                raise
        while urls := _taken(self._told_urls):
            try:
                await self._store_urls(urls)
            except AcsError:
                self._told_urls.extendleft(reversed(urls))
                raise

    async def _store_urls(self, told: list[tuple[str, str, datetime]]) -> None:
        async with self._store.transaction() as tx:
            changed = await self._judged(tx, told)
            await security_store.put_urls(tx, changed)
        for each in changed:
            if each.changed_at is not None:
                self._events["management_url"].inc()

    async def _store_counts(self) -> None:
        keys, self._unwritten = self._unwritten, set()
        if not keys:
            return
        minutes = []
        for kind, minute in sorted(keys):
            tally = self._tallies[kind, minute]
            at = datetime.fromtimestamp(minute * _MINUTE_S, self._clock().tzinfo)
            most = dict(tally.addresses.most_common(_STORED_ADDRESSES))
            minutes.append(Minute(kind, at, self._source, tally.count, most))
        try:
            async with self._store.transaction() as tx:
                await security_store.put_minutes(tx, minutes)
        except AcsError:
            self._unwritten |= keys & self._tallies.keys()
            raise
        now = int(self._clock().timestamp()) // _MINUTE_S
        for key in [key for key in self._tallies if key[1] < now and key not in self._unwritten]:
            del self._tallies[key]

    async def _changes(self, tx: Transaction, some: list[tuple[DeviceRecord, str, datetime]]) -> list[SoftwareChange]:
        known = await device_store.get_many(tx, sorted({device.key for device, _, _ in some}))
        found = []
        for device, before, at in some:
            if device.key not in known:
                continue
            since = at - timedelta(hours=self._config.firmware_ours_hours)
            done = await operations.list_operations(tx, device=device.key, limit=_LOOK)
            ours = any(each.kind in _DOWNLOADS and is_firmware(each) and _left(each, since) for each in done)
            model = f"{device.manufacturer}\t{device.product_class}"
            found.append(SoftwareChange(device.key, at, model, before, device.software_version, ours))
        return found

    async def _judged(self, tx: Transaction, told: list[tuple[str, str, datetime]]) -> list[ManagementUrl]:
        keys = sorted({key for key, _, _ in told})
        there = await device_store.get_many(tx, keys)
        known = await security_store.known_urls(tx, keys)
        changed: dict[str, ManagementUrl] = {}
        for key, url, at in told:
            before = changed.get(key) or known.get(key)
            if key not in there or (before is not None and before.url == url):
                continue
            if before is None or url == before.before or await self._is_ours(tx, there[key], url, at):
                changed[key] = ManagementUrl(key, url)
            else:
                changed[key] = ManagementUrl(key, url, before.before or before.url, before.changed_at or at)
        return list(changed.values())

    async def _is_ours(self, tx: Transaction, device: DeviceRecord, url: str, at: datetime) -> bool:
        """Whether the operator named the address, or an operation of ours brought it."""
        if any(fnmatchcase(url, pattern) for pattern in self._config.management_urls):
            return True
        root = device.root if device.root.endswith(".") else f"{device.root}."
        name = root + URL
        told = (await backups.desired(tx, device.key)).values.get(name)
        if told is not None and _without_user(told[0]) == url:
            return True
        done = await operations.list_operations(tx, device=device.key, limit=_LOOK)
        return any(_set(each, name, url) for each in done if _left(each, at - _URL_OURS))


def _taken(queue: deque[Noted]) -> list[Noted]:
    return [queue.popleft() for _ in range(min(len(queue), _TOGETHER))]


def _left(operation: OperationRecord, since: datetime) -> bool:
    return operation.sent_at is not None and operation.sent_at >= since


def _set(operation: OperationRecord, name: str, url: str) -> bool:
    """Whether an operation wrote the address, or may have: a reset, a restoring or a file bring what they hold."""
    if operation.kind in _RESETTING:
        return not (operation.kind in _DOWNLOADS and is_firmware(operation))
    values = written(operation.kind, operation.arguments)
    return any(path == name and _without_user(str(value)) == url for path, value in values)


def _without_user(url: str) -> str:
    """The address without a user and password, as it is compared and kept; empty for what is none."""
    text = url.strip()[:_URL_CHARS]
    if not storable(text):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
