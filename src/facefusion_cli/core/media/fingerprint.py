"""Telling whether a file is the one it was, without reading all of it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["fingerprint"]

_END = 2**16


def fingerprint(path: Path) -> str:
    """A short text that changes when the file's content does.

    Made of the size and a digest of the first and last 64 KiB; of files larger than both together also of the time of
    their last change, since their middle is not looked at. The name does not matter.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            digest = hashlib.sha256(file.read(_END))
            file.seek(max(_END, size - _END))
            digest.update(file.read(_END))
            changed = 0 if size <= 2 * _END else path.stat().st_mtime_ns
    except OSError as error:
        raise InputError(f'"{path}" cannot be read: {error.strerror}.') from error
    return f"{size}-{changed}-{digest.hexdigest()[:32]}"
