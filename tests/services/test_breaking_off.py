"""A test that runs on the device is broken off where its data model can, and left to end, and said so, where not."""

import pytest

from acs.cwmp.messages import (
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SetParameterValues,
    SetParameterValuesResponse,
    SoapFault,
)
from acs.cwmp.structs import ParameterValueStruct, SetParameterValuesFault
from acs.errors import Conflict
from acs.profiles.diagnostics import DIAGNOSTICS
from acs.services.plans.breaking_off import StopPlan
from acs.store.records import OperationRecord, OperationState
from tests.fakes.acs_server import ACTOR, Running
from tests.fakes.cpe import Cpe

PING = "Device.IP.Diagnostics.IPPing."
STATE = f"{PING}DiagnosticsState"
INPUTS = {"host": "192.0.2.1", "count": 1, "timeout_ms": 1}


async def pinging(server: Running, cpe: Cpe, path: str = PING) -> OperationRecord:
    """An operation whose test runs on the device."""
    cpe.values = {
        f"{path}{leaf}": ("0", "xsd:unsignedInt") for leaf in ("NumberOfRepetitions", "Timeout", "SuccessCount")
    }
    cpe.values |= {f"{path}{leaf}": ("", "xsd:string") for leaf in ("Host", "DiagnosticsState")}
    await cpe.session(("1 BOOT", ""))
    asked = await server.operations.request(ACTOR, cpe.key, "diagnose", {"test": "ping", "inputs": INPUTS})
    await cpe.session(("2 PERIODIC", ""))
    assert cpe.values[f"{path}DiagnosticsState"][0] == "Requested"
    return asked


async def test_a_running_test_is_broken_off(server: Running) -> None:
    cpe = Cpe(server.port)
    asked = await pinging(server, cpe)
    wanted = await server.operations.cancel(ACTOR, asked.id)
    assert (wanted.state, wanted.detail) == (OperationState.SENT, "the device is asked to break the test off")
    again = await server.operations.cancel(ACTOR, asked.id)
    assert again.state is OperationState.SENT
    await cpe.session(("6 CONNECTION REQUEST", ""))
    assert cpe.values[STATE][0] == "Canceled"
    over = await server.now(asked)
    assert (over.state, over.detail) == (OperationState.CANCELLED, "the device broke the test off")
    steps = await server.steps(asked)
    assert steps.count("cancel_wanted") == 1 and steps[-1] == "cancelled"
    with pytest.raises(Conflict, match="is cancelled"):
        await server.operations.cancel(ACTOR, asked.id)


async def test_a_model_that_cannot_is_left_to_end_and_asked_no_more(server: Running) -> None:
    cpe = Cpe(server.port)
    asked = await pinging(server, cpe)

    def refuses(message: Message) -> Message | None:
        if isinstance(message, SetParameterValues) and message.parameter_list[-1].value == "Canceled":
            return SoapFault(9003, "Invalid arguments", "Client", (SetParameterValuesFault(STATE, 9007, "no"),))
        return None

    cpe.hook = refuses
    await server.operations.cancel(ACTOR, asked.id)
    await cpe.session(("6 CONNECTION REQUEST", ""))
    left = await server.now(asked)
    assert left.state is OperationState.SENT and "left to end by itself" in left.detail
    with pytest.raises(Conflict, match=r"cannot break .* off.*left to end by itself, until .* at the latest"):
        await server.operations.cancel(ACTOR, asked.id)
    cpe.values[STATE], cpe.values[f"{PING}SuccessCount"] = ("Complete", "xsd:string"), ("1", "xsd:unsignedInt")
    await cpe.session(("8 DIAGNOSTICS COMPLETE", ""))
    done = await server.now(asked)
    assert done.state is OperationState.SUCCEEDED, "its results are not lost"


async def test_tr_098_has_no_word_for_it(server: Running) -> None:
    cpe = Cpe(server.port, root="InternetGatewayDevice.")
    asked = await pinging(server, cpe, "InternetGatewayDevice.IPPingDiagnostics.")
    with pytest.raises(Conflict, match="InternetGatewayDevice has no way to break this test off"):
        await server.operations.cancel(ACTOR, asked.id)
    assert (await server.now(asked)).state is OperationState.SENT


async def test_only_tests_that_run_can_be_broken_off(server: Running) -> None:
    cpe = Cpe(server.port)
    await cpe.session(("1 BOOT", ""))
    asked = await server.operations.request(ACTOR, cpe.key, "reboot", {})
    cpe.reboot_after_s = None
    await cpe.session(("2 PERIODIC", ""))
    with pytest.raises(Conflict, match="only a queued operation can be cancelled"):
        await server.operations.cancel(ACTOR, asked.id)


def taken(plan: StopPlan, state: str) -> Message | None:
    assert isinstance(plan.request(), GetParameterValues)
    structs = (ParameterValueStruct(STATE, state, "xsd:string"), ParameterValueStruct(f"{PING}SuccessCount", "3", ""))
    plan.take(GetParameterValuesResponse(structs))
    return plan.request()


def made() -> StopPlan:
    return StopPlan("op-1", "ping", DIAGNOSTICS["ping"], "Device.", {}, "key")


@pytest.mark.parametrize(
    ("state", "succeeded", "cancels", "word"),
    [
        ("Complete", True, None, "over before"),
        ("None", False, "op-1", "no longer ran"),
        ("", False, "op-1", "no longer ran"),
        ("Canceled", False, "op-1", "no longer ran"),
        ("Error_NoRouteToHost", False, None, "no route"),
    ],
)
def test_nothing_is_set_where_no_test_runs(state: str, succeeded: bool, cancels: str | None, word: str) -> None:
    plan = made()
    assert taken(plan, state) is None
    outcome = plan.outcome()
    assert (outcome.succeeded, outcome.cancels) == (succeeded, cancels)
    assert word in outcome.detail


def test_one_setting_breaks_it_off() -> None:
    plan = made()
    request = taken(plan, "Requested")
    assert isinstance(request, SetParameterValues)
    assert [(each.name, each.value) for each in request.parameter_list] == [(STATE, "Canceled")]
    plan.take(SetParameterValuesResponse(0))
    assert plan.request() is None
    assert plan.outcome().cancels == "op-1"


@pytest.mark.parametrize(("code", "lacks"), [(9007, True), (9003, True), (9008, True), (9002, False), (9004, False)])
def test_only_a_refused_value_says_that_the_model_cannot(code: int, lacks: bool) -> None:
    plan = made()
    taken(plan, "Requested")
    plan.take(SoapFault(code, "no"))
    assert plan.request() is None
    outcome = plan.outcome()
    assert outcome.waits and str(code) in outcome.detail and (outcome.lacks is not None) is lacks
