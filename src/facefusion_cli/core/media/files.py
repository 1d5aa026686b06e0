"""Opening what users name: ordinary files, and nothing else."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from facefusion_cli.core.media.images import unreadable
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["opened"]

# A pipe that nobody writes to is not waited for.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """The file at ``path``, to be read; never waits for one that is none.

    Raises:
        InputError: it is missing, not an ordinary file, or cannot be read; also what reading it raises in the block.
    """
    try:
        _check(path, path.stat().st_mode)  # opening a device may do something to it
        with os.fdopen(os.open(path, _FLAGS), "rb") as file:
            _check(path, os.fstat(file.fileno()).st_mode)
            yield file
    except OSError as error:
        raise unreadable(path, error) from error


def _check(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise InputError(f'"{path}" is a folder, not a file.')
    if not stat.S_ISREG(mode):
        raise InputError(f'"{path}" is not an ordinary file.')
