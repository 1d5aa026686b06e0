"""What is left to see of a face that its mesh has lost: the rough pattern of light and dark where it must be.

A face blurred by its own movement says nothing to the mesh network (log odds of -14 where it nods, as low as on a
wall), but still looks like itself from afar. What covers a face does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.mesh import Region, region_of_mesh
from facefusion_cli.core.faces.tracking.observations import Place, Trace
from facefusion_cli.core.faces.warped import cut_square

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["Tracer"]

_FACE, _REGION = 16, 24  # pixels across the face, and across the mesh network's region with its margin
_SEARCH = 6  # such pixels around where it should be, a quarter of the region
# Correlation. A face blurred over 0.45 of its width has 0.82; nine places in ten that show something else stay below
# 0.6, a plain slab below 0.4.
_ALIKE = 0.72


@dataclass(frozen=True, slots=True, eq=False)
class Tracer:
    """How a face looked from afar when it was last seen well, and where it seems to be."""

    pattern: NDArray[np.uint8]
    """(16, 16) grey."""
    origin: Place
    """Where it was seen well."""
    region: Region
    place: Place
    speed: tuple[float, float] = (0.0, 0.0)
    """Pixels a frame."""

    @classmethod
    def of(cls, picture: NDArray[np.uint8], face: Face) -> Tracer:
        """Of a face that is seen well in a (H, W, 3) BGR picture."""
        region, place = region_of_mesh(face.mesh), Place.of(face)
        return cls(_pattern(picture, region, _FACE), place, region, place)

    def next(self, picture: NDArray[np.uint8]) -> Tracer | None:
        """Where it seems to be in the next frame (or the one before), None if nothing there looks like it."""
        expected = _shifted(self.region, *self.speed)
        around = _pattern(picture, expected, _FACE + 2 * _SEARCH)
        alike = cv2.matchTemplate(around, self.pattern, cv2.TM_CCOEFF_NORMED)
        _, best, _, (column, row) = cv2.minMaxLoc(alike)
        if not _ALIKE < best <= 1.001:  # more on what is as good as plain
            return None
        pixel = expected.side / _REGION
        cos, sin = pixel * np.cos(expected.angle), pixel * np.sin(expected.angle)
        right, down = column - _SEARCH, row - _SEARCH
        region = _shifted(expected, float(right * cos - down * sin), float(right * sin + down * cos))
        speed = region.x - self.region.x, region.y - self.region.y
        place = self.place._replace(x=self.place.x + speed[0], y=self.place.y + speed[1])
        return replace(self, region=region, place=place, speed=speed)

    def trace(self, frames: int) -> Trace:
        """What to note, that many frames after (before if negative) it was seen well."""
        return Trace(self.place, self.origin, frames)


def _shifted(region: Region, x: float, y: float) -> Region:
    return replace(region, x=region.x + x, y=region.y + y)


def _pattern(picture: NDArray[np.uint8], region: Region, size: int) -> NDArray[np.uint8]:
    """The middle of a region and what lies around, grey, so that a face is ``_FACE`` pixels across."""
    region = replace(region, side=region.side * size / _REGION)
    crop = cut_square(picture, region.to_picture(size), size, border=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY), np.uint8)
