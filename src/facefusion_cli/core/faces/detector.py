"""Both detectors over a picture and its tiles: every place where a face may be."""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.blazeface import BlazeFace, Detection
from facefusion_cli.core.faces.tiles import tiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FaceDetector"]

_MOST_THREADS = 4
_TURNS = {1: cv2.ROTATE_90_COUNTERCLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_CLOCKWISE}


class FaceDetector:
    """The short-range and the full-range detector, which complement each other."""

    def __init__(self) -> None:
        self._detectors = BlazeFace("short"), BlazeFace("full")

    def candidates(self, picture: NDArray[np.uint8], share: float, turns: int) -> list[Detection]:
        """Where faces may be in a (H, W, 3) BGR picture, best first; the same face may come several times.

        ``share`` is the side of the tiles over the longer side of the picture; 1 means no tiles. The picture is turned
        ``turns`` quarters counterclockwise before the detectors look; the answer is in the picture as it was given.
        """
        turned = np.asarray(cv2.rotate(picture, _TURNS[turns]), np.uint8) if turns else picture
        height, width = turned.shape[:2]
        places = tiles(width, height, math.ceil(share * max(height, width)))

        def look(place: tuple[slice, slice]) -> list[Detection]:
            rows, columns = place
            seen = [one for detector in self._detectors for one in detector.detect(turned[rows, columns])]
            return [one.shifted(columns.start, rows.start) for one in seen]

        if len(places) == 1:
            heaps = [look(places[0])]
        else:  # measured on two cores: nearly half the time, and the same answer
            with ThreadPoolExecutor(min(len(places), _MOST_THREADS, os.cpu_count() or 1)) as pool:
                heaps = list(pool.map(look, places))
        found = [_turned_back(one, turns, picture.shape[1], picture.shape[0]) for heap in heaps for one in heap]
        return sorted(found, key=lambda one: -one.score)


def _turned_back(detection: Detection, turns: int, width: int, height: int) -> Detection:
    """Undo the turn of a ``width`` x ``height`` picture by ``turns`` quarters counterclockwise."""
    if turns == 0:
        return detection
    points = np.concatenate([detection.box.reshape(2, 2), detection.keypoints])
    x, y = points[:, 0], points[:, 1]
    x, y = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[turns]
    points = np.stack([x, y], axis=1)
    box = np.concatenate([points[:2].min(axis=0), points[:2].max(axis=0)])
    return replace(detection, box=box, keypoints=points[2:])
