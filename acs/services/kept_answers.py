"""Requests that may come twice: a client that heard no answer sends again, and gets the first one's.

The rule of this file: what was begun and never ended is not begun again; the client is told to look.
"""

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from acs.errors import Conflict, InvalidInput, TooMany
from acs.services.clock import Clock, utc_now
from acs.store import kept_answers as answer_store
from acs.store.kept_answers import KeptAnswer
from acs.store.store import Store

#: how long an answer is kept: longer than any client tries again
KEPT = timedelta(hours=24)
#: after that a request without an end was cut off with its process
_RUNS = timedelta(minutes=10)
#: seconds between two looks for answers that are too old
TIDY_S = 600.0
_AGAIN_S = 2


@dataclass(frozen=True, slots=True)
class Repeatable:
    """One request with a key: who sent it with which key, and what it asks."""

    id: str
    request: str


def repeatable(caller: str, key: str, *asked: bytes) -> Repeatable:
    """The request of a caller with a key."""
    return Repeatable(_digest(caller.encode(), key.encode()), _digest(*asked))


class KeptAnswers:
    """Keeps answers."""

    def __init__(self, store: Store, *, clock: Clock = utc_now) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, one: Repeatable) -> KeptAnswer | None:
        """Begin a request; the answer to give where it was done before.

        Raises:
            InvalidInput: the key was used for something else.
            TooMany: the first request with the key still runs.
            Conflict: it never ended.
        """
        now = self._clock()
        async with self._store.transaction() as tx:
            if await answer_store.begin(tx, one.id, one.request, now):
                return None
            known = await answer_store.get(tx, one.id)
        if known is None:
            return None
        if known.request != one.request:
            raise InvalidInput("Idempotency-Key: it came with another request before; send a new key for a new request")
        if known.status is not None:
            return known
        if now - known.created_at < _RUNS:
            raise TooMany("the first request with this Idempotency-Key still runs; ask again", retry_after_s=_AGAIN_S)
        raise Conflict(
            "the first request with this Idempotency-Key never ended; look whether it took effect, then use a new key"
        )

    async def end(self, one: Repeatable, status: int, headers: str, body: bytes) -> None:
        """Keep the answer."""
        async with self._store.transaction() as tx:
            await answer_store.end(tx, one.id, status, headers, body)

    async def forget(self, one: Repeatable) -> None:
        """The request did nothing: it may be sent again with the same key."""
        async with self._store.transaction() as tx:
            await answer_store.drop(tx, one.id)

    async def tidy(self) -> None:
        """Forget what nobody sends again."""
        then = self._clock() - KEPT
        async with self._store.transaction() as tx:
            await answer_store.drop_before(tx, then)


def _digest(*parts: bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()
