"""What a path leads to, before ffmpeg sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.media.files import refuse_others, unreadable
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_file"]


def check_file(path: Path, wanted: str = "a video") -> None:
    """Raise InputError unless it is an ordinary file that can be read and has something in it."""
    try:
        refuse_others(path, path.stat().st_mode, wanted)
        with path.open("rb") as file:
            if not file.read(1):
                raise InputError(f'"{path}" is empty.')
    except OSError as error:
        raise unreadable(path, error) from error
