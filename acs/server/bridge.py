"""The one place where Deferreds and asyncio meet.

Everything outside the Twisted protocols is `async def`; what Twisted gives back becomes a future here.
"""

import asyncio
from typing import TypeVar

from twisted.internet.defer import Deferred

T = TypeVar("T")


async def result_of(deferred: "Deferred[T]") -> T:
    """Wait for a Deferred; cancelling the wait cancels the Deferred."""
    return await deferred.asFuture(asyncio.get_running_loop())
