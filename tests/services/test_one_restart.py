"""Who asks again and again for a restart restarts the home once."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from acs.services.action_desk import Request
from acs.services.actions.words import Refused
from acs.services.guarding import Guard
from acs.store.records import OperationRecord, OperationState, StepName
from cli.simulator.cpe import Cpe, RebootHabit
from cli.simulator.neighbourhood import CpeKind
from tests.fakes.acs_server import ACTOR
from tests.services.second_line import Desk, second_line


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with second_line(tmp_path) as desk:
        yield desk


async def ask(desk: Desk, cpe: Cpe, kind: str = "reboot", **named: Any) -> OperationRecord:
    arguments = {"override": True} if named.pop("override", False) else {}
    return await desk.server.operations.request(ACTOR, cpe.key, kind, arguments, **named)


async def refused(desk: Desk, cpe: Cpe, kind: str = "reboot", **named: Any) -> Refused:
    with pytest.raises(Refused) as told:
        await ask(desk, cpe, kind, **named)
    assert told.value.code == "restart_under_way", told.value
    return told.value


async def queued(desk: Desk, cpe: Cpe) -> list[str]:
    found = await desk.server.operations.list(ACTOR, device=cpe.key, state=OperationState.QUEUED)
    return [each.id for each in found]


async def test_a_restart_that_waits_is_the_only_one(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.STB)
    await cpe.stop()
    first = await ask(desk, cpe, deadline_s=600)
    told = await refused(desk, cpe)
    assert first.id in str(told) and "operation cancel" in str(told) and first.id in told.said("ru")
    await refused(desk, cpe, "factory_reset")
    await refused(desk, cpe, override=True, reason="it would follow the one that waits")
    for override in (False, True):
        with pytest.raises(Refused, match="asked for already"):
            await desk.asked(cpe, Request("factory-reset", {}, "because", override=override))
    assert await queued(desk, cpe) == [first.id], "nothing of a series is left behind"
    await desk.server.operations.cancel(ACTOR, first.id)
    second = await ask(desk, cpe, "factory_reset", deadline_s=600)
    await refused(desk, cpe)
    assert await queued(desk, cpe) == [second.id]


async def test_one_that_was_sent_may_be_followed_where_somebody_says_why(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.STB, reboot=RebootHabit.NEVER)
    first = await ask(desk, cpe, deadline_s=600)
    async for step in desk.server.operations.watch(first.id):
        if step.name is StepName.RPC_ANSWERED:
            break
    await refused(desk, cpe)
    with pytest.raises(Refused, match="say why"):
        await ask(desk, cpe, override=True)
    second = await ask(desk, cpe, override=True, reason="it never came back")
    assert second.id != first.id


async def test_a_repetition_gets_the_first_one(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.STB)
    await cpe.stop()
    first = await ask(desk, cpe, idempotency_key="k", deadline_s=600)
    assert (await ask(desk, cpe, idempotency_key="k", deadline_s=600)).id == first.id
    await desk.server.operations.cancel(ACTOR, first.id)
    wanted = Request("factory-reset", {}, deadline_s=600, idempotency_key="series")
    series, again = await desk.asked(cpe, wanted), await desk.asked(cpe, wanted)
    assert [each.id for each in series.operations] == [each.id for each in again.operations]
    await refused(desk, cpe)


async def test_one_that_has_ended_stands_in_nobodys_way(desk: Desk) -> None:
    cpe = await desk.cpe(CpeKind.STB)
    for n in range(2):
        [done] = await desk.do(cpe, "reboot")
        assert (done.state, cpe.reboots) == (OperationState.SUCCEEDED, n + 1)


async def test_two_that_ask_at_once_with_one_key_get_one_operation(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever comes second waits for the device, and then sees the first one."""
    cpe = await desk.cpe(CpeKind.STB)
    await cpe.stop()
    inside, go, plain = asyncio.Event(), asyncio.Event(), Guard.admit

    async def held(self: Guard, *arguments: Any) -> None:
        await plain(self, *arguments)
        inside.set()
        await go.wait()

    monkeypatch.setattr(Guard, "admit", held)
    first = asyncio.create_task(ask(desk, cpe, idempotency_key="k", deadline_s=600))
    await inside.wait()
    others = [asyncio.create_task(ask(desk, cpe, **more)) for more in ({"idempotency_key": "k"}, {})]
    await asyncio.sleep(0)
    go.set()
    found = await asyncio.gather(first, *others, return_exceptions=True)
    assert isinstance(found[0], OperationRecord) and isinstance(found[1], OperationRecord)
    assert found[0].id == found[1].id and isinstance(found[2], Refused)
