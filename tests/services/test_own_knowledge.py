"""What follows from what the store knows: a drift is no step, missed Informs are counted, a cut pair has its gap."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from acs.profiles.schema import Profile, load_profiles
from acs.services.cases import KnownDevice
from acs.services.own_knowledge import cable_facts, drift_facts, own_knowledge
from acs.store.records import DeviceRecord, OperationRecord, OperationState
from probes.facts import Fact
from tests.services.test_path_sources import NOW, case

STB_INTERVAL = {"Device.ManagementServer.PeriodicInformInterval": "600"}


def light(*levels: float, hours: float = 24.0) -> list[tuple[datetime, float]]:
    """Levels so many hours apart, the last of them an hour ago."""
    last = NOW - timedelta(hours=1)
    return [(last - timedelta(hours=hours * (len(levels) - 1 - n)), level) for n, level in enumerate(levels)]


def slope_of(levels: list[tuple[datetime, float]]) -> dict[str, object]:
    return {fact.name: fact.value for fact in drift_facts(levels, NOW)}


def test_light_that_falls_day_by_day_is_a_drift() -> None:
    found = slope_of(light(*(-20.0 - 0.2 * day for day in range(28))))
    assert found["ont.rx_slope_db_day"] == pytest.approx(-0.2)
    assert found["ont.rx_slope_days"] == 27.0


def test_a_step_is_no_drift() -> None:
    found = slope_of(light(*([-20.0] * 14 + [-27.0] * 14)))
    assert found["ont.rx_slope_db_day"] == 0.0


def test_steady_light_with_noise_has_no_slope_to_speak_of() -> None:
    found = slope_of(light(*(-20.0 + 0.3 * (-1) ** day for day in range(28))))
    assert abs(float(str(found["ont.rx_slope_db_day"]))) < 0.02


def test_too_few_days_say_nothing() -> None:
    assert slope_of(light(*(-20.0 - day for day in range(10)))) == {}
    assert slope_of([]) == {}


def device(kind: str, age_s: float, **more: object) -> KnownDevice:
    at = NOW - timedelta(seconds=age_s)
    record = DeviceRecord(
        "k", "Maker", "00259E", "X", "SN", "Device.", "1", "1", "", "192.0.2.5", "", at, at, None, None, None, None
    )
    made = KnownDevice(record, None, STB_INTERVAL, {}, 0, **more)  # type: ignore[arg-type]
    return made if kind == "cpe" else replace(made, profile=_stb())


def _stb() -> Profile:
    return next(profile for profile in load_profiles() if profile.kind == "stb")


def facts_with(*devices: KnownDevice) -> dict[str, object]:
    return {fact.name: fact.value for fact in own_knowledge(replace(case(), devices=devices))}


@pytest.mark.parametrize(("age_s", "missed"), [(725, 1), (1900, 2)])
def test_informs_of_a_set_top_box_that_did_not_come_are_counted(age_s: float, missed: int) -> None:
    assert facts_with(device("stb", age_s)) == {"stb.informs_missed": missed}


@pytest.mark.parametrize(("age_s", "found"), [(30, {"stb.informs_missed": 0}), (95, {}), (700, {})])
def test_that_none_is_missed_is_said_only_by_an_inform_after_the_complaint(age_s: float, found: object) -> None:
    opened = Fact("ticket.opened_at", (NOW - timedelta(seconds=90)).isoformat(), NOW, "ticket")
    now = replace(case(opened), devices=(device("stb", age_s),))
    assert {fact.name: fact.value for fact in own_knowledge(now)} == found


def test_nobody_counts_informs_of_a_device_without_an_interval() -> None:
    assert facts_with(replace(device("stb", 1900), values={})) == {}
    assert facts_with(device("cpe", 1900)) == {}


@pytest.mark.parametrize("off", ["0", "false"])
def test_nobody_counts_informs_that_are_switched_off(off: str) -> None:
    values = STB_INTERVAL | {"Device.ManagementServer.PeriodicInformEnable": off}
    assert facts_with(replace(device("stb", 1900), values=values)) == {}


@pytest.mark.parametrize("interval", ["\u00b2", "", "-1", "10m"])
def test_an_interval_that_is_no_number_is_none(interval: str) -> None:
    values = {"Device.ManagementServer.PeriodicInformInterval": interval}
    assert facts_with(replace(device("stb", 1900), values=values)) == {}


def test_an_upgrade_under_way_is_said_and_its_absence_proves_nothing() -> None:
    firmware = {"file_type": "firmware"}
    running = OperationRecord("op", "k", "download", firmware, OperationState.SENT, "ck", NOW, NOW, "x")
    assert facts_with(device("cpe", 5, under_way=(running,))) == {"fw.upgrade_running": True}
    assert facts_with(device("cpe", 5, under_way=(replace(running, kind="get"),))) == {}


def test_a_download_of_a_configuration_is_no_upgrade() -> None:
    configuration = {"file_type": "config"}
    running = OperationRecord("op", "k", "download", configuration, OperationState.SENT, "ck", NOW, NOW, "x")
    assert facts_with(device("cpe", 5, under_way=(running,))) == {}


def tdr(result: str, length: float | None) -> dict[str, Fact]:
    at = NOW - timedelta(minutes=2)
    found = {"tdr.result": Fact("tdr.result", result, at, "sw-1")}
    return found if length is None else {**found, "tdr.length_m": Fact("tdr.length_m", length, at, "sw-1")}


def test_a_pair_that_ends_early_has_a_gap_to_the_length_on_file() -> None:
    copper = case()
    copper = replace(copper, line=replace(copper.line, cable_length_m=42.0))
    assert cable_facts(copper, tdr("open", 17.5)) == [
        Fact("tdr.gap_to_known_len_m", 24.5, NOW - timedelta(minutes=2), "sw-1", "42 m on file")
    ]
    for found in (tdr("ok", 40.0), tdr("open", None), {}):
        assert cable_facts(copper, found) == []
    assert cable_facts(case(), tdr("open", 17.5)) == []


def test_the_time_of_a_drift_is_that_of_its_last_reading() -> None:
    levels = light(*(-20.0 - 0.2 * day for day in range(28)))
    assert {fact.at for fact in drift_facts(levels, NOW)} == {levels[-1][0]}
