"""The schema's revisions as Alembic runs them. Imported only where a schema is not the newest: Alembic costs 0.3 s."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def head() -> str | None:
    """Return the newest revision among the scripts."""
    return ScriptDirectory.from_config(config()).get_current_head()


def known() -> frozenset[str]:
    """Return every revision that there is a script for."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(config()).walk_revisions())


def run_upgrade(connection: Connection) -> None:
    """Bring the database of this connection to the newest revision."""
    wanted = config()
    wanted.attributes["connection"] = connection
    command.upgrade(wanted, "head")


def config() -> Config:
    """Return what Alembic needs to find the scripts."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    return made
