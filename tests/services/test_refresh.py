"""A whole-tree refresh: in as few requests as the device bears, remembered per model, resumed after a break."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from acs.cwmp.messages import (
    GetParameterNames,
    GetParameterNamesResponse,
    GetParameterValues,
    GetParameterValuesResponse,
    Message,
    SoapFault,
)
from acs.cwmp.structs import ParameterInfoStruct, ParameterValueStruct
from acs.services.plans import Bears, RefreshPlan
from acs.store import trees
from acs.store.records import OperationRecord, OperationState
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Dropped

TREE = {
    **{f"Device.Hosts.Host.{n}.Name": str(n) for n in range(300)},
    **{f"Device.WiFi.Radio.{r}.Leaf{n}": "x" for r in range(4) for n in range(100)},
    **{f"Device.Info.Leaf{n}": "x" for n in range(40)},
    "Device.DeviceInfo.SoftwareVersion": "1",
    "Device.Top": "x",
}
Refusal = Callable[[tuple[str, ...], int], SoapFault | None]


class Answers:
    """A CPE without sockets. `refuses` sees the names asked for and how many values that would be."""

    def __init__(self, tree: dict[str, str], refuses: Refusal, *, lists_all: bool = True, lists: bool = True) -> None:
        self.tree = tree
        self.refuses = refuses
        self.lists_all = lists_all
        self.lists = lists
        self.asked = 0

    def __call__(self, message: Message | None) -> Message:
        self.asked += 1
        if isinstance(message, GetParameterNames):
            return self._names(message.parameter_path, next_level=message.next_level)
        assert isinstance(message, GetParameterValues)
        names = message.parameter_names
        found = {
            n: v for n, v in self.tree.items() if any(n == w or (w.endswith(".") and n.startswith(w)) for w in names)
        }
        fault = self.refuses(names, len(found))
        if fault is not None:
            return fault
        return GetParameterValuesResponse(tuple(ParameterValueStruct(n, v) for n, v in found.items()))

    def _names(self, path: str, *, next_level: bool) -> Message:
        if not self.lists or (not next_level and not self.lists_all):
            return SoapFault(9004, "Resources exceeded")
        names: dict[str, None] = {}
        for name in self.tree:
            if name.startswith(path):
                head, dot, _ = name[len(path) :].partition(".")
                names[path + head + dot if next_level else name] = None
        return GetParameterNamesResponse(tuple(ParameterInfoStruct(name) for name in names))


def run(cpe: Answers, bears: Bears | None = None, budget: int = 400) -> RefreshPlan:
    plan = RefreshPlan(
        "Device.", batch=32, budget=budget, bears=bears or Bears(), probe="Device.DeviceInfo.SoftwareVersion"
    )
    while (request := plan.request()) is not None:
        plan.take(cpe(request))
    return plan


def bears_at_most(values: int, code: int = 9004) -> Refusal:
    return lambda _names, found: SoapFault(code, "no") if found > values else None


def bears_everything(_names: tuple[str, ...], _found: int) -> SoapFault | None:
    return None


def test_a_good_device_is_read_at_once() -> None:
    cpe = Answers(TREE, bears_everything)
    plan = run(cpe)
    assert plan.outcome().succeeded
    assert cpe.asked == 1
    assert set(plan.reads.values) == set(TREE)
    assert plan.reads.whole == ["Device."]
    assert plan.learned().whole is True


@pytest.mark.parametrize("code", [9004, 9002, 0])
@pytest.mark.parametrize("values", [400, 150, 40])
def test_a_device_that_bears_less_is_read_whole_and_the_next_of_its_model_without_a_fault(
    values: int, code: int
) -> None:
    first = Answers(TREE, bears_at_most(values, code))
    plan = run(first)
    assert plan.outcome().succeeded, plan.outcome()
    assert set(plan.reads.values) == set(TREE)
    assert plan.reads.whole == ["Device."]
    bears = plan.learned()
    assert bears.whole is False
    faults = []

    def counted(names: tuple[str, ...], found: int) -> SoapFault | None:
        fault = bears_at_most(values, code)(names, found)
        faults.extend([fault] if fault else [])
        return fault

    second = Answers({**TREE, "Device.Hosts.Host.900.Name": "new"}, counted)
    again = run(second, bears)
    assert set(again.reads.values) == set(second.tree)
    assert not faults
    assert second.asked < first.asked
    assert second.asked <= 2 + 3 * (len(TREE) // values + 1)


def test_one_bad_parameter_does_not_spoil_the_rest_and_is_left_out_the_next_time() -> None:
    bad = "Device.WiFi.Radio.2.Leaf7"

    def refuses(names: tuple[str, ...], _found: int) -> SoapFault | None:
        hit = any(bad == name or (name.endswith(".") and bad.startswith(name)) for name in names)
        return SoapFault(9002, "broken leaf") if hit else None

    plan = run(Answers(TREE, refuses))
    outcome = plan.outcome()
    assert outcome.succeeded
    assert set(plan.reads.values) == set(TREE) - {bad}
    assert plan.learned().refused == ("Device.WiFi.Radio.*.Leaf7",)
    second = Answers(TREE, refuses)
    again = run(second, plan.learned())
    assert not again.refused
    assert len(again.reads.values) == len(TREE) - 4


def test_a_device_that_lists_nothing_at_once_is_listed_level_by_level() -> None:
    cpe = Answers(TREE, bears_at_most(350), lists_all=False)
    plan = run(cpe)
    assert set(plan.reads.values) == set(TREE)
    assert plan.learned().listed is False


def test_a_device_that_knows_no_partial_paths_is_read_by_names() -> None:
    def refuses(names: tuple[str, ...], _found: int) -> SoapFault | None:
        return SoapFault(9005, "no") if any(name.endswith(".") for name in names) else None

    plan = run(Answers(TREE, refuses))
    assert set(plan.reads.values) == set(TREE)
    assert plan.learned().paths is False
    second = Answers(TREE, refuses)
    run(second, plan.learned())
    assert second.asked <= 1 + len(TREE) // 32 + 1


def test_the_budget_is_never_passed_and_what_was_read_stays() -> None:
    plan = run(Answers(TREE, bears_at_most(5)), budget=20)
    outcome = plan.outcome()
    assert plan.requests == 20
    assert "not all" in outcome.detail


def test_a_device_that_refuses_everything_is_given_up_soon() -> None:
    cpe = Answers(TREE, lambda _names, _found: SoapFault(9002, "no"))
    assert not run(cpe).outcome().succeeded
    assert cpe.asked <= 12
    deaf = Answers(TREE, lambda _names, _found: SoapFault(9002, "no"), lists=False)
    assert not run(deaf).outcome().succeeded
    assert deaf.asked == 3


def test_a_noted_plan_goes_on_where_it_was() -> None:
    cpe = Answers(TREE, bears_at_most(40))
    plan = RefreshPlan("Device.", batch=32, budget=400)
    for _ in range(20):
        plan.take(cpe(plan.request()))
    outstanding = plan.request()
    assert outstanding is not None
    noted, read = plan.progress(), plan.flush()
    other = RefreshPlan("Device.", batch=32, budget=400, progress=noted)
    while (request := other.request()) is not None:
        other.take(cpe(request))
    assert set(read.values) | set(other.reads.values) == set(TREE)
    assert len(other.reads.values) < len(TREE)


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(config_for(tmp_path)) as server:
        yield server


async def refreshed(server: Running, cpe: Cpe) -> OperationRecord:
    operation = await server.operations.request(ACTOR, cpe.key, "refresh", {})
    await cpe.until_quiet(("2 PERIODIC", ""))
    return await server.now(operation)


async def known(server: Running, cpe: Cpe) -> set[str]:
    async with server.store.reading() as tx:
        tree = await trees.read(tx, cpe.key)
    assert tree is not None
    return set(tree.values)


async def test_what_vanished_is_forgotten_also_when_it_is_read_in_parts(server: Running) -> None:
    cpe = Cpe(server.port)
    cpe.values = {name: (value, "xsd:string") for name, value in TREE.items()}
    await cpe.session(("1 BOOT", ""))
    await refreshed(server, cpe)
    cpe.hook = part = Part(cpe, 200)
    gone = {name for name in TREE if ".Host.7" in name} | {"Device.Top"}
    cpe.values = {name: value for name, value in cpe.values.items() if name not in gone}
    assert (await refreshed(server, cpe)).state is OperationState.SUCCEEDED
    assert part.faults
    assert not gone & await known(server, cpe)
    assert set(TREE) - gone <= await known(server, cpe)


class Part:
    """Bears `most` values in one answer."""

    def __init__(self, cpe: Cpe, most: int) -> None:
        self.cpe = cpe
        self.most = most
        self.faults = 0

    def __call__(self, message: Message) -> Message | None:
        if not isinstance(message, GetParameterValues):
            return None
        paths = tuple(name for name in message.parameter_names if name.endswith("."))
        found = sum(
            name in message.parameter_names or (bool(paths) and name.startswith(paths)) for name in self.cpe.values
        )
        if found <= self.most:
            return None
        self.faults += 1
        return SoapFault(9004, "Resources exceeded")


async def test_another_device_of_the_model_is_asked_what_the_first_bore(server: Running) -> None:
    first, second = Cpe(server.port), Cpe(server.port, serial="TEST0002")
    for cpe in (first, second):
        cpe.values = {name: (value, "xsd:string") for name, value in TREE.items()}
        cpe.hook = Part(cpe, 200)
        await cpe.session(("1 BOOT", ""))
        assert (await refreshed(server, cpe)).state is OperationState.SUCCEEDED
    assert isinstance(first.hook, Part)
    assert isinstance(second.hook, Part)
    assert first.hook.faults > 0
    assert second.hook.faults == 0
    assert len(second.asked) < len(first.asked)


async def test_a_refresh_goes_on_after_a_session_that_broke_and_after_a_restart(tmp_path: Path) -> None:
    config = config_for(tmp_path, operations={"names_per_request": 16})
    tree = {f"Device.Big.Row.{n}.Leaf": (str(n), "xsd:string") for n in range(700)}
    seen: list[str] = []
    asked = 0

    def refuses_paths_and_breaks(message: Message) -> Message | None:
        nonlocal asked
        if isinstance(message, GetParameterValues):
            if message.parameter_names[0].endswith("."):
                return SoapFault(9004, "no")
            asked += 1
            if asked in (12, 30):
                raise Dropped
            seen.extend(message.parameter_names)
        return None

    async with running(config) as server:
        cpe = Cpe(server.port, values=dict(tree), hook=refuses_paths_and_breaks)
        await cpe.session(("1 BOOT", ""))
        operation = await server.operations.request(ACTOR, cpe.key, "refresh", {})
        for _ in range(2):
            with pytest.raises(Dropped):
                await cpe.session(("2 PERIODIC", ""))
    async with running(config) as server:
        cpe.port = server.port
        await cpe.until_quiet(("2 PERIODIC", ""))
        done = await server.now(operation)
        assert done.state is OperationState.SUCCEEDED, done
        assert set(tree) <= await known(server, cpe)
    assert len(seen) < 2 * len(tree)
