"""What happens in a line test, told while it happens and to whoever comes later.

The rule of this file: who follows a test sees everything once and in order, from its beginning to its end.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping

from acs.errors import NotFound
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.running_tests import Job, Progress, RunningTests
from acs.store import line_tests as test_store
from acs.store.records import Json, LineTestRecord, LineTestState
from acs.store.store import Store
from acs.store.transaction import Transaction

#: a finished test that is looked for in the store by another process, this often
_LOOK_S = 1.0


class ProgressOfTests:
    """Tells and follows; a test of another process is followed by its stored end."""

    def __init__(self, store: Store, bus: Bus, running: RunningTests, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._running = running
        self._clock = clock

    def tell(self, job: Job, kind: str, data: Mapping[str, Json]) -> None:
        """Something happened in a test; kinds: see `Progress`."""
        progress = Progress(job.record.id, kind, self._clock(), data)
        job.history.append(progress)
        self._bus.publish(_topic(job.record.id), progress)

    async def follow(self, test_id: str) -> AsyncIterator[Progress]:
        """What happened in a test so far, then what happens, until it has ended.

        Raises:
            NotFound: no such test.
        """
        async with self._bus.subscribe(_topic(test_id)) as subscription:
            job = self._running.get(test_id)
            seen = 0
            for progress in tuple(job.history) if job is not None else ():
                seen += 1
                yield progress
                if progress.kind == "ended":
                    return
            if job is None:
                async for progress in self._follow_stored(test_id):
                    yield progress
                return
            async for item in subscription:
                if isinstance(item, Progress) and item in job.history[seen:]:
                    yield item
                    if item.kind == "ended":
                        return

    async def _follow_stored(self, test_id: str) -> AsyncIterator[Progress]:
        """A test of another process, or an old one: only its end can be seen."""
        while True:
            async with self._store.reading() as tx:
                record = await known_test(tx, test_id)
            if record.state is not LineTestState.RUNNING:
                at = record.finished_at or record.created_at
                if isinstance(record.verdict, dict):
                    yield Progress(test_id, "verdict", at, record.verdict)
                yield Progress(test_id, "ended", at, {"state": record.state.value, "detail": record.detail})
                return
            await asyncio.sleep(_LOOK_S)


async def known_test(tx: Transaction, test_id: str) -> LineTestRecord:
    """A stored test.

    Raises:
        NotFound: no such test.
    """
    record = await test_store.get(tx, test_id)
    if record is None:
        raise NotFound(f"there is no line test {test_id[:80]!r}; `secondline linetest list` shows their ids")
    return record


def _topic(test_id: str) -> str:
    return f"line-test:{test_id}"
