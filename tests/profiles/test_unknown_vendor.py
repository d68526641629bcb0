"""A tree of a maker that nobody knows: every fact of its standard part comes out, and nothing is guessed."""

import csv
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acs.profiles.convert import CONVERSIONS
from acs.profiles.rows import tables_from_tree
from acs.profiles.schema import Identity, Profile, Reading, choose, load_profiles
from acs.profiles.tree import facts_from_tree
from tests.shared_data import shared

NOW = datetime(2026, 11, 22, tzinfo=UTC)
FIXTURES = sorted((Path(__file__).parents[2] / "fixtures" / "cpe").rglob("tree.csv"))
MODELS = {
    "InternetGatewayDevice.": ("tr-098", "tr-104-v1", "tr-104-v2"),
    "Device.": ("tr-181", "tr-104-v1", "tr-104-v2"),
}
GENERIC = [profile for profile in load_profiles() if profile.kind == "generic" or profile.id == "generic-tr135"]


def tree_of(path: Path) -> dict[str, str]:
    with path.open(newline="", encoding="utf-8") as file:
        return {row["Parameter"]: row["Value"] for row in csv.DictReader(file)}


def unknown(values: dict[str, str]) -> Profile:
    root = next(iter(values)).partition(".")[0] + "."
    profile = choose(load_profiles(), Identity(root, "Nobody", "ABCDEF", "Thing"), sorted(values))
    assert profile is not None
    return profile


def read(values: dict[str, str]) -> tuple[object, object]:
    profile = unknown(values)
    facts = {fact.name: fact.value for fact in facts_from_tree(profile, values, NOW, "test")}
    tables = tables_from_tree(profile, values, NOW, "test")
    return facts, {name: [row.values for row in table.rows] for name, table in tables.items()}


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: f"{path.parent.parent.name}-{path.parent.name}")
def test_a_vendors_own_parameters_say_nothing_without_its_profile(path: Path) -> None:
    values = tree_of(path)
    standard = {name: value for name, value in values.items() if ".X_" not in name}
    facts, tables = read(values)
    assert (facts, tables) == read(standard)
    known = choose(load_profiles(), Identity(unknown(values).match.root, "Nobody"), sorted(values))
    assert known is not None and known in GENERIC
    for fact in facts_from_tree(known, values, NOW, "test"):
        assert ".X_" not in fact.method


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(FIXTURES), st.lists(st.from_regex(r"X_[A-Z]{2,6}_[A-Za-z]{1,12}", fullmatch=True), max_size=8))
def test_strange_names_beside_the_standard_change_nothing(path: Path, names: list[str]) -> None:
    values = tree_of(path)
    root = next(iter(values)).partition(".")[0]
    strange = {f"{root}.{name}.RXPower": "-20" for name in names}
    assert read(values | strange) == read(values)


@cache
def standard_names(root: str) -> frozenset[str]:
    names: set[str] = set()
    for model in MODELS[root]:
        for line in shared(f"data/datamodels/{model}.txt").read_text("utf-8").splitlines():
            name = line.split(" ")[0].replace("{i}", "*")
            names.add(f"{root}Services.{name}" if name.startswith("VoiceService") else name)
    if root == "Device.":
        for line in shared("data/datamodels/tr-135.txt").read_text("utf-8").splitlines():
            names.add("Device.Services." + line.split(" ")[0].replace("{i}", "*"))
    return frozenset(names)


def leaves(profile: Profile) -> list[str]:
    """Every pattern that a profile reads straight, without following a reference."""
    found = []
    for readings in profile.readings.values():
        found += [pattern for reading in readings for pattern in (reading.path, reading.of or reading.path)]
    for forms in profile.tables.values():
        for form in forms:
            for column in form.columns:
                for one in form.readings_of(column):
                    if one.referring is None and "->" not in one.leaf and "^" not in one.leaf:
                        found.append(f"{form.rows}.{one.leaf}")
    return found


@pytest.mark.parametrize("profile", GENERIC, ids=lambda profile: profile.id)
def test_a_generic_profile_reads_only_what_a_standard_defines(profile: Profile) -> None:
    names = standard_names(profile.match.root)
    assert not [leaf for leaf in leaves(profile) if leaf not in names]


def filled(reading: Reading) -> dict[str, str]:
    """A tree in which this reading has a value: the first of its codes, or a number that fits."""
    row = reading.path.replace("*", "1")
    text = next(
        iter(reading.codes), "true" if reading.as_ == "boolean" else "ERROR_NONE" if reading.as_ == "text" else "7"
    )
    if reading.between is not None and not reading.codes:
        low, high = reading.between
        text = next(str(n) for n in (-20, -20000, -200, 1, 30, 1500, 3300, 9000) if fits(reading, n, low, high))
    values = {row: text}
    for leaf, allowed in reading.where.items():
        above = row.rpartition(".")[0]
        while leaf.startswith("^."):
            above, leaf = above.rpartition(".")[0], leaf[2:]
        values[f"{above}.{leaf}"] = allowed[0]
    if reading.of is not None:
        values[reading.of.replace("*", "1")] = "28"
        values[row] = "7"
    if reading.counted_by is not None:
        values[reading.counted_by.replace("*", "1")] = "1"
    return values


def fits(reading: Reading, raw: float, low: float, high: float) -> bool:
    value = CONVERSIONS[reading.convert](raw)
    return value is not None and low <= value <= high


@pytest.mark.parametrize("profile", GENERIC, ids=lambda profile: profile.id)
def test_every_fact_that_the_standard_part_holds_comes_out(profile: Profile) -> None:
    for fact, readings in profile.readings.items():
        for reading in readings:
            values = filled(reading)
            if profile.match.object is not None:
                values.setdefault(f"{profile.match.object}1.Enable", "1")
            found = {each.name: each.value for each in facts_from_tree(unknown(values), values, NOW, "test")}
            assert found.get(fact) is not None, (fact, values)
