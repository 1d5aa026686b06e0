"""What is made up between lips."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from facefusion_cli.core.lipsync.mouth.interior import Gap, paint
from facefusion_cli.core.lipsync.mouth.light import LUMA, Light

WIDTH = 100


def gap(middle: float, *, own: float = 0.0, turn: float = 0.0) -> Gap:
    """An open mouth, 100 pixels wide, flat above and round below."""
    x, y = (grid / np.float32(WIDTH) for grid in np.meshgrid(*(np.arange(n, dtype=np.float32) for n in (WIDTH, 50))))
    x -= np.float32(0.5)
    lower = middle * (1 - (2 * x) ** 2)
    return Gap(
        across=x,
        below=y,
        above=lower - y,
        inwards=np.float32(0.5) - np.abs(x),
        hanging=lower - y,
        middle=middle,
        turn=turn,
        width=float(WIDTH),
        own=own,
        fresh=1.0,
        shut=0.0,
    )


def light(level: float = 1.0, *, toned: float = 0.0, blur: float = 0.0) -> Light:
    cheek = np.array([130, 155, 205], np.float32) * np.float32(level)
    bright = np.array([200, 220, 245], np.float32) * np.float32(level)
    return Light(sides=np.stack([cheek, cheek]), bright=bright, toned=toned, blur=blur, teeth=0.0)


def brightness(middle: float, level: float = 1.0, **more: float) -> np.ndarray:
    return np.asarray(paint(gap(middle, **more), light(level)) @ LUMA)


def test_teeth_hang_from_above_and_it_is_dark_below() -> None:
    shown = brightness(0.25)
    middle = shown[:, 30:70]
    assert middle[4:8].mean() > 110
    assert middle[12:16].mean() < 40
    # The lip's shadow, and darkness towards the corners.
    assert middle[0].mean() < 0.75 * middle[6].mean()
    assert shown[5, 12] < 0.75 * shown[5, 50]
    # Never white.
    assert shown.max() < 225


def test_a_mouth_that_is_hardly_open_shows_no_teeth() -> None:
    assert brightness(0.04)[:4, 30:70].max() < 60
    small, large = brightness(0.10), brightness(0.25)
    assert small[:10, 30:70].max() < large[:10, 30:70].max()


def test_it_changes_little_by_little() -> None:
    steps = np.arange(0.02, 0.34, 0.004)
    shown = [brightness(float(middle)) for middle in steps]
    changes = [np.abs(b - a).max() for a, b in pairwise(shown)]
    assert max(changes) < 30


def test_a_dark_scene_has_a_dark_mouth() -> None:
    bright, dark = brightness(0.25), brightness(0.25, 0.2)
    assert dark == pytest.approx(0.2 * bright, abs=6)


def test_a_grey_picture_has_a_grey_mouth() -> None:
    grey = replace(light(toned=1.0), sides=np.full((2, 3), 150, np.float32), bright=np.full(3, 220, np.float32))
    assert np.ptp(paint(gap(0.3), grey), axis=2).max() < 0.5


def test_a_blurred_picture_has_a_blurred_mouth() -> None:
    steepest = [
        float(np.abs(np.diff(paint(gap(0.25), light(blur=blur)) @ LUMA, axis=0)).max()) for blur in (0.0, 2.0, 3.5)
    ]
    assert steepest[0] > 1.5 * steepest[1] > 1.5 * 1.2 * steepest[2]


def test_own_teeth_make_others_superfluous() -> None:
    assert brightness(0.25, own=1.0)[:12, 30:70].max() < 60


def test_teeth_stay_behind_where_the_head_turns() -> None:
    def centre(turn: float) -> float:
        row = np.clip(brightness(0.25, turn=turn)[5] - 60, 0, None)
        return float((row * np.arange(WIDTH)).sum() / row.sum())

    # The right corner is nearer: the mouth faces left, and the teeth are farther to the right.
    assert centre(-0.4) > centre(0.0) + 2 > centre(0.4) + 4
