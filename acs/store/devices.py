"""Devices as management sees them: search, the line they are on, their credentials, their events."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import bindparam, delete, func, or_, select, update

from acs.errors import no_device
from acs.store.built import Filtered, new
from acs.store.instants import instant, instant_or_none, micros
from acs.store.limits import check_text
from acs.store.records import Credentials, DeviceRecord, EventRecord
from acs.store.schema import device_credentials, devices, events
from acs.store.search import note
from acs.store.transaction import Transaction

#: The columns of a DeviceRecord, in its order.
COLUMNS = (
    "key", "manufacturer", "oui", "product_class", "serial_number", "root", "software_version", "hardware_version",
    "connection_request_url", "address", "namespace", "first_seen_at", "last_inform_at", "last_boot_at", "uptime_s",
    "uptime_at", "line", "inform_json",
)  # fmt: skip
_SELECT = select(*(devices.c[name] for name in COLUMNS))
_BY_KEY = _SELECT.where(devices.c.key == bindparam("key"))
_ON_LINE = _SELECT.where(devices.c.line == bindparam("line")).order_by(devices.c.key).limit(bindparam("limit"))
_AMONG = _SELECT.where(devices.c.key.in_(bindparam("keys", expanding=True)))
_BY_SERIALS = _SELECT.where(devices.c.serial_number.in_(bindparam("serials", expanding=True))).order_by(devices.c.key)
_SET_LINE = (
    update(devices)
    .where(devices.c.key == bindparam("its_key"), devices.c.line.is_distinct_from(bindparam("new_line")))
    .values(new("line"))
)
_EVENTS = Filtered(
    select(events).where(events.c.device == bindparam("device")).order_by(events.c.id.desc()).limit(bindparam("limit")),
    before=events.c.id < bindparam("before"),
    codes=events.c.code.in_(bindparam("codes", expanding=True)),
)
_HELD = _BY_KEY.with_for_update()
_CREDENTIALS = select(device_credentials).where(
    device_credentials.c.device == bindparam("device"), device_credentials.c.kind == bindparam("kind")
)


class CredentialKind(StrEnum):
    """Which side proves itself with the credentials."""

    #: the CPE to us
    CWMP = "cwmp"
    #: the CPE to us, told to the CPE and not proven by it yet: `CWMP` and the shared one are still good
    CWMP_NEW = "cwmp_new"
    #: we to the CPE, in a connection request
    CONNECTION_REQUEST = "connection_request"
    #: the CPE to our STUN server
    STUN = "stun"
    #: the CPE to the XMPP server
    XMPP = "xmpp"


async def get(tx: Transaction, key: str) -> DeviceRecord | None:
    """Return the device, or None."""
    row = await tx.one(_BY_KEY, {"key": key})
    return None if row is None else record(row)


async def hold(tx: Transaction, key: str) -> DeviceRecord | None:
    """The device, or None; until the transaction ends nobody else changes it, nor adds what hangs on it."""
    row = await tx.one(_HELD, {"key": key})
    return None if row is None else record(row)


async def get_many(tx: Transaction, keys: Sequence[str]) -> dict[str, DeviceRecord]:
    """Return key → device of those that exist; up to a few thousand are asked for at once."""
    if not keys:
        return {}
    return {row.key: record(row) for row in await tx.rows(_AMONG, {"keys": list(keys)})}


async def on_line(tx: Transaction, line: str, limit: int = 1000) -> list[DeviceRecord]:
    """Return the devices on a line, by key."""
    return [record(row) for row in await tx.rows(_ON_LINE, {"line": line, "limit": limit})]


async def list_devices(
    tx: Transaction, *, search: str = "", line: str | None = None, limit: int = 100, after: str = ""
) -> list[DeviceRecord]:
    """Return devices by key; `after` is the last key of the page before.

    `search` is looked for in key, manufacturer, serial number, address, software version and line, without case.
    """
    query = _SELECT.where(devices.c.key > after).order_by(devices.c.key).limit(limit)
    if line is not None:
        query = query.where(devices.c.line == line)
    if search:
        columns = ("key", "manufacturer", "serial_number", "address", "software_version", "line")
        wanted = search.lower()
        query = query.where(or_(*(func.lower(devices.c[name]).contains(wanted, autoescape=True) for name in columns)))
    return [record(row) for row in await tx.rows(query)]


async def by_serials(tx: Transaction, serials: Sequence[str]) -> list[DeviceRecord]:
    """Return the devices with one of these serial numbers, by key."""
    if not serials:
        return []
    return [record(row) for row in await tx.rows(_BY_SERIALS, {"serials": list(serials)})]


async def set_line(tx: Transaction, key: str, line: str | None) -> bool:
    """Put the device on a line, or on none; False where it was there already or is not known."""
    if await tx.run(_SET_LINE, {"its_key": key, "new_line": line}) != 1:
        return False
    await note(tx, devices=[key])
    return True


async def remove(tx: Transaction, key: str) -> bool:
    """Forget a device with its tree, operations, credentials and events; False where it is not known."""
    device = await get(tx, key)
    if device is None:
        return False
    await note(tx, lines=[device.line] if device.line is not None else [])
    await tx.run(delete(events).where(events.c.device == key))
    return await tx.run(delete(devices).where(devices.c.key == key)) == 1


async def set_credentials(
    tx: Transaction, key: str, kind: CredentialKind, credentials: Credentials, now: datetime
) -> None:
    """Keep the device's credentials of this kind, sealed.

    Raises:
        NotFound: the device is not known.
        InvalidInput: a text is too long.
    """
    await tx.upsert(device_credentials, [await _sealed(tx, key, kind, credentials, now)])


async def give_credentials(
    tx: Transaction, key: str, kind: CredentialKind, made: Credentials, now: datetime
) -> Credentials:
    """Keep these credentials where the device has none of this kind, and return those that it has then.

    Two processes may make some for one device at once: both tell it the same.

    Raises:
        NotFound: the device is not known.
        InvalidInput: a text is too long.
    """
    await tx.insert(device_credentials, await _sealed(tx, key, kind, made, now))
    return await get_credentials(tx, key, kind) or made


async def get_credentials(tx: Transaction, key: str, kind: CredentialKind) -> Credentials | None:
    """Return the device's credentials of this kind, opened; None where there are none."""
    row = await tx.one(_CREDENTIALS, {"device": key, "kind": kind.value})
    return None if row is None else Credentials(row.username, tx.vault.open(row.sealed_secret).decode())


async def remove_credentials(tx: Transaction, key: str, kind: CredentialKind) -> bool:
    """Forget the device's credentials of this kind; False where there are none."""
    c = device_credentials.c
    return await tx.run(delete(device_credentials).where(c.device == key, c.kind == kind.value)) == 1


async def has_credentials(tx: Transaction, kind: CredentialKind) -> bool:
    """Whether any device has credentials of this kind."""
    return (
        await tx.one(select(device_credentials.c.device).where(device_credentials.c.kind == kind.value).limit(1))
        is not None
    )


async def by_username(tx: Transaction, kind: CredentialKind, username: str) -> list[tuple[str, Credentials]]:
    """Return (device key, credentials) of every device that uses this user name, by key."""
    query = (
        select(device_credentials)
        .where(device_credentials.c.kind == kind.value, device_credentials.c.username == username)
        .order_by(device_credentials.c.device)
    )
    return [
        (row.device, Credentials(row.username, tx.vault.open(row.sealed_secret).decode()))
        for row in await tx.rows(query)
    ]


async def list_events(
    tx: Transaction, key: str, *, limit: int = 100, before: int | None = None, codes: Sequence[str] | None = None
) -> list[EventRecord]:
    """Return the device's events, newest first; `before` is the id of the last one of the page before."""
    query = _EVENTS.given(device=key, limit=limit, before=before, codes=None if codes is None else list(codes))
    return [
        EventRecord(row.id, row.device, instant(row.at), row.session_id, row.code, row.command_key)
        for row in await tx.rows(*query)
    ]


def record(row: Sequence[Any]) -> DeviceRecord:
    """Return the device of a row that begins with COLUMNS in order."""
    values: list[Any] = list(row[: len(COLUMNS)])
    values[11:14] = instant(row[11]), instant(row[12]), instant_or_none(row[13])
    values[15] = instant_or_none(row[15])
    return DeviceRecord(*values)


async def _sealed(
    tx: Transaction, key: str, kind: CredentialKind, credentials: Credentials, now: datetime
) -> dict[str, object]:
    if await get(tx, key) is None:
        raise no_device(key)
    check_text("username", credentials.username)
    check_text("secret", credentials.secret)
    return {
        "device": key,
        "kind": kind.value,
        "username": credentials.username,
        "sealed_secret": tx.vault.seal(credentials.secret.encode()),
        "updated_at": micros(now),
    }
