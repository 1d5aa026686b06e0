"""Convex outlines of points, and as OpenCV draws them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BITS", "drawn", "hull"]

BITS = 4
"""Behind the point, in what ``drawn`` gives: ``shift`` of OpenCV's functions."""
_FAR = 2**14
"""Coordinates beyond this are as good as there: OpenCV draws with 16 bits before the point."""


def hull(points: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """(N, 2) float32, the convex hull of (M, 2) points."""
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float32)


def drawn(outline: NDArray[np.floating[Any]]) -> NDArray[np.int32]:
    """An outline (N, 2) in pixels as ``cv2.fillConvexPoly`` takes it with a ``shift`` of ``BITS``."""
    return np.asarray(np.rint(outline.clip(-_FAR, _FAR) * (1 << BITS)), np.int32)
