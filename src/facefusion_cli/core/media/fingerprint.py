"""Telling whether an input is the one it was: a file without reading all of it, an array by all of it."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.media.files import opened

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["fingerprint", "fingerprint_array", "plain"]

_END = 2**16
_DIGITS = 32


def fingerprint(path: Path) -> str:
    """A short text that changes when the file's content does.

    Made of the size and a digest of the first and last 64 KiB; of files larger than both together also of the time of
    their last change, since their middle is not looked at. The name does not matter.

    Raises:
        InputError: it is missing, not an ordinary file, or cannot be read.
    """
    with opened(path) as file:
        status = os.fstat(file.fileno())
        size = status.st_size
        digest = hashlib.sha256(file.read(_END))
        file.seek(max(_END, size - _END))
        digest.update(file.read(_END))
    changed = 0 if size <= 2 * _END else status.st_mtime_ns
    return f"{size}-{changed}-{digest.hexdigest()[:_DIGITS]}"


def fingerprint_array(array: NDArray[Any]) -> str:
    """A short text that changes when the type, the shape or any value of an array does."""
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape} ".encode("ascii"))
    digest.update(np.ascontiguousarray(array).data)
    return f"array-{digest.hexdigest()[:_DIGITS]}"


def plain(value: Any) -> Any:
    """An option, or a dataclass of options, as JSON."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
