"""The store: one database, its transactions, and the hot path of CPE sessions.

Store.open(url, vault=…) ─┬─ transaction()   one writer's use case (SQLAlchemy Core)
                          ├─ reading()       a snapshot for queries; waits for no writer
                          └─ sessions        open and commit of CPE sessions, in batches
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from acs.errors import StoreError
from acs.store import audit, migrate
from acs.store.connections import Connections, failed
from acs.store.engine import create_engine, parse_url
from acs.store.gate import Gate
from acs.store.postgres_hot import PostgresHot
from acs.store.reach import current_view
from acs.store.sessions import HotDriver, Sessions
from acs.store.sqlite_hot import SqliteHot
from acs.store.steps import DRIVER_ERRORS
from acs.store.transaction import Transaction
from acs.store.vault import Vault


class Store:
    """One open database. Made by `Store.open`; ended by `close`, which writes what is still waiting."""

    def __init__(self, engine: AsyncEngine, vault: Vault, gate: Gate, hot: HotDriver, *, window_s: float) -> None:
        self._engine = engine
        self._connections = Connections(engine)
        self._vault = vault
        self._gate = gate
        #: the two calls of the CPE session hot path
        self.sessions = Sessions(hot, self.transaction, window_s=window_s)

    @classmethod
    async def open(cls, url: str, *, vault: Vault, commit_window_ms: float = 8.0) -> "Store":
        """Open the store at the URL. An SQLite store is created and upgraded by itself; PostgreSQL is not.

        Args:
            url: `sqlite:///path` or `postgresql://user:password@host:port/database`.
            vault: opens and seals the secrets that are stored.
            commit_window_ms: under load, how far apart the batches of sessions begin; 0 for no wait. A session
                that comes alone never waits for it.

        Raises:
            StoreError: the database cannot be reached, or its schema is not the one of this release.
            ConfigError: the URL names no database that can be used.
        """
        parsed = parse_url(url)
        engine = create_engine(url)
        gate = Gate(alone=parsed.drivername == "sqlite")
        hot: HotDriver
        try:
            if parsed.drivername == "sqlite":
                await migrate.upgrade_engine(engine)
                hot = await SqliteHot.open(parsed, gate)
            else:
                await _require_newest(engine)
                hot = await PostgresHot.open(parsed)
        except BaseException:
            await engine.dispose()
            raise
        return cls(engine, vault, gate, hot, window_s=commit_window_ms / 1000)

    async def close(self) -> None:
        """Write the sessions that still wait, then end every connection. Nothing may be asked afterwards."""
        await self.sessions.close()
        await self._connections.close()
        await self._engine.dispose()

    @asynccontextmanager
    async def transaction(self, *, first: bool = False) -> AsyncIterator[Transaction]:
        """One transaction, committed when the block ends, undone when it raises. On SQLite it is the only writer.

        `first`: somebody waits for a short answer, and passes those who wait to write what nobody waits for.

        Raises:
            StoreError: the database refused or failed; nothing was written.
        """
        async with self._gate.writing(urgent=first), self._connected(reading=False) as connection:
            tx = Transaction(connection, self._vault, current_view())
            yield tx
            await audit.flush(tx)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """A transaction for queries alone: waits for no writer, and no writer waits for it.

        Raises:
            StoreError: the database refused or failed.
        """
        async with self._connected(reading=True) as connection:
            yield Transaction(connection, self._vault, current_view())

    @asynccontextmanager
    async def _connected(self, *, reading: bool) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._connections.lent(reading=reading) as connection:
                yield connection
        except (DBAPIError, *DRIVER_ERRORS) as error:
            raise failed(error) from error


async def _require_newest(engine: AsyncEngine) -> None:
    found, wanted = await migrate.revision(engine), migrate.newest_revision()
    if found == wanted:
        return
    if found is None or found in migrate.known_revisions():
        raise StoreError(
            f"the store has schema revision {found or 'none'}, this release needs {wanted}; run: secondline db upgrade"
        )
    raise StoreError(
        f"the store has schema revision {found}, which this release does not know: it was written by a newer release; "
        "install that release, or restore a copy from before its upgrade"
    )
