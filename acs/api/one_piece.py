"""An answer leaves in one piece: its head waits for its body, where the server would send each by itself.

    head, then the body at once      →  one packet, one call of the kernel
    head, and no body in this turn   →  the head goes when the loop comes around, as does each event of a stream

The rule of this file: nothing is held longer than a turn of the loop, and never more than one small piece.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: bytes of a piece that is worth joining; a greater one is not copied
_JOINED_BYTES = 65_536


class OnePiece(HttpToolsProtocol):
    """The protocol of a connection, whose answers leave in one piece."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """Begin; what is written goes through `Joining`."""
        super().connection_made(Joining(transport, self.loop))  # type: ignore[arg-type] # it is one in all that is asked


class Joining:
    """A transport that holds a small piece until the next one, or until the loop comes around."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes) -> None:
        """Hold a first piece, and send a second one with it."""
        if self._held and len(data) <= _JOINED_BYTES:
            data, self._held = self._held + data, b""
            self._transport.write(data)
        elif self._held or len(data) > _JOINED_BYTES:
            self._send()
            self._transport.write(data)
        else:
            self._held = data
            self._loop.call_soon(self._send)

    def close(self) -> None:
        """Close behind what is held."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
