"""Smooth transitions: a hard threshold makes a video jump wherever a frame crosses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["rise", "smoothstep"]


def smoothstep(field: NDArray[np.floating[Any]], low: float, high: float) -> NDArray[np.float32]:
    """0 up to ``low``, 1 from ``high`` on, level at both ends: t² (3 - 2 t) of t between them; shape of ``field``."""
    t = np.clip((field - low) / (high - low), 0, 1)
    step: NDArray[np.float32] = (t * t * (3 - 2 * t)).astype(np.float32)
    return step


def rise(value: float, low: float, high: float) -> float:
    """``smoothstep`` of a single number."""
    return float(smoothstep(np.array(value), low, high))
