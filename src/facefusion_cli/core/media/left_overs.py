"""Temporary files of runs that were killed: telling them from those in use, and finding them cheaply."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from facefusion_cli.core.media.hidden import PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["abandoned", "remove_left_overs"]

_LISTED_FOR = 60.0
"""Seconds until a folder is listed again: even for a huge one that is nothing, once a minute."""

_MOST_FOLDERS, _MOST_OUTPUTS = 64, 1024
"""How many are remembered: folders, and in each the outputs that its listing has served."""


@dataclass(frozen=True, slots=True)
class _Listing:
    """What of ours was in a folder."""

    time: float
    names: list[str]
    served: set[str]
    """Beginnings of names that were looked for in it."""


_listings: dict[Path, _Listing] = {}
"""By folder, the oldest first."""
_listings_lock = threading.Lock()


def remove_left_overs(folder: Path, prefix: str) -> None:
    """Remove what killed runs left in a folder under hidden names that begin so.

    Best effort: what is in use, gone already or not ours to remove is left alone.
    """
    for name in _names(folder, prefix):
        if name.startswith(prefix):
            path = folder / name
            with contextlib.suppress(OSError), abandoned(path):
                path.unlink()


def _names(folder: Path, prefix: str) -> list[str]:
    """Hidden names of ours in the folder, for one beginning of them.

    One listing serves each beginning once, and for a minute: whoever writes the same file again may have been preceded
    by a run that was killed, and a process that lives for weeks outlives many.
    """
    now = monotonic()
    with _listings_lock:
        known = _listings.get(folder)
        if (
            known is not None
            and now - known.time < _LISTED_FOR
            and prefix not in known.served
            and len(known.served) < _MOST_OUTPUTS
        ):
            known.served.add(prefix)
            return known.names
    names: list[str] = []
    # Without the lock: a folder of a network that hangs shall not hold up the others.
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(PREFIX)]
    with _listings_lock:
        _listings.pop(folder, None)
        if len(_listings) >= _MOST_FOLDERS:
            del _listings[next(iter(_listings))]
        _listings[folder] = _Listing(now, names, {prefix})
    return names


@contextlib.contextmanager
def abandoned(path: Path) -> Iterator[None]:
    """Inside, be sure that no running program writes to a temporary file: it may be removed.

    Raises:
        OSError: one does (BlockingIOError), or it cannot be looked at.
    """
    if sys.platform == "win32":
        yield  # open files cannot be removed there
        return
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
