"""Raw text to values: total over any text, and right where the standards give examples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.profiles.convert import CONVERSIONS, boolean, number


@given(st.text())
def test_any_text_is_a_number_or_none(text: str) -> None:
    value = number(text)
    assert value is None or math.isfinite(value)
    assert boolean(text) in (True, False, None)


@given(st.floats(allow_nan=False, allow_infinity=False, width=32), st.sampled_from(sorted(CONVERSIONS)))
def test_every_conversion_is_total_and_finite(value: float, name: str) -> None:
    converted = CONVERSIONS[name](value)
    assert converted is None or math.isfinite(converted)


@given(st.floats(min_value=-40, max_value=8))
def test_light_in_tenths_of_a_microwatt_comes_back(dbm: float) -> None:
    raw = 10 ** (dbm / 10) * 10_000
    converted = CONVERSIONS["tenth_uw"](raw)
    assert converted == pytest.approx(dbm, abs=0.001)


@given(st.integers(min_value=-65536, max_value=-100))
def test_thousandths_of_a_dbm(raw: int) -> None:
    assert CONVERSIONS["milli_dbm"](raw) == raw / 1000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("-23 dBm", -23.0),
        ("17%", 17.0),
        ("-3.409399", -3.409399),
        ("", None),
        ("--", None),
        ("nan", None),
        (" 5 ", 5.0),
    ],
)
def test_units_behind_a_number_are_dropped(text: str, value: float | None) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("tenth_uw", 133, -18.761),
        ("tenth_uw", 30, -25.229),
        ("tenth_uw", 0, None),
        ("milli_dbm", -21500, -21.5),
        ("milli_dbm", -21.5, -21.5),
        ("dbm", -2350, -23.5),
        ("dbm", -23, -23),
        ("tenth_dbm", -231, -23.1),
        ("rcpi", 152, -34.0),
        ("rcpi", 255, None),
        ("octet_share_pct", 255, 100.0),
        ("rest_of_100", 97, 3),
        ("per_256", 12251, 47.85546875),
    ],
)
def test_known_examples(name: str, raw: float, value: float | None) -> None:
    assert CONVERSIONS[name](raw) == (None if value is None else pytest.approx(value, abs=0.001))
