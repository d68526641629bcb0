"""Named quirks reach the wire: an operator's profile switches them on for its devices, and only for these."""

from collections.abc import AsyncIterator

import pytest

from acs.store.records import OperationState
from tests.conformance.acting import Device, done
from tests.conformance.server import Acs, serving

PROFILE = """
quirks = ["no_xml_declaration", "line_breaks", "boolean_words", "no_parameter_key", "single_names", "empty_answer"]
[profile]
id = "weak"
kind = "router"
title = "Weak parser"
base = "generic-tr181"
[match]
root = "Device."
product_class = ["Weak*"]
"""


@pytest.fixture(scope="module")
async def weak(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Acs]:
    """A server whose operator wrote a profile for weak devices."""
    folder = tmp_path_factory.mktemp("weak")
    (folder / "profiles").mkdir()
    (folder / "profiles" / "weak.toml").write_text(PROFILE)
    async with serving(folder, profiles={"directory": str(folder / "profiles")}) as server:
        yield server


def acting_of(acs: Acs, product_class: str) -> Device:
    tree = {"Device.X.A": ("a", "xsd:string"), "Device.X.On": ("0", "xsd:boolean")}
    return Device(acs.cpe(product_class=product_class), tree)


async def test_a_device_is_spoken_to_as_its_profile_says(weak: Acs) -> None:
    acting = acting_of(weak, "Weak7")
    opened = await acting.cpe.open("1 BOOT")
    assert opened.body.startswith(b"<soap-env:Envelope")
    assert b">\n<soap-env:Body>" in opened.body
    await acting.cpe.close()
    assert (await done(weak, acting, "get", names=["Device.X.A", "Device.X.On"])).state == OperationState.SUCCEEDED
    assert [asked.texts(".//string") for asked in acting.asked] == [["Device.X.A"], ["Device.X.On"]]
    assert (await done(weak, acting, "set", values={"Device.X.On": True})).state == OperationState.SUCCEEDED
    (call,) = acting.all("SetParameterValues")
    assert call.message.find("ParameterKey") is None
    assert call.texts(".//Value") == ["true"]


async def test_other_devices_are_spoken_to_as_usual(weak: Acs) -> None:
    acting = acting_of(weak, "Strong")
    opened = await acting.cpe.open("1 BOOT")
    assert opened.body.startswith(b"<?xml")
    await acting.cpe.close()
    assert (await done(weak, acting, "get", names=["Device.X.A", "Device.X.On"])).state == OperationState.SUCCEEDED
    assert [asked.texts(".//string") for asked in acting.asked] == [["Device.X.A", "Device.X.On"]]
    assert (await done(weak, acting, "set", values={"Device.X.On": True})).state == OperationState.SUCCEEDED
    (call,) = acting.all("SetParameterValues")
    assert call.text("ParameterKey")
    assert call.texts(".//Value") == ["1"]


async def test_the_empty_answer_of_a_device_known_for_it_refuses_even_a_reboot(weak: Acs) -> None:
    acting = acting_of(weak, "Weak8")
    await acting.session("1 BOOT")
    operation = await weak.request(acting.cpe, "reboot")
    await acting.cpe.open()
    asked = await acting.cpe.post()
    assert asked.rpc == "Reboot"
    assert (await acting.cpe.post()).status == 204
    assert (await weak.ended(operation)).state == OperationState.FAILED
