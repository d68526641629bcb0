"""Structured logs: one JSON line per thing that happened, on standard error.

Event names are `noun.past_verb`; data goes in fields. Secrets never get here: a field whose name says that it is
one is replaced, whoever logs it.
"""

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

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure(level: str, stream: TextIO | None = None) -> None:
    """Send every log of the process, those of libraries included, to `stream` as JSON lines from `level` up."""
    stream = stream or sys.stderr
    structlog.configure(
        processors=[structlog.processors.format_exc_info, render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=stream),
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
