"""Server-sent events: an asynchronous iterator becomes a stream, with a heartbeat while nothing happens.

The rule of this file: the iterator is closed when the caller goes away; a heartbeat never interrupts it. A client that
comes back with Last-Event-ID is given what followed that event. Whose right has ended hears nothing more: it is asked
for before each event and at each heartbeat.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Header
from fastapi.responses import StreamingResponse

from acs.api.language import current
from acs.errors import AcsError, Forbidden
from acs.services.translation import translated

#: the id of the last event that a client had
LastEventId = Annotated[
    str, Header(max_length=40, description="The id of the last event that was seen: what followed it is sent.")
]
#: how a route that streams is described
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "The events."}
}

#: seconds between heartbeats: below the idle time-outs of usual proxies
HEARTBEAT_S = 15.0

#: raises Forbidden once whoever listens may do so no more
Still = Callable[[], Awaitable[None]]

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream."""

    name: str
    data: Mapping[str, Any]
    #: what a client that comes back says in Last-Event-ID; empty: the event is sent again
    id: str = ""


def event_stream(
    events: AsyncGenerator[ServerEvent, None], still: Still, heartbeat_s: float | None = None
) -> StreamingResponse:
    """The answer that streams these events and ends with them, or with the right to them."""
    lines = _lines(events, still, HEARTBEAT_S if heartbeat_s is None else heartbeat_s)
    return StreamingResponse(lines, media_type="text/event-stream", headers=_HEADERS)


def number_of(last_event_id: str) -> int:
    """The number that an id is; 0 where it is none of ours: everything is sent then."""
    return int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0


async def _lines(events: AsyncGenerator[ServerEvent, None], still: Still, heartbeat_s: float) -> AsyncIterator[str]:
    step: asyncio.Task[ServerEvent] | None = None
    try:
        while True:
            step = step or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({step}, timeout=heartbeat_s)
            try:
                await still()
                if not done:
                    yield ": still here\n\n"
                    continue
                event = step.result()
            except StopAsyncIteration:
                return
            except AcsError as error:
                yield _encoded(_broken_off(error))
                return
            step = None
            yield _encoded(event)
    finally:
        if step is not None:
            step.cancel()
            with suppress(asyncio.CancelledError, StopAsyncIteration, AcsError):
                await step
        await events.aclose()


def _broken_off(error: AcsError) -> ServerEvent:
    code = "forbidden" if isinstance(error, Forbidden) else "failed"
    return ServerEvent("error", {"code": code, "message": translated(str(error), current())})


def _encoded(event: ServerEvent) -> str:
    data = json.dumps(event.data, ensure_ascii=False, separators=(",", ":"), default=str)
    number = f"id: {event.id}\n" if event.id else ""
    return f"{number}event: {event.name}\ndata: {data}\n\n"
