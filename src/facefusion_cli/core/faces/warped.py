"""Cutting a square out of a picture by an affine map, whatever the picture's size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cut_square"]


def cut_square(
    picture: NDArray[np.uint8], to_picture: NDArray[np.float64], size: int, *, shrink: float, border: int
) -> NDArray[np.uint8]:
    """The (size, size, 3) pixels of a (H, W, 3) picture that a (2, 3) map from crop to picture leads to, bilinear.

    ``shrink``: the picture is reduced to that fraction of its size first, where above 1; bilinear sampling alone would
    skip pixels. ``border``: what lies beyond the picture, as OpenCV's BORDER_ constants name it.

    Only the part that the crop needs is touched (OpenCV warps no picture wider than 32767 pixels).
    """
    corners = np.array([[x, y, 1] for x in (0, size - 1) for y in (0, size - 1)]) @ to_picture.T
    height, width = picture.shape[:2]
    factor = max(1.0, shrink)
    # Two pixels more on each side keep the interpolation and the border as they would be in the whole picture.
    pad = 2 * math.ceil(factor)
    left, top = (
        int(np.clip(math.floor(low) - pad, 0, end - 1))
        for low, end in zip(corners.min(0), (width, height), strict=True)
    )
    right, bottom = (
        int(np.clip(math.ceil(high) + pad + 1, start + 1, end))
        for high, start, end in zip(corners.max(0), (left, top), (width, height), strict=True)
    )
    part = picture[top:bottom, left:right]
    matrix = to_picture - np.array([[0, 0, left], [0, 0, top]])
    if factor > 1:
        part, scale = _shrunk(part, factor)
        matrix = matrix * scale[:, None]
        matrix[:, 2] += scale / 2 - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, (size, size), flags=flags, borderMode=border), np.uint8)


def _shrunk(picture: NDArray[np.uint8], factor: float) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """A (H, W, 3) picture at about 1 / ``factor`` of its size, and by how much it is smaller exactly (x, y).

    OpenCV averages any but whole numbers of pixels by plain code, 5 to 10 times slower: so it averages the whole part
    of the factor. Of what is left, below 2, bilinear sampling skips no pixel.
    """
    cell = int(factor)
    height, width = picture.shape[:2]
    if cell > 1:
        below, beside = -height % cell, -width % cell
        if below or beside:
            picture = np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
        cells = picture.shape[1] // cell, picture.shape[0] // cell
        picture = np.asarray(cv2.resize(picture, cells, interpolation=cv2.INTER_AREA), np.uint8)
    scale = np.array([1 / cell, 1 / cell])
    rest = factor / cell
    if rest > 1:
        rows, columns = picture.shape[:2]
        size = max(1, round(columns / rest)), max(1, round(rows / rest))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), np.uint8)
        scale = scale * (size[0] / columns, size[1] / rows)
    return picture, scale
