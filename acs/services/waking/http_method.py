"""The connection request over HTTP: GET, the challenge answered, and the meaning of each status.

    GET ─▶ 401 challenge ─▶ GET with Authorization ─▶ 2xx
                                └─ 401 ─▶ a fresh nonce, then "/" as uri, then the other credentials

The one rule: the target is checked and pinned before the first byte leaves, and at most `GETS` requests are made.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from acs.config import ConnectionRequestsSection
from acs.cwmp import auth
from acs.errors import ProtocolError
from acs.services import targets
from acs.services.identifiers import new_secret
from acs.services.targets import Target, TargetRefused
from acs.services.waking.methods import Attempt, Caller, CallFailed, Method, Reply, Result
from acs.services.waking.reach import Reach
from acs.store.records import Credentials

#: Requests of one call: one for the challenge, and those that may answer it.
GETS = 7


class HttpMethod:
    """Calls a CPE's ConnectionRequestURL."""

    def __init__(self, caller: Caller, config: ConnectionRequestsSection) -> None:
        self._caller = caller
        self._config = config

    async def call(self, reach: Reach, credentials: Sequence[Credentials]) -> Attempt:
        """Call the device with the credentials that it may have, the likeliest first."""
        url = reach.url
        try:
            async with asyncio.timeout(self._config.timeout_s):
                target = targets.parse(url)
                addresses = await self._caller.resolve(target.host)
                address = targets.check_all(addresses, target.port, reach.address, self._config)
                return await self._exchange(_Line(self._caller, str(address), target), credentials)
        except TargetRefused as error:
            return _refused_target(reach, error)
        except CallFailed as error:
            return _failed(error.result, f"{url}: {error}")
        except TimeoutError:
            why = "behind a NAT that lets nothing in" if reach.behind_nat else "off, cut off, or behind a firewall"
            text = f"{url} did not answer within {self._config.timeout_s:g} s: the device is {why}"
            return _failed(Result.TIMED_OUT, text)

    async def _exchange(self, line: "_Line", credentials: Sequence[Credentials]) -> Attempt:
        reply = await line.get(None)
        if reply.status != 401:
            return judge(reply.status)
        if not credentials:
            text = "the CPE wants a password, and none was set on it yet; it is set in its next session"
            return _failed(Result.UNAUTHORIZED, text, "401")
        try:
            return await self._prove(line, reply, credentials)
        except ProtocolError as error:
            return _failed(Result.FAILED, f"the CPE's challenge cannot be answered: {error}", "401")

    async def _prove(self, line: "_Line", reply: Reply, credentials: Sequence[Credentials]) -> Attempt:
        challenge = auth.parse_challenge(reply.challenge or "")
        if challenge.scheme != "Digest" and not self._config.basic:
            text = (
                "the CPE wants Basic, which would show the password to the network; TR-069 demands Digest, "
                "and connection_requests.basic allows it all the same"
            )
            return _failed(Result.FAILED, text, "401")
        for each, uri in _proofs(credentials, line.target.uri):
            if line.exhausted:
                break
            reply = await line.answer(challenge, uri, each)
            if reply.status != 401:
                return judge(reply.status)
            challenge = _next_challenge(reply, challenge)
            if challenge.stale and not line.exhausted:
                reply = await line.answer(challenge, uri, each)
                if reply.status != 401:
                    return judge(reply.status)
                challenge = _next_challenge(reply, challenge)
        return judge(401)


@dataclass(slots=True)
class _Line:
    """The way to one checked target; counts what is asked."""

    caller: Caller
    address: str
    target: Target
    asked: int = 0

    @property
    def exhausted(self) -> bool:
        return self.asked >= GETS

    async def get(self, authorization: str | None) -> Reply:
        self.asked += 1
        return await self.caller.get(self.address, self.target, authorization)

    async def answer(self, challenge: auth.Challenge, uri: str, credentials: Credentials) -> Reply:
        """GET with the answer to a challenge; once more where the CPE closed the connection instead of an answer."""
        header = auth.answer(challenge, "GET", uri, credentials.username, credentials.secret, new_secret()[:16])
        try:
            return await self.get(header)
        except CallFailed as error:
            if error.result is not Result.CLOSED:
                raise
            return await self.get(header)


def judge(status: int) -> Attempt:
    """The meaning of a final status."""
    if 200 <= status < 300:
        return Attempt(Result.ACCEPTED, "the CPE accepted the connection request", Method.HTTP, answer=str(status))
    if status == 401:
        text = "the CPE refused the credentials: it has others; they are set again in its next session"
        return _failed(Result.UNAUTHORIZED, text, "401")
    if status == 503:
        text = "the CPE is busy (503): it is in a session, reboots, or limits the rate; it is called again later"
        return _failed(Result.BUSY, text, "503")
    if status == 404:
        text = "the CPE does not know the path (404): its URL changed, and its next Inform tells the new one"
        return _failed(Result.NOT_FOUND, text, "404")
    if 300 <= status < 400:
        text = f"the CPE answered with a redirect ({status}), which is never followed: what listens there is no CPE"
        return _failed(Result.REDIRECTED, text, str(status))
    return _failed(Result.FAILED, f"the CPE answered the connection request with HTTP status {status}", str(status))


def _failed(result: Result, explanation: str, answer: str = "") -> Attempt:
    return Attempt(result, explanation, Method.HTTP, answer=answer)


def _refused_target(reach: Reach, error: TargetRefused) -> Attempt:
    if not reach.behind_nat:
        return _failed(Result.NOT_ALLOWED, f"{reach.url} was not called: {error}")
    text = (
        f"{reach.url} was not called: the device is behind NAT, for it comes from {reach.address}; "
        "wake it by STUN ([stun]) or XMPP ([xmpp]), or wait for its periodic Inform"
    )
    return _failed(Result.NAT, text)


def _proofs(credentials: Sequence[Credentials], uri: str) -> Iterator[tuple[Credentials, str]]:
    """What to answer with, the likeliest first; some CPEs compute the digest over "/" whatever was asked."""
    for each in credentials:
        yield each, uri
    if uri != "/":
        for each in credentials:
            yield each, "/"


def _next_challenge(reply: Reply, former: auth.Challenge) -> auth.Challenge:
    """The challenge of a second 401; the one before where it carries none."""
    try:
        return auth.parse_challenge(reply.challenge or "")
    except ProtocolError:
        return auth.Challenge(
            former.scheme, former.realm, former.nonce, former.algorithm, former.qop, former.opaque, stale=False
        )
