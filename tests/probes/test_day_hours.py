"""Hours of the day: whether they hold, since which day, how long yet; over midnight, and a whole day."""

from datetime import date, datetime

import pytest

from probes.day_hours import DayHours


@pytest.mark.parametrize(
    ("text", "at", "left_s", "began"),
    [
        ("02:00-05:00", "01:59", None, None),
        ("02:00-05:00", "02:00", 10_800, 5),
        ("02:00-05:00", "05:00", None, None),
        ("12:00-24:00", "23:59", 60, 5),
        ("22:00-06:00", "21:59", None, None),
        ("22:00-06:00", "22:00", 28_800, 5),
        ("22:00-06:00", "05:59", 60, 4),
        ("22:00-06:00", "06:00", None, None),
        ("08:00-08:00", "08:00", 86_400, 5),
        ("08:00-08:00", "07:59", 60, 4),
    ],
)
def test_hours_hold_from_their_begin_to_their_end(text: str, at: str, left_s: float | None, began: int | None) -> None:
    local = datetime(2026, 3, 5, int(at[:2]), int(at[3:]))
    hours = DayHours.parse(text)
    assert hours.left_s(local) == left_s
    assert hours.began_on(local) == (None if began is None else date(2026, 3, began))


@pytest.mark.parametrize("text", ["", "2-5", "24:00-05:00", "02:60-05:00", "02:00-25:00", "02:00 - 05:00"])
def test_texts_that_are_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match="no hours of the day"):
        DayHours.parse(text)
