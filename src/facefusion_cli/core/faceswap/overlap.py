"""Faces one before another: what lies behind a nearer head does not show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.outline import BITS, drawn, hull
from facefusion_cli.core.faces.ramp import rise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.media.patch import Patch

__all__ = ["Cover", "area", "common", "covers", "head_outline", "lies_on", "uncovered"]

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
_ON = 0.6
"""Share of a small face on a large one from which the small one must lie before it, or it would not be seen."""
_TOUCHING = 0.06
"""Share of a face that has to be covered for the cover to be drawn in full."""
_REACH = 0.5
"""Widths of a face beyond its mesh within which all of its head lies."""


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

    The wider of two faces is taken for the nearer where nothing better is ``known``. What is hidden grows and shrinks
    steadily with places and widths, so that nothing jumps from frame to frame.

    Args:
        faces: all that the picture shows, also those that stay as they are.
        known: places in ``faces`` of nearer and farther ones of which that is known, whatever their widths.
    """
    sizes = [face.size for face in faces] if len(faces) > 1 else []
    found: list[list[Cover]] = [[] for _ in faces]
    for one, other in _neighbours(faces, sizes):
        for near, far in ((one, other), (other, one)):
            if (far, near) in known:
                continue
            ratio = sizes[near] / sizes[far]
            sure = (near, far) in known
            share = 1.0 if sure else rise(ratio, *_NEARER)
            if share > 0:
                outline = head_outline(faces[near], 1.0 if sure else rise(ratio, *_GROWN))
                behind = hull(faces[far].mesh[:, :2])
                share *= rise(common(behind, outline) / area(behind), 0.0, _TOUCHING)
            if share > 0:
                found[far].append(Cover(outline, sizes[near], share))
    return [tuple(each) for each in found]


def lies_on(faces: Sequence[Face]) -> list[tuple[int, int]]:
    """Places in ``faces`` of small ones that lie for the most part on a larger one, and of that one.

    As a picture held before a face does, or a person before a screen: behind it they would not be seen.
    """
    sizes = [face.size for face in faces] if len(faces) > 1 else []
    found = []
    for pair in _neighbours(faces, sizes):
        small, large = sorted(pair, key=sizes.__getitem__)
        if sizes[large] >= _GROWN[0] * sizes[small]:
            inside = hull(faces[small].mesh[:, :2])
            if common(inside, hull(faces[large].mesh[:, :2])) >= _ON * area(inside):
                found.append((small, large))
    return found


def _neighbours(faces: Sequence[Face], sizes: Sequence[float]) -> Iterator[tuple[int, int]]:
    """Places of pairs whose heads may meet; nothing else is worth a closer look."""
    if len(faces) < 2:
        return
    boxes = np.array([face.box for face in faces])
    boxes += _REACH * np.array(sizes)[:, None] * (-1, -1, 1, 1)
    for one, (x1, y1, x2, y2) in enumerate(boxes[:-1]):
        rest = boxes[one + 1 :]
        meets = (rest[:, 0] < x2) & (rest[:, 2] > x1) & (rest[:, 1] < y2) & (rest[:, 3] > y1)
        for other in np.flatnonzero(meets).tolist():
            yield one, one + 1 + other


def uncovered(patch: Patch, over: Sequence[Cover]) -> Patch:
    """The patch without what lies behind ``over``; the same object if nothing does."""
    drawn = [(cover.share, hidden) for cover in over if (hidden := _drawn(cover, patch)) is not None]
    if not drawn:
        return patch
    alpha = patch.alpha
    for share, hidden in drawn:
        alpha = alpha * (1 - np.float32(share) * hidden)
    return replace(patch, mask=alpha)


def head_outline(face: Face, grown: float = 1.0) -> NDArray[np.float32]:
    """(N, 2) the convex outline of a head with its hair, guessed from the mesh; at ``grown`` 0 that of the mesh."""
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
    return hull(np.concatenate([head, skull]))


def area(outline: NDArray[np.float32]) -> float:
    """Of what an outline (N, 2) encloses, at least 1."""
    return max(float(cv2.contourArea(outline)), 1.0)


def common(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Area that two convex outlines (N, 2) share."""
    return float(cv2.intersectConvexConvex(one, other)[0])


def _drawn(cover: Cover, patch: Patch) -> NDArray[np.float32] | None:
    """(h, w) how far each pixel of the patch lies within the outline, 0 to 1, softly; None if none does."""
    height, width = patch.mask.shape
    soft = _SOFT * cover.width
    low, high = cover.outline.min(axis=0) - 4 * soft, cover.outline.max(axis=0) + 4 * soft
    if (high < (patch.x, patch.y)).any() or (low > (patch.x + width, patch.y + height)).any():
        return None
    scale = min(1.0, _FINE / cover.width)
    margin = int(np.ceil(4 * soft * scale)) + 1  # so that the blur sees what lies around the rectangle
    size = (int(np.ceil(width * scale)) + 2 * margin, int(np.ceil(height * scale)) + 2 * margin)
    small = np.zeros(size[::-1], np.uint8)
    places = (cover.outline - np.array([patch.x, patch.y])) * scale + margin
    cv2.fillConvexPoly(small, drawn(places), 255, cv2.LINE_AA, shift=BITS)
    blurred = cv2.GaussianBlur(small.astype(np.float32), (0, 0), max(soft * scale, 0.5))
    # What is nearly all or nothing of it is.
    blurred = np.clip(blurred * np.float32(1.04 / 255) - np.float32(0.02), 0, 1)
    if not blurred.any():
        return None
    matrix = np.array([[scale, 0, margin], [0, scale, margin]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(
        cv2.warpAffine(blurred, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
    )
