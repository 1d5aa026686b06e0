"""The one pipeline of the house: a reader thread, the work, a writer thread, bounded queues between them."""

from __future__ import annotations

import threading
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["run_stream"]

In = TypeVar("In")
Out = TypeVar("Out")
Item = TypeVar("Item")

_END: Any = object()
_PATIENCE = 1.0


def run_stream(
    source: Iterable[In],
    work: Callable[[Iterator[In]], Iterator[Out]],
    sink: Callable[[Out], None],
    *,
    ahead: int = 8,
) -> int:
    """Send everything from ``source`` through ``work`` to ``sink``, in order; returns how many items ``sink`` took.

    ``source`` is iterated in a thread of its own, ``sink`` is called in another, ``work`` (a generator, which may look
    ahead and work in batches, and may end before ``source`` does) runs in the caller's. At most ``ahead`` items wait on
    either side, so memory does not grow with length. Generators are closed, each in its own thread, however it ends.

    An exception anywhere stops all three before it is raised here, the first one if several follow from each other;
    KeyboardInterrupt and SystemExit in the caller's thread come before any other. Threads are gone when this returns,
    which is as soon as ``source`` and ``sink`` return from what they are doing. Only an interrupt waits no longer than
    a second for each: what hangs is left to the caller to end, and the thread with it.
    """
    stream = _Stream[In, Out](ahead)
    reader = threading.Thread(target=stream.read, args=(source,), name="facefusion-reader")
    writer = threading.Thread(target=stream.write, args=(sink,), name="facefusion-writer")
    interrupt: BaseException | None = None
    try:
        reader.start()
        writer.start()
        stream.do(work)
        # Work may have ended before its source; what it has made is still written.
        stream.incoming.stop()
        reader.join()
        writer.join()
    except _StoppedError:
        pass
    except Exception as error:  # noqa: BLE001  (raised below, unless it follows from another one)
        stream.fail(error)
    except BaseException as error:
        interrupt = error
        raise
    finally:
        stream.stop()
        for thread in (reader, writer):
            if thread.ident is not None:  # it was started
                thread.join(None if interrupt is None else _PATIENCE)
        if interrupt is not None:
            stream.failures.clear()
    if stream.failures:
        try:
            raise stream.failures[0]
        finally:
            # The error's traceback holds this frame: else a circle would keep pictures alive.
            stream.failures.clear()
    return stream.written


class _StoppedError(BaseException):
    """Ends whoever waits for a queue once the stream is stopped; no ``except Exception`` shall go on with it."""


class _Queue(Generic[Item]):
    """A bounded queue between two threads that can be stopped.

    Made of two unbounded ones, for items and for free places. Their operations are single steps in C: an interrupt in
    the caller's thread cannot leave a lock behind, as it can in ``queue.Queue``, and stopping never waits for anything.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a queue needs room for one item, not {size}")
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._places: SimpleQueue[None] = SimpleQueue()
        self._stopped = False
        for _ in range(size):
            self._places.put(None)

    def put(self, item: Item) -> None:
        self._places.get()
        self._check()
        self._items.put(item)

    def end(self) -> None:
        self._items.put(_END)

    def get(self) -> Item:
        item = self._items.get()
        self._check()
        self._places.put(None)
        return item

    def __iter__(self) -> Iterator[Item]:
        while (item := self.get()) is not _END:
            yield item
            del item  # not kept while waiting for the next

    def stop(self) -> None:
        """Wake whoever waits on either side, and let nobody in again. May be called more than once, by anybody."""
        self._stopped = True
        self._places.put(None)
        self._items.put(_END)

    def _check(self) -> None:
        if self._stopped:
            raise _StoppedError


class _Stream(Generic[In, Out]):
    """What the three share."""

    def __init__(self, ahead: int) -> None:
        self.incoming: _Queue[In] = _Queue(ahead)
        self.outgoing: _Queue[Out] = _Queue(ahead)
        self.failures: list[BaseException] = []
        """In the order in which they happened."""
        self.written = 0

    def stop(self) -> None:
        self.incoming.stop()
        self.outgoing.stop()

    def fail(self, error: BaseException) -> None:
        self.failures.append(error)
        self.stop()

    def read(self, source: Iterable[In]) -> None:
        try:
            items = iter(source)
            try:
                for item in items:
                    self.incoming.put(item)
                    del item
                self.incoming.end()
            finally:
                _close(items)
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001  (raised again by the caller's thread)
            self.fail(error)

    def do(self, work: Callable[[Iterator[In]], Iterator[Out]]) -> None:
        results = work(iter(self.incoming))
        try:
            for result in results:
                self.outgoing.put(result)
                del result
        finally:
            _close(results)
        self.outgoing.end()

    def write(self, sink: Callable[[Out], None]) -> None:
        try:
            for item in self.outgoing:
                sink(item)
                self.written += 1
                del item
        except _StoppedError:
            pass
        except BaseException as error:  # noqa: BLE001  (raised again by the caller's thread)
            self.fail(error)


def _close(items: Iterator[Any]) -> None:
    """End a generator, so that its ``finally`` blocks run now."""
    close = getattr(items, "close", None)
    if close is not None:
        close()
