"""The index of devices and lines: what waits to be taken in, and the answer to what a search asks for.

    lines, devices, tags, trees ─ note() in the same transaction ─▶ search_changes ─▶ services/search_index
                                                     find(), count() ◀─ entries ◀─ store/search_entries

The rule of this file: the session of a periodic Inform writes nothing here; what changes is noted, and taken in later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, insert, not_, or_, select, text, true
from sqlalchemy.sql.selectable import Select

from acs.store.instants import instant, micros
from acs.store.schema import (
    context_facts,
    devices,
    line_groups,
    line_phones,
    search_changes,
    search_docs,
    search_groups,
    search_numbers,
    search_words,
)
from acs.store.search_terms import (
    BACKWARDS,
    LAST,
    All,
    Between,
    Either,
    Has,
    How,
    Not,
    Number,
    Phrase,
    SessionAddress,
    Since,
    Wanted,
    Word,
)
from acs.store.transaction import Transaction

#: The key of the advisory lock that lets one process of a PostgreSQL store take changes in ("2lsi").
_LOCK = 0x32_6C_73_69
_CHUNK = 5_000
_NOTE = insert(search_changes)
_CHANGES = select(search_changes).order_by(search_changes.c.id).limit(bindparam("limit"))
_ANY_CHANGE = select(search_changes.c.id).limit(1)
_TAKE = text("SELECT pg_advisory_xact_lock(:key)")
_WAITING = select(func.count()).where(search_changes.c.id.in_(bindparam("ids", expanding=True)))
_TAKEN_IN = delete(search_changes).where(search_changes.c.id.in_(bindparam("ids", expanding=True)))
_DEVICES_OF = select(devices.c.key, devices.c.line).where(devices.c.line.in_(bindparam("lines", expanding=True)))
_GROUPS_OF = select(line_groups).where(line_groups.c.line.in_(bindparam("lines", expanding=True)))
_LINES_OF = select(search_docs.c.line).where(
    search_docs.c.device.in_(bindparam("keys", expanding=True)), search_docs.c.line.is_not(None)
)
_PHONES_OF = (
    select(line_phones).where(line_phones.c.line.in_(bindparam("lines", expanding=True))).order_by(line_phones.c.phone)
)


@dataclass(frozen=True, slots=True)
class Changes:
    """What waits to be taken in: ids of the notes, and what they name."""

    ids: tuple[int, ...]
    devices: frozenset[str]
    lines: frozenset[str]


@dataclass(frozen=True, slots=True)
class Hit:
    """One entry that matched; `id` orders the answers."""

    id: int
    device: str | None
    line: str | None


@dataclass(frozen=True, slots=True)
class SavedGroup:
    """A query with a name."""

    name: str
    query: str
    description: str
    created_by: str
    updated_at: datetime


async def note(tx: Transaction, *, devices: Sequence[str] = (), lines: Sequence[str] = ()) -> None:
    """Note that these changed: in the transaction that changes them."""
    rows = [{"device": key, "line": None} for key in devices] + [{"device": None, "line": id_} for id_ in lines]
    if len(rows) == 1:
        await tx.run(_NOTE, rows[0])
        return
    for start in range(0, len(rows), _CHUNK):
        await tx.connection.execute(_NOTE, rows[start : start + _CHUNK])


async def changes(tx: Transaction, limit: int) -> Changes:
    """Return the oldest changes that wait."""
    rows = await tx.rows(_CHANGES, {"limit": limit})
    return Changes(
        tuple(row.id for row in rows),
        frozenset(row.device for row in rows if row.device is not None),
        frozenset(row.line for row in rows if row.line is not None),
    )


async def still_waiting(tx: Transaction, taken: Changes) -> bool:
    """Whether nobody took these changes in meanwhile; nobody else can until this transaction ends."""
    if tx.connection.dialect.name == "postgresql":
        await tx.run(_TAKE, {"key": _LOCK})
    row = await tx.one(_WAITING, {"ids": list(taken.ids)})
    return row is not None and row[0] == len(taken.ids)


async def any_change(tx: Transaction) -> bool:
    """Whether something waits to be taken in."""
    return await tx.one(_ANY_CHANGE) is not None


async def devices_of_lines(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """Return device → line of every device on these lines."""
    found: dict[str, str] = {}
    for start in range(0, len(ids), _CHUNK):
        rows = await tx.rows(_DEVICES_OF, {"lines": list(ids[start : start + _CHUNK])})
        found.update({row.key: row.line for row in rows})
    return found


async def groups_of_lines(tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Return line → (kind, name) of the groups that it is in; lines in none are absent."""
    found: dict[str, list[tuple[str, str]]] = {}
    for start in range(0, len(ids), _CHUNK):
        for row in await tx.rows(_GROUPS_OF, {"lines": list(ids[start : start + _CHUNK])}):
            found.setdefault(row.line, []).append((row.kind, row.name))
    return {line: tuple(groups) for line, groups in found.items()}


async def lines_of_entries(tx: Transaction, keys: Sequence[str]) -> set[str]:
    """Return the lines that the index has these devices on."""
    return {row.line for row in await tx.rows(_LINES_OF, {"keys": list(keys)})}


async def taken_in(tx: Transaction, taken: Changes) -> None:
    """Forget changes whose entries are written."""
    await tx.run(_TAKEN_IN, {"ids": list(taken.ids)})


async def find(tx: Transaction, wanted: Wanted, *, limit: int, after: int = 0) -> list[Hit]:
    """Return matching entries in the order of their making; `after` is the id of the last one of the page before."""
    query = _matching(wanted).where(search_docs.c.id > after).order_by(search_docs.c.id).limit(limit)
    return [Hit(row.id, row.device, row.line) for row in await tx.rows(query)]


async def count(tx: Transaction, wanted: Wanted, most: int) -> int:
    """Return how many entries match, counted up to `most`."""
    if tx.limited:  # row rights look into tables, not into a subquery
        return len(await tx.rows(_matching(wanted).limit(most)))
    inner = _matching(wanted).limit(most).subquery()
    row = await tx.one(select(func.count()).select_from(inner))
    return 0 if row is None else int(row[0])


async def first_page(tx: Transaction, wanted: Wanted, *, limit: int, most: int) -> tuple[list[Hit], int]:
    """Return the first matching entries, and how many match, counted up to `most`: what costs is looked for once."""
    if tx.limited:
        return await find(tx, wanted, limit=limit), await count(tx, wanted, most)
    found = _matching(wanted).order_by(search_docs.c.id).limit(max(most, limit)).subquery()
    query = select(found, func.count().over().label("total")).order_by(found.c.id).limit(limit)
    rows = await tx.rows(query)
    return [Hit(row.id, row.device, row.line) for row in rows], min(most, rows[0].total) if rows else 0


async def numbers_of(tx: Transaction, ids: Sequence[int]) -> dict[int, dict[str, float]]:
    """Return entry → its numbers by name."""
    found: dict[int, dict[str, float]] = {}
    query = select(search_numbers).where(search_numbers.c.doc.in_(list(ids)))
    for row in await tx.rows(query):
        found.setdefault(row.doc, {})[row.name] = row.value
    return found


async def put_group(tx: Transaction, group: SavedGroup) -> None:
    """Store a group in place of one of the same name, whose maker stays."""
    row = {
        "name": group.name,
        "query": group.query,
        "description": group.description,
        "created_by": group.created_by,
        "updated_at": micros(group.updated_at),
    }
    await tx.upsert(search_groups, [row], keep=("created_by",))


async def get_group(tx: Transaction, name: str) -> SavedGroup | None:
    """Return the group, or None."""
    row = await tx.one(select(search_groups).where(search_groups.c.name == name))
    return None if row is None else _group(row)


async def list_groups(tx: Transaction, *, limit: int = 1000, after: str = "") -> list[SavedGroup]:
    """Return groups by name; `after` is the last name of the page before."""
    query = select(search_groups).where(search_groups.c.name > after).order_by(search_groups.c.name).limit(limit)
    return [_group(row) for row in await tx.rows(query)]


async def remove_group(tx: Transaction, name: str) -> bool:
    """Forget a group; False where there is none."""
    return await tx.run(delete(search_groups).where(search_groups.c.name == name)) == 1


async def put_phones(tx: Transaction, line: str, phones: Sequence[str]) -> None:
    """Store the telephone numbers of a line in place of those known."""
    await tx.run(delete(line_phones).where(line_phones.c.line == line))
    await tx.insert_many(line_phones, [{"line": line, "phone": phone} for phone in dict.fromkeys(phones)])
    await note(tx, lines=[line])


async def phones_of(tx: Transaction, ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return line → its telephone numbers; lines without one are absent."""
    found: dict[str, list[str]] = {}
    for start in range(0, len(ids), _CHUNK):
        for row in await tx.rows(_PHONES_OF, {"lines": list(ids[start : start + _CHUNK])}):
            found.setdefault(row.line, []).append(row.phone)
    return {line: tuple(phones) for line, phones in found.items()}


def _matching(wanted: Wanted) -> Select[Any]:
    return select(search_docs.c.id, search_docs.c.device, search_docs.c.line).where(_condition(wanted))


def _condition(wanted: Wanted) -> ColumnElement[bool]:
    match wanted:
        case All(parts):
            return and_(true(), *(_condition(part) for part in parts))
        case Either(parts):
            return or_(*(_condition(part) for part in parts))
        case Not(inner):
            return not_(_condition(inner))
        case Has(what):
            return search_docs.c[what].is_not(None)
        case Phrase(phrase):
            return search_docs.c.texts.contains(phrase, autoescape=True)
        case _:
            return _looked_up(wanted)


def _looked_up(wanted: Wanted) -> ColumnElement[bool]:
    match wanted:
        case Word():
            return search_docs.c.id.in_(select(search_words.c.doc).where(_word(wanted)))
        case Between(name, low, high):
            c = search_words.c
            return search_docs.c.id.in_(select(c.doc).where(c.field == name, c.word >= low, c.word < high))
        case Number(name, compare, value):
            c = search_numbers.c
            found = select(c.doc).where(c.name == name, c.value.op(compare, is_comparison=True)(value))
            return search_docs.c.id.in_(found)
        case Since(column, compare, at):
            held = devices.c[column].op(compare, is_comparison=True)(at)
            return select(devices.c.key).where(devices.c.key == search_docs.c.device, held).exists()
        case SessionAddress(address):
            c = context_facts.c
            told = select(c.line).where(c.name == "bras.address", c.value == f'"{address}"')
            return search_docs.c.line.in_(told)
        case _:
            raise AssertionError(f"no condition for {wanted!r}")


def _word(wanted: Word) -> ColumnElement[bool]:
    c, names = search_words.c, wanted.fields
    match wanted.how:
        case How.EXACT:
            return and_(c.field.in_(names), c.word == wanted.text)
        case How.BEGINS:
            return and_(c.field.in_(names), c.word >= wanted.text, c.word < wanted.text + LAST)
        case How.ENDS:
            turned = wanted.text[::-1]
            backwards = [name + BACKWARDS for name in names]
            return and_(c.field.in_(backwards), c.word >= turned, c.word < turned + LAST)
        case How.LIKE:
            pattern = "%".join(_escaped(part) for part in wanted.text.split("*"))
            return and_(c.field.in_(names), c.word.like(pattern, escape="\\"))


def _escaped(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _group(row: Any) -> SavedGroup:
    return SavedGroup(row.name, row.query, row.description, row.created_by, instant(row.updated_at))
