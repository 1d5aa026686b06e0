"""Folders made for results, and removed again where nothing came of it."""

from __future__ import annotations

import os
import threading
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["make_folders", "tidied"]

_lock = threading.Lock()
_made: set[Path] = set()
"""Folders that did not exist before."""
_users: Counter[Path] = Counter()
"""How much work is going on for each folder: until it writes, the folder is empty."""


def make_folders(folder: Path) -> None:
    """Make ``folder`` and those above it, as far as they are missing.

    Raises:
        OSError: one cannot be made.
    """
    with _lock:
        missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
        _made.update(missing)
        folder.mkdir(parents=True, exist_ok=True)


@contextmanager
def tidied(folder: Path) -> Iterator[None]:
    """Around work that may make ``folder``: in the end it is removed if it was made here, is empty, and nobody else
    is at work for it; likewise those above it."""
    with _lock:
        _users[folder] += 1
    try:
        yield
    finally:
        with _lock:
            _users[folder] -= 1
            for one in (folder, *folder.parents):
                if one not in _made or _users[one]:
                    break
                with suppress(OSError):  # there is something in it, or it has gone already
                    one.rmdir()
                if os.path.lexists(one):
                    break
                _made.discard(one)
