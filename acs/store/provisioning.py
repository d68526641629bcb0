"""Tags of devices, what was provisioned, and the rules that a device refuses."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, or_, select, update

from acs.errors import no_device
from acs.store.instants import instant, instant_or_none, micros, micros_or_none
from acs.store.limits import check_record, check_text, json_text
from acs.store.schema import device_quarantine, device_tags, devices, provision_refusals, provision_states
from acs.store.search import note
from acs.store.transaction import Transaction

#: How many keys one query asks for at once.
_CHUNK = 5000
_DEVICE = select(devices.c.key).where(devices.c.key == bindparam("key"))
_TAGS_OF = select(device_tags.c.device, device_tags.c.tag).where(
    device_tags.c.device.in_(bindparam("keys", expanding=True))
)
_STATE = select(provision_states).where(provision_states.c.device == bindparam("device"))
_REFUSALS_OF = (
    select(provision_refusals)
    .where(provision_refusals.c.device.in_(bindparam("keys", expanding=True)))
    .order_by(provision_refusals.c.device, provision_refusals.c.rule)
)


@dataclass(frozen=True, slots=True)
class ProvisionState:
    """What a device was last given. `wanted` is a digest; `secrets`: parameter → keyed digest of the secret."""

    device: str
    wanted: str
    updated_at: datetime
    operation: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleRefusal:
    """A rule that a device refused `refusals` times; with `stopped_at` it is not tried any more."""

    device: str
    rule: str
    digest: str
    refusals: int
    reason: str
    updated_at: datetime
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """What rules look at, of one device; `wanted` and `updated_at` are None where it was never provisioned."""

    key: str
    oui: str
    manufacturer: str
    product_class: str
    serial_number: str
    root: str
    software_version: str
    hardware_version: str
    line: str | None
    wanted: str | None = None
    updated_at: datetime | None = None


_CANDIDATE = (
    "key", "oui", "manufacturer", "product_class", "serial_number", "root", "software_version", "hardware_version",
    "line",
)  # fmt: skip


async def add_tags(tx: Transaction, device: str, tags: Collection[str], now: datetime) -> list[str]:
    """Give a device tags and return those that are new.

    Raises:
        NotFound: the device is not known.
        InvalidInput: a tag is too long.
    """
    if await tx.one(_DEVICE, {"key": device}) is None:
        raise no_device(device)
    added = []
    for tag in sorted(set(tags)):
        check_text("tag", tag, 64)
        if await tx.insert(device_tags, {"device": device, "tag": tag, "since": micros(now)}):
            added.append(tag)
    if added:
        await note(tx, devices=[device])
    return added


async def remove_tags(tx: Transaction, device: str, tags: Collection[str]) -> int:
    """Take tags from a device and return how many it had."""
    statement = delete(device_tags).where(device_tags.c.device == device, device_tags.c.tag.in_(sorted(set(tags))))
    await note(tx, devices=[device])
    return await tx.run(statement)


async def tags_of(tx: Transaction, keys: Sequence[str]) -> dict[str, frozenset[str]]:
    """Return key → tags; devices without one are absent."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(keys), _CHUNK):
        for row in await tx.rows(_TAGS_OF, {"keys": list(keys[start : start + _CHUNK])}):
            found.setdefault(row.device, set()).add(row.tag)
    return {key: frozenset(tags) for key, tags in found.items()}


async def tag_counts(tx: Transaction) -> dict[str, int]:
    """Return tag → how many devices have it, by tag."""
    query = select(device_tags.c.tag, func.count().label("devices")).group_by(device_tags.c.tag)
    return {row.tag: row.devices for row in await tx.rows(query.order_by(device_tags.c.tag))}


async def candidates(
    tx: Transaction,
    *,
    after: str = "",
    limit: int = 1000,
    keys: Sequence[str] | None = None,
    here_since: datetime | None = None,
) -> list[Candidate]:
    """Return devices by key, as rules look at them; `after` is the last key of the page before.

    Devices that were given nothing yet and came after `here_since` are left out: the session that they are in does it.

    Devices in quarantine, of which nothing may be asked, only where `keys` names them.
    """
    query = (
        select(*(devices.c[name] for name in _CANDIDATE), provision_states.c.wanted, provision_states.c.updated_at)
        .select_from(devices.outerjoin(provision_states, provision_states.c.device == devices.c.key))
        .where(devices.c.key > after)
        .order_by(devices.c.key)
        .limit(limit)
    )
    if here_since is not None:
        query = query.where(or_(provision_states.c.device.is_not(None), devices.c.last_inform_at < micros(here_since)))
    if keys is None:
        query = query.where(devices.c.key.not_in(select(device_quarantine.c.device)))
    else:
        query = query.where(devices.c.key.in_(list(keys)))
    return [_candidate(row) for row in await tx.rows(query)]


async def state_of(tx: Transaction, device: str) -> ProvisionState | None:
    """Return what the device was last given, or None."""
    row = await tx.one(_STATE, {"device": device})
    if row is None:
        return None
    return ProvisionState(device, row.wanted, instant(row.updated_at), row.operation, json.loads(row.secrets))


async def put_state(tx: Transaction, state: ProvisionState) -> None:
    """Note what a device was given."""
    check_record(state)
    row = {
        "device": state.device,
        "wanted": state.wanted,
        "operation": state.operation,
        "secrets": json_text("secrets", dict(state.secrets)),
        "updated_at": micros(state.updated_at),
    }
    await tx.upsert(provision_states, [row])


async def forget_state(tx: Transaction, device: str) -> None:
    """The device was reset: it holds nothing that it was given."""
    await tx.run(delete(provision_states).where(provision_states.c.device == device))


async def refusals_of(tx: Transaction, keys: Sequence[str]) -> list[RuleRefusal]:
    """Return the refusals of these devices, by device and rule."""
    found: list[RuleRefusal] = []
    for start in range(0, len(keys), _CHUNK):
        rows = await tx.rows(_REFUSALS_OF, {"keys": list(keys[start : start + _CHUNK])})
        found += [_refusal(row) for row in rows]
    return found


async def stopped(tx: Transaction, *, limit: int = 1000) -> list[RuleRefusal]:
    """Return rules that are stopped for a device, the latest first."""
    query = (
        select(provision_refusals)
        .where(provision_refusals.c.stopped_at.is_not(None))
        .order_by(provision_refusals.c.stopped_at.desc(), provision_refusals.c.device, provision_refusals.c.rule)
        .limit(limit)
    )
    return [_refusal(row) for row in await tx.rows(query)]


async def put_refusal(tx: Transaction, refusal: RuleRefusal) -> None:
    """Note a refusal in place of the earlier ones of this rule at this device."""
    check_text("reason", refusal.reason)
    row = {
        "device": refusal.device,
        "rule": refusal.rule,
        "digest": refusal.digest,
        "refusals": refusal.refusals,
        "reason": refusal.reason,
        "updated_at": micros(refusal.updated_at),
        "stopped_at": micros_or_none(refusal.stopped_at),
    }
    await tx.upsert(provision_refusals, [row])


async def clear_refusals(tx: Transaction, device: str, rules: Collection[str] | None = None) -> int:
    """Forget refusals of a device, of these rules or of all, and return how many there were."""
    statement = delete(provision_refusals).where(provision_refusals.c.device == device)
    if rules is not None:
        statement = statement.where(provision_refusals.c.rule.in_(sorted(rules)))
    return await tx.run(statement)


async def make_due(tx: Transaction, device: str) -> None:
    """Have the next search provision the device again; what it was given as secrets stays known."""
    await tx.run(update(provision_states).where(provision_states.c.device == device).values(wanted=""))


def _candidate(row: Row[Any]) -> Candidate:
    values = dict(row._mapping)
    return Candidate(**values | {"updated_at": instant_or_none(values["updated_at"])})


def _refusal(row: Row[Any]) -> RuleRefusal:
    return RuleRefusal(
        row.device,
        row.rule,
        row.digest,
        row.refusals,
        row.reason,
        instant(row.updated_at),
        instant_or_none(row.stopped_at),
    )
