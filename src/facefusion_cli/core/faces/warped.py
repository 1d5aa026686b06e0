"""Cutting a square out of a picture by an affine map, whatever the picture's size."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["cut_square"]

_TWOFOLD = 2.0
"""Pixels of the picture to one of the crop: bilinear sampling looks at two by two, and skips what is between more."""
_CHANGE = 0.5
"""Such pixels over which one way of sampling gives way to the next: a face that grows is not to become soft at once."""


def cut_square(
    picture: NDArray[np.uint8], to_picture: NDArray[np.float64], size: int, *, border: int
) -> NDArray[np.uint8]:
    """The (size, size, 3) pixels of a (H, W, 3) picture that a (2, 3) map from crop to picture leads to, bilinear.

    Where that would skip pixels, for it is shrunk more than twofold, means of whole squares of pixels are taken first.
    ``border``: what lies beyond the picture, as OpenCV's BORDER_ constants name it.

    Only the part that the crop needs is touched (OpenCV warps no picture wider than 32767 pixels).
    """
    shrink = float(np.linalg.norm(to_picture[:, :2], axis=0).max())
    # Whole numbers of pixels, since OpenCV averages any others by plain code, 5 to 10 times slower.
    cell = max(1, math.ceil(shrink / _TWOFOLD))
    crop = _sampled(picture, to_picture, size, cell, border)
    share = (shrink - _TWOFOLD * (cell - 1)) / _CHANGE
    if cell == 1 or share >= 1:
        return crop
    sharper = _sampled(picture, to_picture, size, cell - 1, border)
    return np.asarray(cv2.addWeighted(crop, share, sharper, 1 - share, 0), np.uint8)


def _sampled(
    picture: NDArray[np.uint8], to_picture: NDArray[np.float64], size: int, cell: int, border: int
) -> NDArray[np.uint8]:
    """The crop from means of squares of ``cell`` pixels."""
    corners = np.array([[x, y, 1] for x in (0, size - 1) for y in (0, size - 1)]) @ to_picture.T
    height, width = picture.shape[:2]
    # Two of them more on each side keep the interpolation and the border as they would be in the whole picture.
    pad = 2 * cell
    left, top = (
        int(np.clip(math.floor(low) - pad, 0, end - 1))
        for low, end in zip(corners.min(0), (width, height), strict=True)
    )
    right, bottom = (
        int(np.clip(start + cell * math.ceil((high + pad + 1 - start) / cell), start + 1, end))
        for high, start, end in zip(corners.max(0), (left, top), (width, height), strict=True)
    )
    part = picture[top:bottom, left:right]
    matrix = to_picture - np.array([[0, 0, left], [0, 0, top]])
    if cell > 1:
        part = _averaged(part, cell)
        matrix = matrix / cell
        matrix[:, 2] += 0.5 / cell - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(part, matrix, (size, size), flags=flags, borderMode=border), np.uint8)


def _averaged(picture: NDArray[np.uint8], cell: int) -> NDArray[np.uint8]:
    """The means of squares of ``cell`` pixels; beyond a (H, W, 3) picture its border goes on."""
    below, beside = -picture.shape[0] % cell, -picture.shape[1] % cell
    if below or beside:
        picture = np.asarray(cv2.copyMakeBorder(picture, 0, below, 0, beside, cv2.BORDER_REPLICATE), np.uint8)
    cells = picture.shape[1] // cell, picture.shape[0] // cell
    return np.asarray(cv2.resize(picture, cells, interpolation=cv2.INTER_AREA), np.uint8)
