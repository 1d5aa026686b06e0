"""Steady five points: those of the mesh, moved to where the detector puts them.

The detector looks a few times a second and trembles; the mesh is there in every frame, but its five points are not
quite those that networks fed through ArcFace's template were trained with. What lies between the two changes slowly,
with the pose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["Offsets", "offset"]

_SPREAD = 0.8  # seconds: looks count by a bell of that sigma
_NEIGHBOURS = 6  # looks to either side
_OUTLIER = 0.05  # of the face's width: a look that is farther from the median of all is drawn to that


class Offsets:
    """What lies between a detector's five points and the mesh's along a track, in the face's own frame."""

    def __init__(self, frames: NDArray[np.int64], values: NDArray[np.float32], fps: float) -> None:
        """``frames`` (N,) in ascending order, ``values`` (N, 5, 2) from ``offset``."""
        median = np.median(values, axis=0) if len(values) else 0.0
        off = values - median
        length = np.linalg.norm(off, axis=2, keepdims=True)
        self._values = median + off * np.minimum(1.0, _OUTLIER / np.maximum(length, _OUTLIER))
        self._frames = frames
        self._spread = _SPREAD * fps

    def points(self, frame: int, face: Face) -> NDArray[np.float32] | None:
        """(5, 2) points for a face with a smoothed mesh; None if the detector never gave any."""
        if not len(self._frames):
            return None
        middle = int(np.searchsorted(self._frames, frame))
        near = slice(max(0, middle - _NEIGHBOURS), middle + _NEIGHBOURS)
        squares = ((self._frames[near] - frame) / self._spread) ** 2
        weights = np.exp(-0.5 * (squares - squares.min()))
        mean = np.tensordot(weights / weights.sum(), self._values[near], 1)
        return np.asarray(_anchors(face.mesh) + mean * face.size @ _axes(face).T, np.float32)


def offset(face: Face) -> NDArray[np.float32]:
    """(5, 2) from the mesh's five points to the ``keypoints`` of a face that has some, in widths of the face."""
    assert face.keypoints is not None
    return np.asarray((face.keypoints - _anchors(face.mesh)) @ _axes(face) / face.size, np.float32)


def _anchors(mesh: NDArray[np.float32]) -> NDArray[np.float64]:
    """(5, 2) middles of the eyes by their corners (irises follow the gaze), nose, corners of the mouth."""
    points = mesh[:, :2].astype(np.float64)
    left, right = (points[33] + points[133]) / 2, (points[263] + points[362]) / 2
    return np.stack([left, right, points[4], points[61], points[291]])


def _axes(face: Face) -> NDArray[np.float64]:
    """(2, 2) columns: right and down as the face has them, in the picture."""
    x, y = (face.mesh[263] - face.mesh[33])[:2].astype(np.float64)
    length = max(float(np.hypot(x, y)), 1e-9)
    return np.array([[x, -y], [y, x]]) / length
