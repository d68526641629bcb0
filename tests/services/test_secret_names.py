"""Which names carry a secret, held against every tree of a real device and the standard data models."""

import csv
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from acs.secret_names import is_secret
from tests.shared_data import shared

#: What may mean a secret: a leaf with such a word stands in one of the two tables.
_WORDS = re.compile(r"pass|pwd|key|psk|secret|token|loid|credential|communit|pin(?!g)", re.IGNORECASE)
_TABLES = tomllib.loads(Path(__file__).with_name("secret_names.toml").read_text("utf-8"))
SECRET, OPEN = (frozenset(_TABLES[kind].split()) for kind in ("secret", "open"))
#: Leaves that are a row's number in one place and a secret in another.
BOTH = {
    "InternetGatewayDevice.Layer2Bridging.Bridge.1.BridgeKey": False,
    "InternetGatewayDevice.Layer2Bridging.Bridge.{i}.BridgeKey": False,
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1.X_TP_WDSBridge.BridgeKey": True,
    "InternetGatewayDevice.LANDevice.1.WLANConfiguration.2.X_TP_WDSBridge.BridgeKey": True,
}


def names_of_trees() -> Iterator[str]:
    """Every parameter of every tree of a real device."""
    for file in sorted(shared("data/trees").glob("*.csv")):
        with file.open(newline="", encoding="utf-8") as rows:
            yield from (row["Parameter"] for row in csv.DictReader(rows) if row["Object"] == "false")


def names_of_models() -> Iterator[str]:
    """Every parameter of the standard data models."""
    for file in sorted(shared("data/datamodels").glob("*.txt")):
        for line in file.read_text("utf-8").splitlines():
            name = line.partition(" ")[0]
            if name and not name.endswith("."):
                yield name


@pytest.mark.parametrize("names", [names_of_trees, names_of_models])
def test_every_name_that_may_mean_a_secret_is_judged_as_the_tables_say(names: object) -> None:
    assert callable(names)
    judged, wrong = 0, []
    for name in names():
        leaf = name.rsplit(".", 1)[-1]
        if not _WORDS.search(leaf):
            continue
        judged += 1
        wanted = BOTH.get(name, True if leaf in SECRET else False if leaf in OPEN else None)
        if wanted is None:
            wrong.append(f"{name} stands in no table: decide whether its value is a secret")
        elif is_secret(name) is not wanted:
            wrong.append(f"{name} is {'a secret' if wanted else 'open'}, and is not judged so")
    assert wrong == []
    assert judged > 100


@pytest.mark.parametrize(
    "name",
    [
        "InternetGatewayDevice.X_NOBODY_Remote.ServiceKey",
        "Device.X_NOBODY_Web.AdminPass",
        "Device.X_NOBODY_Web.Admin_Pwd2",
        "InternetGatewayDevice.X_NOBODY_Ont.SLID_Passwd",
    ],
)
def test_a_key_or_a_password_of_an_unknown_vendor_is_a_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["command_key", "parameter_key", "device_key", "Device.X_NOBODY.FirewallBypass"])
def test_keys_of_ours_and_a_bypass_are_none(name: str) -> None:
    assert not is_secret(name)
