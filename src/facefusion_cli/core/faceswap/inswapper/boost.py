"""Pixel boost: a crop of k x 128 pixels is k x k crops of 128 that lie between each other, each swapped on its own.

Described in the documentation of FaceFusion and Rope, which have it too. The time grows with the square of k.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CROP", "MOST_BOOST", "boost_for", "boost_for_size", "join", "split"]

CROP = 128
"""Side in pixels of what the network takes and gives."""
MOST_BOOST = 4

_SIDE = 1.6
"""Side of the crop over the width of the face: 1.50 to 1.74 in eight portraits."""


def boost_for(matrix: NDArray[np.float64]) -> int:
    """The boost, 1 to 4, for a face that lies where ``matrix`` finds it: (2, 3) from picture to the crop of 128 pixels.

    It is the width of the face on screen over 128, rounded, as FaceFusion has it: 1 below 192 pixels, 2 below 320, 3
    below 448. The crop, which is wider, is then enlarged up to 2.4 times when it is pasted; to go further takes several
    times as long for what can hardly be seen.
    """
    return boost_for_size(CROP / math.hypot(matrix[0, 0], matrix[1, 0]) / _SIDE)


def boost_for_size(size: float) -> int:
    """The same for faces of that width in pixels (``Face.size``), whichever way each of them is turned."""
    return min(max(round(size / CROP), 1), MOST_BOOST)


def split(crop: NDArray[np.uint8], boost: int) -> NDArray[np.uint8]:
    """(boost * boost, 128, 128, 3): every boost-th pixel of a crop (boost * 128, boost * 128, 3), from each start.

    Crop number ``boost * row + column`` starts at that row and column.
    """
    parts = crop.reshape(CROP, boost, CROP, boost, 3).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(parts).reshape(boost * boost, CROP, CROP, 3)


def join(parts: NDArray[np.uint8], boost: int) -> NDArray[np.uint8]:
    """The crop that ``split`` makes into such parts."""
    grid = parts.reshape(boost, boost, CROP, CROP, 3).transpose(2, 0, 3, 1, 4)
    return np.ascontiguousarray(grid).reshape(boost * CROP, boost * CROP, 3)
