"""Eyes, nose and mouth: where they are on a grid and how far they are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import rise
from facefusion_cli.core.faces.topology import LEFT_BROW, LEFT_EYE, OUTER_LIPS, RIGHT_BROW, RIGHT_EYE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "eye_openness",
    "eye_shut",
    "feature_area",
    "fill",
    "inner_features",
    "mouth_open",
    "mouth_openness",
]

_EYE = 0.11, 0.17
"""Height over width of an eye up to which it is shut, and from which it is open."""
_MOUTH = 0.03, 0.16
"""Openness of a mouth (``mouth_openness``) up to which the lips touch, and from which teeth have room between them."""

# Sockets from the brows to the cheekbones, so that a pair of glasses comes along whole.
_RIGHT_SOCKET = (*RIGHT_BROW, *RIGHT_EYE, 226, 31, 228, 229, 230, 231, 232, 233, 111, 117, 118, 119, 120, 121)
_LEFT_SOCKET = (*LEFT_BROW, *LEFT_EYE, 446, 261, 448, 449, 450, 451, 452, 453, 340, 346, 347, 348, 349, 350)
_BRIDGE = (55, 285, 168, 122, 351, 6)
_NOSE = (168, 122, 351, 198, 420, 129, 358, 98, 327, 2, 48, 278, 64, 294)
# Moustache and chin: a beard is part of a face, and no reason to doubt it.
_BEARD = (98, 2, 327, 216, 436, 212, 432, 202, 422, 171, 396, 199)


def _distance(mesh: NDArray[np.float32], a: int, b: int) -> float:
    return float(np.linalg.norm(mesh[a] - mesh[b]))


def eye_openness(mesh: NDArray[np.float32]) -> tuple[float, float]:
    """Height over width of the person's right and left eye, measured in three dimensions; about 0.3 when open."""
    right = _distance(mesh, 159, 145) / max(_distance(mesh, 33, 133), 1e-6)
    left = _distance(mesh, 386, 374) / max(_distance(mesh, 263, 362), 1e-6)
    return right, left


def mouth_openness(mesh: NDArray[np.float32]) -> float:
    """Gap between the lips over the width of the inner mouth; 0 when closed, above 0.12 clearly open."""
    return _distance(mesh, 13, 14) / max(_distance(mesh, 78, 308), 1e-6)


def eye_shut(openness: float) -> float:
    """How far an eye counts as shut, 1 to 0, by its ``eye_openness``."""
    return 1 - rise(openness, *_EYE)


def mouth_open(openness: float) -> float:
    """How far a mouth counts as open, 0 to 1, by its ``mouth_openness``."""
    return rise(openness, *_MOUTH)


def fill(
    size: tuple[int, int],
    points: NDArray[np.float32],
    rings: Sequence[Sequence[int]],
    *,
    grow: float = 0.0,
    soft: float = 0.0,
    hull: bool = False,
) -> NDArray[np.float32]:
    """Areas inside rings of points, (h, w) float32 0 to 1.

    ``points`` (N, 2) in pixels of the grid of ``size`` (width, height); ``grow`` widens the areas by pixels, ``soft``
    is the sigma in pixels of their edge; with ``hull`` the rings may be loose sets of points.
    """
    mask = np.zeros(size[::-1], np.uint8)
    for ring in rings:
        outline = cv2.convexHull(points[list(ring)])[:, 0] if hull else points[list(ring)]
        polygon = np.rint(outline * 16).astype(np.int32)
        cv2.fillPoly(mask, [polygon], 255, lineType=cv2.LINE_AA, shift=4)
        if grow > 0:
            cv2.polylines(mask, [polygon], True, 255, max(1, round(2 * grow)), cv2.LINE_AA, shift=4)
    field = mask.astype(np.float32) / np.float32(255)
    return cv2.GaussianBlur(field, (0, 0), soft).astype(np.float32, copy=False) if soft > 0 else field


def feature_area(size: tuple[int, int], points: NDArray[np.float32], face_size: float) -> NDArray[np.float32]:
    """(h, w) what is face without being skin, and must not be judged as skin: eye sockets, nose, lips, beard."""
    sets = (_RIGHT_SOCKET, _LEFT_SOCKET, _BRIDGE, _NOSE, OUTER_LIPS, _BEARD)
    return fill(size, points, sets, grow=0.02 * face_size, soft=max(0.03 * face_size, 0.5), hull=True)


def inner_features(size: tuple[int, int], points: NDArray[np.float32], face_size: float) -> NDArray[np.float32]:
    """(h, w) eyes, brows and lips, whose colours say nothing about the light on the skin."""
    rings = (LEFT_EYE, RIGHT_EYE, LEFT_BROW, RIGHT_BROW, OUTER_LIPS)
    return fill(size, points, rings, grow=0.02 * face_size, soft=max(0.01 * face_size, 0.5))
