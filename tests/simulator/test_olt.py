"""The OLT's tables: what a real SmartAX would answer, and what the reader of the product makes of it."""

from datetime import UTC, datetime, timedelta

from cli.simulator.faults import area_power, broken_drop, feeder_cut, low_light, power_off
from cli.simulator.neighbourhood import DownCause, build
from cli.simulator.olt import NO_VALUE, XPON, cells, date_and_time, if_index
from probes.snmp.agent import Kind

NOW = datetime(2026, 3, 12, 18, 32, 5, tzinfo=UTC)


def value(table, column: str, port: int, ont: int):
    return table[f"{XPON}.{column}.{if_index(port)}.{ont}"].value


def test_the_index_is_that_of_the_recording() -> None:
    # GPON 0/1/1 has ifIndex 4194312448 on a real MA5603T
    assert if_index(1) == 4194312448


def test_date_and_time_has_eleven_bytes_with_the_zone() -> None:
    assert date_and_time(NOW).hex() == "07ea030c122005002b0000"
    assert date_and_time(None) == bytes(8)


def test_a_healthy_ont_has_light_and_a_serial() -> None:
    town = build(NOW)
    table = cells(town, NOW)
    home = town.on_port(2)[5]
    assert value(table, "46.1.15", 2, 5) == 1
    assert value(table, "43.1.3", 2, 5) == bytes.fromhex(home.gpon_serial)
    assert table[f"{XPON}.43.1.3.{if_index(2)}.5"].kind is Kind.OCTETS
    assert value(table, "51.1.4", 2, 5) == round(home.base_rx_dbm * 100)
    assert -2800 < value(table, "51.1.4", 2, 5) < -1500
    assert (value(table, "51.1.6", 2, 5) - 10_000) / 100 == home.olt_rx_dbm
    assert table[f"{XPON}.62.1.22.{if_index(2)}.5.1"].value == 1


def test_a_switched_off_ont_gasped_and_has_no_light() -> None:
    town = build(NOW)
    power_off(town, town.on_port(3)[0], NOW)
    table = cells(town, NOW)
    assert value(table, "46.1.15", 3, 0) == 2
    assert value(table, "46.1.24", 3, 0) == DownCause.DYING_GASP == 13
    assert value(table, "46.1.23", 3, 0) == value(table, "46.1.25", 3, 0) == date_and_time(NOW)
    assert value(table, "51.1.4", 3, 0) == NO_VALUE


def test_a_broken_drop_does_not_gasp() -> None:
    town = build(NOW)
    broken_drop(town, town.on_port(3)[0], NOW)
    table = cells(town, NOW)
    assert value(table, "46.1.24", 3, 0) == DownCause.LOSI == 2
    assert value(table, "46.1.25", 3, 0) == bytes(8)


def test_low_light_stays_online_below_the_sensitivity() -> None:
    town = build(NOW)
    low_light(town, town.on_port(3)[0], NOW)
    table = cells(town, NOW)
    assert value(table, "46.1.15", 3, 0) == 1
    assert value(table, "51.1.4", 3, 0) == -2810


def test_a_feeder_cut_takes_every_ont_and_leaves_the_long_dead_as_it_was() -> None:
    town = build(NOW)
    feeder_cut(town, town.on_port(0)[0], NOW)
    homes = town.on_port(0)
    assert not any(home.online for home in homes)
    assert homes[-1].down_at == NOW - timedelta(days=30)
    assert all(home.online for home in town.on_port(1)[:-1])


def test_an_area_power_outage_is_over_several_splitters_with_mostly_gasps() -> None:
    town = build(NOW)
    area_power(town, town.on_port(1)[0], NOW)
    fallen = [home for home in town.on_port(1) if home.down_at == NOW]
    gasps = [home for home in fallen if home.down_cause is DownCause.DYING_GASP]
    assert len(fallen) == 12
    assert len({home.splitter for home in fallen}) == 3
    assert 0.5 <= len(gasps) / len(fallen) < 1
    assert not any(home.online for home in fallen)
