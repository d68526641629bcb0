"""Putting a configuration back, and one model's settings in another's words: pure."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from acs.cwmp import messages as m
from acs.profiles.schema import load_profiles
from acs.profiles.settings import Settings, problem
from acs.services.actions.catalogue import CATALOGUE
from acs.services.actions.translating import translate
from acs.services.plans.backup import BackupPlan
from acs.services.plans.base import Plan
from acs.services.plans.extra_rows import extra_rows
from acs.services.plans.restoring import RestoreInputs, RestorePlan
from acs.store.records import Json
from cli.simulator import rpcs
from cli.simulator.tree import Parameter, Tree

AT = datetime(2026, 11, 22, tzinfo=UTC)
MAP = "Device.NAT.PortMapping."
ROW = {
    "ExternalPort": Parameter("0", "xsd:unsignedInt", True),
    "Interface": Parameter("", "xsd:string", True),
    "Rule": Parameter("", "xsd:string", True),
}


def tree(**values: str) -> Tree:
    parameters = {
        "Device.DeviceInfo.SoftwareVersion": Parameter("1", "xsd:string", False),
        "Device.ManagementServer.URL": Parameter("http://acs/", "xsd:string", True),
        "Device.WiFi.SSID.1.SSID": Parameter("factory", "xsd:string", True),
        "Device.WiFi.SSID.1.Enable": Parameter("1", "xsd:boolean", True),
        "Device.NAT.Chosen": Parameter("", "xsd:string", True),
        "Device.NAT.PortMappingNumberOfEntries": Parameter("0", "xsd:unsignedInt", False),
    }
    for name, value in values.items():
        parameters[name].value = value
    return Tree(parameters, {MAP: ROW}, dict)


def played(plan: Plan, device: Tree) -> Plan:
    """The plan to its end, against a tree that answers as a CPE does."""
    while (request := plan.request()) is not None:
        answer, _ = rpcs.answer(device, request, AT)
        plan.take(answer)
    return plan


def restoring(values: Mapping[str, str], **named: object) -> RestorePlan:
    typed = {name: (value, "xsd:string") for name, value in values.items()}
    inputs = RestoreInputs(typed, "test", **named)  # type: ignore[arg-type]
    return RestorePlan(inputs, root="Device.", parameter_key="key", batch=16, budget=100)


def test_a_configuration_holds_what_can_be_written_and_nothing_of_management() -> None:
    plan = BackupPlan("Device.", batch=16, budget=100)
    played(plan, tree())
    assert plan.complete
    assert sorted(plan.values) == ["Device.NAT.Chosen", "Device.WiFi.SSID.1.Enable", "Device.WiFi.SSID.1.SSID"]


def test_only_what_differs_is_set() -> None:
    device = tree()
    plan = restoring({"Device.WiFi.SSID.1.SSID": "ours", "Device.WiFi.SSID.1.Enable": "true"})
    played(plan, device)
    outcome = plan.outcome()
    assert outcome.succeeded and plan.kept
    assert device.value("Device.WiFi.SSID.1.SSID") == "ours" and device.value("Device.WiFi.SSID.1.Enable") == "1"
    assert list(plan.applied) == ["Device.WiFi.SSID.1.SSID"]


def test_rows_come_back_under_the_numbers_that_the_device_gives_and_references_follow() -> None:
    device = tree()
    values = {f"{MAP}7.ExternalPort": "8080", f"{MAP}9.ExternalPort": "8081", f"{MAP}9.Rule": f"{MAP}7."}
    plan = restoring({**values, "Device.NAT.Chosen": f"{MAP}9"})
    played(plan, device)
    assert plan.outcome().succeeded, plan.outcome().detail
    assert (device.value(f"{MAP}1.ExternalPort"), device.value(f"{MAP}2.ExternalPort")) == ("8080", "8081")
    assert device.value(f"{MAP}2.Rule") == f"{MAP}1."
    assert device.value("Device.NAT.Chosen") == f"{MAP}2"


def test_what_is_refused_keeps_nothing_else_from_coming_back() -> None:
    device = tree()
    values = {
        "Device.WiFi.SSID.1.SSID": "ours",
        "Device.WiFi.SSID.1.Enable": "perhaps",
        "Device.Gone.1.Value": "x",
        "Device.ManagementServer.URL": "http://elsewhere/",
    }
    plan = restoring(values)
    played(plan, device)
    outcome = plan.outcome()
    assert outcome.succeeded and isinstance(outcome.result, dict)
    refused = outcome.result["refused"]
    assert isinstance(refused, dict) and set(refused) == {"Device.WiFi.SSID.1.Enable", "Device.Gone.1.Value"}
    assert device.value("Device.WiFi.SSID.1.SSID") == "ours"
    assert device.value("Device.ManagementServer.URL") == "http://acs/"


def test_nothing_to_put_back_is_said() -> None:
    plan = restoring({})
    played(plan, tree())
    assert not plan.outcome().succeeded and "nothing to put back" in plan.outcome().detail


def test_a_device_that_lists_nothing_gives_no_configuration() -> None:
    plan = BackupPlan("Device.", batch=16, budget=100)
    for _ in range(10):
        if plan.request() is None:
            break
        plan.take(m.SoapFault(9002, "Internal error"))
    assert not plan.complete and not plan.outcome().succeeded


def refusing(name: str, code: int) -> BackupPlan:
    """A configuration of a device that refuses one parameter whenever it is asked for it."""
    plan, device = BackupPlan("Device.", batch=16, budget=100), tree()
    while (request := plan.request()) is not None:
        refused = isinstance(request, m.GetParameterValues) and name in request.parameter_names
        plan.take(m.SoapFault(code, "no") if refused else rpcs.answer(device, request, AT)[0])
    return plan


def test_only_a_configuration_of_which_nothing_was_refused_or_left_undone_was_read_whole() -> None:
    """Else a row that could not be read would be taken for one that was not there, and deleted by a restoring."""
    plan = BackupPlan("Device.", batch=16, budget=100)
    played(plan, tree())
    assert plan.complete and plan.whole
    cut_off = BackupPlan("Device.", batch=1, budget=2)
    played(cut_off, tree())
    assert cut_off.complete and not cut_off.whole
    busy = refusing("Device.NAT.Chosen", 9002)
    assert busy.complete and not busy.whole
    gone = refusing("Device.NAT.Chosen", 9005)
    assert gone.complete and gone.whole, "the device itself says that it is not there"


def test_names_that_were_not_listed_are_not_known_to_be_absent() -> None:
    plan, device = BackupPlan("Device.", batch=16, budget=100), tree()
    while (request := plan.request()) is not None:
        deep = isinstance(request, m.GetParameterNames) and not request.next_level
        nat = isinstance(request, m.GetParameterNames) and request.parameter_path == "Device.NAT."
        plan.take(m.SoapFault(9002, "too much") if deep or nat else rpcs.answer(device, request, AT)[0])
    assert plan.complete and not plan.whole


@pytest.fixture(scope="module")
def profiles() -> dict[str, Settings]:
    return {profile.id: profile.settings for profile in load_profiles()}


def typed(values: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    return {name: (value, "xsd:string") for name, value in values.items()}


def test_one_model_speaks_anothers_words(profiles: dict[str, Settings]) -> None:
    wlan = "InternetGatewayDevice.LANDevice.1.WLANConfiguration.1."
    ppp = "InternetGatewayDevice.WANDevice.1.WANConnectionDevice.1.WANPPPConnection.1."
    old = typed(
        {
            f"{wlan}SSID": "ours",
            f"{wlan}KeyPassphrase": "correct horse",
            f"{ppp}Username": "user9",
            f"{ppp}PortMapping.3.ExternalPort": "8080",
            f"{ppp}PortMapping.3.PortMappingProtocol": "UDP",
            f"{wlan}BeaconType": "11i",
        }
    )
    new = typed(
        {
            "Device.WiFi.SSID.1.SSID": "x",
            "Device.WiFi.AccessPoint.4.SSIDReference": "Device.WiFi.SSID.1.",
            "Device.WiFi.AccessPoint.4.Security.KeyPassphrase": "",
            "Device.PPP.Interface.2.Username": "",
        }
    )
    found = translate(profiles["generic-tr098"], old, profiles["generic-tr181"], new)
    assert {name: value for name, (value, _) in found.items()} == {
        "Device.WiFi.SSID.1.SSID": "ours",
        "Device.WiFi.AccessPoint.4.Security.KeyPassphrase": "correct horse",
        "Device.PPP.Interface.2.Username": "user9",
        f"{MAP}901.ExternalPort": "8080",
        f"{MAP}901.Protocol": "UDP",
    }


def test_a_radio_is_found_through_its_network(profiles: dict[str, Settings]) -> None:
    settings = profiles["generic-tr181"]
    values = {
        "Device.WiFi.SSID.1.SSID": "a",
        "Device.WiFi.SSID.1.LowerLayers": "Device.WiFi.Radio.2",
        "Device.WiFi.Radio.1.Channel": "1",
        "Device.WiFi.Radio.2.Channel": "36",
        "Device.WiFi.Radio.2.PossibleChannels": "36-40,44",
    }
    place = settings.place("wifi.channel", values, "Device.WiFi.SSID.1.")
    assert place is not None and place.path == "Device.WiFi.Radio.2.Channel"
    assert place.allowed == ("36", "37", "38", "39", "40", "44")
    assert problem(place, "6") is not None and problem(place, "40") is None
    assert settings.place("wifi.channel", values, "Device.WiFi.SSID.9.") is None
    assert settings.place("wifi.password", values, "Device.WiFi.SSID.1.") is None


def test_every_meaning_of_an_action_is_one_that_a_profile_may_give(profiles: dict[str, Settings]) -> None:
    known = {setting.name for settings in profiles.values() for setting in settings.settings}
    waiting = {"stb.cache_clear"}  # no source names a parameter for it
    needs = {need for action in CATALOGUE.values() for need in action.needs}
    names = {name for need in needs for name in ((need,) if isinstance(need, str) else need)}
    assert names - waiting <= known


KNOWN = {"Device.WiFi.SSID.1.SSID": "ours", "Device.WiFi.SSID.1.Enable": "1"}
OURS = ("Device.NAT.PortMapping.*.",)


def with_rows(*ports: str) -> Tree:
    device = tree()
    for port in ports:
        row = device.add_object(MAP, "k")
        device.put(f"{MAP}{row}.ExternalPort", port)
    return device


def ports_of(device: Tree) -> list[str]:
    return [each.value for each in device.get([MAP]) if each.name.endswith("ExternalPort")]


def whole(values: Mapping[str, str], device: Tree, ours: tuple[str, ...] = OURS) -> tuple[RestorePlan, dict[str, Json]]:
    plan = restoring(values, known=frozenset(values), ours=ours)
    played(plan, device)
    result = plan.outcome().result
    assert isinstance(result, dict)
    return plan, result


def test_a_row_that_the_configuration_has_not_is_deleted_where_our_actions_write_its_table() -> None:
    device = with_rows("8080", "8081")
    plan, result = whole(KNOWN | {f"{MAP}1.ExternalPort": "8080", f"{MAP}1.Interface": "", f"{MAP}1.Rule": ""}, device)
    assert ports_of(device) == ["8080"]
    assert (result["deleted"], result["extra"]) == ([f"{MAP}2."], [])
    assert plan.applied[f"{MAP}2."] is None and f"{MAP}2." in plan.reads.whole
    assert not any(name.startswith(f"{MAP}2.") for name in plan.reads.values)
    assert "1 row deleted that it has not" in plan.outcome().detail


def test_any_other_row_stays_and_is_told() -> None:
    device = with_rows("8080")
    plan, result = whole(KNOWN, device, ours=())
    assert ports_of(device) == ["8080"]
    assert (result["deleted"], result["extra"]) == ([], [f"{MAP}1."])
    assert f"1 row stays that it has not: {MAP}1." in plan.outcome().detail


def test_the_same_row_under_another_number_is_neither_deleted_nor_added() -> None:
    device = with_rows("8080", "8081")
    device.delete_object(f"{MAP}1.", "k")
    wanted = {f"{MAP}1.ExternalPort": "8081", f"{MAP}1.Interface": "", f"{MAP}1.Rule": ""}
    _, result = whole(KNOWN | wanted | {"Device.NAT.Chosen": f"{MAP}1"}, device)
    assert (result["deleted"], result["rows"], ports_of(device)) == ([], [], ["8081"])
    assert device.value("Device.NAT.Chosen") == f"{MAP}2"


def test_without_a_whole_configuration_nothing_is_called_extra() -> None:
    device = with_rows("8080")
    plan = restoring(KNOWN, ours=OURS)
    played(plan, device)
    assert isinstance(plan.outcome().result, dict) and plan.outcome().result["extra"] == []  # type: ignore[index,call-overload]
    assert ports_of(device) == ["8080"]


def test_a_row_that_the_device_does_not_let_go_stays_and_is_told() -> None:
    device = with_rows("8080")
    plan = restoring(KNOWN, known=frozenset(KNOWN), ours=OURS)
    while (request := plan.request()) is not None:
        refused = m.SoapFault(9001, "Request denied")
        plan.take(refused if isinstance(request, m.DeleteObject) else rpcs.answer(device, request, AT)[0])
    outcome = plan.outcome()
    assert outcome.succeeded and isinstance(outcome.result, dict)
    assert outcome.result["extra"] == [f"{MAP}1."] and outcome.result["refused"] == {f"{MAP}1.": "9001 Request denied"}


def test_only_a_number_that_a_device_can_give_is_a_rows() -> None:
    """`²` is a digit to Python, and no number: a device that writes it in a name must not end a restoring."""
    present = ["Device.NAT.PortMapping.10.Enable", "Device.NAT.PortMapping.2.Enable", "Device.X.\u00b2.Name"]
    assert extra_rows(present, []) == ["Device.NAT.PortMapping.2.", "Device.NAT.PortMapping.10."]
