"""The hot path of CPE sessions: `open` when an Inform came, `commit` before anything leaves that depends on it.

Both return when what they wrote is on disk. Concurrent calls share batches: one read, one write, one flush to disk
for all sessions of a few milliseconds. A session whose data the database refuses fails alone.

    open(SessionOpening)  → SessionOpened      the device's hot row, its events, its due operations
    commit(SessionCommit) → SessionCommitted   guarded transitions with their steps, tree values, the session's form
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from datetime import datetime
from functools import lru_cache
from typing import Protocol

from sqlalchemy import Update, bindparam, select, update

from acs.errors import AcsError, InvalidInput
from acs.secret_names import is_secret
from acs.store import operations, trees
from acs.store.built import new
from acs.store.coalescer import Coalescer
from acs.store.hot import Item, Outcome, check, wants_nothing
from acs.store.instants import instant, micros
from acs.store.records import (
    SessionCommit,
    SessionCommitted,
    SessionOpened,
    SessionOpening,
    StoredSession,
    TreeUpdate,
)
from acs.store.schema import devices
from acs.store.transaction import Transaction

_STORED_FORM = ("stored_session_id", "stored_session", "stored_session_at")
_STORED = select(devices.c.key, *(devices.c[name] for name in _STORED_FORM)).where(
    devices.c.stored_session_id == bindparam("session")
)
_DEVICE = update(devices).where(devices.c.key == bindparam("its_key"))
_UPTIME = _DEVICE.values(new("uptime_s", "uptime_at"))
_VOID = _DEVICE.where(devices.c.stored_session_id == bindparam("session")).values(dict.fromkeys(_STORED_FORM))
_KEEP = _DEVICE.where(devices.c.last_session_id == bindparam("session")).values(new(*_STORED_FORM))
#: Lists of names that Informs carry, remembered: a device, and others of its model, send the same one again and again.
_SHAPES = 4_096
#: Opens a transaction of the store: `Store.transaction`.
Transactions = Callable[[], AbstractAsyncContextManager[Transaction]]


class HotDriver(Protocol):
    """Writes batches on the database's own driver: one for SQLite, one for PostgreSQL."""

    async def run(self, batch: Sequence[Item]) -> Sequence[Outcome | AcsError]:
        """Write a batch durably; one outcome or error per item, in order."""

    async def close(self) -> None:
        """End the connections."""


class Sessions:
    """The session calls of one store."""

    def __init__(self, driver: HotDriver, transactions: Transactions, *, window_s: float) -> None:
        self._driver = driver
        self._transactions = transactions
        self._batches: Coalescer[Item, Outcome] = Coalescer(driver.run, window_s=window_s)

    async def open(self, opening: SessionOpening) -> SessionOpened:
        """Store what an Inform says and return what waits for its device; InformResponse may leave afterwards.

        The same Inform sent again (see docs/decisions/0011) stores its events once; `repeated` tells.

        Raises:
            InvalidInput: a text cannot be stored; the message names the field.
            StoreError: the database failed, and nothing was stored.
        """
        check(opening)
        names = _secret_names(tuple([value[0] for value in opening.values]))
        secrets = (
            {name: (value, kind) for name, value, kind in opening.values if name in names and value} if names else {}
        )
        if secrets:
            opening = opening._replace(values=tuple(each for each in opening.values if each[0] not in secrets))
        opened = await self._batches.submit(opening)
        assert isinstance(opened, SessionOpened)
        if secrets:
            await self._seal(opening, secrets)
        return opened

    async def commit(self, commit: SessionCommit) -> SessionCommitted:
        """Store what a session changes, all or nothing, and tell which transitions happened.

        A transition whose guard refuses does not undo the rest: the caller looks at `steps` before it sends.

        Raises:
            InvalidInput: a text cannot be stored; the message names the field.
            StoreError: the database failed, and nothing was stored.
        """
        check(commit)
        if commit.tree is not None:
            return await self._commit_with_tree(commit)
        if wants_nothing(commit):
            return SessionCommitted(())
        committed = await self._batches.submit(commit)
        assert isinstance(committed, SessionCommitted)
        return committed

    async def resume(self, session_id: str, not_before: datetime) -> StoredSession | None:
        """Return the stored form of a session, if one was stored since `not_before`."""
        async with self._transactions() as tx:
            row = await tx.one(_STORED, {"session": session_id})
        if row is None or row.stored_session_at < micros(not_before):
            return None
        return StoredSession(row.key, row.stored_session_id, bytes(row.stored_session), instant(row.stored_session_at))

    async def close(self) -> None:
        """Write what waits, then end the connections."""
        await self._batches.close()
        await self._driver.close()

    async def _seal(self, opening: SessionOpening, secrets: Mapping[str, tuple[str, str]]) -> None:
        """Secrets that an Inform carried go sealed into the tree; hardly ever there are any."""
        with suppress(InvalidInput):  # a tree that is full takes no more, and the session goes on
            async with self._transactions() as tx:
                await trees.merge(tx, opening.key, TreeUpdate(secrets, opening.at))

    async def _commit_with_tree(self, commit: SessionCommit) -> SessionCommitted:
        """A session that read parameters is rare and costs a tree: it has a transaction of its own."""
        assert commit.tree is not None
        async with self._transactions() as tx:
            await trees.merge(tx, commit.key, commit.tree)
            for operation in commit.operations:
                await operations.add(tx, operation)
            steps = [await operations.transition(tx, change) for change in commit.transitions]
            for statement, values in _device_changes(commit):
                await tx.run(statement, {"its_key": commit.key, **values})
        return SessionCommitted(tuple(steps))


@lru_cache(maxsize=_SHAPES)
def _secret_names(names: tuple[str, ...]) -> frozenset[str]:
    """Those of an Inform's names that are secrets'."""
    return frozenset(name for name in names if is_secret(name))


def _device_changes(commit: SessionCommit) -> list[tuple[Update, dict[str, object]]]:
    """Each UPDATE of the device's row and its values, as the hot drivers make them too."""
    at, this = micros(commit.at), commit.session_id
    changes: list[tuple[Update, dict[str, object]]] = []
    if commit.uptime_s is not None:
        changes.append((_UPTIME, {"new_uptime_s": commit.uptime_s, "new_uptime_at": at}))
    if commit.ended:
        changes.append((_VOID, {"session": this}))
    elif commit.session is not None:
        form = {"new_stored_session_id": this, "new_stored_session": commit.session, "new_stored_session_at": at}
        changes.append((_KEEP, {"session": this, **form}))
    return changes
