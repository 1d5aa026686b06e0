"""Where a swapped crop shows: inside the face's outline and away from the crop's border, softly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.outline import BITS, drawn, hull
from facefusion_cli.core.faces.topology import OUTER_LIPS
from facefusion_cli.core.faceswap.distance import distance_to_edge

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GRID", "face_mask"]

GRID = 128
"""Pixels across the square that a mask is drawn in, whatever the crop's size: nothing in it is finer."""

_FEATHER = 0.03 * GRID
"""Sigma of the edge; alpha goes from 0 to 0.95 over two of them."""
_FOREHEAD = 0.3
"""By how much the part above the brows is drawn out: the mesh ends well below the hair line."""
_LIPS_MARGIN = 0.02 * GRID
"""Width around the lips of what still belongs to the mouth."""
_LIPS_FEATHER = 0.05 * GRID
"""Width of the transition from the target's own mouth to the new face."""


def face_mask(points: NDArray[np.float32] | NDArray[np.float64], *, keep_mouth: bool = False) -> NDArray[np.float32]:
    """(GRID, GRID) share of the new face, 0 to 1; 0 along the border and outside the face.

    It is the face's convex hull cut off at the border, blurred, and of that only what lies above a half: the edge
    fades inwards alone, and along any line into the face alpha never falls (but for a mouth that is kept).

    Args:
        points: (478, 2) the mesh in pixels of the grid; may reach beyond it.
        keep_mouth: 0 on the lips and between them.
    """
    inside = np.zeros((GRID, GRID), np.uint8)
    cv2.fillConvexPoly(inside, drawn(hull(_with_forehead(points))), 255, cv2.LINE_AA, shift=BITS)
    inside[[0, -1]] = 0
    inside[:, [0, -1]] = 0
    blurred = cv2.GaussianBlur(
        inside.astype(np.float32), (0, 0), _FEATHER, borderType=cv2.BORDER_CONSTANT | cv2.BORDER_ISOLATED
    )
    mask = np.asarray(np.clip(blurred * np.float32(2 / 255) - 1, 0, 1), np.float32)
    return mask * _beyond_lips(points) if keep_mouth else mask


def _with_forehead(points: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    """(478, 2) the points, those above the brows moved up the face."""
    brow, top, chin = (points[8] + points[9]) / 2, points[10], points[152]
    axis = (top - chin) / max(float(np.linalg.norm(top - chin)), 1e-6)
    above = np.maximum((points - brow) @ axis, 0)
    return np.asarray(points + _FOREHEAD * above[:, None] * axis, np.float64)


def _beyond_lips(points: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float32]:
    """(GRID, GRID) 0 on the mouth, rising to 1 around it."""
    outside = np.full((GRID, GRID), 255, np.uint8)
    cv2.fillConvexPoly(outside, drawn(hull(points[list(OUTER_LIPS)])), 0, cv2.LINE_8, shift=BITS)
    t = np.clip((distance_to_edge(outside) - _LIPS_MARGIN) / _LIPS_FEATHER, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
