"""Whether a face wears glasses, as far as lines tell that no bare face has."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.warp import sample

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["wears_glasses"]

# Down the bridge of the nose, and from each lower lid to the cheek: a frame crosses all three.
_PATHS = ((9, 168, 6, 197), (145, 230, 119, 101), (374, 450, 348, 330))
_STEP = 0.01
"""Distance of the samples along a path, in widths of the face."""
_FRAME = 3
"""Samples from the middle of a frame's line to the skin beside it."""
_CONTRAST = 8.5
"""Difference in L*a*b* between a frame and the skin on both sides. Bare faces reach 8 on one path, never on all."""


def wears_glasses(lab: NDArray[np.float32], points: NDArray[np.float32], face_size: float) -> bool:
    """Look for a frame. Strong frames are found; rimless and very thin ones are not.

    Args:
        lab: (h, w, 3) L*a*b* of the face.
        points: (478, 2) its mesh in pixels of ``lab``.
        face_size: width of the face in pixels of ``lab``.
    """
    smooth = cv2.GaussianBlur(lab, (0, 0), max(0.012 * face_size, 0.5))
    across = points[263] - points[33]
    across = across / max(float(np.linalg.norm(across)), 1e-6)
    offsets = np.linspace(-0.04, 0.04, 5)[:, None, None] * face_size * across
    for number, path in enumerate(_PATHS):
        places = _along(points[list(path)], _STEP * face_size)
        lines = sample(smooth, (places + offsets).astype(np.float32), cv2.INTER_LINEAR)
        line = np.median(lines, axis=0)
        if number > 0:
            # The lid's own shadow is no frame.
            line = line[len(line) // 4 :]
        if len(line) <= 2 * _FRAME:
            return False
        middle, sides = line[_FRAME:-_FRAME], (line[: -2 * _FRAME] + line[2 * _FRAME :]) / 2
        if float(np.linalg.norm(middle - sides, axis=1).max()) < _CONTRAST:
            return False
    return True


def _along(points: NDArray[np.float32], step: float) -> NDArray[np.float32]:
    """(N, 2) places at about every ``step`` pixels of a path through points."""
    pieces = []
    for start, end in pairwise(points):
        count = max(2, int(np.linalg.norm(end - start) / max(step, 1e-6)))
        pieces.append(start + (end - start) * np.linspace(0, 1, count, endpoint=False)[:, None])
    return np.concatenate(pieces).astype(np.float32)
