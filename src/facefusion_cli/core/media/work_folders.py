"""Where unfinished work waits: hidden folders beside outputs, found again wherever they are."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.media.hidden import is_work_folder_name, work_folder_name
from facefusion_cli.core.media.registry import WORK_FOLDERS, forget, remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from filelock import BaseFileLock

__all__ = [
    "KEPT_DAYS",
    "LOCK",
    "hold",
    "is_work_folder",
    "remove_entry",
    "remove_expired",
    "remove_held",
    "work_folder",
    "work_folders",
]

LOCK = "lock"
"""The file in a work folder that a running program holds."""

KEPT_DAYS = 14
"""How long what an interrupted run has finished waits for the next."""

_DAY = 24 * 60 * 60
_ATTEMPTS = 5


def work_folder(output: Path) -> Path:
    """The work folder of an output: beside the file itself, where ``output`` is a link to one."""
    final = Path(os.path.realpath(output))
    return final.with_name(work_folder_name(final))


def is_work_folder(path: Path) -> bool:
    """Whether it is there and one of ours; a link to one is not."""
    return is_work_folder_name(path.name) and path.is_dir() and not path.is_symlink()


def hold(folder: Path, *, create: bool = False) -> BaseFileLock | None:
    """The lock of a work folder, to be released; None if a running program has it. It goes with a process that dies.

    Raises:
        OSError: the folder is not there, cannot be made, or cannot be written to.
    """
    from filelock import FileLock, Timeout

    for attempt in range(_ATTEMPTS):
        if create:
            folder.mkdir(mode=0o700, exist_ok=True)
        lock = FileLock(folder / LOCK, thread_local=False)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        except FileNotFoundError:
            # Whoever had it may have removed the folder at this very moment.
            if not create or attempt == _ATTEMPTS - 1:
                raise
        else:
            return lock
    raise AssertionError


def remove_held(folder: Path, lock: BaseFileLock) -> None:
    """Remove a work folder whose lock is held, release the lock, and forget the folder.

    Raises:
        OSError: something in it cannot be removed.
    """
    try:
        for path in folder.iterdir():
            if path.name != LOCK:
                remove_entry(path)
        if os.name == "nt":
            lock.release()  # open files cannot be removed there
        # The lock goes last, and is still held: whoever comes meanwhile finds the folder in use, or not at all.
        (folder / LOCK).unlink(missing_ok=True)
    finally:
        lock.release()
        # Another run for the same output may have come in between, and needs it.
        with suppress(OSError):
            folder.rmdir()
        if not folder.exists():
            forget(WORK_FOLDERS, folder)


def remove_entry(path: Path) -> None:
    """Remove a file, or a folder with all in it; links are removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def remove_expired() -> None:
    """Remove the work folders of this user, wherever they are, in which nothing was done for ``KEPT_DAYS``.

    Best effort: what is in use or resists stays.
    """
    for folder in remembered(WORK_FOLDERS):
        with suppress(OSError):
            if is_work_folder(folder) and _idle_since(folder) < time.time() - KEPT_DAYS * _DAY:
                lock = hold(folder)
                if lock is not None:
                    remove_held(folder, lock)


def _idle_since(folder: Path) -> float:
    """When something in it was changed last; whoever only holds the lock changes nothing."""
    return max(path.lstat().st_mtime for path in (folder, *(path for path in folder.iterdir() if path.name != LOCK)))


def work_folders(places: Sequence[Path] = ()) -> list[Path]:
    """Work folders that runs of this user have left anywhere, and those directly in any of ``places``.

    Some may be in use: ``hold`` tells. Places that cannot be read have none.
    """
    found = {folder for folder in remembered(WORK_FOLDERS) if is_work_folder(folder)}
    for place in places:
        with suppress(OSError):
            found |= {path for path in Path(os.path.realpath(place)).iterdir() if is_work_folder(path)}
    return sorted(found)
