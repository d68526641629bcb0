"""The subscriber tests his own line: the same test without what interrupts the service, told in his own words.

The rule of this file: a line is tested once a minute, however often its owner asks; nothing of the network is told.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from acs.errors import NotFound
from acs.services.actor import Actor, Scope
from acs.services.clock import Clock
from acs.services.line_tests import LineTests
from acs.services.packs import Packs
from acs.services.replays import pack_hash
from acs.store import line_tests as test_store
from acs.store.records import LineTestRecord, LineTestState
from acs.store.store import Store
from probes.linetest.depths import SELF_SERVICE
from probes.linetest.self_service import for_subscriber

#: for so long a finished test answers the next self-check of its line
_FRESH_S = 60.0


@dataclass(frozen=True, slots=True)
class SelfCheck:
    """What the subscriber sees: `told` is None while the test runs, empty where it failed."""

    id: str
    state: str
    told: dict[str, Any] | None


class SelfChecks:
    """Use cases of a subscriber's page."""

    def __init__(self, store: Store, line_tests: LineTests, packs: Packs, *, clock: Clock) -> None:
        self._store = store
        self._tests = line_tests
        self._packs = packs
        self._clock = clock

    async def start(self, actor: Actor, line: str) -> SelfCheck:
        """Test a line for its owner, or take the test of the last minute.

        Raises:
            NotFound: no such line.
            TooMany: too many tests wait already.
        """
        actor.require(Scope.TEST)
        since = self._clock() - timedelta(seconds=_FRESH_S)
        async with self._store.reading() as tx:
            last = await test_store.list_line_tests(tx, line=line, states=(LineTestState.DONE,), limit=1)
        if last and last[0].finished_at is not None and last[0].finished_at >= since:
            return await self._shown(last[0])
        return await self._shown(await self._tests.start(actor, line, depth=SELF_SERVICE))

    async def get(self, actor: Actor, test_id: str) -> SelfCheck:
        """What became of a self-check.

        Raises:
            NotFound: no such test.
        """
        actor.require(Scope.TEST)
        async with self._store.reading() as tx:
            test = await test_store.get(tx, test_id)
        if test is None:
            raise NotFound(f"no self-check {test_id!r}; start one")
        return await self._shown(test)

    async def _shown(self, test: LineTestRecord) -> SelfCheck:
        if test.state is LineTestState.RUNNING:
            return SelfCheck(test.id, test.state.value, None)
        if not isinstance(test.verdict, dict):
            return SelfCheck(test.id, test.state.value, {})
        async with self._store.reading() as tx:
            pack = await self._packs.pack(tx, pack_hash(test))
        return SelfCheck(test.id, test.state.value, for_subscriber(pack, test.verdict))
