"""SCRFD: boxes, five points and scores of the faces in a picture, through insightface's own class on our session.

"Sample and Computation Redistribution for Efficient Face Detection" (arXiv 2105.04714). It sees faces of about 12 to
500 pixels in what it is shown, so the size in which it is shown a picture decides what it finds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.inference.session import Session

__all__ = ["SCRFD_SIZE", "Scrfd", "Sighting"]

SCRFD_SIZE = 640
"""Longer side in pixels of what the network is usually shown."""
_LARGEST = 1280  # the same where the network takes any size
_STRIDE = 32  # its coarsest: sides of what it is shown are multiples of that
_LEAST_SCORE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A face as the detector sees it; pixels of the picture, pixel centres at integers."""

    box: NDArray[np.float32]
    """(4,) x1, y1, x2, y2, from the hair line to the chin; may reach beyond the picture."""
    points: NDArray[np.float32]
    """(5, 2) left eye, right eye, nose, left and right mouth corner, as seen upright."""
    score: float
    """Probability, 0 to 1."""
    seen: float
    """Longer side of the box in pixels of what the network saw."""

    @property
    def centre(self) -> NDArray[np.float32]:
        """(2,) middle of the box."""
        return _float32((self.box[:2] + self.box[2:]) / 2)

    @property
    def side(self) -> float:
        """Longer side of the box."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def moved(self, matrix: NDArray[np.float64]) -> Sighting:
        """Seen in a picture that a (2, 3) similarity leads to. A box that turns keeps its middle and its sides."""
        linear, shift = matrix[:, :2], matrix[:, 2]
        middle = self.centre @ linear.T + shift
        half = (self.box[2:] - self.box[:2]) / 2 * math.sqrt(abs(np.linalg.det(linear)))
        half = half[::-1] if abs(linear[0, 0]) < abs(linear[0, 1]) else half
        box = np.concatenate([middle - half, middle + half])
        return replace(self, box=_float32(box), points=_float32(self.points @ linear.T + shift))


class Scrfd:
    """The detector with its pre- and postprocessing."""

    def __init__(self, session: Session) -> None:
        """Input (1, 3, H, W), with H and W free or fixed; nine outputs."""
        from insightface.model_zoo.scrfd import SCRFD

        # Without a file: given one, it would open sessions of its own.
        self._network = SCRFD(session=session)
        self._fixed: tuple[int, int] | None = self._network.static_input_size

    @property
    def largest(self) -> int:
        """Longer side in pixels of the largest picture that it takes whole without shrinking it."""
        return min(self._fixed) if self._fixed else _LARGEST

    def detect(self, picture: NDArray[np.uint8], long_side: int = SCRFD_SIZE) -> list[Sighting]:
        """Faces in a (H, W, 3) BGR picture, best first, shown to the network with ``long_side`` pixels at most.

        The picture comes into the upper left corner of what the network sees; the rest is black.
        """
        height, width = picture.shape[:2]
        scale = min(long_side, self.largest) / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        seen = self._fixed or (_up(size[0]), _up(size[1]))
        canvas = np.zeros((seen[1], seen[0], 3), np.uint8)
        method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        canvas[: size[1], : size[0]] = cv2.resize(picture, size, interpolation=method)
        boxes, points = self._network.detect(canvas, input_size=seen, det_thresh=_LEAST_SCORE)
        ratio = np.array([width / size[0], height / size[1]])
        sightings = []
        for (*box, score), five in zip(boxes, points, strict=True):
            if np.isfinite([*box, score]).all() and np.isfinite(five).all() and np.ptp(five, axis=0).max() > 0:
                pixels = float(max(box[2] - box[0], box[3] - box[1]))
                corners = _larger(np.reshape(box, (2, 2)), ratio).reshape(4)
                sightings.append(Sighting(corners, _larger(five, ratio), min(float(score), 1.0), pixels))
        return sightings


def _up(length: int) -> int:
    return math.ceil(length / _STRIDE) * _STRIDE


def _larger(xy: NDArray[np.float32], ratio: NDArray[np.float64]) -> NDArray[np.float32]:
    """Points (N, 2) in a picture ``ratio`` times as large; pixel centres are minded."""
    return _float32((xy + 0.5) * ratio - 0.5)


def _float32(array: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    return np.asarray(array, np.float32)
