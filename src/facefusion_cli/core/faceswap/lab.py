"""Between sRGB and CIE L*a*b*, where lightness and colour are apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["from_lab", "to_lab", "toned", "without_colour"]

Pixel = TypeVar("Pixel", np.uint8, np.float32)


def to_lab(bgr: NDArray[np.uint8] | NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) sRGB BGR, 0 to 255, to CIE L*a*b* float32: L 0 to 100, a and b about -100 to 100."""
    return cv2.cvtColor(bgr.astype(np.float32) / np.float32(255), cv2.COLOR_BGR2Lab).astype(np.float32, copy=False)


def from_lab(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """(H, W, 3) CIE L*a*b* to sRGB BGR float32, 0 to 255."""
    bgr = cv2.cvtColor(lab, cv2.COLOR_Lab2BGR).astype(np.float32, copy=False)
    return np.clip(bgr, 0, 1) * np.float32(255)


def toned(spread: NDArray[np.floating[Any]]) -> float:
    """How surely a picture is black and white or toned, 0 to 1, by the (3,) standard deviations of its L*a*b*.

    Such a picture has hardly any spread in colour.
    """
    return float(np.clip((1 - np.hypot(spread[1], spread[2])) / 0.6, 0, 1))


def without_colour(bgr: NDArray[Pixel]) -> NDArray[Pixel]:
    """(H, W, 3) BGR as greys of the same shape and type."""
    return cv2.cvtColor(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(bgr.dtype, copy=False)
