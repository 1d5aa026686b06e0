"""What the whole of a video would take, told from a part of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["Projection", "projected"]


@dataclass(frozen=True, slots=True)
class Projection:
    """What all that was asked for would take, had it not been a preview."""

    length: float
    """Seconds of video."""
    seconds: float
    """To make it."""
    bytes: int


def projected(frames: int, of: int, fps: Fraction, seconds: float, size: int) -> Projection:
    """From what ``frames`` of ``of`` frames took: ``seconds`` to make, ``size`` bytes."""
    share = of / frames
    return Projection(float(of / fps), seconds * share, round(size * share))
