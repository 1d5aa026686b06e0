"""What nearer heads hide of the faces behind them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faceswap.overlap import covers, head_outline, lies_on, uncovered
from facefusion_cli.core.media.patch import Patch

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

PICTURE = (400, 600)


@pytest.fixture(scope="module")
def make() -> Callable[..., Face]:
    """A face with its middle at ``x`` and ``y``."""
    with np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz", allow_pickle=False) as data:
        mesh = data["astronaut"][0]
    shape = (mesh - (mesh.min(axis=0) + mesh.max(axis=0)) / 2) / Face(mesh, 1.0).size

    def face(x: float, size: float = 100, y: float = 200) -> Face:
        return Face(np.asarray(shape * size + np.array([x, y, 0]), np.float32), 1.0)

    return face


def drawn(outline: NDArray[np.float32]) -> NDArray[np.bool_]:
    return cv2.fillPoly(np.zeros(PICTURE, np.uint8), [np.rint(outline).astype(np.int32)], 1) > 0


def patch_of(face: Face) -> Patch:
    """A patch that covers the face and a little more."""
    x1, y1, x2, y2 = (round(value) for value in face.box)
    alpha = np.full((y2 - y1 + 20, x2 - x1 + 20), 0.8, np.float32)
    return Patch(x1 - 10, y1 - 10, np.zeros((*alpha.shape, 3), np.uint8), alpha, ("a note",))


def blank(x: int, y: int, width: int, height: int) -> Patch:
    return Patch(x, y, np.zeros((height, width, 3), np.uint8), np.ones((height, width), np.float32))


def shown(patch: Patch) -> NDArray[np.float32]:
    alpha = np.zeros(PICTURE, np.float32)
    height, width = patch.alpha.shape
    alpha[patch.y : patch.y + height, patch.x : patch.x + width] = patch.alpha
    return alpha


def test_faces_apart_keep_their_patches(make: Callable[..., Face]) -> None:
    far, near = make(150, 80), make(350, 130)
    assert covers([far, near]) == [(), ()]
    patch = patch_of(far)
    assert uncovered(patch, ()) is patch


def test_a_head_beside_a_face_takes_nothing_of_its_edge(make: Callable[..., Face]) -> None:
    far = make(200, 80)
    for x in range(250, 400, 3):
        near = make(x, 130)
        over, _ = covers([far, near])
        if not (drawn(head_outline(far, 0.0)) & drawn(head_outline(near))).any():
            assert over == ()


def test_what_lies_behind_a_nearer_head_does_not_show(make: Callable[..., Face]) -> None:
    far, near = make(200, 80), make(260, 130)
    over, nothing = covers([far, near])
    assert nothing == ()
    patch = patch_of(far)
    alpha = shown(uncovered(patch, over))
    assert (shown(patch)[drawn(head_outline(near, 0.0))] > 0).any()
    assert not alpha[drawn(head_outline(near, 0.0))].any()
    hair = drawn(head_outline(near)) & ~drawn(head_outline(near, 0.0)) & (shown(patch) > 0)
    assert alpha[hair].mean() < 0.15
    away = ~cv2.dilate(drawn(head_outline(near)).astype(np.uint8), np.ones((3, 3)), iterations=20).astype(bool)
    assert np.array_equal(alpha[away], shown(patch)[away])
    assert (alpha[away] > 0).any()
    assert patch.alpha.min() == np.float32(0.8)  # the engine's array is as it was
    steps = np.abs(np.diff(alpha, axis=1))[patch.y + 1 : patch.y + patch.alpha.shape[0], patch.x + 1 : 260]
    assert steps.max() < 0.15


@pytest.mark.parametrize("ratio", [1.0, 1.04, 1.1, 1.15])
def test_faces_cheek_to_cheek_both_show(make: Callable[..., Face], ratio: float) -> None:
    left, right = make(200, 100), make(0, 100 * ratio)
    right = make(float(left.box[2] - right.box[0]), 100 * ratio)
    assert covers([left, right]) == [(), ()]


def test_a_face_seen_on_a_larger_one_lies_before_it(make: Callable[..., Face]) -> None:
    person, screen = make(230, 60), make(250, 200)
    assert lies_on([screen, person]) == [(1, 0)]
    over_screen, over_person = covers([screen, person], lies_on([screen, person]))
    assert over_person == ()
    assert not shown(uncovered(patch_of(screen), over_screen))[drawn(head_outline(person, 0.0))].any()
    assert lies_on([make(120, 100), make(250, 200)]) == []
    assert lies_on([make(250, 100), make(251, 101)]) == []


def test_what_is_known_counts_more_than_widths(make: Callable[..., Face]) -> None:
    small, large = make(200, 80), make(260, 130)
    over_small, over_large = covers([small, large], [(0, 1)])
    assert over_small == ()
    (cover,) = over_large
    assert np.array_equal(cover.outline, head_outline(small))


def test_nothing_jumps_while_a_face_moves_or_grows(make: Callable[..., Face]) -> None:
    patch = patch_of(make(200, 80))

    def hidden(near: Face) -> NDArray[np.float32]:
        return shown(uncovered(patch, covers([make(200, 80), near])[0]))

    moving = [hidden(make(x, 130)) for x in np.arange(220, 340, 0.5)]
    growing = [hidden(make(255, 80 * ratio)) for ratio in np.arange(0.9, 1.6, 0.005)]
    for series in (moving, growing):
        sums = np.array([alpha.sum() for alpha in series]) / patch.alpha.sum()
        assert np.ptp(sums) > 0.1
        assert np.abs(np.diff(sums)).max() < 0.03


def test_it_is_the_same_at_any_size_and_place(make: Callable[..., Face]) -> None:
    small, large = (
        (make(200 * scale, 40 * scale, 100 * scale), make(225 * scale, 60 * scale, 100 * scale)) for scale in (1, 2)
    )
    one, two = (
        uncovered(blank(0, 0, 300 * scale, 200 * scale), covers(faces)[0]).alpha
        for scale, faces in ((1, small), (2, large))
    )
    assert 0.1 < one.mean() < 0.9
    assert np.abs(cv2.resize(two, (300, 200), interpolation=cv2.INTER_AREA) - one).max() < 0.1
    part = uncovered(blank(130, 60, 110, 90), covers(small)[0]).alpha
    assert np.abs(part - one[60:150, 130:240]).max() < 0.03
