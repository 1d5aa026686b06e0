"""What detectors are shown instead of the picture: smaller, or turned."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["shrunk", "turned"]


def shrunk(picture: NDArray[np.uint8], long_side: int) -> NDArray[np.uint8]:
    """The picture with its longer side reduced to ``long_side`` pixels, or itself if it is not longer."""
    scale = long_side / max(picture.shape[:2])
    if scale >= 1:
        return picture
    size = max(1, round(picture.shape[1] * scale)), max(1, round(picture.shape[0] * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def turned(picture: NDArray[np.uint8], degrees: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The whole picture turned counterclockwise, black around it, and the (2, 3) map back to the picture."""
    height, width = picture.shape[:2]
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    # The rounding keeps quarters exact.
    new_width = math.ceil(round(abs(width * cos) + abs(height * sin), 6))
    new_height = math.ceil(round(abs(width * sin) + abs(height * cos), 6))
    back = np.array([[cos, -sin], [sin, cos]])
    middle, new_middle = (np.array([x, y]) / 2 - 0.5 for x, y in ((width, height), (new_width, new_height)))
    matrix = np.column_stack([back, middle - back @ new_middle])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, matrix, (new_width, new_height), flags=flags), np.uint8), matrix
