"""When something of the whole fleet is over its limit, and what is the evidence.

    wrong passwords, unknown devices   over: the least number and so many times the usual     ended: below half of it
    another firmware                   over: so many devices, and such a share of the model   ended: below half of it
    another address of management      over: any device                                        ended: none
    silence                            over: so many lines, and such a share                   ended: below half of it

The rule of this file: it only reads; a condition that was never over says nothing.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from acs.config import SecurityAlarmsSection
from acs.services.alarms import (
    AUTH_FAILURES,
    BY_ITSELF,
    FIRMWARE,
    MANAGEMENT_LOST,
    MANAGEMENT_URL,
    UNKNOWN_DEVICES,
    Standing,
)
from acs.services.security_notes import API, CWMP, UNKNOWN
from acs.store import alarms as alarm_store
from acs.store import security as security_store
from acs.store.alarms import AlarmRecord
from acs.store.records import Json
from acs.store.transaction import Transaction

#: The subject of what is about no device in particular.
FLEET = "fleet"
#: The time that says what is usual.
USUAL = timedelta(hours=24)
#: Firmwares of models that have an alarm at the same time.
_FIRMWARES = 10
#: Examples that an alarm names.
_EXAMPLES = 10
_ADDRESSES = 5
#: A line that is silent for longer is told by nobody as new; it is what is silent of those heard within this time.
_SILENT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Look:
    """One look: a transaction to read in, the limits, the instant."""

    tx: Transaction
    config: SecurityAlarmsSection
    now: datetime


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of a condition: the alarm that is active, and from when on evidence counts."""

    active: AlarmRecord | None
    since: datetime

    def number(self, name: str) -> float | None:
        """What the active alarm was raised with."""
        value = None if self.active is None else self.active.detail.get(name)
        return float(value) if isinstance(value, int | float) else None

    def most(self, count: int) -> int:
        """The greatest count so far."""
        return max(count, int(self.number("most") or 0))


async def cpe_failures(look: Look) -> list[Standing]:
    """Wrong passwords of CPEs."""
    return await _spike(look, AUTH_FAILURES, "cwmp", CWMP, look.config.auth_failures, _wrong_at_cwmp)


async def api_failures(look: Look) -> list[Standing]:
    """Wrong tokens and passwords of people and programs."""
    return await _spike(look, AUTH_FAILURES, "api", API, look.config.auth_failures, _wrong_at_api)


async def unknown_devices(look: Look) -> list[Standing]:
    """Devices that nobody knew."""
    return await _spike(look, UNKNOWN_DEVICES, FLEET, UNKNOWN, look.config.unknown_devices, _unknown)


async def firmware(look: Look) -> list[Standing]:
    """Firmware that devices of a model changed to, and no download of ours brought."""
    tx, config, now = look.tx, look.config, look.now
    window = now - timedelta(hours=config.firmware_hours)
    active = await alarm_store.list_alarms(tx, active=True, kind=FIRMWARE, limit=_FIRMWARES)
    wanted = {(_model_in(each), str(each.detail.get("version"))) for each in active}
    for model, version, _ in await security_store.changed_alone(tx, window, config.firmware_devices, _FIRMWARES):
        if len(wanted) < _FIRMWARES:
            wanted.add((model, version))
    return [each for model, version in sorted(wanted) for each in await _one_firmware(look, model, version, window)]


async def management_url(look: Look) -> list[Standing]:
    """Devices that tell another address of management than before, and nothing of ours set it."""
    told = await security_store.elsewhere(look.tx)
    known = await _known(look, MANAGEMENT_URL, FLEET, look.now)
    if not told:
        why = "every device tells an address of management that is known"
        return _ended(MANAGEMENT_URL, FLEET, known, why)
    count = sum(n for _, n, _ in told)
    detail: dict[str, Json] = {
        "why": f"{count} devices tell another address of management than before, and no operation of ours set it",
        "count": count,
        "most": known.most(count),
        "since": min(since for *_, since in told).isoformat(),
        "urls": [f"{url} ({n})" for url, n, _ in told[:_EXAMPLES]],
        "devices": [*await security_store.who_changed(look.tx)],
    }
    return [Standing(MANAGEMENT_URL, FLEET, True, detail)]


async def silence(look: Look) -> list[Standing]:
    """Lines of the whole fleet that fell silent."""
    known = await _known(look, MANAGEMENT_LOST, FLEET, look.now - _SILENT)
    silent, first = await security_store.silent_lines(look.tx, known.since)
    if known.active is None and silent < look.config.silent_lines:
        return []
    heard = max(silent, await security_store.heard_lines(look.tx, look.now - 2 * _SILENT))
    share = silent / heard if heard else 0.0
    half = 1 if known.active is None else 2
    if silent * half < look.config.silent_lines or share * half < look.config.silent_share:
        return _ended(MANAGEMENT_LOST, FLEET, known, f"{silent} of {heard} lines are silent")
    detail: dict[str, Json] = {
        "why": f"{silent} of {heard} lines fell silent: their devices do not call any more",
        "count": silent,
        "most": known.most(silent),
        "share": round(share, 3),
        "since": None if first is None else first.isoformat(),
    }
    return [Standing(MANAGEMENT_LOST, FLEET, True, detail)]


#: Every condition.
ALL: tuple[Callable[[Look], Awaitable[list[Standing]]], ...] = (
    cpe_failures, api_failures, unknown_devices, firmware, management_url, silence,
)  # fmt: skip


async def _known(look: Look, kind: str, subject: str, since: datetime) -> _Known:
    last = await alarm_store.newest(look.tx, kind, subject)
    if last is None:
        return _Known(None, since)
    if last.cleared_at is None:
        return _Known(last, since)
    return _Known(None, since if last.cleared_by == BY_ITSELF else max(since, last.cleared_at))


async def _spike(
    look: Look, kind: str, subject: str, counted_as: str, least: int, said: Callable[[int, int, float], str]
) -> list[Standing]:
    """A count that is far above what is usual."""
    config, window = look.config, timedelta(seconds=look.config.window_s)
    minutes = round(config.window_s / 60)
    known = await _known(look, kind, subject, look.now - window)
    count, addresses = await security_store.counted(look.tx, counted_as, known.since, look.now)
    if known.active is None and count < least:
        return []
    usual, limit = known.number("usual"), known.number("limit")
    if usual is None or limit is None:
        start = look.now - window
        usual = await security_store.total(look.tx, counted_as, start - USUAL, start) * (window / USUAL)
        limit = max(least, usual * config.factor)
    if count < (limit if known.active is None else limit / 2):
        return _ended(kind, subject, known, f"within {minutes} minutes there were only {count}")
    detail: dict[str, Json] = {
        "why": said(count, minutes, round(usual, 1)),
        "count": count,
        "most": known.most(count),
        "usual": round(usual, 1),
        "limit": limit,
        "addresses": [f"{address} ({n})" for address, n in addresses.most_common(_ADDRESSES)],
    }
    return [Standing(kind, subject, True, detail)]


async def _one_firmware(look: Look, model: str, version: str, window: datetime) -> list[Standing]:
    tx, config = look.tx, look.config
    manufacturer, _, product_class = model.partition("\t")
    shown = " ".join(part for part in (manufacturer, product_class) if part)
    subject = f"firmware:{shown} {version}"
    known = await _known(look, FIRMWARE, subject, window)
    count = await security_store.changed_to(tx, model, version, known.since)
    if await security_store.was_brought(tx, model, version):
        why = f"{version} is planned by now: a download brought it to a device of the model"
        return _ended(FIRMWARE, subject, known, why)
    of = await security_store.devices_of(tx, manufacturer, product_class)
    half = 1 if known.active is None else 2
    if count * half < config.firmware_devices or count * half < config.firmware_share * of:
        why = f"within {round(config.firmware_hours)} hours only {count} of {of} devices changed to {version}"
        return _ended(FIRMWARE, subject, known, why)
    examples = await security_store.examples(tx, model, version, known.since, _EXAMPLES)
    detail: dict[str, Json] = {
        "why": f"{count} of {of} devices of {shown} changed to {version}, and no download of ours brought it",
        "count": count,
        "most": known.most(count),
        "of": of,
        "share": round(count / of, 3) if of else None,
        "manufacturer": manufacturer,
        "product_class": product_class,
        "version": version,
        "before": [*sorted({before for _, before in examples})],
        "devices": [device for device, _ in examples],
    }
    return [Standing(FIRMWARE, subject, True, detail)]


def _model_in(alarm: AlarmRecord) -> str:
    return "\t".join(str(alarm.detail.get(name, "")) for name in ("manufacturer", "product_class"))


def _ended(kind: str, subject: str, known: _Known, why: str) -> list[Standing]:
    """The end of the alarm that is active, with what it said and why it ended."""
    if known.active is None:
        return []
    return [Standing(kind, subject, False, {**known.active.detail, "ended": why})]


def _wrong_at_cwmp(count: int, minutes: int, usual: float) -> str:
    return f"{count} wrong passwords of CPEs within {minutes} minutes; {usual} are usual"


def _wrong_at_api(count: int, minutes: int, usual: float) -> str:
    return f"{count} wrong tokens or passwords at the API within {minutes} minutes; {usual} are usual"


def _unknown(count: int, minutes: int, usual: float) -> str:
    return f"{count} devices that nobody knew came within {minutes} minutes; {usual} are usual"
