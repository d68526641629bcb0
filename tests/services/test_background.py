"""Loops that run as long as the server: whatever a turn meets is told, and the next turn is taken."""

import asyncio

import pytest
from structlog.testing import capture_logs

from acs.app import App
from acs.errors import StoreError
from acs.services.background import repeat, try_until_done


async def test_a_turn_that_fails_is_told_and_the_next_is_taken() -> None:
    meets: list[Exception | None] = [StoreError("away"), None, ValueError("a defect"), None]
    told, over = list[str](), asyncio.Event()

    async def turn() -> None:
        if not meets:
            over.set()
            await asyncio.Event().wait()
        if (error := meets.pop(0)) is not None:
            raise error

    task = asyncio.create_task(repeat(turn, lambda error: told.append(str(error)), pause_s=0.0))
    await asyncio.wait_for(over.wait(), 60)
    assert told == ["away", "a defect"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == ["away", "a defect"], "the end of the server is no failure"


async def test_what_is_done_once_is_done_once() -> None:
    done, told = list[int](), list[str]()

    async def work() -> None:
        done.append(len(done))
        if len(done) < 3:
            raise StoreError("away")

    await try_until_done(work, lambda error: told.append(str(error)), pause_s=0.0)
    assert (len(done), told) == (3, ["away", "away"])


async def test_rules_are_read_again_after_a_reading_that_failed(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    fleet, readings, again = app.northbound.fleet, list[int](), asyncio.Event()

    async def reload() -> bool:
        readings.append(1)
        if len(readings) == 1:
            raise OSError("the folder is not there")
        again.set()
        return False

    monkeypatch.setattr("acs.services.background.asyncio.sleep", _at_once)
    monkeypatch.setattr(fleet.provisioning, "reload", reload)
    with capture_logs() as said:
        task = asyncio.create_task(fleet.keep_rules_fresh())
        await asyncio.wait_for(again.wait(), 60)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    told = [(one["event"], one["problem"]) for one in said if one["log_level"] == "error"]
    assert told == [("rules.not_read", "the folder is not there")]


_SLEEP = asyncio.sleep


async def _at_once(_seconds: float) -> None:
    await _SLEEP(0)
