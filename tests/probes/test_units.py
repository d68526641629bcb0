import math

from hypothesis import given
from hypothesis import strategies as st

from probes.units import dbm_from_uw, signed


@given(st.floats(min_value=1e-6, max_value=1e6))
def test_dbm_and_microwatts_are_one_power(microwatts: float) -> None:
    dbm = dbm_from_uw(microwatts)
    assert dbm is not None
    assert math.isclose(10 ** (dbm / 10) * 1000, microwatts, rel_tol=1e-9)


def test_a_milliwatt_is_zero_dbm_and_no_light_has_no_level() -> None:
    assert dbm_from_uw(1000) == 0.0
    assert dbm_from_uw(0) is None
    assert dbm_from_uw(-1) is None


@given(st.integers(-(2**31), 2**31 - 1))
def test_two_complement_comes_back(value: int) -> None:
    assert signed(value & 0xFFFFFFFF, 32) == value
