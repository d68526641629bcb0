"""What access nodes tell: alarms, rounds, endpoints, disagreements."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from acs.store import lines as line_store
from acs.store.built import Filtered, new
from acs.store.instants import instant, micros, micros_or_none
from acs.store.limits import check_record
from acs.store.records import LineRecord
from acs.store.schema import access_alarms, lines, node_disagreements, node_endpoints, node_polls
from acs.store.transaction import Transaction

#: How many ids one query asks for at once.
_CHUNK = 5000
_AGAIN = update(access_alarms).where(access_alarms.c.id == bindparam("its_id")).values(new("last_at", "count"))
_WANTED = {
    "node": access_alarms.c.node == bindparam("node"),
    "line": access_alarms.c.line == bindparam("line"),
    "kind": access_alarms.c.kind == bindparam("kind"),
    "since": access_alarms.c.last_at >= bindparam("since"),
    "after": access_alarms.c.id > bindparam("after"),
}
_ALARMS = select(access_alarms).limit(bindparam("limit"))
_YOUNGEST = Filtered(_ALARMS.order_by(access_alarms.c.id.desc()), **_WANTED)
_LATER = Filtered(_ALARMS.order_by(access_alarms.c.id), **_WANTED)
_POLLS = select(node_polls).order_by(node_polls.c.node)
_ENDPOINTS = Filtered(
    select(node_endpoints)
    .where(node_endpoints.c.node == bindparam("node"))
    .order_by(node_endpoints.c.kind, node_endpoints.c.key),
    kind=node_endpoints.c.kind == bindparam("kind"),
)
_SEEN = (
    select(node_endpoints)
    .where(node_endpoints.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(node_endpoints.c.seen_at.desc())
)


@dataclass(frozen=True, slots=True)
class AccessAlarm:
    """One alarm of an access node; the same one again within a while is counted on it.

    `place` names where in the node: `0/1/3`, `0/1/3 ont 5`, `if 17`; empty is the node itself. `clears` is true for
    the end of a trouble (an ONT or a port that is back).
    """

    node: str
    address: str
    kind: str
    at: datetime
    last_at: datetime
    place: str = ""
    clears: bool = False
    frame: int | None = None
    slot: int | None = None
    port: int | None = None
    ont: int | None = None
    if_index: int | None = None
    serial: str = ""
    line: str | None = None
    trap: str = ""
    detail: str = ""
    count: int = 1
    id: int = 0


@dataclass(frozen=True, slots=True)
class NodePoll:
    """The last round over a node. `endpoints` is that of the last round that was not dropped."""

    node: str
    polled_at: datetime
    next_at: datetime
    endpoints: int = 0
    online: int = 0
    #: questions that the round sent
    asked: int = 0
    complete: bool = True
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What was seen at a place of a node: an ONT by its serial (`kind` ont), or a MAC behind a port (`mac`)."""

    node: str
    kind: str
    key: str
    seen_at: datetime
    frame: int | None = None
    slot: int | None = None
    port: int | None = None
    ont: int | None = None
    state: str = ""
    line: str | None = None
    last_down_at: datetime | None = None
    first_seen_at: datetime | None = None
    #: why it fell last, in the words of the fact `ont.last_down_cause`
    down_cause: str | None = None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Something that the node shows and the inventory says otherwise; `subject` is a line or a serial."""

    node: str
    kind: str
    subject: str
    seen_at: datetime
    line: str | None = None
    detail: str = ""
    since_at: datetime | None = None


async def add_alarms(tx: Transaction, alarms: Sequence[AccessAlarm]) -> list[AccessAlarm]:
    """Store new alarms and return them with their ids, in order."""
    if not alarms:
        return []
    for alarm in alarms:
        check_record(alarm)
    ids = await _added(tx, [_stored_alarm(alarm) for alarm in alarms])
    return [replace(alarm, id=number) for alarm, number in zip(alarms, ids, strict=True)]


async def count_again(tx: Transaction, alarm_id: int, last_at: datetime, count: int) -> None:
    """The same alarm came again."""
    await tx.run(_AGAIN, {"its_id": alarm_id, "new_last_at": micros(last_at), "new_count": count})


async def alarm(tx: Transaction, alarm_id: int) -> AccessAlarm | None:
    """One alarm, or None."""
    row = await tx.one(select(access_alarms).where(access_alarms.c.id == alarm_id))
    return None if row is None else _alarm(row)


async def list_alarms(
    tx: Transaction,
    *,
    node: str | None = None,
    line: str | None = None,
    kind: str | None = None,
    since: datetime | None = None,
    after: int | None = None,
    limit: int = 100,
) -> list[AccessAlarm]:
    """Alarms, the youngest first; with `after`, the ones that came later than that id, oldest first."""
    alarms = _YOUNGEST if after is None else _LATER
    query = alarms.given(limit=limit, node=node, line=line, kind=kind, since=micros_or_none(since), after=after)
    return [_alarm(row) for row in await tx.rows(*query)]


async def prune_alarms(tx: Transaction, before: datetime, limit: int = 5_000) -> int:
    """Delete alarms that did not come again since an instant, at most `limit`; returns how many."""
    old = select(access_alarms.c.id).where(access_alarms.c.last_at < micros(before)).limit(limit)
    return await tx.run(delete(access_alarms).where(access_alarms.c.id.in_(old)))


async def put_poll(tx: Transaction, poll: NodePoll) -> None:
    """Store the last round over a node."""
    check_record(poll)
    row = {
        "node": poll.node,
        "polled_at": micros(poll.polled_at),
        "next_at": micros(poll.next_at),
        "endpoints": poll.endpoints,
        "online": poll.online,
        "asked": poll.asked,
        "complete": int(poll.complete),
        "problem": poll.problem,
    }
    await tx.upsert(node_polls, [row])


async def polls(tx: Transaction) -> dict[str, NodePoll]:
    """Node → its last round."""
    return {
        row.node: NodePoll(
            row.node,
            instant(row.polled_at),
            instant(row.next_at),
            row.endpoints,
            row.online,
            row.asked,
            bool(row.complete),
            row.problem,
        )
        for row in await tx.rows(_POLLS)
    }


async def put_endpoints(tx: Transaction, endpoints: Sequence[Endpoint]) -> int:
    """Store endpoints; one that is known keeps when it was first seen."""
    for endpoint in endpoints:
        check_record(endpoint)
    rows = [
        {
            "node": one.node,
            "kind": one.kind,
            "key": one.key,
            "frame": one.frame,
            "slot": one.slot,
            "port": one.port,
            "ont": one.ont,
            "state": one.state,
            "line": one.line,
            "last_down_at": None if one.last_down_at is None else micros(one.last_down_at),
            "first_seen_at": micros(one.first_seen_at or one.seen_at),
            "seen_at": micros(one.seen_at),
            "down_cause": one.down_cause,
        }
        for one in endpoints
    ]
    return await tx.upsert(node_endpoints, rows, keep=("first_seen_at",))


async def endpoints_of(tx: Transaction, node: str, kind: str | None = None) -> list[Endpoint]:
    """The endpoints that were seen at a node."""
    return [_endpoint(row) for row in await tx.rows(*_ENDPOINTS.given(node=node, kind=kind))]


async def find_endpoints(tx: Transaction, keys: Sequence[str]) -> list[Endpoint]:
    """Where one of these serials or MACs was seen, the latest first."""
    return [_endpoint(row) for row in await tx.rows(_SEEN, {"keys": list(keys)})]


async def forget_endpoints(tx: Transaction, node: str, kind: str, before: datetime) -> int:
    """Forget what was not seen at a node since an instant."""
    return await tx.run(
        delete(node_endpoints).where(
            node_endpoints.c.node == node,
            node_endpoints.c.kind == kind,
            node_endpoints.c.seen_at < micros(before),
        )
    )


async def replace_disagreements(tx: Transaction, node: str, found: Sequence[Disagreement]) -> None:
    """What disagrees at a node now; what was known before keeps its beginning, what is not found any more goes."""
    for one in found:
        check_record(one)
    rows = [
        {
            "node": one.node,
            "kind": one.kind,
            "subject": one.subject,
            "line": one.line,
            "detail": one.detail,
            "since_at": micros(one.since_at or one.seen_at),
            "seen_at": micros(one.seen_at),
        }
        for one in found
    ]
    if rows:
        await tx.upsert(node_disagreements, rows, keep=("since_at",))
    keep = {(one.kind, one.subject) for one in found}
    for row in await tx.rows(select(node_disagreements).where(node_disagreements.c.node == node)):
        if (row.kind, row.subject) not in keep:
            await tx.run(
                delete(node_disagreements).where(
                    node_disagreements.c.node == node,
                    node_disagreements.c.kind == row.kind,
                    node_disagreements.c.subject == row.subject,
                )
            )


async def disagreements(tx: Transaction, node: str | None = None) -> list[Disagreement]:
    """What disagrees, by node."""
    query = select(node_disagreements)
    if node is not None:
        query = query.where(node_disagreements.c.node == node)
    order = (node_disagreements.c.node, node_disagreements.c.kind, node_disagreements.c.subject)
    return [
        Disagreement(row.node, row.kind, row.subject, instant(row.seen_at), row.line, row.detail, instant(row.since_at))
        for row in await tx.rows(query.order_by(*order))
    ]


async def lines_by_gpon_serial(tx: Transaction, serials: Sequence[str]) -> dict[str, LineRecord]:
    """Serial as it was asked for → the line of the inventory that names it, on whatever node."""
    found: dict[str, LineRecord] = {}
    for start in range(0, len(serials), _CHUNK):
        some = list(serials[start : start + _CHUNK])
        rows = await tx.rows(select(lines.c.id, lines.c.gpon_serial).where(lines.c.gpon_serial.in_(some)))
        records = await line_store.get_many(tx, [row.id for row in rows])
        found |= {row.gpon_serial: records[row.id] for row in rows if row.id in records}
    return found


def _stored_alarm(alarm: AccessAlarm) -> dict[str, object]:
    return {
        "at": micros(alarm.at),
        "last_at": micros(alarm.last_at),
        "count": alarm.count,
        "node": alarm.node,
        "address": alarm.address,
        "kind": alarm.kind,
        "clears": int(alarm.clears),
        "place": alarm.place,
        "frame": alarm.frame,
        "slot": alarm.slot,
        "port": alarm.port,
        "ont": alarm.ont,
        "if_index": alarm.if_index,
        "serial": alarm.serial,
        "line": alarm.line,
        "trap": alarm.trap,
        "detail": alarm.detail,
    }


async def _added(tx: Transaction, rows: Sequence[dict[str, object]]) -> list[int]:
    """The ids of new alarms, in order. On SQLite we are the only writer: its quick way, and the ids that followed."""
    if tx.connection.dialect.name != "sqlite":
        statement = access_alarms.insert().returning(access_alarms.c.id, sort_by_parameter_order=True)
        return [row.id for row in (await tx.connection.execute(statement, list(rows))).all()]
    newest = select(func.coalesce(func.max(access_alarms.c.id), 0).label("id"))
    before = await tx.one(newest)
    await tx.connection.execute(access_alarms.insert(), list(rows))
    after = select(access_alarms.c.id).where(access_alarms.c.id > (before.id if before is not None else 0))
    return [row.id for row in await tx.rows(after.order_by(access_alarms.c.id))]


def _alarm(row: Row[Any]) -> AccessAlarm:
    return AccessAlarm(
        row.node,
        row.address,
        row.kind,
        instant(row.at),
        instant(row.last_at),
        row.place,
        bool(row.clears),
        row.frame,
        row.slot,
        row.port,
        row.ont,
        row.if_index,
        row.serial,
        row.line,
        row.trap,
        row.detail,
        row._mapping["count"],
        row.id,
    )


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        row.node,
        row.kind,
        row.key,
        instant(row.seen_at),
        row.frame,
        row.slot,
        row.port,
        row.ont,
        row.state,
        row.line,
        None if row.last_down_at is None else instant(row.last_down_at),
        instant(row.first_seen_at),
        row.down_cause,
    )
