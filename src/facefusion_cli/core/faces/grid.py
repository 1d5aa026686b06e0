"""The small rectangle around a face on which masks and colours are worked out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.errors import NoFaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GRID_LIMIT", "Grid"]

GRID_LIMIT = 256
"""Longest side of a grid: enough for soft masks and smooth colours, and the same cost for a face of any size."""


@dataclass(frozen=True, slots=True)
class Grid:
    """A rectangle of a picture and its reduced copy.

    Points of the picture and of the grid are related as ``cv2.resize`` relates pixels: by their edges, not centres.
    """

    x: int
    y: int
    width: int
    height: int
    columns: int
    rows: int

    @classmethod
    def around(cls, points: NDArray[np.float32], picture_size: tuple[int, int], margin: float) -> Grid:
        """The grid over the bounds of points (N, 2) plus a margin in pixels, as far as they lie in the picture.

        Raises:
            NoFaceError: they all lie outside.
        """
        low = np.maximum(np.floor(points.min(axis=0) - margin), 0).astype(int)
        high = np.minimum(np.ceil(points.max(axis=0) + margin) + 1, picture_size).astype(int)
        width, height = (int(v) for v in high - low)
        if width < 2 or height < 2:
            raise NoFaceError("the face lies outside the picture.")
        scale = min(1.0, GRID_LIMIT / max(width, height))
        columns, rows = max(2, round(width * scale)), max(2, round(height * scale))
        return cls(int(low[0]), int(low[1]), width, height, columns, rows)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows, as OpenCV takes sizes."""
        return self.columns, self.rows

    @property
    def scale(self) -> float:
        """Grid pixels per picture pixel, 1 at most."""
        return self.columns / self.width

    def points(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Picture points (N, 2) in grid pixels."""
        factor = np.array([self.columns / self.width, self.rows / self.height], np.float32)
        corner = np.array([self.x, self.y], np.float32)
        return (points - corner + np.float32(0.5)) * factor - np.float32(0.5)

    def crop(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The rectangle of the picture at its own resolution (a view)."""
        return picture[self.y : self.y + self.height, self.x : self.x + self.width]

    def reduce(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The rectangle of the picture at the grid's resolution."""
        crop = self.crop(picture)
        if self.size == (self.width, self.height):
            return crop
        return cv2.resize(crop, self.size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)

    def enlarge(self, field: NDArray[np.float32]) -> NDArray[np.float32]:
        """A field of the grid at the resolution of the picture."""
        if self.size == (self.width, self.height):
            return field
        enlarged = cv2.resize(field, (self.width, self.height), interpolation=cv2.INTER_LINEAR)
        return enlarged.astype(np.float32, copy=False)
