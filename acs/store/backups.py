"""Configurations of devices: taken, listed, opened; what a device was told; what waits for something else.

    backup_schemas   id = hash of body, body = zstd(JSON [names sorted, types])     shared by devices of a model
    config_backups   vector = zstd(JSON [value, …]), secrets empty there; sealed = the vault's JSON {name: secret}

The rule of this file: a configuration that is the newest one's equal is not stored twice, it is seen again.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import zstandard
from sqlalchemy import Row, bindparam, delete, exists, func, select, update

from acs.store.built import Filtered, new
from acs.store.instants import instant, micros
from acs.store.limits import check_record, json_text
from acs.store.records import Json, OperationState
from acs.store.schema import (
    backup_schemas,
    config_backups,
    desired_settings,
    devices,
    operation_gates,
    operations,
    takeovers,
)
from acs.store.transaction import Transaction
from acs.store.trees import TreeSchema, decode_schema, encode_schema

#: name → (value, xsd type)
Values = Mapping[str, tuple[str, str]]
_LEVEL = 9
#: whether the line was up → what stands for it
_GOOD = {False: 0, True: 1, None: 2}
_BYTES = 16
_TAKEOVER = select(takeovers).where(takeovers.c.serial_number == bindparam("serial_number"))
#: a configuration without its values
_SELECT = select(
    *(column for column in config_backups.c if column.name != "vector"),
    func.length(config_backups.c.vector).label("vector_bytes"),
)
_BY_ID = _SELECT.where(config_backups.c.id == bindparam("id"))
_ONE_OF = _BY_ID.where(config_backups.c.device == bindparam("device"))
_OF_DEVICE = Filtered(
    _SELECT.where(config_backups.c.device == bindparam("device"))
    .order_by(config_backups.c.id.desc())
    .limit(bindparam("limit")),
    good=config_backups.c.good == 1,
    before=config_backups.c.id < bindparam("before"),
)
_SEEN_AGAIN = update(config_backups).where(config_backups.c.id == bindparam("its_id")).values(new("seen_at"))
_SEEN_AGAIN_GOOD = _SEEN_AGAIN.values(good=1)
_BODY = (
    select(config_backups.c.vector, config_backups.c.sealed, backup_schemas.c.body)
    .join(backup_schemas, backup_schemas.c.id == config_backups.c.schema_id)
    .where(config_backups.c.id == bindparam("id"))
)
_ALL_BUT = delete(config_backups).where(
    config_backups.c.device == bindparam("device"), config_backups.c.id.not_in(bindparam("kept", expanding=True))
)
_UNUSED = delete(backup_schemas).where(~exists().where(config_backups.c.schema_id == backup_schemas.c.id))
_RECENT = exists().where(config_backups.c.device == devices.c.key, config_backups.c.seen_at > bindparam("before"))
_ASKED = exists().where(
    operations.c.device == devices.c.key,
    operations.c.kind == bindparam("kind"),
    operations.c.created_at > bindparam("before"),
)
_DUE = (
    select(devices.c.key)
    .where(~_RECENT, ~_ASKED, devices.c.last_inform_at > bindparam("seen_since"))
    .order_by(devices.c.key)
    .limit(bindparam("limit"))
)
_DESIRED = select(desired_settings).where(desired_settings.c.device == bindparam("device"))
_GATE = (
    select(operations.c.id, operations.c.state, operations.c.detail)
    .join(operation_gates, operation_gates.c.after == operations.c.id)
    .where(operation_gates.c.operation_id == bindparam("operation"))
)


@dataclass(frozen=True, slots=True)
class BackupRecord:
    """One configuration without its values.

    `good`: the line was up, None: nobody knows; `live`: read whole for it, so that a row which is not here was not
    there; `origin`: why it is there.
    """

    id: str
    device: str
    at: datetime
    origin: str
    actor: str
    software_version: str
    good: bool | None
    live: bool
    operation: str | None = None
    parameters: int = 0
    #: when the same configuration was seen last; as `at` for one that is new
    seen_at: datetime | None = None
    #: bytes in the store, the names that devices share left out
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Configuration:
    """Names with their values and types; `secrets` are those values that nobody sees."""

    values: Values
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Takeover:
    """A new device, known by its serial number, that takes over from another."""

    serial_number: str
    old_device: str
    line: str | None
    asked_at: datetime
    actor: str
    reason: str = ""


async def add(tx: Transaction, record: BackupRecord, configuration: Configuration) -> BackupRecord:
    """Store a configuration, or note that the newest one was seen again; returns the one that stands.

    Raises:
        InvalidInput: a text is too long.
    """
    check_record(record)
    names = tuple(sorted(configuration.values))
    types = tuple(configuration.values[name][1] for name in names)
    values = ["" if name in configuration.secrets else configuration.values[name][0] for name in names]
    body = encode_schema(TreeSchema(names, types))
    schema_id = hashlib.blake2b(body, digest_size=_BYTES).digest()
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    digest = hashlib.blake2b(schema_id + text.encode("utf-8", "surrogatepass"), digest_size=_BYTES).digest()
    newest = await _newest(tx, record.device)
    if newest is not None and bytes(newest.digest) == digest and _opened(tx, newest) == dict(configuration.secrets):
        again = _SEEN_AGAIN_GOOD if record.good else _SEEN_AGAIN
        await tx.run(again, {"its_id": newest.id, "new_seen_at": micros(record.at)})
        return _record(await tx.one(_BY_ID, {"id": newest.id}) or newest)
    await tx.insert(backup_schemas, {"id": schema_id, "body": body})
    row = {
        "id": record.id,
        "device": record.device,
        "at": micros(record.at),
        "seen_at": micros(record.at),
        "origin": record.origin,
        "operation": record.operation,
        "actor": record.actor,
        "software_version": record.software_version,
        "good": _GOOD[record.good],
        "live": int(record.live),
        "parameters": len(names),
        "digest": digest,
        "schema_id": schema_id,
        "vector": zstandard.ZstdCompressor(level=_LEVEL).compress(text.encode("utf-8", "surrogatepass")),
        "sealed": _sealed(tx, configuration.secrets),
    }
    await tx.insert(config_backups, row)
    stored = await tx.one(_BY_ID, {"id": record.id})
    assert stored is not None
    return _record(stored)


async def list_backups(
    tx: Transaction, device: str, *, limit: int = 50, before: str | None = None
) -> list[BackupRecord]:
    """Return a device's configurations, newest first; `before` is the id of the last one of the page before."""
    return [_record(row) for row in await tx.rows(*_OF_DEVICE.given(device=device, limit=limit, before=before))]


async def get(tx: Transaction, device: str, backup_id: str) -> BackupRecord | None:
    """Return one configuration of the device without its values, or None."""
    row = await tx.one(_ONE_OF, {"device": device, "id": backup_id})
    return None if row is None else _record(row)


async def newest(tx: Transaction, device: str, *, good: bool = False) -> BackupRecord | None:
    """Return the newest configuration of a device, with `good` the newest of a line that was up; None without one."""
    row = await _newest(tx, device, good=good)
    return None if row is None else _record(row)


async def open_backup(tx: Transaction, backup_id: str) -> Configuration | None:
    """Return what a configuration holds, secrets in clear; None where there is none.

    Raises:
        StoreError: it was sealed with another key.
    """
    row = await tx.one(_BODY, {"id": backup_id})
    if row is None:
        return None
    schema = decode_schema(row.body)
    values = json.loads(zstandard.ZstdDecompressor().decompress(row.vector).decode("utf-8", "surrogatepass"))
    together = dict(zip(schema.names, zip(values, schema.types, strict=True), strict=True))
    return Configuration(together, _opened(tx, row))


async def thin_out(tx: Transaction, device: str, keep: int) -> int:
    """Delete all but the newest `keep` configurations of a device and its newest good one; returns how many went."""
    kept = [record.id for record in await list_backups(tx, device, limit=keep)]
    good = await newest(tx, device, good=True)
    if good is not None:
        kept.append(good.id)
    return await tx.run(_ALL_BUT, {"device": device, "kept": kept})


async def forget_schemas(tx: Transaction) -> int:
    """Delete names that no configuration has; returns how many went."""
    return await tx.run(_UNUSED)


async def due(tx: Transaction, before: datetime, *, seen_since: datetime, kind: str, limit: int) -> list[str]:
    """Return devices that informed since then, whose newest configuration is older, and that have none under way."""
    values = {"before": micros(before), "seen_since": micros(seen_since), "kind": kind, "limit": limit}
    return [row.key for row in await tx.rows(_DUE, values)]


async def desired(tx: Transaction, device: str) -> Configuration:
    """Return what a device was told, secrets in clear; empty where it was told nothing."""
    row = await tx.one(_DESIRED, {"device": device})
    if row is None:
        return Configuration({})
    body = json.loads(zstandard.ZstdDecompressor().decompress(row.body))
    return Configuration({name: (value, kind) for name, (value, kind) in body.items()}, _opened(tx, row))


async def put_desired(tx: Transaction, device: str, configuration: Configuration, now: datetime) -> None:
    """Keep what a device was told, in place of what was kept.

    Raises:
        InvalidInput: it is too long.
    """
    body: dict[str, Json] = {
        name: ["" if name in configuration.secrets else value, kind]
        for name, (value, kind) in sorted(configuration.values.items())
    }
    row = {
        "device": device,
        "body": zstandard.ZstdCompressor(level=_LEVEL).compress(json_text("settings", body).encode()),
        "sealed": _sealed(tx, configuration.secrets),
        "updated_at": micros(now),
    }
    await tx.upsert(desired_settings, [row])


async def put_gate(tx: Transaction, operation_id: str, after: str) -> None:
    """Let an operation leave only after another one has succeeded."""
    await tx.insert(operation_gates, {"operation_id": operation_id, "after": after})


async def gate_of(tx: Transaction, operation_id: str) -> tuple[str, OperationState, str] | None:
    """Return id, state and end of the operation that this one waits for; None where it waits for none."""
    row = await tx.one(_GATE, {"operation": operation_id})
    return None if row is None else (row.id, OperationState(row.state), row.detail)


async def put_takeover(tx: Transaction, takeover: Takeover) -> None:
    """Keep that a device with this serial number will take over.

    Raises:
        InvalidInput: a text is too long.
    """
    check_record(takeover)
    row = {
        "serial_number": takeover.serial_number,
        "old_device": takeover.old_device,
        "line": takeover.line,
        "asked_at": micros(takeover.asked_at),
        "actor": takeover.actor,
        "reason": takeover.reason,
    }
    await tx.upsert(takeovers, [row])


async def get_takeover(tx: Transaction, serial_number: str) -> Takeover | None:
    """Return what a device with this serial number takes over; None for nearly all."""
    row = await tx.one(_TAKEOVER, {"serial_number": serial_number})
    if row is None:
        return None
    return Takeover(row.serial_number, row.old_device, row.line, instant(row.asked_at), row.actor, row.reason)


async def drop_takeover(tx: Transaction, serial_number: str) -> bool:
    """Forget it: it is done, or taken back; False where there is none."""
    return await tx.run(delete(takeovers).where(takeovers.c.serial_number == serial_number)) == 1


async def _newest(tx: Transaction, device: str, *, good: bool = False) -> Row[Any] | None:
    return await tx.one(*_OF_DEVICE.given(device=device, limit=1, good=good))


def _sealed(tx: Transaction, secrets: Mapping[str, str]) -> bytes | None:
    return tx.vault.seal(json.dumps(dict(secrets)).encode()) if secrets else None


def _opened(tx: Transaction, row: Row[Any]) -> dict[str, str]:
    return {} if row.sealed is None else dict(json.loads(tx.vault.open(bytes(row.sealed))))


def _record(row: Row[Any]) -> BackupRecord:
    return BackupRecord(
        id=row.id,
        device=row.device,
        at=instant(row.at),
        origin=row.origin,
        actor=row.actor,
        software_version=row.software_version,
        good={0: False, 1: True}.get(row.good),
        live=bool(row.live),
        operation=row.operation,
        parameters=row.parameters,
        seen_at=instant(row.seen_at),
        size_bytes=row.vector_bytes + len(row.sealed or b""),
    )
