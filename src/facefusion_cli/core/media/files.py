"""Opening what users name: ordinary files, and nothing else."""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["opened", "refuse_others", "unreadable"]

# A pipe that nobody writes to is not waited for.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file at ``path``, to be read; never waits for one that is none.

    Raises:
        InputError: it is missing, not an ordinary file, or cannot be read; also what reading it raises in the block.
    """
    try:
        refuse_others(path, path.stat().st_mode)  # opening a device may do something to it
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            refuse_others(path, os.fstat(file.fileno()).st_mode)
            yield file
    except OSError as error:
        raise unreadable(path, error) from error


def refuse_others(path: Path, mode: int, wanted: str = "a file") -> None:
    """Raise InputError for the mode of anything but an ordinary file: opening a pipe, say, would wait for ever."""
    if stat.S_ISDIR(mode):
        raise InputError(f'"{path}" is a folder, not {wanted}.')
    if not stat.S_ISREG(mode):
        raise InputError(f'"{path}" is not an ordinary file.')


def unreadable(path: Path, error: OSError) -> InputError:
    """What the user is told when opening ``path`` failed."""
    if error.errno in {errno.ENOENT, errno.ENOTDIR}:
        if path.is_symlink():
            return InputError(f'"{path}" is a link to a file that does not exist.')
        return InputError(f'there is no file "{path}".', hint="Check the name.")
    if error.errno == errno.ELOOP:
        return InputError(f'"{path}" is a link that leads to itself.')
    if error.errno in {errno.EACCES, errno.EPERM}:
        return InputError(f'there is no permission to read "{path}".')
    return InputError(f'"{path}" cannot be read: {(error.strerror or str(error)).lower()}.')
