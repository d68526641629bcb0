"""Engines from a URL: `sqlite:///relative/path`, `sqlite:////absolute/path` or `postgresql://user:password@host/db`."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from acs.errors import ConfigError
from acs.store.postgres_steps import PostgresModule
from acs.store.sqlite_file import prepare_file
from acs.store.sqlite_steps import SqliteModule

#: Connections for management queries, which stay open (`acs/store/connections.py`); sessions have their own.
CONNECTIONS = 15
#: Compiled statements that are kept; a server has some hundreds, and a list of rows is one for each of its lengths.
_COMPILED = 2_000
#: Of them, those that a connection to PostgreSQL keeps prepared; the others cost a round trip more.
_PREPARED = 500
#: How long the database may take to let us in.
_CONNECT_TIMEOUT_S = 10.0
#: How long one statement may take.
COMMAND_TIMEOUT_S = 60.0


def parse_url(url: str) -> URL:
    """Return the URL in parts.

    Raises:
        ConfigError: it names no database that the store can use.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigError("store url: not a URL; write sqlite:///path or postgresql://user@host/database") from error
    if parsed.drivername == "postgres":
        parsed = parsed.set(drivername="postgresql")
    if parsed.drivername not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"store url: {parsed.drivername} is not a database that the store can use; "
            "write sqlite:///path or postgresql://user@host/database"
        )
    if not parsed.database or (parsed.drivername == "sqlite" and parsed.database == ":memory:"):
        raise ConfigError(f"store url: {shown(parsed)} names no database; an SQLite store is a file")
    return parsed


def shown(url: URL) -> str:
    """The store as whoever configured it knows it: the file, or the address without driver and password."""
    if url.get_backend_name() == "sqlite":
        return url.database or ""
    query = {name: value for name, value in url.query.items() if name != "password"}
    plain = URL.create(url.get_backend_name(), url.username, None, url.host, url.port, url.database, query)
    return plain.render_as_string()


def create_engine(url: str) -> AsyncEngine:
    """Return an engine for management queries; on SQLite its transactions begin as the only writer.

    Raises:
        ConfigError: see `parse_url`, or the folder of an SQLite store does not exist.
    """
    parsed = parse_url(url)
    if parsed.drivername == "postgresql":
        return create_async_engine(
            parsed.set(drivername="postgresql+asyncpg"),
            module=PostgresModule(),
            pool_size=CONNECTIONS,
            max_overflow=0,
            query_cache_size=_COMPILED,
            connect_args={
                "prepared_statement_cache_size": _PREPARED,
                "timeout": _CONNECT_TIMEOUT_S,
                "command_timeout": COMMAND_TIMEOUT_S,
                "server_settings": {"application_name": "secondline", "synchronous_commit": "on"},
            },
        )
    prepare_file(Path(parsed.database or ""))
    engine = create_async_engine(
        parsed.set(drivername="sqlite+aiosqlite"),
        module=SqliteModule(),
        connect_args={"check_same_thread": False},  # `SqliteConnection` sees to it that one has it at a time
        poolclass=AsyncAdaptedQueuePool,
        pool_size=CONNECTIONS,
        max_overflow=0,
        query_cache_size=_COMPILED,
        pool_reset_on_return=None,  # every transaction is ended by `Store`, and one more rollback costs a step
    )
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _on_begin(connection: Connection) -> None:
    driver: Any = connection.connection.dbapi_connection
    driver.begin(reading=False)
