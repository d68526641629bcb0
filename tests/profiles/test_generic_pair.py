"""The two generic profiles against one list: what a standard says of a meaning is read under either root."""

import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from acs.profiles.schema import Profile, load_profiles
from tests.profiles.test_unknown_vendor import standard_names

PROFILES = {each.id.removeprefix("generic-"): each for each in load_profiles() if each.id.startswith("generic-tr")}
PAIR = {"tr098": PROFILES["tr098"], "tr181": PROFILES["tr181"]}
LIST = tomllib.loads((Path(__file__).parent / "standard_meanings.toml").read_text("utf-8"))
FACTS = {each["name"]: each for each in LIST["fact"]}
SETTINGS = {each["name"]: each for each in LIST["setting"]}
#: the services that stand under either root, with the same names below it
VOICE = "Services.VoiceService."
BOTH = pytest.mark.parametrize("model", PAIR)


def read_by(profile: Profile) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """meaning → parameters without their root: of facts, and of settings."""
    facts = {name: {each.path for each in readings} for name, readings in profile.readings.items()}
    settings: dict[str, set[str]] = {}
    for setting in profile.settings.settings:
        settings.setdefault(setting.name, set()).add(setting.path)
    bare = profile.match.root
    return tuple(
        {name: {path.removeprefix(bare) for path in paths} for name, paths in found.items()}
        for found in (facts, settings)
    )  # type: ignore[return-value]  # two of them


@BOTH
def test_each_meaning_is_read_from_every_parameter_that_its_standard_has(model: str) -> None:
    facts, settings = read_by(PAIR[model])
    assert facts == {name: set(each[model]) for name, each in FACTS.items() if each[model]}
    assert settings == {name: set(each[model]) for name, each in SETTINGS.items() if each[model]}


@BOTH
def test_the_list_names_what_the_standard_has(model: str) -> None:
    profile = PAIR[model]
    names = standard_names(profile.match.root)
    listed = [path for each in (*FACTS.values(), *SETTINGS.values()) for path in each[model]]
    # PreSharedKey.1 is a row of PreSharedKey.{i}
    assert not [path for path in listed if f"{profile.match.root}{path.replace('.1.', '.*.')}" not in names]


def test_what_one_standard_has_no_parameter_for_says_why() -> None:
    for each in (*FACTS.values(), *SETTINGS.values()):
        assert bool(each["tr098"] and each["tr181"]) == ("why" not in each), each["name"]


def voice_of(profile: Profile) -> set[str]:
    """Every way to read something of telephony, as it stands in the file, without its root and its source."""

    def text(name: str, part: BaseModel) -> str:
        said = part.model_dump_json(exclude={"source", "fallback"}, exclude_defaults=True)
        return f"{name} {said}".replace(profile.match.root, "")

    parts = [(fact, each) for fact, readings in profile.readings.items() for each in readings]
    parts += [(each.name, each) for each in profile.settings.settings]  # type: ignore[misc]  # of another form
    parts += [(table, form) for table, forms in profile.tables.items() for form in forms]  # type: ignore[misc]
    return {said for name, part in parts if VOICE in (said := text(name, part))}


def test_telephony_is_read_alike_under_either_root() -> None:
    assert voice_of(PAIR["tr098"]) == voice_of(PAIR["tr181"])
