"""The one way results come back from an engine: a small picture with an alpha and a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Patch"]


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """New pixels for a rectangle of a picture; where ``alpha`` is 0 the picture stays as it is, bit for bit."""

    x: int
    """Left edge in the upright picture; the rectangle lies wholly inside the picture."""
    y: int
    """Top edge."""
    colour: NDArray[np.float32] | NDArray[np.uint8]
    """(h, w, 3) BGR, sRGB-encoded, 0 to 255; float32 loses nothing in deep pictures, uint8 is quick."""
    alpha: NDArray[np.float32]
    """(h, w) share of the new pixels, 0 to 1."""
    notes: tuple[str, ...] = ()
    """Sentences for the user: what to expect of these pixels."""
