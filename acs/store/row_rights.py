"""Row rights: what a limited view may read and write, put into every statement of the store.

    statement + reaches ──► the same statement with one condition for each table in it that belongs to lines

| the table has | its row is in reach where |
|---|---|
| `lines` itself | the line is in one of the groups |
| `devices` itself, a column `device` | the device's line is (or the device is on none, and the group is `unbound`) |
| a column `line` | that line is |
| a column `node` only | some line on the node is |
| `outages` itself | some line of it is, or some line on its node |
| a column `line_test` only | the line of that test is |

The rule of this file: a table is judged by its columns, so that a new one cannot be forgotten; those that hold rows of
nobody in particular stand in OPEN.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Alias, ColumnElement, FromClause, Join, Row, Select, Table, and_, false, func, or_, select, true
from sqlalchemy.sql import Delete, Executable, Update

from acs.store.reach import Group, Reach
from acs.store.schema import devices, line_groups, line_tests, lines, outage_lines, outages

#: tables whose rows without a line and a device are everybody's: a firmware image, a proposal about the whole fleet
OPEN = frozenset({"files", "approvals"})
#: tables whose rows without a line are still their sender's: table → the column with its name
SENDERS: Mapping[str, str] = {"tickets": "source", "tmf_ticket_events": "source"}
#: what stands before a device key in the subject of an alarm
_DEVICE = "device:"
#: tables that name a node, or a device behind `device:`, in a column of another name
NAMED: Mapping[str, tuple[str, str]] = {"access_nodes": ("node", "name"), "alarms": ("device", "subject")}
#: tables that are about a node and whose line, if any, is a detail
_OF_NODES = frozenset({"access_alarms", "node_disagreements", "node_endpoints"})
#: values of one query
_CHUNK = 5_000
#: a longer first value is no key
_KEY_CHARS = 256

Condition = ColumnElement[bool]


def guarded(statement: Executable, reaches: Sequence[Reach], name: str) -> Executable:
    """The statement held to these reaches; `name` is whose view it is."""
    if isinstance(statement, Select):
        for table in _tables(statement.get_final_froms()):
            for reach in reaches:
                statement = _restricted(statement, table, reach, name)
        return statement
    if isinstance(statement, Update | Delete) and isinstance(statement.table, Table):
        for reach in reaches:
            if (condition := condition_of(statement.table, reach, name)) is not None:
                statement = statement.where(condition)
    return statement


def named(statement: Executable, row: Row[Any]) -> str:
    """`table:value` of a row that a query found: its first table and its first value."""
    assert isinstance(statement, Select)
    froms = list(_tables(statement.get_final_froms()))
    table = _name(froms[0]) if froms else "row"
    key = row[0] if isinstance(row[0], str | int) and len(str(row[0])) <= _KEY_CHARS else ""
    return f"{table}:{key}"


def condition_of(table: FromClause, reach: Reach, name: str = "") -> Condition | None:
    """What a row of the table must fulfil to be in reach; None for a table that is about no line."""
    columns = table.c
    real = _name(table)
    if real == lines.name:
        return line_condition(columns.id, reach)
    if real == devices.name:
        return or_(line_condition(columns.line, reach), _unbound(columns.line, reach))
    if real == outages.name:
        return or_(_node_condition(columns.node, reach), _outage_condition(columns.id, reach))
    if real in NAMED:
        return _named_condition(columns[NAMED[real][1]], NAMED[real][0], reach)
    if "device" in columns or ("line" in columns and real not in _OF_NODES):
        return _opened(table, real, _owner_condition(table, real, reach, name))
    if "node" in columns:
        return _node_condition(columns.node, reach)
    if "line_test" in columns:
        inner = line_tests.alias()
        wanted = select(inner.c.id).where(inner.c.id == columns.line_test, line_condition(inner.c.line, reach))
        return wanted.exists()
    return None


def line_condition(line: ColumnElement[str], reach: Reach) -> Condition:
    """What holds of a line id that is in reach."""
    found = [_in_group(line, group) for group in sorted(reach.groups) if not group.unbound]
    return or_(*found) if found else false()


def keys_of(table: Table, rows: Iterable[Mapping[str, object]]) -> tuple[set[str], set[str]]:
    """The (line ids, device keys) that rows to be written belong to."""
    line_ids: set[str] = set()
    device_keys: set[str] = set()
    for row in rows:
        for column, found in (("line", line_ids), ("device", device_keys)):
            if column in table.c and isinstance(value := row.get(column), str):
                found.add(value)
        if table.name in (lines.name, devices.name):
            own = line_ids if table.name == lines.name else device_keys
            own.add(str(row["id" if table.name == lines.name else "key"]))
    return line_ids, device_keys


def out_of_reach(table: Table, keys: set[str], reach: Reach) -> Iterable[Select[Any]]:
    """Queries for those of the lines, or devices, that exist and are out of reach."""
    key = table.c.id if table.name == lines.name else table.c.key
    condition = condition_of(table, reach)
    assert condition is not None
    wanted = sorted(keys)
    for start in range(0, len(wanted), _CHUNK):
        yield select(key).where(key.in_(wanted[start : start + _CHUNK]), ~condition)


def _restricted(statement: Select[Any], table: FromClause, reach: Reach, name: str) -> Select[Any]:
    condition = condition_of(table, reach, name)
    return statement if condition is None else statement.where(condition)


def _tables(froms: Iterable[FromClause]) -> Iterable[FromClause]:
    """Every table and alias of a table in a FROM; the right side of an outer join is held by its left one."""
    for each in froms:
        if isinstance(each, Join):
            yield from _tables([each.left] if each.isouter else [each.left, each.right])
        elif isinstance(each, Table) or (isinstance(each, Alias) and isinstance(each.element, Table)):
            yield each
        elif (inner := getattr(each, "element", None)) is not None and isinstance(inner, Select):
            raise AssertionError(f"row rights cannot look into the subquery {each}; select from the table itself")


def _name(table: FromClause) -> str:
    element = table.element if isinstance(table, Alias) else table
    return element.name if isinstance(element, Table) else ""


def _owner_condition(table: FromClause, real: str, reach: Reach, name: str) -> Condition:
    """Of a row that names its device, its line, or both; the device counts where it is named."""
    columns = table.c
    on_line = line_condition(columns.line, reach) if "line" in columns else false()
    if "device" in columns:
        by_device = _device_condition(columns.device, reach)
        return or_(by_device, and_(columns.device.is_(None), on_line))
    if (sender := SENDERS.get(real)) is not None:
        return or_(on_line, and_(columns.line.is_(None), columns[sender] == name))
    return on_line


def _named_condition(column: ColumnElement[str], kind: str, reach: Reach) -> Condition:
    if kind == "node":
        return _node_condition(column, reach)
    return _device_condition(func.substr(column, len(_DEVICE) + 1), reach)


def _device_condition(device: ColumnElement[str], reach: Reach) -> Condition:
    inner = devices.alias()
    on_line = or_(line_condition(inner.c.line, reach), _unbound(inner.c.line, reach))
    return select(inner.c.key).where(inner.c.key == device, on_line).exists()


def _node_condition(node: ColumnElement[str], reach: Reach) -> Condition:
    inner = lines.alias()
    return select(inner.c.id).where(inner.c.node == node, line_condition(inner.c.id, reach)).exists()


def _outage_condition(outage: ColumnElement[str], reach: Reach) -> Condition:
    inner = outage_lines.alias()
    return select(inner.c.line).where(inner.c.outage == outage, line_condition(inner.c.line, reach)).exists()


def _opened(table: FromClause, real: str, condition: Condition) -> Condition:
    if real not in OPEN:
        return condition
    nobodys = [table.c[column].is_(None) for column in ("device", "line") if column in table.c]
    return or_(condition, and_(*nobodys))


def _unbound(line: ColumnElement[str], reach: Reach) -> Condition:
    return line.is_(None) if any(group.unbound for group in reach.groups) else false()


def _in_group(line: ColumnElement[str], group: Group) -> Condition:
    parts = []
    for kind, name in group.words().items():
        inner = line_groups.alias()
        named = and_(inner.c.line == line, inner.c.kind == kind, inner.c.name == name)
        parts.append(select(inner.c.line).where(named).exists())
    return and_(true(), *parts)
