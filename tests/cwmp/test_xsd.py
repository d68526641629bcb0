"""Every message that the ACS can send validates against the official schema of its namespace."""

import functools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from acs.cwmp.messages import (
    ACS_REQUESTS,
    CPE_REQUESTS,
    RESPONSE_OF,
    AddObject,
    AddObjectResponse,
    AutonomousDUStateChangeComplete,
    AutonomousTransferComplete,
    CancelTransfer,
    ChangeDUState,
    DeleteObject,
    DeleteObjectResponse,
    Download,
    DownloadResponse,
    DUStateChangeComplete,
    FactoryReset,
    GetAllQueuedTransfers,
    GetAllQueuedTransfersResponse,
    GetOptions,
    GetOptionsResponse,
    GetParameterAttributes,
    GetParameterAttributesResponse,
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    GetQueuedTransfers,
    GetQueuedTransfersResponse,
    GetRPCMethods,
    GetRPCMethodsResponse,
    Inform,
    Kicked,
    KickedResponse,
    Message,
    Reboot,
    RequestDownload,
    ScheduleDownload,
    ScheduleInform,
    SetParameterAttributes,
    SetParameterValues,
    SetVouchers,
    SoapFault,
    TransferComplete,
    Upload,
    UploadResponse,
)
from acs.cwmp.soap import NS_1_0, NS_1_1, NS_1_2, Envelope, encode
from acs.cwmp.structs import (
    AllQueuedTransferStruct,
    ArgStruct,
    AutonOpResultStruct,
    DeviceId,
    EventStruct,
    FaultStruct,
    InstallOpStruct,
    OpResultStruct,
    OptionStruct,
    ParameterAttributeStruct,
    ParameterInfoStruct,
    ParameterValueStruct,
    QueuedTransferStruct,
    SetParameterAttributesStruct,
    SetParameterValuesFault,
    TimeWindowStruct,
    UninstallOpStruct,
    UpdateOpStruct,
)
from acs.cwmp.versions import ACS_METHODS, RPC_SINCE
from tests.shared_data import shared

SCHEMAS = {NS_1_0: "cwmp-1-0.xsd", NS_1_1: "cwmp-1-1.xsd", NS_1_2: "cwmp-1-4.xsd"}
SINCE = {NS_1_0: "1.0", NS_1_1: "1.1", NS_1_2: "1.2"}
UUID = "01234567-89ab-cdef-0123-456789ABCDEF"
VALUES = (
    ParameterValueStruct("Device.A.B", "a <b> & \"c\" 'd' ä\r\n", "xsd:string"),
    ParameterValueStruct("Device.A.C", "1", "xsd:boolean"),
    ParameterValueStruct("Device.A.D", "2026-01-02T03:04:05Z", "xsd:dateTime"),
    ParameterValueStruct("Device.A.E", "4294967295", "xsd:unsignedInt"),
    ParameterValueStruct("Device.A.F", "QQ==", "xsd:base64Binary"),
)
RESULT = OpResultStruct(UUID, "Device.SoftwareModules.DeploymentUnit.1.", "1.0", "Installed", True)
TYPE = "1 Firmware Upgrade Image"

ACS_SENDS: tuple[Message, ...] = (
    GetRPCMethods(),
    SetParameterValues(VALUES, "key"),
    SetParameterValues(),
    GetParameterValues(("Device.", "InternetGatewayDevice.DeviceInfo.UpTime")),
    GetParameterNames("", True),
    GetParameterNames("Device."),
    SetParameterAttributes((SetParameterAttributesStruct("Device.", True, 2, True, ("Subscriber",)),)),
    GetParameterAttributes(("Device.",)),
    AddObject("Device.NAT.PortMapping.", "key"),
    DeleteObject("Device.NAT.PortMapping.3.", "key"),
    Reboot("key"),
    Download("key", TYPE, "http://acs/f?a=1&b=2", "u", "p", 123, "", 0),
    Upload("key", "1 Vendor Configuration File", "http://acs/f"),
    FactoryReset(),
    ScheduleInform(60, "key"),
    GetQueuedTransfers(),
    GetAllQueuedTransfers(),
    ScheduleDownload("key", TYPE, "http://acs/f", time_window_list=(TimeWindowStruct(0, 60), TimeWindowStruct(90, 99))),
    CancelTransfer("key"),
    ChangeDUState(
        (InstallOpStruct("http://x/", UUID, "u", "p", "e"), UpdateOpStruct(UUID, "2"), UninstallOpStruct(UUID)), "k"
    ),
    SetVouchers((b"voucher", b"")),
    GetOptions("VoIP"),
    GetRPCMethodsResponse(ACS_METHODS),
    KickedResponse("http://acs/"),
    *[RESPONSE_OF[cls]() for cls in CPE_REQUESTS if cls not in (GetRPCMethods, Kicked)],
    *[SoapFault(code, "text <&>", "Server") for code in range(8000, 8007)],
)
CPE_SENDS: tuple[Message, ...] = (
    Inform(
        DeviceId("ACME", "001122", "ONT", "S1"),
        (EventStruct("1 BOOT"), EventStruct("M Reboot", "k")),
        parameter_list=VALUES,
    ),
    Inform(DeviceId("ACME", "001122", "ONT", "S1")),
    TransferComplete("k", FaultStruct(9010, "no")),
    AutonomousTransferComplete("http://a/", "http://b/", True, TYPE, 5),
    DUStateChangeComplete((RESULT,), "k"),
    AutonomousDUStateChangeComplete((AutonOpResultStruct(UUID, "D.", "1", "Failed", operation_performed="Install"),)),
    RequestDownload(TYPE, (ArgStruct("a", "b"),)),
    Kicked("c", "r", "a", "n"),
    GetParameterValuesResponse(VALUES),
    GetParameterNamesResponse((ParameterInfoStruct("Device.", True),)),
    GetParameterAttributesResponse((ParameterAttributeStruct("Device.A", 2, ("Subscriber",)),)),
    AddObjectResponse(3, 1),
    DeleteObjectResponse(1),
    DownloadResponse(),
    UploadResponse(0),
    GetQueuedTransfersResponse((QueuedTransferStruct("k", 2),)),
    GetAllQueuedTransfersResponse((AllQueuedTransferStruct("k", 1, True, TYPE, 3, "f"),)),
    GetOptionsResponse((OptionStruct("VoIP", 1, 1, 1),)),
    SoapFault(9003, "bad", "Client", (SetParameterValuesFault("Device.A", 9007, "out of range"),)),
)


@functools.cache
def schema(namespace: str) -> etree.XMLSchema:
    folder = shared("data/xsd")
    imports = (
        ("http://schemas.xmlsoap.org/soap/envelope/", "soap-envelope.xsd"),
        ("http://schemas.xmlsoap.org/soap/encoding/", "soap-encoding.xsd"),
        (namespace, SCHEMAS[namespace]),
    )
    lines = "".join(
        f'<xs:import namespace="{uri}" schemaLocation="{(folder / file).as_uri()}"/>' for uri, file in imports
    )
    document = f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{lines}</xs:schema>'
    return etree.XMLSchema(etree.fromstring(document, etree.XMLParser(no_network=True)))


def complaints(envelope: Envelope) -> list[str]:
    wanted = schema(envelope.namespace)
    wanted.validate(etree.fromstring(encode(envelope)))
    return [entry.message for entry in wanted.error_log]


def exists_in(message: Message, namespace: str) -> bool:
    if isinstance(message, SoapFault) and message.fault_code == 8006:
        return namespace != NS_1_0
    name = type(message).__name__.removesuffix("Response")
    return RPC_SINCE.get(name, "1.0") <= SINCE[namespace]


@pytest.mark.parametrize("namespace", SCHEMAS)
@pytest.mark.parametrize("message", [*ACS_SENDS, *CPE_SENDS], ids=lambda message: type(message).__name__)
def test_a_message_is_valid(message: Message, namespace: str) -> None:
    if not exists_in(message, namespace):
        return
    headers = {"hold_requests": True, "use_version": "1.4"} if namespace == NS_1_2 else {}
    assert complaints(Envelope(message, "1", namespace, **headers)) == []  # type: ignore[arg-type]


def test_every_message_of_the_acs_is_among_them() -> None:
    sent = {type(message) for message in ACS_SENDS}
    assert sent >= set(ACS_REQUESTS) | {RESPONSE_OF[cls] for cls in CPE_REQUESTS}


def test_the_schema_notices_a_wrong_message() -> None:
    assert complaints(Envelope(Inform(DeviceId("ACME", "zz", "ONT", "S1")), "1", NS_1_2))


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.text(
        st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="￾￿") | st.sampled_from("\t\n\r"), max_size=30
    )
)
def test_any_value_makes_a_valid_message(text: str) -> None:
    message = SetParameterValues((ParameterValueStruct("Device.A", text),), "key")
    assert complaints(Envelope(message, text, NS_1_2)) == []
