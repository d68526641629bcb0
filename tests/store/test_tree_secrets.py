"""What a CPE reports in confidence is sealed: neither a row that is opened nor the file shows it."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from acs.errors import StoreError
from acs.store import Store, Vault, trees
from acs.store.records import TreeUpdate
from acs.store.schema import device_trees, tree_schemas
from acs.store.schema import devices as device_table
from acs.store.tree_secrets import MASK
from tests.store.make import opening

KEY = "00AA11-ONT-0001"
WIFI = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"
PPP = "Device.PPP.Interface.1.Password"
ADMIN = "Device.X_ANY_UserCfg.AdminPwd"
UPTIME = "Device.DeviceInfo.UpTime"
TREE = {
    WIFI: ("wifi-hunter2", "xsd:string"),
    PPP: ("ppp-hunter3", "xsd:string"),
    ADMIN: ("", "xsd:string"),
    UPTIME: ("60", "xsd:unsignedInt"),
}


async def written(store: Store, now: datetime, values: Mapping[str, tuple[str, str]] = TREE) -> None:
    await store.sessions.open(opening(now, values=()))
    async with store.transaction() as tx:
        await trees.write(tx, KEY, values, now)


async def row_of(store: Store) -> Any:
    async with store.reading() as tx:
        return await tx.one(
            select(device_trees, tree_schemas.c.body)
            .join(tree_schemas, tree_schemas.c.id == device_trees.c.schema_id)
            .where(device_trees.c.device == KEY)
        )


async def vector_of(store: Store) -> dict[str, str]:
    row = await row_of(store)
    values, _ = trees.decode_vector(row.vector, row.read_at)
    return dict(zip(trees.decode_schema(row.body).names, values, strict=True))


async def known(store: Store, *, shown: bool) -> dict[str, str]:
    async with store.reading() as tx:
        tree = await (trees.read_open if shown else trees.read)(tx, KEY)
    assert tree is not None
    return {name: value for name, (value, _) in tree.values.items()}


def in_file(url: str) -> bytes:
    """Everything of an SQLite store as it lies on disk, its log included; nothing of another."""
    if not url.startswith("sqlite:///"):
        return b""
    path = Path(url.removeprefix("sqlite:///"))
    return b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))


async def test_a_secret_of_a_tree_is_sealed_and_comes_back_to_who_may_have_it(
    store: Store, url: str, now: datetime
) -> None:
    await written(store, now)
    assert await vector_of(store) == {WIFI: "", PPP: "", ADMIN: "", UPTIME: "60"}
    row = await row_of(store)
    assert b"hunter" not in row.sealed and b"hunter" not in in_file(url)
    assert await known(store, shown=True) == {name: value for name, (value, _) in TREE.items()}
    assert await known(store, shown=False) == {WIFI: MASK, PPP: MASK, ADMIN: "", UPTIME: "60"}


async def test_what_was_not_read_this_time_stays_sealed_and_is_not_sealed_anew(store: Store, now: datetime) -> None:
    await written(store, now)
    before = (await row_of(store)).sealed
    async with store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate({UPTIME: ("90", "xsd:unsignedInt")}, now + timedelta(hours=1)))
    assert (await row_of(store)).sealed == before
    more = {"Device.A": ("1", "xsd:int"), "Device.Z": ("1", "xsd:int")}
    async with store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate(more, now + timedelta(hours=2)))
    after = (await row_of(store)).sealed
    assert after.partition(b"\n")[2] == before.partition(b"\n")[2], "only the places are others"
    assert (await known(store, shown=True))[PPP] == "ppp-hunter3"


async def test_one_secret_changes_one_goes_and_one_comes(store: Store, now: datetime) -> None:
    await written(store, now)
    change = {WIFI: ("", "xsd:string"), ADMIN: ("admin-hunter4", "xsd:string")}
    async with store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate(change, now + timedelta(hours=1)))
    found = await known(store, shown=True)
    assert (found[WIFI], found[PPP], found[ADMIN]) == ("", "ppp-hunter3", "admin-hunter4")
    async with store.transaction() as tx:
        gone = TreeUpdate({UPTIME: ("9", "xsd:int")}, now + timedelta(hours=2), replaced_paths=("",))
        await trees.merge(tx, KEY, gone)
    assert await known(store, shown=True) == {UPTIME: "9"}
    assert (await row_of(store)).sealed == b""


async def test_a_device_that_says_the_mask_itself_is_believed(store: Store, now: datetime) -> None:
    await written(store, now, {WIFI: (MASK, "xsd:string")})
    assert await known(store, shown=True) == {WIFI: MASK}


async def test_a_mask_needs_no_key_and_what_does_not_open_is_told_again(
    store: Store, url: str, now: datetime, tmp_path: Path
) -> None:
    await written(store, now)
    other = await Store.open(url, vault=Vault.create(tmp_path / "another"))
    try:
        assert (await known(other, shown=False))[WIFI] == MASK
        with pytest.raises(StoreError, match="does not open with this vault key"):
            await known(other, shown=True)
        async with other.transaction() as tx:
            fresh = {WIFI: ("wifi-hunter5", "xsd:string")}
            await trees.merge(tx, KEY, TreeUpdate(fresh, now + timedelta(hours=1)))
        found = await known(other, shown=True)
        assert (found[WIFI], found[PPP]) == ("wifi-hunter5", "")
    finally:
        await other.close()


async def test_a_secret_in_an_inform_goes_sealed_into_the_tree(store: Store, url: str, now: datetime) -> None:
    carried = ((WIFI, "wifi-hunter6", "xsd:string"), (PPP, "", "xsd:string"), (UPTIME, "5", "xsd:unsignedInt"))
    await store.sessions.open(opening(now, values=carried))
    async with store.reading() as tx:
        row = await tx.one(select(device_table.c.inform_json).where(device_table.c.key == KEY))
    assert row is not None and sorted(json.loads(row[0])) == [UPTIME, PPP]
    assert b"hunter" not in in_file(url)
    assert (await known(store, shown=False))[WIFI] == MASK
    assert (await known(store, shown=True))[WIFI] == "wifi-hunter6"
    empty = ((WIFI, "", "xsd:string"),)
    await store.sessions.open(opening(now + timedelta(hours=1), session_id="s2", values=empty))
    assert (await known(store, shown=True))[WIFI] == "", "the newer word stands"
    async with store.transaction() as tx:
        fresh = TreeUpdate({WIFI: ("wifi-hunter7", "xsd:string")}, now + timedelta(hours=2))
        await trees.merge(tx, KEY, fresh)
    assert (await known(store, shown=True))[WIFI] == "wifi-hunter7"
    assert b"hunter" not in in_file(url)


async def as_before(store: Store, values: Mapping[str, tuple[str, str]], now: datetime) -> None:
    """The tree as a release without the column writes it, whatever stands beside it."""
    row = await row_of(store)
    names = trees.decode_schema(row.body).names
    vector = trees.encode_vector([values[name][0] for name in names], [1] * len(names))
    async with store.transaction() as tx:
        await tx.connection.execute(device_trees.update().values(vector=vector, read_at=1))


async def test_trees_of_before_are_masked_at_once_and_sealed_by_and_by(store: Store, url: str, now: datetime) -> None:
    await written(store, now)
    await as_before(store, TREE, now)
    async with store.transaction() as tx:
        await tx.connection.execute(text("UPDATE device_trees SET sealed = NULL"))
    assert (await vector_of(store))[WIFI] == "wifi-hunter2"
    assert (await known(store, shown=False))[WIFI] == MASK
    assert (await known(store, shown=True))[WIFI] == "wifi-hunter2"
    async with store.transaction() as tx:
        assert await trees.seal_old(tx, 10) == 1
        assert await trees.seal_old(tx, 10) == 0
    assert (await vector_of(store))[WIFI] == ""
    assert await known(store, shown=True) == {name: value for name, (value, _) in TREE.items()}


async def test_what_a_release_of_before_writes_beside_this_one_is_taken_over(store: Store, now: datetime) -> None:
    await written(store, now)
    await as_before(store, {**TREE, WIFI: ("wifi-hunter8", "xsd:string"), PPP: ("", "xsd:string")}, now)
    assert (await known(store, shown=False))[WIFI] == MASK
    assert (await known(store, shown=True))[WIFI] == "wifi-hunter8"
    async with store.transaction() as tx:
        await trees.merge(tx, KEY, TreeUpdate({UPTIME: ("7", "xsd:unsignedInt")}, now + timedelta(hours=1)))
    assert (await vector_of(store))[WIFI] == ""
    assert (await known(store, shown=True))[WIFI] == "wifi-hunter8"
