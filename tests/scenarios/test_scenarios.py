"""The acceptance table end to end: each of its scenarios stands in the simulator, and the live verdict is the row's.

One server, one town, all lines broken at once, one ticket per line through the TMF621 hook. The variants of the rows
follow in three more towns: `variants.py` makes their worlds, `proof.py` says whether they are what they should be.
"""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.own_server import OwnServer
from cli.simulator.scenario_files import Scenario, ScenarioError, _scenario, load_scenarios, load_systems
from cli.simulator.scenario_town import TOLD_NOW
from probes.facts import FACTS
from tests.probes.linetest.cases import differing, shared_rows
from tests.scenarios.proof import lost, unreal
from tests.scenarios.variants import Variant, hiding, named, variants_of, worlds
from tests.scenarios.world import Collected, play, server_in
from tests.shared_data import shared

TABLE = "data/linetest-cases.yaml"
SCENARIOS = load_scenarios()
#: rows without the boundaries, which are of the pure engine; empty where the table is not beside the checkout
ROWS: dict[str, dict[str, Any]] = {row["id"]: row for row in shared_rows() if not row["id"].startswith("B")}
#: rows of the table that cannot be shown end to end: none
NOT_SHOWN: frozenset[str] = frozenset()


#: variants that no world shows → why
VARIANTS_NOT_SHOWN = {
    "P07: class unknown: the limit is -8": "a server always has a class: [line_tests] optical_class stands in for a "
    "model whose class no profile knows, and its limit is the -8 dBm of the variant",
    "X12: not even the health of the probes": "the server counts its own silent sources in every test that it ends; "
    "nobody else tells it how they are",
}
OF_SCENARIOS = {scenario.row: scenario for scenario in SCENARIOS}
VARIANTS = [
    variant
    for row in ROWS.values()
    for variant in variants_of(row, OF_SCENARIOS[row["id"]])
    if variant.name not in VARIANTS_NOT_SHOWN
]
#: variants about what a registry says of all lines: each has a server of its own
ALONE = [variant for variant in VARIANTS if variant.registries != TOLD_NOW]
TOGETHER = [variant for variant in VARIANTS if variant not in ALONE]
#: lines of one town
BATCH = 80

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
    told = [f"{source['name']} {source['state']} {source['problem']}" for source in one.test["facts"]["sources"]]
    return "; ".join([*told, *(["asked twice"] if one.again else [])])


@pytest.fixture(scope="module")
def played(server: OwnServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Variant], Collected]]:
    """Variant → what came of it; the town of its batch stands when the first one of it is asked for."""
    found: dict[str, Collected] = {}

    def of(variant: Variant) -> Collected:
        if variant.scenario.id not in found:
            found.update(_alone(variant, tmp_path_factory) if variant in ALONE else _batch_of(variant, server))
        return found[variant.scenario.id]

    yield of
    twice = sorted(one.scenario.row for one in found.values() if one.again)
    print(f"asked twice, for a source was late: {', '.join(twice) or 'none'}")


def _batch_of(variant: Variant, server: OwnServer) -> dict[str, Collected]:
    first = TOGETHER.index(variant) // BATCH * BATCH
    lines = [one.scenario for one in TOGETHER[first : first + BATCH]]
    return asyncio.run(play(server, lines, first=len(SCENARIOS) + first, quick=False))


def _alone(variant: Variant, folders: pytest.TempPathFactory) -> dict[str, Collected]:
    own = server_in(folders.mktemp("registry"))
    try:
        return asyncio.run(play(own, [variant.scenario], registries=variant.registries, quick=False))
    finally:
        own.stop()


@pytest.mark.timeout(300)  # the first one of a batch waits for its town
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_the_live_verdict_of_a_variant_is_a_right_one(
    variant: Variant, played: Callable[[Variant], Collected], town: dict[str, Collected]
) -> None:
    one, of_row = played(variant), town[OF_SCENARIOS[variant.row].id]
    assert unreal(variant, one.test) == [], "the world is not the variant's"
    assert lost(variant, ROWS[variant.row], of_row.test, one.test) == [], sources_of(one)
    assert unreal(variant, of_row.test) != [], "the row's own test would pass for the variant"
    assert differing(one.verdict, variant.expect) == [], (one.verdict["cause"], sources_of(one))


def test_every_variant_is_played_or_is_said_not_to_be() -> None:
    shared(TABLE)
    names = [named(row, item) for row in ROWS.values() for item in row.get("missing", ())]
    assert len(names) == len(set(names)) == 241
    assert sorted([variant.name for variant in VARIANTS] + list(VARIANTS_NOT_SHOWN)) == sorted(names)


def test_no_rule_of_a_variants_world_is_left_over() -> None:
    shared(TABLE)
    gone = {fact for variant in VARIANTS for fact in (*variant.removed, *variant.stale)}
    assert hiding().keys() <= gone
    assert worlds().keys() <= {variant.name for variant in VARIANTS}


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
    shared(TABLE)
    rows = {id_: {name: row["expect"][name] for name in ("verdict", "cause", "location")} for id_, row in ROWS.items()}
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
