"""The named forms and index schemes of profiles, each with its worked example; and what is no guess."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from probes.facts import FACTS, Quality
from probes.profiles import decode
from probes.profiles.indexes import Computed, Dotted, IfName, PackedBits, SerialKey, Spot
from probes.profiles.schema import load_dslams, load_profiles, load_switches, match

OLTS = load_profiles()


@pytest.mark.parametrize(
    ("profile", "column", "raw", "value", "quality"),
    [
        # 16 bits of two's complement, 0.002 dB above -30
        ("zte-c300", "rx", 5250, -19.5, Quality.OK),
        ("zte-c300", "rx", 65535, None, Quality.MISSING),
        ("zte-c300", "rx", 61000, -39.072, Quality.OK),
        ("zte-c300", "olt_rx", -80000, None, Quality.MISSING),
        ("zte-c300", "olt_rx", 65535000, None, Quality.MISSING),
        ("zte-c300", "olt_rx", -21500, -21.5, Quality.OK),
        ("zte-c300", "run_state", 3, "online", Quality.OK),
        ("zte-c600", "run_state", 3, "offline", Quality.OK),
        ("zte-c600", "run_state", 4, "online", Quality.OK),
        ("zte-c600", "run_state", 8, None, Quality.UNREADABLE),
        ("zte-c300", "last_down_cause", 1, None, Quality.MISSING),
        ("zte-c300", "last_down_cause", 9, "dgi", Quality.OK),
        ("zte-c300", "temperature", 11520, 45.0, Quality.OK),
        ("eltex-ltp", "olt_rx", 65535, None, Quality.MISSING),
        ("eltex-ltp", "olt_rx", -215, -21.5, Quality.OK),
        ("eltex-ltp", "catv_rx", 32767, None, Quality.MISSING),
        ("bdcom-epon", "rx", -65535, None, Quality.MISSING),
        ("bdcom-epon", "voltage", 33000, 3.3, Quality.OK),
        # two firmwares, two units; the gap between them is nobody's
        ("bdcom-gpon", "rx", -195, -19.5, Quality.OK),
        ("bdcom-gpon", "rx", -9750, -19.5, Quality.OK),
        ("bdcom-gpon", "rx", -800, None, Quality.UNREADABLE),
        ("cdata-epon", "last_down_cause", b"Dying-Gasp ", "dgi", Quality.OK),
        ("cdata-epon", "last_down_cause", b"--", None, Quality.MISSING),
        ("cdata-epon", "last_down_cause", b"sunspots", None, Quality.UNREADABLE),
        # 0.1 µW
        ("cdata-fd11xx", "rx", 112, -19.508, Quality.OK),
        ("cdata-fd11xx", "rx", 0, None, Quality.MISSING),
        ("vsol-epon", "rx", b"0.00 mW (-23.77 dBm)", -23.77, Quality.OK),
        ("vsol-epon", "temperature", b"30.67 C", 30.67, Quality.OK),
        ("vsol-epon", "rx", b"N/A", None, Quality.MISSING),
        ("vsol-epon", "rx", b"dark", None, Quality.UNREADABLE),
        ("vsol-gpon", "uni_link", 0, "up", Quality.OK),
        ("vsol-epon", "uni_link", 0, "down", Quality.OK),
        # signed numbers that an agent writes as unsigned
        ("fiberhome-an5516", "rx", 4294965346, -19.5, Quality.OK),
        ("fiberhome-an5516", "distance", 0, None, Quality.MISSING),
        ("nokia-isam", "rx", 32768, None, Quality.MISSING),
        ("nokia-isam", "rx", 55786, -19.5, Quality.OK),
        ("nokia-isam", "olt_rx", 65534, None, Quality.MISSING),
        ("ubiquiti-ufiber", "rx", 0, None, Quality.MISSING),
        # 0.0001 mW
        ("calix-axos", "rx", 301, -15.214, Quality.OK),
        ("raisecom-iscom", "rx", 5250, -19.5, Quality.OK),
        ("huawei-smartax", "history_cause", 1, "los", Quality.OK),
        ("huawei-smartax", "history_cause", 0, "ont_deleted", Quality.OK),
        ("huawei-smartax", "uni_speed", 7, 1000.0, Quality.OK),
        ("huawei-smartax", "uni_speed", 4, None, Quality.MISSING),
    ],
)
def test_a_form_reads_its_worked_example(
    profile: str, column: str, raw: int | bytes, value: object, quality: Quality
) -> None:
    found = OLTS[profile].columns[column].decoded(raw, UTC)
    assert (found.value, found.quality) == (value, quality)
    if quality is not Quality.OK:
        assert found.raw == decode.raw_text(raw)


def test_phases_tell_of_the_cause_where_there_is_no_column_for_it() -> None:
    state = OLTS["vsol-gpon"].columns["run_state"]
    assert {name: told.value for name, told in state.more(4).items()} == {
        "ont.phase": "dying_gasp",
        "ont.last_down_cause": "dgi",
    }
    assert {name: told.value for name, told in state.more(3).items()} == {"ont.phase": "working"}
    assert state.more(77) == {}


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"2026-11-01 21:14:09", datetime(2026, 11, 1, 18, 14, 9, tzinfo=UTC)),
        (b"2026-11-01 21:14:09+05:00", datetime(2026, 11, 1, 16, 14, 9, tzinfo=UTC)),
        (b"2023 /2 /18  3:42:40", datetime(2023, 2, 18, 0, 42, 40, tzinfo=UTC)),
        (b"0000-00-00 00:00:00", None),
        (b"--", None),
        (b"", None),
    ],
)
def test_times_in_words_are_in_the_time_of_the_node(raw: bytes, value: datetime | None) -> None:
    assert decode.text_instant(raw, ZoneInfo("Europe/Moscow")).value == value


@pytest.mark.parametrize("raw", [b"yesterday", b"2026-13-01 00:00:00", 7])
def test_a_time_that_is_none_is_unreadable(raw: bytes | int) -> None:
    assert decode.text_instant(raw, UTC).quality is Quality.UNREADABLE


@pytest.mark.parametrize("raw", [b"\x00\x1bD\x11:\xb7", b"00:1b:44:11:3a:b7", b"001b.4411.3ab7", b"00-1B-44-11-3A-B7"])
def test_a_mac_has_one_form(raw: bytes) -> None:
    assert decode.mac(raw).value == "00:1b:44:11:3a:b7"
    assert decode.canonical_serial("00:1B:44:11:3a:b7") == "001B44113AB7"


def test_records_of_macs_count_each_once_and_skip_empty_ones() -> None:
    one = b"\x2f\x01\x00\x64" + bytes.fromhex("001b44113ab7")
    column = OLTS["huawei-smartax"].columns["macs"]
    blob = one + one + bytes(10)
    assert column.decoded(blob, UTC).value == "00:1b:44:11:3a:b7"
    assert column.more(blob)["ont.macs_n"].value == 1
    assert column.decoded(b"\x00" * 7, UTC).quality is Quality.UNREADABLE


@pytest.mark.parametrize(
    ("profile", "row", "spot"),
    [
        ("zte-c300", "268501248.3", Spot(1, 1, 1, 3)),
        ("zte-c600", "285278977.7", Spot(1, 3, 1, 7)),
        ("zte-c300-epon", "806487296", Spot(1, 2, 3, 5)),
        ("fiberhome-an5516", "606089728", Spot(0, 18, 4, 50)),
        ("raisecom-iscom", "276889602", Spot(0, 1, 1, 2)),
        ("vsol-epon", "1.7", Spot(0, 0, 1, 7)),
        ("eltex-ltp-n", "1.3.12", Spot(0, 0, 3, 12)),
        ("tplink-deltastream", "0.2.5", Spot(0, 0, 2, 5)),
    ],
)
def test_a_row_tells_its_place(profile: str, row: str, spot: Spot) -> None:
    index = OLTS[profile].index
    assert index.parse_row(row) == spot
    assert isinstance(index, Computed) and spot.ont is not None
    assert index.ont_row(spot.frame, spot.slot, spot.port, spot.ont) == row


def test_the_digits_of_raisecom_and_the_port_of_a_fiberhome_uni() -> None:
    assert OLTS["raisecom-iscom"].indexes["digits"].parse_row("30701001") == Spot(0, 3, 7, 1)
    fiberhome = OLTS["fiberhome-an5516"].index
    assert isinstance(fiberhome, PackedBits)
    assert fiberhome.uni_row(0, 18, 4, 50, 5) == "606089733"


def test_rows_that_are_none_are_none() -> None:
    assert OLTS["vsol-epon"].index.parse_row("1.2.3") is None
    assert OLTS["eltex-ltp-n"].index.parse_row("2.3.12") is None
    assert OLTS["zte-c300"].index.parse_row("seven") is None
    assert isinstance(OLTS["eltex-ltp-n"].index, Dotted)


def test_names_and_serials_are_indexes_too() -> None:
    bdcom, eltex = OLTS["bdcom-epon"].index, OLTS["eltex-ltp"].index
    assert isinstance(bdcom, IfName) and bdcom.spot_of("EPON0/2:17") == Spot(0, 0, 2, 17)
    assert bdcom.spot_of("GigaEthernet0/1") is None
    assert isinstance(eltex, SerialKey)
    assert eltex.row_of(1, "ELTX62001234") == "1.8.69.76.84.88.98.0.18.52"
    assert eltex.serial_of("1.8.69.76.84.88.98.0.18.52") == "ELTX62001234"
    assert eltex.serial_of("1.8.69.76") is None


@pytest.mark.parametrize(
    ("object_id", "descr", "profile"),
    [
        ("1.3.6.1.4.1.3902.1082.1001.320.2.1", "C320 Version V2.1.0", "zte-c300"),
        ("1.3.6.1.4.1.3902.1015.300.3.1", "C300", "zte-c300"),
        ("1.3.6.1.4.1.3320.1.390.0", "BDCOM", "bdcom-gpon"),
        ("1.3.6.1.4.1.3320.1.213.0", "BDCOM", "bdcom-epon"),
        ("1.3.6.1.4.1.17409", "an owner's text", "cdata-epon"),
        ("1.3.6.1.4.1.37950.1.1.5.10.14.1", "V1600D", "vsol-epon"),
        ("1.3.6.1.4.1.37950.1.1.5.10.14.1", "V1600G", "vsol-gpon"),
        ("1.3.6.1.4.1.35265.1.70", "LTP-4X", "eltex-ltp"),
        ("1.3.6.1.4.1.5875.800.1001.12", "AN5516-04", "fiberhome-an5516"),
        ("1.3.6.1.4.1.637.61.1", "ISAM", "nokia-isam"),
        ("1.3.6.1.4.1.41112.1.5", "EdgeOS", "ubiquiti-ufiber"),
        ("1.3.6.1.4.1.6321.1.2.4.1.4", "Calix, Inc E5-16F", "calix-axos"),
        ("1.3.6.1.4.1.2011.2.248", "Huawei Integrated Access Software", "huawei-smartax"),
        ("1.3.6.1.4.1.9.1.1", "some router", None),
    ],
)
def test_an_olt_is_known_by_what_it_says(object_id: str, descr: str, profile: str | None) -> None:
    found = match(OLTS, object_id, descr)
    assert (found.id if found else None) == profile


@pytest.mark.parametrize(
    ("object_id", "descr", "profile"),
    [
        ("1.3.6.1.4.1.171.10.105.1", "DES-3528", "dlink-des"),
        ("1.3.6.1.4.1.171.10.76.28.2", "DGS-1210-28/ME", "dlink-dgs1210-me"),
        ("1.3.6.1.4.1.35265.1.176", "MES2424B AC 28-port", "eltex-mes24xx"),
        ("1.3.6.1.4.1.35265.1.80", "MES2324 28-port", "eltex-mes"),
        ("1.3.6.1.4.1.40418.7.53", "SNR-S2990X-24FQ", "snr"),
        ("1.3.6.1.4.1.27514.1.1", "QSW", "qtech"),
        ("1.3.6.1.4.1.259.10.1.45.101", "ECS4120-28T", "edgecore-ecs4120"),
        ("1.3.6.1.4.1.890.1.15", "GS2210", "zyxel"),
        ("1.3.6.1.4.1.890.1.5.8.47", "MGS-3712", "zyxel-old"),
        ("1.3.6.1.4.1.2011.2.23.96", "S5700 Huawei Versatile Routing Platform Software", "huawei-s"),
        ("1.3.6.1.4.1.9.1.1", "some switch", "generic"),
    ],
)
def test_a_switch_is_known_and_a_strange_one_is_read_by_the_standard_tables(
    object_id: str, descr: str, profile: str
) -> None:
    found = match(load_switches(), object_id, descr)
    assert found is not None and found.id == profile


def test_every_fact_of_a_profile_is_allowed_and_every_column_names_its_source() -> None:
    for profile in (*OLTS.values(), *load_switches().values(), *load_dslams().values()):
        for name, column in profile.columns.items():
            assert column.source, (profile.id, name)
            allowed = FACTS[column.fact].values if column.fact else ()
            values = set(getattr(column, "values", {}).values()) if column.kind in ("enum", "text-enum") else set()
            assert not allowed or values <= set(allowed), (profile.id, name)


def test_what_no_source_gives_is_named() -> None:
    for profile in (*OLTS.values(), *load_switches().values(), *load_dslams().values()):
        assert profile.left_out, profile.id
        assert all(reason for reason in profile.left_out.values())
