"""Whether a face wears glasses, as far as lines tell that no bare face has."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import rise
from facefusion_cli.core.faces.topology import OVAL
from facefusion_cli.core.faces.warp import sample
from facefusion_cli.core.faceswap.mesh.features import fill

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["frame_contrast", "glasses_share", "hide_ends", "wears_glasses"]

# Down the bridge of the nose, and from each lower lid to the cheek: a frame crosses all three.
_PATHS = ((9, 168, 6, 197), (145, 230, 119, 101), (374, 450, 348, 330))
_LARGEST_END = 0.025
"""Largest area of an end of a frame in squared widths of the face."""
_STEP = 0.01
"""Distance of the samples along a path, in widths of the face."""
_FRAME = 3
"""Samples from the middle of a frame's line to the skin beside it."""
_CONTRAST = 8.5
"""Difference in L*a*b* between a frame and the skin on both sides. Bare faces reach 8 on one path, never on all."""
_DOUBT = 8.0, 9.5
"""The same up to which there is no frame, and from which there is no doubt left."""


def wears_glasses(contrast: float) -> bool:
    """Whether a ``frame_contrast`` is that of glasses."""
    return contrast >= _CONTRAST


def glasses_share(contrast: float) -> float:
    """How surely a ``frame_contrast`` is that of glasses, 0 to 1: ``wears_glasses`` for what must not jump."""
    return rise(contrast, *_DOUBT)


def frame_contrast(lab: NDArray[np.float32], points: NDArray[np.float32], face_size: float) -> float:
    """How far a frame stands out from the skin on both sides, in L*a*b*, where it does so least; 0 for none.

    Strong frames are found; rimless and very thin ones are not.

    Args:
        lab: (h, w, 3) L*a*b* of the face.
        points: (478, 2) its mesh in pixels of ``lab``.
        face_size: width of the face in pixels of ``lab``.
    """
    smooth = cv2.GaussianBlur(lab, (0, 0), max(0.012 * face_size, 0.5))
    across = _across(points)
    offsets = np.linspace(-0.04, 0.04, 5)[:, None, None] * face_size * across
    least = np.inf
    for number, path in enumerate(_PATHS):
        places = _along(points[list(path)], _STEP * face_size)
        lines = sample(smooth, (places + offsets).astype(np.float32), cv2.INTER_LINEAR)
        line = np.median(lines, axis=0)
        if number > 0:
            # The lid's own shadow is no frame.
            line = line[len(line) // 4 :]
        if len(line) <= 2 * _FRAME:
            return 0.0
        middle, sides = line[_FRAME:-_FRAME], (line[: -2 * _FRAME] + line[2 * _FRAME :]) / 2
        least = min(least, float(np.linalg.norm(middle - sides, axis=1).max()))
    return least


def hide_ends(
    bgr: NDArray[np.uint8], lab: NDArray[np.float32], points: NDArray[np.float32], face_size: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Paint skin over the ends of a dark frame, which a new face would leave standing at its edge.

    Only small dark pieces inside the face and beside the eyes are touched: what is larger may be hair.

    Args:
        bgr: (h, w, 3) the face.
        lab: (h, w, 3) the same in L*a*b*.
        points: (478, 2) its mesh in pixels of ``bgr``.
        face_size: width of the face in pixels of ``bgr``.

    Returns:
        (h, w, 3) float32 0 to 255, the painted face, and (h, w) 0 to 1, where it is painted.
    """
    size = bgr.shape[1], bgr.shape[0]
    oval = points[list(OVAL)]
    inside = fill(size, oval.mean(axis=0) + (oval - oval.mean(axis=0)) * np.float32(1.06), [range(len(OVAL))]) > 0.5
    cheeks = sample(lab, points[None, [50, 280]], cv2.INTER_LINEAR)[..., 0].mean()
    dark = inside & (lab[..., 0] < 0.62 * cheeks)
    across = _across(points)
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    ends = np.zeros(size[::-1], np.uint8)
    for corner, outwards in ((33, -1), (263, 1)):
        dx, dy = x - points[corner, 0], y - points[corner, 1]
        out, up = outwards * (dx * across[0] + dy * across[1]), dx * across[1] - dy * across[0]
        piece = (dark & (out > 0.04 * face_size) & (up > -0.06 * face_size) & (up < 0.16 * face_size)).astype(np.uint8)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(piece, connectivity=8)
        for label in range(1, len(stats)):
            if stats[label, cv2.CC_STAT_AREA] < _LARGEST_END * face_size**2:
                ends[labels == label] = 1
    reach = max(1, round(0.02 * face_size))
    mask = cv2.dilate(ends, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    painted = cv2.inpaint(bgr, mask, max(2.0, 0.02 * face_size), cv2.INPAINT_TELEA).astype(np.float32)
    cover = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), max(0.4 * reach, 0.5))
    # Beyond these pixels the picture goes on as it was: nothing may end abruptly there.
    return painted, (cover * _fading_to_the_border(size, 0.04 * face_size)).astype(np.float32, copy=False)


def _fading_to_the_border(size: tuple[int, int], width: float) -> NDArray[np.float32]:
    """(h, w) 0 on the outermost pixels, rising to 1 ``width`` pixels further in."""
    ramps = [np.clip(np.minimum(np.arange(n), np.arange(n)[::-1]) / max(width, 1.0), 0, 1) for n in size]
    return np.minimum(ramps[0][None, :], ramps[1][:, None]).astype(np.float32)


def _across(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2,) unit vector from the outer corner of the person's right eye to that of the left."""
    line = points[263] - points[33]
    unit: NDArray[np.float32] = line / np.float32(max(float(np.linalg.norm(line)), 1e-6))
    return unit


def _along(points: NDArray[np.float32], step: float) -> NDArray[np.float32]:
    """(N, 2) places at about every ``step`` pixels of a path through points."""
    pieces = []
    for start, end in pairwise(points):
        count = max(2, int(np.linalg.norm(end - start) / max(step, 1e-6)))
        pieces.append(start + (end - start) * np.linspace(0, 1, count, endpoint=False)[:, None])
    return np.concatenate(pieces).astype(np.float32)
