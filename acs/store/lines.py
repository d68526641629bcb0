"""The inventory of access lines."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, or_, select, update

from acs.errors import InvalidInput
from acs.store import devices as devices_module
from acs.store import groups
from acs.store.built import Filtered
from acs.store.instants import micros
from acs.store.limits import check_record
from acs.store.records import DeviceRecord, LineRecord
from acs.store.schema import devices, line_serials, lines
from acs.store.search import note
from acs.store.transaction import Transaction

#: The columns of a LineRecord, in its order.
_COLUMNS = (
    "id", "technology", "address", "node", "frame", "slot", "port", "splitter", "ont", "gpon_serial", "account",
    "services", "pppoe_login", "cable_length_m", "device_serials",
)  # fmt: skip
_SELECT = select(*(lines.c[name] for name in _COLUMNS))
_BY_ID = _SELECT.where(lines.c.id == bindparam("id"))
_HELD = _BY_ID.with_for_update()
_BY_SERIAL = (
    _SELECT.join(line_serials, line_serials.c.line == lines.c.id)
    .where(line_serials.c.serial == bindparam("serial"))
    .order_by(lines.c.id)
)
_AMONG = _SELECT.where(lines.c.id.in_(bindparam("ids", expanding=True)))
#: devices and facts may hang themselves on a line whose own row is changed: PostgreSQL has a lock for that
_HELD_AMONG = _AMONG.order_by(lines.c.id).with_for_update(key_share=True)
_ON_NODE = Filtered(
    _SELECT.where(lines.c.node == bindparam("node")).order_by(lines.c.id),
    slot=lines.c.slot == bindparam("slot"),
    no_slot=lines.c.slot.is_(None),
    port=lines.c.port == bindparam("port"),
    no_port=lines.c.port.is_(None),
    frame=lines.c.frame == bindparam("frame"),
)
_BY_LOGIN = _SELECT.where(lines.c.pppoe_login == bindparam("login")).order_by(lines.c.id)
_BY_ACCOUNT = _SELECT.where(lines.c.account == bindparam("account")).order_by(lines.c.id)
_TECHNOLOGIES = ("pon", "fttb", "dsl")
#: How many ids one query asks for at once.
_CHUNK = 5000


async def upsert(tx: Transaction, records: Sequence[LineRecord], now: datetime) -> int:
    """Store lines, replacing those whose id exists, and return how many were written. All or nothing.

    Raises:
        InvalidInput: a field is too long, or a technology is not one of pon, fttb, dsl.
    """
    for record in records:
        check_record(record)
        if record.technology not in _TECHNOLOGIES:
            raise InvalidInput(f"line {record.id}: technology {record.technology!r} is not one of pon, fttb, dsl")
    written = await tx.upsert(lines, [_stored(record, now) for record in records])
    await groups.adopt(tx, [record.id for record in records])
    await _write_serials(tx, {record.id: record.device_serials for record in records})
    await note(tx, lines=[record.id for record in records])
    return written


async def get(tx: Transaction, line_id: str) -> LineRecord | None:
    """Return the line, or None."""
    row = await tx.one(_BY_ID, {"id": line_id})
    return None if row is None else _record(row)


async def hold(tx: Transaction, line_id: str) -> LineRecord | None:
    """The line, or None; until the transaction ends nobody else changes it, nor adds what hangs on it."""
    row = await tx.one(_HELD, {"id": line_id})
    return None if row is None else _record(row)


async def get_many(tx: Transaction, ids: Sequence[str]) -> dict[str, LineRecord]:
    """Return id → line of those that exist."""
    found: dict[str, LineRecord] = {}
    for start in range(0, len(ids), _CHUNK):
        for row in await tx.rows(_AMONG, {"ids": list(ids[start : start + _CHUNK])}):
            found[row.id] = _record(row)
    await tx.note_hidden(lines, lines.c.id, [id_ for id_ in ids if id_ not in found])
    return found


async def hold_many(tx: Transaction, ids: Sequence[str]) -> dict[str, LineRecord]:
    """Return id → line of those that exist; until the transaction ends nobody else changes or removes them.

    Who stores a line that he made of the known one has held it.
    """
    found: dict[str, LineRecord] = {}
    ordered = sorted(ids)
    for start in range(0, len(ordered), _CHUNK):
        for row in await tx.rows(_HELD_AMONG, {"ids": ordered[start : start + _CHUNK]}):
            found[row.id] = _record(row)
    return found


async def list_lines(tx: Transaction, *, search: str = "", limit: int = 100, after: str = "") -> list[LineRecord]:
    """Return lines by id; `after` is the last id of the page before.

    `search` is looked for in id, address, account, PPPoE login, PON serial and node, without case.
    """
    query = _SELECT.where(lines.c.id > after).order_by(lines.c.id).limit(limit)
    if search:
        columns = ("id", "address", "account", "pppoe_login", "gpon_serial", "node", "device_serials")
        wanted = search.lower()
        query = query.where(or_(*(func.lower(lines.c[name]).contains(wanted, autoescape=True) for name in columns)))
    return [_record(row) for row in await tx.rows(query)]


async def remove(tx: Transaction, line_id: str) -> bool:
    """Forget a line with its facts and readings; its devices are on no line then. False where it is not known."""
    await note(tx, devices=[device.key for device in await devices_on(tx, line_id)])
    return await tx.run(delete(lines).where(lines.c.id == line_id)) == 1


async def siblings(
    tx: Transaction, node: str, slot: int | None, port: int | None, *, frame: int | None = None
) -> list[LineRecord]:
    """Return every line on one port of a node (of every frame, when `frame` is None), by id."""
    query = _ON_NODE.given(node=node, slot=slot, no_slot=slot is None, port=port, no_port=port is None, frame=frame)
    return [_record(row) for row in await tx.rows(*query)]


async def on_node(tx: Transaction, node: str) -> list[LineRecord]:
    """Return every line of a node, by id."""
    return [_record(row) for row in await tx.rows(*_ON_NODE.given(node=node))]


async def by_serial(tx: Transaction, serial: str) -> list[LineRecord]:
    """Return the lines that name this device serial number, by id: a binding needs exactly one."""
    return [_record(row) for row in await tx.rows(_BY_SERIAL, {"serial": serial})]


async def by_pppoe_login(tx: Transaction, login: str) -> list[LineRecord]:
    """Return the lines with this PPPoE login, by id."""
    if not login:
        return []
    return [_record(row) for row in await tx.rows(_BY_LOGIN, {"login": login})]


async def by_account(tx: Transaction, account: str) -> list[LineRecord]:
    """Return the lines of an account, by id."""
    if not account:
        return []
    return [_record(row) for row in await tx.rows(_BY_ACCOUNT, {"account": account})]


async def bind_device(tx: Transaction, line_id: str, device_key: str) -> bool:
    """Put a device on a line; False where it was there already or is not known."""
    return await devices_module.set_line(tx, device_key, line_id)


async def devices_on(tx: Transaction, line_id: str) -> list[DeviceRecord]:
    """Return the devices on the line, by key."""
    return await devices_module.on_line(tx, line_id)


async def bind_by_serial(tx: Transaction, line_ids: Sequence[str]) -> int:
    """Put every known device whose serial number exactly one line names on that line, for these lines.

    Returns how many devices moved. For a bulk import: devices known before the lines came.
    """
    moved: list[str] = []
    for start in range(0, len(line_ids), _CHUNK):
        part = list(line_ids[start : start + _CHUNK])
        query = (
            select(devices.c.key, func.min(line_serials.c.line).label("line"))
            .join(line_serials, line_serials.c.serial == devices.c.serial_number)
            .group_by(devices.c.key)
            .having(func.count() == 1, func.min(line_serials.c.line).in_(part))
            .order_by(devices.c.key)
        )
        for row in await tx.rows(query):
            statement = update(devices).where(devices.c.key == row.key, devices.c.line.is_distinct_from(row.line))
            if await tx.run(statement.values(line=row.line)):
                moved.append(row.key)
    await note(tx, devices=moved)
    return len(moved)


async def _write_serials(tx: Transaction, serials: dict[str, tuple[str, ...]]) -> None:
    ids = sorted(serials)
    for start in range(0, len(ids), _CHUNK):
        await tx.run(delete(line_serials).where(line_serials.c.line.in_(ids[start : start + _CHUNK])))
    rows = [{"serial": serial, "line": line} for line in ids for serial in sorted(set(serials[line]))]
    await tx.insert_many(line_serials, rows)


def _stored(record: LineRecord, now: datetime) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(record, name) for name in _COLUMNS}
    values["services"] = json.dumps(record.services, ensure_ascii=False)
    values["device_serials"] = json.dumps(record.device_serials, ensure_ascii=False)
    values["updated_at"] = micros(now)
    return values


def _record(row: Row[Any]) -> LineRecord:
    values: list[Any] = list(row)
    values[11], values[14] = _texts(row.services), _texts(row.device_serials)
    return LineRecord(*values)


@lru_cache(maxsize=_CHUNK)
def _texts(stored: str) -> tuple[str, ...]:
    return () if stored == "[]" else tuple(json.loads(stored))
