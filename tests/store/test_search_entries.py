"""Entries of the index of searches: what stands there afterwards, and that what is as it was is not written again."""

import random
from datetime import datetime

import pytest
from sqlalchemy import select

from acs.store import Store, lines, search_entries
from acs.store.schema import search_docs, search_numbers, search_words
from acs.store.search_entries import Entry
from acs.store.transaction import Transaction
from tests.store.make import line, opening

KEYS = [f"00AA11-ONT-{n:04}" for n in range(6)]
LINES = [f"L{n}" for n in range(6)]


async def standing(tx: Transaction) -> dict[int, Entry]:
    """Every entry of the index by its id."""
    words = await tx.rows(select(search_words))
    numbers = await tx.rows(select(search_numbers))
    return {
        doc.id: Entry(
            doc.device,
            doc.line,
            frozenset((row.field, row.word) for row in words if row.doc == doc.id),
            doc.texts,
            {row.name: row.value for row in numbers if row.doc == doc.id},
        )
        for doc in await tx.rows(select(search_docs))
    }


def entry(chance: random.Random, device: str | None, line_id: str | None) -> Entry:
    words = frozenset(("model", word) for word in chance.sample(("a", "b", "c", "d"), chance.randrange(4)))
    numbers = {name: chance.choice((-20.5, 3.0)) for name in ("rx", "seen") if chance.random() < 0.7}
    return Entry(device, line_id, words, chance.choice(("one", "two")), numbers)


def world(chance: random.Random) -> list[Entry]:
    """Entries of some devices, on lines or on none, and of some of the lines that are left."""
    places = chance.sample([*LINES, *[None] * len(KEYS)], len(KEYS))
    made = [entry(chance, key, place) for key, place in zip(KEYS, places, strict=True) if chance.random() < 0.8]
    taken = {each.line for each in made}
    return made + [entry(chance, None, id_) for id_ in LINES if id_ not in taken and chance.random() < 0.8]


async def known(store: Store, now: datetime) -> None:
    async with store.transaction() as tx:
        await lines.upsert(tx, [line(id_) for id_ in LINES], now)
    for n, key in enumerate(KEYS):
        await store.sessions.open(opening(now, key=key, session_id=f"s{n}"))


async def test_what_stands_is_what_was_made_last_and_keeps_its_place(store: Store, now: datetime) -> None:
    await known(store, now)
    chance = random.Random(7)
    before: dict[int, Entry] = {}
    for _ in range(25):
        made = world(chance)
        async with store.transaction() as tx:
            await search_entries.replace(tx, KEYS, LINES, made)
            after = await standing(tx)
        assert {each.whose: each for each in after.values()} == {each.whose: each for each in made}
        assert len(after) == len(made)
        stayed = {each.whose for each in before.values()} & {each.whose for each in made}
        assert {each.whose: id_ for id_, each in before.items() if each.whose in stayed} == {
            each.whose: id_ for id_, each in after.items() if each.whose in stayed
        }
        before = after


async def test_entries_that_are_as_they_were_are_not_written(
    store: Store, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    await known(store, now)
    made = world(random.Random(1))
    async with store.transaction() as tx:
        await search_entries.replace(tx, KEYS, LINES, made)
    async with store.transaction() as tx:

        async def refused(*_: object, **__: object) -> None:
            raise AssertionError("something was written")

        monkeypatch.setattr(Transaction, "run", refused)
        monkeypatch.setattr(type(tx.connection), "execute", refused)
        await search_entries.replace(tx, KEYS, LINES, list(reversed(made)))
        with pytest.raises(AssertionError, match="written"):
            await search_entries.replace(tx, KEYS, LINES, made[1:])
