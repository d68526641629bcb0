"""Parameter trees as value vectors."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select

from acs.errors import InvalidInput, NotFound
from acs.store import Store, devices, trees
from acs.store.instants import instant, micros
from acs.store.records import TreeUpdate
from acs.store.schema import device_trees, tree_schemas
from acs.store.schema import devices as device_table
from tests.store.make import opening

KEY = "00AA11-ONT-0001"


def realistic_tree(serial: int) -> dict[str, tuple[str, str]]:
    """600 parameters as an ONT with two radios, four ports and three WAN connections has them."""
    values: dict[str, tuple[str, str]] = {}
    for n in range(12):
        base = f"InternetGatewayDevice.LANDevice.1.WLANConfiguration.{n}."
        for place in range(40):
            kind = ("xsd:boolean", "xsd:unsignedInt", "xsd:string")[place % 3]
            value = ("1", str((serial * 7919 + n * 40 + place) % 100_000), f"setting-{place}")[place % 3]
            values[f"{base}Parameter{place}"] = (value, kind)
        values[f"{base}BSSID"] = (f"02:00:5E:{serial >> 8 & 255:02X}:{serial & 255:02X}:{n:02X}", "xsd:string")
    for n in range(108):
        values[f"InternetGatewayDevice.WANDevice.1.Stats.{n}.BytesSent"] = (
            str(serial * 104_729 * n),
            "xsd:unsignedInt",
        )
    return values


ANY_TEXT = st.text(alphabet=st.characters()) | st.text(alphabet=st.characters(categories=["Cs"]))


@given(st.lists(st.tuples(ANY_TEXT, st.integers(0, 5))))
def test_any_vector_comes_back(entries: list[tuple[str, int]]) -> None:
    values, times = [value for value, _ in entries], [at for _, at in entries]
    assert trees.decode_vector(trees.encode_vector(values, times), max(times, default=0)) == (values, times)


@given(st.lists(st.integers(0, 10_000), max_size=300))
def test_a_value_never_becomes_younger_where_too_many_instants_are_kept(times: list[int]) -> None:
    values = [""] * len(times)
    _, kept = trees.decode_vector(trees.encode_vector(values, times), max(times, default=0))
    assert len(set(kept)) <= trees.MOMENTS
    assert all(after <= before for after, before in zip(kept, times, strict=True))
    assert max(kept, default=0) == max(times, default=0)


@given(st.dictionaries(st.text(alphabet=st.characters(exclude_categories=["Cs"])), st.sampled_from(["xsd:int", ""])))
def test_any_schema_comes_back(types: dict[str, str]) -> None:
    schema = trees.TreeSchema(tuple(sorted(types)), tuple(types[name] for name in sorted(types)))
    body = trees.encode_schema(schema)
    assert trees.decode_schema(body) == schema
    assert trees.encode_schema(schema) == body


async def test_tree_comes_back_as_it_was_written(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now, values=()))
    values = {"Device.B": ("", "xsd:string"), "Device.A": ("ключ\n", "xsd:string"), "Device.C.1.": ("7", "xsd:int")}
    async with store.transaction() as tx:
        await trees.write(tx, KEY, values, now)
        tree = await trees.read(tx, KEY)
        assert tree == trees.Tree(values, now, dict.fromkeys(values, now))
        assert await trees.read(tx, "nobody") is None
        with pytest.raises(NotFound):
            await trees.write(tx, "nobody", values, now)


async def test_merge_keeps_what_was_not_read(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now, values=()))
    later = now + timedelta(hours=1)
    async with store.transaction() as tx:
        await trees.write(tx, KEY, {"D.A": ("1", "t"), "D.H.1.X": ("2", "t"), "D.H.2.X": ("3", "t")}, now)
        await trees.merge(tx, KEY, TreeUpdate({"D.A": ("9", "t")}, later))
        tree = await trees.read(tx, KEY)
        assert tree is not None and tree.read_at == later
        assert tree.values == {"D.A": ("9", "t"), "D.H.1.X": ("2", "t"), "D.H.2.X": ("3", "t")}
        assert tree.times == {"D.A": later, "D.H.1.X": now, "D.H.2.X": now}, "what was not read became younger"
        await trees.merge(tx, KEY, TreeUpdate({"D.H.2.X": ("4", "t")}, later, replaced_paths=("D.H.",)))
        tree = await trees.read(tx, KEY)
    assert tree is not None and tree.values == {"D.A": ("9", "t"), "D.H.2.X": ("4", "t")}


async def test_newest_of_inform_and_tree_is_read(store: Store, now: datetime) -> None:
    name = "Device.ManagementServer.ParameterKey"

    async def inform(value: str, minutes: int) -> None:
        at = now + timedelta(minutes=minutes)
        await store.sessions.open(opening(at, session_id=f"s{minutes}", values=((name, value, "xsd:string"),)))

    async def value() -> str:
        async with store.reading() as tx:
            tree = await trees.read(tx, KEY)
        assert tree is not None
        return tree.values[name][0]

    await inform("a", 0)
    assert await value() == "a"
    async with store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate({name: ("b", "xsd:string")}, now + timedelta(minutes=1)))
    assert await value() == "b"
    await inform("a", 2)
    assert await value() == "a"


async def test_devices_of_one_model_share_a_schema(store: Store, now: datetime) -> None:
    for n in range(20):
        await store.sessions.open(opening(now, key=f"device-{n}", session_id=f"s{n}"))
        async with store.transaction() as tx:
            await trees.write(tx, f"device-{n}", realistic_tree(n), now)
    async with store.reading() as tx:
        count = await tx.one(select(func.count()).select_from(tree_schemas))
        assert count is not None and count[0] == 1


async def test_device_of_600_parameters_takes_at_most_4_kb(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    tree = realistic_tree(4711)
    assert len(tree) == 600
    async with store.transaction() as tx:
        await trees.write(tx, KEY, tree, now)
        stored = await tx.one(select(device_trees).where(device_trees.c.device == KEY))
        row = await tx.one(select(device_table).where(device_table.c.key == KEY))
    assert stored is not None and row is not None
    size = sum(len(each) if isinstance(each, str | bytes) else 8 for each in (*stored, *row) if each is not None)
    assert size <= 4096


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"x" * 513: ("", "")}, "parameter name"),
        ({"Device.X": ("\0", "")}, "Device.X"),
        ({"Device.X": ("\ud800", "")}, "Device.X"),
        ({"Device.X": ("", "t" * 65)}, "parameter type"),
        ({"Device.X": ("v" * 16_000_001, "")}, "Device.X"),
        ({f"Device.{n}": ("", "") for n in range(100_001)}, "100001 parameters"),
    ],
)
async def test_what_cannot_be_stored_is_named(store: Store, now: datetime, values: dict, named: str) -> None:
    await store.sessions.open(opening(now))
    with pytest.raises(InvalidInput, match=named):
        async with store.transaction() as tx:
            await trees.write(tx, KEY, values, now)
    async with store.reading() as tx:
        device = await devices.get(tx, KEY)
    assert device is not None


@given(st.datetimes(timezones=st.just(UTC)))
def test_instants_come_back(at: datetime) -> None:
    assert instant(micros(at)) == at
