"""The log: a JSON object a line on stderr, written by a thread of its own, so that a slow reader slows nobody down."""

from __future__ import annotations

import json
import logging
import logging.handlers
import queue
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["JsonLines", "logging_to"]

_LOGGERS = {"facefusion_cli": logging.DEBUG, "uvicorn.error": logging.ERROR, "python_multipart": logging.ERROR}
"""Whose records are written, and from which level on at most: what clients send wrong is told by the answers to it."""
_MOST_WAITING = 10_000


class JsonLines(logging.Formatter):
    """A record as one line of JSON, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class _Bounded(logging.handlers.QueueHandler):
    """Puts records into a queue, and lets go of them while that is full."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """As it is: nothing is pickled, for the queue stays in this process."""
        return record

    def enqueue(self, record: logging.LogRecord) -> None:
        """Without waiting."""
        with suppress(queue.Full):
            self.queue.put_nowait(record)


class _Stream(logging.StreamHandler[TextIO]):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  (logging's name)
        """Whoever listened has gone: the work matters more."""


@contextmanager
def logging_to(stream: TextIO | None = None, *, level: int = logging.INFO) -> Iterator[None]:
    """Inside, what the service and its server log from ``level`` on goes to ``stream`` (None: stderr)."""
    target = stream or sys.stderr
    if target is None:  # closed by whoever started us
        yield
        return
    lines = _Stream(target)
    lines.setFormatter(JsonLines())
    waiting: queue.Queue[logging.LogRecord] = queue.Queue(_MOST_WAITING)
    handler, listener = _Bounded(waiting), logging.handlers.QueueListener(waiting, lines)
    before = []
    for name, least in _LOGGERS.items():
        logger = logging.getLogger(name)
        before.append((logger, logger.level, logger.propagate))
        logger.setLevel(max(level, least))
        logger.propagate = False
        logger.addHandler(handler)
    listener.start()
    try:
        yield
    finally:
        for logger, old_level, propagate in before:
            logger.removeHandler(handler)
            logger.setLevel(old_level)
            logger.propagate = propagate
        listener.stop()
