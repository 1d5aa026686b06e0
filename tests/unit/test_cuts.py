"""Where another scene begins, and where it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.tracking.cuts import (
    GLIMPSES_AFTER,
    GLIMPSES_BEFORE,
    at_border,
    glimpse,
    is_cut,
    with_cuts,
)
from facefusion_cli.core.faces.tracking.observations import GLIMPSE_SHAPE, Seen

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]


@pytest.fixture(scope="module")
def pictures(astronaut: Path, hopper: Path, group: Path, no_face: Path) -> list[Picture]:
    files = (astronaut, hopper, group, no_face)
    return [np.asarray(cv2.resize(cv2.imread(str(file)), (320, 180)), np.uint8) for file in files]  # type: ignore[arg-type]


def shown(picture: Picture, frames: int) -> list[Picture]:
    """That picture for a while, from a camera held in the hand."""
    rng = np.random.default_rng(len(picture))
    moved = []
    for _ in range(frames):
        x, y = rng.uniform(-2, 2, 2)
        moved.append(
            cv2.warpAffine(picture, np.array([[1, 0, x], [0, 1, y]]), (320, 180), borderMode=cv2.BORDER_REFLECT)
        )
    return [np.clip(one + rng.normal(0, 4, one.shape), 0, 255).astype(np.uint8) for one in moved]


def cuts(frames: list[Picture]) -> list[int]:
    marked = list(with_cuts(frames))
    assert len(marked) == len(frames)
    assert all(one.picture is frame for one, frame in zip(marked, frames, strict=True))
    begins = [index for index, one in enumerate(marked) if one.cut]
    assert [index for index, one in enumerate(marked) if one.ends] == [
        *(index - 1 for index in begins),
        len(frames) - 1,
    ]
    return begins


def test_each_change_of_picture_is_a_cut(pictures: list[Picture]) -> None:
    frames = [frame for picture in pictures for frame in shown(picture, 12)]
    assert cuts(frames) == [12, 24, 36]


def test_scenes_of_one_frame(pictures: list[Picture]) -> None:
    assert cuts(pictures) == [1, 2, 3]
    assert cuts(pictures[:1]) == []


def test_a_flash_is_none(pictures: list[Picture]) -> None:
    white = np.full((180, 320, 3), 250, np.uint8)
    scene = shown(pictures[0], 20)
    assert cuts([*scene[:10], white, white, *scene[10:]]) == []


def test_fading_and_brightening_are_none(pictures: list[Picture]) -> None:
    light = [*np.linspace(0.1, 1, 10), 1, 1, 0.4, 0.4, *np.linspace(0.4, 0, 10)]
    scene = shown(pictures[2], len(light))
    assert cuts([(frame * part).astype(np.uint8) for frame, part in zip(scene, light, strict=True)]) == []


def test_a_fast_pan_is_none(group: Path) -> None:
    wide = cv2.resize(cv2.imread(str(group)), (1280, 360))  # type: ignore[arg-type]
    places = np.cumsum([0, 0, 0, 20, 40, 50, 50, 50, 50, 40, 20, 0, 0])
    assert cuts([np.asarray(wide[90:270, place : place + 320]) for place in places]) == []


def test_something_that_passes_before_the_camera_is_none(pictures: list[Picture]) -> None:
    frames = shown(pictures[0], 20)
    for index, x in enumerate(range(-80, 320, 40)):
        frames[5 + index][:, max(0, x) : x + 120] = (30, 60, 90)
    assert cuts(frames) == []


def test_a_glimpse_is_small_whatever_the_frame() -> None:
    for shape in ((9, 5, 3), (180, 320, 3), (2160, 3840, 3), (1920, 1080, 3)):
        assert glimpse(np.zeros(shape, np.uint8)).shape == GLIMPSE_SHAPE


def apart(frames: list[Picture], border: int) -> list[int]:
    """Where cuts are if both sides of the border are seen apart, with glimpses of the frames nearest to it."""
    sides = [
        [Seen(frame.cut, (), frame.glimpse) for frame in with_cuts(part)] for part in (frames[:border], frames[border:])
    ]
    before = [replace(seen, glimpse=None) for seen in sides[0][:-GLIMPSES_BEFORE]] + sides[0][-GLIMPSES_BEFORE:]
    after = sides[1][:GLIMPSES_AFTER] + [replace(seen, glimpse=None) for seen in sides[1][GLIMPSES_AFTER:]]
    return [index for index, seen in enumerate(at_border(before, after)) if seen.cut]


@pytest.mark.parametrize("border", range(7, 18))
def test_stretches_seen_apart_have_the_cuts_of_the_whole(pictures: list[Picture], border: int) -> None:
    white = np.full((180, 320, 3), 250, np.uint8)
    scene, other = shown(pictures[0], 24), shown(pictures[1], 24)
    for frames, expected in (
        (scene, []),
        ([*scene[:12], *other[:12]], [12]),
        ([*scene[:11], white, *scene[11:]], []),
        ([*scene[:11], white, white, *scene[11:]], []),
        ([*scene[:11], white, *other[11:]], [11, 12]),
    ):
        assert cuts(frames) == expected
        assert apart(frames, border) == expected


def test_without_glimpses_cuts_stay_as_they_are(pictures: list[Picture]) -> None:
    small = glimpse(pictures[0])
    for before, after in (([Seen(True, ())], [Seen(False, (), small)]), ([], [Seen(False, ())])):
        assert at_border(before, after) == [*before, *after]


def test_two_stretches_are_compared_by_their_glimpses(pictures: list[Picture]) -> None:
    one, other = (glimpse(picture) for picture in pictures[:2])
    assert is_cut(one, other)
    assert not is_cut(one, one)
