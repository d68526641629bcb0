"""Secrets at rest."""

import stat
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from acs.errors import ConfigError, NotFound, StoreError
from acs.store import Store, Vault, devices, nodes
from acs.store.devices import CredentialKind
from acs.store.records import AccessNode, Credentials
from acs.store.schema import access_nodes, device_credentials
from tests.store.make import opening

KEY = "00AA11-ONT-0001"


def test_what_was_sealed_opens_with_the_same_file(tmp_path: Path) -> None:
    sealed = Vault.create(tmp_path / "key").seal(b"secret")
    assert b"secret" not in sealed
    assert Vault.from_file(tmp_path / "key").open(sealed) == b"secret"
    assert Vault.open_or_create(tmp_path / "key").open(sealed) == b"secret"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    with pytest.raises(StoreError, match="another key file"):
        Vault.open_or_create(tmp_path / "other").open(sealed)


def test_key_file_is_never_overwritten(tmp_path: Path) -> None:
    Vault.create(tmp_path / "key")
    with pytest.raises(ConfigError, match="never overwritten"):
        Vault.create(tmp_path / "key")


def test_bad_key_files_say_what_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        Vault.from_file(tmp_path / "key")
    (tmp_path / "key").write_text("no key")
    with pytest.raises(ConfigError, match="chmod 600"):
        Vault.from_file(tmp_path / "key")
    (tmp_path / "key").chmod(0o600)
    with pytest.raises(ConfigError, match="holds no key"):
        Vault.from_file(tmp_path / "key")
    with pytest.raises(ConfigError, match="cannot be read"):
        Vault.from_file(tmp_path / "key" / "below")
    with pytest.raises(ConfigError, match="cannot be written"):
        Vault.create(tmp_path / "nowhere" / "key")


async def test_device_credentials_are_kept_sealed(store: Store, now: datetime) -> None:
    await store.sessions.open(opening(now))
    credentials = Credentials("cpe-1", "p4ssw0rd")
    async with store.transaction() as tx:
        await devices.set_credentials(tx, KEY, CredentialKind.CWMP, Credentials("old", "old"), now)
        await devices.set_credentials(tx, KEY, CredentialKind.CWMP, credentials, now)
        assert await devices.get_credentials(tx, KEY, CredentialKind.CWMP) == credentials
        assert await devices.get_credentials(tx, KEY, CredentialKind.CONNECTION_REQUEST) is None
        assert await devices.by_username(tx, CredentialKind.CWMP, "cpe-1") == [(KEY, credentials)]
        assert await devices.by_username(tx, CredentialKind.CWMP, "old") == []
        row = await tx.one(select(device_credentials))
        assert row is not None and b"p4ssw0rd" not in row.sealed_secret
        with pytest.raises(NotFound):
            await devices.set_credentials(tx, "nobody", CredentialKind.CWMP, credentials, now)
    assert "p4ssw0rd" not in repr(credentials)


async def test_access_node_credentials_are_kept_sealed(store: Store, now: datetime) -> None:
    node = AccessNode("olt-1", "192.0.2.7", now, 1161, "example-olt", {"community": "s3cret"})
    async with store.transaction() as tx:
        await nodes.put(tx, AccessNode("olt-1", "192.0.2.1", now))
        await nodes.put(tx, node)
        assert await nodes.get(tx, "olt-1") == node
        assert await nodes.list_nodes(tx) == [node]
        row = await tx.one(select(access_nodes))
        assert row is not None and b"s3cret" not in row.sealed_credentials
        assert await nodes.remove(tx, "olt-1") and not await nodes.remove(tx, "olt-1")
        assert await nodes.get(tx, "olt-1") is None
    assert "s3cret" not in repr(node)
