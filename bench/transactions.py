"""CPU and time of a use case's transaction on both databases: python -m bench.transactions.

SQLite is a file in a temporary folder, PostgreSQL Debian's server in another. CPU is user + system of this process
alone; the median of five slices. A statement is the reading of a line by its id; "rows replaced" are one, then five.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import uvloop

from acs.store import Store, Vault, lines, upgrade
from acs.store.schema import switches
from tests.postgres import running_postgres
from tests.store.make import line

_SLICES, _TIMES = 5, 200
_ROWS = [{"name": f"s{n}", "engaged": 1, "actor": "a", "at": n, "reason": "r"} for n in range(5)]

UseCase = Callable[[Store], Awaitable[None]]


async def _reading(store: Store, statements: int) -> None:
    async with store.reading() as tx:
        for _ in range(statements):
            await lines.get(tx, "line-1")


async def _writing(store: Store) -> None:
    async with store.transaction() as tx:
        await lines.get(tx, "line-1")


async def _replacing(store: Store) -> None:
    async with store.transaction() as tx:
        await tx.upsert(switches, _ROWS[:1])
        await tx.upsert(switches, _ROWS)


CASES: dict[str, UseCase] = {
    "a reading, nothing asked": lambda store: _reading(store, 0),
    "a reading, one query": lambda store: _reading(store, 1),
    "a reading, five queries": lambda store: _reading(store, 5),
    "a transaction, one query": _writing,
    "rows replaced": _replacing,
}


def main() -> None:
    """Measure and print."""
    print(f"{'':<38}{'CPU µs':>8}{'µs':>8}")
    with tempfile.TemporaryDirectory() as folder, running_postgres() as server:
        vault = Vault.create(Path(folder) / "key")
        database = asyncio.run(server.create_database())
        for url in (f"sqlite:///{folder}/store.db", server.url(database)):
            uvloop.run(_measure(url, vault))


async def _measure(url: str, vault: Vault) -> None:
    await upgrade(url)
    store = await Store.open(url, vault=vault)
    try:
        async with store.transaction() as tx:
            await lines.upsert(tx, [line()], datetime.now(UTC))
        for name, case in CASES.items():
            slices = [await _slice(case, store) for _ in range(_SLICES)]
            cpu_us, took_us = (statistics.median(values) for values in zip(*slices, strict=True))
            print(f"{url.partition(':')[0]:<12}{name:<26}{cpu_us:>8.0f}{took_us:>8.0f}")
    finally:
        await store.close()


async def _slice(case: UseCase, store: Store) -> tuple[float, float]:
    cpu_s, began = time.process_time(), time.monotonic()
    for _ in range(_TIMES):
        await case(store)
    return (time.process_time() - cpu_s) / _TIMES * 1e6, (time.monotonic() - began) / _TIMES * 1e6


if __name__ == "__main__":
    main()
