"""Too much at once: those whom a person waits for come first, and large bodies take no more memory than they may."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from acs.config.identity import GuardSection
from acs.server.overload import LATE_LOOKS, Budget, Overload
from acs.services.hearing import heard_since
from tests.fakes.acs_server import ACTOR, Running, config_for, running
from tests.fakes.cpe import Cpe, Http

PERIODIC = ("2 PERIODIC", "")


async def status(server: Running, cpe: Cpe, event: tuple[str, str] = PERIODIC) -> int:
    http = Http(server.port)
    try:
        response = await http.post(cpe.inform(event))
        assert response.status != 503 or int(response.headers["retry-after"]) >= 1
        return response.status
    finally:
        await http.close()


def make_busy(server: Running) -> None:
    """As if a crowd waited, the first of it for a minute."""
    overload = server.endpoint._overload
    for _ in range(overload._busy_informs):
        overload._waiting[overload.enter()] = asyncio.get_running_loop().time() - 60


@pytest.fixture
async def busy(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(config_for(tmp_path)) as server:
        make_busy(server)
        yield server


async def test_a_busy_server_puts_off_those_whom_nobody_waits_for(busy: Running) -> None:
    assert await status(busy, Cpe(0)) == 503
    assert await status(busy, Cpe(0), ("6 CONNECTION REQUEST", "")) == 200


async def test_that_informs_are_sent_away_is_told_to_who_misses_them(busy: Running) -> None:
    began = busy.endpoint._clock()
    assert await status(busy, Cpe(0)) == 503
    await busy.endpoint._sent_away.close()
    async with busy.store.transaction() as tx:
        await heard_since(tx, began)
        assert await heard_since(tx, began + timedelta(seconds=30)) >= began + timedelta(seconds=10)


async def test_a_device_with_an_operation_that_a_person_asked_for_comes_first(busy: Running) -> None:
    awaited, other = Cpe(0, serial="AWAITED"), Cpe(0, serial="OTHER")
    for cpe in (awaited, other):
        assert await status(busy, cpe, ("6 CONNECTION REQUEST", "")) == 200
    await busy.operations.request(ACTOR, awaited.key, "get", {"names": ["Device.DeviceInfo.UpTime"]})
    busy.endpoint._overload._asked_at = float("-inf")
    for _ in range(3000):
        if await status(busy, awaited) == 200:
            break
        await asyncio.sleep(0.02)
    assert await status(busy, awaited) == 200
    assert await status(busy, other) == 503


async def test_a_session_that_was_begun_goes_on(tmp_path: Path) -> None:
    async with running(config_for(tmp_path)) as server:
        http = Http(server.port)
        assert (await http.post(Cpe(0).inform(PERIODIC))).status == 200
        make_busy(server)
        assert (await http.post()).status == 204
        await http.close()


async def nobody() -> list[str]:
    return []


async def test_a_loop_that_is_late_is_busy() -> None:
    overload = Overload(GuardSection(late_s=0.25), nobody)
    overload.start()
    loop = asyncio.get_running_loop()
    for look in range(LATE_LOOKS):
        assert not overload.is_busy(), f"a pause is no load: {look}"
        overload._due = loop.time() - 0.5
        overload._look()
    assert overload.is_busy()
    overload._due = loop.time()
    overload._look()
    assert not overload.is_busy()
    await overload.stop()


async def test_a_crowd_is_put_off_when_its_first_has_waited_for_long() -> None:
    overload = Overload(GuardSection(busy_informs=3, busy_wait_s=5.0), nobody)
    first, *others = (overload.enter() for _ in range(3))
    assert not overload.is_busy(), "many that wait briefly are worked off in one batch"
    overload._waiting[first] -= 6
    assert overload.is_busy()
    overload.leave(others[0])
    assert not overload.is_busy(), "two are no crowd"
    overload.enter()
    assert overload.is_busy()
    overload.leave(first)
    overload.enter()
    assert overload.waiting == 3 and not overload.is_busy(), "the one that was held up is gone"


async def test_large_bodies_share_a_budget_and_small_ones_do_not(tmp_path: Path) -> None:
    guard = {"bodies_bytes": 100_000}
    async with running(config_for(tmp_path, cwmp={"guard": guard})) as server:
        first, second = Http(server.port), Http(server.port)
        head = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 120000\r\n\r\n"
        await first.send(head + b" " * 90_000)
        async with asyncio.timeout(60):
            while server.endpoint._shared.bodies.left == 100_000:  # noqa: ASYNC110 - a count that tells nobody
                await asyncio.sleep(0.01)
        await second.send(head + b" " * 110_000)
        assert (await second.receive()).status == 503
        assert await status(server, Cpe(0)) == 200
        await first.close()
        for _ in range(3000):
            if server.endpoint._shared.bodies.left == 100_000:
                break
            await asyncio.sleep(0.02)
        assert server.endpoint._shared.bodies.left == 100_000
        third = Http(server.port)
        await third.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n" + b" " * 90_000)
        assert (await third.receive()).status == 204  # it was read whole, and is empty
        assert server.endpoint._shared.bodies.left == 100_000
        for http in (second, third):
            await http.close()


def test_a_budget_gives_no_more_than_it_has() -> None:
    budget = Budget(10)
    assert budget.take(6)
    assert not budget.take(5)
    budget.give(6)
    assert budget.take(10)
