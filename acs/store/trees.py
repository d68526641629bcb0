"""Parameter trees: every value known of a device, as one compressed vector against an interned schema.

    tree_schemas  id = hash of body, body = zstd(JSON [names sorted, their types])   one per set of names and types
    device_trees  schema_id, vector = zstd(JSON [value, …] in the schema's order)    one per device, its secrets
                  sealed = the vault's, see `acs/store/tree_secrets.py`              blank in the vector

A vector whose values were not all read at once is {"values": […], "times": [[instant, how many values], …]}.

The rule of this file: the session of a periodic Inform never comes here; what an Inform carries stands in the device's
`inform_json`, and `read` lays it over the tree where it is newer. A secret that an Inform carries comes here instead.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

import zstandard
from sqlalchemy import Row, bindparam, select, update

from acs.errors import InvalidInput, no_device
from acs.secret_names import is_secret
from acs.store.built import new
from acs.store.instants import instant, micros
from acs.store.limits import check_text, storable
from acs.store.records import Tree, TreeUpdate
from acs.store.schema import device_trees, devices, tree_schemas
from acs.store.search import note
from acs.store.transaction import Transaction
from acs.store.tree_secrets import MASK, Secrets, parted, sealed, secret_places

#: Parameters of one device: more than ten times what the greatest set-top boxes and gateways have.
MAX_PARAMETERS = 100_000
#: All values of one device, in characters.
MAX_CHARACTERS = 16_000_000
#: Different instants kept in one tree; a device is read in a few ways, each again and again.
MOMENTS = 64
#: zstd's level: 9 gives vectors 5–10 % smaller than 3 and is written only when a tree is read.
_LEVEL = 9
_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class TreeSchema:
    """The names of a tree, sorted, and the xsd type of each."""

    names: tuple[str, ...]
    types: tuple[str, ...]


_COLUMNS = (
    device_trees.c.schema_id,
    device_trees.c.vector,
    device_trees.c.sealed,
    device_trees.c.read_at,
    tree_schemas.c.body,
)
_INFORM = select(devices.c.inform_json).where(devices.c.key == bindparam("key")).with_for_update()
_STORED = (
    select(*_COLUMNS)
    .join(tree_schemas, tree_schemas.c.id == device_trees.c.schema_id)
    .where(device_trees.c.device == bindparam("device"))
)
_TREE = (
    select(devices.c.inform_json, *_COLUMNS)
    .select_from(
        devices.outerjoin(device_trees, device_trees.c.device == devices.c.key).outerjoin(
            tree_schemas, tree_schemas.c.id == device_trees.c.schema_id
        )
    )
    .where(devices.c.key == bindparam("key"))
)
_UNSEALED = (
    select(device_trees.c.device, *_COLUMNS)
    .join(tree_schemas, tree_schemas.c.id == device_trees.c.schema_id)
    .where(device_trees.c.sealed.is_(None))
    .limit(bindparam("limit"))
    .with_for_update(of=device_trees, skip_locked=True)
)
_SEAL = update(device_trees).where(device_trees.c.device == bindparam("its_device")).values(new("vector", "sealed"))
_SET_INFORM = update(devices).where(devices.c.key == bindparam("its_key")).values(last_values=0, **new("inform_json"))


async def read(tx: Transaction, key: str) -> Tree | None:
    """Return every parameter known of a device, Inform values that are newer included; None for no such device.

    A secret that is set reads as `MASK`.
    """
    return await _read(tx, key, shown=False)


async def read_open(tx: Transaction, key: str) -> Tree | None:
    """`read` with the secrets in clear: for who gives them back to the device, compares them, or may see them.

    Raises:
        StoreError: they were sealed with another key.
    """
    return await _read(tx, key, shown=True)


async def write(tx: Transaction, key: str, values: Mapping[str, tuple[str, str]], read_at: datetime) -> None:
    """Store a device's whole tree, name → (value, xsd type), in place of what was known.

    Raises:
        NotFound: the device is not known.
        InvalidInput: a text is too long, or there are too many.
    """
    await merge(tx, key, TreeUpdate(values, read_at, replaced_paths=("",)))


async def merge(tx: Transaction, key: str, change: TreeUpdate) -> None:
    """Lay values over a device's tree; names below `replaced_paths` that were not read are forgotten.

    Raises:
        NotFound: the device is not known.
        InvalidInput: a text is too long, or there are too many.
    """
    _check(change.values)
    device = await tx.one(_INFORM, {"key": key})
    if device is None:
        raise no_device(key)
    stored = await tx.one(_STORED, {"device": key})
    known, times, secrets = ({}, {}, Secrets()) if stored is None else _known(stored)
    values = merged(known, change)
    if len(values) > MAX_PARAMETERS:
        raise InvalidInput(f"device {key} has {len(values)} parameters; at most {MAX_PARAMETERS} are stored")
    read_at = micros(change.read_at)
    times = {name: read_at if name in change.values else times[name] for name in values}
    former = None if stored is None else stored.schema_id
    await _store(tx, key, values, times, _Before(former, secrets, change.values))
    await _refresh_inform_values(tx, key, json.loads(device.inform_json), change)
    await note(tx, devices=[key])


async def seal_old(tx: Transaction, limit: int) -> int:
    """Seal the secrets of up to `limit` trees that an older release wrote; returns how many there were."""
    rows = await tx.rows(_UNSEALED, {"limit": limit})
    for row in rows:
        names = decode_schema(row.body).names
        values, times = decode_vector(row.vector, row.read_at)
        _, secrets = parted(names, values, row.schema_id, None)
        beside = sealed(tx.vault, row.schema_id, names, values, {}, secrets)
        vector = encode_vector(values, times) if beside else row.vector
        await tx.run(_SEAL, {"its_device": row.device, "new_vector": vector, "new_sealed": beside})
    return len(rows)


def merged(known: Mapping[str, tuple[str, str]], change: TreeUpdate) -> dict[str, tuple[str, str]]:
    """Return what is known after a change."""
    if change.replaced_paths:
        paths, existing = change.replaced_paths, change.existing
        kept = {name: entry for name, entry in known.items() if not name.startswith(paths) or name in existing}
    else:
        kept = dict(known)
    kept.update(change.values)
    return kept


@lru_cache(maxsize=128)
def encode_schema(schema: TreeSchema) -> bytes:
    """Return a schema as it is stored; equal schemas give equal bytes.

    Remembered, because compressing the names of 3 000 parameters takes milliseconds and devices of a model share them.
    """
    text = json.dumps([schema.names, schema.types], separators=(",", ":"), ensure_ascii=False)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(text.encode())


@lru_cache(maxsize=128)
def decode_schema(body: bytes) -> TreeSchema:
    """Return the schema of stored bytes."""
    names, types = json.loads(zstandard.ZstdDecompressor().decompress(body))
    return TreeSchema(tuple(names), tuple(types))


def encode_vector(values: Sequence[str], times: Sequence[int]) -> bytes:
    """Return values and when each was read, in the order of their schema, as they are stored."""
    body: object = values
    if len(set(times)) > 1:
        times = _coarser(times)
        body = {"values": values, "times": [[at, len(list(run))] for at, run in groupby(times)]}
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return zstandard.ZstdCompressor(level=_LEVEL).compress(text.encode("utf-8", "surrogatepass"))


def decode_vector(vector: bytes, read_at: int) -> tuple[list[str], list[int]]:
    """Return the values of stored bytes, and when each was read; `read_at` where they were read at once."""
    body = json.loads(zstandard.ZstdDecompressor().decompress(vector).decode("utf-8", "surrogatepass"))
    if isinstance(body, list):
        return body, [read_at] * len(body)
    return body["values"], [at for at, count in body["times"] for _ in range(count)]


def _coarser(times: Sequence[int]) -> list[int]:
    """At most MOMENTS different instants: where there are more, the oldest become the oldest of all."""
    moments = sorted(set(times))
    if len(moments) <= MOMENTS:
        return list(times)
    oldest, limit = moments[0], moments[-MOMENTS + 1]
    return [at if at >= limit else oldest for at in times]


@dataclass(frozen=True, slots=True)
class _Before:
    """What stood in a tree's place, and what is told now."""

    schema_id: bytes | None
    secrets: Secrets
    told: Mapping[str, tuple[str, str]]


async def _read(tx: Transaction, key: str, *, shown: bool) -> Tree | None:
    row = await tx.one(_TREE, {"key": key})
    if row is None:
        return None
    values, times, secrets = _known(row)
    opened = secrets.opened(tx.vault) if shown else {}
    for name, secret in opened.items():
        values[name] = (secret, values[name][1])
    for name, (value, type_, changed_at) in json.loads(row.inform_json).items():
        if name not in times or changed_at > times[name]:
            values[name] = (MASK if value and not shown and is_secret(name) else value, type_)
            times[name] = changed_at
    moments = {at: instant(at) for at in set(times.values())}
    read_at = None if row.read_at is None else instant(row.read_at)
    return Tree(values, read_at, {name: moments[at] for name, at in times.items()})


def _known(row: Row[Any]) -> tuple[dict[str, tuple[str, str]], dict[str, int], Secrets]:
    """The values of a stored tree, secrets masked, when each was read, and the secrets; nothing where there is none."""
    if row.body is None:
        return {}, {}, Secrets()
    schema = decode_schema(row.body)
    values, times = decode_vector(row.vector, row.read_at)
    masked, secrets = parted(schema.names, values, row.schema_id, row.sealed)
    together = dict(zip(schema.names, zip(masked, schema.types, strict=True), strict=True))
    return together, dict(zip(schema.names, times, strict=True)), secrets


async def _store(
    tx: Transaction, key: str, known: Mapping[str, tuple[str, str]], times: Mapping[str, int], before: _Before
) -> None:
    names = tuple(sorted(known))
    body = encode_schema(TreeSchema(names, tuple(known[name][1] for name in names)))
    schema_id = hashlib.blake2b(body, digest_size=_ID_BYTES).digest()
    if before.schema_id is None or bytes(before.schema_id) != schema_id:
        await tx.upsert(tree_schemas, [{"id": schema_id, "body": body}])
    values = [known[name][0] for name in names]
    told = {names[n]: before.told[names[n]][0] for n in secret_places(names) if names[n] in before.told}
    beside = sealed(tx.vault, schema_id, names, values, told, before.secrets)
    vector = encode_vector(values, [times[name] for name in names])
    row = {
        "device": key,
        "schema_id": schema_id,
        "vector": vector,
        "sealed": beside,
        "read_at": max(times.values(), default=0),
    }
    await tx.upsert(device_trees, [row])


async def _refresh_inform_values(tx: Transaction, key: str, known: dict[str, list[object]], change: TreeUpdate) -> None:
    """Write what was read into the Inform's values too, so that a value that changes back is seen as newer."""
    touched = [name for name in known if name in change.values]
    if not touched:
        return
    for name in touched:
        value, type_ = change.values[name]
        if value and is_secret(name):
            del known[name]
            continue
        known[name] = [value, type_, micros(change.read_at)]
    text = json.dumps(known, separators=(",", ":"))
    await tx.run(_SET_INFORM, {"its_key": key, "new_inform_json": text})


def _check(values: Mapping[str, tuple[str, str]]) -> None:
    total = 0
    for name, (value, type_) in values.items():
        check_text("parameter name", name)
        check_text("parameter type", type_)
        if not storable(value):
            raise InvalidInput(f"the value of {name} holds a NUL or an unpaired surrogate")
        if len(value) > MAX_CHARACTERS:
            raise InvalidInput(f"the value of {name} has {len(value)} characters; at most {MAX_CHARACTERS} are stored")
        total += len(value)
    if total > MAX_CHARACTERS:
        raise InvalidInput(f"the values have {total} characters; at most {MAX_CHARACTERS} are stored for a device")
