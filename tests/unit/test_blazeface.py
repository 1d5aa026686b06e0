from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from facefusion_cli.core.faces.blazeface import BlazeFace, Detection, decode, iou, letterbox, make_anchors, weighted_nms

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def box(*values: float) -> NDArray[np.float32]:
    return np.array(values, np.float32)


def detection(x: float, score: float, size: float = 100.0) -> Detection:
    return Detection(box(x, 0, x + size, size), np.full((6, 2), x, np.float32), score)


class OneAnchor:
    """A network that answers with one face, at one anchor, and remembers its input."""

    def __init__(self, anchors: int, index: int, pairs: Sequence[float]) -> None:
        self.boxes = np.zeros((1, anchors, 16), np.float32)
        self.boxes[0, index] = pairs
        self.scores = np.full((1, anchors, 1), -100.0, np.float32)
        self.scores[0, index] = 3.0
        self.seen: NDArray[Any] = np.empty(0)

    def get_inputs(self) -> list[Any]:
        return []

    def get_outputs(self) -> list[Any]:
        return []

    def get_providers(self) -> list[str]:
        return []

    def set_providers(self, providers: Sequence[str]) -> None:
        pass

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        assert output_names == ["boxes", "scores"]
        self.seen = input_feed["input"]
        return [self.boxes, self.scores]


def test_anchors_are_cell_centres_row_by_row() -> None:
    short = make_anchors(128, ((8, 2), (16, 6)))
    assert short.shape == (896, 2)
    assert short[0].tolist() == short[1].tolist() == [1 / 32, 1 / 32]
    assert short[2].tolist() == [3 / 32, 1 / 32]  # along the row first
    assert short[512].tolist() == short[517].tolist() == [1 / 16, 1 / 16]
    full = make_anchors(192, ((4, 1),))
    assert full.shape == (2304, 2)
    assert full[-1].tolist() == pytest.approx([95 / 96, 95 / 96])


@pytest.mark.parametrize(("height", "width"), [(50, 100), (100, 50), (1000, 300), (1, 1), (1, 900)])
def test_letterbox_centres_the_whole_picture(height: int, width: int) -> None:
    square, scale, left, top = letterbox(np.full((height, width, 3), 200, np.uint8), 128)
    assert square.shape == (128, 128, 3)
    filled = np.argwhere(square[..., 0] == 200)
    assert filled.min(axis=0).tolist() == [top, left]
    assert filled.max(axis=0).tolist() == [top + round(height * scale[1]) - 1, left + round(width * scale[0]) - 1]
    assert abs((128 - round(width * scale[0])) / 2 - left) < 1
    assert max(height * scale[1], width * scale[0]) == pytest.approx(128)


def test_decode_adds_the_anchor_and_halves_the_size() -> None:
    anchors = box(0.5, 0.25).reshape(1, 2)
    raw = np.array([[8, -4, 20, 40, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]], np.float32)
    (found,) = decode(raw, np.zeros(1, np.float32), anchors, 128, 0.5)
    assert found.box.tolist() == [64 + 8 - 10, 32 - 4 - 20, 64 + 8 + 10, 32 - 4 + 20]
    assert found.keypoints[0].tolist() == [65, 34]
    assert found.keypoints[5].tolist() == [75, 44]
    assert found.score == 0.5


def test_decode_drops_low_scores_and_inverted_boxes_and_bears_extreme_logits() -> None:
    raw = np.zeros((4, 16), np.float32)
    raw[:, 2:4] = 10
    raw[3, 2] = -10
    logits = np.array([-1e4, 1e4, -0.1, 5], np.float32)
    found = decode(raw, logits, make_anchors(8, ((4, 1),)), 8, 0.5)
    assert [one.score for one in found] == [1.0]


def test_overlapping_detections_become_their_weighted_mean() -> None:
    found = weighted_nms([detection(0, 0.6), detection(10, 0.9), detection(500, 0.5), detection(20, 0.5)])
    assert [one.score for one in found] == [0.9, 0.5]
    middle = (0 * 0.6 + 10 * 0.9 + 20 * 0.5) / 2.0
    assert found[0].box.tolist() == pytest.approx([middle, 0, middle + 100, 100])
    assert found[0].keypoints[3].tolist() == pytest.approx([middle, middle])
    assert found[1].box.tolist() == [500, 0, 600, 100]
    assert weighted_nms([]) == []


def test_iou() -> None:
    boxes = np.stack([box(0, 0, 10, 10), box(5, 0, 15, 10), box(10, 0, 20, 10), box(50, 50, 60, 60), box(3, 3, 3, 3)])
    assert iou(box(0, 0, 10, 10), boxes).tolist() == pytest.approx([1, 1 / 3, 0, 0, 0])


def test_detect_feeds_rgb_and_maps_back_to_the_picture() -> None:
    # A picture twice the input, wide: letterboxed to 192 x 96 with 48 rows of black above.
    picture = np.zeros((192, 384, 3), np.uint8)
    picture[..., 0] = 255  # blue
    pairs = [0.0, 0.0, 20.0, 10.0] + [4.0, 6.0] * 6
    index = 48 * 24 + 24  # the cell whose centre is (98, 98) in pixels of the input
    net = OneAnchor(2304, index, pairs)
    (found,) = BlazeFace("full", net).detect(picture)
    assert net.seen.shape == (1, 3, 192, 192)
    assert net.seen.dtype == np.float32
    assert net.seen[0, :, 96, 96].tolist() == [-1, -1, 1]
    assert net.seen[0, :, 10, 96].tolist() == [-1, -1, -1]
    assert found.box.tolist() == pytest.approx([(98 - 10) * 2 - 0.5, (98 - 48 - 5) * 2 - 0.5, 215.5, 109.5])
    assert found.keypoints[2].tolist() == pytest.approx([102 * 2 - 0.5, (104 - 48) * 2 - 0.5])
    assert found.score == pytest.approx(1 / (1 + np.exp(-3.0)))
    assert found.centre == pytest.approx((195.5, 99.5))
    assert found.side == pytest.approx(40)
