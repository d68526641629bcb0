"""Signed messages: the HMAC-SHA256 over time and body. Pure.

    X-Secondline-Signature: t=<unix seconds>,v1=<hex>[,v1=<hex>]

The rule of this file: while a key is changed there are two, and a message carries a signature of each; a receiver
believes one that it knows, and no message whose time is far from its own.
"""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime

from acs.errors import Forbidden

HEADER = "X-Secondline-Signature"
#: seconds that the time of a message may be from ours, either way
WINDOW_S = 300
#: signatures of one message that are looked at
_MOST = 4


def signature(secret: str, stamp: int, body: bytes) -> str:
    """The HMAC-SHA256 over time and body, in hexadecimal."""
    return hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()


def signed(secrets: Sequence[str], body: bytes, now: datetime) -> str:
    """The value of the header: the time, and one signature per key."""
    stamp = int(now.timestamp())
    return ",".join([f"t={stamp}", *(f"v1={signature(secret, stamp, body)}" for secret in secrets)])


def verified(secrets: Sequence[str], header: str, body: bytes, now: datetime, window_s: float = WINDOW_S) -> str:
    """The signature by which a message is believed, as what to remember it by.

    Raises:
        Forbidden: no header, a time outside of the window, or a signature by no key of ours.
    """
    stamp, given = _parts(header)
    if abs(now.timestamp() - stamp) > window_s:
        raise Forbidden(
            f"the message was signed at {stamp}, more than {window_s:g} s from our time {int(now.timestamp())}; "
            "sign it when it is sent, and set the clock"
        )
    for secret in secrets:
        right = signature(secret, stamp, body)
        if any(hmac.compare_digest(right, one) for one in given):
            return right
    raise Forbidden(f"no signature in {HEADER} is by a key of ours; sign `<t>.<body>` with the shared secret")


def _parts(header: str) -> tuple[int, list[str]]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    stamps = [value for key, _, value in pairs if key == "t"]
    given = [value.lower() for key, _, value in pairs if key == "v1" and value.isascii()][:_MOST]
    if len(stamps) != 1 or not given or not (stamps[0].isascii() and stamps[0].isdecimal()) or len(stamps[0]) > 12:
        raise Forbidden(f"{HEADER} is missing or broken; send t=<unix seconds>,v1=<hex of the HMAC-SHA256>")
    return int(stamps[0]), given
