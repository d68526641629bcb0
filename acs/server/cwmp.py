"""The CWMP endpoint: HTTP requests of CPEs to sessions, and their answers back.

    cookie, else connection → the session          none and an empty POST → challenge, or 204
    Inform                  → always a new session, after digest
    anything else           → the session's answer

The one rule: session ids are minted here; one that a CPE brings along is only ever looked up. Bad input gets its
HTTP status or SOAP fault and one log line; nothing is stored and nobody else notices.
"""

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable, Collection, Coroutine
from typing import Any, Final

import structlog

from acs.config import Config, LimitsSection
from acs.cwmp.messages import Inform, SoapFault
from acs.cwmp.shapes import Shapes
from acs.cwmp.soap import Envelope, Limits, RefusedEnvelope, encode
from acs.errors import ProtocolError, Replayed, StoreError
from acs.metrics import Metrics
from acs.server import collector
from acs.server.bodies import envelope_of
from acs.server.collector import Collector
from acs.server.entry import Answer, Entry
from acs.server.http import Connection, Shared
from acs.server.http_messages import KEPT, Request
from acs.server.limits import Admission, Sweep, retry_after
from acs.server.listeners import Listeners
from acs.server.overload import Awaited, Budget, Overload
from acs.server.presence import Presence
from acs.server.proxy import ProxyHeaders
from acs.services.alarms import Alarms
from acs.services.background import Background
from acs.services.bulk_data import BulkData
from acs.services.clock import Clock
from acs.services.cpe_auth import CpeAuth
from acs.services.hearing import SentAway
from acs.services.lane import OURS
from acs.services.sessions import Sessions
from acs.services.visits import Arrival, Visit
from acs.store import identity
from acs.store.store import Store

log = structlog.get_logger()

#: Session ids are 32 hexadecimal digits; `$` names, quotes, commas and blanks round them are borne.
_COOKIE: Final = re.compile(rb'(?:^|[;,\s])sid\s*=\s*"?([0-9a-f]{32})(?![0-9a-f])')
#: Seconds between looks at deadlines; they are as exact as this.
TICK_S: Final = 1.0


class _NotYours(ProtocolError):
    """A POST that has no right to the session it names; the session itself goes on."""


class CwmpEndpoint:
    """The server that CPEs call."""

    def __init__(
        self,
        config: Config,
        sessions: Sessions,
        auth: CpeAuth,
        metrics: Metrics,
        clock: Clock,
        *,
        store: Store,
        alarms: Alarms | None = None,
        proven: Callable[[str], Awaitable[None]] | None = None,
        reports: BulkData | None = None,
    ) -> None:
        self._config = config.cwmp
        self._limits = config.cwmp.limits
        self._shapes = Shapes(_xml_limits(self._limits))
        self._sessions = sessions
        self.auth = auth
        self._metrics = metrics
        self._clock = clock
        self._admission = Admission(config.cwmp)
        self._work = Background()
        self._presence = Presence(sessions, self._limits, clock, self._work)
        self._shared = Shared(self._limits, self._admission, self._handle, self._presence.gone)
        self._shared.refused = self._refused
        self._shared.bodies = Budget(config.cwmp.guard.bodies_bytes)
        proxy = _headers_of(config)
        if proxy is not None:
            self._shared.kept = KEPT | proxy.names
            self._shared.pools = proxy.trusts
        self._overload = Overload(config.cwmp.guard, _awaited(store))
        self._entry = Entry(
            auth,
            store,
            self._overload,
            clock,
            alarms=alarms,
            notes=sessions.parts.notes,
            proxy=proxy,
            retry_after_s=self._limits.retry_after_s,
        )
        self._entry.proven = proven
        self._sent_away = SentAway(store, clock)
        self._collector: Collector | None = None
        if reports is not None and config.cwmp.bulk_data:
            self._collector = Collector(self._entry, reports, self._limits.inflated_bytes)
            self._shared.other_path = collector.PATH
            self._shared.kept |= collector.HEADERS
        self._listeners = Listeners(config.cwmp, self._shared)
        metrics.connections.set_function(lambda: len(self._shared.open))
        shortest = min(self._limits.head_timeout_s, self._limits.idle_timeout_s, self._limits.session_idle_s)
        tick_s = min(TICK_S, shortest / 4)
        self._sweeps = (
            Sweep(tick_s, lambda: self._shared.open, lambda connection, now: connection.overdue(now)),
            Sweep(tick_s, sessions.visits, self._presence.look),
        )

    @property
    def port(self) -> int:
        """The port that is served without TLS once started, as the system chose it for 0; 0 where none is."""
        return self._listeners.port

    @property
    def tls_port(self) -> int | None:
        """The port that is served over TLS once started; None without TLS."""
        return self._listeners.tls_port

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the address cannot be used.
            ConfigError: a file of `[cwmp.tls]` cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        await self._listeners.start()
        self._overload.start()
        for sweep in self._sweeps:
            sweep.start()

    def reload(self) -> None:
        """Read certificates again."""
        self._listeners.reload()

    async def stop(self, grace_s: float) -> None:
        """Accept nothing new, let open sessions end for up to `grace_s` seconds, then close everything."""
        self._presence.stopping = True
        self._listeners.close()
        await self._overload.stop()
        deadline = self._loop.time() + grace_s
        while self._loop.time() < deadline and any(not v.session.complete for v in self._sessions.visits()):  # noqa: ASYNC110 - once, at the end
            await asyncio.sleep(0.05)
        for sweep in self._sweeps:
            sweep.stop()
        await self._work.close(grace_s=1.0)
        await self._sent_away.close()
        for connection in tuple(self._shared.open):
            connection.close()
        now = self._clock()
        for visit in tuple(self._sessions.visits()):
            await self._sessions.close(visit, "ended" if visit.session.complete else "stopped", now)
        await self.auth.close()

    def _handle(self, connection: Connection, request: Request) -> None:
        """One request: answered at once where nothing must be waited for, else by a task."""
        self._metrics.posts.inc()
        if request.target and self._collector is not None and request.method in collector.METHODS:
            self._work.start(self._guarded(connection, self._collect(self._collector, connection, request)))
            return
        if request.method != b"POST":
            self._refused(405, f"method {request.method[:16]!r}", connection.address)
            request.keep_alive = False
            connection.respond(405, headers=b"Allow: POST\r\n")
            return
        visit = self._visit_of(connection, request)
        if visit is not None and not request.body and visit.quiet and not visit.busy:
            self._finish_quiet(connection, visit, request)
        else:
            self._work.start(self._guarded(connection, self._serve(connection, request, visit)))

    def _visit_of(self, connection: Connection, request: Request) -> Visit | None:
        """The session that a request belongs to: by its cookie, else by its connection."""
        cookie = request.headers.get(b"cookie")
        if cookie is not None and (found := _COOKIE.search(cookie)) is not None:
            visit = self._sessions.find(found[1].decode())
            if visit is not None:
                return visit
        bound: Visit | None = connection.visit
        return bound if bound is not None and self._sessions.is_open(bound) else None

    def _finish_quiet(self, connection: Connection, visit: Visit, request: Request) -> None:
        """An empty POST where there is nothing to ask: 204, without a task."""
        if b"authorization" in request.headers:
            self.auth.saw(visit.arrival.principal, request.headers[b"authorization"])
        try:
            self._check_owner(connection, visit)
            self._sessions.finish_quiet(visit, self._clock())
        except ProtocolError as error:
            self._answer_error(connection, visit, error)
            return
        self._presence.touch(connection, visit)
        connection.respond(204)

    async def _serve(self, connection: Connection, request: Request, visit: Visit | None) -> None:
        coding = request.headers.get(b"content-encoding", b"")
        if visit is None and request.body:
            refusal = self._entry.at_once(connection, request)
            if refusal is not None:
                self._turn_away(connection, refusal)
                return
        envelope: Envelope | None = None
        try:
            envelope = await envelope_of(request.body, coding, self._shapes) if request.body else None
            if envelope is not None and isinstance(envelope.message, Inform):
                await self._inform(connection, request, envelope)
                return
            visit = visit or await self._resumed(connection, request)
            if visit is not None:
                await self._continue(connection, request, visit, envelope)
            elif envelope is not None:
                raise ProtocolError(f"{type(envelope.message).__name__} outside a session: it begins with an Inform")
            else:
                await self._empty_without_session(connection, request)
        except ProtocolError as error:
            self._answer_error(connection, visit, error, envelope)

    async def _inform(self, connection: Connection, request: Request, envelope: Envelope) -> None:
        """A new session, whatever the connection or the device had before."""
        assert isinstance(envelope.message, Inform)
        arrival = await self._entry.arrival(connection, request, envelope.message)
        if isinstance(arrival, Answer):
            self._turn_away(connection, arrival)
            return
        if self._presence.stopping or self._overload.waiting >= self._limits.waiting_informs:
            self._overloaded(connection, "Informs wait for the store")
            return
        if len(self._sessions) >= self._limits.sessions:
            self._overloaded(connection, "sessions are open")
            return
        ticket = self._overload.enter()
        try:
            visit, answer = await self._sessions.open(secrets.token_hex(16), envelope, arrival)
        except Replayed:
            again = self._entry.replayed(arrival, envelope.message, connection, request)
            if isinstance(again, Answer):
                self._turn_away(connection, again)
                return
            visit, answer = await self._sessions.open(secrets.token_hex(16), envelope, again)
        finally:
            self._overload.leave(ticket)
        visit.begun_at = self._loop.time()
        self._presence.touch(connection, visit)
        if arrival.principal is not None:
            await self._entry.came_in(arrival.principal, visit.key)
        cookie = b"Set-Cookie: sid=%s; Path=/\r\n" % visit.session.id.encode()
        connection.respond(200, encode(answer, visit.quirks), cookie)

    async def _continue(
        self, connection: Connection, request: Request, visit: Visit, envelope: Envelope | None
    ) -> None:
        """The next POST of a session."""
        self._check_owner(connection, visit)
        if b"authorization" in request.headers:
            self.auth.saw(visit.arrival.principal, request.headers[b"authorization"])
        if visit.busy:
            raise _NotYours("a second POST came before the first one was answered")
        if visit.posts >= self._limits.session_posts:
            raise ProtocolError(f"the session has {visit.posts} requests and does not end; it is over")
        visit.busy = True
        try:
            answer = await self._sessions.answer(visit, envelope, self._clock())
        finally:
            visit.busy = False
        self._presence.touch(connection, visit)
        if answer is None:
            connection.respond(204)
        else:
            connection.respond(200, encode(answer, visit.quirks))

    async def _collect(self, reports: Collector, connection: Connection, request: Request) -> None:
        """A report of bulk data; nobody waits for one, so it is put off while the server is busy."""
        if self._overload.is_busy():
            self._turn_away(connection, self._entry.busy("bulk data is put off"))
            return
        answer = await reports.answer(connection, request)
        if answer.status == 200:
            connection.respond(200)
        else:
            self._turn_away(connection, answer)

    async def _empty_without_session(self, connection: Connection, request: Request) -> None:
        """An empty POST first is how some CPEs fetch the challenge; after a session it is harmless."""
        refusal = await self._entry.empty(connection, request)
        if refusal is not None:
            self._turn_away(connection, refusal)
        else:
            connection.respond(204)

    async def _resumed(self, connection: Connection, request: Request) -> Visit | None:
        """A session that another process stored, by its cookie."""
        found = _COOKIE.search(request.headers.get(b"cookie", b""))
        if found is None:
            return None
        visit = await self._sessions.resume(found[1].decode(), Arrival(self._clock(), connection.address))
        if visit is not None:
            visit.begun_at = self._loop.time()
        return visit

    def _check_owner(self, connection: Connection, visit: Visit) -> None:
        """A cookie works only where no other device's session runs on the same connection."""
        bound: Visit | None = connection.visit
        if bound is not None and bound is not visit and bound.key != visit.key and self._sessions.is_open(bound):
            raise _NotYours(f"the cookie of a session of {visit.key} came from {bound.key}")

    def _turn_away(self, connection: Connection, answer: Answer) -> None:
        """The answer to a POST that begins no session."""
        if answer.status == 401:
            self._metrics.challenges.inc()
        elif answer.status == 503:
            self._deferred(connection, answer.why)
        if answer.why and answer.status != 503:
            self._refused(answer.status, answer.why, connection.address)
        connection.respond(answer.status, headers=answer.headers)

    def _overloaded(self, connection: Connection, what: str) -> None:
        self._deferred(connection, f"too many {what}")
        connection.respond(503, headers=b"Retry-After: %d\r\n" % retry_after(self._limits.retry_after_s))

    def _deferred(self, connection: Connection, why: str) -> None:
        """Somebody is told to come later: until then nobody can say that he is silent."""
        self._metrics.refusals.labels("503").inc()
        self._sent_away.note()
        log.debug("input.deferred", why=why, address=connection.address)

    def _answer_error(
        self, connection: Connection, visit: Visit | None, error: ProtocolError, asked: Envelope | None = None
    ) -> None:
        """TR-069's fault where the CPE can read one, else the HTTP status; a broken session is over."""
        self._refused(error.status_hint, str(error), connection.address)
        if visit is not None and error.status_hint != 200 and not isinstance(error, _NotYours):
            end = "ended" if visit.session.complete else "failed"
            self._work.start(self._sessions.close(visit, end, self._clock()))
        if isinstance(error, RefusedEnvelope):
            connection.respond(200, encode(error.answer()))
        elif error.status_hint == 200 and error.fault_code is not None:
            fault = SoapFault(error.fault_code, str(error))
            connection.respond(200, encode(Envelope(fault, asked.id, asked.namespace) if asked else Envelope(fault)))
        else:
            connection.respond(error.status_hint)

    def _refused(self, status: int, why: str, address: str) -> None:
        self._metrics.refusals.labels(str(status)).inc()
        if status == 503:
            self._sent_away.note()
        log.warning("input.refused", status=status, why=why[:300], address=address)

    async def _guarded(self, connection: Connection, work: Coroutine[Any, Any, None]) -> None:
        """The edge: whatever goes wrong, the CPE gets an answer and the process lives."""
        try:
            await work
        except StoreError as error:
            log.error("store.failed", error=str(error))
            self._deferred(connection, "the store cannot be used")
            connection.respond(503, headers=b"Retry-After: %d\r\n" % retry_after(self._limits.retry_after_s))
        except Exception as error:
            log.error("session.failed", error=str(error), kind=type(error).__name__, exc_info=error)
            self._metrics.refusals.labels("500").inc()
            connection.respond(500)


def _headers_of(config: Config) -> ProxyHeaders | None:
    proxy = config.cwmp.proxy
    return ProxyHeaders(proxy) if proxy.trusted and proxy.mode == "headers" else None


def _xml_limits(limits: LimitsSection) -> Limits:
    """What one envelope may hold, in the words of the codec."""
    return Limits(max_bytes=limits.inflated_bytes, max_elements=limits.xml_elements, max_depth=limits.xml_depth)


def _awaited(store: Store) -> Awaited:
    async def awaited() -> Collection[str]:
        async with store.reading() as tx:
            return await identity.awaited_serials(tx, OURS)

    return awaited
