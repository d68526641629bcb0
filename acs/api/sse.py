"""Server-sent events: an asynchronous iterator becomes a stream, with a heartbeat while nothing happens.

The rule of this file: the iterator is closed when the caller goes away; a heartbeat never interrupts it.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi.responses import StreamingResponse

from acs.errors import AcsError

#: seconds between heartbeats: below the idle time-outs of usual proxies
HEARTBEAT_S = 15.0

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream."""

    name: str
    data: Mapping[str, Any]


def event_stream(events: AsyncGenerator[ServerEvent, None], heartbeat_s: float = HEARTBEAT_S) -> StreamingResponse:
    """The answer that streams these events and ends with them."""
    return StreamingResponse(_lines(events, heartbeat_s), media_type="text/event-stream", headers=_HEADERS)


async def _lines(events: AsyncGenerator[ServerEvent, None], heartbeat_s: float) -> AsyncIterator[str]:
    step: asyncio.Task[ServerEvent] | None = None
    try:
        while True:
            step = step or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({step}, timeout=heartbeat_s)
            if not done:
                yield ": still here\n\n"
                continue
            try:
                event = step.result()
            except StopAsyncIteration:
                return
            except AcsError as error:
                yield _encoded(ServerEvent("error", {"code": "failed", "message": str(error)}))
                return
            step = None
            yield _encoded(event)
    finally:
        if step is not None:
            step.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, AcsError):
                await step
        await events.aclose()


def _encoded(event: ServerEvent) -> str:
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"), default=str)
    return f"event: {event.name}\ndata: {data}\n\n"
