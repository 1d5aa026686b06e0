"""What is skin, learnt from the face itself: no tone is built in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.topology import OVAL
from facefusion_cli.core.faceswap.mesh.features import fill, inner_features

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SkinModel", "skin_maps"]

# Inner cheeks of either side and the bridge of the nose: skin on almost any face, whatever the hair, beard or hat.
_CHEEKS = (
    (118, 119, 120, 100, 142, 203, 206, 205, 50),
    (347, 348, 349, 329, 371, 423, 426, 425, 280),
)
_NOSE = (168, 197, 195, 5, 4)


@dataclass(frozen=True, slots=True, eq=False)
class SkinModel:
    """A Gaussian in L*a*b* around the colours of one face's own skin, forgiving in brightness."""

    mean: NDArray[np.float64]
    """(3,) L*, a*, b*."""
    whitening: NDArray[np.float32]
    """(3, 3) takes differences from the mean, as rows, to where their spread is one in every direction."""

    @classmethod
    def learn(cls, lab: NDArray[np.float32], mesh: NDArray[np.float32], facing: NDArray[np.float32]) -> SkinModel:
        """Learn from a small picture of the face.

        Args:
            lab: (h, w, 3) L*a*b*.
            mesh: (478, 2 or more) points in pixels of ``lab``.
            facing: (468,) third component of the normals; cheeks that look away are left out.
        """
        height, width = lab.shape[:2]
        mask = np.zeros((height, width), np.uint8)
        for cheek in _CHEEKS:
            if facing[list(cheek)].mean() > 0.35:
                cv2.fillPoly(mask, [np.rint(mesh[list(cheek), :2]).astype(np.int32)], 1)
        thickness = max(1, round(float(np.linalg.norm(mesh[133, :2] - mesh[362, :2])) * 0.2))
        cv2.polylines(mask, [np.rint(mesh[list(_NOSE), :2]).astype(np.int32)], False, 1, thickness)
        samples = lab[mask > 0].astype(np.float64)
        if len(samples) < 16:
            box = np.rint(mesh[:468, :2]).astype(int).clip(0, [width - 1, height - 1])
            samples = lab[box[:, 1], box[:, 0]].astype(np.float64)
        deviation = np.abs(samples - np.median(samples, axis=0))
        spread = np.median(deviation, axis=0) * 1.4826 + 1e-3
        kept = samples[(deviation < 2.5 * spread + 0.5).all(axis=1)]
        if len(kept) < 16:
            kept = samples
        return cls._fit(kept)

    def grown(self, lab: NDArray[np.float32], region: NDArray[np.bool_]) -> SkinModel:
        """The model learnt again from all that it takes for skin inside ``region`` (h, w).

        It then knows the shaded side of the face too, and is more easily taken in by hair.
        """
        samples = lab[region & (self.probability(lab) > 0.5)].astype(np.float64)
        return self._fit(samples) if len(samples) >= 64 else self

    @classmethod
    def _fit(cls, samples: NDArray[np.float64]) -> SkinModel:
        covariance = np.cov(samples.T) * 2 + np.diag([60.0, 6.0, 6.0])
        return cls(samples.mean(axis=0), np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32))

    def probability(self, lab: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w) 1 where ``lab`` (h, w, 3) is surely this skin, 0 where it surely is not."""
        difference = lab - self.mean.astype(np.float32)
        # Light and shadow move along L far more than another material would have to.
        lightness = difference[..., 0]
        lightness *= np.where(lightness > 0, np.float32(0.4), np.float32(0.6))
        # The Mahalanobis distance is a plain one after whitening.
        distance = np.linalg.norm(difference @ self.whitening, axis=2)
        t = np.clip((distance - 2.2) / (3.6 - 2.2), 0, 1)
        probability: NDArray[np.float32] = (1 - t * t * (3 - 2 * t)).astype(np.float32)
        return probability


def skin_maps(
    lab: NDArray[np.float32], points: NDArray[np.float32], facing: NDArray[np.float32], face_size: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two opinions on where a face shows skin, (h, w) each, softened: a strict one and a lenient one.

    Args:
        lab: (h, w, 3) L*a*b* of the face.
        points: (478, 2) its mesh in pixels of ``lab``.
        facing: (468,) third component of the normals.
        face_size: width of the face in pixels of ``lab``.
    """
    size = lab.shape[1], lab.shape[0]
    strict = SkinModel.learn(lab, points, facing)
    inside = fill(size, points, [OVAL]) * (1 - inner_features(size, points, face_size))
    lenient = strict.grown(lab, inside > 0.5)
    sigma = max(0.03 * face_size, 0.5)
    maps = [cv2.GaussianBlur(model.probability(lab), (0, 0), sigma) for model in (strict, lenient)]
    return maps[0].astype(np.float32, copy=False), maps[1].astype(np.float32, copy=False)
