"""Time series of lines and devices: numbers with their time and source, kept small and for long.

    put ──▶ samples (young, as they came) ──keep──▶ blocks as measured ──▶ per hour ──▶ per day ──▶ gone

Every question looks at both, so nobody needs to know how old a value is. The rule of this file: a value belongs to
the line or the device that it was measured of; the readings of a line are not those of the devices on it.
"""

import asyncio
import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, bindparam, delete, select

from acs.errors import InvalidInput
from acs.store.built import Filtered
from acs.store.instants import instant, micros
from acs.store.limits import check_record
from acs.store.packing import Columns, Point, coarser, merged, pack, unpack, unpack_columns
from acs.store.records import Reading
from acs.store.schema import sample_blocks, samples, series
from acs.store.tracks import CurvePoint, Track, corrected, joined, thinned
from acs.store.tracks import points as points_of
from acs.store.transaction import Transaction

#: Subjects that one query asks for at once.
_CHUNK = 5_000
#: Points of one block.
BLOCK = 512
#: Seconds that one block of values as measured spans at most: when it is old, all of it is.
_SPAN_S = 7 * 86_400
HOUR_S, DAY_S = 3_600, 86_400


class Owner(StrEnum):
    """Of what a series was measured; the value is its column."""

    LINE = "line"
    DEVICE = "device"


def _conditions(of: Owner) -> dict[str, ColumnElement[bool]]:
    subject = series.c[of.value]
    return {
        "subject": subject == bindparam("subject"),
        "subjects": subject.in_(bindparam("subjects", expanding=True)),
        "name": series.c.name == bindparam("name"),
        "names": series.c.name.in_(bindparam("names", expanding=True)),
    }


_WHOSE = {of: (series.c[of.value], series.c.name, series.c.source) for of in Owner}
_NUMBERS = {of: Filtered(select(series.c.id, *_WHOSE[of]), **_conditions(of)) for of in Owner}
_NAMES = {
    of: select(series.c.name).where(series.c[of.value] == bindparam("subject")).distinct().order_by(series.c.name)
    for of in Owner
}


def _values(
    table: Table, told: Sequence[str], since: ColumnElement[int], *within: ColumnElement[bool]
) -> Mapping[Owner, Filtered]:
    """For each kind of owner: what a table of values tells of its series, in the order of time."""
    columns = [table.c[name] for name in told]
    return {
        of: Filtered(
            select(*_WHOSE[of], *columns).join(table, table.c.series == series.c.id).where(*within).order_by(since),
            **_conditions(of),
        )
        for of in Owner
    }


_PACKED = _values(
    sample_blocks,
    ("points", "body"),
    sample_blocks.c.start_at,
    sample_blocks.c.end_at >= bindparam("start"),
    sample_blocks.c.start_at < bindparam("end"),
)
_YOUNG = _values(
    samples, ("at", "value"), samples.c.at, samples.c.at >= bindparam("start"), samples.c.at < bindparam("end")
)


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long values stay as they were measured, then per hour, then per day; the last is how long they stay at all.

    `young_h` are the hours for which they stay rows of their own.
    """

    young_h: float = 24
    raw_d: float = 14
    hourly_d: float = 100
    keep_d: float = 730


@dataclass(frozen=True, slots=True)
class Curve:
    """What one source measured of one fact, oldest first."""

    name: str
    source: str
    points: tuple[CurvePoint, ...]


async def put(tx: Transaction, many: Sequence[Reading], *, of: Owner = Owner.LINE) -> int:
    """Store readings; one for the same subject, name, instant and source replaces the earlier.

    The lines or devices must exist.

    Raises:
        InvalidInput: a text is too long, or a value is not finite.
    """
    for reading in many:
        _check(reading)
    numbers = await _numbers(tx, many, of)
    rows = [
        {
            "series": numbers[reading.subject, reading.name, reading.source],
            "at": micros(reading.at),
            "value": float(reading.value),
        }
        for reading in many
    ]
    return await tx.upsert(samples, rows)


async def readings(
    tx: Transaction, subject: str, name: str, since: datetime, until: datetime, *, of: Owner = Owner.LINE
) -> list[Reading]:
    """Return the readings of one name from `since` until before `until`, oldest first; of old ones the means."""
    found = [
        Reading(subject, name, point.value, point.at, curve.source)
        for curve in await curves(tx, subject, since, until, name=name, of=of)
        for point in curve.points
    ]
    return sorted(found, key=lambda reading: (reading.at, reading.source))


async def points(
    tx: Transaction,
    subjects: Sequence[str],
    name: str,
    since: datetime | None = None,
    until: datetime | None = None,
    *,
    of: Owner = Owner.LINE,
) -> dict[str, list[tuple[datetime, float]]]:
    """Return subject → its points of one name, of all sources, oldest first; subjects without are absent."""
    found: defaultdict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for start in range(0, len(subjects), _CHUNK):
        wanted = {"subjects": subjects[start : start + _CHUNK], "name": name}
        for (subject, _, _), track in (await _read(tx, of, wanted, since, until)).items():
            found[subject] += zip(map(instant, track.at), track.values, strict=True)
    return {subject: sorted(each) for subject, each in sorted(found.items())}


async def curves(
    tx: Transaction,
    subject: str,
    since: datetime,
    until: datetime,
    *,
    name: str | None = None,
    of: Owner = Owner.LINE,
    most: int | None = None,
) -> list[Curve]:
    """Return what each source measured from `since` until before `until`, by name and source; one name, or all.

    `most`: points of one curve, neighbours become one; None: all that there are.
    """
    found = await _read(tx, of, {"subject": subject, "name": name}, since, until)
    return [
        Curve(name_, source, points_of(track if most is None else thinned(track, most)))
        for (_, name_, source), track in sorted(found.items())
    ]


async def medians(
    tx: Transaction, subjects: Sequence[str], name: str, since: datetime, until: datetime, *, of: Owner = Owner.LINE
) -> dict[str, float]:
    """Return subject → median of its points of one name from `since` until before `until`; those without are absent."""
    found = await points(tx, subjects, name, since, until, of=of)
    return {subject: statistics.median(value for _, value in each) for subject, each in found.items()}


async def names(tx: Transaction, subject: str, *, of: Owner = Owner.LINE) -> list[str]:
    """Return the names of which there are readings, sorted."""
    return [row.name for row in await tx.rows(_NAMES[of], {"subject": subject})]


async def keep(tx: Transaction, now: datetime, keeping: Keeping, *, after: int, limit: int = 20) -> int | None:
    """Pack, thin out and forget what the next series after a number have; the last number looked at, None at the end.

    A bite is small, because on SQLite nobody else writes meanwhile.
    """
    query = select(series.c.id).where(series.c.id > after).order_by(series.c.id).limit(limit).with_for_update()
    ids = [row.id for row in await tx.rows(query)]
    if not ids:
        return None
    await _pack_young(tx, ids, micros(now - timedelta(hours=keeping.young_h)))
    for step_s, into_s, days in ((0, HOUR_S, keeping.raw_d), (HOUR_S, DAY_S, keeping.hourly_d)):
        await _thin_out(tx, ids, step_s, into_s, micros(now - timedelta(days=days)))
    too_old = sample_blocks.c.end_at < micros(now - timedelta(days=keeping.keep_d))
    await tx.run(delete(sample_blocks).where(sample_blocks.c.series.in_(ids), too_old))
    await _forget_empty(tx, ids)
    return int(ids[-1])


async def _numbers(tx: Transaction, many: Sequence[Reading], of: Owner) -> dict[tuple[str, str, str], int]:
    """(subject, name, source) → number of the series, made where it is new."""
    wanted = {(reading.subject, reading.name, reading.source) for reading in many}
    known = await _known(tx, wanted, of)
    missing = sorted(wanted - known.keys())
    if missing:
        other = {owner.value: None for owner in Owner if owner is not of}
        rows = [{of.value: subject, "name": name, "source": source, **other} for subject, name, source in missing]
        await tx.insert_many(series, rows)
        known |= await _known(tx, set(missing), of)
    return known


async def _known(tx: Transaction, wanted: set[tuple[str, str, str]], of: Owner) -> dict[tuple[str, str, str], int]:
    known: dict[tuple[str, str, str], int] = {}
    subjects = sorted({subject for subject, _, _ in wanted})
    # what one subject has is read whole: to name what is wanted would cost more than the rows left out
    called = sorted({name for _, name, _ in wanted}) if len(subjects) > 1 else None
    for start in range(0, len(subjects), _CHUNK):
        query = _NUMBERS[of].given(subjects=subjects[start : start + _CHUNK], names=called)
        rows: Sequence[Any] = await tx.rows(*query)
        known |= {(subject, name, source): number for number, subject, name, source in rows}
    return {key: number for key, number in known.items() if key in wanted}


async def _read(
    tx: Transaction, of: Owner, wanted: Mapping[str, object], since: datetime | None, until: datetime | None
) -> dict[tuple[str, str, str], Track]:
    """(subject, name, source) → points in the order of time, packed and young; of a subject or subjects, and a name."""
    start, end = -(2**62) if since is None else micros(since), 2**62 if until is None else micros(until)
    packed: defaultdict[tuple[str, str, str], list[Columns]] = defaultdict(list)
    rows: Sequence[Any] = await tx.rows(*_PACKED[of].given(start=start, end=end, **wanted))
    for subject, name, source, count, body in rows:
        packed[subject, name, source].append(unpack_columns(body, count))
    fresh: defaultdict[tuple[str, str, str], list[tuple[int, float]]] = defaultdict(list)
    fresh_rows: Sequence[Any] = await tx.rows(*_YOUNG[of].given(start=start, end=end, **wanted))
    for subject, name, source, at, value in fresh_rows:
        fresh[subject, name, source].append((at, value))
    found = {key: joined(each, start, end) for key, each in packed.items()}
    for key, each in fresh.items():
        found[key] = corrected(found.get(key) or joined((), start, end), each)
    return {key: track for key, track in found.items() if track.at}


async def _pack_young(tx: Transaction, ids: Sequence[int], before: int) -> None:
    query = select(samples).where(samples.c.series.in_(ids), samples.c.at < before)
    due: defaultdict[int, list[tuple[int, float]]] = defaultdict(list)
    for row in await tx.rows(query.order_by(samples.c.series, samples.c.at)):
        due[row.series].append((row.at, row.value))
    for number, found in due.items():
        fresh: list[Point] = [(at // 1_000_000, value, value, value, 1) for at, value in found]
        await _fold(tx, number, 0, fresh)
        for start in range(0, len(found), _CHUNK):
            some = [at for at, _ in found[start : start + _CHUNK]]
            await tx.run(delete(samples).where(samples.c.series == number, samples.c.at.in_(some)))
        await asyncio.sleep(0)


async def _thin_out(tx: Transaction, ids: Sequence[int], step_s: int, into_s: int, before: int) -> None:
    c = sample_blocks.c
    due: defaultdict[int, list[Point]] = defaultdict(list)
    old = and_(c.series.in_(ids), c.step_s == step_s, c.end_at < before)
    for row in await tx.rows(select(sample_blocks).where(old).order_by(c.series, c.start_at)):
        due[row.series] += unpack(row.body, row.points)
    for number, found in due.items():
        await tx.run(delete(sample_blocks).where(old, c.series == number))
        await _fold(tx, number, into_s, coarser(sorted(found), into_s))
        await asyncio.sleep(0)


async def _fold(tx: Transaction, number: int, step_s: int, fresh: Sequence[Point]) -> None:
    """Lay points into the blocks of a series that they touch, and into the last one."""
    c = sample_blocks.c
    first, last = fresh[0][0] * 1_000_000, fresh[-1][0] * 1_000_000
    mine = and_(c.series == number, c.step_s == step_s)
    touched = and_(mine, c.end_at >= first - _SPAN_S * 1_000_000, c.start_at <= last)
    former: list[Point] = []
    for row in await tx.rows(select(sample_blocks).where(touched).order_by(c.start_at)):
        former += unpack(row.body, row.points)
    together = coarser(sorted([*former, *fresh]), step_s) if step_s else merged(former, fresh)
    await tx.run(delete(sample_blocks).where(touched))
    await tx.insert_many(sample_blocks, [_block(number, step_s, part) for part in _parts(together, step_s)])


def _parts(found: Sequence[Point], step_s: int) -> list[list[Point]]:
    """The points of each block: few enough, and as measured of one week."""
    parts: list[list[Point]] = []
    for point in found:
        here = parts[-1] if parts else None
        if here is None or len(here) >= BLOCK or (not step_s and here[0][0] // _SPAN_S != point[0] // _SPAN_S):
            parts.append([point])
        else:
            here.append(point)
    return parts


def _block(number: int, step_s: int, part: Sequence[Point]) -> dict[str, object]:
    return {
        "series": number,
        "step_s": step_s,
        "start_at": part[0][0] * 1_000_000,
        "end_at": (part[-1][0] + step_s) * 1_000_000,
        "points": len(part),
        "body": pack(part),
    }


async def _forget_empty(tx: Transaction, ids: Sequence[int]) -> None:
    """A series without any value left is no series."""
    kept = {row.series for row in await tx.rows(select(samples.c.series).where(samples.c.series.in_(ids)).distinct())}
    blocks = select(sample_blocks.c.series).where(sample_blocks.c.series.in_(ids)).distinct()
    kept |= {row.series for row in await tx.rows(blocks)}
    empty = [number for number in ids if number not in kept]
    if empty:
        await tx.run(delete(series).where(series.c.id.in_(empty)))


def _check(reading: Reading) -> None:
    check_record(reading)
    if not math.isfinite(reading.value):
        raise InvalidInput(f"reading {reading.name} of {reading.subject}: {reading.value} is not a finite number")
