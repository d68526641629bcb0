"""The state of the neighbourhood, who plays in the faults, and what the feeds and trees say of it."""

import csv
import io
from datetime import UTC, datetime

import pytest

from cli.simulator.faults import FAULTS, casting
from cli.simulator.feed import LINE_COLUMNS, facts, lines_csv, readings
from cli.simulator.indoors import reflect
from cli.simulator.neighbourhood import CpeKind, build
from cli.simulator.tree import Tree, load
from tests.simulator.conftest import FIXED

NOW = datetime(2026, 3, 12, 18, 32, tzinfo=UTC)
LIVE = dict.fromkeys(("uptime", "ppp_uptime", "now", "reboots"), "1")


def test_the_twelve_faults_of_the_issue_strike_twelve_homes_with_a_cpe() -> None:
    cast = casting(build(NOW))
    assert len(FAULTS) == len(cast) == 12
    assert len({home.line for _, home in cast}) == 12
    assert all(home.cpes for _, home in cast)


def test_what_could_be_mistaken_for_each_other_has_ports_of_its_own() -> None:
    ports = {fault.name: home.port for fault, home in casting(build(NOW))}
    apart = ("feeder-cut", "area-power", "low-light-splitter", "power-off")
    assert [ports.pop(name) for name in apart] == [0, 1, 2, 3]
    assert set(ports.values()) == {4}


def test_faults_do_not_disturb_each_other() -> None:
    town = build(NOW)
    cast = casting(town)
    for fault, home in cast:
        fault.apply(town, home, NOW)
    healthy = next(home for fault, home in cast if fault.name == "healthy")
    assert healthy.online and healthy.rx_step_db == 0 and healthy.radius == "accept"


@pytest.mark.parametrize("sizes", [(1, 1, 0, 0), (1, 1, 1, 1), (2, 128, 60, 2), (5, 32, 24, 2)])
def test_any_size_can_be_built(sizes: tuple[int, int, int, int]) -> None:
    ports, onts, cpes, stbs = sizes
    town = build(NOW, ports=ports, onts_per_port=onts, cpes=cpes, stbs=stbs)
    assert len(town.homes) == ports * onts
    assert sum(bool(home.cpes) for home in town.homes) <= cpes


def test_the_inventory_is_one_csv_with_every_line() -> None:
    town = build(NOW)
    rows = list(csv.DictReader(io.StringIO(lines_csv(town))))
    assert tuple(rows[0]) == LINE_COLUMNS
    assert len(rows) == len({row["id"] for row in rows}) == len(town.homes)
    assert rows[0]["device_serials"] == town.homes[0].gpon_serial


def test_seven_days_of_readings_of_every_living_ont() -> None:
    town = build(NOW)
    told = list(readings(town, NOW))
    first = min(str(one["at"]) for one in told)
    assert first.startswith("2026-03-05")
    assert len({one["line"] for one in told}) == len(town.homes) - 5
    light = [float(str(one["value"])) for one in told if one["line"] == "L0001" and one["name"] == "ont.rx_dbm"]
    assert max(light) - min(light) < 0.5


def test_a_line_without_a_session_has_no_address_and_loses_every_ping() -> None:
    town = build(NOW)
    fault, home = casting(town)[0]
    before = {name for _, name, _ in facts(home, "127.0.0.1")}
    assert {"bras.address", "ping.loss_pct"} <= before
    fault.apply(town, home, NOW)
    told = {name: value for _, name, value in facts(home, "127.0.0.1")}
    assert told["bras.session"] == "none"
    assert told["ping.loss_pct"] == 100
    assert not {"bras.address", "ping.rtt_ms"} & set(told)


@pytest.mark.parametrize("kind", [CpeKind.ONT, CpeKind.ROUTER])
def test_every_fault_can_be_shown_by_every_cpe(kind: CpeKind) -> None:
    for index in range(len(FAULTS)):
        town = build(NOW)
        fault, home = casting(town)[index]
        fault.apply(town, home, NOW)
        tree = load(kind.value, FIXED, lambda: LIVE)
        reflect(tree, kind, home)
        assert tree.get([tree.root])


def shown_by(name: str) -> Tree:
    town = build(NOW)
    fault, home = next(pair for pair in casting(town) if pair[0].name == name)
    fault.apply(town, home, NOW)
    tree = load(CpeKind.ONT.value, FIXED, lambda: LIVE)
    reflect(tree, CpeKind.ONT, home)
    return tree


def test_the_tree_shows_what_happened_indoors() -> None:
    root = "InternetGatewayDevice."
    assert shown_by("weak-wifi").value(f"{root}LANDevice.1.WLANConfiguration.1.AssociatedDevice.2.X_HW_RSSI") == "-82"
    memory = shown_by("memory")
    free, total = (int(memory.value(f"{root}DeviceInfo.MemoryStatus.{name}")) for name in ("Free", "Total"))
    assert free / total < 0.05
    unplugged = shown_by("lan-unplugged")
    assert not unplugged.find(f"{root}LANDevice.1.WLANConfiguration.*.AssociatedDevice.*.X_HW_RSSI")
    links = unplugged.find(f"{root}LANDevice.1.LANEthernetInterfaceConfig.*.Status")
    assert {unplugged.value(name) for name in links} == {"NoLink"}
    ppp = f"{root}WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1."
    assert shown_by("ppp-password").value(f"{ppp}LastConnectionError") == "ERROR_AUTHENTICATION_FAILURE"


def test_the_first_three_lines_have_a_cpe_for_the_tour() -> None:
    town = build(NOW)
    assert [town.home(line).cpes for line in ("L0001", "L0002", "L0003")] == [
        (CpeKind.ONT,),
        (CpeKind.ROUTER,),
        (CpeKind.ONT,),
    ]
