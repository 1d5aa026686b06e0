"""One task after another, or several at a time, none of which stops the others."""

from __future__ import annotations

import threading
import time
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Generic, TypeVar

from facefusion_cli.core.media.outputs import discard_outputs_of
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["Cancel", "Cancelled", "run_batch", "threads_left"]

T = TypeVar("T")
R = TypeVar("R")

_PATIENCE = 0.7
"""Seconds that tasks are given to end when the run is stopped: a person sees it end at once."""
_LOOK = 0.2
"""Seconds between looks: a signal does not wake a waiting thread on Windows, nor one that was just about to wait."""
_left: list[threading.Thread] = []


class Cancelled(BaseException):
    """The run has been stopped; nothing that catches failures should take this for one."""


class Cancel(threading.Event):
    """Tells a task that the run has been stopped. To be looked at between steps of at most a few tenths of a second."""

    def check(self) -> None:
        """Raise ``Cancelled`` if it has."""
        if self.is_set():
            raise Cancelled


def run_batch(
    tasks: Sequence[T],
    do: Callable[[T, Cancel], R],
    deliver: Callable[[T, R | FaceFusionError], None],
    *,
    jobs: int = 1,
    explain: Callable[[Exception], FaceFusionError],
) -> None:
    """Do all ``tasks``, begun in their order, at most ``jobs`` at the same time, and ``deliver`` what came of each.

    With one job everything happens in the caller's thread; with more, ``do`` is called in threads of their own, and
    ``deliver`` in the caller's, as tasks finish. An error of a task is what came of it: of this project's own, or what
    ``explain`` makes of another. A task begins only when fewer than ``jobs`` results are being made or waiting to be
    delivered, so that never more are in memory.

    Whatever else is raised, KeyboardInterrupt and SystemExit in the caller's thread first of all, stops the run: no
    task begins, those that are running are told by their ``Cancel``, and the exception goes on when they have ended, or
    after 0.7 s. What is still running then, in a library that does not look up, has its unfinished output removed;
    see ``threads_left``.
    """
    if min(jobs, len(tasks)) <= 1:
        cancel = Cancel()
        try:
            for task in tasks:
                deliver(task, _attempt(task, do, cancel, explain))
        except BaseException:
            cancel.set()  # for helpers of the task
            raise
        return
    crew = _Crew(tasks, do, min(jobs, len(tasks)), explain)
    try:
        crew.start()
        for _ in tasks:
            crew.deliver_next(deliver)
    except BaseException:
        crew.stop()
        raise
    crew.join()


def threads_left() -> bool:
    """Whether threads of a stopped run are still at work.

    They do not keep the process alive, but libraries (onnxruntime, PyTorch) crash when Python ends in an orderly way
    meanwhile: ``os._exit`` is the way out then.
    """
    return any(thread.is_alive() for thread in _left)


class _Crew(Generic[T, R]):
    """The threads of one run."""

    def __init__(
        self,
        tasks: Sequence[T],
        do: Callable[[T, Cancel], R],
        size: int,
        explain: Callable[[Exception], FaceFusionError],
    ) -> None:
        self._tasks: Iterator[T] = iter(tasks)
        self._next = threading.Lock()
        self._do = do
        self._explain = explain
        self._cancel = Cancel()
        self._places = threading.Semaphore(size)
        """One is taken by a task from its beginning until its result is delivered."""
        self._results: SimpleQueue[tuple[T, R | FaceFusionError] | BaseException] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"facefusion-{number}", daemon=True) for number in range(size)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def deliver_next(self, deliver: Callable[[T, R | FaceFusionError], None]) -> None:
        """Wait for a result; nothing of it is kept."""
        while True:
            try:
                result = self._results.get(timeout=_LOOK)
            except Empty:
                continue
            break
        if isinstance(result, BaseException):
            raise result
        deliver(*result)
        del result
        self._places.release()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()

    def stop(self) -> None:
        """Let nothing begin and wait a little for what runs."""
        self._cancel.set()
        self._places.release(len(self._threads))
        started = [thread for thread in self._threads if thread.ident is not None]
        end = time.monotonic() + _PATIENCE
        for thread in started:
            thread.join(max(0.0, end - time.monotonic()))
        stuck = [thread for thread in started if thread.is_alive()]
        _left.extend(stuck)
        discard_outputs_of({thread.ident for thread in stuck})

    def _work(self) -> None:
        try:
            while True:
                self._places.acquire()
                with self._next:
                    if self._cancel.is_set():
                        return
                    try:
                        task = next(self._tasks)
                    except StopIteration:
                        self._places.release()  # for the next thread to find that out
                        return
                self._results.put((task, _attempt(task, self._do, self._cancel, self._explain)))
                del task
        except BaseException as error:  # noqa: BLE001  (raised in the caller's thread)
            self._results.put(error)


def _attempt(
    task: T, do: Callable[[T, Cancel], R], cancel: Cancel, explain: Callable[[Exception], FaceFusionError]
) -> R | FaceFusionError:
    try:
        return do(task, cancel)
    except FaceFusionError as error:
        return error
    except Exception as error:  # noqa: BLE001  (it ends in a sentence)
        return explain(error)
