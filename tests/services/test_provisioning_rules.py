"""Rules of provisioning: who they are for, what they want, and that applying them leaves nothing to do."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp.messages import (
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SetParameterAttributes,
    SetParameterAttributesResponse,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.structs import ParameterAttributeStruct, ParameterValueStruct, SetParameterValuesFault
from acs.errors import ConfigError, InvalidInput
from acs.services.plans.provisioning import ProvisionInputs, ProvisionPlan
from acs.services.provisioning_diff import changes, same_value
from acs.services.provisioning_form import Rule
from acs.services.provisioning_rules import (
    Subject,
    Wish,
    digest_of,
    matches,
    phase_of,
    wishes,
)
from acs.services.rule_files import parse_rules, read_rules, warnings_of
from acs.store.records import Credentials
from tests.store.make import line

SUBJECT = Subject(
    key="00AA11-ONT-0001",
    oui="00AA11",
    manufacturer="Example Works",
    product_class="ONT",
    serial_number="0001",
    root="Device.",
    software_version="V1.2",
    hardware_version="H1",
    tags=frozenset({"pilot", "vip"}),
    events=frozenset({"1 BOOT"}),
    line=line(),
)


def rule(id_: str = "one", **given: Any) -> Rule:
    wanted = (
        {}
        if {"values", "periodic", "notifications", "credentials", "firmware"} & given.keys()
        else {"values": {".A": 1}}
    )
    return Rule.model_validate({"id": id_, "match": {}, **wanted, **given})


class Device:
    """A tree that answers the RPCs of a plan; `refuses` names parameters that cannot be set."""

    def __init__(
        self, values: dict[str, tuple[str, str]], *, refuses: frozenset[str] = frozenset(), mute: bool = False
    ):
        self.values = values
        self.attributes: dict[str, int] = {}
        self.refuses = refuses
        self.mute = mute  # it does not say which parameter it minds
        self.sets = 0

    def answer(self, request: Message) -> Message:
        match request:
            case GetParameterValues(parameter_names=names):
                missing = [name for name in names if name not in self.values]
                if missing:
                    return SoapFault(9005, "Invalid parameter name")
                shown = [
                    (n, "" if n.endswith("Password") else v[0], v[1]) for n, v in self.values.items() if n in names
                ]
                return GetParameterValuesResponse(tuple(ParameterValueStruct(*each) for each in shown))
            case GetParameterNames():
                return GetParameterNamesResponse(())
            case GetParameterAttributes(parameter_names=names):
                return GetParameterAttributesResponse(
                    tuple(ParameterAttributeStruct(name, self.attributes.get(name, 0)) for name in names)
                )
            case SetParameterAttributes(parameter_list=wanted):
                self.sets += 1
                self.attributes |= {each.name: each.notification for each in wanted}
                return SetParameterAttributesResponse()
            case SetParameterValues(parameter_list=parameters):
                return self._set(parameters)
        raise AssertionError(request)

    def _set(self, parameters: tuple[ParameterValueStruct, ...]) -> Message:
        self.sets += 1
        bad = [p for p in parameters if p.name in self.refuses]
        if bad:
            faults = tuple(SetParameterValuesFault(p.name, 9007, "Invalid value") for p in bad)
            return SoapFault(9003, "Invalid arguments", set_parameter_values_faults=() if self.mute else faults)
        self.values |= {p.name: (p.value, p.type) for p in parameters}
        return SetParameterValuesResponse(0)


def run(plan: ProvisionPlan, device: Device) -> list[Message]:
    asked = []
    while (request := plan.request()) is not None:
        asked.append(request)
        plan.take(device.answer(request))
        assert len(asked) < 200, "the plan does not end"
    return asked


def plan_of(inputs: ProvisionInputs) -> ProvisionPlan:
    return ProvisionPlan(inputs, parameter_key="key", batch=8, budget=100)


@pytest.mark.parametrize(
    ("match", "expected"),
    [
        ({}, True),
        ({"oui": ["00aa11"]}, True),
        ({"oui": ["00BB22", "00AA*"]}, True),
        ({"oui": ["00BB22"]}, False),
        ({"manufacturer": ["example*"]}, True),
        ({"product_class": ["STB*"]}, False),
        ({"software_version": ["V1.*"], "hardware_version": ["H1"]}, True),
        ({"software_version": ["V2*"]}, False),
        ({"root": "InternetGatewayDevice."}, False),
        ({"tags": ["pilot", "vip"]}, True),
        ({"tags": ["pilot", "gold"]}, False),
        ({"without_tags": ["gold"]}, True),
        ({"without_tags": ["v*"]}, False),
        ({"events": ["0 BOOTSTRAP", "1 BOOT"]}, True),
        ({"events": ["0 BOOTSTRAP"]}, False),
        ({"line": {"technology": ["pon"]}}, True),
        ({"line": {"technology": ["dsl"]}}, False),
        ({"line": {"scope": ["olt-1/0/1"]}}, True),
        ({"line": {"scope": ["olt-1/0/2"]}}, False),
        ({"line": {"services": ["iptv"], "account": ["acc-*"]}}, True),
        ({"line": {"address": ["*street 2"]}}, False),
    ],
)
def test_a_rule_is_for_those_that_match_in_every_key(match: dict[str, Any], expected: bool) -> None:
    assert matches(rule(match=match).match, SUBJECT) is expected


def test_a_rule_about_lines_is_not_for_a_device_on_none() -> None:
    assert not matches(rule(match={"line": {}}).match, replace(SUBJECT, line=None))


def test_values_take_what_is_known_of_device_and_line() -> None:
    found = wishes([rule(values={".PPP": "{line.pppoe_login}@isp", ".Name": "{device.serial_number}"})], SUBJECT)
    assert {name: wish.value for name, wish in found.rules[0].values.items()} == {
        "Device.PPP": "user1@isp",
        "Device.Name": "0001",
    }


def test_a_rule_that_lacks_something_is_left_out_and_says_what() -> None:
    one = rule(values={".PPP": "{line.pppoe_login}"})
    nowhere = wishes([one, rule("two")], replace(SUBJECT, line=None))
    assert [wish.rule for wish in nowhere.rules] == ["two"]
    assert "on no line" in nowhere.left_out["one"]
    empty = wishes([one], replace(SUBJECT, line=replace(line(), pppoe_login="")))
    assert "is empty" in empty.left_out["one"]
    secret = rule(values={".Key": {"secret_file": "wifi.key"}})
    assert "wifi.key" in wishes([secret], SUBJECT).left_out["one"]
    assert wishes([secret], SUBJECT, secrets={"wifi.key": "s"}).rules[0].values["Device.Key"].secret


def test_the_greater_priority_is_heard_then_the_smaller_id() -> None:
    rules = [
        rule("b", values={".A": "b", ".B": "b"}),
        rule("a", values={".A": "a"}),
        rule("z", priority=5, values={".B": "z"}),
    ]
    for order in (rules, rules[::-1]):
        found = wishes(order, SUBJECT)
        told = {name: wish.value for each in found.rules for name, wish in each.values.items()}
        assert told == {"Device.A": "a", "Device.B": "z"}


def test_names_of_the_other_data_model_are_not_wanted() -> None:
    found = wishes([rule(values={"InternetGatewayDevice.X": 1, "Device.Y": 2})], SUBJECT)
    assert list(found.rules[0].values) == ["Device.Y"]


def test_periodic_informs_are_spread_over_the_interval() -> None:
    phases = [int(phase_of(f"00AA11-ONT-{n:05}", 3600).timestamp()) % 3600 for n in range(6_000)]
    halves = [sum(1 for phase in phases if start <= phase < start + 600) for start in range(0, 3600, 600)]
    assert all(850 < count < 1150 for count in halves)
    assert phase_of("x", 3600) == phase_of("x", 3600)
    found = wishes([rule(periodic={"interval_s": 3600})], SUBJECT).rules[0].values
    assert found["Device.ManagementServer.PeriodicInformInterval"].value == 3600
    assert str(found["Device.ManagementServer.PeriodicInformTime"].value).startswith("2020-01-01T0")


def test_credentials_are_the_devices_own() -> None:
    one = rule(credentials={"connection_request": True})
    assert "not there yet" in wishes([one], SUBJECT).left_out["one"]
    found = wishes([one], SUBJECT, credentials={"connection_request": Credentials("u", "p")}).rules[0].values
    password = found["Device.ManagementServer.ConnectionRequestPassword"]
    assert (password.value, password.secret) == ("p", True)


@pytest.mark.parametrize(
    ("present", "kind", "wanted", "same"),
    [
        ("1", "xsd:boolean", True, True),
        ("true", "xsd:boolean", 1, True),
        ("false", "xsd:boolean", "true", False),
        ("0600", "xsd:unsignedInt", 600, True),
        (" 600", "xsd:int", "600", True),
        ("x", "xsd:int", 600, False),
        ("2020-01-01T03:00:00+03:00", "xsd:dateTime", "2020-01-01T00:00:00Z", True),
        ("2020-01-01T00:00:00", "xsd:dateTime", "2020-01-01T00:00:00Z", True),
        ("0001-01-01T00:00:00Z", "xsd:dateTime", "2020-01-01T00:00:00Z", False),
        ("9999-12-31T23:59:59-23:00", "xsd:dateTime", "2020-01-01T00:00:00Z", False),
        ("A", "xsd:string", "a", False),
    ],
)
def test_values_are_compared_by_their_type(present: str, kind: str, wanted: Any, same: bool) -> None:
    assert same_value(present, kind, Wish(wanted)) is same


def test_a_password_that_reads_as_empty_is_held_when_it_was_given() -> None:
    desired = wishes([rule(values={".Password": "x", ".Name": "n"})], SUBJECT)
    known = {"Device.Password": ("", "xsd:string"), "Device.Name": ("n", "xsd:string")}
    assert [change.name for change in changes(desired, known)] == ["Device.Password"]
    assert changes(desired, known, held={"Device.Password"}) == ()


NAMES = st.sampled_from([f".P{n}" for n in range(6)])
VALUES = st.one_of(st.booleans(), st.integers(-5, 5), st.sampled_from(["", "a", "true", "7", "x y"]))
TYPES = st.sampled_from(["xsd:string", "xsd:boolean", "xsd:int", "xsd:unsignedInt", "xsd:dateTime"])
RULES = st.lists(
    st.tuples(
        st.dictionaries(NAMES, VALUES, min_size=1, max_size=4),
        st.dictionaries(NAMES, st.sampled_from(["off", "passive", "active"]), max_size=3),
        st.integers(-2, 2),
    ),
    max_size=5,
)


@given(RULES, st.lists(st.tuples(VALUES, TYPES), min_size=6, max_size=6), st.booleans())
def test_applying_a_plan_twice_does_nothing_the_second_time(
    drawn: list[Any], present: list[tuple[Any, str]], mute: bool
) -> None:
    rules = [
        rule(f"r{n}", values=values, notifications=noticed, priority=priority)
        for n, (values, noticed, priority) in enumerate(drawn)
    ]
    device = Device({f"Device.P{n}": (str(value), kind) for n, (value, kind) in enumerate(present)}, mute=mute)
    inputs = ProvisionInputs(wishes(rules, SUBJECT))
    first = plan_of(inputs)
    run(first, device)
    assert first.outcome().succeeded
    before = device.sets
    second = plan_of(inputs)
    run(second, device)
    assert (device.sets, second.applied, second.outcome().detail) == (before, {}, "already as wanted")
    assert changes(inputs.desired, device.values) == ()


@given(RULES, st.frozensets(NAMES), st.booleans())
def test_a_refused_rule_keeps_no_other_from_its_effect(drawn: list[Any], refuses: frozenset[str], mute: bool) -> None:
    rules = [rule(f"r{n}", values=values, priority=priority) for n, (values, _, priority) in enumerate(drawn)]
    bad = frozenset(f"Device{name}" for name in refuses)
    device = Device({f"Device.P{n}": ("before", "xsd:string") for n in range(6)}, refuses=bad, mute=mute)
    inputs = ProvisionInputs(wishes(rules, SUBJECT))
    plan = plan_of(inputs)
    run(plan, device)
    guilty = {wish.rule for wish in inputs.desired.rules if bad & set(wish.values)}
    assert set(plan.refused) == guilty
    assert plan.outcome().succeeded is (not guilty)
    left = changes(inputs.desired, device.values)
    assert {change.rule for change in left} <= guilty


def test_everything_at_once_takes_four_requests() -> None:
    one = rule(values={".A": 1, ".B": "x"}, notifications={".A": "active"})
    device = Device({"Device.A": ("0", "xsd:int"), "Device.B": ("y", "xsd:string")})
    asked = run(plan_of(ProvisionInputs(wishes([one], SUBJECT))), device)
    assert [type(each).__name__ for each in asked] == [
        "GetParameterValues",
        "GetParameterAttributes",
        "SetParameterValues",
        "SetParameterAttributes",
    ]
    assert device.values["Device.A"] == ("1", "xsd:int") and device.attributes == {"Device.A": 2}


def test_a_parameter_that_the_device_lacks_is_the_rules_refusal() -> None:
    plan = plan_of(ProvisionInputs(wishes([rule("lacks", values={".No": 1}), rule("has", values={".A": 1})], SUBJECT)))
    device = Device({"Device.A": ("0", "xsd:int")})
    run(plan, device)
    outcome = plan.outcome()
    assert not outcome.succeeded and outcome.fault_code == 9005
    assert "Device.No" in plan.refused["lacks"] and plan.applied == {"has": ["Device.A"]}


def test_the_tree_gets_no_password() -> None:
    device = Device({"Device.Password": ("", "xsd:string")})
    plan = plan_of(ProvisionInputs(wishes([rule(values={".Password": "geheim"})], SUBJECT)))
    run(plan, device)
    assert device.values["Device.Password"][0] == "geheim"
    assert plan.reads.values["Device.Password"][0] == ""
    assert "geheim" not in repr(plan.outcome()) + repr(plan.inputs)


def test_a_digest_tells_wishes_apart() -> None:
    one, two = (wishes([rule(values={".A": value})], SUBJECT) for value in (1, True))
    assert digest_of(one, b"k") == digest_of(one, b"k") != digest_of(two, b"k") != digest_of(two, b"other")


def test_files_of_rules(tmp_path: Path) -> None:
    (tmp_path / "20-b.toml").write_text('[[rule]]\nid = "b"\nmatch = {}\nvalues = {".K" = {secret_file = "k"}}\n')
    (tmp_path / "10-a.toml").write_text('[[rule]]\nid = "a"\npriority = 1\nmatch = {}\nvalues = {".A" = 1}\n')
    (tmp_path / "notes.txt").write_text("no rules")
    (tmp_path / "k").write_text("geheim\n")
    (tmp_path / "k").chmod(0o600)
    found = read_rules(tmp_path)
    assert [each.id for each in found.rules] == ["a", "b"]
    assert found.secrets == {"k": "geheim"} and "geheim" not in repr(found)
    (tmp_path / "k").chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_rules(tmp_path)
    (tmp_path / "k").unlink()
    (tmp_path / "30-c.toml").write_text((tmp_path / "10-a.toml").read_text())
    with pytest.raises(ConfigError, match=r"(?s)rule a: it is there twice.*secret_file k"):
        read_rules(tmp_path)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rule = 1", "rule"),
        ("[[rule]\n", "not TOML"),
        ('[[rule]]\nid = "a"\n', "rule a: match: missing"),
        ('[[rule]]\nid = "a"\nmatch = {}\n', "wants nothing"),
        ('[[rule]]\nid = "a"\nmatch = {ouis = ["x"]}\nvalues = {".A" = 1}', "match.ouis: unknown key"),
        ('[[rule]]\nid = "a"\nmatch = {}\nvalues = {"A." = 1}', "is no parameter"),
        ('[[rule]]\nid = "a"\nmatch = {}\nvalues = {".A.*.B" = 1}', "is no parameter"),
        ('[[rule]]\nid = "a"\nmatch = {}\nvalues = {".A" = "{line.password}"}', "is not known; it may be one of"),
        ('[[rule]]\nid = "a"\nmatch = {}\nnotifications = {".A" = "loud"}', "is none of off"),
        ('[[rule]]\nid = "a"\nmatch = {}\nperiodic = {interval_s = 1}', "periodic.interval_s"),
        ('[[rule]]\nid = "a"\nmatch = {}\nvalues = {".A" = {type = "xsd:int"}}', "either value or secret_file"),
        ('[[rule]]\nid = "a"\nmatch = {}\nvalues = {".A" = {secret_file = "../../etc/passwd"}}', "secret_file"),
    ],
)
def test_a_broken_rule_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_rules(text, "rules.toml")
    assert told in str(refused.value) and str(refused.value).startswith("rules.toml: ")


def test_conflicts_are_worth_a_warning() -> None:
    rules = (rule("a", values={".A": 1}), rule("b", values={".A": 2}), rule("c", enabled=False))
    warned = warnings_of(rules)
    assert any(".A: wanted by a, b" in line_ for line_ in warned) and any("c: it is not enabled" in x for x in warned)
    assert datetime.now(UTC) > phase_of("x", 3600)
