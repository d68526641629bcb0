"""The file of an SQLite store: created for its owner alone, and every connection to it opened in the same way.

The rule of this file: a connection that leaves it is in write-ahead mode. SQLite does not wait its busy time for the
lock that the first change to that mode needs (two that have read the header would wait for each other for ever,
https://www.sqlite.org/c3ref/busy_handler.html), so whoever is refused asks again.
"""

import errno
import os
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from acs.errors import ConfigError

#: How long a connection waits for another one's lock.
_BUSY_S = 15.0
#: Between two tries to change the mode; a change takes less than a millisecond.
_PAUSE_S = 0.005
#: What every connection says once it is in write-ahead mode. FULL: an acknowledged commit survives loss of power.
_PRAGMAS = ("PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON", "PRAGMA temp_store=MEMORY")


def prepare_file(path: Path) -> Path:
    """Return the path of an SQLite store, created empty and readable by its owner alone if it is not there.

    A file that is there is not opened: closing any descriptor of it would drop this process's locks on it, and another
    process that closes the store would then take the write-ahead log away from under us.

    Raises:
        ConfigError: its folder does not exist, or this user must not write there.
    """
    try:
        if not path.exists():
            with suppress(FileExistsError):
                os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        elif not os.access(path, os.R_OK | os.W_OK):
            raise PermissionError(errno.EACCES, "permission denied", str(path))
    except OSError as error:
        raise ConfigError(
            f"the SQLite store {path} cannot be opened: {error.strerror}; its folder must exist, and this user must be "
            "allowed to write there"
        ) from error
    return path


def connect(path: str | Path, **options: Any) -> sqlite3.Connection:
    """Return a connection whose transactions begin where the caller says BEGIN; `options` are the driver's.

    Raises:
        sqlite3.Error: as the driver says it.
    """
    connection: sqlite3.Connection = sqlite3.connect(path, **options | {"timeout": _BUSY_S, "isolation_level": None})
    try:
        _enter_write_ahead_mode(connection)
        for pragma in _PRAGMAS:
            connection.execute(pragma).close()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _enter_write_ahead_mode(connection: sqlite3.Connection) -> None:
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(_PAUSE_S)
        else:
            return
