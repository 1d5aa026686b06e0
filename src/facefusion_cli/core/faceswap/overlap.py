"""Faces one before another: what lies behind a nearer head does not show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.media.patch import Patch

__all__ = ["Cover", "covers", "head_outline", "uncovered"]

_WIDER, _HIGHER = 0.35, 0.75
"""By how much a head with its hair reaches beyond the mesh, over the distance from the middle: around, and up."""
_SKULL = 0.62
"""Radius over the face's width of what lies around the middle between the ears; seen where a head is turned."""
_SOFT = 0.04
"""Sigma of the edge over the width of the nearer face."""
_FINE = 48.0
"""Width in pixels at which the nearer face is drawn: nothing in its outline is finer."""
_NEARER = (1.0, 1.1)
"""Width of a face over another's from which it may lie before it, and surely does if they meet."""
_GROWN = (1.15, 1.4)
"""The same for how much of the head around it does: faces of one size may be cheek to cheek."""
_WITHIN = (0.5, 0.75)
"""Share of a small face on a large one from which the small one must lie before it, or it would not be seen."""
_TOUCHING = 0.03
"""Share of a face that has to be covered for the cover to be drawn in full."""
_REACH = 1.0
"""Widths of a face within which all of its head lies, beyond its mesh."""
_FAR = 2**14
"""Coordinates that OpenCV can draw with, four bits behind the point."""


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """A head before a face."""

    outline: NDArray[np.float32]
    """(N, 2) convex, pixels of the picture."""
    width: float
    """Of its face, in pixels."""
    share: float
    """0 to 1: how much of what lies behind is hidden."""


def covers(faces: Sequence[Face], known: Collection[tuple[int, int]] = ()) -> list[tuple[Cover, ...]]:
    """For each face of one picture the heads before it that hide some of it; nothing for most.

    The wider of two faces is taken for the nearer, unless the other lies for the most part on it. What is hidden grows
    and shrinks steadily with places and widths, so that nothing jumps from frame to frame.

    Args:
        faces: all that the picture shows, also those that stay as they are.
        known: places in ``faces`` of nearer and farther ones of which that is known, whatever their widths.
    """
    if len(faces) < 2:
        return [()] * len(faces)
    sizes = [face.size for face in faces]
    boxes = np.array([face.box for face in faces])
    reach = _REACH * np.array(sizes)
    hulls: dict[int, NDArray[np.float32]] = {}
    found: list[list[Cover]] = [[] for _ in faces]
    for far, (x1, y1, x2, y2) in enumerate(boxes):
        meets = (boxes[:, 0] - reach < x2) & (boxes[:, 2] + reach > x1)
        meets &= (boxes[:, 1] - reach < y2) & (boxes[:, 3] + reach > y1)
        for near in np.flatnonzero(meets).tolist():
            if near == far or (far, near) in known:
                continue
            for one in (near, far):
                if one not in hulls:
                    hulls[one] = _hull(faces[one].mesh[:, :2])
            share, grown = 1.0, 1.0
            if (near, far) not in known:
                share, grown = _guess(sizes[near] / sizes[far], hulls[near], hulls[far])
            if share <= 0:
                continue
            outline = head_outline(faces[near], grown)
            share *= _ramp(_common(hulls[far], outline) / _area(hulls[far]), 0.0, _TOUCHING)
            if share > 0:
                found[far].append(Cover(outline, sizes[near], share))
    return [tuple(each) for each in found]


def uncovered(patch: Patch, over: Sequence[Cover]) -> Patch:
    """The patch without what lies behind ``over``; the same object if nothing does."""
    alpha = patch.alpha
    for cover in over:
        hidden = _drawn(cover, patch)
        if hidden is not None:
            alpha = alpha * (1 - np.float32(cover.share) * hidden)
    return patch if alpha is patch.alpha else replace(patch, alpha=alpha)


def head_outline(face: Face, grown: float = 1.0) -> NDArray[np.float32]:
    """(N, 2) the convex outline of the head with its hair, as far as the mesh tells; at ``grown`` 0 that of the mesh."""
    points = face.mesh[:, :2].astype(np.float64)
    middle = points.mean(axis=0)
    up = points[10] - points[152]
    up /= max(float(np.linalg.norm(up)), 1e-6)
    offsets = points - middle
    higher = np.maximum(offsets @ up, 0)[:, None] * up
    head = middle + offsets * (1 + _WIDER * grown) + higher * ((_HIGHER - _WIDER) * grown)
    ears = (points[234] + points[454]) / 2
    turns = np.linspace(0, 2 * np.pi, 32, endpoint=False)
    ring = _SKULL * face.size * np.stack([np.cos(turns), np.sin(turns)], axis=1)
    skull = middle + grown * (ears + ring - middle)
    return _hull(np.concatenate([head, skull]))


def _guess(ratio: float, near: NDArray[np.float32], far: NDArray[np.float32]) -> tuple[float, float]:
    """How surely a face so much wider than another lies before it, and how much of the head around it counts."""
    if ratio > 1:
        sure = _ramp(ratio, *_NEARER)
        within = _ramp(_common(far, near) / _area(far), *_WITHIN) if sure > 0 else 0.0
        return sure * (1 - within), _ramp(ratio, *_GROWN)
    sure = _ramp(1 / ratio, *_GROWN)
    within = _ramp(_common(far, near) / _area(near), *_WITHIN) if sure > 0 else 0.0
    return sure * within, sure


def _drawn(cover: Cover, patch: Patch) -> NDArray[np.float32] | None:
    """(h, w) how far each pixel of the patch lies within the outline, 0 to 1, softly; None if none does."""
    height, width = patch.alpha.shape
    soft = _SOFT * cover.width
    low, high = cover.outline.min(axis=0) - 4 * soft, cover.outline.max(axis=0) + 4 * soft
    if (high < (patch.x, patch.y)).any() or (low > (patch.x + width, patch.y + height)).any():
        return None
    scale = min(1.0, _FINE / cover.width)
    margin = int(np.ceil(4 * soft * scale)) + 1  # so that the blur sees what lies around the rectangle
    size = (int(np.ceil(width * scale)) + 2 * margin, int(np.ceil(height * scale)) + 2 * margin)
    small = np.zeros(size[::-1], np.uint8)
    places = (cover.outline - np.float32([patch.x, patch.y])) * scale + margin
    cv2.fillConvexPoly(small, np.rint(places.clip(-_FAR, _FAR) * 16).astype(np.int32), 255, cv2.LINE_AA, shift=4)
    blurred = cv2.GaussianBlur(small.astype(np.float32), (0, 0), max(soft * scale, 0.5))
    blurred *= np.float32(1 / 255)
    # What is nearly all or nothing of it is.
    blurred = np.clip(blurred * np.float32(1.04) - np.float32(0.02), 0, 1)
    if not blurred.any():
        return None
    matrix = np.array([[scale, 0, margin], [0, scale, margin]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(blurred, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )


def _ramp(value: float, low: float, high: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


def _hull(points: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.asarray(cv2.convexHull(points.astype(np.float32))[:, 0], np.float32)


def _area(outline: NDArray[np.float32]) -> float:
    return max(float(cv2.contourArea(outline)), 1.0)


def _common(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Area in pixels that two convex outlines share."""
    return float(cv2.intersectConvexConvex(one, other)[0])
