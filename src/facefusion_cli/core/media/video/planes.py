"""Frames as the planes that decoders give and encoders take: luma, and chroma of half the size either way."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facefusion_cli.core.media.bounds import common, together
from facefusion_cli.core.media.composite import paste_into
from facefusion_cli.core.media.video.colour import from_planes, to_planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.media.bounds import Bounds
    from facefusion_cli.core.media.patch import Patch
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["Part", "Planes"]

_BAND = 2**16
"""Pixels that are added at once: differences are four times as large as what they are of."""
_DARKEST, _BRIGHTEST = 16 - 4, 235 + 4
"""Luma beyond which BGR cannot hold what is there, by more than an encoder's noise."""
_CERTAIN = 4.0
"""Levels by which a colour has to become another before nothing is kept of what BGR cannot hold of the old one."""
_REACH = 2
"""Places of chroma around those that are wanted which a cubic between them reaches for."""


@dataclass(frozen=True)
class Planes:
    """(1.5 H, W): H rows of luma, then two planes of chroma, one for each four pixels; 8 bits, "tv" range.

    On the way to BGR chroma is taken to lie in the middle of its four pixels, and is made finer by a cubic, as by
    ``to_bgr``; colours differ from that by two levels at most, those of single pixels on sharp edges by more. On the
    way back differences are added to what is there: what is not changed is not rounded either. Of what lies beyond the
    range (many cameras use that) nothing shines through.
    """

    video: Video
    luma: tuple[float, float]
    """Shares of red and blue in luma."""
    pixel_format = "yuv420p"

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows of all planes, one after the other, and their width."""
        return self.video.height * 3 // 2, self.video.width

    @property
    def size(self) -> int:
        """See ``Layout``."""
        return math.prod(self.shape)

    @property
    def in_work(self) -> int:
        """See ``Layout``: with views of half of it."""
        return 2 * self.size

    def decoded(self) -> str:
        """See ``Layout``."""
        return to_planes(self.video)

    def encoded(self, pixel_format: str) -> str:
        """See ``Layout``."""
        return from_planes(self.video, pixel_format)

    def view(self, frame: NDArray[np.uint8], bounds: Bounds) -> Part:
        """See ``Layout``."""
        return Part(self, frame, bounds)

    def planes(self, frame: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Luma (H, W), blue and red difference (H/2, W/2) of a frame, as views."""
        height, width = self.video.height, self.video.width
        pixels, quarter = height * width, height * width // 4
        numbers = frame.reshape(-1)
        coarse = height // 2, width // 2
        return (
            numbers[:pixels].reshape(height, width),
            numbers[pixels : pixels + quarter].reshape(coarse),
            numbers[pixels + quarter :].reshape(coarse),
        )

    @cached_property
    def to_bgr(self) -> NDArray[np.float32]:
        """(3, 4) from luma, blue and red difference to BGR (ITU-R BT.709, 3.4 and 3.5 for one of the matrices)."""
        red, blue = self.luma
        green = 1 - red - blue
        chroma = np.array([[2 * (1 - blue), 0], [-2 * (1 - blue) * blue / green, -2 * (1 - red) * red / green],
                           [0, 2 * (1 - red)]])  # fmt: skip
        matrix = np.column_stack([np.full(3, 255 / 219), chroma * 255 / 224])
        return np.column_stack([matrix, -matrix @ [16, 128, 128]]).astype(np.float32)

    @cached_property
    def of_bgr(self) -> NDArray[np.float32]:
        """(3, 3) the other way, for differences."""
        return np.linalg.inv(self.to_bgr[:, :3].astype(np.float64)).astype(np.float32)


class Part:
    """A rectangle of a frame that consists of planes; its edges lie where those of chroma do."""

    def __init__(self, layout: Planes, frame: NDArray[np.uint8], bounds: Bounds) -> None:
        self._layout = layout
        self._luma, *self._chroma = layout.planes(frame)
        height, width = self._luma.shape
        (left, right), (top, bottom) = _even(bounds[0], bounds[2], width), _even(bounds[1], bounds[3], height)
        self.x, self.y = left, top
        numbers = self._numbers(0, bottom - top, 0, right - left)
        self.picture = np.asarray(cv2.transform(numbers, layout.to_bgr), np.uint8)

    def paint(self, patches: Sequence[Patch]) -> None:
        """See ``View``."""
        places = [(one.x, one.y, one.x + one.mask.shape[1] - 1, one.y + one.mask.shape[0] - 1) for one in patches]
        for group in together(places):
            self._paint([patches[place] for place in group], common([places[place] for place in group]))

    def _paint(self, patches: Sequence[Patch], bounds: Bounds) -> None:
        """Patches that meet, which reach as far as ``bounds``."""
        height, width = self.picture.shape[:2]
        (left, right), (top, bottom) = _even(bounds[0], bounds[2], width), _even(bounds[1], bounds[3], height)
        shown = self.picture[top:bottom, left:right]
        before = shown.copy()
        paste_into(self.picture, patches)
        luma = self._luma[self.y + top : self.y + bottom, self.x + left : self.x + right]
        darkest, brightest, *_ = cv2.minMaxLoc(luma)
        beyond = darkest < _DARKEST or brightest > _BRIGHTEST
        shares = _shares(patches, left, top, before.shape[:2]) if beyond else None
        step = max(2, _BAND // (right - left) // 2 * 2)
        for start in range(0, bottom - top, step):
            band = slice(start, start + step)
            change = cv2.subtract(shown[band], before[band], dtype=cv2.CV_32F)
            if shares is not None:
                exact = self._exact(top + start, top + start + len(change), left, right)
                new = np.minimum(np.abs(change).max(axis=2) * np.float32(1 / _CERTAIN), 1) * shares[band]
                change -= new[..., None] * (exact - exact.clip(0, 255))
            self._add(change, left, top + start)

    def _add(self, change: NDArray[Any], x: int, y: int) -> None:
        """Add differences in BGR at a place of the view to the planes."""
        matrix, (height, width) = self._layout.of_bgr, change.shape[:2]
        _increase(self._luma, self.x + x, self.y + y, cv2.transform(change, matrix[:1]))
        small = cv2.resize(change, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        for plane, added in zip(self._chroma, cv2.split(cv2.transform(small, matrix[1:])), strict=True):
            _increase(plane, (self.x + x) // 2, (self.y + y) // 2, added)

    def _numbers(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.uint8]:
        """(h, w, 3) luma and chroma of a rectangle of the view."""
        top, bottom, left, right = self.y + top, self.y + bottom, self.x + left, self.x + right
        rows, columns = self._chroma[0].shape
        above, beside = min(top // 2, _REACH), min(left // 2, _REACH)
        there = (
            slice(top // 2 - above, min(rows, bottom // 2 + _REACH)),
            slice(left // 2 - beside, min(columns, right // 2 + _REACH)),
        )
        here = slice(2 * above, 2 * above + bottom - top), slice(2 * beside, 2 * beside + right - left)
        chroma = (
            cv2.resize(plane[there], None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)[here] for plane in self._chroma
        )
        return np.asarray(cv2.merge([self._luma[top:bottom, left:right], *chroma]), np.uint8)

    def _exact(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.float32]:
        """(h, w, 3) BGR of a rectangle of the view, not rounded, with what 0 to 255 cannot hold."""
        numbers = self._numbers(top, bottom, left, right).astype(np.float32)
        return np.asarray(cv2.transform(numbers, self._layout.to_bgr), np.float32)


def _shares(patches: Sequence[Patch], x: int, y: int, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """(h, w) 0 to 1: how much of what was in a rectangle at (x, y) the patches hide together."""
    kept = np.ones(shape, np.float32)
    for one in patches:
        height, width = one.mask.shape
        kept[one.y - y : one.y - y + height, one.x - x : one.x - x + width] *= 1 - one.alpha
    return 1 - kept


def _even(low: float, high: float, length: int) -> tuple[int, int]:
    """Even places around all pixels from one to another, within a length, at least two apart."""
    if not math.isfinite(low + high):  # of what is nowhere nothing is seen
        return 0, 2
    first = min(max(0, 2 * math.floor(low / 2)), length - 2)
    return first, max(first + 2, min(length, 2 * math.floor(high / 2) + 2))


def _increase(plane: NDArray[np.uint8], x: int, y: int, change: NDArray[Any]) -> None:
    """Change a rectangle of a plane by so much, rounded."""
    height, width = change.shape[:2]
    here = plane[y : y + height, x : x + width]
    here[...] = cv2.add(here, change, dtype=cv2.CV_8U)
