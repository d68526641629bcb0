"""The tree of a CPE: what it answers to the parameter RPCs."""

import pytest

from acs.cwmp.structs import ParameterValueStruct, SetParameterAttributesStruct
from cli.simulator.neighbourhood import CpeKind
from cli.simulator.tree import Refusal, Tree, load
from tests.simulator.conftest import FIXED

INTERVAL = "InternetGatewayDevice.ManagementServer.PeriodicInformInterval"
MAPPINGS = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1.PortMapping."


@pytest.mark.parametrize("kind", list(CpeKind))
def test_every_tree_has_some_hundred_typed_leaves_and_no_open_placeholder(kind: CpeKind) -> None:
    tree = load(kind.value, FIXED, lambda: dict.fromkeys(("uptime", "ppp_uptime", "now", "reboots"), "1"))
    leaves = tree.get([tree.root])
    assert len(leaves) > 150
    assert all(leaf.type.startswith("xsd:") for leaf in leaves)
    open_ones = {leaf.name for leaf in leaves if "{" in leaf.value}
    assert open_ones == {f"{tree.root}ManagementServer.ConnectionRequestURL"}


def test_a_full_name_and_a_partial_path_are_read(tree: Tree) -> None:
    assert tree.get([INTERVAL])[0].value == "300"
    assert len(tree.get(["InternetGatewayDevice.ManagementServer."])) > 10


def test_live_values_are_those_of_the_moment(tree: Tree) -> None:
    assert tree.get(["InternetGatewayDevice.DeviceInfo.UpTime"])[0].value == "77"


def test_passwords_read_as_empty(tree: Tree) -> None:
    name = "InternetGatewayDevice.ManagementServer.ConnectionRequestPassword"
    tree.set([ParameterValueStruct(name, "secret")], "")
    assert tree.get([name])[0].value == ""
    assert tree.value(name) == "secret"


def test_a_value_with_braces_that_the_acs_sets_comes_back_as_it_was(tree: Tree) -> None:
    name = "InternetGatewayDevice.DeviceInfo.ProvisioningCode"
    tree.set([ParameterValueStruct(name, "{uptime}")], "")
    assert tree.get([name])[0].value == "{uptime}"


def test_an_unknown_name_is_9005(tree: Tree) -> None:
    with pytest.raises(Refusal) as refusal:
        tree.get(["InternetGatewayDevice.Nothing"])
    assert refusal.value.fault.fault_code == 9005


def test_a_hidden_leaf_is_none_for_the_acs_and_is_there_inside(tree: Tree) -> None:
    tree.hide(["InternetGatewayDevice.ManagementServer.PeriodicInformInterval", "InternetGatewayDevice.Nothing.*.X"])
    below = "InternetGatewayDevice.ManagementServer."
    assert tree.get([below]) and INTERVAL not in {leaf.name for leaf in tree.get([below])}
    assert INTERVAL not in {info.name for info in tree.names(below, next_level=True)}
    for ask in (lambda: tree.get([INTERVAL]), lambda: tree.set([ParameterValueStruct(INTERVAL, "600")], "")):
        with pytest.raises(Refusal):
            ask()
    tree.put(INTERVAL, "900")
    assert tree.value(INTERVAL) == "900"


def test_set_is_all_or_nothing_and_names_each_fault(tree: Tree) -> None:
    wanted = [
        ParameterValueStruct(INTERVAL, "600"),
        ParameterValueStruct(INTERVAL + "x", "1"),
        ParameterValueStruct("InternetGatewayDevice.DeviceInfo.SerialNumber", "x"),
        ParameterValueStruct("InternetGatewayDevice.ManagementServer.PeriodicInformEnable", "maybe"),
    ]
    with pytest.raises(Refusal) as refusal:
        tree.set(wanted, "key")
    fault = refusal.value.fault
    assert fault.fault_code == 9003
    assert [each.fault_code for each in fault.set_parameter_values_faults] == [9005, 9008, 9006]
    assert tree.value(INTERVAL) == "300"


def test_set_keeps_the_parameter_key(tree: Tree) -> None:
    tree.set([ParameterValueStruct(INTERVAL, "600")], "key")
    assert tree.value("InternetGatewayDevice.ManagementServer.ParameterKey") == "key"


def test_an_absurd_number_is_9007(tree: Tree) -> None:
    with pytest.raises(Refusal) as refusal:
        tree.set([ParameterValueStruct(INTERVAL, "-1")], "")
    assert refusal.value.fault.set_parameter_values_faults[0].fault_code == 9007


def test_names_of_the_next_level_and_of_all_levels(tree: Tree) -> None:
    level = tree.names("InternetGatewayDevice.", True)
    assert "InternetGatewayDevice.DeviceInfo." in {info.name for info in level}
    assert all(info.name.rstrip(".").count(".") == 1 for info in level)
    everything = {info.name for info in tree.names("", False)}
    assert {"InternetGatewayDevice.", INTERVAL} <= everything


def test_a_row_is_added_counted_and_deleted(tree: Tree) -> None:
    counter = MAPPINGS[:-1] + "NumberOfEntries"
    number = tree.add_object(MAPPINGS, "k")
    assert (number, tree.value(counter)) == (1, "1")
    assert tree.add_object(MAPPINGS, "") == 2
    tree.delete_object(f"{MAPPINGS}1.", "")
    assert tree.value(counter) == "1"
    with pytest.raises(Refusal):
        tree.delete_object(f"{MAPPINGS}1.", "")
    with pytest.raises(Refusal):
        tree.add_object("InternetGatewayDevice.DeviceInfo.", "")


def test_notification_makes_a_change_worth_telling(tree: Tree) -> None:
    name = "InternetGatewayDevice.WANDevice.1.X_GponInterafceConfig.RXPower"
    tree.put(name, "-25")
    assert tree.take_changes() == []
    tree.set_attributes([SetParameterAttributesStruct(name, True, 2)])
    tree.put(name, "-26")
    assert tree.take_changes() == [name]
    assert tree.attributes([name])[0].notification == 2
