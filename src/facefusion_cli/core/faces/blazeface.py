"""BlazeFace: boxes and six points of the faces in a picture.

Two of Google's detectors complement each other: the short-range one sees faces that fill the frame and tilted ones, the
full-range one sees small ones. Both look at a small square picture and answer with one offset per anchor; anchors are
the centres of the cells of one or two grids. See "BlazeFace: Sub-millisecond Neural Face Detection on Mobile GPUs"
(arXiv 1907.05047).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from facefusion_cli.core.inference.onnx_runtime import open_embedded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.inference.session import Session

__all__ = ["BlazeFace", "Detection", "decode", "iou", "letterbox", "make_anchors", "weighted_nms"]

_NMS_IOU = 0.3
"""Two boxes that overlap by more than this mean the same face."""
_LOGIT_LIMIT = 80.0  # exp() of more overflows float32


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """Where a face may be; pixels of the picture, pixel centres at integers."""

    box: NDArray[np.float32]
    """(4,) x1, y1, x2, y2, about from the brows to the chin; may reach beyond the picture."""
    keypoints: NDArray[np.float32]
    """(6, 2) the person's right eye, left eye, nose tip, mouth, right and left ear."""
    score: float
    """Probability, 0 to 1."""

    @property
    def centre(self) -> tuple[float, float]:
        """Middle of the box."""
        x1, y1, x2, y2 = (float(value) for value in self.box)
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def side(self) -> float:
        """Longer side of the box."""
        return float(max(self.box[2] - self.box[0], self.box[3] - self.box[1]))

    def scaled(self, scale: NDArray[np.float32]) -> Detection:
        """The same place in a picture ``scale`` (x, y) times as large."""
        return replace(
            self,
            box=((self.box.reshape(2, 2) + 0.5) * scale - 0.5).reshape(4),
            keypoints=(self.keypoints + 0.5) * scale - 0.5,
        )

    def shifted(self, x: float, y: float) -> Detection:
        """The same place in a picture with ``x`` and ``y`` more pixels on the left and above."""
        offset = np.array([x, y], np.float32)
        return replace(self, box=self.box + np.tile(offset, 2), keypoints=self.keypoints + offset)


@dataclass(frozen=True, slots=True)
class _Model:
    asset: str
    size: int  # side of the input in pixels
    grids: tuple[tuple[int, int], ...]  # (stride in pixels, anchors per cell)
    threshold: float  # lowest score; the mesh network rejects what is no face


_MODELS = {
    "short": _Model("blazeface_short.onnx", 128, ((8, 2), (16, 6)), 0.5),
    "full": _Model("blazeface_full.onnx", 192, ((4, 1),), 0.4),
}


class BlazeFace:
    """One of the two detectors with its pre- and postprocessing."""

    def __init__(self, kind: Literal["short", "full"], session: Session | None = None) -> None:
        self._model = _MODELS[kind]
        self._session = session or open_embedded(self._model.asset)
        self._anchors = make_anchors(self._model.size, self._model.grids)

    def detect(self, picture: NDArray[np.uint8]) -> list[Detection]:
        """Faces in a (H, W, 3) BGR picture, best first, overlapping ones merged."""
        square, scale, left, top = letterbox(picture, self._model.size)
        tensor = cv2.cvtColor(square, cv2.COLOR_BGR2RGB).astype(np.float32) / 127.5 - 1.0
        feed = {"input": np.ascontiguousarray(tensor.transpose(2, 0, 1))[None]}
        boxes, scores = self._session.run(["boxes", "scores"], feed)
        found = decode(boxes[0], scores[0, :, 0], self._anchors, self._model.size, self._model.threshold)
        return [one.shifted(-left - 0.5, -top - 0.5).scaled(np.float32(1) / scale) for one in weighted_nms(found)]


def letterbox(picture: NDArray[np.uint8], size: int) -> tuple[NDArray[np.uint8], NDArray[np.float32], int, int]:
    """Fit a (H, W, 3) picture into the middle of a black square of ``size`` pixels.

    Returns the square, its scale (x, y) to the picture and the left and top edge of the picture in it.
    """
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    new_width, new_height = max(1, round(width * scale)), max(1, round(height * scale))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    fitted = cv2.resize(picture, (new_width, new_height), interpolation=method)
    left, top = (size - new_width) // 2, (size - new_height) // 2
    square = np.zeros((size, size, 3), np.uint8)
    square[top : top + new_height, left : left + new_width] = fitted
    return square, np.array([new_width / width, new_height / height], np.float32), left, top


def make_anchors(size: int, grids: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """Cell centres of grids given as (stride, anchors per cell), row by row: (N, 2) x, y in units of the input."""
    parts = []
    for stride, per_cell in grids:
        cells = size // stride
        ticks = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(ticks, ticks, indexing="ij")
        parts.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(parts)


def decode(
    boxes: NDArray[np.float32], logits: NDArray[np.float32], anchors: NDArray[np.float32], size: int, threshold: float
) -> list[Detection]:
    """Turn the network's raw output into detections in pixels of its input square (edges at integers).

    ``boxes`` is (N, 16): eight pairs in input pixels, the centre relative to the anchor, width and height, six points
    relative to the anchor. ``logits`` is (N,).
    """
    scores = 1.0 / (1.0 + np.exp(-np.clip(logits, -_LOGIT_LIMIT, _LOGIT_LIMIT)))
    keep = np.flatnonzero(scores >= threshold)
    pairs = boxes[keep].reshape(-1, 8, 2)
    origins = anchors[keep] * size
    centres, halves = pairs[:, 0] + origins, pairs[:, 1] / 2
    corners = np.concatenate([centres - halves, centres + halves], axis=1)
    points = pairs[:, 2:] + origins[:, None]
    return [
        Detection(box=corner, keypoints=point, score=float(score))
        for corner, point, score in zip(corners, points, scores[keep], strict=True)
        if (corner[2:] > corner[:2]).all()
    ]


def weighted_nms(detections: Sequence[Detection]) -> list[Detection]:
    """Replace each heap of overlapping detections by their mean, weighted by the score; best first.

    The mean keeps the best score of its heap. Steadier than keeping the best box alone.
    """
    rest = sorted(detections, key=lambda one: -one.score)
    merged = []
    while rest:
        best = rest[0]
        overlap = iou(best.box, np.stack([one.box for one in rest]))
        heap = [one for one, value in zip(rest, overlap, strict=True) if value > _NMS_IOU or one is best]
        weights = np.array([one.score for one in heap], np.float32)
        weights /= weights.sum()
        merged.append(
            replace(
                best,
                box=np.tensordot(weights, np.stack([one.box for one in heap]), 1),
                keypoints=np.tensordot(weights, np.stack([one.keypoints for one in heap]), 1),
            )
        )
        taken = {id(one) for one in heap}
        rest = [one for one in rest if id(one) not in taken]
    return merged


def iou(box: NDArray[np.float32], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one (4,) box with (N, 4) boxes, x1, y1, x2, y2; (N,) of 0 to 1."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    return np.asarray(common / np.maximum(areas - common, np.finfo(np.float32).tiny), np.float32)
