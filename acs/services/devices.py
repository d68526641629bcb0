"""Devices as a person or program sees them, and what happens when one comes for the first time.

The rule of this file: parameter values that hold secrets are never shown, whatever path they were read from.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from acs.errors import NotFound, TooMany, no_device
from acs.profiles.schema import Profile
from acs.secret_names import is_secret
from acs.services import audit
from acs.services.actor import Actor, Scope, system_actor
from acs.services.clock import Clock, utc_now
from acs.services.lines import Lines, known_line
from acs.services.operations import Operations
from acs.services.profiles import profile_of
from acs.store import devices as device_store
from acs.store import trees as tree_store
from acs.store.records import DeviceRecord, Tree
from acs.store.store import Store

log = structlog.get_logger()

HIDDEN = "(hidden)"
#: seconds that the first reading of a new device's tree may take
_FIRST_READ_S = 86_400.0
#: devices that are put on their lines at the same time: when a town comes back the others wait, and sessions do not
_NEWCOMERS = 1
#: of so many that come at once each is called for its first reading when it has left; a crowd is read as it comes again
_CALLED = 8


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a device as it was last read."""

    name: str
    value: str
    type: str
    #: when it was read, or came in an Inform
    at: datetime


@dataclass(frozen=True, slots=True)
class DeviceView:
    """A device with its profile; `read_at` None: its tree was never read."""

    device: DeviceRecord
    profile: str | None
    parameters: int
    read_at: datetime | None


class Devices:
    """Use cases on devices."""

    def __init__(
        self,
        store: Store,
        lines: Lines,
        operations: Operations,
        profiles: Sequence[Profile],
        *,
        clock: Clock = utc_now,
    ) -> None:
        self._store = store
        self._lines = lines
        self._operations = operations
        self._profiles = profiles
        self._clock = clock
        self._newcomers = asyncio.Semaphore(_NEWCOMERS)
        self._coming = 0
        #: called with a device that is on a line now, or on none; see `ProvisionSearch.check`
        self.bound: Callable[[str], Awaitable[object]] | None = None

    async def find(
        self, actor: Actor, *, search: str = "", line: str | None = None, limit: int = 100, after: str = ""
    ) -> list[DeviceRecord]:
        """Devices by key; `after` is the last key of the page before."""
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            return await device_store.list_devices(tx, search=search, line=line, limit=limit, after=after)

    async def get(self, actor: Actor, key: str) -> DeviceView:
        """One device.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            record = await device_store.get(tx, key)
            tree = await tree_store.read(tx, key)
        if record is None:
            raise _unknown(key)
        names = sorted(tree.values) if tree is not None else []
        profile = profile_of(self._profiles, record, tree.values if tree is not None else ())
        read_at = tree.read_at if tree is not None else None
        return DeviceView(record, profile.id if profile is not None else None, len(names), read_at)

    async def parameters(self, actor: Actor, key: str, path: str = "", limit: int = 100_000) -> list[Parameter]:
        """What is known below a path (or of one parameter), sorted by name; secrets are hidden.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            tree = await tree_store.read(tx, key)
        if tree is None:
            raise _unknown(key)
        names = sorted(name for name in tree.values if name.startswith(path))[:limit]
        return [_parameter(tree, name) for name in names]

    async def set_line(self, actor: Actor, key: str, line: str | None) -> None:
        """Put a device on a line by hand, or on none.

        Raises:
            NotFound: no such device or line.
        """
        actor.require(Scope.INVENTORY)
        async with self._store.transaction() as tx:
            record = await device_store.get(tx, key)
            if record is None:
                raise _unknown(key)
            if line is not None:
                await known_line(tx, line)
            await device_store.set_line(tx, key, line)
            before, after = {"line": record.line}, {"line": line}
            now = self._clock()
            await audit.note(tx, actor, "device.bound", f"device:{key}", now, before=before, after=after)
        if self.bound is not None and record.line != line:
            await self.bound(key)

    async def came(self, device: DeviceRecord, *, new: bool) -> None:
        """A device came whose line must be looked for: it is new, or a value that identifies it changed.

        It is put on its line by the configured rules; of a new device the whole tree is read once, so that its
        profile can be chosen and later questions name what it has. Called by the CWMP edge after the session's opening.
        """
        self._coming += 1
        try:
            async with self._newcomers:
                await self._take_in(device, new=new)
        finally:
            self._coming -= 1

    async def _take_in(self, device: DeviceRecord, *, new: bool) -> None:
        async with self._store.reading() as tx:
            line, _ = await self._lines.line_of(tx, device)
        if line != device.line:
            async with self._store.transaction() as tx:
                line = await self._lines.bind_device(tx, device)
        if self.bound is not None and line is not None:
            await self.bound(device.key)
        if not new:
            return
        try:
            await self._operations.request(
                system_actor("first-read"),
                device.key,
                "refresh",
                {},
                deadline_s=_FIRST_READ_S,
                reason="the device is new",
                idempotency_key=f"first-read:{device.key}"[:200],
                call=self._coming <= _CALLED,
            )
        except TooMany as error:
            log.warning("device.not_read", device=device.key, problem=str(error))


def shown_value(name: str, value: str) -> str:
    """The value, or a mark in the place of a secret."""
    return HIDDEN if value and is_secret(name) else value


def _unknown(key: str) -> NotFound:
    return no_device(key)


def _parameter(tree: Tree, name: str) -> Parameter:
    value, type_ = tree.values[name]
    return Parameter(name, shown_value(name, value), type_, tree.times[name])
