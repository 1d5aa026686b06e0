"""Moving pixels with a mesh: from the corners of triangles to a map for every pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["paint_triangles", "sample", "spread"]

_SUBPIXEL_BITS = 4


def paint_triangles(
    points: NDArray[np.float32], depth: NDArray[np.float32], triangles: NDArray[np.int32], size: tuple[int, int]
) -> NDArray[np.int32]:
    """Which triangle covers each pixel of a grid.

    Args:
        points: (N, 2) x, y of the corners in pixels of the grid, pixel centres at integers.
        depth: (N,) larger is farther; where triangles overlap the nearer one wins.
        triangles: (T, 3) indices into ``points``.
        size: width and height of the grid.

    Returns:
        (height, width) int32, row of ``triangles``; pixels that no triangle covers carry the one nearest to them.
    """
    width, height = size
    ids = np.full((height, width), -1, np.int32)
    fixed = np.rint(points[triangles] * (1 << _SUBPIXEL_BITS)).astype(np.int32)
    order = np.argsort(-depth[triangles].mean(axis=1), kind="stable")
    for index, corners in zip(order.tolist(), fixed[order], strict=True):
        cv2.fillConvexPoly(ids, corners, index, lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
    empty = ids < 0
    if empty.all():
        return np.zeros_like(ids)
    if empty.any():
        _, labels = cv2.distanceTransformWithLabels(
            empty.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        covered = ~empty
        owner = np.zeros(int(labels.max()) + 1, np.int32)
        owner[labels[covered]] = ids[covered]
        ids[empty] = owner[labels[empty]]
    return ids


def spread(
    ids: NDArray[np.int32],
    points: NDArray[np.float32],
    values: NDArray[np.float32],
    triangles: NDArray[np.int32],
    *,
    smooth: float = 0.8,
) -> NDArray[np.float32]:
    """Spread the values of the corners over the pixels of a grid, affine within each triangle.

    With the corners' places in another picture as values this is the map to sample that picture by.

    Args:
        ids: (height, width) from ``paint_triangles``.
        points: (N, 2) corners in pixels of the grid.
        values: (N, C) what is known at the corners.
        triangles: (T, 3) indices into both.
        smooth: sigma in pixels of the Gaussian that rounds the creases between triangles; affine fields stay as they
            are.

    Returns:
        (height, width, C) float32.
    """
    height, width = ids.shape
    affine = _affine(points, values, triangles)
    # Smoothing what differs from one affine field for all keeps the border's replication from bending anything.
    base, *_ = np.linalg.lstsq(np.c_[points, np.ones(len(points))].astype(np.float64), values.astype(np.float64))
    own = [term.take(ids, axis=0) for term in (affine - base[:, None]).astype(np.float32)]
    base = base.astype(np.float32)
    x, y = np.arange(width, dtype=np.float32)[:, None], np.arange(height, dtype=np.float32)[:, None, None]
    # Numbers of the same shape are multiplied many times as fast as such with a few channels by such with one.
    place = np.empty(own[0].shape, np.float32)
    place[...] = x
    field = np.multiply(own[0], place, out=own[0])
    place[...] = y
    field += np.multiply(own[1], place, out=place)
    field += own[2]
    if smooth > 0:
        field = cv2.GaussianBlur(field, (0, 0), smooth).reshape(field.shape)
    field += x * base[0] + base[2]
    field += y * base[1]
    return np.asarray(field, np.float32)


def _affine(
    points: NDArray[np.float32], values: NDArray[np.float32], triangles: NDArray[np.int32]
) -> NDArray[np.float64]:
    """(3, T, C) slopes across and down of the values in each triangle, and what they are at the origin."""
    corners, known = points[triangles].astype(np.float64), values[triangles].astype(np.float64)
    (x1, y1), (x2, y2) = ((corners[:, place] - corners[:, 0]).T[..., None] for place in (1, 2))
    first, second = known[:, 1] - known[:, 0], known[:, 2] - known[:, 0]
    area = x1 * y2 - y1 * x2
    # A triangle seen edge-on has no slopes: it takes the mean of its corners, and it covers hardly a pixel.
    flat = np.abs(area) < 1e-3
    area[flat] = 1
    across = np.where(flat, 0, (first * y2 - second * y1) / area)
    down = np.where(flat, 0, (second * x1 - first * x2) / area)
    origin = known[:, 0] - across * corners[:, 0, :1] - down * corners[:, 0, 1:]
    return np.stack([across, down, np.where(flat, known.mean(axis=1), origin)])


def sample(
    picture: NDArray[Any], places: NDArray[np.float32], interpolation: int, scale: NDArray[np.float32] | None = None
) -> NDArray[Any]:
    """The pixels of a picture at the places of a map, its border repeated outwards.

    Args:
        picture: (H, W) or (H, W, C) uint8 or float32.
        places: (h, w, 2) x, y in pixels.
        interpolation: one of OpenCV's, such as ``cv2.INTER_CUBIC``.
        scale: (2,) where ``picture`` is a resized copy of the one that ``places`` speak of: its pixels per pixel.

    Returns:
        (h, w) or (h, w, C), of the picture's type.
    """
    if scale is not None:
        places = (places + np.float32(0.5)) * scale - np.float32(0.5)
    return cv2.remap(  # type: ignore[call-overload, no-any-return]
        picture, places, None, interpolation, borderMode=cv2.BORDER_REPLICATE
    )
