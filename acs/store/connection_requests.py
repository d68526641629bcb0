"""Waking CPEs: the tries, the bindings that STUN saw, datagrams for the owner of the UDP socket, rotations.

The rule of this file: a rotation's new secrets stand beside the old ones until its operation has succeeded;
`candidates` gives every secret that the CPE may have, the likeliest first.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, exists, select, update

from acs.store.built import new
from acs.store.devices import CredentialKind, get_credentials, set_credentials
from acs.store.instants import instant, micros
from acs.store.limits import check_record
from acs.store.records import DUE_STATES, Credentials, OperationState
from acs.store.schema import (
    connection_requests,
    credential_rotations,
    device_credentials,
    devices,
    lightweight_marks,
    operations,
    stun_bindings,
    udp_orders,
)
from acs.store.transaction import Transaction

_LAST_INFORM = select(devices.c.last_inform_at).where(devices.c.key == bindparam("key"))
_ROTATION = select(credential_rotations).where(credential_rotations.c.device == bindparam("device"))
_HELD_ROTATION = _ROTATION.with_for_update()
_LAST_METHOD = (
    select(connection_requests.c.method)
    .where(
        connection_requests.c.device == bindparam("device"),
        connection_requests.c.result.in_(bindparam("results", expanding=True)),
        connection_requests.c.at >= bindparam("since"),
    )
    .order_by(connection_requests.c.id.desc())
    .limit(1)
)
_KNOWN = select(devices.c.key).where(devices.c.key.in_(bindparam("keys", expanding=True)))
_BINDING = select(stun_bindings).where(stun_bindings.c.device == bindparam("device"))
_ANY_ORDER = select(udp_orders.c.id).limit(1)
_TAKE_ORDERS = (
    delete(udp_orders)
    .where(udp_orders.c.id.in_(select(udp_orders.c.id).order_by(udp_orders.c.id).limit(bindparam("limit"))))
    .returning(udp_orders)
)
_SETTLED = (
    select(credential_rotations.c.device)
    .join(operations, operations.c.id == credential_rotations.c.operation)
    .where(operations.c.state == OperationState.SUCCEEDED.value)
    .order_by(credential_rotations.c.device)
    .limit(bindparam("limit"))
)
_IS_OPEN = exists().where(
    operations.c.device == device_credentials.c.device,
    operations.c.kind == bindparam("kind"),
    operations.c.state.in_([state.value for state in DUE_STATES]),
)
_DUE_FOR_ROTATION = (
    select(device_credentials.c.device)
    .where(
        device_credentials.c.kind == CredentialKind.CONNECTION_REQUEST.value,
        device_credentials.c.updated_at < bindparam("before"),
        ~_IS_OPEN,
    )
    .order_by(device_credentials.c.updated_at)
    .limit(bindparam("limit"))
)
_TOUCH = (
    update(device_credentials)
    .where(
        device_credentials.c.device == bindparam("its_device"),
        device_credentials.c.kind == CredentialKind.CONNECTION_REQUEST.value,
    )
    .values(new("updated_at"))
)
_OWNERS = (
    select(device_credentials.c.device)
    .where(
        device_credentials.c.kind == CredentialKind.STUN.value, device_credentials.c.username == bindparam("username")
    )
    .order_by(device_credentials.c.device)
    .limit(4)
)
_MARK = select(lightweight_marks).where(lightweight_marks.c.device == bindparam("device")).with_for_update()
_STATE = select(operations.c.state).where(operations.c.id == bindparam("operation"))


@dataclass(frozen=True, slots=True)
class Try:
    """One try of one method. `wake` names the request that it belongs to, `n` its place in it, from 1.

    `answer` is what came back in the protocol's words, such as "503"; `result` is one of the stable codes.
    """

    device: str
    wake: str
    n: int
    at: datetime
    method: str
    target: str
    result: str
    answer: str
    duration_ms: int
    detail: str


@dataclass(frozen=True, slots=True)
class Binding:
    """Where STUN saw a device. `proved`: it knew the STUN password of the device."""

    device: str
    host: str
    port: int
    proved: bool
    changed_at: datetime
    seen_at: datetime


@dataclass(frozen=True, slots=True)
class Secrets:
    """The new secrets of a rotation; empty where the method is not set."""

    username: str
    secret: str = field(repr=False)
    stun_secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Rotation:
    """Secrets on their way to a device, and the operation that takes them there."""

    device: str
    operation: str
    secrets: Secrets
    started_at: datetime


@dataclass(frozen=True, slots=True)
class Order:
    """A datagram that the owner of the UDP socket shall send."""

    host: str
    port: int
    datagram: bytes
    created_at: datetime


async def add_tries(tx: Transaction, tries: Sequence[Try]) -> None:
    """Store tries, in order.

    Raises:
        InvalidInput: a text is too long.
    """
    for each in tries:
        check_record(each)
    await tx.insert_many(connection_requests, [asdict(each) | {"at": micros(each.at)} for each in tries])


async def list_tries(tx: Transaction, device: str, *, limit: int = 50) -> list[Try]:
    """Return the tries of a device, the newest first."""
    query = (
        select(connection_requests)
        .where(connection_requests.c.device == device)
        .order_by(connection_requests.c.id.desc())
        .limit(limit)
    )
    return [
        Try(r.device, r.wake, r.n, instant(r.at), r.method, r.target, r.result, r.answer, r.duration_ms, r.detail)
        for r in await tx.rows(query)
    ]


async def last_method(tx: Transaction, device: str, results: Sequence[str], since: datetime) -> str | None:
    """Return the method by which the device was last woken since then; None where none was."""
    row = await tx.one(_LAST_METHOD, {"device": device, "results": list(results), "since": micros(since)})
    return None if row is None else str(row.method)


async def prune_tries(tx: Transaction, before: datetime, *, limit: int = 2000) -> int:
    """Forget tries older than that, at most `limit`, and return how many."""
    some = (
        select(connection_requests.c.id)
        .where(connection_requests.c.at < micros(before))
        .order_by(connection_requests.c.id)
        .limit(limit)
    )
    return await tx.run(delete(connection_requests).where(connection_requests.c.id.in_(some)))


async def last_inform(tx: Transaction, device: str) -> datetime | None:
    """Return when the device last informed; None where it is not known."""
    row = await tx.one(_LAST_INFORM, {"key": device})
    return None if row is None else instant(row.last_inform_at)


async def put_bindings(tx: Transaction, found: Sequence[Binding]) -> None:
    """Store bindings, each in place of the device's older one; those of devices that are not known are left out."""
    keys = [each.device for each in found]
    known = {row.key for row in await tx.rows(_KNOWN, {"keys": keys})}
    rows = [
        asdict(each)
        | {"proved": int(each.proved), "changed_at": micros(each.changed_at), "seen_at": micros(each.seen_at)}
        for each in found
        if each.device in known
    ]
    if rows:
        await tx.upsert(stun_bindings, rows, newer="seen_at")


async def get_binding(tx: Transaction, device: str) -> Binding | None:
    """Return where STUN last saw the device, or None."""
    row = await tx.one(_BINDING, {"device": device})
    if row is None:
        return None
    return Binding(row.device, row.host, row.port, bool(row.proved), instant(row.changed_at), instant(row.seen_at))


async def order(tx: Transaction, orders: Sequence[Order]) -> None:
    """Hand datagrams to the process that owns the UDP socket."""
    rows = [asdict(each) | {"created_at": micros(each.created_at)} for each in orders]
    await tx.insert_many(udp_orders, rows)


async def has_orders(tx: Transaction) -> bool:
    """Whether datagrams wait to be sent."""
    return await tx.one(_ANY_ORDER) is not None


async def take_orders(tx: Transaction, *, limit: int = 500) -> list[Order]:
    """Return the oldest datagrams that wait, and remove them: each is given once."""
    taken = await tx.rows(_TAKE_ORDERS, {"limit": limit})
    return [Order(r.host, r.port, bytes(r.datagram), instant(r.created_at)) for r in taken]


async def start_rotation(tx: Transaction, rotation: Rotation) -> None:
    """Keep the new secrets beside the old ones, in place of those of an earlier rotation of the device."""
    sealed = tx.vault.seal(json.dumps(asdict(rotation.secrets)).encode())
    row = {
        "device": rotation.device,
        "operation": rotation.operation,
        "sealed": sealed,
        "started_at": micros(rotation.started_at),
    }
    await tx.upsert(credential_rotations, [row])


async def get_rotation(tx: Transaction, device: str) -> Rotation | None:
    """Return the rotation of a device that is not settled, or None."""
    row = await tx.one(_ROTATION, {"device": device})
    return None if row is None else _rotation(tx, row)


async def candidates(tx: Transaction, device: str, kind: CredentialKind) -> list[Credentials]:
    """Return the credentials that the CPE may have, the likeliest first: after a rotation that succeeded the new ones,
    before it the old ones and then the new."""
    current = await get_credentials(tx, device, kind)
    rotation = await get_rotation(tx, device)
    if rotation is None:
        return [] if current is None else [current]
    secrets = rotation.secrets
    secret = secrets.stun_secret if kind is CredentialKind.STUN else secrets.secret
    state = await _state_of(tx, rotation.operation)
    new = [Credentials(secrets.username, secret)] if secret and state is not OperationState.QUEUED else []
    old = [] if current is None else [current]
    return new + old if state is OperationState.SUCCEEDED else old + new


async def settle_rotation(tx: Transaction, device: str, now: datetime) -> bool:
    """Make the new secrets the device's own where their operation succeeded; False where that is not so.

    Both are kept while it is open or ended in doubt; a new rotation takes the place of one that failed.
    """
    row = await tx.one(_HELD_ROTATION, {"device": device})
    rotation = None if row is None else _rotation(tx, row)
    if rotation is None or await _state_of(tx, rotation.operation) is not OperationState.SUCCEEDED:
        return False
    secrets = rotation.secrets
    new = Credentials(secrets.username, secrets.secret)
    await set_credentials(tx, device, CredentialKind.CONNECTION_REQUEST, new, now)
    if secrets.stun_secret:
        stun = Credentials(secrets.username, secrets.stun_secret)
        await set_credentials(tx, device, CredentialKind.STUN, stun, now)
    await tx.run(delete(credential_rotations).where(credential_rotations.c.device == device))
    return True


async def settled_rotations(tx: Transaction, *, limit: int = 200) -> list[str]:
    """Return devices whose rotation succeeded and was not settled."""
    return [row.device for row in await tx.rows(_SETTLED, {"limit": limit})]


async def due_for_rotation(tx: Transaction, before: datetime, *, kind: str, limit: int) -> list[str]:
    """Return devices whose connection-request password is older than that and that have no open operation `kind`."""
    due = await tx.rows(_DUE_FOR_ROTATION, {"before": micros(before), "kind": kind, "limit": limit})
    return [row.device for row in due]


async def touch_credentials(tx: Transaction, device: str, now: datetime) -> None:
    """Count the age of a device's password from now: its rotation was begun, or failed and shall not repeat at once."""
    await tx.run(_TOUCH, {"its_device": device, "new_updated_at": micros(now)})


async def stun_owners(tx: Transaction, username: str) -> list[tuple[str, Credentials]]:
    """Return (device, credentials) of every device that may use this STUN user name, rotations included."""
    rows = await tx.rows(_OWNERS, {"username": username})
    found: list[tuple[str, Credentials]] = []
    for row in rows:
        found += [(row.device, each) for each in await candidates(tx, row.device, CredentialKind.STUN)]
    return found


async def get_mark(tx: Transaction, device: str) -> tuple[int, list[str]]:
    """Return the newest time of a device's lightweight notifications and the cnonces used at it; 0 where none came."""
    row = await tx.one(_MARK, {"device": device})
    return (0, []) if row is None else (row.ts, json.loads(row.cnonces))


async def put_mark(tx: Transaction, device: str, ts: int, cnonces: Sequence[str]) -> None:
    """Keep the newest time and its cnonces."""
    await tx.upsert(lightweight_marks, [{"device": device, "ts": ts, "cnonces": json.dumps(list(cnonces))}])


async def _state_of(tx: Transaction, operation: str) -> OperationState | None:
    row = await tx.one(_STATE, {"operation": operation})
    return None if row is None else OperationState(row.state)


def _rotation(tx: Transaction, row: Row[Any]) -> Rotation:
    return Rotation(row.device, row.operation, _secrets(tx, row.sealed), instant(row.started_at))


def _secrets(tx: Transaction, sealed: bytes) -> Secrets:
    return Secrets(**json.loads(tx.vault.open(sealed)))
