"""Rounds over all access nodes, in the background: each node at its own time, within its budget, behind every person.

The rule of this file: a round is one look at each node that is due; nodes do not come together (jitter), at most a few
at once, and what a round may ask of a node is a part of what the node is asked at most (`probes.pacing`).
"""

import asyncio
import random
from datetime import datetime, timedelta

import structlog

from acs.config import PollingSection
from acs.metrics import Metrics
from acs.services.clock import Clock
from acs.services.surveys import Discovery, Surveys
from acs.store import access as access_store
from acs.store import nodes as node_store
from acs.store.records import AccessNode
from acs.store.store import Store
from probes.gentle import polling

log = structlog.get_logger()


class Polling:
    """The job of the worker that keeps baselines young."""

    def __init__(
        self,
        store: Store,
        surveys: Surveys,
        config: PollingSection,
        metrics: Metrics,
        clock: Clock,
        *,
        chance: random.Random | None = None,
    ) -> None:
        self._store = store
        self._surveys = surveys
        self._config = config
        self._metrics = metrics
        self._clock = clock
        self._chance = chance or random.Random()
        self._due: dict[str, datetime] = {}

    async def round(self) -> list[Discovery]:
        """Look at every node that is due, at most `at_once` at a time."""
        now = self._clock()
        due = await self._due_nodes(now)
        slots = asyncio.Semaphore(self._config.at_once)

        async def one(node: AccessNode) -> Discovery:
            async with slots:
                return await self._poll(node)

        found = await asyncio.gather(*(one(node) for node in due))
        for node in due:
            self._due[node.name] = self._next(self._clock())
        return list(found)

    async def _due_nodes(self, now: datetime) -> list[AccessNode]:
        """Nodes whose time has come. One that was never polled gets a time within the first part of an interval."""
        async with self._store.reading() as tx:
            nodes = await node_store.list_nodes(tx)
            polls = await access_store.polls(tx)
        names = {node.name for node in nodes}
        self._due = {name: at for name, at in self._due.items() if name in names}
        for node in nodes:
            if node.name not in self._due:
                last = polls.get(node.name)
                first = self._jitter() if last is None else 0.0
                began = now if last is None else last.next_at
                self._due[node.name] = began + timedelta(seconds=first)
        return [node for node in nodes if self._due[node.name] <= now]

    async def _poll(self, node: AccessNode) -> Discovery:
        with polling():
            found = await self._surveys.look(node)
        end = "whole" if found.complete else "partial" if found.endpoints else "failed"
        self._metrics.polls.labels(end).inc()
        log.info(
            "node.polled", node=node.name, endpoints=found.endpoints, online=found.online, end=end, why=found.problem
        )
        return found

    def _next(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self._config.interval_s + self._jitter() - self._spread_s / 2)

    def _jitter(self) -> float:
        return self._chance.uniform(0.0, self._spread_s)

    @property
    def _spread_s(self) -> float:
        return self._config.interval_s * self._config.jitter
