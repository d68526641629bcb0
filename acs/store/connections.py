"""Connections of a store's database, each lent for one transaction, and kept until the end.

Taking a connection from SQLAlchemy's pool, asking whether it lives, beginning, committing and giving it back cost more
than the two statements in between (`docs/decisions/0360-connections-stay-open.md`): SQLAlchemy sees one transaction
that lasts as long as the connection, and those of the store are inside it (`acs/store/steps.py`). The rule of this
file: a connection whose transaction did not end as it should, or whose database has gone, is never lent again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from acs.errors import StoreError
from acs.store.engine import CONNECTIONS
from acs.store.steps import DRIVER_ERRORS, Driver

#: How long a use case waits for a connection.
_WAIT_S = 30.0


class Connections:
    """Lends connections, opened when they are wanted."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._idle: list[AsyncConnection] = []

    @asynccontextmanager
    async def lent(self, *, reading: bool) -> AsyncIterator[AsyncConnection]:
        """A connection in a transaction that is committed when the block ends, and undone when it raises.

        Raises:
            StoreError: none was free for half a minute, or the database lets nobody in.
        """
        await self._turn()
        try:
            connection = await self._taken()
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
                f"the store failed, and nothing was written: none of its {CONNECTIONS} connections was free for "
                f"{_WAIT_S:.0f} s; look in the log for what holds them, or give the store a faster database (store.url)"
            ) from error

    async def _taken(self) -> AsyncConnection:
        while self._idle:
            connection = self._idle.pop()
            if not driver_of(connection).lost:
                return connection
            await _drop(connection)
        return await self._begun()

    async def _look_at(self, connection: AsyncConnection) -> None:
        """Keep a connection whose transaction was undone; end one of which nobody knows."""
        if not connection.invalidated and driver_of(connection).at_rest:
            self._idle.append(connection)
        else:
            await _drop(connection)

    async def _begun(self) -> AsyncConnection:
        connection = await _opened(self._engine)
        await connection.begin()  # SQLAlchemy's own, which lasts as long as the connection
        return connection


def driver_of(connection: AsyncConnection) -> Driver:
    """Return what speaks to the database; a connection of our engines that was not ended has it."""
    inner: Any = connection.sync_connection
    driver: Driver = inner.connection.dbapi_connection
    return driver


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
    driver = driver_of(connection)
    driver.begin(reading=reading)
    try:
        yield
        await driver.end(keep=True)
    except BaseException:
        if not connection.invalidated:
            with suppress(*DRIVER_ERRORS):  # what broke first is told; one that could not undo is dropped
                await driver.end(keep=False)
        raise


async def _drop(connection: AsyncConnection) -> None:
    await connection.invalidate()
    await connection.close()
