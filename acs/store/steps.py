"""What a connection's driver does for one transaction at a time, on either database: begin, step by step, end.

`acs/store/sqlite_steps.py` and `acs/store/postgres_steps.py` are the two; `acs/store/connections.py` lends them and
`acs/store/short_way.py` speaks through them.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy.dialects.postgresql.asyncpg import AsyncAdapt_asyncpg_dbapi

#: What either driver raises.
DRIVER_ERRORS = (sqlite3.Error, AsyncAdapt_asyncpg_dbapi.Error)


@dataclass(frozen=True, slots=True)
class Done:
    """What is left of a driver's cursor when its statement is over."""

    description: Any = None
    rowcount: int = -1
    lastrowid: int | None = None
    arraysize: int = 1


class Driver(Protocol):
    """A connection as its driver has it."""

    #: the last transaction is known to have ended
    at_rest: bool

    @property
    def lost(self) -> bool:
        """Whether the database has gone."""

    def begin(self, *, reading: bool) -> None:
        """Let what comes be one transaction."""

    async def step(self, operation: str, parameters: Sequence[Any]) -> tuple[Done, list[Any]]:
        """Run one statement, and return what is left of it and its rows."""

    async def end(self, *, keep: bool) -> None:
        """Commit or undo."""
