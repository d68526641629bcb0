"""The tables: faults, events, quirks, versions; and types, paths, identity."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp.events import EVENTS, EventKind, Retention, is_boot, parse_event
from acs.cwmp.faults import FAULTS, FaultCode, FaultRetry, describe, fault_info
from acs.cwmp.identity import device_key, names_device, split_device_key
from acs.cwmp.messages import MESSAGES
from acs.cwmp.paths import (
    check,
    covers,
    generalised,
    instances,
    is_partial,
    matches,
    parent,
    root,
    sort_key,
    without_covered,
)
from acs.cwmp.quirks import QUIRKS, Quirk, parse_quirks
from acs.cwmp.soap import NS_1_0, NS_1_1, NS_1_2, NS_1_4
from acs.cwmp.structs import DeviceId, ParameterValueStruct
from acs.cwmp.types import format_datetime, lexical, normal_type, parse_datetime, python_value
from acs.cwmp.versions import ACS_METHODS, RPC_SINCE, acs_requests, may_send, negotiate
from acs.errors import InvalidInput

# faults


def test_the_whole_fault_table_is_there() -> None:
    assert set(FAULTS) == set(range(8000, 8007)) | set(range(9000, 9033)) == {int(code) for code in FaultCode}
    for code, info in FAULTS.items():
        assert info.en and info.ru and info.code == code
        assert info.sender == ("acs" if code < 9000 else "cpe")


@pytest.mark.parametrize(
    ("code", "words"),
    [(9850, "vendor of the CPE"), (8850, "vendor of the ACS"), (9500, "Reserved"), (1, "Unknown"), (-5, "Unknown")],
)
def test_a_code_that_is_not_in_the_table_has_a_text(code: int, words: str) -> None:
    assert words in fault_info(code).en
    assert fault_info(code).ru


def test_a_fault_is_described_for_people() -> None:
    assert describe(9005, "no such object") == "9005 Invalid parameter name (no such object)"
    assert describe(9005, "Invalid parameter name") == "9005 Invalid parameter name"
    assert describe(9005, lang="ru") == "9005 Нет такого параметра"
    assert describe(0, "oops") == "SOAP fault without a CWMP code (oops)"
    assert fault_info(8005).retry is FaultRetry.AT_ONCE


# events


def test_the_whole_event_table_is_there() -> None:
    standard = [code for code, info in EVENTS.items() if info.kind is EventKind.STANDARD]
    assert [int(code.split()[0]) for code in standard] == list(range(15))
    assert len(EVENTS) == 21
    for code, info in EVENTS.items():
        assert info.code == code and info.meaning
        assert info.completed_by in MESSAGES
        assert set(info.with_events) <= set(EVENTS)
    assert EVENTS["6 CONNECTION REQUEST"].retention is Retention.NEVER


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("1 BOOT", EventKind.STANDARD, "1 BOOT"),
        ("1 Boot ", EventKind.STANDARD, "1 BOOT"),
        ("6 CONNECTIONREQUEST", EventKind.STANDARD, "6 CONNECTION REQUEST"),
        ("00 x", EventKind.STANDARD, "0 BOOTSTRAP"),
        ("99 FUTURE", EventKind.STANDARD, None),
        ("M Reboot", EventKind.METHOD, "M Reboot"),
        ("M reboot", EventKind.METHOD, "M Reboot"),
        ("M X_001122_Do", EventKind.METHOD, None),
        ("X 00D09E MyEvent", EventKind.VENDOR, None),
        ("X INFORM", EventKind.VENDOR, None),
        ("", EventKind.UNKNOWN, None),
        ("BOOT", EventKind.UNKNOWN, None),
    ],
)
def test_an_event_is_taken_apart(text: str, kind: EventKind, code: str | None) -> None:
    event = parse_event(text)
    assert (event.text, event.kind, event.info and event.info.code) == (text, kind, code)


def test_what_proves_a_boot() -> None:
    assert [code for code in EVENTS if is_boot(code)] == ["1 BOOT", "M Reboot"]
    assert is_boot("1 Boot")
    assert not is_boot("10 AUTONOMOUS TRANSFER COMPLETE")


@given(st.text(max_size=30))
def test_any_event_code_is_taken(text: str) -> None:
    assert parse_event(text).text == text
    is_boot(text)


# quirks


def test_every_quirk_is_described() -> None:
    assert set(QUIRKS) == set(Quirk)
    assert all(info.description and info.evidence for info in QUIRKS.values())
    assert parse_quirks(["boolean_words"]) == {Quirk.BOOLEAN_WORDS}
    with pytest.raises(InvalidInput, match="'nonsense'"):
        parse_quirks(["nonsense"])


# versions


@pytest.mark.parametrize(
    ("namespace", "supported", "timeout", "version", "use"),
    [
        (NS_1_0, (), False, "1.0", None),
        (NS_1_1, (), False, "1.1", None),
        (NS_1_2, (), False, "1.2", None),
        (NS_1_2, (), True, "1.3", None),
        (NS_1_4, (), False, "1.4", None),
        ("urn:x", (), False, "1.0", None),
        ("urn:dslforum-org:cwmp-1-9", (), False, "1.4", None),
        (NS_1_2, ("1.0", "1.3"), True, "1.3", "1.3"),
        (NS_1_0, ("1.4", "1.5"), False, "1.4", "1.4"),
    ],
)
def test_the_version_of_a_session(
    namespace: str, supported: tuple[str, ...], timeout: bool, version: str, use: str | None
) -> None:
    found = negotiate(namespace, supported, has_session_timeout=timeout)
    assert found is not None
    assert (found.version, found.use_version) == (version, use)


def test_no_common_version() -> None:
    assert negotiate(NS_1_2, ("2.0",)) is None


def test_newer_rpcs_are_not_sent_to_older_cpes() -> None:
    assert not may_send("ScheduleDownload", "1.1")
    assert may_send("ScheduleDownload", "1.2")
    assert may_send("ScheduleDownload", "1.0", frozenset({"ScheduleDownload"}))
    assert not may_send("Reboot", "1.4", frozenset({"Inform"}))
    assert len(acs_requests("1.4")) == 20
    assert len(acs_requests("1.0")) == 16
    assert set(RPC_SINCE) | set(ACS_METHODS) <= set(MESSAGES)


# types


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("xsd:int", "-5", -5),
        ("xsd:unsignedInt", " 007 ", 7),
        ("xsd:unsignedInt", "", None),
        ("xsd:int", "1_0", None),
        ("xsd:int", "9" * 30, None),
        ("xsd:boolean", "TRUE", True),
        ("xsd:boolean", "0", False),
        ("xsd:boolean", "", None),
        ("xsd:dateTime", "2026-01-02T03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("xsd:dateTime", "", None),
        ("xsd:base64Binary", "QU I=", b"AB"),
        ("xsd:base64Binary", "!", None),
        ("xsd:hexBinary", "0aFF", b"\x0a\xff"),
        ("xsd:hexBinary", "x", None),
        ("xsd:decimal", "1.50", Decimal("1.5")),
        ("xsd:decimal", "NaN", None),
        ("xsd:string", " 1 ", " 1 "),
        ("xsd:json", "{}", "{}"),
    ],
)
def test_the_value_of_a_parameter(kind: str, text: str, value: object) -> None:
    assert python_value(ParameterValueStruct("A", text, kind)) == value


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        (True, "1", "xsd:boolean"),
        (5, "5", "xsd:int"),
        (2**31, "2147483648", "xsd:unsignedInt"),
        (-(2**40), str(-(2**40)), "xsd:long"),
        (2**63, str(2**63), "xsd:unsignedLong"),
        ("x", "x", "xsd:string"),
        (b"AB", "QUI=", "xsd:base64Binary"),
        (Decimal("1.5"), "1.5", "xsd:decimal"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z", "xsd:dateTime"),
    ],
)
def test_how_a_value_is_written(value: str | int | bytes | Decimal | datetime, text: str, kind: str) -> None:
    assert lexical(value) == (text, kind)
    assert python_value(ParameterValueStruct("A", text, kind)) == value


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2007-01-26T10:33:12", datetime(2007, 1, 26, 10, 33, 12, tzinfo=UTC)),
        ("2007-01-26T10:33:12+0300", datetime(2007, 1, 26, 7, 33, 12, tzinfo=UTC)),
        ("2007-01-26T10:33:12-01:30", datetime(2007, 1, 26, 12, 3, 12, tzinfo=UTC)),
        ("2007-01-26T10:33:12.123456789Z", datetime(2007, 1, 26, 10, 33, 12, 123456, tzinfo=UTC)),
        ("1970-01-01T00:00:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:19", None),
        ("2019-03-05T11:54::14", None),
        ("2019-02-30T00:00:00Z", None),
        ("9999-12-31T23:59:59-12:00", None),
        ("2019-03-05T11:54:14+99:99", None),
        ("", None),
        (None, None),
    ],
)
def test_dates_of_cpes(text: str | None, at: datetime | None) -> None:
    assert parse_datetime(text) == at


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_none(text: str) -> None:
    parse_datetime(text)
    assert normal_type(text).startswith(("xsd:", "soap-enc:"))


def test_unknown_time_is_written_as_the_standard_does() -> None:
    assert format_datetime(None) == "0001-01-01T00:00:00Z"


# paths


def test_paths_are_taken_apart() -> None:
    path = "Device.WiFi.SSID.10.Stats.BytesSent"
    assert instances(path) == (10,)
    assert generalised(path) == "Device.WiFi.SSID.{i}.Stats.BytesSent"
    assert generalised("Device.NAT.PortMapping.[web.1].") == "Device.NAT.PortMapping.{i}."
    assert parent(path) == "Device.WiFi.SSID.10.Stats."
    assert parent("Device.WiFi.") == "Device."
    assert parent("Device.") == ""
    assert is_partial("") and is_partial("Device.") and not is_partial(path)
    assert covers("Device.WiFi.", path) and covers("", path) and covers(path, path)
    assert not covers("Device.WiFi", path)
    assert root(["odd", "InternetGatewayDevice.X"]) == "InternetGatewayDevice."
    assert root(["odd"]) is None


def test_patterns_match() -> None:
    assert matches("Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.3.SSID")
    assert matches("Device.WiFi.SSID.{i}.", "Device.WiFi.SSID.3.Stats.BytesSent")
    assert not matches("Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.x.SSID")
    assert not matches("Device.WiFi.SSID.1", "Device.WiFi.SSID.1.")
    assert not matches("Device.WiFi.SSID.*.SSID", "Device.WiFi.SSID.3")


def test_paths_are_ordered_as_people_read() -> None:
    paths = ["A.10.B", "A.2.B", "A.2.", "A.B"]
    assert sorted(paths, key=sort_key) == ["A.2.", "A.2.B", "A.10.B", "A.B"]
    assert without_covered(["A.B.C", "A.B.", "A.BC", "A.B.D.", "A.B."]) == ["A.B.", "A.BC"]


@pytest.mark.parametrize(
    "path", ["Device.", "Device.WiFi.SSID.1.SSID", "A.[x y].B", "A.*.X_CT-COM_B", "InternetGatewayDevice."]
)
def test_good_paths(path: str) -> None:
    assert check(path) == path


@pytest.mark.parametrize("path", ["", ".", "A..B", ".A", "A.0.B", "A b", "A.<x>", "A." + "x" * 300, "A.[]", "Device.é"])
def test_bad_paths(path: str) -> None:
    with pytest.raises(InvalidInput):
        check(path)


# identity


@pytest.mark.parametrize(
    ("device", "key"),
    [
        (DeviceId("x", "012345", "Set-Top-Box", "0123456789"), "012345-Set%2DTop%2DBox-0123456789"),
        (DeviceId("x", "00aabb", "", "S1"), "00aabb-S1"),
        (DeviceId("x", "00D09E", "FAP/pBS31010/CA", "1"), "00D09E-FAP%2FpBS31010%2FCA-1"),
        (DeviceId("x", "00D09E", "ZXHN H199A", "ä_1"), "00D09E-ZXHN%20H199A-%C3%A4_1"),
    ],
)
def test_the_device_key(device: DeviceId, key: str) -> None:
    assert device_key(device) == key
    found = split_device_key(key)
    assert (found.oui, found.product_class, found.serial_number) == (
        device.oui,
        device.product_class,
        device.serial_number,
    )


@given(*[st.text(st.characters(exclude_categories=("Cs",)), max_size=8)] * 3)
def test_a_device_key_can_be_taken_apart(oui: str, product_class: str, serial: str) -> None:
    device = DeviceId("", oui, product_class, serial)
    assert split_device_key(device_key(device)) == device


def test_what_is_no_device_key_is_refused() -> None:
    for key in ("", "a", "a-b-c-d"):
        with pytest.raises(InvalidInput):
            split_device_key(key)


def test_usernames_that_stand_for_a_device() -> None:
    device = DeviceId("x", "00AABB", "Set-Top", "S 1")
    for username in ("00AABB-Set%2DTop-S%201", "00aabb-Set-Top-S 1", "00AABB-S%201", "00AABB-S 1"):
        assert names_device(username, device)
    assert not names_device("00AABB-Set%2DTop-S%202", device)
