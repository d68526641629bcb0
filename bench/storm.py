"""Sessions offered open loop, whatever the server makes of them; afterwards every acknowledged event must be stored.

    python -m bench.storm [--rate 500] [--seconds 60] [--devices 2000] [--known] [--digest] [--store NAME] [--json F]

Every Inform carries `2 PERIODIC` and an `M ScheduleInform` whose command key is the session's number, so that each
acknowledged one can be looked for in the store. Devices are new at first, so first contacts are part of the storm;
with --known they have come before.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import uvloop

from acs.store import devices as stored_devices
from acs.store.store import Store
from acs.store.vault import Vault
from bench import processes
from bench.load import WIDTH, Device, Tally, Target, open_loop
from bench.session import preload
from cli.ports import free_port

Report = dict[str, object]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run and print; exit code 1 when a session failed or an event is lost."""
    options = _parse(arguments)
    report = run(options)
    print(json.dumps(report, indent=1))
    processes.keep(report, options.json)
    return 1 if report["failed"] or report["events_lost"] else 0


def run(options: argparse.Namespace) -> Report:
    """Start a server on a new store, let the storm pass, stop it, and look into the store."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-storm-")))
        url, database = processes.store(stack, folder, options.store)
        port = free_port()
        config = processes.write_config(folder, url, digest=options.digest, port=port)
        target = Target(port)
        if options.digest:
            target = Target(port, username=processes.USERNAME, password=processes.PASSWORD)
        devices = [Device(target, f"S{n:07d}", keyed=True) for n in range(options.devices)]
        if options.known:
            uvloop.run(preload(url, folder / "vault.key", {8: devices}))
        with processes.server(config, port, None) as server:
            tally = uvloop.run(open_loop(target, devices, rate=options.rate, seconds=options.seconds))
            measured = _measured(options, server, database, tally)
        lost, events = uvloop.run(_lost(url, folder / "vault.key", devices, tally))
        return {**measured, "events_stored": events, "events_lost": len(lost), "lost": lost[:10]}


def _measured(
    options: argparse.Namespace, server: processes.Running, database: processes.Database | None, tally: Tally
) -> Report:
    ended = max(tally.done, 1)
    return {
        "store": options.store,
        "digest": options.digest,
        "known": options.known,
        "rate": options.rate,
        "seconds": options.seconds,
        "devices": options.devices,
        "offered": int(options.rate * options.seconds),
        "done": tally.done,
        "failed": tally.failed,
        "errors": dict(tally.errors),
        "posts": tally.posts,
        "statuses": {str(status): count for status, count in tally.statuses.items()},
        "rpcs": dict(tally.rpcs),
        "acknowledged": len(tally.acknowledged or ()),
        "p50_ms": tally.percentile_ms(0.5),
        "p90_ms": tally.percentile_ms(0.9),
        "p99_ms": tally.percentile_ms(0.99),
        "max_ms": tally.percentile_ms(1.0),
        "server_us_per_session": round(server.cpu_s() / ended * 1e6),
        "database_us_per_session": round(database.cpu_s() / ended * 1e6) if database else 0,
        "server_rss_mb": round(server.rss_mb(), 1),
    }


async def _lost(url: str, vault_file: Path, devices: Sequence[Device], tally: Tally) -> tuple[list[str], int]:
    """The acknowledged sessions of which an event is not in the store, and how many events are there."""
    store = await Store.open(url, vault=Vault.from_file(vault_file))
    wanted: dict[str, set[str]] = {}
    for serial, number in tally.acknowledged or ():
        wanted.setdefault(serial, set()).add(f"{number:0{WIDTH}d}")
    lost, total = [], 0
    try:
        async with store.reading() as tx:
            for device in devices:
                events = await stored_devices.list_events(tx, device.key, limit=1_000_000)
                total += len(events)
                keys = {event.command_key for event in events if event.code == "M ScheduleInform"}
                periodic = sum(event.code == "2 PERIODIC" for event in events)
                missing = wanted.get(device.serial, set()) - keys
                lost += [f"{device.serial}: M ScheduleInform {key}" for key in sorted(missing)]
                if periodic < len(wanted.get(device.serial, ())):
                    lost.append(f"{device.serial}: {len(wanted[device.serial]) - periodic} × 2 PERIODIC")
    finally:
        await store.close()
    return lost, total


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.storm", description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=float, default=500.0, help="sessions offered each second (500)")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long (60)")
    parser.add_argument("--devices", type=int, default=2000, help="devices that take turns (2000)")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite", help="which store (sqlite)")
    parser.add_argument("--known", action="store_true", help="the devices have come before")
    parser.add_argument("--digest", action="store_true", help="every session authenticates by digest")
    parser.add_argument("--json", default="", help="write the report here too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
