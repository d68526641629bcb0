"""What statements that are built once are made with, besides SQLAlchemy's own `bindparam`.

    _BY_ID  = select(t).where(t.c.id == bindparam("id"))                            tx.one(_BY_ID, {"id": id_})
    _LISTED = Filtered(select(t), line=t.c.line == bindparam("line"))               tx.rows(*_LISTED.given(line=line))
    _END    = update(t).where(t.c.id == bindparam("its_id")).values(new("state"))   tx.run(_END, {"its_id": …,
                                                                                                  "new_state": …})

The rule of this file: the value that an UPDATE writes into a column is named `new_<column>`, and what the row is found
by has a name that no column has: SQLAlchemy writes a value that is named like a column into that column.
"""

from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Select, bindparam


class Filtered:
    """A query with conditions of which each holds only where a value is given for it, built once for each set of them.

    A condition takes the value of its own name, `since=t.c.at >= bindparam("since")`, or is only switched on by True.
    """

    __slots__ = ("_built", "_conditions", "_query")

    def __init__(self, query: Select[*tuple[Any, ...]], **conditions: ColumnElement[bool]) -> None:
        self._query = query
        self._conditions = conditions
        self._built: dict[tuple[str, ...], Select[Any]] = {}

    @property
    def names(self) -> frozenset[str]:
        """The names of its conditions."""
        return frozenset(self._conditions)

    def given(self, **values: object) -> tuple[Select[Any], dict[str, object]]:
        """The query under these conditions, and its values; a condition whose value is None or False is left out.

        Raises:
            KeyError: nothing takes a value of this name.
        """
        there = {name: value for name, value in values.items() if value is not None and value is not False}
        shape = tuple(there)
        if (query := self._built.get(shape)) is None:
            query = self._built[shape] = self._under(shape)
        return query, there

    def _under(self, names: tuple[str, ...]) -> Select[Any]:
        query = self._query.where(*(self._conditions[name] for name in names if name in self._conditions))
        if unknown := set(names) - self._conditions.keys() - query.compile().params.keys():
            raise KeyError(f"neither a condition nor the query takes {', '.join(sorted(unknown))}")
        return query


def new(*columns: str) -> dict[str, BindParameter[Any]]:
    """What an UPDATE writes into these columns: to be given as `new_<column>`."""
    return {name: bindparam(f"new_{name}") for name in columns}
