"""The door of the CWMP endpoint: who may begin a session, and what all others are answered.

    too busy → 503    redirected network → 302, 307    nothing proved → 401    not allowed → 403    stuck → 503

The one rule: nothing is stored of a device that is turned away, but alarms about its identity.
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from acs.config import AuthPolicy, Enrolment
from acs.cwmp.identity import device_key
from acs.cwmp.messages import Inform
from acs.cwmp.quirks import Quirk
from acs.server.http import Connection
from acs.server.http_messages import Request
from acs.server.limits import retry_after
from acs.server.origin import Origin
from acs.server.overload import Overload
from acs.server.proxy import ProxyHeaders
from acs.services.alarms import MISMATCH, SHARED_USED, Alarms
from acs.services.clock import Clock
from acs.services.cpe_auth import Challenge, Claim, CpeAuth, Denial
from acs.services.policies import Policy
from acs.services.security_notes import SecurityNotes
from acs.services.visits import Arrival, Principal
from acs.store import devices
from acs.store.store import Store

#: Devices that are remembered to be known, where strangers are refused.
_KNOWN = 50_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What a CPE is answered that does not come in; `why` for the log, empty where it only asked."""

    status: int
    headers: bytes = b""
    why: str = ""


class Entry:
    """Decides about requests that have no session."""

    def __init__(
        self,
        auth: CpeAuth,
        store: Store,
        overload: Overload,
        clock: Clock,
        *,
        alarms: Alarms | None,
        notes: SecurityNotes | None = None,
        proxy: ProxyHeaders | None,
        retry_after_s: int,
    ) -> None:
        self.auth = auth
        #: called with a device that used a credential for the first time
        self.proven: Callable[[str], Awaitable[None]] | None = None
        self._store = store
        self._overload = overload
        self._clock = clock
        self._alarms = alarms
        self._notes = notes
        self._proxy = proxy
        self._retry_after_s = retry_after_s
        self._known: OrderedDict[str, None] = OrderedDict()

    def origin(self, connection: Connection, request: Request) -> Origin:
        """Where a request came from."""
        if self._proxy is not None:
            return self._proxy.origin(connection, request)
        return connection.origin or Origin(connection.address)

    def at_once(self, connection: Connection, request: Request) -> Answer | None:
        """The answer to a body without a session, where it needs no look into it; None: read it."""
        if self._overload.is_busy() and not self._overload.goes_first(request.body):
            return self.busy("new sessions are put off")
        origin = self.origin(connection, request)
        policy = self.auth.policies.of_address(origin.address)
        if policy.redirect is not None:
            location = b"Location: %s\r\n" % policy.redirect.encode()
            return Answer(policy.redirect_status, location)
        if (
            b"authorization" not in request.headers
            and self.auth.challenge_first
            and policy.auth in (AuthPolicy.DIGEST, AuthPolicy.BASIC)
            and origin.certificate is None
        ):
            return _challenged(self.auth.challenge(policy, tls=origin.tls))
        return None

    async def arrival(self, connection: Connection, request: Request, inform: Inform) -> Arrival | Answer:
        """How the Inform comes in, or what it is answered instead."""
        origin = self.origin(connection, request)
        policy = self.auth.policies.of_device(origin.address, inform)
        header, method = request.headers.get(b"authorization"), request.method.decode("latin-1")
        claim = Claim(header, origin.address, origin.tls, origin.certificate, method)
        who = await self.auth.check(claim, policy, inform)
        self._note(who, origin)
        if isinstance(who, Challenge):
            return _challenged(who)
        if isinstance(who, Denial):
            return self._denied(who)
        key = device_key(inform.device_id)
        if who is not None:
            why = await self.auth.refuses(who, inform)
            if why is not None:
                self._mismatched(who, key, origin, why)
                return _challenged(self.auth.challenge(policy, tls=origin.tls, why=why))
        if policy.enrolment is Enrolment.REFUSE and not await self._is_known(key):
            if self._notes is not None:
                self._notes.unknown(origin.address)
            return Answer(403, why=f"{key[:200]} is not known, and enrolment is refused here")
        if self.auth.guard.too_many_informs(key, time.monotonic()):
            return self.busy(f"{key[:200]} sends too many Informs")
        return self._arrived(origin, policy, inform, who)

    async def came_in(self, principal: Principal, key: str) -> None:
        """A proved device has its session: its answer is used up, and a new credential is the one that counts."""
        if principal.nonce is not None:
            self.auth.counts.used(*principal.nonce)
        if principal.unproven and self.proven is not None:
            await self.proven(key)

    def replayed(self, arrival: Arrival, inform: Inform, connection: Connection, request: Request) -> Arrival | Answer:
        """The digest answer was used before, by what the store knows: challenged anew, or borne by a quirk."""
        if arrival.principal is not None and Quirk.NONCE_COUNT_FIXED in self.auth.policies.quirks(inform):
            return arrival._replace(principal=replace(arrival.principal, nonce=None))
        origin = self.origin(connection, request)
        policy = self.auth.policies.of_device(origin.address, inform)
        return _challenged(self.auth.challenge(policy, tls=origin.tls, stale=True))

    async def empty(self, connection: Connection, request: Request) -> Answer | None:
        """What an empty POST without a session is answered: some CPEs fetch the challenge so; None: it is harmless."""
        origin = self.origin(connection, request)
        policy = self.auth.policies.of_address(origin.address)
        claim = Claim(request.headers.get(b"authorization"), origin.address, origin.tls, origin.certificate)
        who = await self.auth.check(claim, policy)
        self._note(who, origin)
        if isinstance(who, Challenge):
            return _challenged(who)
        return self._denied(who) if isinstance(who, Denial) else None

    def busy(self, why: str, retry_after_s: int | None = None) -> Answer:
        """503 with a Retry-After that spreads those who come back."""
        wait_s = retry_after(self._retry_after_s if retry_after_s is None else retry_after_s)
        return Answer(503, b"Retry-After: %d\r\n" % wait_s, why)

    def _arrived(self, origin: Origin, policy: Policy, inform: Inform, who: Principal | None) -> Arrival:
        quarantine: str | None = None
        if policy.enrolment is Enrolment.QUARANTINE:
            proved = who is not None and who.proved
            if not self.auth.policies.admits(inform.device_id, origin.address, proved=proved):
                quarantine = "new devices are quarantined here"
        return Arrival(self._clock(), origin.address, who, quarantine, policy.own_credentials)

    def _denied(self, denial: Denial) -> Answer:
        if denial.status == 503:
            return self.busy(denial.why, denial.retry_after_s)
        return Answer(denial.status, why=denial.why)

    def _note(self, who: Principal | Challenge | Denial | None, origin: Origin) -> None:
        """What was wrong with a proof is counted; a CPE that only asks for the challenge did nothing wrong."""
        if isinstance(who, Challenge | Denial) and who.why and self._notes is not None:
            self._notes.refused_cpe(origin.address)

    def _mismatched(self, who: Principal, key: str, origin: Origin, why: str) -> None:
        if self._notes is not None:
            self._notes.refused_cpe(origin.address)
        if self._alarms is None:
            return
        if who.proved or who.names_device:
            subject = f"device:{who.device or who.username[:300]}"
            self._alarms.raise_soon(MISMATCH, subject, {"why": why, "address": origin.address})
        else:
            self._alarms.raise_soon(SHARED_USED, f"device:{key}", {"why": why, "address": origin.address})

    async def _is_known(self, key: str) -> bool:
        if key in self._known:
            return True
        async with self._store.reading() as tx:
            if await devices.get(tx, key) is None:
                return False
        self._known[key] = None
        if len(self._known) > _KNOWN:
            self._known.popitem(last=False)
        return True


def _challenged(challenge: Challenge) -> Answer:
    lines = b"".join(b"WWW-Authenticate: %s\r\n" % each.encode("latin-1") for each in challenge.headers)
    return Answer(401, lines, challenge.why)
