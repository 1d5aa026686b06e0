"""Where the new face shows: soft, inside the oval, below the hair, around what is in front of the face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import rise, smoothstep
from facefusion_cli.core.faces.topology import INNER_LIPS, LEFT_EYE, OUTER_LIPS, OVAL, RIGHT_EYE
from facefusion_cli.core.faceswap.distance import distance_to_edge
from facefusion_cli.core.faceswap.mesh.features import (
    eye_openness,
    eye_shut,
    feature_area,
    fill,
    mouth_open,
    mouth_openness,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faceswap.mesh.source import MeshIdentity

__all__ = ["face_alpha", "mouth_area"]

# Its outline as a turned head shows it.
_NOSE = (168, 6, 197, 195, 5, 4, 1, 19, 94, 2, 98, 327, 129, 358, 48, 278)

_FOREHEAD = 0.5
"""How far from the brows to the top of the mesh the new face reaches: above lies hair more often than skin."""
_MOUTH_SHUT = 0.05
"""Openness of the source's mouth (``mouth_openness``) above which a shut mouth would show a line of its teeth."""
_MOUTH_EMPTY = 0.10
"""Openness of the source's mouth below which it has nothing to fill an open one with."""
_LOOKED_INTO = 0.01, 0.08
"""Openness of the target's mouth up to which there is nothing to fill, and from which one looks into it."""


def face_alpha(
    size: tuple[int, int],
    points: NDArray[np.float32],
    face_size: float,
    skin: tuple[NDArray[np.float32], NDArray[np.float32]],
    reliable: NDArray[np.float32],
    mesh: NDArray[np.float32],
    identity: MeshIdentity,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How much of the new face shows in each pixel of a grid, and the shape of the face alone, both (h, w) 0 to 1.

    Args:
        size: width and height of the grid.
        points: (478, 2) the target's mesh in pixels of the grid.
        face_size: width of the face in pixels of the grid.
        skin: two (h, w) opinions on where the target shows skin, a strict and a lenient one.
        reliable: (h, w) how far the source can be trusted there.
        mesh: (478, 3) the target's mesh, for its expression.
        identity: the source, for its expression.
    """
    shape = _shape(size, points, face_size)
    alpha = shape * cv2.GaussianBlur(smoothstep(reliable, 0.3, 0.8), (0, 0), max(0.02 * face_size, 0.5))
    alpha = alpha.astype(np.float32, copy=False)
    strict, lenient = skin
    unhidden = np.maximum(smoothstep((strict + lenient) / 2, 0.05, 0.5), feature_area(size, points, face_size))
    # Hair over the forehead is finer than what else hides a face: there each pixel counts.
    alpha *= unhidden + _forehead(size, points) * (strict - unhidden)
    for ring, target, source in zip((RIGHT_EYE, LEFT_EYE), eye_openness(mesh), identity.eyes, strict=True):
        kept = abs(eye_shut(target) - eye_shut(source))
        if kept > 0:
            alpha *= 1 - kept * fill(size, points, [ring], grow=0.03 * face_size, soft=max(0.015 * face_size, 0.5))
    kept = _kept_of_mouth(mouth_openness(mesh), identity.mouth)
    if kept > 0:
        # A little of the lips stays too: the source's carry the gleam of its teeth along their edge.
        inside = fill(size, points, [INNER_LIPS], grow=0.008 * face_size, soft=max(0.008 * face_size, 0.4))
        alpha *= 1 - kept * inside
    return alpha, shape


def mouth_area(size: tuple[int, int], points: NDArray[np.float32], face_size: float) -> NDArray[np.float32]:
    """(h, w) the lips and what is between them, 0 to 1; arguments as for ``face_alpha``."""
    return fill(size, points, [OUTER_LIPS], grow=0.03 * face_size, soft=max(0.015 * face_size, 0.5))


def _kept_of_mouth(target: float, source: float) -> float:
    """How much of the inside of the target's mouth stays, 0 to 1.

    An open mouth cannot be filled from a closed one, and an open one squeezed into a closed one leaves a line of teeth.
    Only the target moves in a video: between shut and open, what stays goes gradually.
    """
    unfilled = rise(target, *_LOOKED_INTO) if source < _MOUTH_EMPTY else 0.0
    squeezed = 1 - mouth_open(target) if source > _MOUTH_SHUT else 0.0
    return max(unfilled, squeezed)


def _up(points: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Middle of the brows, unit vector up the face, and distance from the brows to the top of the mesh."""
    brow = (points[8] + points[9]) / 2
    axis = points[10] - points[152]
    axis = axis / max(float(np.linalg.norm(axis)), 1e-6)
    return brow, axis, max(float((points[10] - brow) @ axis), 1e-3)


def _shape(size: tuple[int, int], points: NDArray[np.float32], face_size: float) -> NDArray[np.float32]:
    """(h, w) the oval without the upper forehead, fading inwards."""
    oval = points[list(OVAL)].astype(np.float64)
    brow, axis, height = _up(points)
    over = np.maximum((oval - brow) @ axis - _FOREHEAD * height, 0)
    oval = oval - over[:, None] * axis
    centre = oval.mean(axis=0)
    oval = centre + (oval - centre) * 0.97
    inside = np.zeros(size[::-1], np.uint8)
    # On a turned head nose and lips reach beyond the oval.
    for outline in (oval, cv2.convexHull(points[list(_NOSE)])[:, 0], points[list(OUTER_LIPS)]):
        cv2.fillPoly(inside, [np.rint(outline * 16).astype(np.int32)], 1, shift=4)
    fading = smoothstep(distance_to_edge(inside), 0.0, max(0.09 * face_size, 2.0))
    return (cv2.GaussianBlur(fading, (0, 0), max(0.015 * face_size, 0.5)) * inside).astype(np.float32)


def _forehead(size: tuple[int, int], points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) 0 below the brows, rising to 1 a little above them."""
    brow, axis, height = _up(points)
    x = np.arange(size[0], dtype=np.float32)[None, :] - brow[0]
    y = np.arange(size[1], dtype=np.float32)[:, None] - brow[1]
    return smoothstep((x * axis[0] + y * axis[1]) / height, -0.05, 0.2)
