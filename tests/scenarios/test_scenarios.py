"""The acceptance table end to end: each of its scenarios stands in the simulator, and the live verdict is the row's.

One server, one town, all lines broken at once, one ticket per line through the TMF621 hook.
"""

import asyncio
from pathlib import Path

import pytest
import yaml

from cli.own_server import OwnServer
from cli.simulator.scenario_files import Scenario, ScenarioError, _scenario, load_scenarios, load_systems
from probes.facts import FACTS
from tests.scenarios.world import Collected, play
from tests.shared_data import shared

SCENARIOS = load_scenarios()
#: rows of the table that cannot be shown end to end: none
NOT_SHOWN: frozenset[str] = frozenset()


#: verdicts that send nobody and promise nothing
QUIET = ("INCONCLUSIVE", "MONITOR_24H")


@pytest.fixture(scope="module")
def town(server: OwnServer) -> dict[str, Collected]:
    """Every scenario with its line test."""
    return asyncio.run(play(server, SCENARIOS))


@pytest.mark.timeout(300)  # the first one waits for the town
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.row}-{scenario.id}")
def test_the_live_verdict_is_the_right_one(scenario: Scenario, town: dict[str, Collected]) -> None:
    given = town[scenario.id].verdict
    assert {name: given.get(name) for name in scenario.expect} == scenario.expect, sources_of(town[scenario.id])


def sources_of(one: Collected) -> str:
    """What each source gave: a verdict that stays open on a busy machine lacks one."""
    told = [f"{source['name']} {source['state']} {source.get('detail', '')}" for source in one.test["facts"]["sources"]]
    return "; ".join(told)


def test_quick_says_the_same_or_nothing(town: dict[str, Collected]) -> None:
    other = {
        one.scenario.row: one.quick["verdict"]
        for one in town.values()
        if one.quick["verdict"] not in (one.verdict["verdict"], *QUIET)
    }
    assert other == {}


def test_quick_tells_what_the_access_node_shows(town: dict[str, Collected]) -> None:
    sure = {one.scenario.row for one in town.values() if one.quick["verdict"] not in QUIET}
    assert {"G01", "G03", "M01", "M03", "M04", "P01", "P02", "P13"} <= sure


def test_nothing_of_a_test_failed_but_what_the_scenario_broke(town: dict[str, Collected]) -> None:
    broken = {
        one.scenario.id: [source["name"] for source in one.test["facts"]["sources"] if source["state"] == "failed"]
        for one in town.values()
    }
    whole = [s for s in SCENARIOS if s.node == "answers" and s.access != "bare"]
    assert [s.id for s in whole if "access" in broken[s.id]] == []


def test_every_row_of_the_table_has_a_scenario_that_expects_what_the_row_expects() -> None:
    rows = {
        row["id"]: {name: row["expect"][name] for name in ("verdict", "cause", "location")}
        for row in yaml.safe_load(shared("data/linetest-cases.yaml").read_text("utf-8"))
        if not row["id"].startswith("B")  # boundaries are of the pure engine
    }
    assert len(rows) == 98
    assert {scenario.row: dict(scenario.expect) for scenario in SCENARIOS} == {
        row: expect for row, expect in rows.items() if row not in NOT_SHOWN
    }
    assert len({scenario.row for scenario in SCENARIOS}) == len(SCENARIOS)


def test_what_other_systems_say_is_never_what_the_product_measures_itself() -> None:
    systems = load_systems()
    told = {fact for one in systems.sets.values() for facts in one.values() for fact in facts}
    assert told <= FACTS.keys()
    measured = {"ont.rx_dbm", "ont.run_state", "ont.olt_rx_dbm", "sib.down_ratio", "sw.port_oper", "dsl.link"}
    measured |= {"dsl.snr_margin_db", "cpe.reachable", "cpe.mem_free_pct", "wifi.worst_rssi", "stb.hdmi"}
    assert not told & measured
    said = {fact for scenario in SCENARIOS for fact in scenario.facts if scenario.access != "bare"}
    assert not said & measured and said <= FACTS.keys()


def test_a_wrong_scenario_is_refused_with_its_place() -> None:
    with pytest.raises(ScenarioError, match=r"90-own\.toml: scenario mine: .*'colour'"):
        _scenario("90-own.toml", {"id": "mine", "row": "P01", "complaint": "-", "expect": ["A", "b", "c"], "colour": 1})


def test_the_scenario_files_are_packaged() -> None:
    folder = Path(__file__).parents[2] / "cli" / "simulator" / "scenarios"
    assert {file.suffix for file in folder.iterdir()} == {".toml"}
