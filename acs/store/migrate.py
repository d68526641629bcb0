"""The schema's revisions: `upgrade` brings a database to the one this release knows, and may be run again safely."""

from collections.abc import Callable
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from acs.errors import StoreError
from acs.store.engine import create_engine

#: The key of the advisory lock that keeps two upgrades of one PostgreSQL apart ("2line").
_UPGRADE_LOCK = 0x32_6C_69_6E_65


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
    await _run(engine, _upgrade)


async def revision(engine: AsyncEngine) -> str | None:
    """Return the revision that the database has; None for an empty one."""
    found: list[str | None] = []
    await _run(engine, lambda connection: found.append(_current(connection)))
    return found[0]


def newest_revision() -> str:
    """Return the revision that this release knows."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None
    return head


def known_revisions() -> frozenset[str]:
    """Return every revision that this release knows."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions())


async def _run(engine: AsyncEngine, work: Callable[[Connection], None]) -> None:
    try:
        async with engine.begin() as connection:
            await connection.run_sync(work)
    except (TimeoutError, DBAPIError, OSError) as error:
        where = engine.url.render_as_string(hide_password=True)
        raise StoreError(f"the store at {where} cannot be used: {getattr(error, 'orig', None) or error}") from error


def _upgrade(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
    current = _current(connection)
    if current is not None and current not in known_revisions():
        raise StoreError(
            f"the store has schema revision {current}, which this release does not know: it was written by a newer "
            "release; install that release, or restore a copy from before its upgrade"
        )
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return config
