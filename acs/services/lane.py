"""The lane for work that the server itself thought of: first settings and first readings of devices.

When a town comes back after a power cut, thousands of new devices may want it at once, and each costs as much as
fifty periodic sessions. The lane holds a few sessions at a time; the others wait a little, and then end as if there
were nothing to do. While Informs pile up, the lane is
closed. Nothing is lost: the operation stays queued, and the device's next session finds it.
"""

import asyncio
from typing import Final

from acs.store.records import OperationRecord

#: Sessions that do such work at the same time.
AT_ONCE: Final = 8
#: Informs that wait for the store: beyond this the lane is closed.
BUSY: Final = 32
#: Sessions that wait for their turn; one more would wait in vain.
WAITING: Final = 48
#: Seconds that a CPE is kept waiting for its turn; it would bear about thirty.
PATIENCE_S: Final = 2.0
#: Actors whose operations nobody waits for.
OURS: Final = frozenset({"system", "first-read"})


class Lane:
    """Lets sessions in, by their id, and out."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING, patience_s: float = PATIENCE_S) -> None:
        self._free = asyncio.Semaphore(at_once)
        self._places = waiting
        self._patience_s = patience_s
        self._inside: set[str] = set()
        #: Informs that wait for the store now; the sessions keep it up to date
        self.informs = 0

    async def admits(self, operation: OperationRecord, session_id: str) -> bool:
        """Whether a session may do the operation now; what a person asked for always may."""
        if operation.actor not in OURS or session_id in self._inside:
            return True
        if self.informs > BUSY or (self._free.locked() and not self._places):
            return False
        self._places -= 1
        try:
            async with asyncio.timeout(self._patience_s):
                await self._free.acquire()
        except TimeoutError:
            return False
        finally:
            self._places += 1
        self._inside.add(session_id)
        return True

    def leave(self, session_id: str) -> None:
        """The session has nothing of that kind to do any more."""
        if session_id in self._inside:
            self._inside.remove(session_id)
            self._free.release()
