"""The schema's revision: `upgrade` brings a database to the one this release knows, and may be run again safely.

The rule of this file: a database that is at the newest revision is recognised without Alembic.
"""

import asyncio
import importlib
import os
from collections.abc import Callable

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from acs.errors import StoreError
from acs.store.engine import create_engine, shown

#: The key of the advisory lock that keeps two upgrades of one PostgreSQL apart ("2line").
_UPGRADE_LOCK = 0x32_6C_69_6E_65
#: The revision that this release knows: the last file in migrations/versions.
_NEWEST = "0026"
#: Alembic keeps the migration that runs in globals of the process: one at a time.
_ONE_AT_A_TIME = asyncio.Lock()


async def upgrade(url: str) -> None:
    """Bring the database at the URL to the newest revision; nothing happens when it is there already.

    Raises:
        StoreError: it cannot be reached, or was written by a newer release.
    """
    engine = create_engine(url)
    try:
        await upgrade_engine(engine)
    finally:
        await engine.dispose()


async def upgrade_engine(engine: AsyncEngine) -> None:
    """`upgrade` on an engine of this process."""
    if await revision(engine) == _NEWEST:
        return
    await asyncio.to_thread(importlib.import_module, "acs.store.revisions")  # it takes long: the loop does not wait
    async with _ONE_AT_A_TIME:
        if await revision(engine) != _NEWEST:
            await _run(engine, _upgrade)


async def revision(engine: AsyncEngine) -> str | None:
    """Return the revision that the database has; None for an empty one."""
    found: list[str | None] = []
    await _run(engine, lambda connection: found.append(_current(connection)))
    return found[0]


def newest_revision() -> str:
    """Return the revision that this release knows."""
    return _NEWEST


def known_revisions() -> frozenset[str]:
    """Return every revision that this release knows."""
    from acs.store import revisions  # noqa: PLC0415 - Alembic costs 0.3 s

    return revisions.known()


async def _run(engine: AsyncEngine, work: Callable[[Connection], None]) -> None:
    try:
        async with engine.begin() as connection:
            await connection.run_sync(work)
    except (TimeoutError, DBAPIError, OSError) as error:
        where, why = shown(engine.url), getattr(error, "orig", None) or error
        if isinstance(why, OSError) and why.errno:
            why = os.strerror(why.errno)  # not the driver's words, which quote addresses as Python writes them
        raise StoreError(
            f"the store at {where} cannot be used: {why}; check store.url, this user's rights and the free room there"
        ) from error


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    current = _current(connection)
    if current is not None and current not in known_revisions():
        raise StoreError(
            f"the store has schema revision {current}, which this release does not know: it was written by a newer "
            "release; install that release, or restore a copy from before its upgrade"
        )
    from acs.store import revisions  # noqa: PLC0415 - Alembic costs 0.3 s

    revisions.run_upgrade(connection)


def _current(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found
