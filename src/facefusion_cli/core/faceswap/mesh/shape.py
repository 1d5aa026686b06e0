"""Where the corners of the new face go: the target's pose with some of the source's proportions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.topology import OVAL

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MOUTH_MIX", "SHAPE_MIX", "align", "mix_shapes"]

SHAPE_MIX = 0.5
"""Share of the source's proportions: 0 loses the likeness, 1 drags in the source's expression."""
MOUTH_MIX = 0.25
"""The same around the mouth, where expressions live."""


def align(moving: NDArray[np.float32], fixed: NDArray[np.float32]) -> NDArray[np.float32]:
    """``moving`` (478, 3) under the similarity (rotation, scale, shift) that brings it nearest to ``fixed`` (478, 3).

    Least squares by singular value decomposition (Umeyama, 1991) over the first 468 points; the irises, which
    wander with the gaze, only follow.
    """
    a, b = moving[:468].astype(np.float64), fixed[:468].astype(np.float64)
    a_mean, b_mean = a.mean(axis=0), b.mean(axis=0)
    a, b = a - a_mean, b - b_mean
    u, values, vt = np.linalg.svd(b.T @ a)
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * sign) @ vt
    scale = float((values * sign).sum() / (a * a).sum())
    aligned: NDArray[np.float32] = ((moving - a_mean) @ rotation.T * scale + b_mean).astype(np.float32)
    return aligned


def mix_shapes(target: NDArray[np.float32], source: NDArray[np.float32], mouth_mix: float) -> NDArray[np.float32]:
    """The mesh (478, 3) to draw: the target's, drawn towards the source's inside the face, unchanged on its oval.

    ``mouth_mix`` is the share of the source's proportions around the mouth.
    """
    weight = SHAPE_MIX * _inside(target)
    centre, width = (target[61] + target[291]) / 2, float(np.linalg.norm(target[61] - target[291]))
    distance = np.linalg.norm(target - centre, axis=1) / max(width, 1e-6)
    near_mouth = 1 - np.clip((distance - 0.45) / 0.5, 0, 1)
    weight *= 1 + (mouth_mix / SHAPE_MIX - 1) * near_mouth
    return (target + weight[:, None] * (align(source, target) - target)).astype(np.float32)


def _inside(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """(478,) 0 on the face oval and outside, rising to 1 well inside it."""
    oval = mesh[list(OVAL), :2].reshape(-1, 1, 2)
    distance = np.array([cv2.pointPolygonTest(oval, (float(x), float(y)), True) for x, y, _ in mesh])
    distance = np.maximum(distance, 0)
    full = max(float(np.percentile(distance, 90)), 1e-6)
    weight: NDArray[np.float32] = (np.clip(distance / full, 0, 1) ** 0.7).astype(np.float32)
    return weight
