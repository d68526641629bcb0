"""What traps cost: a burst in one second, and a steady stream, through socket, codec, profiles, store and bus.

    python -m bench.traps [--burst 5000] [--rate 2000] [--seconds 5]

The whole way of the server runs here: the listener's socket, the alarms' service and an SQLite store; the sender is a
process of its own. CPU is user + system of this process. Dropped datagrams are the kernel's count for the socket.
"""

import argparse
import asyncio
import resource
import socket as sockets
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import uvloop

from acs.app import App, build, install_reactor
from acs.config import Config
from acs.server.traps import TrapListener, engine_of
from acs.services.actor import local_actor
from acs.services.clock import utc_now
from acs.store import Vault
from acs.store import lines as line_store
from acs.store.records import LineRecord
from bench.beside import beside
from bench.olt_rows import PROFILE, port_row
from probes.snmp.ber import Cell, Kind, encode_varbind, integer, parse_oid, tlv
from probes.snmp.notification import SYS_UPTIME, TRAP_OID

TRAP = "1.3.6.1.4.1.2011.6.128.9.9.9"
BOSS = local_actor()
ONTS = 128


def message(number: int) -> bytes:
    """A dying gasp of one of many ONTs: eight varbinds, as vendors send them."""
    row = f"{port_row(1 + number // (ONTS * 16) % 16, number // ONTS % 16)}.{number % ONTS}"
    columns = PROFILE.columns
    cells = {
        SYS_UPTIME: Cell(Kind.TIMETICKS, number),
        TRAP_OID: Cell(Kind.OID, TRAP),
        f"{columns['run_state'].oid}.{row}": Cell(Kind.INTEGER, 2),
        f"{columns['last_down_cause'].oid}.{row}": Cell(Kind.INTEGER, 13),
        f"{columns['serial'].oid}.{row}": Cell(Kind.OCTETS, b"HWTC" + number.to_bytes(4, "big")),
        "1.3.6.1.4.1.2011.2.6.1.1.0": Cell(Kind.INTEGER, 1),
        "1.3.6.1.4.1.2011.2.6.1.2.0": Cell(Kind.OCTETS, b"\x07\xea\x0b\x14\x15\x0e\x09\x00"),
        "1.3.6.1.4.1.2011.2.6.1.3.0": Cell(Kind.OCTETS, b"ONT dying gasp alarm"),
    }
    body = b"".join(encode_varbind(parse_oid(oid), cell) for oid, cell in cells.items())
    pdu = integer(number) + integer(0) + integer(0) + tlv(0x30, body)
    return tlv(0x30, integer(1) + tlv(Kind.OCTETS, b"public") + tlv(0xA7, pdu))


def send(pipe: Connection) -> None:
    """The sender's process: (port, first number, count, seconds) → seconds that it took."""
    sender = sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM)
    sender.setsockopt(sockets.SOL_SOCKET, sockets.SO_SNDBUF, 1 << 22)
    while (order := pipe.recv()) is not None:
        port, first, count, seconds = order
        ready = [message(first + number) for number in range(count)]
        began = time.perf_counter()
        for number, data in enumerate(ready):
            sender.sendto(data, ("127.0.0.1", port))
            ahead = number / count * seconds - (time.perf_counter() - began)
            if ahead > 0.002:
                time.sleep(ahead)
        pipe.send(time.perf_counter() - began)


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def stored(app: App) -> int:
    counts = app.northbound.access_network.alarms.counts
    return counts["stored"] + counts["repeated"]


async def measure(app: App, listener: TrapListener, pipe: Connection, name: str, order: tuple[int, int, float]) -> None:
    first, count, seconds = order
    before, drops, used = await stored(app), listener.look().dropped_by_kernel, cpu()
    pipe.send((listener.port, first, count, seconds))
    took = await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
    sent_at = time.perf_counter()
    while await stored(app) - before < count and time.perf_counter() - sent_at < 10:  # noqa: ASYNC110 - counts tell it
        await asyncio.sleep(0.02)
    behind = time.perf_counter() - sent_at
    used, done = cpu() - used, await stored(app) - before
    dropped = listener.look().dropped_by_kernel - drops
    print(
        f"{name:28} sent {count} in {took:5.2f} s, stored {done}, kernel drops {dropped}; "
        f"on disk {behind:5.2f} s after the last; {used / max(1, done) * 1e6:6.1f} µs CPU each, "
        f"{done / used:7.0f} /s on a core"
    )


async def serve(folder: Path, pipe: Connection, arguments: argparse.Namespace) -> None:
    Vault.create(folder / "vault.key")
    table: dict[str, Any] = {
        "store": {"url": f"sqlite:///{folder}/store.db", "vault_key_file": str(folder / "vault.key")}
    }
    app = await build(Config.from_table(table, folder / "secondline.toml"))
    alarms = app.northbound.access_network.alarms
    await app.northbound.nodes.put(BOSS, "olt-1", "127.0.0.1", profile=PROFILE.id, credentials={"community": "public"})
    lines = [LineRecord(f"line-{n}", "pon", node="olt-1", gpon_serial=f"HWTC{n:08X}") for n in range(2_000)]
    async with app.store.transaction() as tx:
        await line_store.upsert(tx, lines, utc_now())
    config = app.config.traps.model_copy(update={"host": "127.0.0.1", "port": 0})
    listener = TrapListener(config, alarms, engine_of(b"bench"), app.metrics)
    await listener.start()
    print(f"the kernel gives the socket {listener.look().buffer_bytes} bytes")
    running = asyncio.ensure_future(alarms.run())
    await asyncio.sleep(0.3)
    await measure(app, listener, pipe, f"burst of {arguments.burst} in 1 s", (0, arguments.burst, 1.0))
    await measure(app, listener, pipe, f"burst of {arguments.burst} at once", (100_000, arguments.burst, 0.0))
    steady = int(arguments.rate * arguments.seconds)
    await measure(
        app, listener, pipe, f"{arguments.rate} /s for {arguments.seconds:g} s", (200_000, steady, arguments.seconds)
    )
    running.cancel()
    await listener.stop()
    await app.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description="What traps cost.")
    parser.add_argument("--burst", type=int, default=5_000)
    parser.add_argument("--rate", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    with beside(send) as sender, tempfile.TemporaryDirectory() as folder:
        loop = uvloop.new_event_loop()
        asyncio.set_event_loop(loop)
        install_reactor(loop)
        try:
            loop.run_until_complete(serve(Path(folder), sender, arguments))
        finally:
            loop.close()


if __name__ == "__main__":
    main()
