from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.faces import detector as module
from facefusion_cli.core.faces.blazeface import Detection
from facefusion_cli.core.faces.detector import FaceDetector

if TYPE_CHECKING:
    from numpy.typing import NDArray


class FindsWhitePixel:
    """Stands for a network: its face is the one white pixel, with the eyes left and right of it."""

    def __init__(self, kind: str) -> None:
        self.score = {"short": 0.7, "full": 0.9}[kind]

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        found = []
        for y, x in np.argwhere(picture[..., 0] == 255):
            keypoints = np.tile(np.array([x, y], np.float32), (6, 1))
            keypoints[0, 0] -= 3
            keypoints[1, 0] += 3
            found.append(Detection(np.array([x - 4, y - 5, x + 4, y + 5], np.float32), keypoints, self.score))
        return found


@pytest.fixture
def detector(monkeypatch: pytest.MonkeyPatch) -> FaceDetector:
    monkeypatch.setattr(module, "BlazeFace", FindsWhitePixel)
    return FaceDetector()


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_places_are_given_in_the_picture_as_it_was(detector: FaceDetector, share: float, turns: int) -> None:
    picture = np.zeros((70, 110, 3), np.uint8)
    picture[20, 35] = 255
    found = detector.candidates(picture, share, turns)
    assert len(found) >= 2
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    for one in found:
        assert one.centre == pytest.approx((35, 20))
        half = (4, 5) if turns % 2 == 0 else (5, 4)
        assert one.box.tolist() == [35 - half[0], 20 - half[1], 35 + half[0], 20 + half[1]]
        # The line of the eyes, which runs to the right in the turned picture, turns back clockwise.
        right = {0: (1, 0), 1: (0, 1), 2: (-1, 0), 3: (0, -1)}[turns]
        assert one.keypoints[1].tolist() == [35 + 3 * right[0], 20 + 3 * right[1]]
