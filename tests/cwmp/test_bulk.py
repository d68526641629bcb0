"""Bulk data reports: the four forms of Annex N, and whatever else comes."""

import csv
import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from acs.cwmp.bulk import DEPTH, NAME, REPORTS, Form, decode, reference_of
from acs.errors import ProtocolError

CSV, JSON = "text/csv; charset=UTF-8", "application/json; charset=UTF-8"
AT = datetime.fromtimestamp(1_364_529_149, UTC)
SENT = "Device.MoCA.Interface.1.Stats.BytesSent"


def test_a_row_per_parameter() -> None:
    body = (
        b"ReportTimestamp, ParameterName, ParameterValue, ParameterType\r\n"
        b"1364529149,Device.MoCA.Interface.1.Stats.BytesSent,25248,unsignedLong\r\n"
        b'1364529149,Device.DeviceInfo.Description,"a ""b"", c",string\r\n'
        b"1464639150,Device.MoCA.Interface.1.Stats.BytesSent,25249,unsignedLong\r\n"
    )
    first, second = decode(body, CSV, '"ParameterPerRow"')
    assert first.at == AT
    assert first.values == {
        SENT: ("25248", "xsd:unsignedLong"),
        "Device.DeviceInfo.Description": ('a "b", c', "xsd:string"),
    }
    assert second.values == {SENT: ("25249", "xsd:unsignedLong")}


def test_a_column_per_parameter_with_retained_reports() -> None:
    body = (
        b"ReportTimestamp,BytesReceived,BytesSent\r\n1364529149,200543250,7682161\r\n1464639150,200553250,7683161\r\n"
    )
    first, second = decode(body, CSV, "ParameterPerColumn")
    assert (first.at, first.values["BytesSent"][0], second.values["BytesSent"][0]) == (AT, "7682161", "7683161")


def test_no_timestamp_column_and_other_separators() -> None:
    (report,) = decode(b"A;B\n1;'x;y'\n", CSV, "", separator=";", escape="'")
    assert report.at is None
    assert report.values == {"A": ("1", "xsd:string"), "B": ("x;y", "xsd:string")}


@pytest.mark.parametrize("collected", ["1364529149", '"2013-03-29T03:52:29Z"'])
def test_json_hierarchy_and_pairs_say_the_same(collected: str) -> None:
    nested = (
        f'{{"Report":[{{"CollectionTime":{collected},"Device":{{"A":{{"1":{{"Up":true,"N":-3,"F":0.5,"S":"7"}}}}}}}}]}}'
    )
    pairs = '"Device.A.1.Up":true,"Device.A.1.N":-3,"Device.A.1.F":0.5,"Device.A.1.S":"7"'
    flat = f'{{"Report":[{{"CollectionTime":{collected},{pairs}}}]}}'
    (one,), (other,) = decode(nested.encode(), JSON, "ObjectHierarchy"), decode(flat.encode(), JSON, "NameValuePair")
    assert one == other
    assert one.at == AT
    assert one.values == {
        "Device.A.1.Up": ("1", "xsd:boolean"), "Device.A.1.N": ("-3", "xsd:long"),
        "Device.A.1.F": ("0.5", "xsd:decimal"), "Device.A.1.S": ("7", "xsd:string"),
    }  # fmt: skip


def test_nothing_to_report_is_no_error() -> None:
    assert decode(b"", CSV, "ParameterPerRow") == ()
    assert decode(b'{"Report":[]}', JSON, "NameValuePair") == ()


@pytest.mark.parametrize(
    ("body", "content_type", "form", "status", "word"),
    [
        (b"{}", JSON, "", 400, "Report"),
        (b'{"Report":[{"A":[1]}]}', JSON, "", 400, "list"),
        (b'{"Report":[{"A":NaN}]}', JSON, "", 400, "NaN"),
        (b'{"Report":[{"CollectionTime":"soon"}]}', JSON, "", 400, "time of collection"),
        (b'{"Report":' + b"[" * 100_000, JSON, "", 400, "report"),
        (b"\xff\xfe", CSV, "", 400, "UTF-8"),
        (b"A,B\n1\n", CSV, "", 400, "cells"),
        (b"A,B\n1,2\n", CSV, "ParameterPerRow", 400, "ParameterName"),
        (b'A\n"1', CSV, "", 400, "line"),
        (b"A\n" + b"1\n" * (REPORTS + 1), CSV, "", 413, "reports"),
        (b"A" * (NAME + 1) + b"\n1\n", CSV, "", 400, "characters"),
        (b"<a/>", "text/xml", "", 415, "text/xml"),
        (b"A\n1\n", CSV, "Sideways", 415, "Sideways"),
        (b'{"Report":[' + b'{"a":' * (DEPTH + 3) + b"1" + b"}" * (DEPTH + 3) + b"]}", JSON, "", 400, "deep"),
    ],
)
def test_what_is_no_report_is_refused_by_name(
    body: bytes, content_type: str, form: str, status: int, word: str
) -> None:
    with pytest.raises(ProtocolError, match=word) as refused:
        decode(body, content_type, form)
    assert refused.value.status_hint == status


@given(st.binary(max_size=200), st.sampled_from([CSV, JSON, "", "text/plain"]), st.sampled_from(["", *Form]))
def test_any_bytes_are_reports_or_refused(body: bytes, content_type: str, form: str) -> None:
    try:
        reports = decode(body, content_type, form)
    except ProtocolError:
        return
    assert all(name and isinstance(value, str) for report in reports for name, (value, _) in report.values.items())


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).map(str.strip)
NAMES = TEXTS.filter(lambda name: bool(name) and name not in ("ReportTimestamp", "CollectionTime"))


@given(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=5), st.integers(0, 4_000_000_000))
def test_what_a_cpe_writes_is_what_is_read(values: dict[str, str], stamp: int) -> None:
    written = io.StringIO()
    rows = csv.writer(written, quoting=csv.QUOTE_ALL)
    rows.writerow(["ReportTimestamp", "ParameterName", "ParameterValue", "ParameterType"])
    rows.writerows([stamp, name, value, "string"] for name, value in values.items())
    flat = json.dumps({"Report": [{"CollectionTime": stamp, **values}]})
    per_row = decode(written.getvalue().encode(), CSV, Form.PER_ROW)
    assert per_row == decode(flat.encode(), JSON, Form.PAIRS)
    assert {name: value for name, (value, _) in per_row[0].values.items()} == values


def test_names_find_their_parameters() -> None:
    references = {
        "WiFi_AP_Assoc_BSent": "Device.WiFi.AccessPoint.*.AssociatedDevice.*.Stats.BytesSent",
        "WiFi_AP1_Assoc10": "Device.WiFi.AccessPoint.1.AssociatedDevice.10.Stats.",
        "WiFi_AP_Assoc": "Device.WiFi.AccessPoint.*.AssociatedDevice.*.Stats.",
        "Up": "Device.DeviceInfo.UpTime",
    }
    path = "Device.WiFi.AccessPoint.1.AssociatedDevice.10.Stats.BytesSent"
    assert reference_of("WiFi_AP_Assoc_BSent.1.10", references) == path
    assert reference_of("WiFi_AP1_Assoc10.BytesSent", references) == path
    assert reference_of("WiFi_AP_Assoc.1.10.BytesSent", references) == path
    assert reference_of("Up", references) == "Device.DeviceInfo.UpTime"
    assert reference_of(path, references) == path
    for unknown in ("Uptime", "Up.1", "WiFi_AP_Assoc.1", "WiFi_AP_Assoc.1.x.BytesSent", "WiFi_AP_Assoc_BSent.1.10.3"):
        assert reference_of(unknown, references) is None
