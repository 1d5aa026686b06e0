"""What the engine keeps of the person whose face is put in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.grid import Grid
from facefusion_cli.core.faces.surface import vertex_normals, with_ring
from facefusion_cli.core.faceswap.lab import to_lab
from facefusion_cli.core.faceswap.mesh.features import eye_openness, feature_area, mouth_openness
from facefusion_cli.core.faceswap.mesh.glasses import frame_contrast, wears_glasses
from facefusion_cli.core.faceswap.mesh.skin import skin_maps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["RING_SCALE", "MeshIdentity"]

RING_SCALE = 1.18
"""Size of the ring around the face oval; what lies between only ever fades."""


@dataclass(frozen=True, slots=True, eq=False)
class MeshIdentity:
    """The source face: its pixels, its mesh and how far each pixel can be trusted to be face."""

    picture: NDArray[np.uint8]
    """(h, w, 3) BGR, the surroundings of the face at their own resolution."""
    mesh: NDArray[np.float32]
    """(478, 3) in pixels of ``picture``."""
    size: float
    """Width of the face in pixels."""
    facing: NDArray[np.float32]
    """(468,) third component of the normals."""
    trust: NDArray[np.float32]
    """(rows, columns) on a grid over ``picture``: 1 skin, eyes, brows, nose and lips; 0 hair, hands, hats."""
    mouth: float
    """How far the mouth is open (``mouth_openness``)."""
    eyes: tuple[float, float]
    """How far the eyes are open (``eye_openness``)."""
    glasses: bool

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user: what to expect of this source."""
        turned = "the source's head is turned away: the side it hides is guessed from the other."
        glasses = "the source seems to wear glasses: they come along, and end where the face does."
        one_cheek = bool(self.facing[[50, 280]].min() < 0.3)
        return (turned,) * one_cheek + (glasses,) * self.glasses

    @property
    def trust_scale(self) -> NDArray[np.float32]:
        """(2,) pixels of ``trust`` per pixel of ``picture``, x and y."""
        height, width = self.picture.shape[:2]
        return np.array([self.trust.shape[1] / width, self.trust.shape[0] / height], np.float32)

    def at(self, size: float, tolerance: float) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """The picture reduced, by area, so that the face is ``size`` pixels wide, and the (2,) scale that took.

        Left as it is where the reduction would be less than to ``tolerance``: sampling alone does that well.
        """
        factor = size / self.size
        if factor >= tolerance:
            return self.picture, np.ones(2, np.float32)
        height, width = self.picture.shape[:2]
        reduced_size = max(2, round(width * factor)), max(2, round(height * factor))
        reduced = cv2.resize(self.picture, reduced_size, interpolation=cv2.INTER_AREA)
        scale = np.array([reduced_size[0] / width, reduced_size[1] / height], np.float32)
        return reduced.astype(np.uint8, copy=False), scale

    @classmethod
    def take(cls, picture: NDArray[np.uint8], face: Face) -> MeshIdentity:
        """Cut the face out of (H, W, 3) BGR ``picture``."""
        height, width = picture.shape[:2]
        ring = with_ring(face.mesh, RING_SCALE)[:, :2]
        grid = Grid.around(ring, (width, height), 0.05 * face.size)
        points = grid.points(face.mesh[:, :2])
        face_size = face.size * grid.scale
        facing = vertex_normals(face.mesh)[:, 2]
        lab = to_lab(grid.reduce(picture))
        strict, lenient = skin_maps(lab, points, facing, face_size)
        trust = np.maximum((strict + lenient) / 2, feature_area(grid.size, points, face_size))
        corner = np.array([grid.x, grid.y, 0], np.float32)
        return cls(
            picture=grid.crop(picture).copy(),
            mesh=face.mesh - corner,
            size=face.size,
            facing=facing,
            trust=trust,
            mouth=mouth_openness(face.mesh),
            eyes=eye_openness(face.mesh),
            glasses=wears_glasses(frame_contrast(lab, points, face_size)),
        )
