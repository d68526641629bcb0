from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.errors import ProfileError
from probes.facts import FACTS, Quality
from probes.profiles.schema import AccessProfile, load_profile, load_profiles, match
from tests.shared_data import shared

SMARTAX = load_profiles()["huawei-smartax"]
FILE = Path(load_profiles.__code__.co_filename).parent / "olt" / "huawei-smartax.toml"


@given(st.integers(0, 63), st.integers(0, 63), st.integers(0, 31))
def test_an_index_comes_back_as_its_place(frame: int, slot: int, port: int) -> None:
    index = SMARTAX.index.encode(frame, slot, port)
    assert SMARTAX.index.parse(index) == (frame, slot, port)
    assert SMARTAX.index.parse(index - 2**32) == (frame, slot, port)


@given(st.integers(0, 2**32 - 1))
def test_an_index_that_is_no_pon_port_is_none(index: int) -> None:
    place = SMARTAX.index.parse(index)
    assert place is None or SMARTAX.index.encode(*place) == index


def test_the_worked_examples_of_the_index_hold() -> None:
    assert SMARTAX.index.encode(0, 1, 1) == 4194312448 == 0xFA002100
    assert SMARTAX.index.encode(0, 0, 0) == 4194304000
    # an Ethernet uplink, ethernet0/7/2
    assert SMARTAX.index.parse(234938496) is None


def test_the_index_names_the_ports_of_a_recording_as_the_node_does() -> None:
    names = {}
    for line in shared("data/snmprec/olt-huawei-ma5603t.snmprec").read_text(errors="replace").splitlines():
        oid, _, value = line.split("|", 2)
        if oid.startswith("1.3.6.1.2.1.31.1.1.1.1."):
            names[int(oid.rsplit(".", 1)[1])] = value
    gpon = {index: name.removeprefix("GPON ") for index, name in names.items() if name.startswith("GPON ")}
    assert len(gpon) == 32
    assert {index: "/".join(map(str, SMARTAX.index.parse(index) or ())) for index in gpon} == gpon
    assert not any(SMARTAX.index.parse(index) for index in names.keys() - gpon.keys())


@pytest.mark.parametrize(("frame", "slot", "port"), [(64, 0, 0), (0, 64, 0), (0, 0, 32), (-1, 0, 0)])
def test_a_place_beyond_the_fields_is_refused(frame: int, slot: int, port: int) -> None:
    with pytest.raises(ProfileError, match="does not exist here"):
        SMARTAX.index.encode(frame, slot, port)


def test_a_node_is_known_by_its_object_id_and_its_description() -> None:
    descr = "Huawei Integrated Access Software"
    profiles = load_profiles()
    assert match(profiles, "1.3.6.1.4.1.2011.2.123", descr) == SMARTAX
    assert match(profiles, "1.3.6.1.4.1.2011.2.80.8.1", descr) == SMARTAX
    assert match(profiles, "1.3.6.1.4.1.2011.2.1234", descr) is None
    assert match(profiles, "1.3.6.1.4.1.2011.2.185", descr) is None
    assert match(profiles, "1.3.6.1.4.1.2011.2.123", "Versatile Routing Platform") is None


@pytest.mark.parametrize(
    ("column", "raw", "value", "quality"),
    [
        ("rx", -1414, -14.14, Quality.OK),
        ("rx", 2147483647, None, Quality.MISSING),
        ("rx", -9999, None, Quality.UNREADABLE),
        ("rx", b"-14", None, Quality.UNREADABLE),
        ("olt_rx", 8064, -19.36, Quality.OK),
        ("olt_rx", 2147483647, None, Quality.MISSING),
        ("port_tx", 711, 7.11, Quality.OK),
        ("voltage", 3220, 3.22, Quality.OK),
        ("distance", -1, None, Quality.MISSING),
        ("run_state", 1, "online", Quality.OK),
        ("run_state", 3, None, Quality.UNREADABLE),
        ("last_down_cause", 13, "dgi", Quality.OK),
        ("last_down_cause", 12, None, Quality.UNREADABLE),
        ("last_down_cause", b"13", None, Quality.UNREADABLE),
    ],
)
def test_a_column_reads_its_values(column: str, raw: int | bytes, value: object, quality: Quality) -> None:
    found = SMARTAX.columns[column].decoded(raw, UTC)
    assert (found.value, found.quality) == (value, quality)


def test_the_values_of_an_enumeration_are_those_that_the_fact_allows() -> None:
    for name, column in SMARTAX.columns.items():
        allowed = FACTS[column.fact].values if column.fact else ()
        if column.kind == "enum" and allowed:
            assert set(column.values.values()) <= set(allowed), name


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('kind = "olt"', 'kind = "toaster"', r"kind: Input should be 'olt'"),
        ("index = 4194312448", "index = 1", "the example says 1, the fields give 4194312448"),
        ('fact = "ont.tx_dbm"', 'fact = "ont.tx_power"', r"columns\.tx.*ont\.tx_power is no fact"),
        ('unit = "dBm"', 'unit = "mW"', "is in dBm, not mW"),
        ('"rx", "tx", "olt_rx", "distance"', '"rx", "tz"', "reads.ont names tz"),
        ("instances = 4", "instances = 8", "reads.ont asks 16 varbinds in one GET; at most 12"),
        ('serial_column = "serial"', 'serial_column = "rx"', "serial_column 'rx' must be one of reads.port_walk"),
        ("scale = 0.01", 'scale = 0.01\ncolour = "blue"', "colour: Extra inputs are not permitted"),
        ("minimum = 0\n", "", "minimum: Field required"),
        ('id = "huawei-smartax"', 'id = "huawei-smartax', "not TOML"),
    ],
)
def test_a_wrong_profile_is_refused_with_file_and_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = FILE.read_text("utf-8")
    assert old in text
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(ProfileError, match=message) as raised:
        load_profile(wrong)
    assert str(raised.value).startswith(str(wrong))
    assert "correct" in str(raised.value)


def test_a_missing_file_and_a_taken_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="readable profile"):
        load_profile(tmp_path / "none.toml")
    for name in ("a.toml", "b.toml"):
        (tmp_path / name).write_bytes(FILE.read_bytes())
    with pytest.raises(ProfileError, match=r"b\.toml: id 'huawei-smartax' is taken"):
        load_profiles(tmp_path)


def test_every_column_names_its_source() -> None:
    profile: AccessProfile
    for profile in load_profiles().values():
        assert all(len(column.source) >= 3 for column in profile.columns.values())
