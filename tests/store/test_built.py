"""What statements are built of once: optional conditions, the values of an UPDATE; limited views hold them too."""

import importlib
import pkgutil
from collections.abc import Iterator
from datetime import datetime

import pytest
from sqlalchemy import Delete, Dialect, Select, Update, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import NullType

import acs.store
from acs.errors import StoreError
from acs.store import Store, groups, lines
from acs.store.built import Filtered, new
from acs.store.groups import LineGroups
from acs.store.reach import Group, Reach, View, viewing
from acs.store.schema import lines as table
from tests.store.make import line

LISTED = Filtered(
    select(table.c.id).order_by(table.c.id).limit(bindparam("limit")),
    node=table.c.node == bindparam("node"),
    ids=table.c.id.in_(bindparam("ids", expanding=True)),
    placed=table.c.slot.is_not(None),
)
MOVE = update(table).where(table.c.id == bindparam("its_id")).values(new("node", "slot"))


@pytest.fixture
async def three(store: Store, now: datetime) -> Store:
    async with store.transaction() as tx:
        many = [line(f"L{n}", node=f"olt-{n % 2}", slot=n or None) for n in range(3)]
        await lines.upsert(tx, many, now)
        await groups.put(tx, {"L1": LineGroups(region="north")})
    return store


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({}, ["L0", "L1", "L2"]),
        ({"node": "olt-0"}, ["L0", "L2"]),
        ({"node": None, "ids": ["L1", "L2", "none"]}, ["L1", "L2"]),
        ({"ids": []}, []),
        ({"node": "olt-0", "placed": True}, ["L2"]),
        ({"node": "olt-0", "placed": False}, ["L0", "L2"]),
        ({"limit": 1}, ["L0"]),
    ],
)
async def test_a_condition_holds_where_its_value_is_given(
    three: Store, given: dict[str, object], found: list[str]
) -> None:
    async with three.reading() as tx:
        for _ in range(2):
            rows = await tx.rows(*LISTED.given(**{"limit": 10, **given}))
            assert [row.id for row in rows] == found


def test_each_set_of_conditions_is_built_once() -> None:
    one, _ = LISTED.given(limit=1, node="a")
    other, values = LISTED.given(limit=2, node="b", ids=None)
    assert one is other
    assert values == {"limit": 2, "node": "b"}
    assert LISTED.given(limit=1)[0] is not one


def test_a_misspelt_condition_is_never_left_out() -> None:
    with pytest.raises(KeyError, match="nod"):
        LISTED.given(limit=1, nod="olt-0")


async def test_an_update_writes_what_is_new_of_the_row_that_was_meant(three: Store) -> None:
    async with three.transaction() as tx:
        assert await tx.run(MOVE, {"its_id": "L1", "new_node": "moved", "new_slot": None}) == 1
        found = await lines.get_many(tx, ["L0", "L1", "L2"])
    assert {id_: (each.node, each.slot) for id_, each in found.items()} == {
        "L0": ("olt-0", None),
        "L1": ("moved", None),
        "L2": ("olt-0", 2),
    }
    with pytest.raises((SQLAlchemyError, StoreError), match="new_slot"):
        async with three.transaction() as tx:
            await tx.run(MOVE, {"its_id": "L1", "new_node": "moved"})


async def test_a_limited_view_is_held_to_its_lines(three: Store) -> None:
    with viewing(View("kim", (Reach(frozenset({Group(region="north")})),))):
        async with three.transaction() as tx:
            assert [row.id for row in await tx.rows(*LISTED.given(limit=10))] == ["L1"]
            assert [row.id for row in await tx.rows(*LISTED.given(limit=10, node="olt-0"))] == []
            assert await tx.run(MOVE, {"its_id": "L2", "new_node": "moved", "new_slot": 7}) == 0
            assert await tx.run(MOVE, {"its_id": "L1", "new_node": "moved", "new_slot": 7}) == 1


async def test_every_statement_that_is_built_once_runs(store: Store) -> None:
    found = list(_statements())
    assert len(found) > 150
    async with store.transaction() as tx:
        for statement in found:
            values = _values(statement, tx.connection.dialect)
            if isinstance(statement, Select):
                await tx.rows(statement, values)
            else:
                await tx.run(statement, values)


def _statements() -> Iterator[Select[*tuple[object, ...]] | Update | Delete]:
    for module in pkgutil.iter_modules(acs.store.__path__, "acs.store."):
        if not module.ispkg:
            for value in vars(importlib.import_module(module.name)).values():
                yield from _within(value)


def _within(value: object) -> Iterator[Select[*tuple[object, ...]] | Update | Delete]:
    """The statements of a constant; of one with optional conditions that with all of them."""
    if isinstance(value, Select | Update | Delete):
        yield value
    elif isinstance(value, Filtered):
        yield value.given(**dict.fromkeys(value.names, "any"))[0]
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _within(each)


def _values(statement: Select[*tuple[object, ...]] | Update | Delete, dialect: Dialect) -> dict[str, object]:
    """Some value for each that must be given."""
    found: dict[str, object] = {}
    for name, each in statement.compile(dialect=dialect).binds.items():
        if each.required:
            one = 1 if isinstance(each.type, NullType) else each.type.python_type()  # a limit has no column's type
            found[name] = [one] if each.expanding else one
    return found
