"""Drawing where the faces are, with the index by which each can be asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["annotate"]

_FONT = cv2.FONT_HERSHEY_SIMPLEX
_FONT_HEIGHT = 22.0  # height of its digits in pixels at scale 1
_LINE = (80, 255, 255)  # BGR
_EDGE = (0, 0, 0)


def annotate(picture: NDArray[np.uint8], faces: Sequence[Face]) -> NDArray[np.uint8]:
    """A copy of a (H, W, 3) BGR picture with a box around each face and the face's index beside it.

    Light lines between dark ones stand out from any background; their width and the digits grow with the picture.
    """
    drawn = np.array(picture, order="C")
    height, width = drawn.shape[:2]
    line = max(1, round(max(height, width) / 500))
    digits = max(9.0, max(height, width) / 45)
    boxes = [_clipped(face.box, width, height) for face in faces]
    for colour, thickness in ((_EDGE, 3 * line), (_LINE, line)):
        for x1, y1, x2, y2 in boxes:
            cv2.rectangle(drawn, (x1, y1), (x2, y2), colour, thickness)
    for index, box in enumerate(boxes):
        _label(drawn, str(index), box, digits, line)
    return drawn


def _clipped(box: tuple[float, float, float, float], width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a box inside the picture, in whole pixels."""
    x1, y1, x2, y2 = box
    return (
        round(min(max(x1, 0), width - 1)),
        round(min(max(y1, 0), height - 1)),
        round(min(max(x2, 0), width - 1)),
        round(min(max(y2, 0), height - 1)),
    )


def _label(drawn: NDArray[np.uint8], text: str, box: tuple[int, int, int, int], digits: float, line: int) -> None:
    """Dark text on a light plate above the box's left corner, or below it where there is no room above."""
    height, width = drawn.shape[:2]
    scale, thickness = digits / _FONT_HEIGHT, max(1, round(digits / 9))
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, thickness)
    pad = max(2, round(digits / 4))
    plate_width, plate_height = text_width + 2 * pad, text_height + 2 * pad
    left = max(0, min(box[0], width - plate_width))
    top = box[1] - plate_height if box[1] >= plate_height else box[3]
    top = max(0, min(top, height - plate_height))
    corners = (left, top), (left + plate_width - 1, top + plate_height - 1)
    cv2.rectangle(drawn, *corners, _LINE, cv2.FILLED)
    cv2.rectangle(drawn, *corners, _EDGE, line)
    cv2.putText(drawn, text, (left + pad, top + pad + text_height), _FONT, scale, _EDGE, thickness, cv2.LINE_AA)
