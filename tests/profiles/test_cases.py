"""Every case of fixtures/cpe: a tree of a real device, rewritten, and the facts that its profile must give.

A case is a folder with tree.csv (Parameter,Value) and expected.toml ([device], [facts], optionally unreadable = [...]).
"""

import csv
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from acs.profiles.schema import Identity, choose, load_profiles
from acs.profiles.tree import binding_values, facts_from_tree, firmware_fact, values_for, wanted_names
from probes.facts import FACTS, FactKind, Quality

ROOT = Path(__file__).parents[2] / "fixtures" / "cpe"
CASES = sorted(path.parent for path in ROOT.rglob("expected.toml"))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def tree_of(case: Path) -> dict[str, str]:
    with (case / "tree.csv").open(newline="", encoding="utf-8") as file:
        return {row["Parameter"]: row["Value"] for row in csv.DictReader(file)}


def test_there_are_cases() -> None:
    assert CASES


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_a_tree_gives_its_facts(case: Path) -> None:
    expected = tomllib.loads((case / "expected.toml").read_text("utf-8"))
    values = tree_of(case)
    device = expected["device"]
    identity = Identity(device["root"], device["manufacturer"], device["oui"], device["product_class"])
    profile = choose(load_profiles(), identity, sorted(values))
    assert profile is not None and profile.id == device["profile"]

    facts = facts_from_tree(profile, values, NOW, "case")
    firmware = firmware_fact(profile, device.get("software_version", ""), NOW, "case")
    found = {fact.name: fact.value for fact in [*facts, firmware] if fact is not None and fact.quality is Quality.OK}
    assert found == pytest.approx(expected["facts"])
    assert {fact.name for fact in facts if fact.quality is Quality.UNREADABLE} == set(expected.get("unreadable", ()))
    assert binding_values(profile, values) == expected.get("binding", {})

    asked = values_for(wanted_names(profile, sorted(values)), values)
    assert {fact.name: fact.value for fact in facts_from_tree(profile, asked, NOW, "case")} == {
        fact.name: fact.value for fact in facts
    }, "asking for the wanted names alone gives the same facts"


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}/{case.name}")
def test_values_have_the_types_of_the_table_of_facts(case: Path) -> None:
    device = tomllib.loads((case / "expected.toml").read_text("utf-8"))["device"]
    values = tree_of(case)
    profile = choose(
        load_profiles(),
        Identity(device["root"], device["manufacturer"], device["oui"], device["product_class"]),
        sorted(values),
    )
    assert profile is not None
    for fact in facts_from_tree(profile, values, NOW, "case"):
        kind = FACTS[fact.name].kind
        if fact.value is None:
            continue
        if kind is FactKind.ENUM:
            assert fact.value in FACTS[fact.name].values, fact
        assert isinstance(fact.value, bool) == (kind is FactKind.FLAG), fact
