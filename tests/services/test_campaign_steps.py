"""What a campaign does next, and what became of a device: the table of cases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from acs.services.campaign_settings import CampaignSettings, seconds_left
from acs.services.campaign_steps import Step, judge, next_step
from acs.store.campaigns import CampaignDevice, DeviceState, Tally
from acs.store.records import OperationRecord, OperationState
from tests.store.make import operation

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
W, S, G, F, U, Q = (
    DeviceState.WAITING,
    DeviceState.STARTED,
    DeviceState.SUCCEEDED,
    DeviceState.FAILED,
    DeviceState.UNKNOWN,
    DeviceState.SILENT,
)


def settings(**given: Any) -> CampaignSettings:
    return CampaignSettings.model_validate({"targets": {"models": ["ONT"]}, **given})


def step(
    wanted: CampaignSettings,
    found: dict[DeviceState, int],
    canaries: dict[DeviceState, int] | None = None,
    *,
    passed_at: datetime | None = None,
    begun: int = 0,
    local: datetime = NOW,
) -> Step:
    return next_step(
        wanted,
        Tally(found, canaries or {}),
        now=NOW,
        local=local,
        canary_passed_at=passed_at,
        begun_last_minute=begun,
    )


def test_without_canaries_it_begins_at_its_rate() -> None:
    assert step(settings(per_minute=7, at_once=50), {W: 100}).start == 7
    assert step(settings(per_minute=7, at_once=50), {W: 100}, begun=5).start == 2
    assert step(settings(per_minute=60, at_once=5), {W: 100, S: 3}).start == 2
    assert step(settings(per_minute=60, at_once=5), {W: 1, S: 3}).start == 1
    assert step(settings(per_minute=60, at_once=5), {W: 100, S: 9}).start == 0


def test_a_silent_device_holds_no_place_and_is_no_failure() -> None:
    wanted = settings(at_once=1, stop_failures=1, stop_percent=1)
    assert step(wanted, {W: 5, Q: 40}).start == 1
    assert step(wanted, {W: 5, Q: 40, S: 1}).start == 0
    assert step(wanted, {W: 5, G: 10, Q: 40}).stop == ""
    last = step(wanted, {G: 10, Q: 2})
    assert not last.done and "2 silent devices" in last.waits
    assert "1 silent" in step(settings(canary=1), {W: 0, Q: 1}, {Q: 1}).waits


def test_canaries_go_first_and_alone() -> None:
    first = step(settings(canary=3), {W: 100}, {W: 3})
    assert (first.start, first.canaries_only) == (3, True)
    assert "3 of 3 canaries" in first.waits
    one_left = step(settings(canary=3), {W: 97, S: 1, G: 2}, {S: 1, G: 2})
    assert (one_left.start, one_left.canaries_only) == (0, True)


def test_after_the_canaries_it_soaks() -> None:
    wanted = settings(canary=3, soak_s=3600)
    found, canaries = {W: 97, G: 3}, {G: 3}
    assert step(wanted, found, canaries).passed
    soaking = step(wanted, found, canaries, passed_at=NOW - timedelta(minutes=59))
    assert (soaking.start, soaking.waits) == (0, "soaking until 2026-03-05 12:01:00 UTC")
    assert step(wanted, found, canaries, passed_at=NOW - timedelta(hours=1)).start == 50


@pytest.mark.parametrize("state", [F, U])
def test_a_canary_that_did_not_upgrade_stops_it(state: DeviceState) -> None:
    stopped = step(settings(canary=3), {W: 97, G: 2, state: 1}, {G: 2, state: 1})
    assert "1 of 3 canaries" in stopped.stop and stopped.recall and not stopped.start


def test_failures_stop_it() -> None:
    assert "stop_failures" in step(settings(stop_failures=3), {W: 9, F: 2, U: 1}).stop
    assert not step(settings(stop_failures=3), {W: 9, F: 2}).stop
    assert "stop_percent" in step(settings(stop_percent=20), {W: 9, G: 8, F: 2}).stop
    assert not step(settings(stop_percent=20), {W: 9, G: 4, F: 2}).stop, "six results say nothing yet"


def test_it_is_done_when_nothing_is_open() -> None:
    assert step(settings(), {G: 5, DeviceState.SKIPPED: 2}).done
    assert not step(settings(), {G: 5, S: 1}).done


def test_outside_of_its_hours_it_takes_back_what_was_not_sent() -> None:
    found = step(settings(window=["02:00-05:00"]), {W: 5, S: 1}, local=NOW.astimezone(ZoneInfo("Europe/Moscow")))
    assert found.recall and not found.start and "02:00-05:00" in found.waits


@pytest.mark.parametrize(
    ("windows", "at", "left"),
    [
        ([], "12:00", 86_400),
        (["02:00-05:00"], "01:59", None),
        (["02:00-05:00"], "02:00", 10_800),
        (["02:00-05:00"], "04:59", 60),
        (["02:00-05:00"], "05:00", None),
        (["23:00-04:00"], "23:30", 16_200),
        (["23:00-04:00"], "03:00", 3_600),
        (["23:00-04:00"], "12:00", None),
        (["01:00-02:00", "12:00-24:00"], "12:00", 43_200),
    ],
)
def test_windows(windows: list[str], at: str, left: float | None) -> None:
    local = NOW.replace(hour=int(at[:2]), minute=int(at[3:]))
    assert seconds_left(windows, local) == left


@pytest.mark.parametrize("window", ["2-5", "02:00-02:00", "24:00-05:00", "02:00-24:30", "02:60-05:00"])
def test_windows_that_are_none(window: str) -> None:
    with pytest.raises(ValidationError, match="is no window"):
        settings(window=[window])


def test_canaries_by_number_and_share() -> None:
    assert settings(canary=5, canary_percent=1).canaries_of(1_000) == 10
    assert settings(canary=5, canary_percent=1).canaries_of(101) == 5
    assert settings(canary=5).canaries_of(3) == 3
    assert settings(canary_percent=1).canaries_of(101) == 2


@given(
    st.dictionaries(st.sampled_from(list(DeviceState)), st.integers(0, 30)),
    st.integers(0, 20),
    st.integers(1, 20),
    st.integers(1, 20),
    st.integers(0, 30),
)
def test_no_step_goes_beyond_its_limits(
    found: dict[DeviceState, int], canaries: int, rate: int, at_once: int, begun: int
) -> None:
    wanted = settings(per_minute=rate, at_once=at_once, canary=canaries)
    canaries = min(canaries, found.get(W, 0))
    taken = step(wanted, found, {W: canaries} if canaries else {}, begun=begun)
    assert 0 <= taken.start <= found.get(W, 0)
    assert not taken.start or taken.start + found.get(S, 0) <= at_once
    assert not taken.start or taken.start + begun <= rate
    assert not (taken.start and (taken.stop or taken.done))
    assert not canaries or taken.start <= canaries


def member(state: DeviceState = S, **different: Any) -> CampaignDevice:
    fields: dict[str, Any] = {
        "campaign": "c",
        "device": "d",
        "state": state,
        "canary": False,
        "place": 0,
        "version_before": "V1",
        "operation": "operation-0001",
        "attempts": 1,
        "version_now": "V1",
    }
    return CampaignDevice(**(fields | different))


def ended(state: OperationState, **different: Any) -> OperationRecord:
    at = NOW - timedelta(minutes=5)
    fields: dict[str, Any] = {"state": state, "sent_at": at, "finished_at": at, "deadline_at": NOW + timedelta(hours=1)}
    return operation(NOW, **(fields | different))


QUEUED = ended(OperationState.QUEUED, sent_at=None, finished_at=None)
LATE = {"finished_at": NOW, "deadline_at": NOW - timedelta(seconds=1)}


@pytest.mark.parametrize(
    ("one", "asked", "state", "told"),
    [
        (member(version_now="V2"), None, G, "seen with V2"),
        (member(version_now="V2"), ended(OperationState.FAILED, fault_code=9010), G, "seen with V2"),
        (member(U, version_now="V2"), ended(OperationState.FAILED, **LATE), G, "seen with V2"),
        (member(version_now=None), None, F, "removed"),
        (member(), None, U, "gone"),
        (member(), ended(OperationState.QUEUED, sent_at=None, finished_at=None), None, ""),
        (member(started_at=NOW - timedelta(minutes=9)), QUEUED, None, ""),
        (member(started_at=NOW - timedelta(minutes=10)), QUEUED, Q, "has not come for it in 600 s"),
        (member(Q, started_at=NOW - timedelta(hours=1)), QUEUED, None, ""),
        (member(Q), ended(OperationState.SENT, finished_at=None), S, "came for it"),
        (member(Q), ended(OperationState.UNKNOWN, finished_at=None), S, "came for it"),
        (member(Q), ended(OperationState.EXPIRED, sent_at=None), W, "was not asked"),
        (member(Q), ended(OperationState.FAILED, fault_code=9010, detail="9010 x"), F, "9010 x"),
        (member(Q, version_now="V2"), QUEUED, G, "seen with V2"),
        (member(), ended(OperationState.SENT, finished_at=None), None, ""),
        (member(), ended(OperationState.UNKNOWN, finished_at=None), None, ""),
        (member(), ended(OperationState.EXPIRED, sent_at=None), W, "was not asked"),
        (member(), ended(OperationState.CANCELLED, sent_at=None), W, "was not asked"),
        (member(), ended(OperationState.EXPIRED, **LATE), U, "nothing tells"),
        (member(), ended(OperationState.FAILED, fault_code=9010, detail="9010 x"), F, "9010 x"),
        (member(), ended(OperationState.FAILED, detail="booted with V1"), F, "booted with V1"),
        (member(), ended(OperationState.FAILED, **LATE), U, "nothing tells"),
        (member(), ended(OperationState.FAILED, sent_at=None, detail="no such RPC"), F, "no such RPC"),
        (member(), ended(OperationState.SUCCEEDED), None, ""),
        (member(), ended(OperationState.SUCCEEDED, finished_at=NOW - timedelta(hours=2)), F, "shows V1"),
        (member(U), ended(OperationState.FAILED, **LATE), None, ""),
        (member(U, last_boot_at=NOW + timedelta(1)), ended(OperationState.FAILED, **LATE), F, "booted with V1"),
        (member(U, last_boot_at=NOW - timedelta(1)), ended(OperationState.FAILED, **LATE), None, ""),
    ],
)
def test_what_became_of_a_device(
    one: CampaignDevice, asked: OperationRecord | None, state: DeviceState | None, told: str
) -> None:
    found = judge(one, "V2", asked, NOW, seen_within_s=3600, attempts=1, silent_s=600)
    assert (found.state if found else None) is state
    assert told in (found.detail if found else "")


def test_only_a_fault_is_asked_again() -> None:
    refused, silent = ended(OperationState.FAILED, fault_code=9010), ended(OperationState.FAILED, **LATE)
    for attempts, expected in ((1, W), (2, F)):
        found = judge(member(attempts=attempts), "V2", refused, NOW, seen_within_s=1, attempts=2, silent_s=600)
        assert found is not None and found.state is expected
    found = judge(replace(member(), attempts=1), "V2", silent, NOW, seen_within_s=1, attempts=5, silent_s=600)
    assert found is not None and found.state is U
