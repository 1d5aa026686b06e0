"""What a path leads to, before ffmpeg sees it."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from facefusion_cli.core.media.images import unreadable
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_file"]


def check_file(path: Path, wanted: str = "a video") -> None:
    """Raise InputError unless it is an ordinary file that can be read and has something in it."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f'"{path}" is a folder, not {wanted}.')
        if not stat.S_ISREG(mode):
            raise InputError(f'"{path}" is not an ordinary file.')
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f'"{path}" is empty.')
    except OSError as error:
        raise unreadable(path, error) from error
