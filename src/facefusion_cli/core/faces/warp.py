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
    for index in np.argsort(-depth[triangles].mean(axis=1), kind="stable"):
        cv2.fillConvexPoly(ids, fixed[index], int(index), lineType=cv2.LINE_8, shift=_SUBPIXEL_BITS)
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
    corners = np.concatenate([points[triangles], np.ones((len(triangles), 3, 1), np.float32)], axis=2)
    corners = corners.astype(np.float64)
    # A triangle seen edge-on has no inverse: it takes the mean of its corners, and it covers hardly a pixel.
    flat = np.abs(np.linalg.det(corners)) < 1e-3
    affine = np.zeros((len(triangles), 3, values.shape[1]), np.float64)
    affine[~flat] = np.linalg.solve(corners[~flat], values[triangles[~flat]].astype(np.float64))
    affine[flat, 2] = values[triangles[flat]].mean(axis=1)
    # Smoothing what differs from one affine field for all keeps the border's replication from bending anything.
    base, *_ = np.linalg.lstsq(np.c_[points, np.ones(len(points))].astype(np.float64), values.astype(np.float64))
    own = (affine - base).astype(np.float32)[ids]
    x = np.arange(width, dtype=np.float32)[None, :, None]
    y = np.arange(height, dtype=np.float32)[:, None, None]
    field = own[:, :, 0] * x + own[:, :, 1] * y + own[:, :, 2]
    if smooth > 0:
        field = cv2.GaussianBlur(field, (0, 0), smooth).reshape(field.shape)
    base = base.astype(np.float32)
    return np.ascontiguousarray(field + (x * base[0] + y * base[1] + base[2]))


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
