"""Small operations on files: hash, move into place or aside, remove, and what to say when they fail."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from contextlib import contextmanager, suppress
from itertools import count
from typing import TYPE_CHECKING

from facefusion_cli.core.media.atomic import sync_folder
from facefusion_cli.core.media.disk_errors import why_not_written
from facefusion_cli.errors import WeightsDamagedError, WeightsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "ELSEWHERE",
    "MORE_ROOM",
    "consuming",
    "move_aside",
    "move_into_place",
    "not_readable",
    "not_writable",
    "refuse_folders",
    "remove_file",
    "set_aside_earlier",
    "sha256_of",
]

ELSEWHERE = "with --models-dir or the variable FACEFUSION_HOME"
"""How the user chooses another folder for weights, for the end of a hint."""

_SET_ASIDE = re.compile(r"\.damaged(-\d+)?")

MORE_ROOM = f"Free some space, or choose a folder on another disk {ELSEWHERE}."
"""What to do about a disk that is too full."""


def sha256_of(path: Path) -> str:
    """SHA-256 of a whole file, in 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def move_into_place(file: Path, place: Path) -> None:
    """Rename within one file system, content first on the disk, so that a power cut leaves the old or the new."""
    with file.open("r+b") as opened:
        os.fsync(opened.fileno())
    file.replace(place)
    sync_folder(place.parent)


def set_aside_earlier(place: Path) -> list[Path]:
    """What ``move_aside`` has made of files at ``place``, and nothing else that somebody may have put beside it."""
    beside = place.parent.glob(f"{place.name}.damaged*")
    return sorted(path for path in beside if _SET_ASIDE.fullmatch(path.name.removeprefix(place.name)))


def move_aside(place: Path) -> Path:
    """Rename what is wrong at ``place``; its new path: a name that is free, or a file's for another file.

    Raises:
        WeightsError: it cannot be renamed.
    """
    endings = (".damaged" if number == 1 else f".damaged-{number}" for number in count(1))
    names = (place.with_name(place.name + ending) for ending in endings)
    aside = next(name for name in names if not os.path.lexists(name) or (name.is_file() and not place.is_dir()))
    try:
        place.replace(aside)
    except OSError as error:
        raise not_writable(aside, error) from error
    return aside


def remove_file(path: Path) -> bool:
    """Delete a file of the store; whether it was there.

    Raises:
        WeightsError: it cannot be deleted.
    """
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        with suppress(OSError):
            refuse_folders(path)
        raise not_writable(path, error) from error
    return True


@contextmanager
def consuming(file: Path, place: Path) -> Iterator[None]:
    """On the way of ``file`` to its place: remove it if it turns out wrong, and put errors of the disk into words.

    Raises:
        WeightsError: for any OSError.
    """
    try:
        yield
    except WeightsDamagedError:
        remove_file(file)
        raise
    except OSError as error:
        raise not_writable(place, error) from error


def refuse_folders(*files: Path) -> None:
    """See that there are no folders where the store keeps files of its own: they are not ours to delete.

    Raises:
        WeightsError: there is one.
        OSError: it cannot be seen.
    """
    for file in files:
        if file.is_dir():
            raise WeightsError(f'"{file}" is a folder, not a file.', hint="Move it away, or delete it yourself.")


def not_writable(path: Path, error: OSError) -> WeightsError:
    """What the user is told when a file or folder of the store cannot be written."""
    hint = f"Choose another folder {ELSEWHERE}."
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        hint = MORE_ROOM
    return WeightsError(f'cannot write "{path}": {why_not_written(error)}.', hint=hint)


def not_readable(path: Path, error: OSError) -> WeightsError:
    """What the user is told when a file of the store cannot be read."""
    why = "there is no permission to read it" if isinstance(error, PermissionError) else why_not_written(error)
    return WeightsError(
        f'cannot read "{path}": {why}.',
        hint=f"Give yourself the right to read it, or choose another folder {ELSEWHERE}.",
    )
