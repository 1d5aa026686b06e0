"""The embedded analyser that a process shares, and arrays that callers give for pictures."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["checked_array", "shared_analyser"]


@cache
def shared_analyser() -> FaceAnalyser:
    """The analyser of this process: its networks are loaded once, when first needed."""
    return FaceAnalyser()


def checked_array(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The array itself if it is a picture, contiguous.

    Raises:
        InputError: it is not (H, W, 3) uint8 or holds no pixel.
    """
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3 or picture.size == 0:
        raise InputError(
            f"an array {picture.shape} of {picture.dtype} is no picture.",
            hint="Give (height, width, 3) uint8 in BGR order.",
        )
    return np.ascontiguousarray(picture)
