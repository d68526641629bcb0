"""Items 41 and 69 to 83, 92 to 96: the RPCs of the data model, and those that act on the device."""

import asyncio

import pytest

from acs.cwmp.faults import describe
from acs.errors import InvalidInput
from acs.store.records import OperationState
from tests.conformance.acting import device, done
from tests.conformance.checklist import item
from tests.conformance.server import Acs
from tests.conformance.wire import XSI, Answer, fault, names_response

TABLE = "Device.NAT.PortMapping."


def tags(answer: Answer) -> list[str]:
    """The arguments of a request, in order."""
    return [child.tag for child in answer.message]


@item(41, "A.3.1.1", "RPCs newer than the session's version, or absent from GetRPCMethods, are not sent")
async def test_041_only_what_the_cpe_knows(acs: Acs) -> None:
    old = await device(acs, product_class="Old11", version=1)
    window = {"start_s": 0, "end_s": 60}
    place = {"file_type": "firmware", "url": "http://192.0.2.1/f.bin"}
    ended = await done(acs, old, "schedule_download", **place, windows=[window])
    assert ended.state == OperationState.FAILED
    assert not old.all("ScheduleDownload")
    few = await device(acs, product_class="Few", version=2)
    few.answers["GetRPCMethods"] = lambda _: (
        "<cwmp:GetRPCMethodsResponse><MethodList><string>GetParameterValues</string><string>Reboot</string>"
        "</MethodList></cwmp:GetRPCMethodsResponse>"
    )
    ended = await done(acs, few, "schedule_download", **place, windows=[window])
    assert ended.state == OperationState.FAILED
    assert "not supported" in ended.detail
    assert not few.all("ScheduleDownload")


@item(69, "A.3.1.1", "GetRPCMethods of a CPE is answered with what the ACS serves")
async def test_069_the_methods_of_the_acs(acs: Acs) -> None:
    cpe = acs.cpe()
    await cpe.open()
    answer = await cpe.post(cpe.envelope("<cwmp:GetRPCMethods/>"))
    wanted = {"Inform", "GetRPCMethods", "TransferComplete", "AutonomousTransferComplete", "RequestDownload", "Kicked"}
    assert wanted <= set(answer.texts(".//string"))


@item(70, "A.3.2.2", "GetParameterValues with a partial path, and with several names")
async def test_070_values_by_path_and_by_names(acs: Acs) -> None:
    acting = await device(acs)
    assert (await done(acs, acting, "get", names=["Device.X."])).state == OperationState.SUCCEEDED
    assert (await done(acs, acting, "get", names=["Device.X.A", "Device.X.B"])).state == OperationState.SUCCEEDED
    assert [each.texts(".//string") for each in acting.all("GetParameterValues")] == [
        ["Device.X."],
        ["Device.X.A", "Device.X.B"],
    ]
    assert (await acs.values(acting.cpe))["Device.X.C"][0] == "c"


@item(71, "A.3.2.2", "9005 for several names is split until the good ones are read and the unknown one is named")
async def test_071_unknown_names_are_found_out(acs: Acs) -> None:
    acting = await device(acs)
    names = ["Device.X.A", "Device.X.B", "Device.X.Gone", "Device.X.C"]
    ended = await done(acs, acting, "get", names=names)
    assert ended.state == OperationState.SUCCEEDED
    assert isinstance(ended.result, dict)
    assert ended.result["unknown"] == ["Device.X.Gone"]
    assert {"Device.X.A", "Device.X.B", "Device.X.C"} <= (await acs.values(acting.cpe)).keys()


@pytest.mark.parametrize("code", [9004, 9002])
@item(72, "A.3.2.2", "a subtree that is too much at once is read in parts")
async def test_072_a_large_tree_is_read_in_parts(acs: Acs, code: int) -> None:
    acting = await device(acs, product_class=f"Weak{code}")
    acting.tree = {f"Device.T{n}.Item.{i}.V": (str(i), "xsd:int") for n in range(3) for i in range(1, 5)}

    def few(asked: Answer) -> str:
        names = asked.texts(".//string")
        size = sum(name == n or (n.endswith(".") and name.startswith(n)) for n in names for name in acting.tree)
        return fault(code) if size > 5 else acting.values(names)

    acting.answers["GetParameterValues"] = few
    ended = await done(acs, acting, "refresh")
    assert ended.state == OperationState.SUCCEEDED, ended.detail
    assert acting.tree.keys() <= (await acs.values(acting.cpe)).keys()


@item(73, "A.3.2.3", "NextLevel is never asked of a full parameter name; an empty path gives way to the root's name")
async def test_073_names_of_objects_only(acs: Acs) -> None:
    acting = await device(acs, product_class="NoEmptyPath")

    def no_empty_path(asked: Answer) -> str:
        path = asked.text("ParameterPath") or ""
        return fault(9005) if not path else acting.names(path, asked.text("NextLevel") in ("1", "true"))

    acting.answers["GetParameterNames"] = no_empty_path
    acting.answers["GetParameterValues"] = lambda asked: (
        fault(9004) if any(name.endswith(".") for name in asked.texts(".//string")) else acting.values(
            asked.texts(".//string"))
    )  # fmt: skip
    assert (await done(acs, acting, "names", path="", next_level=False)).state == OperationState.SUCCEEDED
    assert (await done(acs, acting, "refresh")).state == OperationState.SUCCEEDED
    with pytest.raises(InvalidInput):
        await acs.request(acting.cpe, "names", {"path": "Device.X.A", "next_level": True})
    for asked in acting.all("GetParameterNames"):
        path = asked.text("ParameterPath") or ""
        assert path in ("", "Device.") or path.endswith("."), path
    paths = [asked.text("ParameterPath") or "" for asked in acting.all("GetParameterNames")]
    assert "Device." in paths


@item(74, "A.3.2.3", "Writable is told for parameters, tables and rows, and read in any spelling")
async def test_074_writable(acs: Acs) -> None:
    acting = await device(acs)
    acting.answers["GetParameterNames"] = lambda _: names_response(
        [("Device.X.A", True), (TABLE, True), (f"{TABLE}1.", False), (f"{TABLE}1.Port", False)]
    ).replace("<Writable>1", "<Writable>true", 1)
    ended = await done(acs, acting, "names", path="Device.", next_level=False)
    assert isinstance(ended.result, dict)
    listed = str(ended.result)
    assert TABLE in listed
    told = {each["name"]: each["writable"] for each in _entries(ended.result)}
    assert told == {"Device.X.A": True, TABLE: True, f"{TABLE}1.": False, f"{TABLE}1.Port": False}


def _entries(result: dict[str, object]) -> list[dict[str, object]]:
    """The entries of a listing: name and whether it is writable."""
    names = result["names"]
    if isinstance(names, dict):
        return [{"name": name, "writable": writable} for name, writable in names.items()]
    assert isinstance(names, list)
    return [each if "name" in each else {"name": each[0], "writable": each[1]} for each in names]


@item(75, "A.3.2.1", "the changes of one operation go in one call, each name once, with the type the CPE reported")
async def test_075_one_call_for_all_changes(acs: Acs) -> None:
    acting = await device(acs)
    acting.tree["Device.X.N"] = ("1", "xsd:unsignedInt")
    ended = await done(acs, acting, "set", values={"Device.X.A": "1", "Device.X.B": "2", "Device.X.N": 3})
    assert ended.state == OperationState.SUCCEEDED
    (call,) = acting.all("SetParameterValues")
    assert call.texts(".//Name") == ["Device.X.A", "Device.X.B", "Device.X.N"]
    types = [value.get(f"{{{XSI}}}type") for value in call.message.iter("Value")]
    assert types == ["xsd:string", "xsd:string", "xsd:unsignedInt"]


@item(76, "A.3.2.1", "the faults of a refused setting are told per parameter")
async def test_076_faults_per_parameter(acs: Acs) -> None:
    acting = await device(acs)
    refused = [("Device.X.A", 9007, "too long"), ("Device.X.B", 9008, "read only")]
    acting.answers["SetParameterValues"] = lambda _: fault(9003, "Invalid arguments", refused)
    ended = await done(acs, acting, "set", values={"Device.X.A": "1", "Device.X.B": "2"})
    assert (ended.state, ended.fault_code) == (OperationState.FAILED, 9003)
    assert isinstance(ended.result, dict)
    assert ended.result["faults"] == {
        "Device.X.A": {"code": 9007, "text": "too long"},
        "Device.X.B": {"code": 9008, "text": "read only"},
    }


@item(77, "A.3.2.1", "Status 1 is not told as applied, and the values are read again in a later session")
async def test_077_committed_is_not_applied(acs: Acs) -> None:
    acting = await device(acs)
    acting.answers["SetParameterValues"] = lambda _: (
        "<cwmp:SetParameterValuesResponse><Status>1</Status></cwmp:SetParameterValuesResponse>"
    )
    ended = await done(acs, acting, "set", values={"Device.X.A": "new"})
    assert ended.state == OperationState.SUCCEEDED
    assert "later" in ended.detail
    assert (await acs.values(acting.cpe))["Device.X.A"][0] == "a", "nothing shows that it holds"
    acting.tree["Device.X.A"] = ("new", "xsd:string")
    again = await acting.session("1 BOOT")
    assert [each.texts(".//string") for each in again] == [["Device.X.A"]]
    assert (await acs.values(acting.cpe))["Device.X.A"][0] == "new"


@item(78, "A.3.2.1", "each operation has a ParameterKey of its own, which tells after a break whether it took effect")
async def test_078_parameter_keys(acs: Acs) -> None:
    acting = await device(acs)
    for value in ("1", "2"):
        await done(acs, acting, "set", values={"Device.X.A": value})
    keys = [call.text("ParameterKey") or "" for call in acting.all("SetParameterValues")]
    assert len(set(keys)) == 2
    assert all(0 < len(key) <= 32 for key in keys)
    operation = await acs.request(acting.cpe, "add_object", {"path": TABLE})
    acting.answers["AddObject"] = lambda _: None
    (call,) = await acting.session()
    key = call.text("ParameterKey") or ""
    assert 0 < len(key) <= 32
    acting.tree["Device.ManagementServer.ParameterKey"] = (key, "xsd:string")
    acting.tree[f"{TABLE}3.Port"] = ("0", "xsd:int")
    await acting.session()
    assert len(acting.all("AddObject")) == 1, "its key is there: the row was added"
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


@item(79, "A.3.2.6", "AddObject names the table with its dot; values go to the instance number that came back")
async def test_079_a_row_is_added_where_the_cpe_says(acs: Acs) -> None:
    acting = await device(acs)
    acting.answers["AddObject"] = lambda _: (
        "<cwmp:AddObjectResponse><InstanceNumber>7</InstanceNumber><Status>0</Status></cwmp:AddObjectResponse>"
    )
    acting.tree |= {f"{TABLE}7.InternalPort": ("0", "xsd:unsignedInt")}
    ended = await done(acs, acting, "add_object", path=TABLE, values={"InternalPort": 80})
    assert ended.state == OperationState.SUCCEEDED, ended.detail
    assert acting.all("AddObject")[0].text("ObjectName") == TABLE
    assert acting.all("SetParameterValues")[0].texts(".//Name") == [f"{TABLE}7.InternalPort"]
    assert isinstance(ended.result, dict)
    assert ended.result["instance"] == 7
    with pytest.raises(InvalidInput):
        await acs.request(acting.cpe, "add_object", {"path": f"{TABLE}7"})


@item(80, "A.3.2.7", "DeleteObject names the row; 9005 to a repetition means that it is gone already")
async def test_080_a_row_is_deleted_once(acs: Acs) -> None:
    acting = await device(acs)
    operation = await acs.request(acting.cpe, "delete_object", {"path": f"{TABLE}7."})
    acting.answers["DeleteObject"] = lambda _: None
    await acting.session()
    acting.answers["DeleteObject"] = lambda _: fault(9005)
    await acting.session()
    assert [call.text("ObjectName") for call in acting.all("DeleteObject")] == [f"{TABLE}7."] * 2
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED


@item(81, "3.6.1", "aliases and wildcards are sent only to a CPE that says it understands them")
async def test_081_aliases_and_wildcards(acs: Acs) -> None:
    acting = await device(acs)
    for names in ([f"{TABLE}[web].Port"], ["Device.X.*.A"]):
        ended = await done(acs, acting, "get", names=names)
        assert ended.state == OperationState.FAILED
    assert not acting.all("GetParameterValues")
    acting.tree["Device.ManagementServer.AliasBasedAddressing"] = ("1", "xsd:boolean")
    acting.tree["Device.ManagementServer.InstanceWildcardsSupported"] = ("1", "xsd:boolean")
    await done(acs, acting, "get", names=["Device.ManagementServer."])
    acting.tree |= {f"{TABLE}[web].Port": ("80", "xsd:int"), "Device.X.*.A": ("1", "xsd:int")}
    for names in ([f"{TABLE}[web].Port"], ["Device.X.*.A"]):
        assert (await done(acs, acting, "get", names=names)).state == OperationState.SUCCEEDED


@item(82, "A.3.2.4", "Notification 3 to 6 only for CWMP 1.4; NotificationChange is true; 9009 is told")
async def test_082_attributes_are_set(acs: Acs) -> None:
    old, new = await device(acs, version=0), await device(acs, version=4)
    wanted = {"Device.X.A": {"notification": 4}}
    assert (await done(acs, old, "set_attributes", attributes=wanted)).state == OperationState.FAILED
    assert not old.all("SetParameterAttributes")
    assert (await done(acs, new, "set_attributes", attributes=wanted)).state == OperationState.SUCCEEDED
    (call,) = new.all("SetParameterAttributes")
    struct = call.message.find("ParameterList/SetParameterAttributesStruct")
    assert struct is not None
    assert (struct.findtext("Notification"), struct.findtext("NotificationChange")) == ("4", "1")
    assert struct.findtext("AccessListChange") == "0"
    old.answers["SetParameterAttributes"] = lambda _: fault(9009, "Notification request rejected")
    ended = await done(acs, old, "set_attributes", attributes={"Device.X.A": {"notification": 2}})
    assert (ended.state, ended.fault_code) == (OperationState.FAILED, 9009)


@item(83, "A.3.2.5", "GetParameterAttributes reads notification and access list back")
async def test_083_attributes_are_read(acs: Acs) -> None:
    acting = await device(acs)
    acting.answers["GetParameterAttributes"] = lambda _: (
        "<cwmp:GetParameterAttributesResponse><ParameterList><ParameterAttributeStruct><Name>Device.X.A</Name>"
        "<Notification>2</Notification><AccessList><string>Subscriber</string></AccessList>"
        "</ParameterAttributeStruct></ParameterList></cwmp:GetParameterAttributesResponse>"
    )
    ended = await done(acs, acting, "attributes", names=["Device.X.A"])
    assert ended.state == OperationState.SUCCEEDED
    assert "Device.X.A" in str(ended.result)
    assert "Subscriber" in str(ended.result)


@item(92, "A.3.2.9", "after RebootResponse the session ends with 204 at once, and the boot is waited for")
async def test_092_a_reboot_ends_the_session(acs: Acs) -> None:
    acting = await device(acs)
    operation = await acs.request(acting.cpe, "reboot")
    waiting = await acs.request(acting.cpe, "get", {"names": ["Device.X.A"]})
    asked = await acting.session()
    assert [each.rpc for each in asked] == ["Reboot"]
    assert (await acs.state(waiting)).state == OperationState.QUEUED
    assert (await acs.state(operation)).state == OperationState.SENT
    await acting.session("1 BOOT", ("M Reboot", asked[0].text("CommandKey") or ""))
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED
    assert (await acs.ended(waiting)).state == OperationState.SUCCEEDED


@item(93, "A.4.1.6", "the record of a device survives its factory reset, and BOOTSTRAP ends the operation")
async def test_093_a_factory_reset(acs: Acs) -> None:
    acting = await device(acs)
    operation = await acs.request(acting.cpe, "factory_reset")
    first = await acs.device(acting.cpe)
    assert (await acting.session())[-1].rpc == "FactoryReset"
    await asyncio.sleep(0.4)
    await acting.session("0 BOOTSTRAP", "1 BOOT")
    assert (await acs.ended(operation)).state == OperationState.SUCCEEDED
    again = await acs.device(acting.cpe)
    assert first is not None
    assert again is not None
    assert again.first_seen_at == first.first_seen_at


@item(94, "A.4.1.4", "ScheduleInform is never sent with a delay of 0")
async def test_094_no_inform_in_no_time(acs: Acs) -> None:
    acting = await device(acs)
    with pytest.raises(InvalidInput):
        await acs.request(acting.cpe, "schedule_inform", {"delay_s": 0})
    operation = await acs.request(acting.cpe, "schedule_inform", {"delay_s": 60})
    await acting.session()
    (call,) = acting.all("ScheduleInform")
    assert call.text("DelaySeconds") == "60"
    assert call.text("CommandKey")
    assert (await acs.state(operation)).state == OperationState.SENT


@pytest.mark.parametrize("code", [*range(9000, 9033), 9800, 9899, 9500, 1])
@item(96, "A.5", "every fault code is shown with a text, those of vendors and unknown ones too")
async def test_096_faults_have_texts(acs: Acs, code: int) -> None:
    assert describe(code, lang="en")
    assert describe(code, lang="ru")
    if code in (9001, 9899, 1):
        acting = await device(acs, product_class=f"Fault{code}")
        acting.answers["GetParameterValues"] = lambda _: fault(code, "its own words")
        ended = await done(acs, acting, "get", names=["Device.X.A"])
        assert (ended.state, ended.fault_code) == (OperationState.FAILED, code)
        assert str(code) in ended.detail
