"""The entries of the index of searches: written where they differ from what stands there.

    search_docs, search_words, search_numbers ─▶ as they stand ─┐
                                                                ├─▶ gone: deleted, new: inserted, the rest: untouched
    entries made anew from devices, lines, tags, trees ─────────┘

The rule of this file: a device that is read again differs in a number or two, and costs no more than these.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select, text, update

from acs.store.built import new
from acs.store.schema import search_docs, search_numbers, search_words
from acs.store.transaction import Transaction

_CHUNK = 5_000
_DOCS = select(search_docs).where(
    or_(
        search_docs.c.device.in_(bindparam("keys", expanding=True)),
        and_(search_docs.c.line.in_(bindparam("lines", expanding=True)), search_docs.c.device.is_(None)),
    )
)
_WORDS = select(search_words).where(search_words.c.doc.in_(bindparam("docs", expanding=True)))
_NUMBERS = select(search_numbers).where(search_numbers.c.doc.in_(bindparam("docs", expanding=True)))
_DROP = delete(search_docs).where(search_docs.c.id.in_(bindparam("docs", expanding=True)))
_DROP_WORD = delete(search_words).where(
    search_words.c.field == bindparam("its_field"),
    search_words.c.word == bindparam("its_word"),
    search_words.c.doc == bindparam("its_doc"),
)
_DROP_NUMBER = delete(search_numbers).where(
    search_numbers.c.name == bindparam("its_name"), search_numbers.c.doc == bindparam("its_doc")
)
_CHANGE = update(search_docs).where(search_docs.c.id == bindparam("its_id")).values(new("line", "texts"))
_LAST_ID = select(func.max(search_docs.c.id))


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index holds of one device with its line, or of a line without a device."""

    device: str | None
    line: str | None
    #: (field, folded word)
    words: frozenset[tuple[str, str]]
    #: folded texts, see `phrase_of`
    texts: str
    numbers: Mapping[str, float] = field(default_factory=dict)

    @property
    def whose(self) -> tuple[str | None, str | None]:
        """Which device it is of, or which line without one: there is one entry of each."""
        return (self.device, None) if self.device is not None else (None, self.line)


@dataclass(slots=True)
class _Standing:
    """An entry as it stands."""

    id: int
    entry: Entry


@dataclass(slots=True)
class _Rows:
    """Rows of words and numbers to be written, in the tables' own words."""

    words: list[dict[str, object]] = field(default_factory=list)
    numbers: list[dict[str, object]] = field(default_factory=list)

    def add(self, doc: int, words: Iterable[tuple[str, str]], numbers: Iterable[tuple[str, float]]) -> None:
        self.words += [{"field": name, "word": word, "doc": doc} for name, word in words]
        self.numbers += [{"name": name, "value": value, "doc": doc} for name, value in numbers]


async def replace(tx: Transaction, keys: Sequence[str], lines: Sequence[str], made: Sequence[Entry]) -> None:
    """Let these entries stand for these devices, and for the lines without a device, and no others."""
    standing = await _standing(tx, keys, lines)
    fresh = [entry for entry in made if entry.whose not in standing]
    gone = standing.keys() - {entry.whose for entry in made}
    await _drop_docs(tx, [standing[whose].id for whose in gone])
    rows, dropped = _Rows(), _Rows()
    for entry in made:
        if (old := standing.get(entry.whose)) is not None:
            await _change(tx, old, entry)
            rows.add(old.id, entry.words - old.entry.words, entry.numbers.items() - old.entry.numbers.items())
            dropped.add(old.id, old.entry.words - entry.words, old.entry.numbers.items() - entry.numbers.items())
    docs = []
    for id_, entry in zip(await _new_ids(tx, len(fresh)), fresh, strict=True):
        docs.append({"id": id_, "device": entry.device, "line": entry.line, "texts": entry.texts})
        rows.add(id_, entry.words, entry.numbers.items())
    await _write(tx, docs, rows, dropped)


async def _standing(
    tx: Transaction, keys: Sequence[str], lines: Sequence[str]
) -> dict[tuple[str | None, str | None], _Standing]:
    docs = await tx.rows(_DOCS, {"keys": list(keys), "lines": list(lines)})
    ids = [row.id for row in docs]
    words: dict[int, set[tuple[str, str]]] = {id_: set() for id_ in ids}
    numbers: dict[int, dict[str, float]] = {id_: {} for id_ in ids}
    for start in range(0, len(ids), _CHUNK):
        part = {"docs": ids[start : start + _CHUNK]}
        for row in await tx.rows(_WORDS, part):
            words[row.doc].add((row.field, row.word))
        for row in await tx.rows(_NUMBERS, part):
            numbers[row.doc][row.name] = row.value
    found = [
        _Standing(row.id, Entry(row.device, row.line, frozenset(words[row.id]), row.texts, numbers[row.id]))
        for row in docs
    ]
    return {each.entry.whose: each for each in found}


async def _drop_docs(tx: Transaction, ids: Sequence[int]) -> None:
    """Delete entries; their words and numbers go with them."""
    for start in range(0, len(ids), _CHUNK):
        await tx.run(_DROP, {"docs": list(ids[start : start + _CHUNK])})


async def _change(tx: Transaction, old: _Standing, entry: Entry) -> None:
    if (old.entry.line, old.entry.texts) != (entry.line, entry.texts):
        await tx.run(_CHANGE, {"its_id": old.id, "new_line": entry.line, "new_texts": entry.texts})


async def _write(tx: Transaction, docs: Sequence[Mapping[str, object]], rows: _Rows, dropped: _Rows) -> None:
    """What goes first: a number that changed is another row of the same name."""
    for statement, gone in ((_DROP_WORD, dropped.words), (_DROP_NUMBER, dropped.numbers)):
        named = [{f"its_{name}": value for name, value in row.items() if name != "value"} for row in gone]
        for start in range(0, len(named), _CHUNK):
            await tx.connection.execute(statement, named[start : start + _CHUNK])
    rows.words.sort(key=lambda row: (str(row["field"]), str(row["word"]), row["doc"]))
    for table, new_rows in ((search_docs, docs), (search_words, rows.words), (search_numbers, rows.numbers)):
        for start in range(0, len(new_rows), _CHUNK):
            await tx.connection.execute(insert(table), new_rows[start : start + _CHUNK])


async def _new_ids(tx: Transaction, n: int) -> list[int]:
    if n == 0:
        return []
    if tx.connection.dialect.name == "postgresql":
        drawn = text("SELECT nextval('search_docs_id_seq') FROM generate_series(1, :n)")
        return [row[0] for row in await tx.rows(drawn, {"n": n})]
    row = await tx.one(_LAST_ID)
    last: int = row[0] or 0 if row is not None else 0
    return list(range(last + 1, last + 1 + n))
