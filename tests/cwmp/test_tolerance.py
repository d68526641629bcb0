"""What real CPEs get wrong without harm is read as it is meant (each case stands for devices that were seen)."""

from datetime import UTC, datetime

import pytest

from acs.cwmp.messages import (
    GetParameterNamesResponse,
    GetParameterValuesResponse,
    Inform,
    SetParameterValuesResponse,
    SoapFault,
    TransferComplete,
)
from acs.cwmp.soap import NS_1_0, NS_1_2, Decoder, Envelope, decode
from acs.cwmp.structs import (
    DeviceId,
    EventStruct,
    FaultStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    SetParameterValuesFault,
)

ENV = "http://schemas.xmlsoap.org/soap/envelope/"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def soap(content: str, *, declared: str = "", header: str = "") -> bytes:
    start = f'<S:Envelope xmlns:S="{ENV}" xmlns:c="{NS_1_0}" {declared}>'
    return f"{start}{header}<S:Body>{content}</S:Body></S:Envelope>".encode()


def read(body: bytes) -> Envelope:
    envelope = decode(body)
    assert envelope is not None
    decoder = Decoder()
    decoder.feed(body[:250])
    decoder.feed(body[250:])
    assert decoder.finish() == envelope
    return envelope


def values(content: str, declared: str = XSI) -> tuple[ParameterValueStruct, ...]:
    body = soap(
        f"<c:GetParameterValuesResponse><ParameterList>{content}</ParameterList></c:GetParameterValuesResponse>",
        declared=declared,
    )
    message = read(body).message
    assert isinstance(message, GetParameterValuesResponse)
    return message.parameter_list


REBOOTED = Inform(DeviceId("A", "00aabb", "X/Y Z", "1"), (EventStruct("1 BOOT"),))
PLAIN = (
    "<c:Inform><DeviceId><Manufacturer>A</Manufacturer><OUI>00aabb</OUI><ProductClass>X/Y Z</ProductClass>"
    "<SerialNumber>1</SerialNumber></DeviceId><Event><EventStruct><EventCode>1 BOOT</EventCode><CommandKey/>"
    "</EventStruct></Event></c:Inform>"
)


@pytest.mark.parametrize(
    "body",
    [
        soap(PLAIN),
        b"\xef\xbb\xbf" + soap(PLAIN),
        b" \r\n" + soap(PLAIN) + b"\r\n\0\0\0",
        b"\n<?xml version='1.0' encoding='utf-8'?>" + soap(PLAIN),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + soap(PLAIN),
        b'<?xml version="1.0" encoding="utf-16"?>' + soap(PLAIN),
        soap(PLAIN).decode().encode("utf-16"),
        soap(PLAIN).decode().encode("utf-16-be"),
        soap(PLAIN).replace(b"c:Inform", b"Inform"),
        soap(PLAIN).replace(b"<DeviceId>", b'<c:DeviceId xmlns="urn:x">').replace(b"</DeviceId>", b"</c:DeviceId>"),
        soap(PLAIN).replace(b"DeviceId>", b"DeviceID>"),
        soap(PLAIN).replace(b"EventStruct>", b"c:EventStruct>").replace(b"Event>", b"c:Event>"),
        soap(PLAIN).replace(ENV.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
        soap(PLAIN).replace(b"S:", b"").replace(b"xmlns:S=", b"xmlns:x="),
        soap(PLAIN).replace(
            b"</c:Inform>", b"<MaxEnvelopes>two</MaxEnvelopes><RetryCount/><Extra><a/></Extra></c:Inform\n>"
        ),
        soap(PLAIN, header="<S:Header/>"),
        soap(PLAIN, header="<S:Header><c:NoMoreRequests S:mustUnderstand='1'>1</c:NoMoreRequests></S:Header>"),
        soap(PLAIN).replace(b"<Event>", b'<Event S:arrayType="cwmp:EventStuct[0010]">'),
        soap(PLAIN).replace(b"<EventCode>1 BOOT<", b"<EventCode>\n 1 BOOT \n<").replace(b">1</S", b">\n1\n</S"),
        soap(PLAIN).replace(b"<CommandKey/>", b"<CommandKey></CommandKey><!-- odd --><?odd?>"),
        soap(PLAIN).replace(b"1 BOOT", b"1 <![CDATA[BOOT]]>"),
        soap(PLAIN).replace(b"1 BOOT", b"1 B\x01\x02OOT"),
        soap(PLAIN).replace(b"1 BOOT", b"1 B&#1;OOT"),
        soap(PLAIN).replace(b"<c:Inform>", b'<c:Inform u:odd="1">'),
    ],
)
def test_an_odd_inform_is_read(body: bytes) -> None:
    envelope = read(body)
    assert envelope.message == REBOOTED
    assert envelope.namespace == NS_1_0


def test_order_and_missing_elements_do_not_matter() -> None:
    swapped = (
        "<c:Inform><RetryCount>05</RetryCount><Event/><DeviceId><SerialNumber>1</SerialNumber></DeviceId></c:Inform>"
    )
    assert read(soap(swapped)).message == Inform(DeviceId(serial_number="1"), retry_count=5)


def test_namespaces_that_no_standard_knows_are_echoed() -> None:
    assert read(soap(PLAIN).replace(b"cwmp-1-0", b"cwmp-1-7")).namespace == "urn:dslforum-org:cwmp-1-7"
    assert read(soap(PLAIN).replace(b"cwmp-1-0", b"cwmp-x")).namespace == NS_1_0


def test_an_id_of_any_text_is_kept() -> None:
    header = (
        "<S:Header><c:ID S:mustUnderstand='true'>\n null \n</c:ID><c:SessionTimeout>60</c:SessionTimeout></S:Header>"
    )
    envelope = read(soap(PLAIN, header=header))
    assert (envelope.id, envelope.session_timeout_s) == ("null", 60)
    assert read(soap(PLAIN)).id is None


def test_supported_versions_with_blanks() -> None:
    header = "<S:Header><c:SupportedCWMPVersions>1.0, 1.1 ,1.4,</c:SupportedCWMPVersions></S:Header>"
    assert read(soap(PLAIN, header=header)).supported_versions == ("1.0", "1.1", "1.4")


@pytest.mark.parametrize(
    ("value", "text", "kind"),
    [
        ('<Value xsi:type="xsd:string"> a  b </Value>', " a  b ", "xsd:string"),
        ("<Value>5</Value>", "5", "xsd:string"),
        ("<Value/>", "", "xsd:string"),
        ("", "", "xsd:string"),
        ('<Value xsi:type="xsd:">x</Value>', "x", "xsd:string"),
        ('<Value xsi:type="xsd:unsignedInt">\n 05 \n</Value>', "05", "xsd:unsignedInt"),
        ('<Value xsi:type="xsd:hexBinary\u00ad">0a</Value>', "0a", "xsd:hexBinary"),
        ('<Value xsi:type="DateTime"/>', "", "xsd:dateTime"),
        ('<Value xsi:type="xsd:json">{}</Value>', "{}", "xsd:json"),
        ('<Value xsi:type="xs:boolean" S:odd="1">true</Value>', "true", "xsd:boolean"),
        ('<Value type="int">7</Value>', "7", "xsd:int"),
        ('<Value u:type="xsd:int">7</Value>', "7", "xsd:int"),
        ('<c:Value xsi:type="SOAP-ENC:base64">QQ==</c:Value>', "QQ==", "soap-enc:base64"),
        ("<Value>a & b &nbsp; &amp; c</Value>", "a & b &nbsp; & c", "xsd:string"),
    ],
)
def test_an_odd_value_is_read(value: str, text: str, kind: str) -> None:
    item = f"<ParameterValueStruct><Name>\n A.B \n</Name>{value}</ParameterValueStruct>"
    assert values(item) == (ParameterValueStruct("A.B", text, kind),)
    assert values(item * 3) == (ParameterValueStruct("A.B", text, kind),) * 3


def test_old_schema_namespaces_give_the_type() -> None:
    item = '<ParameterValueStruct><Name>A</Name><Value xsi:type="xsd:int">1</Value></ParameterValueStruct>'
    old = 'xmlns:xsi="http://www.w3.org/1999/XMLSchema-instance"'
    assert values(item, old) == (ParameterValueStruct("A", "1", "xsd:int"),)
    assert values(item, "") == (ParameterValueStruct("A", "1", "xsd:int"),), "xsi was never declared"


def test_swapped_and_surplus_children_of_a_value() -> None:
    item = "<ParameterValueStruct><Value xsi:type='xsd:int'>1</Value><Note/><Name>A</Name></ParameterValueStruct>"
    assert values(item) == (ParameterValueStruct("A", "1", "xsd:int"),)


def test_names_answered_with_value_structs() -> None:
    body = soap(
        "<c:GetParameterNamesResponse><ParameterList><ParameterValueStruct><Name>A.</Name><Writable>TRUE</Writable>"
        "</ParameterValueStruct></ParameterList></c:GetParameterNamesResponse>"
    )
    assert read(body).message == GetParameterNamesResponse((ParameterInfoStruct("A.", True),))


def test_a_response_without_status_and_one_with_a_list_instead() -> None:
    assert read(soap("<c:SetParameterValuesResponse/>")).message == SetParameterValuesResponse(0)
    odd = "<c:SetParameterValuesResponse><ParameterList/></c:SetParameterValuesResponse>"
    assert read(soap(odd)).message == SetParameterValuesResponse(0)


def test_a_transfer_complete_in_any_order() -> None:
    body = soap(
        "<c:TransferComplete><StartTime/><CompleteTime>2026-01-02T03:04:05.5+0300</CompleteTime><CommandKey/>"
        "<FaultStruct><FaultCode>0</FaultCode></FaultStruct></c:TransferComplete>"
    )
    at = datetime(2026, 1, 2, 0, 4, 5, 500000, tzinfo=UTC)
    assert read(body).message == TransferComplete("", FaultStruct(), None, at)
    assert read(soap("<c:TransferComplete/>")).message == TransferComplete()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (
            "<S:Fault><faultcode>Client</faultcode><faultstring>CWMP fault</faultstring><detail><c:Fault>"
            "<FaultCode>9003</FaultCode><FaultString>no</FaultString><SetParameterValuesFault><ParameterName>A"
            "</ParameterName><FaultCode>9007</FaultCode></SetParameterValuesFault></c:Fault></detail></S:Fault>",
            SoapFault(9003, "no", "Client", (SetParameterValuesFault("A", 9007),)),
        ),
        (
            "<soap:Fault><faultcode>soap:Server</faultcode><detail><Fault><FaultCode> 9801 </FaultCode>"
            "</Fault></detail></soap:Fault>",
            SoapFault(9801, "", "Server"),
        ),
        ("<S:Fault><faultstring>broken</faultstring></S:Fault>", SoapFault(0, "broken", "Client")),
        ("<Fault/>", SoapFault()),
    ],
)
def test_an_odd_fault_is_read(content: str, fault: SoapFault) -> None:
    assert read(soap(content)).message == fault


def test_a_fault_in_a_body_that_never_names_cwmp() -> None:
    body = soap("<S:Fault/>").replace(f'xmlns:c="{NS_1_0}"'.encode(), b"")
    assert read(body).namespace == NS_1_0
    named = soap("<S:Fault/>").replace(b"cwmp-1-0", b"cwmp-1-2")
    assert read(named).namespace == NS_1_2


def test_bytes_that_are_not_utf_8_are_latin_1() -> None:
    body = soap(PLAIN).replace(b">A<", b">\xc4<")
    message = read(body).message
    assert isinstance(message, Inform)
    assert message.device_id.manufacturer == "Ä"


def test_a_cyrillic_code_page_is_read() -> None:
    body = b'<?xml version="1.0" encoding="windows-1251"?>' + soap(PLAIN).replace(
        b">A<", "Дом".join("><").encode("cp1251")
    )
    message = read(body).message
    assert isinstance(message, Inform)
    assert message.device_id.manufacturer == "Дом"
