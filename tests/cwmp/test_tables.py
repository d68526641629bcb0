"""The tables: faults, events, quirks, versions; and types, identity."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp.events import EVENTS, EventKind, Retention
from acs.cwmp.faults import FAULTS, FaultCode, FaultRetry, describe, fault_info
from acs.cwmp.identity import device_key, names_device
from acs.cwmp.messages import ACS_REQUESTS, MESSAGES
from acs.cwmp.quirks import QUIRKS, Quirk
from acs.cwmp.soap import NS_1_0, NS_1_1, NS_1_2, NS_1_4
from acs.cwmp.structs import DeviceId, ParameterValueStruct
from acs.cwmp.types import format_datetime, normal_type, parse_datetime, python_value
from acs.cwmp.versions import ACS_METHODS, RPC_SINCE, may_send, negotiate

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


# quirks


def test_every_quirk_is_described() -> None:
    assert set(QUIRKS) == set(Quirk)
    assert all(info.description and info.evidence for info in QUIRKS.values())


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
    assert sum(may_send(cls.__name__, "1.4") for cls in ACS_REQUESTS) == 20
    assert sum(may_send(cls.__name__, "1.0") for cls in ACS_REQUESTS) == 16
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


def test_usernames_that_stand_for_a_device() -> None:
    device = DeviceId("x", "00AABB", "Set-Top", "S 1")
    for username in ("00AABB-Set%2DTop-S%201", "00aabb-Set-Top-S 1", "00AABB-S%201", "00AABB-S 1"):
        assert names_device(username, device)
    assert not names_device("00AABB-Set%2DTop-S%202", device)
