"""From a swapped crop to a patch: where it shows, its colours, its place in the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facefusion_cli.core.faceswap.inswapper.colour import match_tone
from facefusion_cli.core.faceswap.inswapper.mask import GRID, face_mask
from facefusion_cli.core.media.patch import Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["paste"]

_MEASURED = 128
"""Level of the mask from which colours are compared: there the new face is what one sees."""
_FAR = 2**20
"""Coordinates that OpenCV can draw with."""
_FINEST = 1024
"""Pixels across up to which a crop is enlarged before it is sampled linearly."""
_AROUND = 2
"""Cells of the grid around the mask that belong to what is pasted, so that enlarging sees what lies beside it."""
_SAMPLES = 2
"""How many a pixel of the crop has at least, each way."""
_FARTHEST = 4
"""Pixels of the picture from one sample to the next at most."""


def paste(
    swapped: NDArray[np.uint8],
    original: NDArray[np.uint8],
    matrix: NDArray[np.float64],
    face: Face,
    shape: tuple[int, int],
    *,
    keep_mouth: bool = False,
) -> Patch | None:
    """The patch that lays a swapped crop over the face it was made for; None where nothing of it is in the picture.

    The patch is as small as the mask allows; its colours and its mask are uint8.

    Args:
        swapped: (S, S, 3) uint8 BGR, the network's crop; S a multiple of ``GRID``.
        original: (S, S, 3) uint8 BGR, the crop it was given.
        matrix: (2, 3) similarity from picture to crop.
        face: the target's face; its mesh gives the outline.
        shape: height and width of the picture.
        keep_mouth: leave the target's own mouth.
    """
    to_grid = _resized(swapped.shape[0], GRID) @ np.vstack([matrix, (0, 0, 1)])
    share = face_mask(_moved(face.mesh[:, :2], to_grid), keep_mouth=keep_mouth)
    mask = np.asarray(cv2.convertScaleAbs(share, alpha=255), np.uint8)
    box = cv2.boundingRect(mask)
    window = _window(mask, to_grid, shape)
    if window is None:
        return None
    # From here on of the crop only what shows.
    x, y, size = window
    rows, columns = (
        slice(max(0, start - _AROUND), min(GRID, start + length + _AROUND)) for start, length in (box[1::2], box[::2])
    )
    cell = swapped.shape[0] // GRID
    part = slice(cell * rows.start, cell * rows.stop), slice(cell * columns.start, cell * columns.stop)
    where = _measured(mask, to_grid, shape)[rows, columns]
    toned = match_tone(swapped[part], original[part], where)
    shift = np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
    corner = np.array([[1, 0, -columns.start], [0, 1, -rows.start], [0, 0, 1]], np.float64)
    colour, shares = _in_picture(toned, mask[rows, columns], corner @ to_grid @ shift, size)
    return Patch(x, y, colour, shares) if cv2.hasNonZero(shares) else None


def _resized(old: int, new: int) -> NDArray[np.float64]:
    """(3, 3) from pixels of a square to those of the same square resized, pixel centres at integers in both."""
    return _scaled((old, old), (new, new))


def _scaled(old: tuple[int, ...], new: tuple[int, ...]) -> NDArray[np.float64]:
    """(3, 3) from pixels of an array of height and width ``old`` to those of the same resized to ``new``."""
    down, across = new[0] / old[0], new[1] / old[1]
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]], np.float64)


def _inverse(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.linalg.inv(matrix), np.float64)


def _moved(points: NDArray[Any], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(points @ matrix[:2, :2].T + matrix[:2, 2], np.float64)


def _window(
    mask: NDArray[np.uint8], to_grid: NDArray[np.float64], shape: tuple[int, int]
) -> tuple[int, int, tuple[int, int]] | None:
    """Left, top and (width, height) of the part of the picture that the mask touches; None if there is none."""
    shows = mask > 0
    rows = np.flatnonzero(shows.any(axis=1))
    if not len(rows):
        return None
    ends = shows[rows].argmax(axis=1), GRID - 1 - shows[rows, ::-1].argmax(axis=1)
    from_grid = _inverse(to_grid)
    places = np.vstack([_moved(np.column_stack([end, rows]), from_grid) for end in ends])
    # Between pixels that are sampled linearly, each shows as far as to its neighbours.
    reach = np.abs(from_grid[:2, :2]).sum(axis=1)
    limit = np.array(shape[::-1], np.float64)
    low = np.clip(np.floor(places.min(axis=0) - reach), 0, limit).astype(int)
    high = np.clip(np.ceil(places.max(axis=0) + reach) + 1, 0, limit).astype(int)
    if (high <= low).any():
        return None
    width, height = (high - low).tolist()
    return int(low[0]), int(low[1]), (width, height)


def _measured(mask: NDArray[np.uint8], to_grid: NDArray[np.float64], shape: tuple[int, int]) -> NDArray[np.uint8]:
    """(GRID, GRID) uint8, above 0 where the new face shows and the picture is: beyond it the crop was made up."""
    height, width = shape
    corners = _moved(np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]), to_grid)
    inside = np.zeros_like(mask)
    cv2.fillConvexPoly(inside, np.rint(np.clip(corners, -_FAR, _FAR)).astype(np.int32), 1)
    inside[mask < _MEASURED] = 0
    return inside


def _in_picture(
    crop: NDArray[np.uint8], mask: NDArray[np.uint8], matrix: NDArray[np.float64], size: tuple[int, int]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Colour (h, w, 3) and mask (h, w) in a window of the picture; ``matrix`` (3, 3) from window to mask.

    The crop is brought close to the picture's resolution first, averaged where it shrinks; then enlarged by a cubic, so
    that linear sampling, many times as fast as cubic, loses nothing. Where it is much enlarged, nothing in it is as
    fine as the picture's pixels: what lies between samples is interpolated. OpenCV samples four channels faster than
    three, so the mask is the fourth.
    """
    scale = mask.shape[0] / crop.shape[0] / float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    if scale < 1:
        shrunk = [max(1, round(length * scale)) for length in crop.shape[1::-1]]
        crop = cv2.resize(crop, shrunk, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
        scale = 1
    height, width = crop.shape[:2]
    four = cv2.cvtColor(crop, cv2.COLOR_BGR2BGRA)
    cv2.insertChannel(cv2.resize(mask, (width, height), interpolation=cv2.INTER_LINEAR), four, 3)
    times = max(1, min(2 if scale < 2 else 4, _FINEST // max(height, width)))
    four = cv2.resize(four, (times * width, times * height), interpolation=cv2.INTER_CUBIC)
    step = max(1, min(int(scale / _SAMPLES), _FARTHEST))
    small = (-(-size[0] // step), -(-size[1] // step))
    to_fine = _scaled(mask.shape, four.shape) @ matrix @ _scaled(small[::-1], size[::-1])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    sampled = cv2.warpAffine(four, to_fine[:2], small, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    colour, shares = cv2.cvtColor(sampled, cv2.COLOR_BGRA2BGR), cv2.extractChannel(sampled, 3)
    if small != size:
        colour, shares = (cv2.resize(part, size, interpolation=cv2.INTER_LINEAR) for part in (colour, shares))
    return np.asarray(colour, np.uint8), np.asarray(shares, np.uint8)
