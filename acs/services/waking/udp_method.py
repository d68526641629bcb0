"""The connection request over UDP: signed datagrams from the STUN server's socket, and then the wait for a session.

The one rule: a datagram goes only where a GET might go too, or where the device proved by STUN to be; its three copies
are the same bytes (TR-069 Annex G.2.2.3).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from acs.config import ConnectionRequestsSection
from acs.cwmp import udp_request
from acs.cwmp.stun import Endpoint
from acs.cwmp.udp_request import UdpRequest
from acs.services import targets
from acs.services.clock import Clock
from acs.services.identifiers import new_secret
from acs.services.targets import TargetRefused
from acs.services.waking.methods import Attempt, Caller, CallFailed, Datagrams, Method, Result
from acs.services.waking.reach import Reach
from acs.store.records import Credentials

#: Seconds before each copy: a lost datagram is made good within a second.
COPIES_AT_S = (0.0, 0.5, 0.5)
#: Waits up to so many seconds for a session of a device after an instant; whether one came.
Arrived = Callable[[str, datetime, float], Awaitable[bool]]


class UdpMethod:
    """Calls a CPE's UDPConnectionRequestAddress, or where STUN saw it."""

    def __init__(
        self, datagrams: Datagrams, caller: Caller, config: ConnectionRequestsSection, arrived: Arrived, clock: Clock
    ) -> None:
        self._datagrams = datagrams
        self._caller = caller
        self._config = config
        self._arrived = arrived
        self._clock = clock
        self._last_ts = 0
        self._last_id = 0

    async def call(self, reach: Reach, credentials: Sequence[Credentials]) -> Attempt:
        """Send to every place where the device may hear, signed with each password that it may have."""
        usable = [each for each in credentials if udp_request.signable(each.username)]
        if not usable:
            return _attempt(
                Result.UNAUTHORIZED, "no password for it was set on the CPE yet; it is set in its next session"
            )
        try:
            endpoints = await self._checked(reach)
        except TargetRefused as error:
            return _attempt(Result.NOT_ALLOWED, f"no datagram was sent: {error}")
        except CallFailed as error:
            return _attempt(error.result, str(error))
        started_at = self._clock()
        batch = [(self._signed(to, each, started_at), to) for to in endpoints for each in usable]
        return await self._send(reach, batch, started_at)

    async def _send(self, reach: Reach, batch: Sequence[tuple[bytes, Endpoint]], started_at: datetime) -> Attempt:
        named = ", ".join(dict.fromkeys(str(to) for _, to in batch))
        try:
            for pause_s in COPIES_AT_S:
                if pause_s and await self._arrived(reach.key, started_at, pause_s):
                    break
                for datagram, to in batch:
                    await self._datagrams.send(datagram, to)
        except CallFailed as error:
            return _attempt(error.result, str(error))
        left_s = max(0.0, self._config.udp_wait_s - sum(COPIES_AT_S))
        if await self._arrived(reach.key, started_at, left_s):
            return _attempt(Result.ACCEPTED, f"the CPE came after a datagram to {named}", "session")
        text = (
            f"three datagrams to {named} brought no session within {self._config.udp_wait_s:g} s: the NAT binding is "
            "gone, the CPE is off, or it has another password"
        )
        return _attempt(Result.UNANSWERED, text)

    async def _checked(self, reach: Reach) -> list[Endpoint]:
        found: list[Endpoint] = []
        refusal: TargetRefused | None = None
        for endpoint in reach.endpoints:
            try:
                found.append(await self._check(endpoint, reach))
            except TargetRefused as error:
                refusal = error
        if not found:
            raise refusal or TargetRefused("the device told no address for it")
        return list(dict.fromkeys(found))

    async def _check(self, endpoint: Endpoint, reach: Reach) -> Endpoint:
        binding = reach.binding
        if binding is not None and binding.proved and endpoint == Endpoint(binding.host, binding.port):
            # it proved to be there, at whatever port its NAT gave it
            unlimited = self._config.model_copy(update={"ports": ()})
            return Endpoint(str(targets.check(endpoint.host, endpoint.port, endpoint.host, unlimited)), endpoint.port)
        async with asyncio.timeout(self._config.timeout_s):
            addresses = await self._caller.resolve(endpoint.host)
        return Endpoint(str(targets.check_all(addresses, endpoint.port, reach.address, self._config)), endpoint.port)

    def _signed(self, to: Endpoint, credentials: Credentials, now: datetime) -> bytes:
        """A datagram; `ts` never goes back, for a CPE drops what is older than the last."""
        self._last_ts = max(self._last_ts, int(now.timestamp()))
        self._last_id = max(self._last_id + 1, int(now.timestamp() * 1000) % 2**31)
        request = UdpRequest(self._last_ts, self._last_id, credentials.username, new_secret()[:16].upper())
        return request.datagram(to, credentials.secret)


def _attempt(result: Result, explanation: str, answer: str = "") -> Attempt:
    return Attempt(result, explanation, Method.UDP, answer=answer)
