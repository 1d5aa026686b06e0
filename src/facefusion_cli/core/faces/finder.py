"""Finding faces in a picture, given as a file or as an array."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    import os

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["checked_array", "find_faces", "shared_analyser"]


@cache
def shared_analyser() -> FaceAnalyser:
    """The analyser of this process: its networks are loaded once, when first needed."""
    return FaceAnalyser()


def find_faces(picture: str | os.PathLike[str] | NDArray[np.uint8]) -> list[Face]:
    """Find the faces in a picture.

    Args:
        picture: a file, or an array (H, W, 3) uint8, BGR as OpenCV reads it, sRGB, upright.

    Returns:
        The faces from left to right; their place in the list is the index that ``swap_faces`` takes. Coordinates are
        pixels of the upright picture. Empty where there is none.

    Raises:
        InputError: the file cannot be read, or the array is of another kind.
    """
    pixels = checked_array(picture) if isinstance(picture, np.ndarray) else read_picture(Path(picture)).bgr
    return shared_analyser().find(pixels)


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
