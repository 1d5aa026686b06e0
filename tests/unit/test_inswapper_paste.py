"""Laying a swapped crop back: where it shows, and that nothing else changes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.topology import INNER_LIPS, OUTER_LIPS, OVAL
from facefusion_cli.core.faceswap.inswapper.mask import GRID, face_mask
from facefusion_cli.core.faceswap.inswapper.paste import paste
from facefusion_cli.core.media.composite import composite, paste_into
from facefusion_cli.core.media.images import picture_from_array

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.media.patch import Patch

WIDTH = 76.0
"""Of the face that ``mesh_in_crop`` draws, in pixels of a crop of 128."""


def mesh_in_crop(scale: float = 1.0) -> NDArray[np.float64]:
    """(478, 2) a frontal face as it lies in a crop of 128: ellipses for outline and lips, all else between them."""
    generator = np.random.default_rng(3)
    angle, radius = generator.uniform(0, 2 * np.pi, 478), np.sqrt(generator.uniform(0, 0.8, 478))
    points = np.column_stack([64 + 38 * radius * np.cos(angle), 70 + 50 * radius * np.sin(angle)])
    for ring, (centre, wide, high) in {
        OVAL: ((64, 70), 38, 50),
        OUTER_LIPS: ((64, 93), 15, 8),
        INNER_LIPS: ((64, 93), 11, 3),
    }.items():
        turn = np.linspace(0, 2 * np.pi, len(ring), endpoint=False) + (-np.pi / 2 if ring is OVAL else np.pi)
        points[list(ring)] = np.column_stack([centre[0] + wide * np.cos(turn), centre[1] + high * np.sin(turn)])
    points[[8, 9]] = [[64, 52], [64, 46]]
    return (points - 64) * scale + 64


def similarity(size: float, x: float, y: float, degrees: float = 0.0, crop: int = 128) -> NDArray[np.float64]:
    """From picture to crop, for a face ``size`` pixels wide in a crop that is centred at (x, y) of the picture."""
    factor = WIDTH / size * crop / 128
    cos, sin = factor * math.cos(math.radians(degrees)), factor * math.sin(math.radians(degrees))
    linear = np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([linear, (crop - 1) / 2 - linear @ [x, y]])


def face_at(matrix: NDArray[np.float64], crop: int = 128) -> Face:
    """The face that ``matrix`` brings to where ``mesh_in_crop`` has it."""
    inside = (mesh_in_crop() + 0.5) * crop / 128 - 0.5
    places = (inside - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
    return Face(np.column_stack([places, np.zeros(478)]).astype(np.float32), 1.0)


def noise(height: int, width: int, seed: int = 5) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def put(
    frame: NDArray[np.uint8], size: float, x: float, y: float, degrees: float = 0.0, crop: int = 128, **choices: Any
) -> tuple[NDArray[np.uint8], Patch | None]:
    """The frame with a crop of noise on a face there, checked to differ only where the patch says so."""
    matrix = similarity(size, x, y, degrees, crop)
    patch = paste(noise(crop, crop), noise(crop, crop, 6), matrix, face_at(matrix, crop), frame.shape[:2], **choices)
    out = frame.copy()
    if patch is not None:
        paste_into(out, [patch])
        untouched = np.ones(frame.shape[:2], bool)
        height, width = patch.alpha.shape
        assert min(patch.x, patch.y) >= 0
        assert patch.x + width <= frame.shape[1]
        assert patch.y + height <= frame.shape[0]
        untouched[patch.y : patch.y + height, patch.x : patch.x + width] = patch.alpha == 0
        assert np.array_equal(out[untouched], frame[untouched])
        assert patch.colour.dtype == np.uint8
        assert patch.alpha.dtype == np.float32
        assert patch.alpha.min() >= 0
        assert 0 < patch.alpha.max() <= 1
    return out, patch


def test_only_the_face_changes() -> None:
    frame = noise(240, 320, 9)
    out, patch = put(frame, 80, 160, 120)
    assert patch is not None
    changed = np.argwhere((out != frame).any(axis=-1))
    low, high = changed.min(axis=0), changed.max(axis=0)
    # The ellipse is 80 wide and, with the forehead, some 120 high; its feathered rim may not show.
    assert 64 <= high[1] - low[1] <= 82
    assert 90 <= high[0] - low[0] <= 130
    # No larger than what shows.
    assert patch.alpha.shape[1] <= 84
    rim = patch.alpha[0], patch.alpha[-1], patch.alpha[:, 0], patch.alpha[:, -1]
    assert max(line.max() for line in rim) < 0.1


@pytest.mark.parametrize("size", [24, 80, 400])
@pytest.mark.parametrize("degrees", [0, 30, 90, 180, -120])
@pytest.mark.parametrize("crop", [128, 512])
def test_a_turned_face_shows_what_was_swapped_where_the_crop_lies(size: float, degrees: float, crop: int) -> None:
    # A ramp in the crop is a ramp in the picture; the tone is left alone since both crops have the same.
    ramp = np.repeat(np.linspace(40, 210, crop)[None, :, None], crop, axis=0).repeat(3, axis=2)
    crop_pixels = np.rint(ramp).astype(np.uint8)
    matrix = similarity(size, 400, 300, degrees, crop)
    patch = paste(crop_pixels, crop_pixels, matrix, face_at(matrix, crop), (600, 800))
    assert patch is not None
    rows, columns = np.nonzero(patch.alpha > 0.5)
    in_crop = (np.column_stack([columns + patch.x, rows + patch.y]) @ matrix[:, :2].T + matrix[:, 2])[:, 0]
    expected = 40 + in_crop / (crop - 1) * 170
    # Within half a pixel of the small face's, where one pixel is some four levels.
    assert np.abs(patch.colour[rows, columns, 1] - expected).max() <= 1.5 + 0.5 * 170 * 76 / 128 / size


@pytest.mark.parametrize(("x", "y"), [(0, 60), (199, 60), (100, 0), (100, 119), (0, 0), (199, 0), (0, 119), (199, 119)])
@pytest.mark.parametrize("degrees", [0, 40])
def test_a_face_partly_out_of_frame(x: float, y: float, degrees: float) -> None:
    frame = noise(120, 200, 9)
    out, patch = put(frame, 60, x, y, degrees)
    assert patch is not None
    assert (out != frame).any()


@pytest.mark.parametrize(("x", "y"), [(-300, 60), (600, 60), (100, -300), (100, 500), (-1e6, 1e6)])
def test_b32_a_face_out_of_frame_gives_no_patch(x: float, y: float) -> None:
    assert put(noise(120, 200), 60, x, y)[1] is None


def test_a_face_far_from_its_crop_gives_no_patch() -> None:
    matrix = similarity(60, 100, 60)
    crop = noise(128, 128)
    assert paste(crop, crop, matrix, face_at(similarity(60, 900, 60)), (120, 200)) is None


def test_a_face_bigger_than_the_frame_covers_it() -> None:
    frame = noise(120, 200, 9)
    _, patch = put(frame, 2000, 100, 60, 20)
    assert patch is not None
    assert patch.alpha.shape == (120, 200)
    assert patch.alpha.min() == 1


def test_a_face_out_of_frame_for_the_most_part_keeps_its_tone() -> None:
    # The crop is black beyond the picture, as ``align`` makes it; that is not the target's tone.
    matrix = similarity(200, 0, 100)
    original = np.full((128, 128, 3), (90, 110, 160), np.uint8)
    original[:, :64] = 0
    swapped = np.full((128, 128, 3), (90, 110, 160), np.uint8)
    patch = paste(swapped, original, matrix, face_at(matrix), (400, 400))
    assert patch is not None
    assert np.abs(patch.colour[patch.alpha > 0] - np.array([90.0, 110, 160])).max() <= 2


def test_faces_overlap_in_the_order_given() -> None:
    frame = np.full((200, 300, 3), 128, np.uint8)
    far, near = (np.full((128, 128, 3), level, np.uint8) for level in (100, 150))
    patches = []
    for crop, size, x in ((far, 60, 130), (near, 100, 170)):
        matrix = similarity(size, x, 100)
        patch = paste(crop, crop, matrix, face_at(matrix), (200, 300))
        assert patch is not None
        patches.append(patch)
    paste_into(frame, patches)
    middle_of_near, overlap = frame[105, 170], frame[105, 143]
    assert (middle_of_near == 150).all()
    assert (overlap == 150).all()
    paste_into(frame, patches[::-1])
    assert (frame[105, 143] == 100).all()


@pytest.mark.parametrize("crop", [128, 512])
@pytest.mark.parametrize("size", [60, 300, 380])
def test_the_mouth_is_kept_bit_for_bit(size: float, crop: int) -> None:
    frame = noise(480, 640, 9)
    out, _ = put(frame, size, 320, 240, 25, crop, keep_mouth=True)
    matrix = similarity(size, 320, 240, 25, crop)
    mouth = np.zeros(frame.shape[:2], np.uint8)
    lips = face_at(matrix, crop).mesh[list(OUTER_LIPS), :2]
    cv2.fillConvexPoly(mouth, np.rint(lips).astype(np.int32), 1)
    core = cv2.erode(mouth, np.ones((3, 3), np.uint8)) > 0
    assert core.sum() > 20
    assert np.array_equal(out[core], frame[core])
    assert not np.array_equal(put(frame, size, 320, 240, 25, crop)[0][core], frame[core])


def test_pictures_of_16_bits_get_the_same_face() -> None:
    bgr = noise(200, 240, 9)
    matrix = similarity(90, 120, 100, 10)
    patch = paste(noise(128, 128), noise(128, 128, 6), matrix, face_at(matrix), bgr.shape[:2])
    assert patch is not None
    shallow = picture_from_array(bgr, Path("a.png"))
    deep = type(shallow)(Path("a.png"), "PNG", bgr, (), pixels=bgr.astype(np.uint16) * 257)
    results = composite(shallow, [patch]), composite(deep, [patch])
    assert results[1].pixels.dtype == np.uint16
    outside = np.ones(bgr.shape[:2], bool)
    height, width = patch.alpha.shape
    outside[patch.y : patch.y + height, patch.x : patch.x + width] = patch.alpha == 0
    assert np.array_equal(results[1].pixels[outside], deep.pixels[outside])
    # Where the new colour is the old one but for a few levels, deep pictures keep more of their own.
    assert np.abs(results[1].bgr.astype(int) - results[0].bgr).max() <= 4
    assert (results[0].bgr != bgr).any()


def test_a_large_crop_on_a_small_face_does_not_alias() -> None:
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    matrix = similarity(60, 100, 80, 3, 512)
    patch = paste(stripes, stripes, matrix, face_at(matrix, 512), (160, 200))
    assert patch is not None
    assert patch.colour[patch.alpha > 0.5].astype(float).std() < 12


@pytest.mark.parametrize("crop", [128, 256])
@pytest.mark.parametrize("degrees", [0, 17])
def test_a_face_that_is_much_enlarged_is_what_a_cubic_makes_of_the_crop(crop: int, degrees: float) -> None:
    soft = cv2.GaussianBlur(noise(crop, crop), (0, 0), 1.2).astype(np.uint8, copy=False)
    matrix = similarity(701, 480, 480, degrees, crop)
    patch = paste(soft, soft, matrix, face_at(matrix, crop), (961, 959))
    assert patch is not None
    to_crop = matrix.copy()
    to_crop[:, 2] += matrix[:, :2] @ [patch.x, patch.y]
    cubic = cv2.warpAffine(soft, to_crop, patch.alpha.shape[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP).astype(
        np.float32
    )
    difference = np.abs(patch.colour - cubic)[patch.alpha > 0.1]
    assert difference.mean() < 0.8
    assert difference.max() <= 8


def test_the_arrays_given_stay_as_they_are_and_need_not_be_contiguous() -> None:
    matrix = similarity(80, 100, 80)
    swapped, original = noise(128, 128), noise(128, 128, 6)
    views = [crop.transpose(2, 0, 1)[::-1].copy()[::-1].transpose(1, 2, 0) for crop in (swapped, original)]
    assert not views[0].flags.c_contiguous
    for array in (swapped, original, *views):
        array.setflags(write=False)
    pairs = ((swapped, original), (views[0], views[1]))
    patches = [paste(new, old, matrix, face_at(matrix), (160, 200)) for new, old in pairs]
    assert patches[0] is not None
    assert patches[1] is not None
    assert np.array_equal(patches[0].colour, patches[1].colour)


@given(
    size=st.floats(4, 3000),
    x=st.floats(-400, 600),
    y=st.floats(-400, 600),
    degrees=st.floats(-180, 180),
    crop=st.sampled_from([128, 256, 384]),
    keep_mouth=st.booleans(),
)
def test_wherever_a_face_lies(size: float, x: float, y: float, degrees: float, crop: int, keep_mouth: bool) -> None:
    put(noise(90, 160), size, x, y, degrees, crop, keep_mouth=keep_mouth)


@pytest.mark.parametrize("scale", [0.5, 1.0, 1.6, 4.0])
def test_the_mask_is_nothing_at_the_border_and_rises_inwards(scale: float) -> None:
    mask = face_mask(mesh_in_crop(scale))
    assert mask.shape == (GRID, GRID)
    assert max(mask[0].max(), mask[-1].max(), mask[:, 0].max(), mask[:, -1].max()) == 0
    assert mask[64, 64] > 0.99
    for line in (mask[64], mask[:, 64], mask.diagonal(), mask[:, ::-1].diagonal()):
        assert (np.diff(line[:60]) >= -1e-6).all()
        assert (np.diff(line[70:]) <= 1e-6).all()
    # Soft: no step that shows.
    assert np.abs(np.diff(mask, axis=0)).max() < 0.3


def test_the_mask_lies_inside_the_outline_but_for_the_forehead() -> None:
    points = mesh_in_crop(0.8)
    hull = np.zeros((GRID, GRID), np.uint8)
    cv2.fillConvexPoly(hull, np.rint(points[list(OVAL)]).astype(np.int32), 1)
    below_brows = np.arange(GRID) > points[8, 1]
    mask = face_mask(points)
    assert mask[(cv2.dilate(hull, np.ones((5, 5), np.uint8)) == 0) & below_brows[:, None]].max() == 0
    top = np.flatnonzero(mask[:, 64] > 0.5)[0]
    assert points[10, 1] - 6 < top < points[10, 1] + 2


def test_the_mask_follows_the_mesh_smoothly() -> None:
    points = mesh_in_crop()
    still, moved = face_mask(points), face_mask(points + 0.1)
    assert 0 < np.abs(moved - still).max() < 0.05
