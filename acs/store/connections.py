"""Connections of a store's database, each lent for one transaction.

    PostgreSQL   from SQLAlchemy's pool, with its BEGIN and COMMIT
    SQLite       they stay with us: BEGIN goes with the first statement, and the end is one step in the driver's thread

On SQLite taking a connection from the pool, beginning, committing and giving it back cost more than the two statements
in between (`docs/decisions/0360-connections-of-sqlite-stay-open.md`): SQLAlchemy sees one transaction that lasts as
long as the connection, and those of the store are inside it. The rule of this file: a connection whose transaction did
not end as it should is never lent again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from acs.errors import StoreError
from acs.store.engine import SQLITE_CONNECTIONS
from acs.store.sqlite_steps import OneStepConnection

#: How long a use case waits for a connection.
_WAIT_S = 30.0


class Connections(Protocol):
    """Lends connections."""

    def lent(self, *, reading: bool) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection in a transaction that is committed when the block ends, and undone when it raises."""

    async def close(self) -> None:
        """End those that nobody has."""


def kept_or_pooled(engine: AsyncEngine) -> Connections:
    """Return the connections of an engine, as its database wants them."""
    return KeptConnections(engine) if engine.dialect.name == "sqlite" else PooledConnections(engine)


class PooledConnections:
    """Connections as SQLAlchemy's pool gives them."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    @asynccontextmanager
    async def lent(self, *, reading: bool) -> AsyncIterator[AsyncConnection]:
        """See `Connections`.

        Raises:
            StoreError: the database lets nobody in.
        """
        connection = await _opened(self._engine)
        try:
            async with connection.begin():
                yield connection
        finally:
            await connection.close()

    async def close(self) -> None:
        """The engine ends them."""


class KeptConnections:
    """SQLite's connections, opened when they are wanted and kept until the end."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._free = asyncio.Semaphore(SQLITE_CONNECTIONS)
        self._idle: list[AsyncConnection] = []

    @asynccontextmanager
    async def lent(self, *, reading: bool) -> AsyncIterator[AsyncConnection]:
        """See `Connections`.

        Raises:
            StoreError: none was free for half a minute, or the file cannot be opened.
        """
        await self._turn()
        try:
            connection = self._idle.pop() if self._idle else await self._begun()
            try:
                async with _transaction(connection, reading=reading):
                    yield connection
            except BaseException:
                await self._look_at(connection)
                raise
            self._idle.append(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """End those that nobody has."""
        while self._idle:
            await self._idle.pop().close()

    async def _turn(self) -> None:
        try:
            async with asyncio.timeout(_WAIT_S if self._free.locked() else None):
                await self._free.acquire()
        except TimeoutError as error:
            raise StoreError(
                f"the store failed, and nothing was written: none of its {SQLITE_CONNECTIONS} connections was free for "
                f"{_WAIT_S:.0f} s; look in the log for what holds them, or give the store a database server (store.url)"
            ) from error

    async def _look_at(self, connection: AsyncConnection) -> None:
        """Keep a connection whose transaction was undone; end one of which nobody knows."""
        if not connection.invalidated and _driver(connection).at_rest:
            self._idle.append(connection)
            return
        await connection.invalidate()
        await connection.close()

    async def _begun(self) -> AsyncConnection:
        connection = await _opened(self._engine)
        await connection.begin()  # SQLAlchemy's own, which lasts as long as the connection
        return connection


def failed(error: Exception) -> StoreError:
    """Say in our words what the database refused."""
    return StoreError(f"the store failed, and nothing was written: {getattr(error, 'orig', None) or error}")


async def _opened(engine: AsyncEngine) -> AsyncConnection:
    try:
        return await engine.connect()
    except (TimeoutError, DBAPIError, OSError) as error:
        raise failed(error) from error


@asynccontextmanager
async def _transaction(connection: AsyncConnection, *, reading: bool) -> AsyncIterator[None]:
    driver = _driver(connection)
    driver.begin(reading=reading)
    try:
        yield
        await driver.end(keep=True)
    except BaseException:
        if not connection.invalidated:
            await driver.end(keep=False)
        raise


def _driver(connection: AsyncConnection) -> OneStepConnection:
    inner: Any = connection.sync_connection
    driver: OneStepConnection = inner.connection.dbapi_connection
    return driver
