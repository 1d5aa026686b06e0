"""A worker's process: loads the engines, does one order after another, and is gone when the service is.

It speaks with the service through what it was given as its standard input and output, which it keeps to itself: what
libraries print goes to its standard error, and ffmpeg inherits neither. Signals of a terminal and of a service manager
are the service's affair, which lets this process finish; it ends when its input does, that is also when the service was
killed.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import pickle
import shutil
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, BinaryIO

from facefusion_cli.api.work.messages import (
    Do,
    Done,
    Failed,
    FromWorker,
    Ready,
    Setup,
    Stop,
    Stopped,
    Unready,
    encode,
)
from facefusion_cli.errors import DeviceError, FaceFusionError, WeightsError

if TYPE_CHECKING:
    from types import FrameType

    from facefusion_cli.api.work.engines import Engines
    from facefusion_cli.api.work.wording import Wording

__all__ = ["main"]

_LOOK_SECONDS = 3.0
"""Between looks for weights that are missing."""
_AGAIN_SECONDS = 0.05
"""Between looks for ffmpegs to be ended while an order is being stopped."""
_MORE_LIKELY = "500"
"""For the system's choice of whom to kill when memory is short: rather this process than the service."""


def main() -> None:
    """Live until the service does not want it any more."""
    if sys.stderr is not None:
        faulthandler.enable()
    _lower_limits()
    channel = _Channel()
    setup = channel.receive()
    if not isinstance(setup, Setup):
        return
    desk = _Desk(channel, setup.root)
    engines = _load(channel, setup)
    if engines is None:
        return
    while desk.work(engines, setup):
        pass


def _lower_limits() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # Windows has no such limits
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a picture of what clients have sent
    # No limit on addresses: torch and CUDA reserve far more of them than they ever use.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_MORE_LIKELY, encoding="ascii")


class _Channel:
    """Both directions."""

    def __init__(self) -> None:
        self._in: BinaryIO = os.fdopen(os.dup(0), "rb")
        self._out: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        self._writing = threading.Lock()
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123  (a device, not a path)
            os.dup2(nothing.fileno(), 0)
        with contextlib.suppress(OSError):  # a service without a standard error
            os.dup2(2, 1)

    def receive(self) -> object:
        """The next message; None when there will be none."""
        try:
            return pickle.load(self._in)  # noqa: S301  (the service's own, through a pipe that nobody else has)
        except (EOFError, OSError, pickle.UnpicklingError):
            return None

    def send(self, message: FromWorker) -> None:
        """Say something; to nobody, if the service is gone."""
        line = memoryview(encode(message))
        with self._writing, contextlib.suppress(OSError):
            while line:
                line = line[self._out.write(line) or 0 :]


class _Desk:
    """Takes orders from a thread that listens, and does them in the main thread, where a wish to stop interrupts them.

    As with Ctrl-C in the command, the interruption is an exception that may be raised anywhere in Python's code; what
    ffmpeg does ends with it.
    """

    def __init__(self, channel: _Channel, root: Path) -> None:
        self._channel = channel
        self._root = root
        self._inbox: SimpleQueue[Do] = SimpleQueue()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._number = 0
        """Of the order that is being done."""
        self._stopped = 0
        """Of the last one that was to be stopped."""
        self._armed = False
        signal.signal(signal.SIGINT, self._interrupt)
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        threading.Thread(target=self._listen, name="facefusion-listener", daemon=True).start()

    def work(self, engines: Engines, setup: Setup) -> bool:
        """Do the next order, and say what became of it; whether to go on with another."""
        from facefusion_cli.core.batch.run import Cancelled
        from facefusion_cli.core.memory import give_back_freed

        task = self._inbox.get()
        answer: FromWorker = Stopped()
        try:
            answer = self._do(task, engines, setup)
        except Cancelled:
            pass
        finally:
            self._armed = False
            with self._lock:
                self._number = 0
        self._channel.send(answer)
        give_back_freed()
        return not (isinstance(answer, Failed) and answer.leaving)

    def _do(self, task: Do, engines: Engines, setup: Setup) -> FromWorker:
        from facefusion_cli.api.work.guards import check_order
        from facefusion_cli.api.work.reporter import CHECKING, Reporter
        from facefusion_cli.api.work.wording import Wording

        order = task.order
        self._stop.clear()
        reporter = Reporter(order.kind, setup.limits, self._channel.send, self._stop)
        wording = Wording(order)
        with self._lock:
            self._number = task.number
            if self._stopped == task.number:
                self._stop.set()
        self._armed = True
        answer: FromWorker
        try:
            reporter.stage(CHECKING, 0, 0)
            check_order(order, setup.limits)
            notes = [wording.of(note) for note in engines.do(order, reporter)]
            reporter.finish()
            answer = Done(engines.names[order.kind], notes, reporter.seconds)
        except Exception as error:  # noqa: BLE001  (it ends in a sentence)
            reporter.finish()
            answer = _failed(error, wording, reporter.seconds)
        self._armed = False
        # Whatever came of it meanwhile: code of other languages may have swallowed the interruption.
        return Stopped() if self._stop.is_set() else answer

    def _interrupt(self, _signum: int, _frame: FrameType | None) -> None:
        from facefusion_cli.core.batch.run import Cancelled

        if self._armed and self._stop.is_set():
            self._armed = False
            raise Cancelled

    def _listen(self) -> None:
        while (message := self._channel.receive()) is not None:
            if isinstance(message, Do):
                self._inbox.put(message)
            elif isinstance(message, Stop):
                with self._lock:
                    self._stopped = message.number
                    running = self._number == message.number
                    if running:
                        self._stop.set()
                if running:
                    self._interrupt_order(message.number)
        from facefusion_cli.api.work.folders import remove_orders
        from facefusion_cli.core.media.video.process import end_all

        end_all(leaving=True)
        remove_orders(self._root)
        shutil.rmtree(self._root, ignore_errors=True)
        os._exit(0)

    def _interrupt_order(self, number: int) -> None:
        from facefusion_cli.core.media.video.process import end_all

        if hasattr(signal, "pthread_kill"):
            main_thread = threading.main_thread().ident
            assert main_thread is not None
            signal.pthread_kill(main_thread, signal.SIGINT)
        else:
            import _thread

            _thread.interrupt_main()
        while True:
            with self._lock:
                if self._number != number:
                    return
                end_all()
            time.sleep(_AGAIN_SECONDS)


def _failed(error: Exception, wording: Wording, stages: dict[str, float]) -> Failed:
    failure = wording.failure(error)
    trace = "".join(traceback.format_exception(error)) if failure.status >= 500 else ""
    # What has gone wrong once on a GPU goes wrong in this process from now on.
    leaving = isinstance(error, DeviceError)
    return Failed(failure.code, failure.message, failure.hint, failure.status, stages, trace, leaving)


def _load(channel: _Channel, setup: Setup) -> Engines | None:
    """The engines, as soon as they can be loaded; None if another process has to try."""
    from facefusion_cli.api.work.engines import Engines
    from facefusion_cli.api.work.guards import limit_pictures
    from facefusion_cli.api.work.paths import without_paths
    from facefusion_cli.core.failures import explained

    limit_pictures(setup.limits)
    engines = Engines(setup.device, setup.engines, setup.models_dir)
    told = None
    while True:
        try:
            engines.load()
            notes = [without_paths(note) for note in engines.notes]
            names = {str(kind): name for kind, name in engines.names.items()}
            channel.send(Ready(names, notes, engines.device, engines.weights.states()))
        except Exception as error:  # noqa: BLE001  (it ends in a sentence)
            known = error if isinstance(error, FaceFusionError) else explained(error)
            waiting = isinstance(known, WeightsError)
            if known.message != told:
                told = known.message
                if known is not error:
                    traceback.print_exc()
                channel.send(
                    Unready(
                        [without_paths(f"{known.message} {known.hint}".strip())],
                        {} if not waiting else engines.weights.states(),
                        device_refused=isinstance(known, DeviceError),
                        leaving=not waiting,
                    )
                )
            if not waiting:
                return None
            del error, known
            time.sleep(_LOOK_SECONDS)
        else:
            return engines


if __name__ == "__main__":
    main()
    sys.exit(0)
