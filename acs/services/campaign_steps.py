"""What a campaign does next, and what became of a device: decided from what is stored. Pure.

    outside the window ─► nothing      too many failures ─► stop      canaries out ─► wait, then soak ─► the rest
    the version is seen ─► succeeded   a fault, or a boot with the old version ─► failed   neither ─► unknown

The rule of this file: a device is asked a second time only on proof that the first time had no effect.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from acs.services.campaign_settings import CampaignSettings, accepted_of, seconds_left, settings_of
from acs.store.campaigns import CampaignDevice, CampaignRecord, DeviceState, Tally
from acs.store.records import OperationRecord, OperationState

#: Results at least, before a share of failures says anything.
LEAST_RESULTS = 10
#: States of an operation whose RPC never left.
_NEVER_LEFT = (OperationState.EXPIRED, OperationState.CANCELLED)
_BAD = (DeviceState.FAILED, DeviceState.UNKNOWN)
#: what still has to come; silent devices are neither good nor bad, and hold no place
_NO_RESULT = (DeviceState.WAITING, DeviceState.STARTED, DeviceState.SILENT)
_LEFT = (OperationState.SENT, OperationState.UNKNOWN)


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


def step_of(campaign: CampaignRecord, tally: Tally, begun_last_minute: int, now: datetime, zone: ZoneInfo) -> Step:
    """What a stored campaign does now, if it runs; failures that a person accepted stop it no more."""
    return next_step(
        settings_of(campaign),
        _without_accepted(tally, accepted_of(campaign)),
        now=now,
        local=now.astimezone(zone),
        canary_passed_at=campaign.canary_passed_at,
        begun_last_minute=begun_last_minute,
    )


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
    advice = "upgraded on coming; cancel the campaign to wait no longer"
    return f"1 silent device: {advice}" if silent == 1 else f"{silent} silent devices: {advice}"


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


def _without_accepted(tally: Tally, accepted: int) -> Tally:
    """The tally without failures that a person accepted; canaries are part of all."""
    found, canaries = dict(tally.all), dict(tally.canaries)
    for state in (DeviceState.FAILED, DeviceState.UNKNOWN):
        taken = min(accepted, found.get(state, 0))
        found[state] = found.get(state, 0) - taken
        canaries[state] = max(0, canaries.get(state, 0) - taken)
        accepted -= taken
    return Tally(found, canaries)
