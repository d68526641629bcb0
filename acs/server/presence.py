"""Whether the CPE of a session is still there: the connection that carries it, and the time that it is given.

    POST ─▶ bound to its connection ─ which ends ─▶ a moment ─▶ adrift ─ its time is up ─▶ closed
      └──────────── back by its cookie ◀───────────────┴──────────┘

The one rule: a connection that ends is noticed whatever is done at that moment. One that goes while a POST is served is
found when the answer is ready.
"""

import asyncio
import math
from typing import Any, Final

from acs.config import LimitsSection
from acs.server.http import Connection
from acs.services.background import Background
from acs.services.clock import Clock
from acs.services.sessions import Sessions
from acs.services.visits import Visit

#: Seconds in which a CPE that uses a connection for each POST is back on the next one.
BACK_S: Final = 1.0
#: Seconds that a CPE is believed to be there after its last POST where no connection tells that it left.
LEFT_S: Final = 5.0


class Presence:
    """Keeps the edge's marks of visits: `expires_at` and `adrift_at`, on the loop's clock."""

    def __init__(self, sessions: Sessions, limits: LimitsSection, clock: Clock, work: Background) -> None:
        self._sessions = sessions
        self._limits = limits
        self._clock = clock
        self._work = work
        #: sessions are let end: none is kept for another process
        self.stopping = False

    def touch(self, connection: Connection, visit: Visit) -> None:
        """The session goes on: bind it to the connection and give it its time."""
        now = asyncio.get_running_loop().time()
        if connection.pooled:
            self._unbound(visit, now)
            return
        connection.visit, visit.carrier = visit, connection
        idle_s = max(self._limits.session_idle_s, float(visit.session.session_timeout_s or 0))
        visit.expires_at = min(now + idle_s, visit.begun_at + self._limits.session_timeout_s)
        visit.adrift_at = math.inf
        if connection.closed:
            self.gone(connection)

    def gone(self, connection: Connection, _request: Any = None) -> None:
        """A connection ended: its session is over if it was complete, else it may come back on another one."""
        visit: Visit | None = connection.visit
        if visit is None or visit.carrier is not connection or not self._sessions.is_open(visit):
            return
        visit.adrift_at = asyncio.get_running_loop().time() + BACK_S
        if visit.busy:
            return
        now = self._clock()
        if visit.session.complete:
            if not visit.stored and visit.quiet:
                self._sessions.close_quiet(visit, now)
            else:
                self._work.start(self._sessions.close(visit, "ended", now))
        elif not self.stopping:
            self._work.start(self._sessions.park(visit, now))

    def look(self, visit: Visit, now: float) -> None:
        """Called by the sweep: close a session whose time is up, and give up hope of one that nobody comes back to."""
        if visit.busy:
            return
        if now >= visit.expires_at:
            end = "ended" if visit.session.complete else "timed_out"
            visit.busy = True
            self._work.start(self._sessions.close(visit, end, self._clock()))
        elif now >= visit.adrift_at:
            visit.adrift_at = math.inf
            self._sessions.cast_off(visit)

    def _unbound(self, visit: Visit, now: float) -> None:
        """The session goes on over a proxy's connection, which others share: nothing will tell that the CPE left."""
        idle_s = LEFT_S if visit.session.complete else self._limits.session_idle_s
        visit.expires_at = min(now + idle_s, visit.begun_at + self._limits.session_timeout_s)
        visit.adrift_at, visit.carrier = now + LEFT_S, None
