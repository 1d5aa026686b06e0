"""A few threads that do what they are given, several things at a time."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Crew", "Outcome"]


class Outcome:
    """What will have come of something that was begun."""

    def __init__(self) -> None:
        self._said: SimpleQueue[BaseException | None] = SimpleQueue()

    def wait(self) -> None:
        """Return when it is done. To be called once.

        Raises:
            What it raised.
        """
        error = self._said.get()
        if error is not None:
            try:
                raise error
            finally:
                del error  # whose traceback holds this frame: else a circle would keep pictures alive

    def tell(self, error: BaseException | None) -> None:
        """Say that it is done, or what it raised."""
        self._said.put(error)


class Crew:
    """As a context manager: left in whatever way, what runs is waited for, and what was not begun never is.

    Threads talk through ``SimpleQueue`` only, whose operations are single steps in C: an interrupt in the caller's
    thread cannot leave a lock behind that a thread would wait for, as it can in ``concurrent.futures``.
    """

    def __init__(self, size: int, name: str) -> None:
        self._given: SimpleQueue[tuple[Callable[[], None], Outcome] | None] = SimpleQueue()
        self._leaving = False
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for _ in range(size)]

    def __enter__(self) -> Crew:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving = True
        for _ in self._threads:
            self._given.put(None)
        for thread in self._threads:
            thread.join()

    def begin(self, do: Callable[[], None]) -> Outcome:
        """Have it done as soon as a thread is free, those that were given before first."""
        outcome = Outcome()
        self._given.put((do, outcome))
        return outcome

    def _work(self) -> None:
        while (given := self._given.get()) is not None:
            if self._leaving:
                continue
            do, outcome = given
            try:
                do()
            except BaseException as error:  # noqa: BLE001  (it is raised where the outcome is waited for)
                outcome.tell(error)
            else:
                outcome.tell(None)
            del given, do, outcome  # not kept while waiting for the next
