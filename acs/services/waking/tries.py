"""What the tries of one call say together, and how each is stored. Pure."""

from collections.abc import Sequence
from datetime import datetime

from acs.services.waking.methods import SETTLED, Attempt, Method, Result
from acs.services.waking.reach import Reach
from acs.store.connection_requests import Try
from acs.store.limits import LIMITS

#: Results that say most of a device, where no try was accepted.
_TELLING = frozenset({Result.UNAUTHORIZED, Result.BUSY, Result.REFUSED, Result.TIMED_OUT})


def most_telling(attempts: Sequence[Attempt]) -> Attempt:
    """The try that says most: the one that was accepted, else the first that somebody, or nobody, answered."""
    if attempts[-1].result in SETTLED:
        return attempts[-1]
    return next((each for each in attempts if each.result in _TELLING), attempts[0])


def target_of(method: Method, reach: Reach) -> str:
    """Where a method calls a device."""
    match method:
        case Method.HTTP:
            return reach.url
        case Method.UDP:
            return ", ".join(map(str, reach.endpoints))
        case Method.XMPP:
            return reach.jabber_id


def try_of(key: str, id: str, n: int, at: datetime, attempt: Attempt) -> Try:
    """The row of the n-th try of a call; `id` is the call's."""
    return Try(
        key,
        id,
        n,
        at,
        (attempt.method or "").strip(),
        attempt.target[:256],
        attempt.result.value,
        attempt.answer[:256],
        attempt.duration_ms,
        attempt.explanation[: LIMITS["detail"]],
    )
