"""Profiles: the form, the choice, and the errors that name file, key and remedy."""

from pathlib import Path

import pytest

from acs.errors import ConfigError
from acs.profiles.schema import Identity, choose, load_profiles, parse_profile
from probes.facts import FACTS

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


def test_a_base_that_does_not_exist_or_goes_in_circles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(HEAD.replace('title = "X"', 'title = "X"\nbase = "nowhere"'))
    with pytest.raises(ConfigError, match="no profile 'nowhere'"):
        load_profiles(tmp_path)
    (tmp_path / "a.toml").write_text(HEAD.replace('title = "X"', 'title = "X"\nbase = "x"'))
    with pytest.raises(ConfigError, match="based on itself"):
        load_profiles(tmp_path)
