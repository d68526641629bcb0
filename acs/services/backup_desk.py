"""Configurations of devices as a person sees them: list, show, compare; and the schedule on which they are taken.

    an id                a kept configuration            `last_good`   the newest of a line that was up
    `desired`            what the device was told        `current`     what is known of the device now

The rule of this file: a secret is shown to nobody here; that one differs from another is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.config import Config
from acs.cwmp.paths import generalised, rows_above, table_of
from acs.errors import NotFound, no_device
from acs.profiles.protection import is_setting
from acs.profiles.schema import Profile
from acs.secret_names import is_secret
from acs.services.actions.network import ROWS_MADE
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.identifiers import new_id
from acs.services.plans.extra_rows import Values, extra_rows
from acs.services.profiles import profile_of
from acs.store import backups, devices, operations, trees
from acs.store.backups import BackupRecord, Configuration
from acs.store.records import OperationRecord, OperationState
from acs.store.store import Store
from acs.store.transaction import Transaction

HIDDEN = "(hidden)"
SCHEDULED = "scheduled_backup"
#: Hours that a reading on schedule may wait for the device's next session.
_WAIT_H = 24


@dataclass(frozen=True, slots=True)
class Shown:
    """One configuration with its values; secrets are hidden."""

    name: str
    record: BackupRecord | None
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """One parameter that differs. None: it is not there."""

    path: str
    first: str | None
    second: str | None


class BackupDesk:
    """Use cases on configurations."""

    def __init__(
        self, store: Store, config: Config, profiles: Sequence[Profile] = (), *, clock: Clock = utc_now
    ) -> None:
        self._store = store
        self._profiles = profiles
        self._config = config.backups
        self._clock = clock

    async def list(self, actor: Actor, key: str, *, limit: int = 50, before: str | None = None) -> list[BackupRecord]:
        """A device's configurations, the newest first.

        Raises:
            NotFound: no device has this key.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            await _known(tx, key)
            return await backups.list_backups(tx, key, limit=limit, before=before)

    async def show(self, actor: Actor, key: str, which: str, path: str = "") -> Shown:
        """One configuration below a path.

        Raises:
            NotFound: no such device or configuration.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            record, configuration = await self._open(tx, key, which)
        values = {
            name: HIDDEN if is_secret(name) and (value or name in configuration.secrets) else value
            for name, (value, _) in sorted(configuration.values.items())
            if name.startswith(path)
        }
        return Shown(which if record is None else record.id, record, values)

    async def diff(self, actor: Actor, key: str, first: str, second: str) -> Sequence[Difference]:
        """What differs between two configurations of a device; rows that only one of them has are part of it.

        What is known of the device now (`current`) is compared as far as it is known: what it lacks is no difference,
        but a row that it has and a configuration that was read whole has not is one.

        Raises:
            NotFound: no such device or configuration.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            record, one = await self._open(tx, key, first)
            against, other = await self._open(tx, key, second)
        found = []
        partial = {"current", "desired"} & {first, second}
        added = _in_new_rows(one, record, other) | _in_new_rows(other, against, one)
        for name in sorted(one.values.keys() | other.values.keys()):
            old, new = _value(one, name), _value(other, name)
            if old != new and (not partial or name in added or (old is not None and new is not None)):
                hidden = is_secret(name)
                found.append(Difference(name, _masked(old, hidden=hidden), _masked(new, hidden=hidden)))
        return found

    async def turn(self) -> None:
        """Ask devices whose configuration is due, and throw away what is too old. The worker's job."""
        if not self._config.enabled:
            return
        now = self._clock()
        before = now - timedelta(hours=self._config.every_h)
        async with self._store.transaction() as tx:
            due = await backups.due(
                tx,
                before,
                seen_since=now - timedelta(hours=_WAIT_H),
                kind=SCHEDULED,
                limit=self._config.devices_per_turn,
            )
            for key in due:
                await operations.add(tx, _scheduled(key, now))
                await backups.thin_out(tx, key, self._config.keep)
            if due:
                await backups.forget_schemas(tx)

    async def _open(self, tx: Transaction, key: str, which: str) -> tuple[BackupRecord | None, Configuration]:
        await _known(tx, key)
        if which == "desired":
            return None, await backups.desired(tx, key)
        if which == "current":
            return None, await self._current(tx, key)
        good = which == "last_good"
        record = await backups.newest(tx, key, good=True) if good else await backups.get(tx, key, which)
        configuration = await backups.open_backup(tx, record.id) if record is not None else None
        if record is None and good:
            raise NotFound(
                f"device {key} has no configuration of a time when its line was known to be up; "
                f"choose one of `secondline device backup list {key}`"
            )
        if record is None or configuration is None:
            raise NotFound(
                f"device {key} has no configuration {which[:40]!r}; `secondline device backup list {key}` shows them"
            )
        return record, configuration

    async def _current(self, tx: Transaction, key: str) -> Configuration:
        """The settings that are known now: those of the newest configuration, and those of rows made since."""
        tree = await trees.read_open(tx, key)
        newest = await backups.newest(tx, key)
        kept = await backups.open_backup(tx, newest.id) if newest is not None else None
        values = {} if tree is None else dict(tree.values)
        told = await backups.desired(tx, key)  # of what no device tells, what it was told is known
        secrets = {name: secret for name, secret in told.secrets.items() if name in values and not values[name][0]}
        if kept is None:
            return Configuration(values, secrets)
        made, leaves = await self._made_by_us(tx, key, values)
        forms = {generalised(name) for name in kept.values} | leaves
        tables = {table_of(row) for name in kept.values for row in rows_above(name)}
        # a row of which nothing can be written is in no configuration: only a sibling, or our own rows, tell
        extra = extra_rows(values, kept.values)
        new = tuple(row for row in extra if generalised(row) in made or table_of(row) in tables)
        return Configuration(
            {
                name: entry
                for name, entry in values.items()
                if name in kept.values or (name.startswith(new) and generalised(name) in forms and is_setting(name))
            },
            secrets,
        )

    async def _made_by_us(self, tx: Transaction, key: str, values: Values) -> tuple[set[str], set[str]]:
        """The forms of the rows that our actions make on the model, and those of all the settings it is known for."""
        device = await devices.get(tx, key)
        profile = profile_of(self._profiles, device, sorted(values)) if device is not None else None
        if profile is None:
            return set(), set()
        rows = {each.path for each in profile.settings.targets if each.name in ROWS_MADE}
        return rows, {each.path for each in profile.settings.settings if not each.read_only}


def _in_new_rows(configuration: Configuration, record: BackupRecord | None, other: Configuration) -> set[str]:
    """The names of `other` in rows that a configuration, which was read whole, has not."""
    if record is None or not record.live:
        return set()
    new = tuple(extra_rows(other.values, configuration.values))
    return {name for name in other.values if name.startswith(new)}


async def _known(tx: Transaction, key: str) -> None:
    if await devices.get(tx, key) is None:
        raise no_device(key)


def _value(configuration: Configuration, name: str) -> str | None:
    entry = configuration.values.get(name)
    return configuration.secrets.get(name) or (None if entry is None else entry[0])


def _masked(value: str | None, *, hidden: bool) -> str | None:
    return HIDDEN if hidden and value else value


def _scheduled(key: str, now: datetime) -> OperationRecord:
    id = new_id()
    return OperationRecord(
        id=id,
        device=key,
        kind=SCHEDULED,
        arguments={},
        state=OperationState.QUEUED,
        command_key=id,
        created_at=now,
        deadline_at=now + timedelta(hours=_WAIT_H),
        actor="system",
        reason="its configuration is kept on a schedule",
    )
