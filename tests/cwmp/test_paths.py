"""Parameter paths."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp import paths
from acs.errors import InvalidInput

NODES = st.one_of(st.integers(0, 12).map(str), st.sampled_from(["WiFi", "SSID", "X_1_a", "[cpe-1]"]))
PATHS = st.builds(
    lambda nodes, end: ".".join(["Device", *nodes]) + end, st.lists(NODES, max_size=5), st.sampled_from(["", "."])
)


@pytest.mark.parametrize("path", ["Device.", "Device.WiFi.SSID.1.SSID", "X" * paths.MAX_LENGTH])
def test_what_can_be_sent(path: str) -> None:
    assert paths.check(path, "here") == path


@pytest.mark.parametrize("path", ["", "a b", "a\n", "X" * (paths.MAX_LENGTH + 1), None, 5])
def test_what_cannot_be_sent_is_said_with_its_place(path: object) -> None:
    with pytest.raises(InvalidInput, match=r"^names\.3: must be a parameter name of at most 256"):
        paths.check(path, "names.3")


def test_rows_and_objects() -> None:
    assert paths.is_row("Device.NAT.PortMapping.3.") and paths.is_row("Device.NAT.PortMapping.[a].")
    assert not paths.is_row("Device.NAT.PortMapping.") and not paths.is_row("Device.NAT.PortMapping.3")
    assert paths.is_object("Device.NAT.") and not paths.is_object("Device.")
    assert list(paths.rows_above("Device.A.1.B.[x].C")) == ["Device.A.1.", "Device.A.1.B.[x]."]
    assert list(paths.rows_above("Device.A.1.")) == ["Device.A.1."]
    assert paths.table_of("Device.A.1.B.2.") == "Device.A.1.B."
    assert paths.generalised("Device.A.1.B.[x].C") == "Device.A.*.B.*.C"


def test_the_empty_path_is_the_whole_tree() -> None:
    assert paths.is_partial("") and paths.covers("", "Device.X")


@given(st.lists(PATHS, max_size=12))
def test_what_is_covered_is_left_out_and_nothing_else(given_: list[str]) -> None:
    kept = paths.without_covered(given_)
    assert set(kept) <= set(given_)
    assert all(any(paths.covers(each, path) for each in kept) for path in given_)
    assert not any(one != other and paths.covers(one, other) for one in kept for other in kept)


@given(st.lists(PATHS, max_size=12))
def test_people_count_rows(given_: list[str]) -> None:
    assert sorted(["Device.A.10.", "Device.A.9."], key=paths.reading_order) == ["Device.A.9.", "Device.A.10."]
    assert sorted(given_, key=paths.reading_order) == sorted(sorted(given_), key=paths.reading_order)
