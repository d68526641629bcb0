"""The revisions give exactly the schema of the metadata, and opening a store looks at its revision."""

import asyncio
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Inspector, MetaData, inspect, text

from acs.errors import ConfigError, StoreError
from acs.store import Store, Vault, lines, revisions, upgrade
from acs.store.engine import create_engine, parse_url
from acs.store.migrate import newest_revision, revision
from acs.store.schema import metadata
from tests.store.make import line


def described(connection: Connection) -> dict[str, object]:
    """Everything that an inspector tells of a database, comparable."""
    inspector: Inspector = inspect(connection)
    found: dict[str, object] = {}
    for table in sorted(inspector.get_table_names()):
        if table == "alembic_version":
            continue
        columns = {
            each["name"]: (str(each["type"]), each["nullable"], str(each.get("default")))
            for each in inspector.get_columns(table)
        }
        foreign = sorted(str(sorted(each.items(), key=str)) for each in inspector.get_foreign_keys(table))
        indexes = sorted(re.sub(r" object at 0x\w+", "", str(each)) for each in inspector.get_indexes(table))
        found[table] = (columns, inspector.get_pk_constraint(table), foreign, indexes)
    if connection.dialect.name == "sqlite":
        statements = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE tbl_name <> 'alembic_version'"))
        found["sql"] = sorted((name, " ".join((sql or "").split())) for name, sql in statements)
    else:
        options = connection.execute(
            text("SELECT relname, reloptions::text FROM pg_class WHERE reloptions IS NOT NULL")
        )
        found["options"] = sorted(tuple(row) for row in options if not row[0].startswith("pg_"))
    return found


async def test_revisions_give_the_metadatas_schema(empty_url: str) -> None:
    engine = create_engine(empty_url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
            wanted = await connection.run_sync(described)
            await connection.run_sync(metadata.drop_all)
        await upgrade(empty_url)
        async with engine.begin() as connection:
            found = await connection.run_sync(described)
            differences = await connection.run_sync(
                lambda each: compare_metadata(MigrationContext.configure(each, opts={"compare_type": True}), metadata)
            )
    finally:
        await engine.dispose()
    assert found == wanted
    assert differences == []


async def test_upgrade_may_be_run_again(url: str, vault: Vault, now: object) -> None:
    store = await Store.open(url, vault=vault)
    async with store.transaction() as tx:
        await lines.upsert(tx, [line()], now)  # type: ignore[arg-type] # the fixture
    await store.close()
    await asyncio.gather(upgrade(url), upgrade(url))
    store = await Store.open(url, vault=vault)
    async with store.reading() as tx:
        assert await lines.get(tx, "line-1") == line()
    await store.close()


async def test_two_upgrades_at_once_of_an_empty_database(empty_url: str) -> None:
    await asyncio.gather(upgrade(empty_url), upgrade(empty_url))
    engine = create_engine(empty_url)
    assert await revision(engine) == newest_revision()
    await engine.dispose()


def test_the_newest_revision_is_the_last_script() -> None:
    assert newest_revision() == revisions.head()
    assert newest_revision() in revisions.known()


def test_a_store_of_this_release_is_opened_without_alembic(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    shutil.copy(sqlite_template, path)
    code = (
        "import asyncio, sys; from acs.store import upgrade\n"
        f"asyncio.run(upgrade('sqlite:///{path}')); sys.exit('alembic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_old_schema_is_upgraded_on_sqlite_and_refused_on_postgresql(empty_url: str, vault: Vault) -> None:
    if empty_url.startswith("sqlite"):
        store = await Store.open(empty_url, vault=vault)
        await store.close()
    else:
        with pytest.raises(StoreError, match="secondline db upgrade"):
            await Store.open(empty_url, vault=vault)


async def test_newer_schema_is_refused(url: str, vault: Vault) -> None:
    engine = create_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    await engine.dispose()
    with pytest.raises(StoreError, match="newer release"):
        await Store.open(url, vault=vault)
    with pytest.raises(StoreError, match="newer release"):
        await upgrade(url)


async def test_downgrade_leaves_nothing(empty_url: str) -> None:
    await upgrade(empty_url)

    def down(connection: Connection) -> MetaData:
        config = revisions.config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
        rest = MetaData()
        rest.reflect(connection)
        return rest

    engine = create_engine(empty_url)
    async with engine.begin() as connection:
        rest = await connection.run_sync(down)
    await engine.dispose()
    assert set(rest.tables) <= {"alembic_version"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("nonsense", "not a URL"),
        ("mysql://host/db", "mysql"),
        ("sqlite://", "no database"),
        ("sqlite:///:memory:", "no database"),
        ("postgresql://host", "no database"),
        ("sqlite:////nowhere/at/all/store.db", "folder"),
    ],
)
async def test_url_that_cannot_be_used_is_a_config_error(url: str, said: str, vault: Vault) -> None:
    with pytest.raises(ConfigError, match=said):
        await Store.open(url, vault=vault)


def test_password_is_not_shown() -> None:
    assert "secret" not in parse_url("postgresql://user:secret@host/db").render_as_string()


async def test_server_that_is_not_there_is_a_store_error(vault: Vault) -> None:
    with pytest.raises(StoreError) as raised:
        await Store.open("postgresql://user:secret@127.0.0.1:1/db", vault=vault)
    assert "secret" not in str(raised.value)


async def test_file_that_is_no_database_is_a_store_error(tmp_path: Path, vault: Vault) -> None:
    (tmp_path / "store.db").write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreError, match="not a database"):
        await Store.open(f"sqlite:///{tmp_path / 'store.db'}", vault=vault)


async def test_sqlite_file_is_for_its_owner_alone(tmp_path: Path, vault: Vault) -> None:
    path = tmp_path / "store.db"
    store = await Store.open(f"sqlite:///{path}", vault=vault)
    await store.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_left_open(tmp_path: Path) -> None:
    """A process that opens and closes a store, with every warning an error, ends quietly."""
    code = (
        "import asyncio, sys\n"
        "from acs.store import Store, Vault\n"
        "async def main():\n"
        "    asyncio.get_running_loop().slow_callback_duration = 60.0  # a busy machine is no open end\n"
        "    store = await Store.open(sys.argv[1], vault=Vault.create(sys.argv[2]))\n"
        "    async with store.transaction(): pass\n"
        "    async with store.reading(): pass\n"
        "    await store.close()\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-W", "error", "-X", "dev", "-c", code, f"sqlite:///{tmp_path}/db", f"{tmp_path}/key"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=os.environ, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


async def test_events_of_tickets_keep_what_they_say_and_get_the_source_of_their_ticket(empty_url: str) -> None:
    engine = create_engine(empty_url)

    def up(connection: Connection, to: str) -> None:
        config = revisions.config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(up, "0019")
            await connection.execute(text("INSERT INTO tickets VALUES ('T1', 'c-1', 1, 'crm', '{}', 'L-1', NULL, '')"))
            for event, ticket in (("e-1", "T1"), ("e-2", "T2")):
                row = f"('{event}', '{ticket}', 'changed', 'held', 5, NULL, 'noted')"
                await connection.execute(text(f"INSERT INTO tmf_ticket_events VALUES {row}"))
        async with engine.begin() as connection:
            await connection.run_sync(up, "0020")
            found = await connection.execute(
                text(
                    "SELECT source, event_id, ticket, line, received_at, detail FROM tmf_ticket_events "
                    "ORDER BY event_id"
                )
            )
            assert [tuple(row) for row in found] == [
                ("crm", "e-1", "T1", "L-1", 5, "noted"),
                ("", "e-2", "T2", None, 5, "noted"),
            ]
    finally:
        await engine.dispose()


async def test_informs_of_before_lose_their_secrets_and_trees_wait_to_be_sealed(empty_url: str) -> None:
    engine = create_engine(empty_url)
    wifi, key = "Device.WiFi.AccessPoint.1.Security.KeyPassphrase", "Device.ManagementServer.ParameterKey"
    informs = {
        "one": {wifi: ["hunter2", "xsd:string", 1], key: ["k", "xsd:string", 1]},
        "two": {wifi: ["", "xsd:string", 1]},
    }

    def move(connection: Connection, to: str) -> None:
        config = revisions.config()
        config.attributes["connection"] = connection
        command.upgrade(config, to)

    try:
        async with engine.begin() as connection:
            await connection.run_sync(move, "0018")
            columns = await connection.run_sync(lambda each: inspect(each).get_columns("devices"))
            needed = {
                each["name"]: "1" if "INT" in str(each["type"]) else "'x'" for each in columns if not each["nullable"]
            }
            for name, values in informs.items():
                row = needed | {"key": f"'{name}'", "inform_json": ":values"}
                statement = text(f"INSERT INTO devices ({', '.join(row)}) VALUES ({', '.join(row.values())})")
                await connection.execute(statement, {"values": json.dumps(values)})
            await connection.execute(text("INSERT INTO tree_schemas VALUES ('s', 'b')"))
            await connection.execute(
                text("INSERT INTO device_trees (device, schema_id, vector, read_at) VALUES ('one', 's', 'v', 1)")
            )
        async with engine.begin() as connection:
            await connection.run_sync(move, "0019")
            found = await connection.execute(text("SELECT key, inform_json FROM devices ORDER BY key"))
            kept = {row.key: json.loads(row.inform_json) for row in found}
            assert kept == {"one": {key: ["k", "xsd:string", 1]}, "two": informs["two"]}
            sealed = await connection.execute(text("SELECT sealed FROM device_trees"))
            assert [tuple(row) for row in sealed] == [(None,)]
    finally:
        await engine.dispose()
