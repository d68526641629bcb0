"""A device takes over a line: what the line knows of the former one goes with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from acs.services.actor import local_actor
from acs.services.takeovers import Takeovers
from acs.store import Store, Vault, devices, lines
from acs.store.records import LineRecord
from tests.store.make import opening

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
OLD = "414243441A2B3C4D"


@pytest.fixture
async def store(store_url: str, vault: Vault) -> AsyncIterator[Store]:
    store = await Store.open(store_url, vault=vault)
    yield store
    await store.close()


async def pass_on(store: Store, gpon_serial: str, serial: str) -> LineRecord:
    """The line after its device, whose serial number is OLD, was swapped for another one."""
    key = (await store.sessions.open(opening(NOW, serial_number=OLD))).device.key
    async with store.transaction() as tx:
        one = LineRecord("L-1", "pon", "", "olt-1", 0, 1, 0, ont=3, gpon_serial=gpon_serial, device_serials=(OLD,))
        await lines.upsert(tx, [one], NOW)
        await devices.set_line(tx, key, "L-1")
        device = await devices.get(tx, key)
    assert device is not None
    await Takeovers(store, clock=lambda: NOW).begin(local_actor(), device, serial, "broken")
    async with store.reading() as tx:
        found = await lines.get(tx, "L-1")
        assert (await devices.get(tx, key)).line is None  # type: ignore[union-attr]
    assert found is not None and found.device_serials == (serial,)
    return found


@pytest.mark.parametrize(
    ("gpon_serial", "serial", "afterwards"),
    [
        ("ABCD1A2B3C4D", "4142434400000007", "4142434400000007"),
        (OLD, "ABCD00000007", "ABCD00000007"),
        (OLD, "2226000000002", ""),
        ("WXYZ00000001", "4142434400000007", "WXYZ00000001"),
        ("", "4142434400000007", ""),
    ],
)
async def test_the_olt_is_asked_for_the_ont_that_is_there(
    store: Store, gpon_serial: str, serial: str, afterwards: str
) -> None:
    assert (await pass_on(store, gpon_serial, serial)).gpon_serial == afterwards
