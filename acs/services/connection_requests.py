"""Connection requests: asking a CPE to open a session now, by whichever way reaches it.

    what the device told ─▶ HTTP, UDP, XMPP in the order of `reach.order` ─▶ the first that is accepted
    each try: a step "sent", then "accepted", or "tried" where another method follows, or "failed"

The one rule: one request per device at a time; whoever asks meanwhile shares its result. Every try is stored with its
answer and its duration, and becomes steps of the operations that wait for it. Where a session may have missed them, the
device is called again for those that are still queued.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog

from acs.config import Config
from acs.errors import StoreError
from acs.metrics import Metrics
from acs.services.background import Background, try_until_done
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.first_contact import KIND, first_contact_operation
from acs.services.identifiers import new_id
from acs.services.waking.arrivals import Arrivals
from acs.services.waking.http_method import HttpMethod
from acs.services.waking.methods import (
    SETTLED,
    Attempt,
    Caller,
    CallFailed,
    Datagrams,
    Messenger,
    Method,
    Reply,
    Result,
)
from acs.services.waking.pace import Pace
from acs.services.waking.reach import Reach, order, reach_of
from acs.services.waking.tries import most_telling, target_of, try_of
from acs.services.waking.udp_method import UdpMethod
from acs.services.waking.xmpp_method import XmppMethod
from acs.store import connection_requests as store
from acs.store import devices, identity, operations, trees
from acs.store.coalescer import Coalescer
from acs.store.connection_requests import Try
from acs.store.devices import CredentialKind
from acs.store.limits import LIMITS
from acs.store.records import DUE_STATES, Credentials, OperationState, OperationStep, StepName
from acs.store.store import Store

__all__ = ["Attempt", "CallFailed", "Caller", "ConnectionRequests", "Method", "Reply", "Result"]

log = structlog.get_logger()

#: devices whose last call is remembered
_REMEMBERED = 10_000
#: how long a method that woke a device goes before the others
_FAVOUR = timedelta(days=1)
#: Seconds that a session gets before a device is called for what it may have missed: CPEs need some ten milliseconds
#: from the answer to a request to their empty POST, and from our last answer until they listen again.
SOON_S = 0.3
#: Seconds after which a device that was in a session is called again, each time that it still is: most last a second.
#: The same where a store that failed broke off the call.
BUSY_S = (1.0, 2.0, 4.0)
#: Seconds between looks at a store that failed, while operations wait for a call.
STORE_S = 1.0


class _Said(NamedTuple):
    """A step for some operations: its name, when and in which words."""

    operations: tuple[str, ...]
    told: tuple[StepName, datetime, str]


@dataclass(slots=True, eq=False)
class _Wake:
    """One request while it runs: who waits for it, and what they are told, in order."""

    key: str
    id: str = field(default_factory=new_id)
    operations: list[str] = field(default_factory=list)
    #: those among them that came when the request was under way, perhaps too late for the session that it opened
    joined: list[str] = field(default_factory=list)
    #: how often the device was in a session just before, or the store failed
    busy: int = 0
    told: asyncio.Queue[tuple[tuple[str, ...], StepName, str] | None] = field(default_factory=asyncio.Queue)
    tries: list[Try] = field(default_factory=list)

    def tell(self, name: StepName, detail: str, ids: tuple[str, ...] | None = None) -> None:
        """A step for those who wait, or for the given ones."""
        self.told.put_nowait((tuple(self.operations) if ids is None else ids, name, detail))


class ConnectionRequests:
    """Calls devices, one request per device at a time."""

    def __init__(
        self,
        store_: Store,
        bus: Bus,
        config: Config,
        metrics: Metrics,
        caller: Caller,
        clock: Clock,
        *,
        datagrams: Datagrams | None = None,
        messenger: Messenger | None = None,
    ) -> None:
        section = config.connection_requests
        self._store = store_
        self._bus = bus
        self._config = section
        self._binding_age = timedelta(seconds=config.stun.binding_age_s)
        self._mend = config.cwmp.first_contact.enabled
        self._metrics = metrics
        self._clock = clock
        self._arrivals = Arrivals(store_, bus)
        self._pace = Pace(section.per_s, section.per_device_per_minute)
        self._methods: dict[Method, HttpMethod | UdpMethod | XmppMethod] = {Method.HTTP: HttpMethod(caller, section)}
        if datagrams is not None:
            self._methods[Method.UDP] = UdpMethod(datagrams, caller, section, self._arrivals.came, clock)
        if messenger is not None:
            self._methods[Method.XMPP] = XmppMethod(messenger, config.xmpp)
        self._slots = asyncio.Semaphore(section.at_once)
        # a district that is called writes together what each call came to
        self._steps: Coalescer[_Said, list[OperationStep]] = Coalescer(self._write_steps, window_s=0.0)
        self._tries: Coalescer[list[Try], None] = Coalescer(self._write_tries, window_s=0.0)
        self._running: dict[str, tuple[_Wake, asyncio.Task[Attempt]]] = {}
        self._background = Background()
        self._last: OrderedDict[str, Attempt] = OrderedDict()
        #: device → when it accepted a request whose session was not seen yet
        self._accepted: dict[str, datetime] = {}

    def last(self, key: str) -> Attempt | None:
        """How the device's last call went; None where it was never called, or too long ago to be remembered."""
        return self._last.get(key)

    def wake(self, key: str, operation_ids: Sequence[str] = ()) -> asyncio.Task[Attempt]:
        """Call the device in the background; the steps of the named operations tell how it goes."""
        return self._wake(key, operation_ids)

    def again(self, key: str, operation_ids: Sequence[str]) -> None:
        """Call the device soon for those of the operations that are still queued: no session does them."""
        if operation_ids:
            self._background.start(self._again(key, operation_ids, SOON_S))

    async def request(self, key: str) -> Attempt:
        """Call the device and say how it went."""
        return await asyncio.shield(self.wake(key))

    async def reach(self, key: str) -> Reach | None:
        """How the device can be called, as far as it is known; None where it is not known."""
        async with self._store.reading() as tx:
            device = await devices.get(tx, key)
            if device is None or await identity.quarantined(tx, key) is not None:
                return None
            tree = await trees.read(tx, key)
            binding = await store.get_binding(tx, key)
        values = device.known_values() if tree is None else tree.values
        fresh = binding is not None and binding.seen_at > self._clock() - self._binding_age
        return reach_of(
            key, device.address, device.connection_request_url, device.root, values, binding if fresh else None
        )

    @property
    def methods(self) -> frozenset[Method]:
        """The methods that this server has."""
        return frozenset(self._methods)

    async def close(self) -> None:
        """End what runs."""
        await self._background.close()
        await self._steps.close()
        await self._tries.close()

    def _wake(self, key: str, ids: Sequence[str], busy: int = 0) -> asyncio.Task[Attempt]:
        running = self._running.get(key)
        if running is not None:
            wake, task = running
            joined = tuple(id for id in ids if id not in wake.operations)
            wake.operations += joined
            wake.joined += joined
            if joined:
                wake.tell(StepName.CONNECTION_REQUEST_SENT, "", joined)
            return task
        wake = _Wake(key, operations=list(ids), busy=busy)
        if ids:
            wake.tell(StepName.CONNECTION_REQUEST_SENT, "")
        task = self._background.start(self._call(wake))
        self._running[key] = wake, task
        self._background.start(self._write(wake))
        return task

    async def _call(self, wake: _Wake) -> Attempt:
        """Try the methods one after the other; the most telling try is the result."""
        try:
            attempts = await self._attempts(wake)
        except StoreError:
            self._call_soon(wake)
            raise
        finally:
            wake.told.put_nowait(None)
            self._running.pop(wake.key, None)  # who comes from now on is told nothing by it
        attempt = most_telling(attempts)
        self._look_again(wake, attempt.result)
        self._remember(wake.key, attempt)
        for each in attempts:
            self._metrics.connection_requests.labels(each.result.value).inc()
        log.info("connection_request.ended", device=wake.key, result=attempt.result.value, why=attempt.explanation)
        if self._mend and any(each.result is Result.UNAUTHORIZED for each in attempts):
            await self._set_credentials_again(wake.key)
        return attempt

    async def _attempts(self, wake: _Wake) -> list[Attempt]:
        refused = await self._not_now(wake.key)
        if refused is not None:
            coming = refused.result in SETTLED  # who gave up now would miss the session that is on its way
            step = StepName.CONNECTION_REQUEST_ACCEPTED if coming else StepName.CONNECTION_REQUEST_FAILED
            wake.tell(step, refused.line)
            return [refused]
        await asyncio.sleep(self._pace.wait_s(time.monotonic()))
        reach, path, credentials = await self._prepare(wake.key)
        if reach is None or not path:
            text = "the device has told no connection-request URL; it comes at its next Inform"
            attempt = Attempt(Result.NO_URL, text)
            wake.tell(StepName.CONNECTION_REQUEST_FAILED, attempt.line)
            return [attempt]
        attempts: list[Attempt] = []
        for n, method in enumerate(path, 1):
            if n > 1:
                wake.tell(StepName.CONNECTION_REQUEST_SENT, method.value)
            attempts.append(await self._try(wake, n, method, reach, credentials))
            if attempts[-1].result in SETTLED:
                wake.tell(StepName.CONNECTION_REQUEST_ACCEPTED, attempts[-1].line)
                break
            last = n == len(path)
            step = StepName.CONNECTION_REQUEST_FAILED if last else StepName.CONNECTION_REQUEST_TRIED
            wake.tell(step, attempts[-1].line)
        return attempts

    async def _not_now(self, key: str) -> Attempt | None:
        """Why the device is not called now; None where nothing speaks against it."""
        now = self._clock()
        accepted_at = self._accepted.get(key)
        if accepted_at is not None:
            since = now - accepted_at
            if since < timedelta(seconds=self._config.session_s) and not await self._arrivals.has_come(
                key, accepted_at
            ):
                text = f"it accepted a request {since.total_seconds():.0f} s ago; its session is awaited"
                return Attempt(Result.AWAITED, text)
            self._accepted.pop(key, None)
        if self._pace.admits(key, time.monotonic()):
            return None
        text = (
            f"it was called {self._config.per_device_per_minute} times within a minute "
            "(connection_requests.per_device_per_minute); it is called again later"
        )
        return Attempt(Result.LIMITED, text)

    async def _prepare(self, key: str) -> tuple[Reach | None, list[Method], list[Credentials]]:
        """What must be known for a call; the tree is read only where more than HTTP may be of use."""
        async with self._store.reading() as tx:
            device = await devices.get(tx, key)
            if device is None:
                return None, [], []
            credentials = await store.candidates(tx, key, CredentialKind.CONNECTION_REQUEST)
            if self.methods == {Method.HTTP}:
                reach = reach_of(key, device.address, device.connection_request_url, device.root, {}, None)
                return reach, order(reach, self.methods), credentials
            since = self._clock() - _FAVOUR
            last = await store.last_method(tx, key, [Result.ACCEPTED.value], since)
        known = await self.reach(key)
        assert known is not None
        return known, order(known, self.methods, Method(last) if last else None), credentials

    async def _try(self, wake: _Wake, n: int, method: Method, reach: Reach, credentials: list[Credentials]) -> Attempt:
        at, begun = self._clock(), time.perf_counter()
        async with self._slots:
            attempt = await self._methods[method].call(reach, credentials)
        attempt = replace(
            attempt, duration_ms=round((time.perf_counter() - begun) * 1000), target=target_of(method, reach)
        )
        if attempt.result is Result.ACCEPTED and method is not Method.UDP:
            self._accepted[wake.key] = at
            self._background.start(self._expect(wake.key, at, method))
        wake.tries.append(try_of(wake.key, wake.id, n, at, attempt))
        return attempt

    async def _expect(self, key: str, at: datetime, method: Method) -> None:
        """Say so where the CPE accepted and did not come."""
        came = await self._arrivals.came(key, at, self._config.session_s)
        if self._accepted.get(key) == at:
            del self._accepted[key]
        if came:
            return
        text = f"the CPE accepted the request and opened no session within {self._config.session_s:g} s"
        attempt = Attempt(Result.NO_SESSION, text, method, duration_ms=round(self._config.session_s * 1000))
        self._metrics.connection_requests.labels(attempt.result.value).inc()
        self._remember(key, attempt)
        wake = _Wake(key)
        async with self._store.transaction() as tx:
            await store.add_tries(tx, [try_of(wake.key, wake.id, 1, self._clock(), attempt)])
            queued = await operations.list_operations(tx, device=key, states=(OperationState.QUEUED,))
        waited = [each.id for each in queued if each.created_at <= at]
        await self._step(tuple(waited), StepName.CONNECTION_REQUEST_FAILED, attempt.line)

    async def _write(self, wake: _Wake) -> None:
        """Write the steps of a request as they are told, then its tries."""
        while (told := await wake.told.get()) is not None:
            await self._step(*told)
        if wake.tries:
            await self._tries.submit(wake.tries)

    def _look_again(self, wake: _Wake, result: Result) -> None:
        """A session may have missed operations: the one that is on its way, or the one that the device was in."""
        if result in SETTLED:
            self.again(wake.key, wake.joined)
        elif result is Result.BUSY:
            self._call_soon(wake)

    def _call_soon(self, wake: _Wake) -> None:
        """Call again after a pause that grows each time; a few times, then the worker goes on."""
        if wake.operations and wake.busy < len(BUSY_S):
            pause_s = BUSY_S[wake.busy]
            self._background.start(self._again(wake.key, wake.operations, pause_s, wake.busy + 1))

    async def _again(self, key: str, ids: Sequence[str], pause_s: float, busy: int = 0) -> None:
        """Call after a pause, once the store answers, for those of the operations that are still queued."""
        await asyncio.sleep(pause_s)
        await try_until_done(partial(self._call_left, key, ids, busy), _store_failed, pause_s=STORE_S)

    async def _call_left(self, key: str, ids: Sequence[str], busy: int) -> None:
        async with self._store.reading() as tx:
            found = [await operations.get(tx, id) for id in ids]
        left = [each.id for each in found if each is not None and each.state is OperationState.QUEUED]
        if left:
            self._wake(key, left, busy)

    async def _step(self, operation_ids: tuple[str, ...], name: StepName, detail: str) -> None:
        if not operation_ids:
            return
        said = _Said(operation_ids, (name, self._clock(), detail[: LIMITS["detail"]]))
        for step in await self._steps.submit(said):
            self._bus.publish(f"operation:{step.operation_id}", step)

    async def _write_steps(self, said: Sequence[_Said]) -> list[list[OperationStep]]:
        """The steps of many calls in one transaction; of operations that have ended meanwhile there is none."""
        async with self._store.transaction() as tx:
            return [
                [step for id in each.operations if (step := await operations.step(tx, id, *each.told)) is not None]
                for each in said
            ]

    async def _write_tries(self, tries: Sequence[list[Try]]) -> list[None]:
        async with self._store.transaction() as tx:
            await store.add_tries(tx, [each for one in tries for each in one])
        return [None] * len(tries)

    def _remember(self, key: str, attempt: Attempt) -> None:
        self._last[key] = attempt
        self._last.move_to_end(key)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    async def _set_credentials_again(self, key: str) -> None:
        now = self._clock()
        async with self._store.transaction() as tx:
            known = await devices.hold(tx, key)  # another process may mend it at this moment
            due = await operations.list_operations(tx, device=key, states=DUE_STATES)
            if known is None or any(operation.kind == KIND for operation in due):
                return
            await operations.add(tx, first_contact_operation(key, now, "the CPE refused the connection request"))


def _store_failed(error: Exception) -> None:
    log.error("store.failed", error=str(error))
