"""Who writes next where only one may: nobody starves, and who is waited for does not stand in the long queue."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from acs.store.gate import Gate


async def order(gate: Gate, wanted: list[tuple[str, bool]]) -> list[str]:
    """In which order writers that come one after the other, while somebody writes, get their turn."""
    seen: list[str] = []

    async def write(name: str, urgent: bool) -> None:
        async with gate.writing(urgent=urgent):
            seen.append(name)
            await asyncio.sleep(0)

    async with AsyncExitStack() as busy:
        await busy.enter_async_context(gate.writing())
        tasks = []
        for name, urgent in wanted:
            tasks.append(asyncio.create_task(write(name, urgent)))
            await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return seen


async def test_an_urgent_writer_passes_the_queue_and_those_behind_it_come_in_their_order() -> None:
    crowd = [(f"bulk {n}", False) for n in range(20)]
    seen = await order(Gate(alone=True), [*crowd, ("ticket", True)])
    assert seen.index("ticket") <= 1
    assert [name for name in seen if name != "ticket"] == [name for name, _ in crowd]


async def test_many_urgent_writers_starve_nobody() -> None:
    gate = Gate(alone=True)
    done = asyncio.Event()
    turns: list[int] = []

    async def urgent_again_and_again(number: int) -> None:
        while not done.is_set():
            async with gate.writing(urgent=True):
                turns.append(number)
                await asyncio.sleep(0)

    pushing = [asyncio.create_task(urgent_again_and_again(number)) for number in range(3)]
    for _ in range(20):
        await asyncio.sleep(0)
    before = len(turns)
    assert before > 3, "they push"
    async with asyncio.timeout(60), gate.writing():
        passed = len(turns) - before
        done.set()
    await asyncio.gather(*pushing)
    assert set(turns) == {0, 1, 2} and passed <= len(pushing), "those that stood before it, and nobody else"


async def test_a_database_of_many_writers_has_no_queue_and_a_writer_inside_a_writer_is_an_error() -> None:
    gate = Gate(alone=False)
    async with gate.writing(), gate.writing(urgent=True):
        pass
    alone = Gate(alone=True)
    async with alone.writing():
        with pytest.raises(RuntimeError, match="inside a transaction"):
            async with alone.writing(urgent=True):
                pass
