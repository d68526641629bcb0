"""What of the fleet somebody should look at: counts per minute, changes of firmware, addresses of management.

The rule of this file: each process writes rows of its own; only whoever judges adds them up.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BindParameter, and_, bindparam, delete, distinct, func, select, update

from acs.store.instants import instant, micros, micros_or_none
from acs.store.limits import check_text
from acs.store.schema import devices, line_troubles, management_urls, security_counts, software_changes
from acs.store.transaction import Transaction

_SINCE: BindParameter[int] = bindparam("since")
_BEFORE: BindParameter[int] = bindparam("until")
_count, _change, _url = security_counts.c, software_changes.c, management_urls.c

_IN_WINDOW = select(security_counts.c["count"].label("n"), _count.detail).where(
    _count.kind == bindparam("kind"), _count.at >= _SINCE, _count.at < _BEFORE
)
_TOTAL = select(func.sum(security_counts.c["count"]).label("n")).where(
    _count.kind == bindparam("kind"), _count.at >= _SINCE, _count.at < _BEFORE
)
_OLD_COUNTS = delete(security_counts).where(_count.at < _BEFORE)
_OLD_CHANGES = delete(software_changes).where(_change.at < _BEFORE)
_CHANGED = (
    select(_change.model, _change.after, func.count(distinct(_change.device)).label("n"))
    .where(_change.at >= _SINCE, _change.ours == 0)
    .group_by(_change.model, _change.after)
    .having(func.count(distinct(_change.device)) >= bindparam("least"))
    .order_by(func.count(distinct(_change.device)).desc(), _change.model, _change.after)
    .limit(bindparam("limit"))
)
_CHANGED_TO = select(func.count(distinct(_change.device)).label("n")).where(
    _change.model == bindparam("model"), _change.after == bindparam("version"), _change.ours == 0, _change.at >= _SINCE
)
_EXAMPLES = (
    select(_change.device, _change.before)
    .where(
        _change.model == bindparam("model"),
        _change.after == bindparam("version"),
        _change.ours == 0,
        _change.at >= _SINCE,
    )
    .order_by(_change.at, _change.device)
    .limit(bindparam("limit"))
)
_BROUGHT = select(func.count().label("n")).where(
    _change.model == bindparam("model"), _change.after == bindparam("version"), _change.ours == 1
)
_OF_MODEL = select(func.count().label("n")).where(
    devices.c.manufacturer == bindparam("manufacturer"), devices.c.product_class == bindparam("product_class")
)
_KNOWN_URLS = select(management_urls).where(_url.device.in_(bindparam("devices", expanding=True)))
_ELSEWHERE = (
    select(_url.url, func.count().label("n"), func.min(_url.changed_at).label("first"))
    .where(_url.changed_at.is_not(None))
    .group_by(_url.url)
    .order_by(func.count().desc(), _url.url)
)
_WHO_CHANGED = select(_url.device).where(_url.changed_at.is_not(None)).order_by(_url.changed_at, _url.device).limit(10)
_ACCEPT = (
    update(management_urls)
    .where(_url.changed_at.is_not(None), _url.changed_at <= bindparam("upto"))
    .values(changed_at=None, before="")
)
_SILENT = (
    select(func.count(distinct(line_troubles.c.line)).label("n"), func.min(line_troubles.c.at).label("first"))
    .where(line_troubles.c.witness == "silent", line_troubles.c.at >= _SINCE)
)  # fmt: skip
_HEARD = select(func.count(distinct(devices.c.line)).label("n")).where(
    and_(devices.c.line.is_not(None), devices.c.last_inform_at >= _SINCE)
)


@dataclass(frozen=True, slots=True)
class Minute:
    """What one process counted of a kind in the minute from `at`; `addresses`: those that most came from."""

    kind: str
    at: datetime
    source: str
    count: int
    addresses: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class SoftwareChange:
    """A device that came with another firmware than before. `ours`: a download of ours brought it."""

    device: str
    at: datetime
    model: str
    before: str
    after: str
    ours: bool


@dataclass(frozen=True, slots=True)
class ManagementUrl:
    """What a device tells as its ManagementServer.URL; `before` where it is another since `changed_at`."""

    device: str
    url: str
    before: str = ""
    changed_at: datetime | None = None


async def put_minutes(tx: Transaction, minutes: Sequence[Minute]) -> None:
    """Keep counts in place of what this process kept of the same minutes."""
    rows = [
        {
            "kind": each.kind,
            "at": micros(each.at),
            "source": each.source,
            "count": each.count,
            "detail": json.dumps(dict(each.addresses)),
        }
        for each in minutes
    ]
    await tx.upsert(security_counts, rows)


async def counted(tx: Transaction, kind: str, since: datetime, until: datetime) -> tuple[int, Counter[str]]:
    """How much of a kind all processes counted, and from which addresses."""
    rows = await tx.rows(_IN_WINDOW, {"kind": kind, "since": micros(since), "until": micros(until)})
    addresses: Counter[str] = Counter()
    for row in rows:
        addresses.update(json.loads(row.detail))
    return sum(row.n for row in rows), addresses


async def total(tx: Transaction, kind: str, since: datetime, until: datetime) -> int:
    """How much of a kind all processes counted."""
    row = await tx.one(_TOTAL, {"kind": kind, "since": micros(since), "until": micros(until)})
    return int(row.n) if row is not None and row.n is not None else 0


async def add_changes(tx: Transaction, changes: Sequence[SoftwareChange]) -> None:
    """Keep changes of firmware.

    Raises:
        InvalidInput: a text is too long.
    """
    rows = [
        {
            "device": each.device,
            "at": micros(each.at),
            "model": check_text("model", each.model),
            "before": each.before,
            "after": each.after,
            "ours": int(each.ours),
        }
        for each in changes
    ]
    await tx.insert_many(software_changes, rows)


async def changed_alone(tx: Transaction, since: datetime, least: int, limit: int) -> list[tuple[str, str, int]]:
    """(model, firmware, devices) of changes that no download of ours brought, the greatest first."""
    rows = await tx.rows(_CHANGED, {"since": micros(since), "least": least, "limit": limit})
    return [(row.model, row.after, row.n) for row in rows]


async def changed_to(tx: Transaction, model: str, version: str, since: datetime) -> int:
    """How many devices of a model changed to a firmware by themselves."""
    row = await tx.one(_CHANGED_TO, {"model": model, "version": version, "since": micros(since)})
    return 0 if row is None else int(row.n)


async def examples(tx: Transaction, model: str, version: str, since: datetime, limit: int) -> list[tuple[str, str]]:
    """(device, firmware before) of the first that changed."""
    values = {"model": model, "version": version, "since": micros(since), "limit": limit}
    return [(row.device, row.before) for row in await tx.rows(_EXAMPLES, values)]


async def was_brought(tx: Transaction, model: str, version: str) -> bool:
    """Whether a download of ours brought the firmware to any device of the model."""
    row = await tx.one(_BROUGHT, {"model": model, "version": version})
    return row is not None and row.n > 0


async def devices_of(tx: Transaction, manufacturer: str, product_class: str) -> int:
    """How many devices of a model are known. Reads the whole table."""
    row = await tx.one(_OF_MODEL, {"manufacturer": manufacturer, "product_class": product_class})
    return 0 if row is None else int(row.n)


async def known_urls(tx: Transaction, keys: Sequence[str]) -> dict[str, ManagementUrl]:
    """Device → what it told as its ManagementServer.URL."""
    rows = await tx.rows(_KNOWN_URLS, {"devices": list(keys)})
    return {
        row.device: ManagementUrl(
            row.device, row.url, row.before, None if row.changed_at is None else instant(row.changed_at)
        )
        for row in rows
    }


async def put_urls(tx: Transaction, told: Sequence[ManagementUrl]) -> None:
    """Keep what devices tell as their ManagementServer.URL.

    Raises:
        InvalidInput: an address is too long.
    """
    rows = [
        {
            "device": each.device,
            "url": check_text("url", each.url),
            "before": each.before,
            "changed_at": micros_or_none(each.changed_at),
        }
        for each in told
    ]
    await tx.upsert(management_urls, rows)


async def elsewhere(tx: Transaction) -> list[tuple[str, int, datetime]]:
    """(address, devices, since) of addresses that devices changed to and nobody accepted, the most used first."""
    return [(row.url, row.n, instant(row.first)) for row in await tx.rows(_ELSEWHERE)]


async def who_changed(tx: Transaction) -> list[str]:
    """Ten devices that changed their address, the first first."""
    return [row.device for row in await tx.rows(_WHO_CHANGED)]


async def accept_urls(tx: Transaction, upto: datetime) -> int:
    """Take the addresses that devices changed to until then for theirs; how many."""
    return await tx.run(_ACCEPT, {"upto": micros(upto)})


async def silent_lines(tx: Transaction, since: datetime) -> tuple[int, datetime | None]:
    """How many lines fell silent since then and still are, and when the first did."""
    row = await tx.one(_SILENT, {"since": micros(since)})
    if row is None or not row.n:
        return 0, None
    return int(row.n), instant(row.first)


async def heard_lines(tx: Transaction, since: datetime) -> int:
    """How many lines have a device that was heard since then. Reads the whole table of devices."""
    row = await tx.one(_HEARD, {"since": micros(since)})
    return 0 if row is None else int(row.n)


async def prune(tx: Transaction, counts_before: datetime, changes_before: datetime) -> None:
    """Forget old counts and old changes of firmware."""
    await tx.run(_OLD_COUNTS, {"until": micros(counts_before)})
    await tx.run(_OLD_CHANGES, {"until": micros(changes_before)})
