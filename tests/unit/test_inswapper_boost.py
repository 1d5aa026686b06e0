"""Pixel boost: crops between crops."""

from __future__ import annotations

import numpy as np
import pytest

from facefusion_cli.core.faceswap.inswapper.boost import CROP, boost_for, boost_for_size, join, split


@pytest.mark.parametrize("boost", [1, 2, 3, 4])
def test_join_undoes_split(boost: int) -> None:
    crop = np.random.default_rng(boost).integers(0, 256, (boost * CROP, boost * CROP, 3), np.uint8)
    parts = split(crop, boost)
    assert parts.shape == (boost * boost, CROP, CROP, 3)
    assert np.array_equal(join(parts, boost), crop)
    for number, part in enumerate(parts):
        row, column = divmod(number, boost)
        assert np.array_equal(part, crop[row::boost, column::boost])


@pytest.mark.parametrize(
    ("size", "boost"), [(10, 1), (128, 1), (191, 1), (193, 2), (319, 2), (321, 3), (447, 3), (449, 4), (5000, 4)]
)
def test_it_follows_the_size_on_screen(size: float, boost: int) -> None:
    assert boost_for_size(size) == boost
    angle, scale = np.radians(35), CROP / (1.6 * size)
    turned = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert boost_for(np.column_stack([turned, [12.0, -7.0]])) == boost
