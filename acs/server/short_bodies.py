"""Bodies longer than their Content-Length: some CPEs count characters where bytes are meant.

The one rule: no body is lengthened by more than the bytes that its letters beyond ASCII take, and only to the end of
its envelope; so a body of plain ASCII is what its head says, and nothing waits for more.
"""

import re
from typing import Final

#: A body that ends in one of these is whole.
ENDS: Final = b"> \t\r\n\0"
#: Seconds that the rest of a body is waited for; it is on its way already.
WAIT_S: Final = 1.0
_END: Final = re.compile(rb"</[^<>\s]{0,64}Envelope\s*>")


def may_be_short(body: bytes, headers: dict[bytes, bytes]) -> bool:
    """Whether a body that ends amid its XML may have been counted in characters."""
    if b"content-encoding" in headers or b"transfer-encoding" in headers:
        return False
    return not body.isascii() and body[:64].lstrip(b" \t\r\n\xef\xbb\xbf").startswith(b"<")


def lengthened(body: bytes, more: bytes, declared: int) -> tuple[bytes, bytes, bool]:
    """The body with what came after it, what does not belong to it, and whether there is nothing to wait for.

    `declared` is the length that the head gave.
    """
    if more.startswith(b"POST "):
        return body, more, True
    whole = body + more
    end = _END.search(whole, max(0, declared - 64))
    if end is not None and end.end() - declared <= _surplus(whole[: end.end()]):
        return whole[: end.end()], whole[end.end() :].lstrip(b" \t\r\n\0"), True
    if end is not None or len(whole) - declared > _surplus(whole):
        return body, more, True
    return whole, b"", False


def _surplus(text: bytes) -> int:
    """Bytes beyond one per character."""
    return len(text) - len(text.decode("utf-8", "ignore"))
