"""A parameter tree and a profile in, tables out: ports, radios, stations and so on, row by row.

The rule of this file: a column that the device does not report is absent from its row; one whose text means nothing is
there without a value, with what was sent.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from acs.profiles.convert import number
from acs.profiles.meaning import value_of
from acs.profiles.patterns import beside, matching, regex_of, rows_of, under
from acs.profiles.schema import Profile
from acs.profiles.tables import Column, TableForm
from probes.facts import Quality, Scalar

#: When values were read: all at once, or each at its time.
Times = datetime | Mapping[str, datetime]

#: interfaces below one another that are looked at; a stack is a handful deep, and a circle must end
_DEEPEST = 12

#: the time of a tree that is only looked at for its names
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a row: `value` None where `raw` means nothing. `name` is the parameter that it was read from."""

    value: Scalar | None
    raw: str
    name: str
    at: datetime

    @property
    def quality(self) -> Quality:
        """Ok, or unreadable; whether it is stale is for the reader to say, by `TABLES[…].max_age_s`."""
        return Quality.OK if self.value is not None else Quality.UNREADABLE


@dataclass(frozen=True, slots=True)
class Row:
    """One thing of a table. `path` is its object in the tree; `at` is when its oldest value was read."""

    path: str
    cells: Mapping[str, Cell]
    at: datetime
    source: str

    @property
    def values(self) -> dict[str, Scalar]:
        """column → value, for the columns that have one."""
        return {column: cell.value for column, cell in self.cells.items() if cell.value is not None}


@dataclass(frozen=True, slots=True)
class Table:
    """What a device reports of a table; without rows it reported that there is none."""

    name: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class _Tree:
    """A tree being read; `referred` remembers which rows point at which, `looked_at` what the answer rests on."""

    values: Mapping[str, str]
    names: Sequence[str]
    at: Times
    source: str
    referred: dict[str, dict[str, list[str]]]
    looked_at: set[str]
    #: nothing is decided: every name that any way to read a column could rest on is looked at
    surveying: bool = False

    def text(self, name: str) -> str:
        found = self.values.get(name)
        if found is None:
            return ""
        self.looked_at.add(name)
        return found.strip()

    def time_of(self, *names: str) -> datetime:
        if isinstance(self.at, datetime):
            return self.at
        return min((self.at[name] for name in names if name in self.at), default=max(self.at.values()))


def tables_from_tree(
    profile: Profile, values: Mapping[str, str], at: Times, source: str, only: Collection[str] | None = None
) -> dict[str, Table]:
    """What the tree says of each table, by name; a table that this device does not report is absent.

    `values` is path → text as the CPE sent it, `at` when they were read. `only` limits the work to some tables.
    """
    tree = _Tree(values, sorted(values), at, source, {}, set())
    tables = {}
    for name, forms in profile.tables.items():
        if only is not None and name not in only:
            continue
        table = _table(name, forms, tree)
        if table is not None:
            tables[name] = table
    return _with_names(tables)


def table_names(profile: Profile, values: Mapping[str, str], only: Collection[str] | None = None) -> list[str]:
    """What to ask this device for to have these tables again: names of its tree, and partial paths of volatile tables.

    `values` is its tree as it was last read; names come sorted.
    """
    tree = _Tree(values, sorted(values), _NEVER, "", {}, set(), surveying=True)
    wanted: set[str] = set()
    for table, forms in profile.tables.items():
        if only is None or table in only:
            _table(table, forms, tree)
            wanted.update(path for form in forms if form.volatile for path in _partial_paths(form.rows, tree.names))
    tables = tuple(wanted)
    return sorted(wanted | {name for name in tree.looked_at if not name.startswith(tables)})


def _with_names(tables: dict[str, Table]) -> dict[str, Table]:
    """Stations that do not tell their name or address have those of the LAN host with their MAC."""
    if "stations" not in tables or "hosts" not in tables:
        return tables
    hosts = {str(row.values.get("mac", "")).lower(): row for row in tables["hosts"].rows}
    rows = []
    for row in tables["stations"].rows:
        host = hosts.get(str(row.values.get("mac", "")).lower())
        cells = dict(row.cells)
        for column in ("name", "address"):
            if host is not None and column in host.values and column not in row.values:
                cells[column] = host.cells[column]
        rows.append(replace(row, cells=cells))
    return {**tables, "stations": Table("stations", tuple(rows))}


def _table(name: str, forms: Sequence[TableForm], tree: _Tree) -> Table | None:
    rows: list[Row] = []
    reported = False
    for form in forms:
        if form.fallback and rows:
            continue
        reported = reported or _is_reported(form, tree)
        rows += _one_per(form, [row for path in rows_of(form.rows, tree.names) if (row := _row(form, path, tree))])
    return Table(name, tuple(rows)) if rows or reported else None


def _is_reported(form: TableForm, tree: _Tree) -> bool:
    """Whether the device says itself that it has none: by a number of 0, or by rows that it marks as out of use.

    Rows that hold nothing readable say nothing: the tree may have been read in part.
    """
    if any(not _counts(form, path, tree) for path in rows_of(form.rows, tree.names)):
        return True
    if form.counted_by is None:
        return False
    above = form.rows.rsplit(".", 2)[0]
    return any(number(tree.text(name)) == 0 for name in matching(f"{above}.{form.counted_by}", tree.names))


def _row(form: TableForm, path: str, tree: _Tree) -> Row | None:
    if not _counts(form, path, tree):
        return None
    cells: dict[str, Cell] = {}
    for column in form.columns:
        cell = _cell(form.readings_of(column), path, tree)
        if cell is not None:
            cells[column] = cell
    if not cells or any(column not in cells or cells[column].value is None for column in form.needs):
        return None
    oldest = min(cell.at for cell in cells.values())
    for column, value in form.fixed.items():
        cells.setdefault(column, Cell(value, "", path, oldest))
    return Row(path, cells, oldest, tree.source)


def _counts(form: TableForm, path: str, tree: _Tree) -> bool:
    if form.counted_by is not None and number(tree.text(f"{_above(path)}.{form.counted_by}")) == 0:
        return False
    return _says(form.where, path, tree) and (form.reaches is None or _reaches(form, path, tree))


def _says(where: Mapping[str, Sequence[str]], path: str, tree: _Tree) -> bool:
    """Whether each of these leaves has one of its texts; one that is not there is empty."""
    for leaf, allowed in where.items():
        said = {tree.text(name).lower() for name in _located(leaf, path, tree)} or {""}
        if not said & {text.lower() for text in allowed}:
            return False
    return True


def _reaches(form: TableForm, path: str, tree: _Tree) -> bool:
    assert form.reaches is not None
    todo, seen = [path], {path}
    for _ in range(_DEEPEST):
        below: list[str] = []
        for row in todo:
            if tree.text(f"{row}.{form.reaches.leaf}").lower() in form.reaches.values:
                return True
            below += [target for target in _targets(tree.text(f"{row}.{form.reaches.through}")) if target not in seen]
        seen.update(below)
        todo = below
    return False


def _cell(readings: Sequence[Column], path: str, tree: _Tree) -> Cell | None:
    """The first usable value of the ways to read a column; else the first text that means nothing."""
    unusable = None
    if tree.surveying:
        _survey(readings, path, tree)
    for reading in readings:
        if not _given(reading, path, tree):
            continue
        for name in _places(reading, path, tree):
            if not tree.text(name) or not _alike(reading, name, path, tree):
                continue
            cell = _read(reading, name, path, tree)
            if cell.value is not None:
                return cell
            unusable = unusable or cell
    return unusable


def _survey(readings: Sequence[Column], path: str, tree: _Tree) -> None:
    for reading in readings:
        leaves = (*reading.given, *reading.where, *reading.alike, *((reading.of,) if reading.of else ()))
        places = list(_places(reading, path, tree))
        places += [beside(name, other) for name in places for other in reading.alike.values()]
        for name in (*places, *(name for leaf in leaves for name in _located(leaf, path, tree))):
            tree.text(name)


def _read(reading: Column, name: str, path: str, tree: _Tree) -> Cell:
    raw = tree.text(name)
    if reading.of is None:
        return Cell(value_of(reading, raw), raw, name, tree.time_of(name))
    whole = next(_located(reading.of, path, tree), "")
    value = value_of(reading, raw, tree.text(whole))
    return Cell(value, f"{raw} of {tree.text(whole)}", name, tree.time_of(name, whole))


def _given(reading: Column, path: str, tree: _Tree) -> bool:
    for leaf, (least, most) in reading.given.items():
        value = number(tree.text(f"{path}.{leaf}"))
        if value is None or not least <= value <= most:
            return False
    return _says(reading.where, path, tree)


def _alike(reading: Column, name: str, path: str, tree: _Tree) -> bool:
    """Whether the row and the row of the value say the same of what tells that they belong together."""
    return all(
        (said := tree.text(f"{path}.{leaf}")) != "" and said == tree.text(beside(name, other))
        for leaf, other in reading.alike.items()
    )


def _places(reading: Column, path: str, tree: _Tree) -> Iterator[str]:
    if reading.referring is None:
        yield from _located(reading.leaf, path, tree)
        return
    for row in _referring(reading.referring, tree).get(path, ()):
        yield from _located(reading.leaf, row, tree)


def _referring(pattern: str, tree: _Tree) -> Mapping[str, list[str]]:
    """row → the rows of another table whose reference points at it."""
    known = tree.referred.get(pattern)
    if known is None:
        known = tree.referred[pattern] = {}
        leaf = pattern.rsplit("*", 1)[1]
        for name in matching(pattern, tree.names):
            for target in _targets(tree.text(name)):
                known.setdefault(target, []).append(name.removesuffix(leaf))
    return known


def _located(leaf: str, path: str, tree: _Tree) -> Iterator[str]:
    """The names that a leaf stands for, as seen from a row."""
    *steps, last = leaf.split("->")
    rows = [path]
    for step in steps:
        names = [name for row in rows for name in _below(row, step, tree)]
        rows = [target for name in names for target in _targets(tree.text(name))]
    for row in rows:
        yield from _below(row, last, tree)


def _below(row: str, leaf: str, tree: _Tree) -> Iterator[str]:
    while leaf.startswith("^."):
        row, leaf = _above(row), leaf[2:]
    name = f"{row}.{leaf}"
    if "*" in leaf:
        yield from matching(name, tree.names)
    elif name in tree.values:
        yield name


def _above(row: str) -> str:
    """The row that holds the table of a row."""
    return row.rsplit(".", 2)[0]


def _targets(text: str) -> list[str]:
    """The rows that a reference names; some devices write them with a dot at the end."""
    return [entry for part in text.split(",") if (entry := part.strip().rstrip("."))]


def _one_per(form: TableForm, rows: list[Row]) -> list[Row]:
    if form.one_per is None:
        return rows
    chosen: dict[Scalar, Row] = {}
    for row in sorted(rows, key=lambda row: row.values.get("enabled") is False):
        value = row.values.get(form.one_per)
        if value is not None:
            chosen.setdefault(value, row)
    return [row for row in rows if row in chosen.values()]


def _partial_paths(pattern: str, names: Sequence[str]) -> Iterator[str]:
    """The partial paths of a pattern's last table, for each row of the tables above it that the device shows."""
    table = pattern.rsplit(".*", 1)[0]
    above = table.rsplit(".", 1)[0]
    if "*" not in table:
        if any(True for _ in under(above + ".", names)):
            yield table + "."
        return
    regex = regex_of(above + ".")
    leaf = table[len(above) :]
    heads = (regex.match(name) for name in under(table.split("*", 1)[0], names))
    yield from sorted({head[0][:-1] + leaf + "." for head in heads if head})
