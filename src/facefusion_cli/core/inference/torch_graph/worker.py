"""The threads that graphs run on: one for each number of threads that torch computes with."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future, wait
from functools import cache, partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Worker", "worker"]

Result = TypeVar("Result")

_DEFAULT = threading.Lock()
"""Held while torch's default number of threads is another for a moment."""


class Worker:
    """A thread that does one thing after another, each with all of torch's threads.

    It has a number of those of its own, since the number of the caller's thread cannot be changed for a while without
    changing what other threads start with. It is a daemon, so that it serves threads that outlive the main one, and
    never computes when nobody waits for it, so that the interpreter does not end under it.
    """

    def __init__(self, threads: int) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        threading.Thread(target=self._work, name=f"torch graph, {threads}", daemon=True).start()
        try:
            self.call(lambda _: _take_threads(threads))
        except BaseException:
            self._calls.put(None)
            raise

    def call(self, function: Callable[[Callable[[], bool]], Result]) -> Result:
        """What the function returns or raises, called on the worker.

        It is given a question: whether to give up. If a signal ends the wait it is told to, and waited for.
        """
        giving_up = threading.Event()
        future: Future[Result] = Future()
        self._calls.put((future, partial(function, giving_up.is_set)))
        try:
            return future.result()
        except BaseException:
            giving_up.set()
            wait([future])
            raise

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            future, function = call
            try:
                future.set_result(function())
            except BaseException as error:  # noqa: BLE001  (it is the caller's)
                future.set_exception(error)
            del call, future, function  # they hold what was computed


@cache
def worker(threads: int) -> Worker:
    """The worker of this process for that many threads."""
    return Worker(threads)


def _take_threads(threads: int) -> None:
    """Set the number of threads that torch uses in this new thread, and in no other.

    What is set becomes the default of the process as well: another thread, which ends at once, puts that back.
    """
    import torch

    with _DEFAULT:
        default = torch.get_num_threads()
        torch.set_num_threads(threads)
        other = threading.Thread(target=torch.set_num_threads, args=(default,))
        other.start()
        other.join()


def _after_fork() -> None:
    """A forked process has none of the threads, and perhaps a lock that nobody will open."""
    global _DEFAULT
    _DEFAULT = threading.Lock()
    worker.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
