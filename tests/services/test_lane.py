"""The lane: a few sessions at a time do what the server itself thought of; what a person asked for never waits."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from acs.services.first_contact import first_contact_operation
from acs.services.lane import BUSY, Lane
from acs.store.records import OperationRecord
from tests.fakes.acs_server import config_for, running
from tests.fakes.cpe import Cpe, Http


def ours() -> OperationRecord:
    return first_contact_operation("00AA11-ONT-0001", datetime(2026, 1, 1, tzinfo=UTC), "the device is new")


def asked_for() -> OperationRecord:
    return replace(ours(), actor="an operator")


async def test_as_many_as_the_lane_holds_come_in_at_once_and_the_next_gives_up() -> None:
    lane = Lane(at_once=2, patience_s=0.05)
    assert [await lane.admits(ours(), session) for session in ("a", "b", "c")] == [True, True, False]
    lane.leave("a")
    assert await lane.admits(ours(), "c")


async def test_a_session_inside_does_not_wait_for_itself() -> None:
    lane = Lane(at_once=1, patience_s=0.05)
    assert await lane.admits(ours(), "a")
    assert await lane.admits(ours(), "a")
    lane.leave("a")
    lane.leave("a")
    assert await lane.admits(ours(), "b")
    assert not await lane.admits(ours(), "c")


async def test_what_a_person_asked_for_passes_a_full_lane() -> None:
    lane = Lane(at_once=1, waiting=0, patience_s=60)
    assert await lane.admits(ours(), "a")
    assert await lane.admits(asked_for(), "b")


async def test_a_waiting_session_gets_the_place_that_becomes_free() -> None:
    lane = Lane(at_once=1, patience_s=10)
    assert await lane.admits(ours(), "a")
    waiting = asyncio.create_task(lane.admits(ours(), "b"))
    await asyncio.sleep(0)
    lane.leave("a")
    assert await waiting


async def test_where_too_many_wait_nobody_waits_in_vain() -> None:
    lane = Lane(at_once=1, waiting=1, patience_s=10)
    assert await lane.admits(ours(), "a")
    waiting = asyncio.create_task(lane.admits(ours(), "b"))
    await asyncio.sleep(0)
    assert not await lane.admits(ours(), "c")
    lane.leave("a")
    assert await waiting
    lane.leave("b")
    assert await lane.admits(ours(), "c")


async def test_a_session_that_was_replaced_while_it_waited_takes_no_place(tmp_path: Path) -> None:
    async with running(config_for(tmp_path, cwmp={"first_contact": {"enabled": True}})) as server:
        server.sessions._asking.lane = lane = Lane(at_once=1, patience_s=10)
        assert await lane.admits(ours(), "another")
        cpe, http = Cpe(server.port), Http(server.port)
        assert (await http.post(cpe.inform(("1 BOOT", "")))).status == 200
        waiting = asyncio.create_task(http.post())
        await asyncio.sleep(0.1)
        again = Http(server.port)
        assert (await again.post(cpe.inform(("1 BOOT", "")))).status == 200
        lane.leave("another")
        assert (await waiting).status == 204
        async with asyncio.timeout(60):
            assert await lane.admits(ours(), "the next")
        await http.close()
        await again.close()


async def test_what_is_frozen_while_it_waits_does_not_begin(tmp_path: Path) -> None:
    async with running(config_for(tmp_path, cwmp={"first_contact": {"enabled": True}})) as server:
        server.sessions._asking.lane = lane = Lane(at_once=1, patience_s=10)
        frozen = asyncio.Event()

        async def holds(_kind: str) -> bool:
            return frozen.is_set()

        server.sessions.parts.frozen = holds
        assert await lane.admits(ours(), "another")
        cpe, http = Cpe(server.port), Http(server.port)
        assert (await http.post(cpe.inform(("1 BOOT", "")))).status == 200
        waiting = asyncio.create_task(http.post())
        async with asyncio.timeout(60):
            while not lane._free._waiters:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        frozen.set()
        lane.leave("another")
        assert (await waiting).status == 204
        await http.close()


async def test_the_lane_is_closed_while_informs_pile_up() -> None:
    lane = Lane()
    lane.informs = BUSY + 1
    assert not await lane.admits(ours(), "a")
    assert await lane.admits(asked_for(), "a")
    lane.informs = BUSY
    assert await lane.admits(ours(), "a")
