"""Configurations in the store: small, sealed, compared, thinned out; gates and takeovers."""

from datetime import UTC, datetime, timedelta

from acs.services.identifiers import new_id
from acs.store import Store, backups, operations
from acs.store.backups import BackupRecord, Configuration, Takeover
from acs.store.records import OperationState
from tests.store.make import opening, operation

DEVICE = "00AA11-ONT-0001"
AT = datetime(2026, 11, 22, 4, 0, tzinfo=UTC)
SSID, KEY = "Device.WiFi.SSID.1.SSID", "Device.WiFi.AccessPoint.1.Security.KeyPassphrase"


def configuration(ssid: str = "home", key: str = "correct horse") -> Configuration:
    values = {SSID: (ssid, "xsd:string"), KEY: (key, "xsd:string")}
    return Configuration(values, {KEY: key} if key else {})


def record(at: datetime = AT, *, good: bool = True) -> BackupRecord:
    return BackupRecord(new_id(), DEVICE, at, "asked", "test", "1.0", good, live=True)


async def test_a_configuration_comes_back_and_its_secret_is_sealed(store: Store) -> None:
    await store.sessions.open(opening(AT))
    async with store.transaction() as tx:
        stored = await backups.add(tx, record(), configuration())
        opened = await backups.open_backup(tx, stored.id)
    assert opened is not None
    assert opened.values[SSID] == ("home", "xsd:string") and opened.values[KEY][0] == ""
    assert opened.secrets == {KEY: "correct horse"}
    assert stored.parameters == 2 and stored.size_bytes < 400


async def test_the_same_configuration_is_only_seen_again(store: Store) -> None:
    await store.sessions.open(opening(AT))
    later = AT + timedelta(hours=1)
    async with store.transaction() as tx:
        first = await backups.add(tx, record(good=False), configuration())
        again = await backups.add(tx, record(later), configuration())
        other = await backups.add(tx, record(later), configuration(key="another one"))
        listed = await backups.list_backups(tx, DEVICE)
    assert again.id == first.id and again.seen_at == later and again.good
    assert [each.id for each in listed] == [other.id, first.id]


async def test_the_newest_good_one_outlives_thinning(store: Store) -> None:
    await store.sessions.open(opening(AT))
    async with store.transaction() as tx:
        good = await backups.add(tx, record(), configuration("good"))
        for n in range(5):
            at = AT + timedelta(hours=n + 1)
            await backups.add(tx, record(at, good=False), configuration(f"bad {n}"))
        assert await backups.thin_out(tx, DEVICE, keep=2) == 3
        listed = await backups.list_backups(tx, DEVICE)
        newest = await backups.newest(tx, DEVICE, good=True)
        assert await backups.forget_schemas(tx) == 0
    assert len(listed) == 3 and newest is not None and newest.id == good.id


async def test_who_is_due(store: Store) -> None:
    await store.sessions.open(opening(AT))
    async with store.transaction() as tx:
        wanted = {"seen_since": AT - timedelta(days=1), "kind": "scheduled_backup", "limit": 10}
        assert await backups.due(tx, AT, **wanted) == [DEVICE]  # type: ignore[arg-type]
        await backups.add(tx, record(AT), configuration())
        assert await backups.due(tx, AT - timedelta(hours=1), **wanted) == []  # type: ignore[arg-type]


async def test_what_a_device_was_told(store: Store) -> None:
    await store.sessions.open(opening(AT))
    async with store.transaction() as tx:
        assert (await backups.desired(tx, DEVICE)).values == {}
        await backups.put_desired(tx, DEVICE, configuration(), AT)
        told = await backups.desired(tx, DEVICE)
    assert told.values[SSID][0] == "home" and told.secrets == {KEY: "correct horse"}


async def test_an_operation_waits_for_another(store: Store) -> None:
    await store.sessions.open(opening(AT))
    async with store.transaction() as tx:
        first = await operations.add(tx, operation(AT))
        second = await operations.add(tx, operation(AT, 2))
        await backups.put_gate(tx, second.id, first.id)
        assert await backups.gate_of(tx, first.id) is None
        assert await backups.gate_of(tx, second.id) == (first.id, OperationState.QUEUED, "")


async def test_a_takeover_is_kept_until_it_is_done(store: Store) -> None:
    takeover = Takeover("NEW1", DEVICE, None, AT, "test", "broken")
    async with store.transaction() as tx:
        await backups.put_takeover(tx, takeover)
        assert await backups.get_takeover(tx, "NEW1") == takeover
        assert await backups.drop_takeover(tx, "NEW1")
        assert await backups.get_takeover(tx, "NEW1") is None
