"""Items 27 to 36: the SOAP envelope."""

import pytest

from tests.conformance.checklist import item
from tests.conformance.server import Acs
from tests.conformance.wire import CWMP, SOAP, XSI, Answer, Cpe, array_counts, fault, values_response

UPTIME = "Device.DeviceInfo.UpTime"
NOTE = "Device.DeviceInfo.ProvisioningCode"


async def asked(acs: Acs, cpe: Cpe, kind: str, **arguments: object) -> Answer:
    """The first RPC of an operation, in a session of a device that came once before."""
    await cpe.session()
    await acs.request(cpe, kind, arguments)
    await cpe.open()
    return await cpe.post()


@pytest.mark.parametrize("id", ["1", "0", "null", "3_TR69_ID", "x" * 300, "a&b <c>"])
@item(27, "3.5", "an answer carries the id of the request, with mustUnderstand=1")
async def test_027_the_id_comes_back(acs: Acs, id: str) -> None:
    cpe = acs.cpe()
    for answer in (
        await cpe.post(cpe.inform(id=id)),
        await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>", id)),
        await cpe.post(cpe.envelope("<cwmp:X_00D09E_Unknown/>", id)),
    ):
        header = answer.soap_header("ID")
        assert header is not None
        assert header.text == id
        assert header.get(f"{{{SOAP}}}mustUnderstand") == "1"
        assert header.tag == f"{{{CWMP.format(0)}}}ID"
    await cpe.close()


@item(28, "3.5", "each request of the ACS has an id of its own; an answer with another id is matched by the order")
async def test_028_requests_have_ids_of_their_own(acs: Acs) -> None:
    cpe = acs.cpe()
    first = await asked(acs, cpe, "get", names=[UPTIME])
    await acs.request(cpe, "get", {"names": [NOTE]})
    assert first.id
    second = await cpe.post(cpe.envelope(values_response([(UPTIME, "7", "xsd:unsignedInt")]), "null"))
    assert second.rpc == "GetParameterValues"
    assert second.id not in (None, first.id)
    done = await cpe.post(cpe.envelope(values_response([(NOTE, "x", "xsd:string")]), None))
    assert done.status == 204
    known = await acs.values(cpe)
    assert (known[UPTIME][0], known[NOTE][0]) == ("7", "x")
    await cpe.close()


@pytest.mark.parametrize("version", range(5))
@item(29, "3.5", "answers and requests are in the cwmp namespace of the Inform, cwmp-1-0 to cwmp-1-4")
async def test_029_the_namespace_of_the_inform(acs: Acs, version: int) -> None:
    cpe = acs.cpe(version=version)
    namespace = CWMP.format(version)
    first = await asked(acs, cpe, "get", names=[UPTIME])
    assert first.namespace == namespace
    assert (await cpe.answer(first, fault(9005))).status == 204
    opened = await cpe.open()
    own = await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>"))
    assert opened.namespace == own.namespace == namespace
    await cpe.close()


@item(30, "3.5", "an unknown header that must be understood gets a fault; one that need not is ignored")
async def test_030_headers_that_must_be_understood(acs: Acs) -> None:
    cpe = acs.cpe()
    refused = await cpe.post(cpe.inform(headers='<cwmp:Odd soap:mustUnderstand="1">x</cwmp:Odd>'))
    assert (refused.status, refused.rpc) == (200, "Fault")
    assert "mustUnderstand" in (refused.message.findtext("faultstring") or "") + refused.body.decode()
    assert await acs.device(cpe) is None
    taken = await cpe.post(cpe.inform(headers='<cwmp:Odd soap:mustUnderstand="0">x</cwmp:Odd><cwmp:Other/>'))
    assert taken.rpc == "InformResponse"
    await cpe.close()


@item(31, "3.5", "NoMoreRequests is ignored, and never sent")
async def test_031_no_more_requests_is_ignored(acs: Acs) -> None:
    cpe = acs.cpe()
    header = '<cwmp:NoMoreRequests soap:mustUnderstand="1">1</cwmp:NoMoreRequests>'
    answer = await cpe.post(cpe.inform(headers=header))
    assert answer.rpc == "InformResponse"
    assert b"NoMoreRequests" not in answer.body
    own = await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>"))
    assert own.rpc == "GetRPCMethodsResponse"
    await cpe.close()


@item(32, "3.5", "every array sent declares its true length; arrays with a wrong or no arrayType are read")
async def test_032_array_lengths(acs: Acs) -> None:
    cpe = acs.cpe()
    names = [UPTIME, NOTE, "Device.DeviceInfo.HardwareVersion"]
    first = await asked(acs, cpe, "get", names=names)
    assert array_counts(first) == [(3, 3)]
    reply = values_response([(name, "1", "xsd:string") for name in names])
    odd = reply.replace("ParameterValueStruct[3]", "ParameterValueStuct[0008]")
    assert (await cpe.answer(first, odd)).status == 204
    assert len((await acs.values(cpe)).keys() & set(names)) == 3
    await cpe.session()
    await acs.request(cpe, "get", {"names": names[:1]})
    await cpe.open()
    again = await cpe.post()
    bare = values_response([(names[0], "2", "xsd:string")]).replace(
        ' soapenc:arrayType="cwmp:ParameterValueStruct[1]"', ""
    )
    assert (await cpe.answer(again, bare)).status == 204
    assert (await acs.values(cpe))[UPTIME][0] == "2"
    own = await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>"))
    (counted,) = array_counts(own)
    assert counted[0] == counted[1] > 3
    await cpe.close()


@item(33, "3.5", "arguments are unqualified and stand in the order of the schema")
async def test_033_arguments_are_unqualified_and_in_order(acs: Acs) -> None:
    cpe = acs.cpe()
    read = await asked(acs, cpe, "set", values={NOTE: "new"})
    assert [child.tag for child in read.message] == ["ParameterNames"]
    assert [child.tag for child in read.message[0]] == ["string"]
    write = await cpe.answer(read, values_response([(NOTE, "old", "xsd:string")]))
    assert write.rpc == "SetParameterValues"
    assert [child.tag for child in write.message] == ["ParameterList", "ParameterKey"]
    assert [child.tag for child in write.message[0][0]] == ["Name", "Value"]
    await cpe.close()


@item(34, "A.2.1", "values are written with the type the CPE reported; booleans 0, 1, true and false are all read")
async def test_034_types_and_booleans(acs: Acs) -> None:
    cpe = acs.cpe()
    wanted = {"Device.A.Number": 5, "Device.A.Word": True, "Device.A.Digit": False, "Device.A.Text": "x"}
    read = await asked(acs, cpe, "set", values=wanted)
    reported = [
        ("Device.A.Number", "4", "xsd:unsignedInt"),
        ("Device.A.Word", "false", "xsd:boolean"),
        ("Device.A.Digit", "1", "xsd:boolean"),
        ("Device.A.Text", "", "xsd:string"),
    ]
    write = await cpe.answer(read, values_response(reported))
    sent = {
        struct.findtext("Name"): (struct.find("Value").text, struct.find("Value").get(f"{{{XSI}}}type"))  # type: ignore[union-attr] # it is there
        for struct in write.message[0]
    }
    assert sent == {
        "Device.A.Number": ("5", "xsd:unsignedInt"),
        "Device.A.Word": ("true", "xsd:boolean"),
        "Device.A.Digit": ("0", "xsd:boolean"),
        "Device.A.Text": ("x", "xsd:string"),
    }
    await cpe.close()


@pytest.mark.parametrize("envelopes", ["1", "0", "2", "", "many"])
@item(35, "3.5", "one envelope per message: MaxEnvelopes is 1 in the answer, whatever the CPE says")
async def test_035_one_envelope_per_message(acs: Acs, envelopes: str) -> None:
    cpe = acs.cpe()
    body = cpe.inform().replace(b"<MaxEnvelopes>1<", f"<MaxEnvelopes>{envelopes}<".encode())
    answer = await cpe.post(body)
    assert answer.rpc == "InformResponse"
    assert answer.text("MaxEnvelopes") == "1"
    assert answer.body.count(b"Envelope ") == 1
    assert (await cpe.post()).status == 204
    await cpe.close()


@item(36, "3.4.1", "special characters and those beyond ASCII survive both ways")
async def test_036_characters_survive(acs: Acs) -> None:
    cpe = acs.cpe()
    text = "a&b<c>\"d'\u00e4\u042f\u4e2d\U0001f600\t  e"
    read = await asked(acs, cpe, "set", values={NOTE: text})
    write = await cpe.answer(read, values_response([(NOTE, "\u042f&<old>", "xsd:string")]))
    assert write.texts(".//Value") == [text]
    assert (await cpe.answer(write, "<cwmp:SetParameterValuesResponse><Status>0</Status>"
                             "</cwmp:SetParameterValuesResponse>")).status == 204  # fmt: skip
    assert (await acs.values(cpe))[NOTE][0] == text
    await cpe.close()
