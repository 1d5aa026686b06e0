"""A few threads that do what they are given, several things at a time."""

from __future__ import annotations

import threading
from collections import deque
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

from facefusion_cli.core.processor import processor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType

__all__ = ["MOST_AT_A_TIME", "Crew", "Outcome", "done_in_order"]

Thing = TypeVar("Thing")

MOST_AT_A_TIME = 3
"""Groups of frames: while a network works for one, another is cut out or laid back in, and a third is on its way to the
encoder."""


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

    def __init__(self, name: str, size: int | None = None) -> None:
        """``size``: how many threads; by default as many as there are cores, ``MOST_AT_A_TIME`` at most."""
        size = min(MOST_AT_A_TIME, processor().cores) if size is None else size
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


def done_in_order(crew: Crew, things: Iterable[Thing], do: Callable[[Thing], None], ahead: int) -> Iterator[Thing]:
    """``things``, in their order, each after ``do`` was called with it; ``ahead`` of them at a time are under way.

    Raises:
        What ``do`` raises, for the first thing that it raises it for.
    """
    under_way: deque[tuple[Thing, Outcome]] = deque()
    for thing in things:
        under_way.append((thing, crew.begin(partial(do, thing))))
        del thing  # not kept while it is somebody else's
        if len(under_way) >= ahead:
            yield _finished(*under_way.popleft())
    while under_way:
        yield _finished(*under_way.popleft())


def _finished(thing: Thing, outcome: Outcome) -> Thing:
    outcome.wait()
    return thing
