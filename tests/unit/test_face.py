from __future__ import annotations

import math

import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face


def mesh_with(points: dict[int, tuple[float, float, float]]) -> Face:
    mesh = np.zeros((478, 3), np.float32)
    for index, point in points.items():
        mesh[index] = point
    return Face(mesh, 0.9)


def test_box_bounds_all_points_even_beyond_the_picture() -> None:
    assert mesh_with({3: (-4, 2, 9), 7: (10, -6, -9)}).box == (-4, -6, 10, 2)


def test_size_counts_ears_and_eyes_in_three_dimensions() -> None:
    face = mesh_with({234: (0, 0, 0), 454: (60, 0, 80), 33: (0, 0, 0), 263: (0, 40, 0)})
    assert face.size == pytest.approx(0.5 * 100 + 0.75 * 40)


def test_points_are_in_the_order_of_arcface() -> None:
    face = mesh_with({468: (1, 2, 0), 473: (3, 4, 0), 4: (5, 6, 0), 61: (7, 8, 0), 291: (9, 10, 0)})
    assert face.points.tolist() == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]


@pytest.mark.parametrize("degrees", [0, 30, 90, 179, -90, -150])
def test_roll_is_clockwise(degrees: float) -> None:
    angle = math.radians(degrees)
    face = mesh_with({33: (5, 5, 0), 263: (5 + 20 * math.cos(angle), 5 + 20 * math.sin(angle), 3)})
    assert face.roll == pytest.approx(degrees, abs=1e-3)
