"""ArcFace's five points, told from a mesh where no detector made for them has seen the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.alignment import arcface_matrix
from facefusion_cli.core.faces.topology import LEFT_EYE, RIGHT_EYE

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["points_of_mesh"]

_OFFSETS = np.array([[-0.4, -0.7], [0.4, -0.7], [0.0, 0.6], [-0.1, -0.5], [0.1, -0.5]])
"""From the mesh's places to SCRFD's, in pixels of ArcFace's 112-pixel template.

The mean over nine persons, 105 meshes in all, from three pictures and the frames of a video, mirrored, turned and
scaled as well. Between persons the points differ by another 1.1 pixels. The eyes are the middles of their lids, which
lie nearer to what SCRFD means (off by 1.0) than the irises (1.6), and do not move with the gaze.
"""


def points_of_mesh(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """(5, 2) points, about where SCRFD would put them on the face of a (478, 3) mesh."""
    flat = mesh[:, :2].astype(np.float64)
    # The person's right eye is the left one in the picture.
    eyes = flat[list(RIGHT_EYE)].mean(axis=0), flat[list(LEFT_EYE)].mean(axis=0)
    points = np.stack([*eyes, flat[4], flat[61], flat[291]])
    linear = arcface_matrix(points.astype(np.float32))[:, :2]
    return np.asarray(points + _OFFSETS @ np.linalg.inv(linear).T, np.float32)
