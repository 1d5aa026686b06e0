"""Looking for a face where it must be: large and upright in a crop of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from facefusion_cli.core.faces.mesh import CROP_SIZE, region_of_mesh
from facefusion_cli.core.faces.warped import cut_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["QuickFinder", "look_near"]

_WIDTH = 1.8  # of the crop over the mesh's region, which has a margin around the face already
_LARGEST = 640  # pixels of the crop


class QuickFinder(Protocol):
    """The part of a finder that is needed here."""

    def look(self, picture: NDArray[np.uint8]) -> list[Face]:
        """One quick look."""
        ...


def look_near(finder: QuickFinder, picture: NDArray[np.uint8], mesh: NDArray[np.float32]) -> list[Face]:
    """The faces seen around a (478, 3) mesh in a (H, W, 3) BGR picture, however small or tilted, nearest first.

    Their coordinates are pixels of the picture; their meshes come from a crop of at most 640 pixels.
    """
    region = region_of_mesh(mesh)
    region = replace(region, side=region.side * _WIDTH)
    size = min(_LARGEST, max(CROP_SIZE, round(region.side)))
    pixel = region.side / size
    cos, sin = (pixel * float(value) for value in (np.cos(region.angle), np.sin(region.angle)))
    middle = (size - 1) / 2
    matrix = np.array([[cos, -sin, region.x - (cos - sin) * middle], [sin, cos, region.y - (sin + cos) * middle]])
    crop = cut_square(picture, matrix, size, border=cv2.BORDER_CONSTANT)
    centre = np.array([region.x, region.y])

    def back(points: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(points @ matrix[:, :2].T + matrix[:, 2], np.float32)

    found = [
        replace(
            face,
            mesh=np.column_stack([back(face.mesh[:, :2]), face.mesh[:, 2] * np.float32(pixel)]),
            keypoints=None if face.keypoints is None else back(face.keypoints),
        )
        for face in finder.look(crop)
    ]
    return sorted(found, key=lambda face: float(np.linalg.norm(face.mesh[:, :2].mean(axis=0) - centre)))
