"""Signals that end the command, turned into an exception so that ``with`` blocks clean up on the way out."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

__all__ = ["Received", "Stopped", "leave_behind", "stoppable"]

# Windows has neither SIGHUP nor SIGPIPE.
_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
# timeout(1) and others signal the process and then its group: two signals, one wish. A second Ctrl-C takes longer.
_SAME_WISH = 0.25


class Stopped(SystemExit):
    """The command ends early, without a failure of its own: ``code`` is 128 + the signal's number."""

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)
        self.exit_code = 128 + signum
        self.signum = signum


@dataclass(slots=True)
class Received:
    """What has come of signals so far."""

    stop: Stopped | None = None
    """What the first one raised."""

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Let the body end with ``Stopped`` if a signal came, whatever else it would end with.

        C code in which the signal arrives may swallow the exception or turn it into another: a compiled module says
        "ImportError: initialization failed".
        """
        try:
            yield
        finally:
            if self.stop is not None:
                raise self.stop


@contextmanager
def stoppable() -> Iterator[Received]:
    """Inside, the first signal raises ``Stopped`` in the main thread; a later one ends the process at once.

    Signals that the caller of the process had ignored (``nohup``, background jobs of a script) stay ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Received()  # only the main thread may set handlers
        return
    received, first = Received(), 0.0

    def stop(signum: int, _frame: FrameType | None) -> None:
        nonlocal first
        now = time.monotonic()
        if received.stop is None:
            first, received.stop = now, Stopped(signum)
            raise received.stop
        if now - first > _SAME_WISH:
            if sys.stderr is not None and sys.stderr.isatty():
                os.write(2, b"\x1b[?25h\n")  # the spinner hid the cursor
            _end_programs(leaving=True)
            os._exit(128 + signum)

    before = {signum: signal.getsignal(signum) for signum in _SIGNALS}
    # None: set by code outside Python, and not ours to change.
    ours = [signum for signum, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for signum in ours:
        signal.signal(signum, stop)
    try:
        yield received
    finally:
        for signum in ours:
            signal.signal(signum, before[signum])


def leave_behind(code: int) -> None:
    """End the process here and now if work goes on in threads that could not be stopped.

    No program that was started goes on, in any case.
    """
    batch = sys.modules.get("facefusion_cli.core.batch.run")
    leaving = batch is not None and batch.threads_left()
    _end_programs(leaving=leaving)
    if leaving:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                with suppress(OSError, ValueError):
                    stream.flush()
        os._exit(code)


def _end_programs(*, leaving: bool) -> None:
    process = sys.modules.get("facefusion_cli.core.media.video.process")
    # Absent: none was started. A signal may come while it is being imported, and not yet have all.
    if process is not None and hasattr(process, "end_all"):
        process.end_all(leaving=leaving)
