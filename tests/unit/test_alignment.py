"""Laying faces upright, beside insightface's own functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.alignment import align, arcface_matrix, swap_matrix

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = np.array([[203.5, 101.0], [246.6, 103.5], [223.5, 126.8], [202.1, 139.3], [245.8, 140.7]], np.float32)


def smooth(height: int, width: int) -> NDArray[np.uint8]:
    noise = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2.0), np.uint8)


def random_points(seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(200, 60, (5, 2)).astype(np.float32)


def applied(matrix: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    return points @ matrix[:, :2].T + matrix[:, 2]


@pytest.mark.filterwarnings("ignore:.*estimate.*:FutureWarning")
@pytest.mark.parametrize("seed", range(5))
def test_the_matrices_are_insightfaces(seed: int) -> None:
    from insightface.utils.face_align import estimate_norm

    points = random_points(seed)
    for size, matrix in ((112, arcface_matrix(points)), (128, swap_matrix(points, 128))):
        assert matrix == pytest.approx(estimate_norm(points, size), abs=2e-5, rel=1e-6)
    doubled = estimate_norm(points, 256)
    doubled[:, 2] += 0.5  # what insightface lacks
    assert swap_matrix(points, 256) == pytest.approx(doubled, abs=4e-5, rel=1e-6)


@pytest.mark.parametrize("boost", [2, 3, 4])
def test_the_parts_of_a_larger_crop_lie_around_the_plain_one(boost: int) -> None:
    plain, larger = swap_matrix(POINTS, 128), swap_matrix(POINTS, 128 * boost)
    plain_inverse, inverse = (np.asarray(cv2.invertAffineTransform(one), np.float64) for one in (plain, larger))
    pixel = np.array([[17.0, 90.0]])
    parts = [boost * pixel + [x, y] for x in range(boost) for y in range(boost)]
    sampled = np.concatenate([applied(inverse, part) for part in parts])
    assert sampled.mean(axis=0) == pytest.approx(applied(plain_inverse, pixel)[0], abs=1e-9)


@pytest.mark.parametrize("points", [np.zeros((5, 2)), np.full((5, 2), np.nan), np.full((5, 2), np.inf)])
def test_points_that_are_none_are_refused(points: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="cannot be aligned"):
        arcface_matrix(points.astype(np.float32))


@pytest.mark.filterwarnings("ignore:.*estimate.*:FutureWarning")
@pytest.mark.parametrize(
    "shift", [(0.0, 0.0), (-190.0, -80.0), (150.0, 250.0)], ids=["inside", "upper left", "lower right"]
)
def test_a_crop_is_insightfaces(shift: tuple[float, float]) -> None:
    from insightface.utils.face_align import norm_crop2

    picture, points = smooth(300, 400), POINTS + np.array(shift, np.float32)
    crop, _ = norm_crop2(picture, points, 128)
    ours = align(picture, swap_matrix(points, 128), 128)
    assert np.abs(crop.astype(int) - ours).max() <= 1
    assert ours.std() > 5


def test_a_crop_beyond_the_picture_is_black() -> None:
    picture = np.full((50, 60, 3), 200, np.uint8)
    assert not align(picture, swap_matrix(POINTS + 5000, 128), 128).any()


def test_pictures_wider_than_opencv_warps_are_cut_all_the_same() -> None:
    small = smooth(300, 400)
    picture = np.zeros((300, 40_000, 3), np.uint8)
    picture[:, -400:] = small
    matrix, shifted = swap_matrix(POINTS, 256), swap_matrix(POINTS + np.array([39_600, 0], np.float32), 256)
    off = np.abs(align(picture, shifted, 256).astype(int) - align(small, matrix, 256))
    assert off.max() <= 1


def test_shrinking_averages() -> None:
    y, x = np.mgrid[0:1000, 0:1000]
    stripes = np.repeat((255 * ((x + y) % 2))[..., None], 3, axis=2).astype(np.uint8)
    crop = align(stripes, np.array([[0.15, 0.02, 3.3], [-0.02, 0.15, 7.7]]), 128)
    inner = crop[20:110, 20:110].astype(int)
    assert np.abs(inner - 127).max() <= 12


def test_turning_keeps_a_mark_where_the_matrix_leads() -> None:
    picture = np.zeros((400, 500, 3), np.uint8)
    points = POINTS @ np.array([[0.0, 1.0], [-1.0, 0.0]], np.float32) + np.array(
        [350, 0], np.float32
    )  # a quarter clockwise
    x, y = points[2].round().astype(int)
    picture[y - 3 : y + 4, x - 3 : x + 4] = 255
    crop = align(picture, arcface_matrix(points), 112)
    rows, columns = np.nonzero(crop[..., 0] > 127)
    assert applied(arcface_matrix(points), np.array([[x, y]]))[0] == pytest.approx(
        [columns.mean(), rows.mean()], abs=0.6
    )
    assert (columns.mean(), rows.mean()) == pytest.approx((56, 71), abs=8)
