"""How long searches take over many devices: `python -m bench.search [devices] [postgresql | postgresql://…]`.

Prints what it costs to take everything into the index, and what was read again and is as it was; bytes
per device; and the median and greatest time of each kind of query. `postgresql` starts a server of its own.
"""

import asyncio
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, text

from acs.services.actor import local_actor
from acs.services.search import Search
from acs.services.search_index import SearchIndex
from acs.store import search, upgrade
from acs.store.records import LineRecord, SessionOpening
from acs.store.schema import lines
from acs.store.store import Store
from acs.store.vault import Vault
from tests.postgres import PostgresServer, running_postgres

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MODELS = ("HG8245H", "EG8145V5", "HG8546M", "F660", "F670L", "NTU-RG-1421G", "G-240W-B", "HG6245D", "XC220", "DIR-825")
#: devices whose entries are made a second time
AGAIN = 5_000
STREETS = ("Lenina", "Mira", "Gagarina", "Sovetskaya", "Sadovaya", "Polevaya", "Lesnaya", "Novaya")


def queries(n: int) -> dict[str, tuple[str, ...]]:
    """Kind of a query → queries of that kind, for the device in the middle of n."""
    k = n // 2
    serial = f"48575443A{k:07d}"
    return {
        "whole serial": (f"serial:{serial}",),
        "end of a serial": (serial[-8:],),
        "beginning": (":".join(serial[at : at + 2] for at in range(0, 14, 2)),),
        "IP": (f"ip:10.{k >> 16}.{k >> 8 & 255}.{k & 255}",),
        "line, contract": (f"line:L{k}", f"contract:40000{k:05d}"),
        "address": ('"Lenina 5"', 'model:HG8245 "Lenina 5"'),
        "version": ("fw!=V5R019", "model:HG8245H fw<V5R019 place:olt-1"),
        "wildcards": ("vendor:*ome*",),
        "left out": ("model:HG8245H -place:olt-1 address:lenina",),
        "age": ("seen<1h",),
        "nothing": ("nothing-like-this",),
    }


def opening(n: int) -> SessionOpening:
    model = MODELS[n % len(MODELS)]
    serial = f"48575443A{n:07d}"
    return SessionOpening(
        key=f"00259E-{model}-{serial}", oui="00259E", product_class=model, serial_number=serial,
        manufacturer="Some maker" if n % 3 else "Another one", root="InternetGatewayDevice.",
        software_version=f"V5R{17 + n % 5:03d}C00S{100 + n % 30}", hardware_version="1A", connection_request_url="",
        address=f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", namespace="", session_id=f"s{n}", at=NOW,
        events=(("2 PERIODIC", ""),), values=(), retry_count=0, current_time=None, uptime_s=5,
    )  # fmt: skip


def line_of(n: int) -> LineRecord:
    street = STREETS[n % len(STREETS)]
    return LineRecord(
        f"L{n}", "pon", f"{street} {n % 97 + 1}, flat {n % 60}", f"olt-{n // 2000}", 0, n // 128 % 16, n // 64 % 16,
        ont=n % 64, account=f"40000{n:05d}", pppoe_login=f"u{n}@isp", device_serials=(f"48575443A{n:07d}",),
    )  # fmt: skip


async def fill(store: Store, n: int) -> None:
    for start in range(0, n, 500):
        await asyncio.gather(*(store.sessions.open(opening(each)) for each in range(start, min(start + 500, n))))
    for start in range(0, n, 5_000):
        async with store.transaction() as tx:
            records = [line_of(each) for each in range(start, min(start + 5_000, n))]
            rows = [{**asdict(each), "services": "[]", "device_serials": "[]", "updated_at": 0} for each in records]
            await tx.connection.execute(insert(lines), rows)
            await search.note(tx, lines=[each.id for each in records])
            keys = [opening(each).key for each in range(start, min(start + 5_000, n))]
            pairs = [(record.id, key) for record, key in zip(records, keys, strict=True)]
            await tx.connection.execute(
                text("UPDATE devices SET line = :line WHERE key = :key"), [{"line": a, "key": b} for a, b in pairs]
            )


async def run(url: str, folder: Path, n: int) -> None:
    if not url.startswith("sqlite"):
        await upgrade(url)
    store = await Store.open(url, vault=Vault.create(folder / "key"))
    try:
        await fill(store, n)
        before = await size(store, folder)
        service = Search(store, SearchIndex(store, ()), clock=lambda: NOW)
        wall_s, cpu_s = await taken_in(service)
        grown = (await size(store, folder) - before) / n
        print(
            f"{n} devices taken in: {wall_s:.1f} s, CPU {cpu_s / n * 1e6:.0f} µs each; index {grown:.0f} bytes a device"
        )
        again = min(n, AGAIN)
        async with store.transaction() as tx:
            await search.note(tx, devices=[opening(each).key for each in range(again)])
        wall_s, cpu_s = await taken_in(service)
        print(f"{again} read again, as they were: {wall_s:.1f} s, CPU {cpu_s / again * 1e6:.0f} µs each")
        if not url.startswith("sqlite"):
            await analyse(store)
        for kind, asked in queries(n).items():
            for query in asked:
                await measure(service, kind, query)
    finally:
        await store.close()


async def taken_in(service: Search) -> tuple[float, float]:
    """Take in everything that waits; seconds of the clock and of this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    await service.index.turn()
    return time.perf_counter() - wall, time.process_time() - cpu


async def analyse(store: Store) -> None:
    """Let the database count its rows, as autovacuum does within a minute of a great change."""
    async with store.transaction() as tx:
        await tx.connection.exec_driver_sql("ANALYZE")


async def size(store: Store, folder: Path) -> int:
    async with store.transaction() as tx:
        await search.note(tx)
        if tx.connection.dialect.name == "postgresql":
            rows = await tx.connection.exec_driver_sql("SELECT pg_database_size(current_database())")
            return int(rows.scalar() or 0)
        rows = await tx.connection.exec_driver_sql(
            "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size"
        )
        return int(rows.scalar() or 0)


async def measure(service: Search, kind: str, query: str) -> None:
    times, total = [], 0
    for _ in range(7):
        begun = time.perf_counter()
        total = (await service.find(local_actor(), query, limit=50)).total
        times.append(time.perf_counter() - begun)
    times.sort()
    print(
        f"{kind:16} {query:40} {total:6} found   median {times[3] * 1000:6.1f} ms   greatest {times[-1] * 1000:6.1f} ms"
    )


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    wanted = sys.argv[2] if len(sys.argv) > 2 else ""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if wanted == "postgresql":
            with running_postgres() as server:
                asyncio.run(_on_its_own(server, folder, n))
        else:
            asyncio.run(run(wanted or f"sqlite:///{folder / 'store.db'}", folder, n))


async def _on_its_own(server: PostgresServer, folder: Path, n: int) -> None:
    await run(server.url(await server.create_database()), folder, n)


if __name__ == "__main__":
    main()
