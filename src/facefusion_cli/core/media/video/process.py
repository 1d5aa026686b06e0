"""One run of ffmpeg: fed or read through pipes, watched, and gone when we are done with it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from typing import IO, TYPE_CHECKING

from facefusion_cli.core.media.video.ffmpeg import broken, ffmpeg_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

__all__ = ["STALL_SECONDS", "FfmpegRun", "end_all"]

STALL_SECONDS = 120.0
"""How long ffmpeg may take for one frame before it is taken for hung."""

_TAIL_LINES = 40
_LINE_BYTES = 4096
_PIPE_BYTES = 2**20
"""The most that Linux gives to whoever is not root; 64 kB otherwise."""
_WATCH_SECONDS = 0.5
_HEARD_SECONDS = 5
"""How long the end of stderr is waited for: what ffmpeg is may have left it to others."""
_START_SECONDS = 1
"""How long those that are about to start are waited for; that takes some milliseconds."""
_LOOK_SECONDS = 0.01
if sys.platform == "win32":
    _FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP
else:
    _FLAGS = 0


def _widen(*pipes: IO[bytes] | None) -> None:
    """Let more fit into pipes, where the system allows it: a frame goes through in a few pieces then."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        for pipe in pipes:
            if pipe is not None:
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


class _Runs:
    """All of this process. Single steps of sets, no locks: a signal's handler may come in between anywhere."""

    def __init__(self) -> None:
        self.running: set[FfmpegRun] = set()
        self.starting: set[int] = set()
        """Threads that are about to run one."""
        self.leaving = False
        """Whether none may start any more."""


_runs = _Runs()


def end_all(*, leaving: bool = False) -> None:
    """Kill every ffmpeg that this process runs, in whatever thread.

    With ``leaving``, for who ends the process right after that, none that starts from now on survives its start, and
    those that are about to are waited for.
    """
    _runs.leaving |= leaving
    end = time.monotonic() + _START_SECONDS
    while True:
        for run in [*_runs.running]:
            run.kill()
        if not (leaving and _runs.starting - {threading.get_ident()}) or time.monotonic() > end:
            return
        time.sleep(_LOOK_SECONDS)


class FfmpegRun:
    """A running ffmpeg, as a context manager: left in whatever way, the process is gone and nobody waits for it.

    It has a session of its own, so that Ctrl-C in a terminal reaches this program only. What it says on stderr is read
    all the time, so it never waits for that; ``tail`` is the end of it, and ``said`` (if given) gets every line. It
    runs in ``folder``, by default the current one. While this program waits for it (``waiting``), it is killed when
    that lasts longer than STALL_SECONDS; then ``stalled``.

    Raises:
        ProgramError: there is no ffmpeg, or it cannot be run.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        *,
        feed: bool = False,
        read: bool = False,
        said: Callable[[str], None] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.tail: deque[str] = deque(maxlen=_TAIL_LINES)
        self.stalled = False
        self._arguments = ["-nostdin", "-hide_banner", "-nostats", *arguments]
        self._feed, self._read, self._said, self._folder = feed, read, said, folder
        self._waiting_since: float | None = None
        self._ended = threading.Event()
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FfmpegRun:
        program = ffmpeg_program()
        environment = {key: value for key, value in os.environ.items() if key != "FFREPORT"}
        environment |= {"LC_ALL": "C", "AV_LOG_FORCE_NOCOLOR": "1"}
        _runs.starting.add(threading.get_ident())
        try:
            self._process = subprocess.Popen(  # noqa: S603  (found by ffmpeg_program; arguments are a list)
                [program, *self._arguments],
                stdin=subprocess.PIPE if self._feed else subprocess.DEVNULL,
                stdout=subprocess.PIPE if self._read else subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environment,
                cwd=self._folder,
                start_new_session=True,
                creationflags=_FLAGS,
            )
            _widen(self._process.stdin, self._process.stdout)
            _runs.running.add(self)
            if _runs.leaving:
                self.kill()
        except OSError as error:
            raise broken(program, (error.strerror or type(error).__name__).lower()) from error
        finally:
            _runs.starting.discard(threading.get_ident())
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._watch)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                # What is still buffered for a process that is gone can go nowhere.
                with contextlib.suppress(OSError):
                    pipe.close()
        self._process.wait()
        _runs.running.discard(self)
        self._ended.set()
        for thread in self._threads:
            thread.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    @property
    def stdin(self) -> IO[bytes]:
        """What it reads, if it is fed."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> IO[bytes]:
        """What it writes, if that is read."""
        assert self._process.stdout is not None
        return self._process.stdout

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Around whatever only ffmpeg can end."""
        self._waiting_since = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None

    def finish(self) -> int:
        """Wait for its end, with nothing more to feed it; its exit code, negative: ended by that signal.

        All it said has been heard then.
        """
        with self.waiting():
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()
            code = self._process.wait()
        self._threads[0].join(_HEARD_SECONDS)
        return code

    def stopped(self, code: int) -> str:
        """Why it ended with that exit code before it was done, for a sentence; "" if that was its own decision."""
        if self.stalled:
            return "ffmpeg stopped answering"
        return f"ffmpeg was stopped by signal {-code}" if code < 0 else ""

    def kill(self) -> None:
        """End it, in whatever thread."""
        if self._process.poll() is not None and not (self._threads and self._threads[0].is_alive()):
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                self._process.kill()
            else:  # a script that stands for ffmpeg has children
                os.killpg(self._process.pid, signal.SIGKILL)

    def _listen(self) -> None:
        assert self._process.stderr is not None
        # A line without end is cut: its beginning says what it is about.
        while line := self._process.stderr.readline(_LINE_BYTES):
            text = line.decode("utf-8", "replace").rstrip()
            if self._said is not None:
                self._said(text)
            self.tail.append(text)

    def _watch(self) -> None:
        while not self._ended.wait(_WATCH_SECONDS):
            since = self._waiting_since
            if since is not None and time.monotonic() - since > STALL_SECONDS:
                self.stalled = True
                self.kill()
