"""The private folder of a service, with one for each order in it: nobody else can look into them, none is left."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.core.media.registry import WORK_FOLDERS, forget
from facefusion_cli.core.media.work_folders import LOCK, hold, is_work_folder
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from filelock import BaseFileLock

__all__ = ["NoRoomError", "Root", "remove_folder", "remove_inputs", "remove_orders"]

_NAME = re.compile(r"facefusion-serve-[0-9a-f]{32}")
_PREFIX = "facefusion-serve-"
_PATIENCE = 1.0
"""Seconds for which it is tried to remove a folder."""


class NoRoomError(OutputError):
    """The service's disk is full."""

    code = "disk-full"


class Root:
    """One service's folder (0700), held by a lock that goes with its process, so that a dead one's folder is known.

    A lock and no process number: services in containers that share a folder do not see each other's processes.
    """

    def __init__(self, place: Path | None = None) -> None:
        """Make it in ``place``, by default the system's place for temporary files (``TMPDIR``).

        Raises:
            OutputError: it cannot be made.
        """
        # Resolved once: messages name files by what the system calls them.
        self.place = Path(os.path.realpath(place or tempfile.gettempdir()))
        try:
            self.path, self._lock = self._make()
        except OSError as error:
            raise output_error(self.place, error) from error

    def _make(self) -> tuple[Path, BaseFileLock]:
        while True:
            path = self.place / f"{_PREFIX}{secrets.token_hex(16)}"
            lock = hold(path, create=True)
            if lock is not None:  # else another service has taken it for a dead one's, and removes it
                return path, lock

    def new_folder(self) -> Path:
        """A folder (0700) for one order, of a name that nobody can guess.

        Raises:
            NoRoomError: the disk is full.
            OutputError: it cannot be made.
        """
        path = self.path / secrets.token_hex(16)
        try:
            path.mkdir(mode=0o700)
        except OSError as error:
            words = output_error(path, error)
            if words.hint.startswith("Free some space"):
                raise NoRoomError("no space is left on the service's disk.", hint="Try again later.") from error
            raise words from error
        return path

    def remove(self) -> None:
        """Remove it with all in it; the lock goes last."""
        remove_orders(self.path)
        self._lock.release()
        shutil.rmtree(self.path, ignore_errors=True)

    def sweep(self) -> int:
        """Remove what services have left that are gone; how many. What belongs to others, or resists, stays."""
        swept = 0
        with suppress(OSError):
            for path in self.place.iterdir():
                if path != self.path and _NAME.fullmatch(path.name) and _is_mine(path):
                    with suppress(OSError):
                        swept += _sweep(path)
        return swept


def remove_orders(root: Path) -> None:
    """Remove the folders of all orders from a service's folder, as far as nobody was quicker; the lock stays."""
    with suppress(OSError):
        for path in root.iterdir():
            if path.name != LOCK:
                remove_folder(path)


def remove_folder(folder: Path) -> None:
    """Remove an order's folder; what lies in it of core's is not remembered any more.

    What is written into it at that moment goes as well, at the latest after a second: it may block for so long.
    """
    with suppress(OSError):
        for path in folder.iterdir():
            if is_work_folder(path):
                forget(WORK_FOLDERS, path)
    until = time.monotonic() + _PATIENCE
    while True:
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists() or time.monotonic() >= until:
            return
        time.sleep(0.02)


def remove_inputs(folder: Path, result: Path) -> None:
    """Remove all in an order's folder but its result."""
    with suppress(OSError):
        for path in folder.iterdir():
            if path.is_dir() and not path.is_symlink():
                remove_folder(path)
            elif path != result:
                path.unlink(missing_ok=True)


def _is_mine(path: Path) -> bool:
    status = path.lstat()
    return path.is_dir() and not path.is_symlink() and (not hasattr(os, "getuid") or status.st_uid == os.getuid())


def _sweep(path: Path) -> int:
    lock = hold(path)
    if lock is None:
        return 0
    try:
        remove_orders(path)
    finally:
        lock.release()
    shutil.rmtree(path, ignore_errors=True)
    return 1
