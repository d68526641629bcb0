"""A town of new devices comes back: each writes once for itself where it can, and nobody is called for a reading."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from acs.app import App
from acs.services.clock import utc_now
from acs.store import devices as device_store
from acs.store.devices import CredentialKind
from acs.store.records import DeviceRecord
from acs.store.store import Store
from acs.store.transaction import Transaction
from tests.store.make import opening

MANY = 24


@pytest.fixture
def writes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """One entry for each transaction that keeps other writers waiting."""
    begun: list[str] = []
    transaction = Store.transaction

    def counted(store: Store, *, first: bool = False) -> AbstractAsyncContextManager[Transaction]:
        begun.append("")
        return transaction(store, first=first)

    monkeypatch.setattr(Store, "transaction", counted)
    yield begun


async def come(app: App) -> list[DeviceRecord]:
    openings = [
        opening(utc_now(), key=f"00259E-X-T{n:03d}", serial_number=f"T{n:03d}", session_id=f"s{n}") for n in range(MANY)
    ]
    return [(await app.store.sessions.open(each)).device for each in openings]


async def test_the_passwords_of_many_are_stored_together(app_on_both: App, writes: list[str]) -> None:
    town = await come(app_on_both)
    first_contact = app_on_both.sessions.first_contact
    writes.clear()
    made = await asyncio.gather(*(first_contact.credentials(each.key, utc_now()) for each in town))
    assert len({each.secret for each in made}) == len({each.username for each in made}) == MANY
    assert len(writes) < MANY / 2
    async with app_on_both.store.reading() as tx:
        stored = [await device_store.get_credentials(tx, each.key, CredentialKind.CONNECTION_REQUEST) for each in town]
    assert stored == made
    twice = await asyncio.gather(*(first_contact.credentials(town[0].key, utc_now()) for _ in range(3)))
    assert twice == [made[0]] * 3


async def test_a_device_that_replaces_none_and_is_on_no_line_keeps_no_writer_waiting(
    app: App, writes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    town = await come(app)
    asked: list[Any] = []

    async def request(*arguments: Any, **how: Any) -> None:
        asked.append((arguments[1], how["call"]))
        await asyncio.sleep(0)  # as writing does: the others come meanwhile

    monkeypatch.setattr(app.northbound.operations, "request", request)
    writes.clear()
    await asyncio.gather(*(app.northbound.devices.came(each, new=True) for each in town))
    assert not writes
    assert [key for key, _ in asked] == [each.key for each in town]
    called = [call for _, call in asked]
    assert not any(called[1:-8]), "one of a crowd, once it is one, is not called for what nobody waits for"
    assert called[-1], "the last ones are no crowd any more"
