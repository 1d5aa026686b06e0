"""From the mesh of a face to the box that Wav2Lip wants around it.

The network was trained on boxes of S3FD, which go from the hair line to the chin as those of SCRFD do. In the frame in
which the eyes are level that box is the mesh's own bounds, but for two edges: above it reaches higher than the mesh, by
0.24 of the way from the mesh's top to the base of the nose; below it follows the chin, less 0.2 of the gap between the
lips. Left, right and lower edge need no factor: least squares give -0.5 to 1.5 percent. The jaw moves only the lower
edge: on a clip whose lips part by 5.4 % of the box that stands still to 0.6 % of the box's height, as SCRFD's does.

Measured against SCRFD 2.5G on nine faces (two portraits, a group of six, a clip; frontal to profile, tilted heads
turned upright, 70 to 240 pixels wide; 218 boxes), in percent of the box's width or height:

    edge                     left   top   right   bottom
    mean over the faces      1.7    3.5   1.7     0.8
    largest of a face        6.6    6.8   4.0     1.4
    largest of a box         8.2    10.7  6.6     2.5

The upper edge is where it is least certain: detectors look for the hair line, which the mesh does not know. The largest
errors are those of one face with a cap and glasses.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.options import Pads
    from facefusion_cli.core.media.bounds import Bounds

__all__ = ["FaceBox", "box_of_mesh"]

_FOREHEAD = 0.24
"""How far the box reaches above the mesh, in parts of the way from there down to the base of the nose."""
_JAW = 0.2
"""How much of the gap between the lips is taken off below."""
_NOSE_BASE, _UPPER_LIP, _LOWER_LIP = 2, 13, 14
_LEAST = 1e-3
"""Pixels; a mesh that is flat has a box nevertheless."""


@dataclass(frozen=True, slots=True)
class FaceBox:
    """A tilted rectangle in a picture, upright on the face; pixels, pixel centres at integers."""

    x: float
    """Of its middle."""
    y: float
    width: float
    """From edge to edge: a box over n whole pixels is n wide."""
    height: float
    angle: float
    """Radians by which the face in it is turned clockwise."""

    def to_picture(self, size: int) -> NDArray[np.float64]:
        """(2, 3) affine map from pixels of a square crop of ``size`` pixels to pixels of the picture.

        The aspect is not kept. Edges fall on edges, as in ``cv2.resize``.
        """
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        right, down = self.width / size, self.height / size
        linear = np.array([[cos * right, -sin * down], [sin * right, cos * down]])
        middle = size / 2 - 0.5
        return np.column_stack([linear, np.array([self.x, self.y]) - linear @ [middle, middle]])

    def bounds(self, size: int) -> Bounds:
        """The part (x1, y1, x2, y2) of a picture that a square crop of ``size`` pixels of it is made from."""
        corners = np.array([[x, y, 1] for x in (0, size) for y in (0, size)]) @ self.to_picture(size).T
        # Sampling, and averaging where it is shrunk, takes from pixels around.
        around = 2 + 4 * max(self.width, self.height) / size
        (left, top), (right, bottom) = corners.min(axis=0) - around, corners.max(axis=0) + around
        return float(left), float(top), float(right), float(bottom)

    def in_sight(self, shape: tuple[int, ...]) -> float:
        """Share of its area, 0 to 1, that lies in a picture of this (height, width)."""
        height, width = shape[:2]
        turned = ((self.x, self.y), (self.width, self.height), math.degrees(self.angle))
        frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - np.float32(0.5)
        area, _ = cv2.intersectConvexConvex(np.asarray(cv2.boxPoints(turned), np.float32), frame)
        return min(1.0, float(area) / (self.width * self.height))  # corners are rounded to 32 bits


def box_of_mesh(mesh: NDArray[np.float32], pads: Pads) -> FaceBox:
    """The box of a face by its (478, 3) mesh in pixels, with ``pads`` around; the outer eye corners give the tilt."""
    points = mesh[:, :2].astype(np.float64)
    dx, dy = points[263] - points[33]
    angle = math.atan2(dy, dx)
    axes = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])  # rows: right, down
    upright = points @ axes.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    low[1] -= _FOREHEAD * (upright[_NOSE_BASE, 1] - low[1])
    high[1] -= _JAW * max(0.0, upright[_LOWER_LIP, 1] - upright[_UPPER_LIP, 1])
    sides = np.maximum(high - low, _LEAST)
    low -= sides * [pads.left, pads.top]
    high = low + sides * [1 + pads.left + pads.right, 1 + pads.top + pads.bottom]
    (x, y), (width, height) = (low + high) / 2 @ axes, high - low
    return FaceBox(float(x), float(y), float(width), float(height), angle)
