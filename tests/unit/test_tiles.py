from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from facefusion_cli.core.faces.tiles import tiles


@pytest.mark.parametrize(("width", "height", "side"), [(100, 80, 57), (1280, 720, 394), (5000, 40, 57), (7, 9, 3)])
def test_every_pixel_is_covered_and_neighbours_overlap(width: int, height: int, side: int) -> None:
    covered = np.zeros((height, width), int)
    for rows, columns in tiles(width, height, side):
        assert covered[rows, columns].shape == (min(side, height), min(side, width))
        covered[rows, columns] += 1
    assert covered.min() == 1
    starts = sorted({columns.start for _, columns in tiles(width, height, side)})
    assert all(after - before <= 0.75 * side + 1 for before, after in pairwise(starts))


def test_a_picture_no_larger_than_a_tile_is_one_tile() -> None:
    assert tiles(30, 20, 30) == [(slice(0, 20), slice(0, 30))]


def test_four_sevenths_of_the_side_make_two_tiles_and_four_thirteenths_four() -> None:
    assert len(tiles(1000, 1000, 572)) == 4
    assert len(tiles(1000, 1000, 308)) == 16
