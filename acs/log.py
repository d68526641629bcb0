"""Structured logs: one JSON line per thing that happened, on standard error.

Event names are `noun.past_verb`; data goes in fields. Secrets never get here: a field whose name says that it is
one is replaced, whoever logs it.

Lines below warning are written together, at most `FLUSH_S` after they came: a session's line costs no system call of
its own. A warning or an error is written at once, with everything before it.
"""

import asyncio
import atexit
import json
import logging
import sys
from collections.abc import Callable, MutableMapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, TextIO

import structlog

#: A field with one of these words in its name is never written.
SECRET_WORDS = ("password", "secret", "authorization", "cookie", "token", "community", "passphrase")
HIDDEN = "(hidden)"

_ENCODE: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":"), default=str
).encode

#: Seconds that a line may wait for others; nobody who reads a log notices.
FLUSH_S = 0.1
#: Lines that wait at most.
WAITING = 500

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every log of the process, those of libraries included, to `stream` as JSON lines from `level` up."""
    stream = stream or sys.stderr
    lines = _Lines(stream)
    structlog.configure(
        processors=[structlog.processors.format_exc_info, render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(_JsonFormatter())
    logging.basicConfig(level=max(LEVELS[level], logging.WARNING), handlers=[handler], force=True)


def render(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
    """The JSON line of an event; a field whose name says that it is a secret loses its value.

    One function and one encoder instead of a chain of processors: a session costs one line.
    """
    for name in event:
        if _is_secret(name):
            event[name] = HIDDEN
    event["level"] = method
    event["timestamp"] = datetime.now(UTC).isoformat()
    return _ENCODE(event)


class _Lines:
    """Writes lines to a stream, those of small matter in bunches while a loop runs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting: list[str] = []
        atexit.register(self.flush)

    def info(self, line: str) -> None:
        """A line that may wait a moment."""
        self._waiting.append(line)
        if len(self._waiting) > 1:
            if len(self._waiting) >= WAITING:
                self.flush()
            return
        try:
            asyncio.get_running_loop().call_later(FLUSH_S, self.flush)
        except RuntimeError:  # nobody would write it later
            self.flush()

    debug = info

    def warning(self, line: str) -> None:
        """A line that may not wait."""
        self._waiting.append(line)
        self.flush()

    error = critical = exception = warning

    def flush(self) -> None:
        """Write every line that waits."""
        if not self._waiting:
            return
        lines, self._waiting = self._waiting, []
        lines.append("")
        self._stream.write("\n".join(lines))
        self._stream.flush()


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    lowered = name.lower()
    return any(word in lowered for word in SECRET_WORDS)


class _JsonFormatter(logging.Formatter):
    """A library's record in the same shape as ours."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, Any] = {"logger": record.name, "event": "library.logged", "text": record.getMessage()}
        fields["level"] = record.levelname.lower()
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return _ENCODE(fields)
