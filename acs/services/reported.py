"""Which facts, tables and columns a whole tree shows, and which it was looked through for in vain. Pure.

The rule of this file: nothing is called absent that may be there at another time: of a table whose rows come and go
the columns say something only where a row is.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from acs.profiles.patterns import rows_of
from acs.profiles.rows import tables_from_tree
from acs.profiles.schema import Profile, Reading
from acs.profiles.tree import facts_from_tree

#: Only names matter here.
_ANY_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a tree shows and lacks: names of facts, `table:NAME` and `table:NAME.COLUMN`."""

    shown: frozenset[str]
    lacking: frozenset[str]


def table_key(table: str, column: str = "") -> str:
    """How a table, or a column of it, is called among what a model reports."""
    return f"table:{table}.{column}" if column else f"table:{table}"


def seen_in(profile: Profile, values: Mapping[str, str]) -> Seen:
    """What a device's whole tree shows of what its profile knows."""
    names = sorted(values)
    facts = {fact.name for fact in facts_from_tree(profile, values, _ANY_TIME, "")}
    shown, looked = set(facts), set(facts)
    looked |= {fact for fact, readings in profile.readings.items() if all(_settled(each, names) for each in readings)}
    tables = tables_from_tree(profile, values, _ANY_TIME, "")
    for name, forms in profile.tables.items():
        table = tables.get(name)
        if table is None:
            if not any(form.volatile and form.counted_by is None for form in forms):
                looked.add(table_key(name))
            continue
        shown.add(table_key(name))
        shown |= {table_key(name, column) for row in table.rows for column in row.cells}
        if table.rows:
            looked |= {table_key(name, column) for form in forms for column in form.columns}
    return Seen(frozenset(shown), frozenset(looked - shown))


def _settled(reading: Reading, names: list[str]) -> bool:
    """Whether the absence of a value says that the model has none."""
    return not reading.volatile or bool(rows_of(reading.path.rsplit(".", 1)[0], names))
