"""Units that a maker changes between models and firmware: which one holds is told by what stands beside a value.

The numbers are those that public ACS drivers tell of, with what they must come to; no tree of these models was seen.
"""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from acs.profiles.rows import tables_from_tree
from acs.profiles.schema import Defect, Identity, Profile, choose, load_profiles
from acs.profiles.tree import facts_from_tree, known_defects, optical_class_of
from probes.facts import Quality

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PROFILES = {profile.id: profile for profile in load_profiles()}
ZTE = "InternetGatewayDevice.WANDevice.1.X_ZTE-COM_WANPONInterfaceConfig."
TPLINK = "Device.Optical.Interface.1.X_TP_GPON_Config."
FIBERHOME = "InternetGatewayDevice.WANDevice.1.X_FH_GponInterfaceConfig."


def facts(profile: str, values: dict[str, str]) -> dict[str, object]:
    found = facts_from_tree(PROFILES[profile], values, NOW, "test")
    return {fact.name: fact.value if fact.quality is Quality.OK else fact.quality for fact in found}


@pytest.mark.parametrize(
    ("profile", "place", "raw", "expected"),
    [
        (
            "zte-f6xx",
            ZTE,
            {
                "RXPower": "-25.08",
                "TXPower": "2.59",
                "BiasCurrent": "13.70",
                "TransceiverTemperature": "35.31",
                "SupplyVoltage": "3244",
            },
            {
                "ont.rx_dbm": -25.08,
                "ont.tx_dbm": 2.59,
                "ont.bias_ma": 13.7,
                "ont.temp_c": 35.31,
                "ont.voltage_v": 3.244,
            },
        ),
        ("zte-f6xx", ZTE, {"RXPower": "233", "TXPower": "19078"}, {"ont.rx_dbm": -16.326, "ont.tx_dbm": 2.805}),
        # the same number in tenths: nothing beside it says so
        ("zte-f6xx", ZTE, {"RXPower": "233"}, {"ont.rx_dbm": Quality.UNREADABLE}),
        (
            "zte-f6xx",
            ZTE,
            {"RXPower": "233", "TXPower": "25"},
            {"ont.rx_dbm": Quality.UNREADABLE},
        ),
        ("zte-f6xx", ZTE, {"RXPower": "-2508", "TXPower": "259"}, {"ont.rx_dbm": Quality.UNREADABLE}),
        (
            "zte-f6xx",
            ZTE,
            {"RXPower": "0", "TXPower": "19078"},
            {"ont.rx_dbm": Quality.UNREADABLE, "ont.tx_dbm": 2.805},
        ),
        (
            "tplink-tr181",
            TPLINK,
            {
                "RXPower": "5624",
                "TXPower": "14880",
                "TransceiverTemperature": "12251",
                "SupplyVottage": "3298",
                "BiasCurrent": "8302",
            },
            {
                "ont.rx_dbm": -2.5,
                "ont.tx_dbm": 1.726,
                "ont.temp_c": 47.855,
                "ont.voltage_v": 3.298,
                "ont.bias_ma": 16.604,
            },
        ),
        ("tplink-tr181", TPLINK, {"RXPower": "215", "TXPower": "23"}, {"ont.rx_dbm": -21.5}),
        ("tplink-tr181", TPLINK, {"RXPower": "215"}, {}),
        ("fiberhome-hg6", FIBERHOME, {"RXPower": "-19.8", "TXPower": "2.4"}, {"ont.rx_dbm": -19.8, "ont.tx_dbm": 2.4}),
        ("fiberhome-hg6", FIBERHOME, {"RXPower": "105"}, {"ont.rx_dbm": Quality.UNREADABLE}),
    ],
)
def test_the_unit_is_told_by_what_stands_beside(
    profile: str, place: str, raw: dict[str, str], expected: dict[str, object]
) -> None:
    found = facts(profile, {place + leaf: text for leaf, text in raw.items()})
    shown = {name: found.get(name) for name in expected}
    assert {
        name: value for name, value in found.items() if name not in expected and value is not Quality.UNREADABLE
    } == {}
    for name, value in expected.items():
        assert shown[name] == (pytest.approx(value, abs=0.001) if isinstance(value, float) else value), name


def test_the_vendors_level_comes_before_a_standard_one_that_stays_zero() -> None:
    values = {f"{TPLINK}RXPower": "5624", f"{TPLINK}TXPower": "14880"}
    values |= {"Device.Optical.Interface.1.OpticalSignalLevel": "0"}
    assert facts("tplink-tr181", values)["ont.rx_dbm"] == pytest.approx(-2.5, abs=0.001)
    values = {"Device.Optical.Interface.1.OpticalSignalLevel": "-21500"}
    assert facts("tplink-tr181", values)["ont.rx_dbm"] == -21.5


def test_load_per_core_is_that_of_the_busiest() -> None:
    values = {
        "InternetGatewayDevice.DeviceInfo.X_ZTE-COM_CpuUsed": "4%;91%;17%",
        "InternetGatewayDevice.DeviceInfo.X_ZTE-COM_MemUsed": "17%",
    }
    assert facts("zte-f6xx", values) == {"cpe.cpu_pct": 91, "cpe.mem_free_pct": 83}


def test_stations_have_the_signal_that_their_maker_gives() -> None:
    row = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1."
    values = {
        f"{row}Channel": "6",
        f"{row}TotalAssociations": "2",
        f"{row}AssociatedDevice.1.AssociatedDeviceMACAddress": "02:00:00:00:00:01",
        f"{row}AssociatedDevice.1.X_ZTE-COM_RSSI": "-67",
        f"{row}AssociatedDevice.1.X_ZTE-COM_SNR": "24",
        f"{row}AssociatedDevice.2.AssociatedDeviceMACAddress": "02:00:00:00:00:02",
        f"{row}AssociatedDevice.2.X_ZTE-COM_RSSI": "0",
    }
    one, two = tables_from_tree(PROFILES["zte-f6xx"], values, NOW, "test")["stations"].rows
    assert (one.values["signal_dbm"], one.values["snr_db"], one.values["band_ghz"]) == (-67, 24, 2.4)
    assert two.cells["signal_dbm"].quality is Quality.UNREADABLE
    assert facts("zte-f6xx", values)["wifi.worst_rssi"] == -67


IGD, DEV = "InternetGatewayDevice.", "Device."


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (Identity(IGD, "Huawei Technologies Co., Ltd", "00259E", "HG8245H"), "huawei-eg8145"),
        (Identity(IGD, "HUAWEI", "", "HG8546M"), "huawei-eg8145"),
        (Identity(IGD, "Huawei", "", "Router", model="EG8145V5"), "huawei-eg8145"),
        (Identity(IGD, "Huawei", "202BC1", "BM632w"), "generic-tr098"),
        (Identity(IGD, "ZTE", "", "F660"), "zte-f6xx"),
        (Identity(IGD, "ZTE", "", "F670L"), "zte-f6xx"),
        (Identity(IGD, "ZTE Corporation", "", "ZXHN F680"), "zte-f6xx"),
        (Identity(IGD, "ZTE", "", "ZXECS EBG2100"), "generic-tr098"),
        (Identity(IGD, "Eltex", "A8F94B", "NTU-RG-1421G-Wac"), "eltex-ntu-rg"),
        (Identity(IGD, "Sercomm", "", "RV6699"), "sercomm"),
        (Identity(DEV, "Sercomm", "", "RV6699"), "sercomm-tr181"),
        (Identity(IGD, "ALCL", "", "G-240W-B"), "nokia-g240"),
        (Identity(IGD, "Nokia", "", "G-1426G-A"), "nokia-g240"),
        (Identity(IGD, "FiberHome", "", "HG6245D"), "fiberhome-hg6"),
        (Identity(IGD, "TP-Link", "", "IGD", model="EC220-G5"), "tplink-tr098"),
        (Identity(DEV, "TP-LINK", "", "XC220-G3v"), "tplink-tr181"),
        (Identity(DEV, "TP-Link", "", "Device2", model="XZ000-G7"), "tplink-tr181"),
        (Identity(IGD, "D-Link", "", "DIR-825"), "dlink-dir"),
        (Identity(DEV, "D-Link", "", "DIR-X1530"), "dlink-dir-tr181"),
        (Identity(IGD, "D-Link", "", "DPN-R5402"), "dlink-dpn"),
        (Identity(IGD, "Keenetic Ltd.", "", "KN-1010"), "keenetic"),
        (Identity(DEV, "Keenetic Ltd.", "", "KN-1010"), "keenetic-tr181"),
        (Identity(DEV, "MikroTik", "E48D8C", "hAP lite"), "mikrotik"),
        (Identity(IGD, "AVM", "00040E", "FRITZ!Box"), "avm-fritzbox"),
        (Identity(IGD, "THOMSON", "00147F", "SpeedTouch 780"), "thomson-speedtouch"),
        (Identity(DEV, "Eltex", "", "NV-501"), "eltex-nv"),
        (Identity(DEV, "Infomir", "", "MAG322"), "infomir-mag"),
        (Identity(DEV, "Nobody", "", "MAG322"), "generic-tr181"),
    ],
    ids=lambda value: f"{value.manufacturer}-{value.product_class}" if isinstance(value, Identity) else str(value),
)
def test_a_model_gets_its_profile(identity: Identity, expected: str) -> None:
    chosen = choose(PROFILES.values(), identity)
    assert chosen is not None
    assert chosen.id == expected


def test_an_unproven_profile_says_what_is_not_known_and_adds_nothing_without_a_source() -> None:
    unproven = [profile for profile in PROFILES.values() if not profile.proven]
    assert {"eltex-ntu-rg", "sercomm", "dlink-dir", "keenetic", "eltex-nv", "infomir-mag", "generic-tr135"} <= {
        profile.id for profile in unproven
    }
    for profile in unproven:
        assert profile.unknown, profile.id
    standard = {f"generic-tr{number}": PROFILES[f"generic-tr{number}"] for number in ("098", "181", "135")}
    for name in ("eltex-ntu-rg", "sercomm", "dlink-dir", "keenetic", "eltex-nv", "infomir-mag"):
        mine = PROFILES[name]
        assert any(mine.readings == base.readings and mine.tables == base.tables for base in standard.values()), name


def test_every_reading_and_table_names_its_source() -> None:
    for profile in PROFILES.values():
        assert all(reading.source for readings in profile.readings.values() for reading in readings)
        assert all(form.source for forms in profile.tables.values() for form in forms)


def test_a_profile_keeps_the_standard_part_of_its_base() -> None:
    for profile in PROFILES.values():
        base = PROFILES["generic-tr098" if profile.match.root == IGD else "generic-tr181"]
        assert set(base.readings) <= set(profile.readings), profile.id
        assert set(base.tables) <= set(profile.tables), profile.id


def test_the_optical_class_is_said_where_a_source_tells_it() -> None:
    nokia: Profile = PROFILES["nokia-g240"]
    known = optical_class_of(nokia, ("g-1425g-a", ""))
    assert known is not None and known.optical_class == "gpon_b+"
    assert optical_class_of(nokia, ("G-240W-B", "")) is None


def test_defects_concern_the_versions_of_their_range() -> None:
    router = PROFILES["mikrotik"]
    for version, concerned in [
        ("6.29", 1),
        ("6.40.7", 1),
        ("6.40.8", 0),
        ("6.41.3", 1),
        ("6.42rc49", 1),
        ("6.42.1", 0),
    ]:
        assert len(known_defects(router, version)) == concerned, version
    defect = Defect(since="V5R019", before="V5R020C10", models=("HG*",), title={"en": "x"}, source="test")
    assert defect.concerns("V5R020C00S280", ("HG8245", ""))
    assert not defect.concerns("V5R020C00S280", ("EG8145V5", ""))
    assert not defect.concerns("V5R020C10S202", ("HG8245",))
    assert not defect.concerns("", ("HG8245",))


def test_versions_of_one_maker_are_in_order() -> None:
    defects = [Defect(before=version, title={"en": "x"}, source="test") for version in ("6.9", "6.10", "6.10.1", "7.0")]
    for older, newer in pairwise(defects):
        assert newer.concerns(str(older.before))
        assert not older.concerns(str(newer.before))
