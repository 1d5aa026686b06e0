"""How far each pixel of a shape is from its edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["distance_to_edge"]


def distance_to_edge(shape: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w) float32: the distance in pixels from each pixel that is not 0 to the nearest that is; 0 for the others.

    Between pixels these are roots of whole numbers. OpenCV is off by a rounding error, one that depends on where in
    memory its buffers happen to be; rounded to such roots, equal shapes have equal distances, always.
    """
    distance = cv2.distanceTransform(shape, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.sqrt(np.rint(np.square(distance, dtype=np.float32)))
