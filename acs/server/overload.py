"""Too much at once: who is served first, and how much memory bodies may take.

    a session that a person waits for ─→ begun while there is room at all
    any other new session             ─→ 503 with Retry-After while the server is busy

Busy is measured in time, not in numbers: a CPE bears a few seconds, and a queue of a thousand Informs may be worked off
in one. The one rule: while the server is not busy, nothing is looked at; a session that was begun is never put off.
"""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Collection
from typing import Final

from acs.config.identity import GuardSection
from acs.errors import AcsError

#: Seconds between two looks at the loop's lateness.
TICK_S: Final = 0.1
#: Looks in a row that must be late: one alone is a pause, as at the start, and no load.
LATE_LOOKS: Final = 3
#: Seconds that the list of awaited devices is believed while the server is busy.
AWAITED_S: Final = 1.0

_SERIAL: Final = re.compile(rb"<SerialNumber[^>]*>\s*([^<]{1,128}?)\s*</")

#: Gives the serial numbers of devices with operations that a person asked for.
Awaited = Callable[[], Awaitable[Collection[str]]]


class Overload:
    """Knows whether the server is busy, and whom somebody waits for."""

    def __init__(self, guard: GuardSection, awaited: Awaited) -> None:
        self._busy_informs = guard.busy_informs
        self._busy_wait_s = guard.busy_wait_s
        self._late_s = guard.late_s
        #: Informs that wait for the store now, in the order in which they came → since when
        self._waiting: dict[int, float] = {}
        self._tickets = itertools.count()
        self._ask = awaited
        self._awaited: frozenset[bytes] = frozenset()
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None
        self._late = 0
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0

    def start(self) -> None:
        """Begin to watch the running loop."""
        self._due = asyncio.get_running_loop().time() + TICK_S
        self._timer = asyncio.get_running_loop().call_at(self._due, self._look)

    async def stop(self) -> None:
        """Watch no more; a question to the store that is under way is awaited."""
        if self._timer is not None:
            self._timer.cancel()
        if self._asking is not None:
            await self._asking

    @property
    def waiting(self) -> int:
        """Informs that wait for the store now."""
        return len(self._waiting)

    def enter(self) -> int:
        """An Inform begins to wait for the store; the ticket is for `leave`."""
        ticket = next(self._tickets)
        self._waiting[ticket] = asyncio.get_running_loop().time()
        return ticket

    def leave(self, ticket: int) -> None:
        """The Inform waits no more."""
        del self._waiting[ticket]

    def is_busy(self) -> bool:
        """Whether new sessions that nobody waits for are put off: the loop is late, or a crowd waits long.

        A few that wait long are no crowd: something else than the store holds them up.
        """
        if self._late >= LATE_LOOKS:
            return True
        if len(self._waiting) < self._busy_informs:
            return False
        return asyncio.get_running_loop().time() - next(iter(self._waiting.values())) > self._busy_wait_s

    def goes_first(self, body: bytes) -> bool:
        """Whether the Inform in a body answers a connection request, or is of a device that somebody waits for."""
        self._refresh()
        if b"6 CONNECTION REQUEST" in body:
            return True
        if not self._awaited:
            return False
        found = _SERIAL.search(body)
        return found is not None and found[1] in self._awaited

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is not None:
            self._timer.cancel()
        self._late = self._late + 1 if now - self._due > self._late_s else 0
        self._due = now + TICK_S
        self._timer = loop.call_at(self._due, self._look)

    def _refresh(self) -> None:
        loop = asyncio.get_running_loop()
        if self._asking is None and loop.time() - self._asked_at > AWAITED_S:
            self._asked_at = loop.time()
            self._asking = loop.create_task(self._read())

    async def _read(self) -> None:
        try:
            self._awaited = frozenset(serial.encode() for serial in await self._ask())
        except AcsError:
            self._awaited = frozenset()  # the store says so itself where it is asked for something that matters
        finally:
            self._asking = None


class Budget:
    """Bytes that all bodies together may take; each is taken and given back."""

    __slots__ = ("left",)

    def __init__(self, size_bytes: int) -> None:
        self.left = size_bytes

    def take(self, size_bytes: int) -> bool:
        """Take a part; False where there is not so much left."""
        if size_bytes > self.left:
            return False
        self.left -= size_bytes
        return True

    def give(self, size_bytes: int) -> None:
        """Give a part back."""
        self.left += size_bytes
