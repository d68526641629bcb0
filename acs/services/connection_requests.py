"""Connection requests: asking a CPE to open a session now.

    GET → 401 with challenge → GET with Authorization → 200 or 204

The one rule: one request per device at a time; whoever asks meanwhile shares its result. How a request went is told
apart and becomes a step of the operations that wait for it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import structlog

from acs.config import Config
from acs.cwmp import auth
from acs.errors import ProtocolError
from acs.metrics import Metrics
from acs.services import targets
from acs.services.background import Background
from acs.services.bus import Bus
from acs.services.clock import Clock
from acs.services.first_contact import KIND, first_contact_operation
from acs.services.identifiers import new_secret
from acs.services.targets import Target, TargetRefused
from acs.store import devices, operations
from acs.store.devices import CredentialKind
from acs.store.records import DUE_STATES, Credentials, OperationState, StepName
from acs.store.store import Store

log = structlog.get_logger()

#: devices whose last call is remembered
_REMEMBERED = 10_000

#: Seconds that the session of a shared request gets to take the operations of those who joined it: CPEs need some ten
#: milliseconds from their answer to their empty POST.
JOINED_S = 0.3


class Result(StrEnum):
    """How a connection request ended."""

    #: 2xx: the CPE will open a session within 30 s
    ACCEPTED = "accepted"
    #: 401 to right-looking credentials: the CPE has others
    UNAUTHORIZED = "unauthorized"
    #: 503: the CPE is in a session or limits the rate
    BUSY = "busy"
    #: nothing listens at the URL
    REFUSED = "refused"
    #: no answer in time: off, or behind NAT
    TIMED_OUT = "timed_out"
    #: the device never told a URL
    NO_URL = "no_url"
    #: the URL leads where the configuration does not allow a call
    NOT_ALLOWED = "not_allowed"
    #: an answer that is none of the above
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, and the challenge of a 401."""

    status: int
    challenge: str | None = None


class CallFailed(Exception):
    """No HTTP answer came. `result` says which kind of failure it was."""

    def __init__(self, result: Result, message: str) -> None:
        super().__init__(message)
        self.result = result


class Caller(Protocol):
    """Performs the GET; lives in the server room, because it opens sockets."""

    def resolve(self, host: str) -> Awaitable[Sequence[str]]:
        """The addresses of a host name; an address literal gives itself."""

    def get(self, address: str, target: Target, authorization: str | None) -> Awaitable[Reply]:
        """GET the target at a checked address, following no redirect.

        Raises:
            CallFailed: no HTTP answer came.
        """


@dataclass(frozen=True, slots=True)
class Attempt:
    """One connection request and what came of it, in words for the engineer."""

    result: Result
    explanation: str


class ConnectionRequests:
    """Calls devices, one request per device at a time."""

    def __init__(self, store: Store, bus: Bus, config: Config, metrics: Metrics, caller: Caller, clock: Clock) -> None:
        self._store = store
        self._bus = bus
        self._config = config.connection_requests
        self._mend = config.cwmp.first_contact.enabled
        self._metrics = metrics
        self._caller = caller
        self._clock = clock
        self._slots = asyncio.Semaphore(config.connection_requests.at_once)
        self._running: dict[str, asyncio.Task[Attempt]] = {}
        self._background = Background()
        self._last: OrderedDict[str, Attempt] = OrderedDict()

    def last(self, key: str) -> Attempt | None:
        """How the device's last call went; None where it was never called, or too long ago to be remembered."""
        return self._last.get(key)

    def wake(self, key: str, operation_ids: Sequence[str] = ()) -> asyncio.Task[Attempt]:
        """Call the device in the background; the steps of the named operations tell how it went."""
        running = self._running.get(key)
        joined = running is not None
        if running is None:
            running = self._background.start(self._call(key))
            self._running[key] = running
            running.add_done_callback(lambda _: self._running.pop(key, None))
        if operation_ids:
            self._background.start(self._tell(key, running, tuple(operation_ids), joined))
        return running

    async def request(self, key: str) -> Attempt:
        """Call the device and say how it went."""
        return await asyncio.shield(self.wake(key))

    async def close(self) -> None:
        """End what runs."""
        await self._background.close()

    async def _tell(
        self, key: str, running: asyncio.Task[Attempt], operation_ids: tuple[str, ...], joined: bool
    ) -> None:
        """Write that the request is on its way, while it is; then the failure, if it was one.

        Whoever joined a request that was running may have come too late for the session that it opened: the device
        is called again for what is still queued then.
        """
        await self._step(operation_ids, StepName.CONNECTION_REQUEST_SENT, "")
        attempt = await asyncio.shield(running)
        if attempt.result is not Result.ACCEPTED:
            await self._step(operation_ids, StepName.CONNECTION_REQUEST_FAILED, attempt.explanation)
        elif joined:
            await asyncio.sleep(JOINED_S)
            left = await self._queued(operation_ids)
            if left:
                self.wake(key, left)

    async def _queued(self, operation_ids: tuple[str, ...]) -> list[str]:
        """Those of the operations that no session has taken."""
        async with self._store.reading() as tx:
            found = [await operations.get(tx, id) for id in operation_ids]
        return [each.id for each in found if each is not None and each.state is OperationState.QUEUED]

    async def _step(self, operation_ids: tuple[str, ...], name: StepName, detail: str) -> None:
        now = self._clock()
        async with self._store.transaction() as tx:
            steps = [await operations.step(tx, id, name, now, detail) for id in operation_ids]
        for step in steps:
            if step is not None:
                self._bus.publish(f"operation:{step.operation_id}", step)

    async def _call(self, key: str) -> Attempt:
        async with self._slots:
            async with self._store.reading() as tx:
                device = await devices.get(tx, key)
                credentials = await devices.get_credentials(tx, key, CredentialKind.CONNECTION_REQUEST)
            url = device.connection_request_url if device else ""
            attempt = await self._attempt(url, device.address if device else "", credentials)
        self._remember(key, attempt)
        self._metrics.connection_requests.labels(attempt.result.value).inc()
        log.info("connection_request.ended", device=key, result=attempt.result.value, why=attempt.explanation)
        if attempt.result is Result.UNAUTHORIZED and self._mend:
            await self._set_credentials_again(key)
        return attempt

    def _remember(self, key: str, attempt: Attempt) -> None:
        self._last[key] = attempt
        self._last.move_to_end(key)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    async def _attempt(self, url: str, device_address: str, credentials: Credentials | None) -> Attempt:
        if not url:
            return Attempt(Result.NO_URL, "the device has told no connection-request URL; it comes at its next Inform")
        try:
            async with asyncio.timeout(self._config.timeout_s):
                target = targets.parse(url)
                addresses = await self._caller.resolve(target.host)
                address = targets.check_all(addresses, target.port, device_address, self._config)
                return await self._exchange(str(address), target, credentials)
        except TargetRefused as error:
            return Attempt(Result.NOT_ALLOWED, f"{url} was not called: {error}")
        except CallFailed as error:
            return Attempt(error.result, f"{url}: {error}")
        except TimeoutError:
            return Attempt(
                Result.TIMED_OUT,
                f"{url} did not answer within {self._config.timeout_s:g} s: the device is off, cut off, or behind NAT",
            )

    async def _exchange(self, address: str, target: Target, credentials: Credentials | None) -> Attempt:
        reply = await self._caller.get(address, target, None)
        if reply.status != 401:
            return _judge(reply.status)
        if credentials is None:
            return Attempt(Result.UNAUTHORIZED, "the CPE wants a password, and none was set on it yet")
        try:
            challenge = auth.parse_challenge(reply.challenge or "")
        except ProtocolError as error:
            return Attempt(Result.FAILED, f"the CPE's challenge cannot be answered: {error}")
        if challenge.scheme != "Digest":
            return Attempt(Result.FAILED, "the CPE wants Basic, which would show the password; TR-069 demands Digest")
        return await self._authorized(address, target, challenge, credentials)

    async def _authorized(
        self, address: str, target: Target, challenge: auth.Challenge, credentials: Credentials
    ) -> Attempt:
        user, secret = credentials.username, credentials.secret
        header = auth.answer(challenge, "GET", target.uri, user, secret, new_secret()[:16])
        try:
            return _judge((await self._caller.get(address, target, header)).status)
        except CallFailed as error:
            if error.result is not Result.FAILED:
                raise
            return _judge((await self._caller.get(address, target, header)).status)

    async def _set_credentials_again(self, key: str) -> None:
        now = self._clock()
        async with self._store.transaction() as tx:
            due = await operations.list_operations(tx, device=key, states=DUE_STATES)
            if any(operation.kind == KIND for operation in due):
                return
            await operations.add(tx, first_contact_operation(key, now, "the CPE refused the connection request"))


def _judge(status: int) -> Attempt:
    """The meaning of a final status."""
    if 200 <= status < 300:
        return Attempt(Result.ACCEPTED, "the CPE accepted the connection request")
    if status == 401:
        return Attempt(Result.UNAUTHORIZED, "the CPE refused the credentials; they are set again in its next session")
    if status == 503:
        return Attempt(Result.BUSY, "the CPE is busy (503): it is in a session, reboots, or limits the rate")
    return Attempt(Result.FAILED, f"the CPE answered the connection request with HTTP status {status}")
