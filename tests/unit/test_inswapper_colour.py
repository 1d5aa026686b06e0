"""The target's tone for a swapped face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faceswap.inswapper.colour import match_tone

if TYPE_CHECKING:
    from numpy.typing import NDArray


def lab_mean(bgr: NDArray[np.uint8]) -> NDArray[np.floating[Any]]:
    return np.asarray(cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2Lab).mean(axis=(0, 1)))


EVERYWHERE = np.ones((128, 128), np.uint8)


def skin(mean: tuple[int, int, int], spread: float = 12, seed: int = 1, size: int = 128) -> NDArray[np.uint8]:
    grain = np.random.default_rng(seed).normal(0, spread, (size, size, 3))
    return (np.array(mean) + cv2.GaussianBlur(grain, (0, 0), 1.5) * 4).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("target", [(60, 80, 130), (20, 25, 40), (200, 215, 240), (140, 120, 90)])
@pytest.mark.parametrize("size", [128, 512])
def test_the_tone_goes_four_fifths_of_the_way(target: tuple[int, int, int], size: int) -> None:
    swapped, original = skin((110, 140, 190), size=size), skin(target, 8, 2, size)
    matched = match_tone(swapped, original, EVERYWHERE)
    assert matched.shape == (size, size, 3)
    assert matched.dtype == np.uint8
    before = np.linalg.norm(lab_mean(swapped) - lab_mean(original))
    assert np.linalg.norm(lab_mean(matched) - lab_mean(original)) < 0.3 * before


def test_the_tone_is_measured_where_the_face_shows() -> None:
    where = np.zeros((128, 128), np.uint8)
    where[32:96, 32:96] = 1
    swapped, original = skin((110, 140, 190)), skin((110, 140, 190), seed=2)
    surroundings = original.copy()
    surroundings[where == 0] = (255, 0, 0)
    assert np.array_equal(match_tone(swapped, original, where), match_tone(swapped, surroundings, where))


@pytest.mark.parametrize("size", [128, 512])
def test_a_black_and_white_target_gets_a_grey_face(size: int) -> None:
    grey = cv2.cvtColor(cv2.cvtColor(skin((90, 110, 160), size=size), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    matched = match_tone(skin((110, 140, 190), seed=2, size=size), grey.astype(np.uint8), EVERYWHERE)
    assert int((matched.max(axis=2) - matched.min(axis=2)).max()) == 0
    assert matched.std() > 3


def test_a_target_of_a_single_hue_gets_a_face_in_it() -> None:
    lightness = np.random.default_rng(4).uniform(40, 60, (128, 128))
    blue = np.dstack([lightness, np.full_like(lightness, 5), np.full_like(lightness, -20)]).astype(np.float32)
    target = np.rint(cv2.cvtColor(blue, cv2.COLOR_Lab2BGR) * 255).astype(np.uint8)
    matched = match_tone(skin((110, 140, 190), 20), target, EVERYWHERE)
    lab = cv2.cvtColor(matched.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    assert np.abs(lab[..., 1:].mean(axis=(0, 1)) - (5, -20)).max() < 1
    assert lab[..., 1:].std(axis=(0, 1)).max() < 1


def test_a_soft_face_is_not_carved_by_a_target_full_of_contrast() -> None:
    soft, harsh = skin((110, 140, 190), 3), skin((110, 110, 110), 60)
    assert match_tone(soft, harsh, EVERYWHERE).std(axis=(0, 1)).max() < 1.6 * soft.std(axis=(0, 1)).max()


@pytest.mark.parametrize("swapped", [0, 128, 255])
@pytest.mark.parametrize("original", [0, 128, 255])
def test_flat_crops_stay_flat(swapped: int, original: int) -> None:
    flat, wanted = (np.full((128, 128, 3), level, np.uint8) for level in (swapped, original))
    matched = match_tone(flat, wanted, EVERYWHERE).astype(int)
    assert matched.min() == matched.max()
    assert min(swapped, original) - 1 <= matched[0, 0, 0] <= max(swapped, original) + 1


def test_a_flat_crop_does_not_take_contrast_to_extremes() -> None:
    sharp, flat = skin((110, 140, 190), 20), np.full((128, 128, 3), (110, 140, 190), np.uint8)
    assert match_tone(sharp, flat, EVERYWHERE).std(axis=(0, 1)).min() > 2
    assert np.ptp(match_tone(flat, sharp, EVERYWHERE), axis=(0, 1)).max() <= 1


def test_too_few_pixels_measure_nothing() -> None:
    where = np.zeros((128, 128), np.uint8)
    where[0, :9] = 1
    crop = skin((110, 140, 190))
    assert np.array_equal(match_tone(crop, skin((20, 30, 40)), where), crop)
