"""Faces one before another, in a picture and in a video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli import find_faces, swap_faces
from facefusion_cli.core.faceswap import picture as swap_in_pictures
from facefusion_cli.core.faceswap.video import render
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.patch import Patch

HEAD = (225, 112), (62, 86)
"""The astronaut's with her hair: middle and half axes."""


def two_people(
    astronaut: Path, hopper: Path, far: float, near: float, x: float
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """One person's head before another's face, 480 x 360, enlarged by ``near`` and ``far``; and where that head is."""
    layers = []
    head = np.zeros((512, 512), np.uint8)
    cv2.ellipse(head, *HEAD, 0, 0, 360, 255, -1, cv2.LINE_AA)
    for picture, (middle_x, middle_y), scale, to_x in (
        (read_picture(hopper).bgr, (260, 235), far, 150.0),
        (read_picture(astronaut).bgr, (225, 115), near, x),
        (head, (225, 115), near, x),
    ):
        matrix = np.array([[scale, 0, to_x - scale * middle_x], [0, scale, 180 - scale * middle_y]])
        layers.append(cv2.warpAffine(picture, matrix, (480, 360), flags=cv2.INTER_AREA))
    rear, front, mask = layers
    share = cv2.GaussianBlur(mask, (0, 0), 1.0)[..., None].astype(np.float32) / 255
    picture = np.rint(rear * (1 - share) + front * share).astype(np.uint8)
    return picture, cv2.erode(mask, np.ones((7, 7), np.uint8)) > 0


def shown_anyway(patch: Patch, _over: Any) -> Patch:
    return patch


@pytest.fixture(scope="module")
def crowd(astronaut: Path, hopper: Path) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The nearer head's hair covers a part of the farther face."""
    return two_people(astronaut, hopper, 0.7, 1.9, 285)


def difference(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(np.abs(one.astype(np.float32) - other).max(axis=2), np.float32)


def test_a_nearer_persons_pixels_stay_when_the_farther_one_is_swapped(
    crowd: tuple[NDArray[np.uint8], NDArray[np.bool_]], group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, head = crowd
    rear, front = find_faces(picture)
    assert rear.size < front.size

    def swapped(face: str | int) -> NDArray[np.float32]:
        image = swap_faces(group, picture, engine="mesh", face=face).image
        assert image is not None
        return difference(image, picture)

    only_rear, only_front, both = swapped(0), swapped(1), swapped("all")
    monkeypatch.setattr(swap_in_pictures, "uncovered", shown_anyway)
    ghost = swapped(0)
    assert np.array_equal(swapped(1), only_front)
    face = np.zeros(head.shape, np.uint8)
    cv2.fillPoly(face, [cv2.convexHull(np.rint(front.mesh[:, :2]).astype(np.int32))], 1)
    assert ghost[face > 0].max() > 20
    assert only_rear[face > 0].max() == 0
    assert np.array_equal(both[face > 0], only_front[face > 0])
    # Hair is where a head's outline leaves room for a guess.
    assert (only_rear[head] > 10).sum() < 0.2 * (ghost[head] > 10).sum()
    assert (only_rear[~head] > 10).sum() > 0.8 * (ghost[~head] > 10).sum()


def test_in_a_video_neither_does_the_farther_face_show_on_the_nearer_head(
    crowd: tuple[NDArray[np.uint8], NDArray[np.bool_]],
    group: Path,
    clip: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture, head = crowd
    target = clip([np.roll(picture, shift, axis=0) for shift in range(4)])

    def swapped() -> tuple[float, float]:
        """How much the head's pixels and the others changed, on average over all frames."""
        swap_faces(group, target, tmp_path / "out.mp4", engine="mesh", face=0)
        inside, outside = [], []
        with FrameReader(probe(target)) as before, FrameReader(probe(tmp_path / "out.mp4")) as after:
            for shift, (old, new) in enumerate(zip(before, after, strict=True)):
                changed, there = difference(old, new) > 20, np.roll(head, shift, axis=0)
                inside.append(int(changed[there].sum()))
                outside.append(int(changed[~there].sum()))
        assert len(inside) == 4
        return float(np.mean(inside)), float(np.mean(outside))

    inside, outside = swapped()
    monkeypatch.setattr(render, "uncovered", shown_anyway)
    ghost, beside = swapped()
    assert inside < 0.2 * ghost
    assert outside > 0.8 * beside
