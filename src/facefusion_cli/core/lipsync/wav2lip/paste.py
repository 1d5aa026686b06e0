"""From a generated crop to a patch: the old frame with what the network changed, where the lower face is.

What is pasted is not the crop, 96 pixels enlarged, but the frame plus the difference of the crop to the one the network
was given. Where the two are the same the frame stays as it is, with all its detail, and no edge of a mask can show.
Away from the mouth only the smooth part of the difference is taken, since the network draws skin smoother than it is;
on the lips and wherever something moved (a chin, a line beside the mouth) all of it, and there of the frame's own
detail what is no stronger than its grain, since the rest shows the old mouth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import smoothstep
from facefusion_cli.core.lipsync.wav2lip.crops import CROP
from facefusion_cli.core.lipsync.wav2lip.mask import lips_mask, lower_face_mask
from facefusion_cli.core.lipsync.wav2lip.tone import tone_gain
from facefusion_cli.core.media.patch import Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.lipsync.wav2lip.boxes import FaceBox

__all__ = ["paste"]

_SMOOTH = 3.0
"""Sigma in pixels of the crop of what is taken of the difference on skin."""
_STRUCTURE = 1.5
"""Sigma of what counts as something that moved: texture averages out, edges stay."""
_MOVED = (8.0, 24.0)
"""Levels of difference, so smoothed, from which something may have moved, and has surely."""
_AROUND_MOVED = 2
"""Pixels around what moved that are taken along."""
_FINEST = 1.0
"""Sigma below which lies the finest detail a crop can hold."""
_GAIN = 1.8
"""Most that this is strengthened by where the frame is sharper."""
_LOST = 0.5
"""Share of the detail taken out of the frame that this has to make up for."""
_GRAIN = 2.2
"""Amplitude of what counts as grain over the median on skin: some 1.5 standard deviations."""
_LEAST_GRAIN = 0.5
_LEAST_WEIGHT = 1e-3
_ENLARGED = 4
_CUBIC = 4
"""Rows around those that are seen which a cubic, and the sampling of what it made, may reach for."""


def paste(
    generated: NDArray[np.float32],
    crop: NDArray[np.uint8],
    box: FaceBox,
    face: Face,
    picture: NDArray[np.uint8],
    share: float = 1.0,
) -> Patch | None:
    """The patch that makes a face speak; None where nothing of its lower half is in the picture.

    The patch is as small as the mask allows; its colours are uint8. It depends on this frame alone.

    Args:
        generated: (CROP, CROP, 3) float32 BGR, 0 to 1, the network's answer.
        crop: (CROP, CROP, 3) uint8 BGR, what it was given: ``cut(picture, box)``.
        box: where that lies.
        face: the face; its mesh gives the outline and the lips.
        picture: (H, W, 3) uint8 BGR, not changed.
        share: how much of it shows where it shows fully, above 0 to 1.
    """
    to_picture = box.to_picture(CROP)
    to_crop = np.asarray(cv2.invertAffineTransform(to_picture), np.float64)
    points = np.asarray(face.mesh[:, :2] @ to_crop[:, :2].T + to_crop[:, 2], np.float64)
    mask = lower_face_mask(points)
    window = _window(mask, to_picture, picture.shape)
    if window is None:
        return None
    view = _View.of(window, to_crop, box, mask)
    alpha = view.sampled(mask)
    if not alpha.any():
        return None
    lips = lips_mask(points)
    old, new = crop.astype(np.float32), generated * np.float32(255)
    new *= tone_gain(new, old, mask * (1 - lips) * _inside(to_picture, picture.shape))
    change = new - old
    fresh = np.maximum(lips, _moved(change))
    smooth = cv2.GaussianBlur(change, (0, 0), _SMOOTH)
    change = smooth + fresh[..., None] * (change - smooth)
    fresh_here = view.sampled(fresh)
    frame = picture[window]
    detail = frame - view.enlarged(old)
    removed = fresh_here[..., None] * _above_grain(detail, (1 - fresh_here) * alpha)
    finest, usual = _finest(new), _finest(old)
    lost = _LOST * _power(removed[::2, ::2], (fresh_here * alpha)[::2, ::2])
    gain = math.sqrt((_power(usual, mask) + lost) / max(_power(finest, mask), _LEAST_WEIGHT))
    change += (min(max(gain, 1.0), _GAIN) - 1) * fresh[..., None] * finest
    colour = frame - removed + view.enlarged(change)
    rows, columns = window
    levels = np.rint(np.clip(colour, 0, 255, out=colour), out=colour).astype(np.uint8)
    return Patch(columns.start, rows.start, levels, alpha * np.float32(share))


@dataclass(frozen=True, slots=True)
class _View:
    """A window of the picture, as a place to see the crop from."""

    size: tuple[int, int]
    """Width and height."""
    matrix: NDArray[np.float64]
    """(2, 3) from the window to the crop."""
    scale: tuple[float, float]
    """Pixels of the picture per pixel of the crop, across and down."""
    rows: slice
    """Those of the crop that make a difference where it is seen."""

    @classmethod
    def of(
        cls, window: tuple[slice, slice], to_crop: NDArray[np.float64], box: FaceBox, mask: NDArray[np.float32]
    ) -> _View:
        """``mask``: (CROP, CROP), what is seen of it."""
        rows, columns = window
        shift = np.array([[1, 0, columns.start], [0, 1, rows.start], [0, 0, 1]], np.float64)
        size = columns.stop - columns.start, rows.stop - rows.start
        seen = np.flatnonzero(mask.any(axis=1))
        needed = slice(max(0, int(seen[0]) - _CUBIC), min(CROP, int(seen[-1]) + 1 + _CUBIC))
        return cls(size, to_crop @ shift, (box.width / CROP, box.height / CROP), needed)

    def sampled(self, field: NDArray[np.float32]) -> NDArray[np.float32]:
        """A field of the crop, linear between its pixels; what is 0 there is 0 here."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(field, self.matrix, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
        )

    def enlarged(self, field: NDArray[np.float32]) -> NDArray[np.float32]:
        """A field of the crop, cubic between its pixels; averaged where the picture is coarser.

        A cubic onto a finer grid and linear sampling of that are as good as sampling by a cubic, and quicker.
        """
        size = [max(1, round(CROP * scale)) if scale < 1 else CROP for scale in self.scale]
        first = 0
        if min(size) < CROP:
            field = np.asarray(cv2.resize(field, size, interpolation=cv2.INTER_AREA), np.float32)
        else:
            field, first = field[self.rows], self.rows.start
        fine = cv2.resize(field, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
        factor = np.array([_ENLARGED * length / CROP for length in size])
        matrix = self.matrix * factor[:, None]
        matrix[:, 2] += factor / 2 - 0.5
        matrix[1, 2] -= _ENLARGED * first
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(
            cv2.warpAffine(fine, matrix, self.size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.float32
        )


def _window(
    mask: NDArray[np.float32], to_picture: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[slice, slice] | None:
    """Rows and columns of the part of the picture that the mask touches; None if there is none."""
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return None
    places = np.column_stack([columns, rows]) @ to_picture[:, :2].T + to_picture[:, 2]
    # Between pixels that are sampled linearly, each shows as far as to its neighbours.
    reach = np.abs(to_picture[:, :2]).sum(axis=1)
    limit = np.array(shape[1::-1])
    low = np.clip(np.floor(places.min(axis=0) - reach), 0, limit).astype(int)
    high = np.clip(np.ceil(places.max(axis=0) + reach) + 1, 0, limit).astype(int)
    if (high <= low).any():
        return None
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _inside(to_picture: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(CROP, CROP) where the crop shows the picture; beyond it was made up."""
    steps = np.arange(CROP, dtype=np.float64)
    inside = np.ones((CROP, CROP), bool)
    for (across, down, start), length in zip(to_picture, shape[1::-1], strict=True):
        place = across * steps + (down * steps + start)[:, None]
        inside &= (place >= 0) & (place <= length - 1)
    return inside


def _moved(change: NDArray[np.float32]) -> NDArray[np.float32]:
    """(CROP, CROP) 1 where the network drew something else, not only smoother; 0 where it did not."""
    blue, green, red = cv2.split(np.abs(cv2.GaussianBlur(change, (0, 0), _STRUCTURE)))
    strength = cv2.max(cv2.max(blue, green), red)
    side = 2 * _AROUND_MOVED + 1
    around = cv2.dilate(strength, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))).astype(np.float32)
    return cv2.GaussianBlur(smoothstep(around, *_MOVED), (0, 0), _STRUCTURE).astype(np.float32)


def _finest(crop: NDArray[np.float32]) -> NDArray[np.float32]:
    """The finest detail of a crop."""
    return np.asarray(crop - cv2.GaussianBlur(crop, (0, 0), _FINEST), np.float32)


def _above_grain(detail: NDArray[np.float32], skin: NDArray[np.float32]) -> NDArray[np.float32]:
    """What of a frame's fine detail is stronger than the grain on its skin."""
    seen = np.abs(detail[::2, ::2])[skin[::2, ::2] > 0.5]
    limit = np.float32(max(_GRAIN * float(np.median(seen)), _LEAST_GRAIN) if seen.size else _LEAST_GRAIN)
    return detail - np.clip(detail, -limit, limit)


def _power(detail: NDArray[np.float32], weight: NDArray[np.float32]) -> float:
    """Mean square over the channels, weighted."""
    total = float(weight.sum())
    if total < _LEAST_WEIGHT:
        return 0.0
    return float(np.einsum("ijk,ijk,ij->", detail, detail, weight, optimize=False)) / (3 * total)
