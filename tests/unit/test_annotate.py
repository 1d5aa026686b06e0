from __future__ import annotations

import numpy as np
import pytest

from facefusion_cli.core.faces.annotate import annotate
from facefusion_cli.core.faces.face import Face


def face(x1: float, y1: float, x2: float, y2: float) -> Face:
    mesh = np.zeros((478, 3), np.float32)
    mesh[:, :2] = (x1 + x2) / 2, (y1 + y2) / 2
    mesh[0, :2], mesh[1, :2] = (x1, y1), (x2, y2)
    return Face(mesh, 1.0)


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize("size", [(20, 20), (300, 500), (2000, 3000)])
def test_box_and_label_stand_out_from_any_background(background: int, size: tuple[int, int]) -> None:
    height, width = size
    picture = np.full((height, width, 3), background, np.uint8)
    drawn = annotate(picture, [face(width * 0.4, height * 0.4, width * 0.8, height * 0.85)])
    assert drawn.shape == picture.shape
    assert (picture == background).all()  # the given picture stays as it is
    row = drawn[int(height * 0.7), :, 1].astype(int)  # across the box: dark and light meet
    assert row.max() - row.min() > 200
    assert (drawn[:, 0] == background).all()  # nothing is drawn elsewhere


def test_lines_and_digits_grow_with_the_picture() -> None:
    def changed(scale: int) -> float:
        picture = np.zeros((400 * scale, 600 * scale, 3), np.uint8)
        drawn = annotate(picture, [face(100 * scale, 100 * scale, 300 * scale, 300 * scale)])
        return float((drawn != picture).any(axis=2).mean())

    assert changed(4) == pytest.approx(changed(2), rel=0.25)


@pytest.mark.parametrize(
    "box", [(-50, -50, 30, 30), (-900, 10, -800, 40), (80, 40, 900, 900), (0, 0, 99, 59), (40, 30, 41, 31)]
)
def test_faces_at_or_beyond_the_border(box: tuple[float, float, float, float]) -> None:
    picture = np.zeros((60, 100, 3), np.uint8)
    assert annotate(picture, [face(*box)]).any()


def test_every_index_gets_its_own_label() -> None:
    picture = np.zeros((300, 600, 3), np.uint8)
    drawn = annotate(picture, [face(20, 100, 120, 250), face(220, 100, 320, 250), face(420, 100, 520, 250)])
    plates = [drawn[60:99, x : x + 60] for x in (15, 215, 415)]
    assert not (plates[0] == plates[1]).all()
    assert not (plates[1] == plates[2]).all()


def test_nothing_to_draw() -> None:
    picture = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    drawn = annotate(picture, [])
    assert (drawn == picture).all()
    assert drawn is not picture
