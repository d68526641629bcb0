"""What a campaign does next, and what became of a device: decided from what is stored. Pure.

    outside the window ─► nothing      too many failures ─► stop      canaries out ─► wait, then soak ─► the rest
    the version is seen ─► succeeded   a fault, or a boot with the old version ─► failed   neither ─► unknown

The rule of this file: a device is asked a second time only on proof that the first time had no effect.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from acs.store.campaigns import CampaignDevice, DeviceState, Tally
from acs.store.records import OperationRecord, OperationState

_WINDOW = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")
#: Results at least, before a share of failures says anything.
LEAST_RESULTS = 10
#: States of an operation whose RPC never left.
_NEVER_LEFT = (OperationState.EXPIRED, OperationState.CANCELLED)
_BAD = (DeviceState.FAILED, DeviceState.UNKNOWN)
#: what still has to come; silent devices are neither good nor bad, and hold no place
_NO_RESULT = (DeviceState.WAITING, DeviceState.STARTED, DeviceState.SILENT)
_LEFT = (OperationState.SENT, OperationState.UNKNOWN)


def _window(text: str) -> str:
    found = _WINDOW.fullmatch(text)
    if found is None or (found[3] == "24" and found[4] != "00") or text[:5] == text[6:]:
        raise ValueError(f"{text!r} is no window; write hours of the day such as 02:00-05:00 or 23:00-04:30")
    return text


Globs = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=200)], ...], Field(max_length=1_000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Targets(_Strict):
    """Which devices: every key given must match; texts without regard to case, `*` at will."""

    #: `PRODUCT-CLASS` or `OUI:PRODUCT-CLASS`
    models: Globs = ()
    #: software versions that are upgraded
    versions: Globs = ()
    hardware_versions: Globs = ()
    #: tags that a device must all have
    tags: Globs = ()
    #: tags of which it may have none
    without_tags: Globs = ()
    #: topology paths of its line, such as olt-1 or olt-1/0/3
    scopes: Globs = ()
    #: a search, such as `group:weak-light`: only the devices that it finds when the campaign is made
    query: Annotated[str, Field(max_length=1_000)] = ""
    #: device keys; only these, and only if they match
    devices: Annotated[tuple[str, ...], Field(max_length=100_000)] = ()

    @model_validator(mode="after")
    def _is_limited(self) -> Self:
        named = (self.models, self.versions, self.tags, self.scopes, self.devices, self.hardware_versions, self.query)
        if not any(named):
            known = "models, versions, hardware_versions, tags, scopes, query or devices"
            raise ValueError(f"targets: say which devices: {known}")
        return self


class CampaignSettings(_Strict):
    """How a campaign goes."""

    targets: Targets
    #: devices that go first; the rest waits until all of them run the new version
    canary: Annotated[int, Field(ge=0, le=100_000)] = 0
    #: the same as a share of all devices, rounded up; the greater of both counts
    canary_percent: Annotated[float, Field(ge=0, le=100)] = 0.0
    #: seconds between the last canary's success and the first of the rest
    soak_s: Annotated[int, Field(ge=0, le=2_592_000)] = 3_600
    #: hours of the day, in the time zone of campaigns.time_zone; empty = always
    window: Annotated[tuple[Annotated[str, AfterValidator(_window)], ...], Field(max_length=10)] = ()
    #: devices begun in one minute
    per_minute: Annotated[int, Field(ge=1, le=100_000)] = 60
    #: devices under way at once
    at_once: Annotated[int, Field(ge=1, le=100_000)] = 50
    #: seconds after which a device that has not come for its operation holds no place any more; it is upgraded when it
    #: comes. A device that can be called comes within seconds; the others by themselves, some once a day.
    silent_s: Annotated[int, Field(ge=1, le=2_592_000)] = 600
    #: failed or unknown devices at which the campaign stops; canaries stop it at the first
    stop_failures: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    #: share of failed or unknown ones among those with a result, at which it stops
    stop_percent: Annotated[float, Field(gt=0, le=100)] = 5.0
    #: how often a device is asked whose transfer failed with a fault
    attempts: Annotated[int, Field(ge=1, le=10)] = 1

    def canaries_of(self, devices: int) -> int:
        """How many of so many devices go first."""
        share = -(-devices * self.canary_percent // 100)
        return min(devices, max(self.canary, int(share)))


@dataclass(frozen=True, slots=True)
class Step:
    """What to do now. `start` devices, canaries only where that is said; `waits` says for what it waits."""

    start: int = 0
    canaries_only: bool = False
    stop: str = ""
    done: bool = False
    passed: bool = False
    #: take back what was asked and has not been sent
    recall: bool = False
    waits: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a device."""

    state: DeviceState
    detail: str


def next_step(
    settings: CampaignSettings,
    tally: Tally,
    *,
    now: datetime,
    local: datetime,
    canary_passed_at: datetime | None,
    begun_last_minute: int,
) -> Step:
    """What a running campaign does now; `local` is the same instant in the operator's time zone."""
    stop = _stop(settings, tally)
    if stop:
        return Step(stop=stop, recall=True)
    if not tally.count(*_NO_RESULT):
        return Step(done=True)
    if seconds_left(settings.window, local) is None:
        return Step(recall=True, waits=f"outside of its hours ({', '.join(settings.window)})")
    canaries = sum(tally.canaries.values())
    out = tally.canary_count(*_NO_RESULT)
    room = min(settings.at_once - tally.count(DeviceState.STARTED), settings.per_minute - begun_last_minute)
    if out:
        waiting = tally.canary_count(DeviceState.WAITING)
        silent = tally.canary_count(DeviceState.SILENT)
        told = f"{out} of {canaries} canaries have no result" + (f", {silent} silent" if silent else "")
        return Step(max(0, min(room, waiting)), canaries_only=True, waits=told)
    if canaries and canary_passed_at is None:
        return Step(passed=True, waits="the canaries came through; soaking")
    if canaries and canary_passed_at is not None:
        soaked_at = canary_passed_at + timedelta(seconds=settings.soak_s)
        if now < soaked_at:
            return Step(waits=f"soaking until {soaked_at:%Y-%m-%d %H:%M:%S} UTC")
    return Step(max(0, min(room, tally.count(DeviceState.WAITING))), waits=_silent(tally))


def judge(
    member: CampaignDevice,
    version: str,
    operation: OperationRecord | None,
    now: datetime,
    *,
    seen_within_s: float,
    attempts: int,
    silent_s: float,
) -> Judged | None:
    """What is known of a device that was asked; None: nothing new yet."""
    if member.version_now is None:
        return Judged(DeviceState.FAILED, "the device was removed")
    if member.version_now == version:
        return Judged(DeviceState.SUCCEEDED, f"it was seen with {version}")
    if operation is None:
        return None if member.state is DeviceState.UNKNOWN else Judged(DeviceState.UNKNOWN, "its operation is gone")
    if member.state is DeviceState.UNKNOWN:
        booted = member.last_boot_at is not None and member.last_boot_at > (operation.finished_at or now)
        return Judged(DeviceState.FAILED, f"it booted with {member.version_now}") if booted else None
    if operation.state in _NEVER_LEFT and operation.sent_at is None:
        return Judged(DeviceState.WAITING, f"it was not asked: {operation.detail or operation.state}")
    if operation.state is OperationState.SUCCEEDED:
        late = now >= (operation.finished_at or now) + timedelta(seconds=seen_within_s)
        told = f"the operation succeeded ({operation.detail}), but the device shows {member.version_now}"
        return Judged(DeviceState.FAILED, told) if late else None
    if operation.state in (OperationState.FAILED, *_NEVER_LEFT):
        return _failed(member, operation, attempts)
    return _under_way(member, operation, now, silent_s)


def seconds_left(windows: Sequence[str], local: datetime) -> float | None:
    """Seconds until the window closes that is open now; None when none is, and a day where there is none at all."""
    if not windows:
        return 86_400.0
    left = [each for text in windows if (each := _left(text, local)) is not None]
    return max(left, default=None)


def _under_way(member: CampaignDevice, operation: OperationRecord, now: datetime, silent_s: float) -> Judged | None:
    """Silent after a while in which it did not come; started again as soon as it does."""
    if member.state is DeviceState.SILENT and operation.state in _LEFT:
        return Judged(DeviceState.STARTED, "it came for it")
    waits = member.state is DeviceState.STARTED and operation.state is OperationState.QUEUED
    if waits and now >= (member.started_at or now) + timedelta(seconds=silent_s):
        return Judged(DeviceState.SILENT, f"it has not come for it in {silent_s:g} s; it is upgraded when it comes")
    return None


def _silent(tally: Tally) -> str:
    """What to say of a campaign that has only silent devices left; empty where it has others."""
    silent = tally.count(DeviceState.SILENT)
    if not silent or tally.count(DeviceState.WAITING, DeviceState.STARTED):
        return ""
    return f"{silent} silent device{'s' * (silent > 1)}: upgraded on coming; cancel the campaign to wait no longer"


def _failed(member: CampaignDevice, operation: OperationRecord, attempts: int) -> Judged:
    """Failed with proof, or unknown: nobody reported before the deadline."""
    if operation.fault_code is not None:
        if member.attempts < attempts:
            return Judged(DeviceState.WAITING, f"it is asked again: {operation.detail}")
        return Judged(DeviceState.FAILED, operation.detail)
    proven = operation.sent_at is None or (
        operation.finished_at is not None and operation.finished_at < operation.deadline_at
    )
    if proven:
        return Judged(DeviceState.FAILED, operation.detail)
    return Judged(DeviceState.UNKNOWN, f"nothing tells whether it has upgraded: {operation.detail}")


def _stop(settings: CampaignSettings, tally: Tally) -> str:
    """Why the campaign stops; empty when it goes on."""
    if bad := tally.canary_count(*_BAD):
        return f"{bad} of {sum(tally.canaries.values())} canaries did not upgrade"
    bad, good = tally.count(*_BAD), tally.count(DeviceState.SUCCEEDED)
    if bad >= settings.stop_failures:
        return f"{bad} devices did not upgrade (stop_failures = {settings.stop_failures})"
    results = bad + good
    if results >= LEAST_RESULTS and 100 * bad / results >= settings.stop_percent:
        return f"{bad} of {results} devices did not upgrade (stop_percent = {settings.stop_percent:g})"
    return ""


def _left(text: str, local: datetime) -> float | None:
    begin, end = _minutes(text[:5]), _minutes(text[6:])
    now = _seconds(local.time())
    if begin < end:
        return end - now if begin <= now < end else None
    if now >= begin:
        return 86_400 - now + end
    return end - now if now < end else None


def _minutes(text: str) -> float:
    return int(text[:2]) * 3_600 + int(text[3:]) * 60


def _seconds(at: time) -> float:
    return at.hour * 3_600 + at.minute * 60 + at.second + at.microsecond / 1e6
