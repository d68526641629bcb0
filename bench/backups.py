"""What configurations cost in the store: bytes per backup, and per device with names shared: python -m bench.backups

Devices of three simulated models, each with its own values; a tenth of the settings changes between two backups.
"""

import argparse
import asyncio
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from acs.profiles.protection import is_setting
from acs.secret_names import is_secret
from acs.services.identifiers import new_id
from acs.store import Store, Vault, backups, upgrade
from acs.store.backups import BackupRecord, Configuration
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import Tree, load
from tests.store.make import opening

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def configuration(tree: Tree, number: int, generation: int) -> Configuration:
    """What can be written on a device, with values of its own."""
    chance = random.Random(f"{number} {generation}")
    names = [info.name for info in tree.names("", False) if info.writable and not info.name.endswith(".")]
    values = {}
    for value in tree.get([name for name in names if is_setting(name)]):
        changed = generation and chance.random() < 0.1
        values[value.name] = (f"{value.value}{chance.randrange(1000)}" if changed else value.value, value.type)
    secrets = {name: f"secret-{number}-{chance.randrange(10**6)}" for name in values if is_secret(name)}
    return Configuration(values, secrets)


async def measure(devices: int, generations: int) -> None:
    """Store backups and print what they take."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        await upgrade(url)
        store = await Store.open(url, vault=Vault.create(Path(folder) / "key"))
        kinds = list(CpeKind)
        sizes: dict[str, list[int]] = {}
        for number in range(devices):
            kind = kinds[number % len(kinds)]
            tree = load(kind.value, {"number": str(number), "serial": f"S{number}"}, dict)
            key = f"00AA11-{kind.name}-{number}"
            await store.sessions.open(opening(NOW, key=key, serial_number=str(number), product_class=kind.name))
            for generation in range(generations):
                record = BackupRecord(
                    new_id(), key, NOW + timedelta(days=generation), "schedule", "system", "V1", good=True, live=True
                )
                async with store.transaction() as tx:
                    stored = await backups.add(tx, record, configuration(tree, number, generation))
                sizes.setdefault(f"{kind.value} ({stored.parameters} settings)", []).append(stored.size_bytes)
        async with store.reading() as tx:
            names = await tx.one(text("SELECT count(*) AS n, sum(length(body)) AS size FROM backup_schemas"))
        await store.close()
    for name, found in sizes.items():
        print(f"{name}: {sum(found) / len(found):.0f} bytes per backup")
    if names is not None:
        print(f"names: {names.n} schemas, {names.size} bytes in all, {names.size / devices:.1f} bytes per device")


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=300)
    parser.add_argument("--generations", type=int, default=3)
    given = parser.parse_args()
    asyncio.run(measure(given.devices, given.generations))


if __name__ == "__main__":
    main()
