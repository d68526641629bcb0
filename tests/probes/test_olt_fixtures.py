"""Every folder below fixtures/olt is a test: its capture, read through our own client, gives its expected facts."""

import tomllib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probes.access import AccessReader, NodeTarget, OntPlace, PortReading
from probes.facts import Fact, Quality
from probes.profiles.schema import load_profiles
from tests.probes.conftest import StartAgent, target_of
from tests.probes.snmprec import table_of

FOLDER = Path(__file__).parents[2] / "fixtures" / "olt"
CASES = sorted(path.parent for path in FOLDER.glob("*/*/case.toml"))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def said(facts: Iterable[Fact]) -> dict[str, Any]:
    return {
        fact.name: fact.value if fact.quality is Quality.OK else {"quality": str(fact.quality), "raw": fact.raw}
        for fact in facts
    }


@pytest.mark.parametrize("folder", CASES, ids=lambda path: f"{path.parent.name}/{path.name}")
async def test_a_capture_gives_its_expected_facts(folder: Path, start_agent: StartAgent) -> None:
    case, expected = (tomllib.loads((folder / name).read_text("utf-8")) for name in ("case.toml", "expected.toml"))
    agent = await start_agent(table_of(folder / "capture.snmprec"))
    named = case["profile"] if case.get("named") else None
    node = NodeTarget("olt-1", target_of(agent), named, time_zone=case["time_zone"])
    reader, place = AccessReader(), OntPlace(**case["place"])
    profile = await reader.profile_of(node)
    assert profile.id == case["profile"]

    before, agent.widest = agent.answered, 0
    one = said(await reader.read_ont(node, profile, place, NOW, detail=True))
    assert one.pop("olt.reachable") is True
    assert one == expected["ont"]
    # two GETs, and the last falls where the profile has a table of them
    assert agent.answered - before <= (8 if profile.history else 2 if profile.computed else 9)
    assert agent.widest <= 12

    by_serial = replace(place, ont=None, gpon_serial=expected["onts"][str(place.ont or 0)]["serial"].lower())
    if case.get("unplaced"):
        # nothing says which ONTs share a port, or which are online: the ONT alone is read
        assert said(await AccessReader().read_ont(node, profile, by_serial, NOW, detail=True)).items() >= one.items()
        return

    reading = await reader.read_port(node, profile, place, NOW)
    assert reading.complete and reading.light_complete and not reading.problem
    port = said(reading.facts)
    assert port.pop("probe.walk_ratio") == 1.0
    assert port == expected["port"]
    shown = {str(one.ont): {"serial": one.gpon_serial, "run_state": one.run_state} for one in reading.onts}
    assert shown == expected["onts"]
    _agree(reading, place, expected["ont"])

    assert said(await AccessReader().read_ont(node, profile, by_serial, NOW, detail=True)) == one | {
        "olt.reachable": True
    }


def _agree(reading: PortReading, place: OntPlace, expected: dict[str, Any]) -> None:
    """What the port's walk says of the ONT is what the ONT's own GET says."""
    found = reading.find(place)
    assert found is not None
    assert {name: value for name, value in expected.items() if name in said(found.facts)} == said(found.facts)
    rx = expected.get("ont.rx_dbm")
    assert found.rx_dbm == (rx if isinstance(rx, float) and found.run_state == "online" else None)
    cause = expected.get("ont.last_down_cause")
    if "ont.last_down_cause" in said(found.facts):
        assert found.last_down_cause == (cause if isinstance(cause, str) else None)


def test_every_vendor_profile_has_a_fixture_case() -> None:
    assert {folder.parent.name for folder in CASES} == set(load_profiles())
