"""Which region, operator and tags lines have: what rights are given by.

The rule of this file: whoever changes the groups of a line changes who may see it, so it takes the right on all lines.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from acs.services import audit
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock, utc_now
from acs.services.lines import held_line, known_line
from acs.services.tables import Column, Limits, Problems, read_table, short_text, word_list
from acs.store import groups as group_store
from acs.store import lines as line_store
from acs.store.groups import LineGroups
from acs.store.records import Json
from acs.store.store import Store

#: the columns of the CSV; one that the file lacks leaves what is stored
COLUMNS: Mapping[str, Column] = {
    "id": Column(short_text(64), required=True),
    "region": Column(short_text(64), empty=""),
    "operator": Column(short_text(64), empty=""),
    "tags": Column(word_list(20, 64), empty=()),
}
#: lines of one import that get an audit line each
_AUDITED_LINES = 500


class LineGroupDesk:
    """Use cases on the groups of lines."""

    def __init__(self, store: Store, *, rows: int = 200_000, clock: Clock = utc_now) -> None:
        self._store = store
        self._rows = rows
        self._clock = clock

    async def get(self, actor: Actor, line: str) -> LineGroups:
        """The groups of a line.

        Raises:
            NotFound: no line has this id.
        """
        actor.require(Scope.READ)
        async with self._store.reading() as tx:
            await known_line(tx, line)
            return (await group_store.of_lines(tx, [line])).get(line, LineGroups())

    async def put(self, actor: Actor, line: str, groups: LineGroups) -> None:
        """Give a line these groups in the place of the former ones.

        Raises:
            NotFound: no line has this id.
            Forbidden: the actor may not change all lines.
        """
        actor.require_all_lines(Scope.INVENTORY)
        async with self._store.transaction() as tx:
            await held_line(tx, line)
            known = (await group_store.of_lines(tx, [line])).get(line, LineGroups())
            await group_store.put(tx, {line: groups})
            before, after = _shown(known), _shown(groups)
            await audit.note(tx, actor, "line.grouped", f"line:{line}", self._clock(), before=before, after=after)

    async def import_csv(self, actor: Actor, text: str) -> int:
        """Take a whole CSV of groups, or nothing of it, and return how many lines changed.

        Raises:
            InvalidInput: every error with row, column, value and remedy.
            Forbidden: the actor may not change all lines.
        """
        actor.require_all_lines(Scope.INVENTORY)
        problems = Problems()
        rows = await asyncio.to_thread(read_table, text, COLUMNS, Limits(rows=self._rows), problems)
        now = self._clock()
        async with self._store.transaction() as tx:
            ids = [str(row["id"]) for row in rows if "id" in row]
            lines = await line_store.get_many(tx, ids)
            for row in rows:
                if row.get("id") not in lines:
                    problems.add(row["row"], "id", row.get("id"), "there is no such line; import the lines first")
            problems.refuse()
            changed = _changed(await group_store.of_lines(tx, ids), rows)
            await line_store.hold_many(tx, sorted(changed))
            known = await group_store.of_lines(tx, sorted(changed))
            changed = _changed(known, [row for row in rows if row["id"] in changed])
            await group_store.put(tx, changed)
            await audit.note(tx, actor, "lines.grouped", "lines", now, after={"lines": len(changed)})
            for line in sorted(changed) if len(changed) <= _AUDITED_LINES else ():
                before, after = _shown(known.get(line, LineGroups())), _shown(changed[line])
                await audit.note(tx, actor, "line.grouped", f"line:{line}", now, before=before, after=after)
        return len(changed)


def _changed(known: Mapping[str, LineGroups], rows: Sequence[Mapping[str, Any]]) -> dict[str, LineGroups]:
    """The groups that rows give to lines, of those to which they give others than are known."""
    wanted = {row["id"]: _merged(known.get(row["id"], LineGroups()), row) for row in rows}
    return {line: groups for line, groups in wanted.items() if known.get(line, LineGroups()) != groups}


def _merged(known: LineGroups, row: Mapping[str, object]) -> LineGroups:
    given = {name: value for name, value in row.items() if name in ("region", "operator", "tags")}
    if "tags" in given:
        given["tags"] = tuple(sorted(set(_words(given["tags"]))))
    return replace(known, **given)  # type: ignore[arg-type] # the columns parse to the fields' types


def _words(value: object) -> Sequence[str]:
    return value if isinstance(value, tuple) else ()


def _shown(groups: LineGroups) -> dict[str, Json]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(groups).items()}
