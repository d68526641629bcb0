"""Parameter trees: every value known of a device, as one compressed vector against an interned schema.

    tree_schemas  id = hash of body, body = zstd(JSON [names sorted, their types])   one per set of names and types
    device_trees  schema_id, vector = zstd(JSON [value, …] in the schema's order)    one per device

A vector whose values were not all read at once is {"values": […], "times": [[instant, how many values], …]}.

The rule of this file: the session of a periodic Inform never comes here; what an Inform carries stands in the device's
`inform_json`, and `read` lays it over the tree where it is newer.
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
from acs.store.built import new
from acs.store.instants import instant, micros
from acs.store.limits import check_text, storable
from acs.store.records import Tree, TreeUpdate
from acs.store.schema import device_trees, devices, tree_schemas
from acs.store.search import note
from acs.store.transaction import Transaction

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


_INFORM = select(devices.c.inform_json).where(devices.c.key == bindparam("key")).with_for_update()
_STORED = (
    select(device_trees.c.schema_id, device_trees.c.vector, device_trees.c.read_at, tree_schemas.c.body)
    .join(tree_schemas, tree_schemas.c.id == device_trees.c.schema_id)
    .where(device_trees.c.device == bindparam("device"))
)
_TREE = (
    select(devices.c.inform_json, device_trees.c.vector, device_trees.c.read_at, tree_schemas.c.body)
    .select_from(
        devices.outerjoin(device_trees, device_trees.c.device == devices.c.key).outerjoin(
            tree_schemas, tree_schemas.c.id == device_trees.c.schema_id
        )
    )
    .where(devices.c.key == bindparam("key"))
)
_SET_INFORM = update(devices).where(devices.c.key == bindparam("its_key")).values(last_values=0, **new("inform_json"))


async def read(tx: Transaction, key: str) -> Tree | None:
    """Return every parameter known of a device, Inform values that are newer included; None for no such device."""
    row = await tx.one(_TREE, {"key": key})
    if row is None:
        return None
    values, times = _known(row)
    for name, (value, type_, changed_at) in json.loads(row.inform_json).items():
        if name not in times or changed_at > times[name]:
            values[name] = (value, type_)
            times[name] = changed_at
    moments = {at: instant(at) for at in set(times.values())}
    read_at = None if row.read_at is None else instant(row.read_at)
    return Tree(values, read_at, {name: moments[at] for name, at in times.items()})


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
    known, times = ({}, {}) if stored is None else _known(stored)
    values = merged(known, change)
    if len(values) > MAX_PARAMETERS:
        raise InvalidInput(f"device {key} has {len(values)} parameters; at most {MAX_PARAMETERS} are stored")
    read_at = micros(change.read_at)
    times = {name: read_at if name in change.values else times[name] for name in values}
    await _store(tx, key, values, times, None if stored is None else stored.schema_id)
    await _refresh_inform_values(tx, key, json.loads(device.inform_json), change)
    await note(tx, devices=[key])


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


def _known(row: Row[Any]) -> tuple[dict[str, tuple[str, str]], dict[str, int]]:
    """The values of a stored tree, and when each was read; nothing where there is none."""
    if row.body is None:
        return {}, {}
    schema = decode_schema(row.body)
    values, times = decode_vector(row.vector, row.read_at)
    together = dict(zip(schema.names, zip(values, schema.types, strict=True), strict=True))
    return together, dict(zip(schema.names, times, strict=True))


async def _store(
    tx: Transaction, key: str, values: Mapping[str, tuple[str, str]], times: Mapping[str, int], former: bytes | None
) -> None:
    names = tuple(sorted(values))
    body = encode_schema(TreeSchema(names, tuple(values[name][1] for name in names)))
    schema_id = hashlib.blake2b(body, digest_size=_ID_BYTES).digest()
    if former is None or bytes(former) != schema_id:
        await tx.upsert(tree_schemas, [{"id": schema_id, "body": body}])
    vector = encode_vector([values[name][0] for name in names], [times[name] for name in names])
    row = {"device": key, "schema_id": schema_id, "vector": vector, "read_at": max(times.values(), default=0)}
    await tx.upsert(device_trees, [row])


async def _refresh_inform_values(tx: Transaction, key: str, known: dict[str, list[object]], change: TreeUpdate) -> None:
    """Write what was read into the Inform's values too, so that a value that changes back is seen as newer."""
    touched = [name for name in known if name in change.values]
    if not touched:
        return
    for name in touched:
        value, type_ = change.values[name]
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
