"""Identifiers that sort by the instant at which they were made."""

import secrets
from datetime import datetime


def new_id(now: datetime) -> str:
    """A new identifier: 12 hexadecimal digits of milliseconds, then 16 random ones."""
    return f"{int(now.timestamp() * 1000):012x}{secrets.token_hex(8)}"
