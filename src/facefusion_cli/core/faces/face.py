"""What the project knows about one face in a picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.topology import LEFT_IRIS, RIGHT_IRIS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MINIMUM_SIZE", "Face"]

MINIMUM_SIZE = 24.0
"""Width in pixels below which the mesh is off by more than 3 % of the face and a swap looks wrong."""


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face in a picture of which it keeps nothing but numbers.

    Coordinates are pixels of the upright picture, pixel centres at integers, x to the right, y down.
    ``left`` and ``right`` are meant as seen in the picture unless a name says otherwise.
    """

    mesh: NDArray[np.float32]
    """(478, 3) points x, y, z of MediaPipe's attention mesh; z in pixels too, smaller is nearer to the viewer."""
    score: float
    """Probability, 0 to 1, that there is a face at all, from what detector and mesh network say."""
    keypoints: NDArray[np.float32] | None = None
    """(5, 2) ArcFace's five points from a detector made for them; None where only the mesh knows the face."""
    embedding: NDArray[np.float32] | None = None
    """(512,) what the recognition network says of whose face it is, of length 1; None where it was not asked."""

    def moved(self, x: float, y: float) -> Face:
        """The same face in a picture in which it lies ``x`` pixels to the right and ``y`` down."""
        keypoints = None if self.keypoints is None else self.keypoints + np.array([x, y], np.float32)
        return replace(self, mesh=self.mesh + np.array([x, y, 0], np.float32), keypoints=keypoints)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Bounds (x1, y1, x2, y2) of the mesh; may reach beyond the picture."""
        low, high = self.mesh[:, :2].min(axis=0), self.mesh[:, :2].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])

    @property
    def size(self) -> float:
        """Width of the face in pixels, steady when the head turns.

        Half the distance of the ears' points (234, 454), which shrinks as the head turns, plus 0.75 of the distance
        of the outer eye corners (33, 263), measured in three dimensions. About ear to ear on a frontal face.
        """
        ears = float(np.linalg.norm(self.mesh[454] - self.mesh[234]))
        eyes = float(np.linalg.norm(self.mesh[263] - self.mesh[33]))
        return 0.5 * ears + 0.75 * eyes

    @property
    def points(self) -> NDArray[np.float32]:
        """(5, 2) points in ArcFace's order: left eye, right eye, nose, left and right mouth corner, as seen upright.

        The detector's where it gave some, else those of the mesh.
        """
        if self.keypoints is not None:
            return self.keypoints
        # The person's right eye is the left one in the picture.
        left, right = self.mesh[RIGHT_IRIS[0], :2], self.mesh[LEFT_IRIS[0], :2]
        return np.stack([left, right, self.mesh[4, :2], self.mesh[61, :2], self.mesh[291, :2]])

    @property
    def roll(self) -> float:
        """Tilt of the head in the picture plane in degrees, clockwise positive, -180 to 180."""
        dx, dy = (self.mesh[263] - self.mesh[33])[:2]
        return float(np.degrees(np.arctan2(dy, dx)))
