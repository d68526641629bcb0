"""`python -m bench.storage [--devices N] [--quick] [postgresql-url]`: bytes per device and per sample, history queries.

Devices of ten models, with 600 and with 3 000 parameters each, are opened and read as sessions do it; what the
database has grown by is divided by their number, hot columns and schemas included. Names and values come from the
trees of the simulator: in each device addresses, serials and counters are its own, as in the field. History is twelve
facts of one device every quarter of an hour for 100 days, packed and thinned out as the worker does it.
"""

import argparse
import asyncio
import csv
import random
import re
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import uvloop
from sqlalchemy import text

from acs.store import Store, Vault, history, trees, upgrade
from acs.store.history import Keeping, Owner
from acs.store.records import Reading, SessionOpening

MODELS = 10
SIZES = (600, 3_000)
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
#: facts of the history, each with its usual value and how far it strays
FACTS = {
    "ont.rx_dbm": (-21.3, 0.15), "ont.tx_dbm": (2.2, 0.05), "ont.temp_c": (46.0, 2.0), "ont.bias_ma": (12.0, 0.3),
    "cpe.cpu_pct": (14.0, 9.0), "cpe.mem_free_pct": (45.8, 3.0), "cpe.uptime_s": (1e6, 0.0), "wifi.clients": (3.0, 2.0),
    "wifi.worst_rssi": (-63.0, 6.0), "wifi.util_pct": (30.0, 15.0), "stb.rtp_loss_pct": (0.0, 0.0), "ppm": (0.0, 0.0),
}  # fmt: skip
STEP_S = 900
#: points of one curve that are shown: more than a terminal has columns, as many as a drawing on a page shows
SHOWN = 300
_OWN = re.compile(r"^(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$|^\d+\.\d+\.\d+\.\d+$|^\d{4,}$|^[0-9A-Fa-f]{12,}$")

Values = dict[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Model:
    """One model: the tree that all its devices have, and which values are each device's own."""

    number: int
    values: Values
    own: tuple[str, ...]


def model_of(number: int, size: int) -> Model:
    """A model with so many parameters: a simulator's tree, and further rows of its tables."""
    kind = ("ont-tr098", "router-tr181")[number % 2]
    with resources.files("cli.simulator").joinpath("trees", f"{kind}.csv").open(encoding="utf-8") as stream:
        rows = [(row["Parameter"], row["Value"], row["Type"]) for row in csv.DictReader(stream)]
    values: Values = {}
    instance = 0
    while len(values) < size:
        for name, value, type_ in rows:
            if len(values) >= size:
                break
            values.setdefault(_further(name, instance), (value, type_))
        instance += 1
    values[f"{rows[0][0].split('.')[0]}.DeviceInfo.X_00AA{number:02X}_Model"] = (f"Model {number}", "xsd:string")
    own = tuple(name for name, (value, _) in values.items() if _OWN.match(value) or "{" in value)
    return Model(number, values, own)


def _further(name: str, instance: int) -> str:
    """The same parameter of a further row."""
    if not instance:
        return name
    shown = re.sub(r"\.(\d+)\.", lambda number: f".{int(number[1]) + instance * 10}.", name)
    return shown if shown != name else f"{name}{instance}"


def tree_of(model: Model, chance: random.Random) -> Values:
    """The tree of one device."""
    mine = {name: (_like(model.values[name][0], chance), model.values[name][1]) for name in model.own}
    return {**model.values, **mine}


def _like(value: str, chance: random.Random) -> str:
    if ":" in value and len(value) == 17:
        return ":".join(f"{chance.randrange(256):02X}" for _ in range(6))
    if value.count(".") == 3:
        return f"10.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}"
    if value.isdigit():
        return str(chance.randrange(10 ** len(value)))
    return f"{chance.randrange(16**12):012X}"


def opening(model: Model, device: int) -> SessionOpening:
    """The first Inform of a device."""
    return SessionOpening(
        key=f"00AA{model.number:02X}-MODEL{model.number}-{device:012X}", manufacturer=f"Maker {model.number}",
        oui=f"00AA{model.number:02X}", product_class=f"MODEL{model.number}", serial_number=f"{device:012X}",
        root="InternetGatewayDevice.", software_version="V1.2.3", hardware_version="H1",
        connection_request_url=f"http://10.0.0.{device % 256}:7547/{device:x}", address=f"10.0.0.{device % 256}",
        namespace="urn:dslforum-org:cwmp-1-0", at=NOW, session_id=f"{device:032x}", events=(("2 PERIODIC", ""),),
        values=tuple((f"InternetGatewayDevice.DeviceInfo.Forced{n}", f"{device}-{n}", "xsd:string") for n in range(8)),
    )  # fmt: skip


async def bytes_of(store: Store) -> int:
    """What the database takes."""
    async with store.reading() as tx:
        if tx.connection.dialect.name == "sqlite":
            pages = await tx.one(text("SELECT (SELECT page_count FROM pragma_page_count()) AS pages, "
                                      "(SELECT page_size FROM pragma_page_size()) AS size, "
                                      "(SELECT freelist_count FROM pragma_freelist_count()) AS free"))  # fmt: skip
            assert pages is not None
            return int((pages.pages - pages.free) * pages.size)
        row = await tx.one(
            text(
                "SELECT sum(pg_total_relation_size(c.oid)) AS size FROM pg_class c JOIN pg_namespace n"
                " ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname = 'public'"
            )
        )
        assert row is not None
        return int(row.size)


async def devices_of(store: Store, size: int, count: int) -> tuple[float, float]:
    """(bytes per device, milliseconds to store one tree) of so many devices with so many parameters."""
    chance = random.Random(size)
    models = [model_of(number, size) for number in range(MODELS)]
    before, began = await bytes_of(store), time.perf_counter()
    spent = 0.0
    for start in range(0, count, 100):
        some = [(models[n % MODELS], n + size * 1_000_000) for n in range(start, min(start + 100, count))]
        await asyncio.gather(*(store.sessions.open(opening(model, device)) for model, device in some))
        made = [(opening(model, device).key, tree_of(model, chance)) for model, device in some]
        began = time.perf_counter()
        async with store.transaction() as tx:
            for key, values in made:
                await trees.write(tx, key, values, NOW)
        spent += time.perf_counter() - began
    return (await bytes_of(store) - before) / count, spent / count * 1e3


def samples_of(days: int) -> Iterator[Reading]:
    """The history of one device."""
    chance = random.Random(days)
    at = NOW - timedelta(days=days)
    up_since = at
    while at < NOW:
        at += timedelta(seconds=STEP_S + chance.randint(-20, 20))
        if chance.random() < 0.001:
            up_since = at
        for name, (usual, strays) in FACTS.items():
            value = (at - up_since).total_seconds() if name == "cpe.uptime_s" else usual + chance.gauss(0, strays)
            yield Reading("", name, round(value, 2 if name.startswith("ont.r") else 0 if strays > 1 else 1), at, "cpe")


@dataclass(frozen=True, slots=True)
class HistoryFigures:
    """What history took and cost."""

    young_bytes: float
    packed_bytes: float
    kept_bytes: float
    samples: int
    #: wall clock and CPU
    queries_ms: dict[str, tuple[float, float]]


async def history_of(store: Store, devices: int, days: int) -> HistoryFigures:
    """Put histories of devices, pack them as measured, then as configured, and ask for them."""
    keys = [opening(Model(99, {}, ()), n).key for n in range(devices)]
    await asyncio.gather(*(store.sessions.open(opening(Model(99, {}, ()), n)) for n in range(devices)))
    before = await bytes_of(store)
    total = 0
    for key in keys:
        many = [Reading(key, each.name, each.value, each.at, each.source) for each in samples_of(days)]
        total += len(many)
        for start in range(0, len(many), 20_000):
            async with store.transaction() as tx:
                await history.put(tx, many[start : start + 20_000], of=Owner.DEVICE)
    young = await bytes_of(store) - before
    await _keep(store, Keeping(young_h=0, raw_d=4_000, hourly_d=4_000, keep_d=4_000))
    packed = await _blocks(store)
    await _keep(store, Keeping())
    kept = await _blocks(store)
    await _tidy(store)
    queries = {}
    for label, back in (("24 h", 1), ("7 d", 7), ("90 d", 90)):
        queries[f"{label}, one fact"] = await _timed(store, keys[0], back, "ont.rx_dbm")
        queries[f"{label}, all {len(FACTS)} facts, every point"] = await _timed(store, keys[0], back, None)
        queries[f"{label}, all {len(FACTS)} facts, {SHOWN} points each"] = await _timed(
            store, keys[0], back, None, most=SHOWN
        )
    return HistoryFigures(young / total, packed / total, kept / total, total, queries)


async def _keep(store: Store, keeping: Keeping) -> None:
    after: int | None = 0
    while after is not None:
        async with store.transaction() as tx:
            after = await history.keep(tx, NOW, keeping, after=after)


async def _tidy(store: Store) -> None:
    """What PostgreSQL's autovacuum does within a minute: without it a question walks over all rows that were packed."""
    if store._engine.dialect.name == "postgresql":
        async with store._engine.connect() as connection:
            alone = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await alone.exec_driver_sql("VACUUM ANALYZE samples, sample_blocks, series")


async def _blocks(store: Store) -> float:
    """Bytes of the blocks: bodies, and 40 for the rest of each row."""
    async with store.reading() as tx:
        row = await tx.one(text("SELECT sum(length(body)) AS size, count(*) AS n FROM sample_blocks"))
    assert row is not None
    return float(row.size + 40 * row.n)


async def _timed(
    store: Store, key: str, days: int, fact: str | None, *, most: int | None = None
) -> tuple[float, float]:
    """Milliseconds of one question by the wall clock and of CPU, the medians of many."""
    took, used = [], []
    for _ in range(15):
        began, cpu = time.perf_counter(), time.process_time()
        async with store.reading() as tx:
            found = await history.curves(
                tx, key, NOW - timedelta(days=days), NOW + timedelta(seconds=1), name=fact, of=Owner.DEVICE, most=most
            )
        took.append((time.perf_counter() - began) * 1e3)
        used.append((time.process_time() - cpu) * 1e3)
        assert found and found[0].points
    return statistics.median(took), statistics.median(used)


async def measure(
    url: str, folder: Path, *, devices: int, sizes: Sequence[int], days: int, histories: int
) -> list[str]:
    """The lines of the report of one database."""
    store = await Store.open(url, vault=Vault.create(folder / f"key{abs(hash(url))}"))
    lines = []
    try:
        for size in sizes:
            each, took_ms = await devices_of(store, size, devices)
            lines.append(f"{size} parameters: {each:.0f} bytes per device of {devices}, {took_ms:.2f} ms to store one")
        found = await history_of(store, histories, days)
        lines.append(
            f"history: {found.samples} samples: {found.young_bytes:.1f} bytes each young, {found.packed_bytes:.2f}"
            f" packed as measured, {found.kept_bytes:.2f} after {days} days of thinning out"
        )
        lines += [f"query {label}: {ms:.1f} ms, {cpu:.1f} of CPU" for label, (ms, cpu) in found.queries_ms.items()]
    finally:
        await store.close()
    return lines


async def main() -> None:
    """Measure SQLite, and PostgreSQL where a URL is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=20_000)
    parser.add_argument("--quick", action="store_true", help="a hundred devices, ten days of history")
    parser.add_argument("url", nargs="?")
    given = parser.parse_args()
    devices, days = (100, 10) if given.quick else (given.devices, 100)
    with tempfile.TemporaryDirectory(prefix="secondline-bench-") as name:
        folder = Path(name)
        urls = [f"sqlite:///{folder / 'store.db'}", *([given.url] if given.url else [])]
        for url in urls:
            await upgrade(url)
            print(url.split(":", 1)[0])
            for line in await measure(url, folder, devices=devices, sizes=SIZES, days=days, histories=3):
                print(f"  {line}", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
