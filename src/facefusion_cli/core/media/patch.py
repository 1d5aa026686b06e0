"""The one way results come back from an engine: a small picture with an alpha and a place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Patch"]

_SHARES = (np.arange(256) / 255).astype(np.float32)
"""Alpha for each level of a mask of 8 bits."""


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """New pixels for a rectangle of a picture; where the mask is 0 the picture stays as it is, bit for bit."""

    x: int
    """Left edge in the upright picture; the rectangle lies wholly inside the picture."""
    y: int
    """Top edge."""
    colour: NDArray[np.float32] | NDArray[np.uint8]
    """(h, w, 3) BGR, sRGB-encoded, 0 to 255; float32 loses nothing in deep pictures, uint8 is quick."""
    mask: NDArray[np.float32] | NDArray[np.uint8]
    """(h, w) share of the new pixels: float32, 0 to 1; or uint8, in 255 parts, which is quick."""
    notes: tuple[str, ...] = ()
    """Sentences for the user: what to expect of these pixels."""

    def moved(self, x: int, y: int) -> Patch:
        """The same pixels for a picture in which they lie ``x`` pixels to the right and ``y`` down."""
        return replace(self, x=self.x + x, y=self.y + y)

    @property
    def alpha(self) -> NDArray[np.float32]:
        """(h, w) the mask as float32, 0 to 1; made anew at each call if it is uint8."""
        mask = cv2.LUT(self.mask, _SHARES) if self.mask.dtype == np.uint8 else self.mask
        return cast("NDArray[np.float32]", mask)
