"""A device's own table of reboots beside what was seen of it: nothing is told twice, nothing is overruled."""

from datetime import UTC, datetime, timedelta

import pytest

from acs.services.reboot_history import Cause, Reboot
from acs.services.told_starts import TABLE, told_starts, with_told

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SINCE = NOW - timedelta(days=90)


def row(number: int, at: str, cause: str = "LocalReboot", reason: str = "", updated: str = "0") -> dict[str, str]:
    leaves = {"TimeStamp": at, "Cause": cause, "Reason": reason, "FirmwareUpdated": updated, "Alias": "cpe-1"}
    return {f"{TABLE}{number}.{leaf}": value for leaf, value in leaves.items()}


@pytest.mark.parametrize(
    ("cause", "updated", "expected"),
    [
        ("LocalReboot", "0", Cause.LOCAL),
        ("RemoteReboot", "false", Cause.OTHER_ACS),
        ("LocalFactoryReset", "0", Cause.RESET),
        ("RemoteFactoryReset", "0", Cause.RESET),
        ("LocalReboot", "1", Cause.FIRMWARE),
        ("X_Odd", "0", None),
    ],
)
def test_what_the_device_says(cause: str, updated: str, expected: Cause | None) -> None:
    (start,) = told_starts(row(1, "2026-11-22T10:00:00Z", cause, "watchdog", updated), SINCE, NOW)
    assert (start.cause, start.reason, start.at) == (expected, "watchdog", NOW - timedelta(hours=2))


@pytest.mark.parametrize(
    "at",
    [
        "",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+03:00",
        "9999-12-31T23:59:59-03:00",
        "1970-01-01T00:01:00Z",
        "2030-01-01T00:00:00Z",
        "later",
    ],
)
def test_a_time_that_cannot_be_is_none(at: str) -> None:
    assert told_starts(row(1, at), SINCE, NOW) == []


def test_the_devices_word_fills_in_what_nobody_here_knows() -> None:
    ours = Reboot(NOW - timedelta(hours=1), Cause.ASKED, "anna", "slow")
    nobodys = Reboot(NOW - timedelta(hours=5), Cause.NOT_ASKED)
    values = {
        **row(1, "2026-11-22T10:58:00Z", "RemoteReboot", "REBOOT"),
        **row(2, "2026-11-22T06:55:00Z", "LocalReboot", "power on reset"),
        **row(3, "2026-11-21T06:55:00", "LocalReboot", "watchdog"),
    }
    found = with_told([ours, nobodys], told_starts(values, SINCE, NOW))
    assert [(each.cause, each.by, each.reason) for each in found] == [
        (Cause.ASKED, "anna", "slow"),
        (Cause.LOCAL, "", "power on reset"),
        (Cause.LOCAL, "", "watchdog"),
    ]
    assert [each.told for each in found] == [True, True, True]


def test_two_starts_in_one_quarter_of_an_hour_stay_two() -> None:
    seen = [Reboot(NOW - timedelta(minutes=minutes), Cause.NOT_ASKED) for minutes in (5, 10)]
    values = {**row(1, "2026-11-22T11:54:00Z", reason="b"), **row(2, "2026-11-22T11:49:00Z", reason="a")}
    found = with_told(seen, told_starts(values, SINCE, NOW))
    assert [each.reason for each in found] == ["b", "a"]


def test_without_the_table_nothing_changes() -> None:
    seen = [Reboot(NOW, Cause.POWER)]
    assert with_told(seen, told_starts({"Device.DeviceInfo.UpTime": "1"}, SINCE, NOW)) == seen
