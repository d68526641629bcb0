"""Which region, operator and tags a line has: what rights and reports group lines by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, delete, insert, select

from acs.errors import Forbidden
from acs.store.limits import check_text
from acs.store.reach import Group
from acs.store.schema import line_groups, lines
from acs.store.transaction import Transaction

#: lines of one query
_CHUNK = 5_000
_OF_LINES = (
    select(line_groups)
    .where(line_groups.c.line.in_(bindparam("lines", expanding=True)))
    .order_by(line_groups.c.line, line_groups.c.kind, line_groups.c.name)
)


@dataclass(frozen=True, slots=True)
class LineGroups:
    """The groups of one line; "" where nobody said."""

    region: str = ""
    operator: str = ""
    tags: tuple[str, ...] = ()


async def of_lines(tx: Transaction, ids: Sequence[str]) -> dict[str, LineGroups]:
    """Return id → groups of those lines that have any."""
    found: dict[str, dict[str, list[str]]] = {}
    for start in range(0, len(ids), _CHUNK):
        for row in await tx.rows(_OF_LINES, {"lines": list(ids[start : start + _CHUNK])}):
            found.setdefault(row.line, {}).setdefault(row.kind, []).append(row.name)
    return {
        line: LineGroups(
            next(iter(kinds.get("region", ())), ""),
            next(iter(kinds.get("operator", ())), ""),
            tuple(kinds.get("tag", ())),
        )
        for line, kinds in found.items()
    }


async def put(tx: Transaction, groups: Mapping[str, LineGroups]) -> None:
    """Replace the groups of these lines, which must exist.

    Raises:
        InvalidInput: a name is too long.
    """
    ids = sorted(groups)
    for start in range(0, len(ids), _CHUNK):
        await tx.run(delete(line_groups).where(line_groups.c.line.in_(ids[start : start + _CHUNK])))
    await tx.insert_many(line_groups, [row for line in ids for row in _rows(line, groups[line])])


async def adopt(tx: Transaction, stored: Sequence[str]) -> None:
    """Put what a limited view has just made of these lines into its group; nothing to do where it is not limited.

    Raises:
        Forbidden: the view has several groups, and nobody can know which one is meant.
    """
    if tx.view is None or not tx.view.reaches:
        return
    known: set[str] = set()
    for start in range(0, len(stored), _CHUNK):
        query = select(lines.c.id).where(lines.c.id.in_(list(stored[start : start + _CHUNK])))
        known |= {row.id for row in await tx.rows(query)}
    new = set(stored) - known
    if not new:
        return
    group = _only_group(tx)
    rows = [{"line": line, "kind": kind, "name": name} for line in sorted(new) for kind, name in group.words().items()]
    await tx.connection.execute(insert(line_groups), rows)


def _only_group(tx: Transaction) -> Group:
    assert tx.view is not None
    groups = {group for reach in tx.view.reaches for group in reach.groups if not group.unbound}
    if len(groups) != 1:
        raise Forbidden(
            f"{tx.view.name!r} may change lines of {' or '.join(sorted(map(str, groups))) or 'no group'}, and a new "
            "line would be in none of them; ask somebody who may change all lines to add it"
        )
    return groups.pop()


def _rows(line: str, groups: LineGroups) -> list[dict[str, object]]:
    named = [("region", groups.region), ("operator", groups.operator), *(("tag", tag) for tag in set(groups.tags))]
    return [{"line": line, "kind": kind, "name": check_text(kind, name, 64)} for kind, name in named if name]
