"""Only one process at a time works on a file."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from facefusion_cli.core.weights.watcher import Watcher

__all__ = ["lock"]


@contextmanager
def lock(path: Path, name: str, watcher: Watcher) -> Iterator[None]:
    """Hold the lock in ``path``; who has to wait for it says so (stage "waiting").

    The system lets go of the lock of a process that dies.

    Raises:
        OSError: the file cannot be written.
    """
    from filelock import FileLock, Timeout

    held = FileLock(path)
    try:
        held.acquire(blocking=False)
    except Timeout:
        watcher.stage(name, "waiting")
        held.acquire()
    try:
        yield
    finally:
        held.release()
