"""Profiles: the form, the choice, and the errors that name file, key and remedy."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from acs.errors import ConfigError
from acs.profiles.schema import Identity, choose, load_profiles, parse_profile
from acs.profiles.tree import firmware_fact
from probes.facts import FACTS

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HEAD = '[profile]\nid = "x"\nkind = "ont"\ntitle = "X"\n[match]\nroot = "Device."\n'
READING = '[[reading]]\nfact = "cpe.cpu_pct"\npath = "Device.A"\nsource = "S"\n'


def test_every_packaged_profile_loads_and_yields_known_facts() -> None:
    for profile in load_profiles():
        assert profile.readings
        for fact, readings in profile.readings.items():
            assert fact in FACTS, (profile.id, fact)
            for reading in readings:
                assert reading.path.startswith(profile.match.root), (profile.id, reading.path)


@pytest.mark.parametrize(
    ("identity", "names", "expected"),
    [
        (Identity("InternetGatewayDevice.", "Huawei Technologies Co., Ltd", "00259E", "EG8145V5"), (), "huawei-eg8145"),
        (Identity("InternetGatewayDevice.", "Someone", "00259E", "EG8145V5"), (), "generic-tr098"),
        (Identity("Device.", "TP-Link", "1C61B4", "Device2"), (), "tplink-tr181"),
        (Identity("Device.", "Maker", "000000", "Device2"), (), "generic-tr181"),
        (Identity("Device.", "Any", "000000", "STB"), ("Device.Services.STBService.1.Enable",), "generic-tr135"),
        (Identity("Odd.", "Any", "000000", "X"), (), None),
    ],
)
def test_the_most_specific_profile_is_chosen(identity: Identity, names: tuple[str, ...], expected: str | None) -> None:
    chosen = choose(load_profiles(), identity, names)
    assert (chosen.id if chosen else None) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[profile", ["x.toml", "not TOML"]),
        (HEAD + "colour = 1\n", ["x.toml", "match.colour", "no such key"]),
        (HEAD.replace('title = "X"\n', ""), ["profile.title", "this key is needed"]),
        (HEAD + READING + 'convert = "furlongs"\n', ["reading.0.convert", "unknown conversion"]),
        (HEAD + READING + 'where = {A = ["1"]}\n', ["reading.0", "where needs a *"]),
        (HEAD + READING + 'of = "Device.*.B"\n', ["reading.0", "same number of *"]),
        (HEAD + READING + "volatile = true\n", ["reading.0", "volatile needs a *"]),
        (HEAD + READING + 'pick = "best"\n', ["reading.0.pick"]),
        (HEAD.replace("Device.", "Router."), ["match.root"]),
        (HEAD + "[firmware]\nmaintained = true\n", ["firmware", "reviewed", "source"]),
        (HEAD + '[firmware]\nmaintained = true\nreviewed = "2026-11-22"\n', ["firmware", "source", "whose list"]),
    ],
)
def test_a_wrong_profile_names_file_key_and_remedy(text: str, told: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        parse_profile(text, "x.toml")
    for part in told:
        assert part in str(error.value)


def test_an_operators_profile_refines_a_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        HEAD.replace('title = "X"', 'title = "X"\nbase = "generic-tr181"') + 'product_class = ["R2"]\n' + READING
    )
    chosen = choose(load_profiles(tmp_path), Identity("Device.", "M", "O", "r2"))
    assert chosen is not None and chosen.id == "x"
    assert chosen.readings["cpe.cpu_pct"][0].path == "Device.A"
    assert "ont.rx_dbm" in chosen.readings


def test_no_packaged_profile_says_that_a_version_has_no_known_defect() -> None:
    """Nobody among us reads what makers say of each version; an operator may, and says so in a profile of his own."""
    assert not [profile.id for profile in load_profiles() if profile.firmware.maintained]


OWN = """\
[profile]
id = "ours"
kind = "{kind}"
title = "Ours"
base = "{base}"
[match]
root = "{root}"
manufacturer = ["{manufacturer}*"]
product_class = ["{product_class}*"]
[firmware]
maintained = true
reviewed = "2026-11-22"
source = "the list of our laboratory"
"""


def test_an_operators_list_holds_for_a_model_of_a_packaged_profile(tmp_path: Path) -> None:
    """It matches with the same keys as the packaged one, which it refines: the one that refines is taken."""
    told = OWN.format(
        kind="ont", base="huawei-eg8145", root="InternetGatewayDevice.", manufacturer="Huawei", product_class="EG8"
    )
    (tmp_path / "a.toml").write_text(told.replace('"ours"', '"a-list-of-ours"'))
    profiles = load_profiles(tmp_path)
    chosen = choose(profiles, Identity("InternetGatewayDevice.", "Huawei Technologies", "00259E", "EG8145V5"))
    assert chosen is not None and chosen.id == "a-list-of-ours"
    fact = firmware_fact(chosen, "V5R020C00S280", NOW, "test")
    assert fact is not None and fact.value is False
    other = choose(profiles, Identity("InternetGatewayDevice.", "Huawei Technologies", "00259E", "HG8245H"))
    assert other is not None and other.id == "huawei-eg8145"
    assert firmware_fact(other, "V3R017C10S120", NOW, "test") is None


def test_an_operators_list_does_not_forget_defects_of_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(
        OWN.format(kind="router", base="mikrotik", root="Device.", manufacturer="MikroTik", product_class="")
    )
    ours = next(each for each in load_profiles(tmp_path) if each.id == "ours")
    for version, known in (("6.42rc49", True), ("7.99.1", False)):
        fact = firmware_fact(ours, version, NOW, "test")
        assert fact is not None and fact.value is known


def test_a_base_that_does_not_exist_or_goes_in_circles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(HEAD.replace('title = "X"', 'title = "X"\nbase = "nowhere"'))
    with pytest.raises(ConfigError, match="no profile 'nowhere'"):
        load_profiles(tmp_path)
    (tmp_path / "a.toml").write_text(HEAD.replace('title = "X"', 'title = "X"\nbase = "x"'))
    with pytest.raises(ConfigError, match="based on itself"):
        load_profiles(tmp_path)
