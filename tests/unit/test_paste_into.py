"""Patches into the frames of a video, in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from facefusion_cli.core.media.composite import composite, paste_into
from facefusion_cli.core.media.images import picture_from_array
from facefusion_cli.core.media.patch import Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def frame_of(height: int = 40, width: int = 60) -> NDArray[np.uint8]:
    return np.random.default_rng(8).integers(0, 256, (height, width, 3), dtype=np.uint8)


def soft_patch(x: int, y: int, height: int, width: int, kind: Any = np.uint8, seed: int = 1) -> Patch:
    generator = np.random.default_rng(seed)
    alpha = generator.uniform(-0.5, 1.5, (height, width)).clip(0, 1).astype(np.float32)
    return Patch(x, y, generator.uniform(0, 255, (height, width, 3)).astype(kind), alpha)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@given(width=st.integers(1, 60), height=st.integers(1, 40), seed=st.integers(0, 9))
@example(width=1, height=4, seed=0)  # which OpenCV may take for a colour
@example(width=4, height=1, seed=0)
def test_as_composite_does_it(kind: Any, width: int, height: int, seed: int) -> None:
    frame = frame_of()
    patches = [soft_patch(60 - width, 40 - height, height, width, kind, seed), soft_patch(5, 7, 20, 30, kind, 99)]
    expected = composite(picture_from_array(frame, Path("frame")), patches)
    out = frame.copy()
    paste_into(out, patches)
    assert np.abs(out.astype(int) - expected.bgr).max() <= 2  # one level for each of the two
    one = frame.copy()
    paste_into(one, patches[:1])
    expected = composite(picture_from_array(frame, Path("frame")), patches[:1])
    assert np.abs(one.astype(int) - expected.bgr).max() <= 1
    untouched = np.ones((40, 60), bool)
    untouched[40 - height :, 60 - width :] = patches[0].alpha == 0
    assert np.array_equal(one[untouched], frame[untouched])


def large_patch(kind: Any = np.uint8) -> Patch:
    """600 x 500 pixels: an opaque ellipse with a hole, soft at both rims, two empty corners of which are wide."""
    y, x = np.mgrid[0:600, 0:500].astype(np.float32)
    radius = np.hypot((x - 250) / 240, (y - 340) / 250)
    hole = np.hypot((x - 260) / 60, (y - 400) / 40)
    alpha = ((1 - radius) * 6).clip(0, 1) * ((hole - 1) * 3).clip(0, 1)
    return Patch(20, 10, np.random.default_rng(4).uniform(0, 255, (600, 500, 3)).astype(kind), alpha.astype(np.float32))


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
def test_large_patches_too(kind: Any) -> None:
    patch = large_patch(kind)
    frame = frame_of(640, 540)
    out = frame.copy()
    paste_into(out, [patch])
    expected = composite(picture_from_array(frame, Path("frame")), [patch]).bgr
    assert np.abs(out.astype(int) - expected).max() <= 1
    there, was = out[10:610, 20:520], frame[10:610, 20:520]
    assert np.array_equal(there[patch.alpha == 0], was[patch.alpha == 0])
    opaque = patch.alpha == 1
    assert 0.2 < opaque.mean() < 0.6
    assert np.array_equal(there[opaque], np.rint(patch.colour[opaque]).astype(np.uint8))
    there[...] = was
    assert np.array_equal(out, frame)


@pytest.mark.parametrize("alpha", [0.0, 1.0, 0.5])
def test_large_patches_that_are_the_same_throughout(alpha: float) -> None:
    frame = frame_of(640, 540)
    whole = np.full((640, 540), alpha, np.float32)
    patch = Patch(0, 0, np.random.default_rng(4).integers(0, 256, (640, 540, 3), dtype=np.uint8), whole)
    expected = composite(picture_from_array(frame, Path("frame")), [patch]).bgr
    paste_into(frame, [patch])
    assert np.abs(frame.astype(int) - expected).max() <= (alpha == 0.5)


def test_a_number_that_is_not_one_at_the_end_of_a_large_patch_leaves_the_frame_as_it_was() -> None:
    patch = large_patch()
    patch.alpha[-1, -1] = np.nan
    frame = frame_of(640, 540)
    before = frame.copy()
    with pytest.raises(ValueError, match="not finite"):
        paste_into(frame, [patch])
    assert np.array_equal(frame, before)


@pytest.mark.parametrize("level", range(256))
def test_alpha_0_and_1_are_exact(level: int) -> None:
    frame = np.full((4, 37, 3), level, np.uint8)
    colour = np.full((4, 37, 3), 255 - level, np.uint8)
    paste_into(frame, [Patch(0, 0, colour, np.zeros((4, 37), np.float32))])
    assert (frame == level).all()
    paste_into(frame, [Patch(0, 0, colour, np.ones((4, 37), np.float32))])
    assert (frame == 255 - level).all()


def test_a_mask_in_255_parts_shows_as_much_as_the_same_in_floats() -> None:
    soft = large_patch()
    parts = np.rint(soft.alpha * 255).astype(np.uint8)
    quick = Patch(soft.x, soft.y, soft.colour, parts)
    same = Patch(soft.x, soft.y, soft.colour, (parts / 255).astype(np.float32))
    assert quick.alpha.dtype == np.float32
    assert np.array_equal(quick.alpha, same.alpha)
    frame = frame_of(640, 540)
    outs = [frame.copy(), frame.copy()]
    for out, patch in zip(outs, (quick, same), strict=True):
        paste_into(out, [patch])
    assert np.array_equal(outs[0], outs[1])
    pictures = [composite(picture_from_array(frame, Path("frame")), [patch]).bgr for patch in (quick, same)]
    assert np.array_equal(pictures[0], pictures[1])
    assert np.abs(outs[0].astype(int) - pictures[0]).max() <= 1


@pytest.mark.parametrize("alpha", [0.001, 0.03, 0.25, 1 / 3, 0.5, 0.77, 0.998])
def test_any_level_over_any_other_is_mixed_as_near_as_levels_go(alpha: float) -> None:
    levels = np.arange(256, dtype=np.uint8)
    frame = np.repeat(levels[:, None, None], 256, axis=1).repeat(3, axis=2)
    colour = np.ascontiguousarray(frame.transpose(1, 0, 2))
    exact = alpha * colour.astype(float) + (1 - alpha) * frame
    paste_into(frame, [Patch(0, 0, colour, np.full((256, 256), alpha, np.float32))])
    assert np.abs(frame - exact).max() <= 1.001


def test_where_a_large_patch_is_opaque_beside_a_gap() -> None:
    frame = frame_of(300, 400)
    before = frame.copy()
    alpha = np.ones((300, 400), np.float32)
    alpha[:, 150:250] = 0
    colour = 255 - frame
    paste_into(frame, [Patch(0, 0, colour, alpha)])
    assert np.array_equal(frame, np.where(alpha[..., None] == 1, colour, before))


def test_colours_that_do_not_show_may_be_anything() -> None:
    frame = frame_of()
    before = frame.copy()
    alpha = np.zeros((4, 4), np.float32)
    colour = np.full((4, 4, 3), np.nan, np.float32)
    paste_into(frame, [Patch(3, 3, colour, alpha)])
    assert np.array_equal(frame, before)
    alpha[0, 0] = 0.5
    with pytest.raises(ValueError, match="not finite"):
        paste_into(frame, [Patch(3, 3, colour, alpha)])
    with pytest.raises(ValueError, match="not finite"):
        paste_into(frame, [Patch(3, 3, np.zeros((4, 4, 3), np.uint8), np.full((4, 4), np.nan, np.float32))])
    assert np.array_equal(frame, before)


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (41, 0), (0, 21)])
def test_patches_that_do_not_fit(x: int, y: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        paste_into(frame_of(), [soft_patch(x, y, 20, 20)])


def test_frames_that_will_not_do() -> None:
    patch = soft_patch(0, 0, 4, 4)
    locked = frame_of()
    locked.setflags(write=False)
    for frame in (locked, frame_of()[:, ::-1], frame_of()[:, :30]):
        with pytest.raises(ValueError, match="written into"):
            paste_into(frame, [patch])
    for other in (frame_of().astype(np.uint16), frame_of()[..., 0]):
        with pytest.raises(ValueError, match="three channels of 8 bits"):
            paste_into(other, [patch])  # type: ignore[arg-type]
