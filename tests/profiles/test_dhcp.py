"""Which of a TR-181 device's DHCP clients speaks for the line: one that is in use, or none."""

from datetime import UTC, datetime

import pytest

from acs.profiles.schema import Identity, choose, load_profiles
from acs.profiles.tree import facts_from_tree

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def status(*clients: dict[str, str]) -> object:
    tree = {
        f"Device.DHCPv4.Client.{number}.{leaf}": value
        for number, client in enumerate(clients, 1)
        for leaf, value in client.items()
    }
    profile = choose(load_profiles(), Identity("Device."), sorted(tree))
    assert profile is not None
    found = {fact.name: fact.value for fact in facts_from_tree(profile, tree, NOW, "cpe")}
    return found.get("dhcp.status")


UNUSED = {"DHCPStatus": "Init", "Enable": "true", "Status": "Disabled"}
TRYING = {"DHCPStatus": "Selecting", "Enable": "true", "Status": "Enabled"}


def test_a_client_of_an_interface_that_is_not_in_use_says_nothing() -> None:
    assert status(UNUSED) is None


@pytest.mark.parametrize("clients", [(UNUSED, TRYING), (TRYING, UNUSED)])
def test_the_client_in_use_speaks_whatever_its_row(clients: tuple[dict[str, str], ...]) -> None:
    assert status(*clients) == "Selecting"


def test_a_device_that_does_not_tell_the_state_of_its_client_is_believed() -> None:
    assert status({"DHCPStatus": "Init", "Enable": "1"}) == "Init"


def test_a_client_that_is_switched_off_says_nothing() -> None:
    assert status({"DHCPStatus": "Init", "Enable": "0", "Status": "Enabled"}) is None
