"""Identifiers that sort by the time of their making, and secrets."""

import secrets
import threading
import time

_lock = threading.Lock()
_last_us = [0]


def new_id() -> str:
    """A new identifier of 26 letters and digits: microseconds since 1970, then 48 random bits.

    Identifiers of one process sort strictly in the order of their making; it fits a CommandKey (32).
    """
    with _lock:
        _last_us[0] = max(_last_us[0] + 1, time.time_ns() // 1000)
        return f"{_last_us[0]:014x}{secrets.token_hex(6)}"


def new_secret() -> str:
    """A password of 192 random bits, in letters and digits that every CPE can store."""
    return secrets.token_hex(24)
