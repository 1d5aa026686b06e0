"""Where unfinished work waits: hidden folders beside outputs, found again wherever they are."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.home import state_folder
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from filelock import BaseFileLock

__all__ = [
    "LOCK",
    "REGISTRY",
    "hold",
    "is_work_folder",
    "register",
    "remove_entry",
    "remove_held",
    "work_folder",
    "work_folders",
]

LOCK = "lock"
"""The file in a work folder that a running program holds."""

_NAME = re.compile(r"\.facefusion-[0-9a-f]{12}\.work")
REGISTRY = "work-folders"
"""Folder in the state folder, with a file for each."""
_ATTEMPTS = 5


def work_folder(output: Path) -> Path:
    """The work folder of an output: beside the file itself, where ``output`` is a link to one."""
    final = Path(os.path.realpath(output))
    name = hashlib.sha256(os.fsencode(final.name)).hexdigest()[:12]
    return final.with_name(f".facefusion-{name}.work")


def is_work_folder(path: Path) -> bool:
    """Whether it is there and one of ours; a link to one is not."""
    return _NAME.fullmatch(path.name) is not None and path.is_dir() and not path.is_symlink()


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
            _deregister(folder)


def remove_entry(path: Path) -> None:
    """Remove a file, or a folder with all in it; links are removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def work_folders(places: Sequence[Path] = ()) -> list[Path]:
    """Work folders that runs of this user have left anywhere, and those directly in any of ``places``.

    Some may be in use: ``hold`` tells. Places that cannot be read have none.
    """
    found = {folder for folder in _registered() if is_work_folder(folder)}
    for place in places:
        with suppress(OSError):
            found |= {path for path in Path(os.path.realpath(place)).iterdir() if is_work_folder(path)}
    return sorted(found)


def register(folder: Path) -> None:
    """Remember where a work folder is, so that it can be found from anywhere; best effort."""
    with suppress(OSError, UsageError):
        entry = _entry(folder)
        entry.parent.mkdir(parents=True, exist_ok=True)
        entry.write_bytes(os.fsencode(folder))


def _deregister(folder: Path) -> None:
    """Forget a work folder; best effort."""
    with suppress(OSError, UsageError):
        entry = _entry(folder)
        entry.unlink(missing_ok=True)
        with suppress(OSError):  # there are others
            entry.parent.rmdir()


def _entry(folder: Path) -> Path:
    # A file each: runs at the same time have nothing to agree upon.
    return state_folder() / REGISTRY / hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]


def _registered() -> Iterable[Path]:
    folders: list[Path] = []
    with suppress(OSError, UsageError):
        for entry in (state_folder() / REGISTRY).iterdir():
            with suppress(OSError, ValueError):
                folder = Path(os.fsdecode(entry.read_bytes()))
                # Its disk may only be away for now; but where the folder around it is there, it was removed by hand.
                if folder.parent.is_dir() and not folder.exists():
                    entry.unlink()
                elif folder.is_absolute():
                    folders.append(folder)
    return folders
