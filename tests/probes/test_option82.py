"""Option 82: each format by its manual's example, the node from the remote id, and nothing from what fits none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import ProfileError
from probes.option82 import Place, decode_place, octets_of, parse_formats

MAC = "00:11:22:33:44:55"


@pytest.mark.parametrize(
    ("circuit", "remote", "place"),
    [
        ("olt-7 eth 1/4/12/1/1:100", "", Place("tr156-onu", "olt-7", "", None, 1, 4, 12, 100)),
        ("olt-7 xpon 0/1/4:12.0.100", "", Place("xpon-dots", "olt-7", "", 0, 1, 4, 12)),
        ("acc-sw-3 eth 0/14:1205", "", Place("tr101-eth", "acc-sw-3", "", None, 0, 14, None, 1205)),
        ("ACC-SW-3 ETH 0/14", "", Place("tr101-eth", "ACC-SW-3", "", None, 0, 14)),
        ("dslam-2 atm 3/17:0.33", "", Place("tr101-atm", "dslam-2", "", None, 3, 17)),
        ("Ethernet1/0/5:100.0 acc-sw-3", "", Place("ethernet-cvlan", "acc-sw-3", "", 1, 0, 5, None, 100)),
        ("p02", "acc-sw-3", Place("p-number", "acc-sw-3", "", port=2)),
        ("0x000404b5000e", "0x0006001122334455", Place("vlan-module-port", "", MAC, None, None, 14, None, 1205)),
        ("00:04:04:b5:00:0e", "00:11:22:33:44:55", Place("vlan-module-port", "", MAC, None, None, 14, None, 1205)),
        ("000404b5000e", "0x01086163632d73772d33", Place("vlan-module-port", "acc-sw-3", port=14, vlan=1205)),
        ("0x04b5000e", "001122334455", Place("vlan-module-port-bare", "", MAC, None, None, 14, None, 1205)),
        ("0x000404b5000e0106001122334455", "", Place("vlan-module-port-mac", "", MAC, None, None, 14, None, 1205)),
        ("0x000404b5020e", "", Place("vlan-module-port", "", "", None, 2, 14, None, 1205)),
        ("0x0116" + b"acc-sw-3 eth 0/14:1205".hex(), "", Place("tr101-eth", "acc-sw-3", "", None, 0, 14, None, 1205)),
    ],
)  # fmt: skip
def test_what_a_relay_writes_is_a_place(circuit: str, remote: str, place: Place) -> None:
    assert decode_place(octets_of(circuit), octets_of(remote)) == place


@pytest.mark.parametrize("circuit", ["", "flat 12", "eth 0/14", "eth0", "0x0004", "\x01\x02", "я"])
def test_what_fits_no_format_is_no_place(circuit: str) -> None:
    assert decode_place(octets_of(circuit)) is None


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_any_octets_are_read_without_an_error(circuit: bytes, remote: bytes) -> None:
    place = decode_place(circuit, remote)
    assert place is None or place.port is not None


def test_hexadecimal_that_is_none_is_said() -> None:
    with pytest.raises(ValueError, match="non-hexadecimal"):
        octets_of("0xzz")


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("pattern = '(a'", "missing \\)"),
        ("pattern = 'b(?P<port>\\d)'", "t does not read its example"),
    ],
)
def test_a_format_that_cannot_read_its_example_is_refused(written: str, says: str) -> None:
    with pytest.raises(ProfileError, match=says):
        parse_formats(f"binary = []\nremote = []\n[[text]]\nid = 't'\nexample = 'a1'\n{written}\n")
