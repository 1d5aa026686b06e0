"""Laying a generated mouth into the frame: where it shows, its tone, its sharpness, and that nothing else changes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.topology import INNER_LIPS, OUTER_LIPS, OVAL
from facefusion_cli.core.lipsync.options import Pads
from facefusion_cli.core.lipsync.wav2lip.boxes import box_of_mesh
from facefusion_cli.core.lipsync.wav2lip.crops import CROP, cut
from facefusion_cli.core.lipsync.wav2lip.mask import lips_mask, lower_face_mask
from facefusion_cli.core.lipsync.wav2lip.paste import paste
from facefusion_cli.core.lipsync.wav2lip.tone import tone_gain
from facefusion_cli.core.media.composite import paste_into

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.media.patch import Patch

MESH = np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz")["astronaut"][0].astype(np.float32)
WIDTH, HEIGHT = 640, 480


def face_at(size: float = 200.0, degrees: float = 0.0, x: float = WIDTH / 2, y: float = HEIGHT / 2) -> Face:
    """The face so wide, turned clockwise by so much, the tip of its nose there."""
    factor = size / Face(MESH, 1.0).size
    cos, sin = factor * math.cos(math.radians(degrees)), factor * math.sin(math.radians(degrees))
    mesh = MESH * np.float32(factor)
    mesh[:, :2] = (MESH[:, :2] - MESH[4, :2]) @ np.array([[cos, sin], [-sin, cos]]) + [x, y]
    return Face(mesh.astype(np.float32), 1.0)


def skin(grain: float = 4.0, seed: int = 5) -> NDArray[np.uint8]:
    """A frame of skin: shading and fine grain."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    shade = 150 + 25 * np.sin(x / 90) + 20 * np.cos(y / 70)
    fine = np.random.default_rng(seed).normal(0, grain, (HEIGHT, WIDTH, 1))
    return levels(shade[..., None] * np.array([0.7, 0.8, 1.0]) + fine)


def painted(face: Face) -> NDArray[np.uint8]:
    """Skin with lips, a mouth and the edge of a chin, so that there is something to see."""
    smooth = np.full((HEIGHT, WIDTH, 3), (60, 70, 90), np.uint8)
    points = np.rint(face.mesh[:, :2] * 16).astype(np.int32)
    for ring, colour in ((OVAL, (110, 130, 170)), (OUTER_LIPS, (80, 75, 150)), (INNER_LIPS, (20, 15, 40))):
        cv2.fillPoly(smooth, [points[list(ring)]], colour, cv2.LINE_AA, shift=4)
    return levels(cv2.GaussianBlur(smooth, (0, 0), 1.5) + skin().astype(float) - skin(0.0))


def hull(points: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(HEIGHT, WIDTH) what lies between the points."""
    inside = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(points).astype(np.int32)), 1)
    return inside > 0


def grown(mask: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8))) > 0


def levels(picture: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    rounded: NDArray[np.uint8] = np.rint(picture.clip(0, 255)).astype(np.uint8)
    return rounded


def speak(
    frame: NDArray[np.uint8], face: Face, generated: NDArray[np.float32] | None = None, share: float = 1.0
) -> tuple[NDArray[np.uint8], Patch | None]:
    """The frame after pasting; without ``generated`` the network gives back what it was given."""
    box = box_of_mesh(face.mesh, Pads())
    crop = cut(frame, box)
    if generated is None:
        generated = crop.astype(np.float32) / np.float32(255)
    before = frame.copy()
    patch = paste(generated, crop, box, face, frame, share)
    assert np.array_equal(frame, before)
    out = frame.copy()
    if patch is not None:
        assert patch.colour.dtype == np.uint8
        assert patch.alpha.dtype == np.float32
        assert patch.alpha.min() >= 0
        assert 0 < patch.alpha.max() <= share
        paste_into(out, [patch])
    return out, patch


def in_crop(face: Face) -> NDArray[np.float64]:
    """(478, 2) the mesh in pixels of the crop."""
    matrix = cv2.invertAffineTransform(box_of_mesh(face.mesh, Pads()).to_picture(CROP))
    return np.asarray(face.mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2], np.float64)


def noise(seed: int = 9) -> NDArray[np.float32]:
    return np.random.default_rng(seed).random((CROP, CROP, 3), np.float32)


@pytest.mark.parametrize("size", [24.0, 60.0, 200.0, 420.0])
@pytest.mark.parametrize("degrees", [0.0, -35.0, 90.0, 160.0])
def test_everything_above_the_nose_and_around_the_face_stays_bit_for_bit(size: float, degrees: float) -> None:
    frame, face = skin(), face_at(size, degrees)
    out, patch = speak(frame, face, noise())
    assert patch is not None
    turn = math.radians(face.roll)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    down = -math.sin(turn) * x + math.cos(turn) * y
    nose = float(-math.sin(turn) * face.mesh[2, 0] + math.cos(turn) * face.mesh[2, 1])
    changed = (out != frame).any(axis=2)
    assert changed.any()
    assert not changed[down <= nose].any()
    # Around: no farther below the chin and beside the ears than an eighth of the face.
    assert not changed[~grown(hull(face.mesh[:, :2]), math.ceil(size / 8))].any()


def test_what_the_network_leaves_as_it_was_cannot_be_seen() -> None:
    face = face_at()
    frame = painted(face)
    out, patch = speak(frame, face)
    assert patch is not None
    off = np.abs(out.astype(int) - frame.astype(int))
    lips = hull(face.mesh[list(OUTER_LIPS), :2])
    assert off[~grown(lips, 30)].max() <= 1
    # On the lips it loses what is finer than 96 pixels can hold, but for the grain.
    assert off[grown(lips, 30)].mean() < 1.5
    assert off.max() <= 30


@pytest.mark.parametrize("cast", [(0.94, 1.0, 1.06), (1.12, 1.1, 1.08), (0.85, 0.88, 0.9)])
def test_a_cast_of_the_network_does_not_come_into_the_frame(cast: tuple[float, float, float]) -> None:
    face, frame = face_at(), skin()
    crop = cut(frame, box_of_mesh(face.mesh, Pads()))
    generated = np.clip(crop * np.array(cast, np.float32) / np.float32(255), 0, 1).astype(np.float32)
    out, _ = speak(frame, face, generated)
    plain, _ = speak(frame, face)
    assert np.abs(cv2.blur(out, (9, 9)).astype(int) - cv2.blur(plain, (9, 9))).max() <= 2


def test_skin_keeps_the_detail_that_the_network_smooths_away() -> None:
    face, frame = face_at(), skin(8.0)
    crop = cut(frame, box_of_mesh(face.mesh, Pads()))
    out, patch = speak(frame, face, cv2.GaussianBlur(crop.astype(np.float32) / 255, (0, 0), 2).astype(np.float32))
    assert patch is not None
    inside = np.zeros((HEIGHT, WIDTH), bool)
    inside[patch.y : patch.y + patch.alpha.shape[0], patch.x : patch.x + patch.alpha.shape[1]] = patch.alpha > 0.9
    fine = [picture.astype(float) - cv2.GaussianBlur(picture, (0, 0), 2) for picture in (frame, out)]
    assert fine[1][inside].std() > 0.75 * fine[0][inside].std()


def test_a_mouth_that_opens_is_seen() -> None:
    face, frame = face_at(), skin()
    crop = cut(frame, box_of_mesh(face.mesh, Pads())).astype(np.float32) / np.float32(255)
    points = in_crop(face)
    x, y = (points[13] + points[14]) / 2
    cv2.ellipse(crop, (round(x), round(y) + 4), (10, 7), 0, 0, 360, (0.1, 0.08, 0.2), -1, cv2.LINE_AA)
    out, _ = speak(frame, face, crop)
    middle = (face.mesh[13, :2] + face.mesh[14, :2]) / 2
    column, row = (round(float(value)) for value in middle)
    assert np.abs(out[row + 6, column].astype(int) - [25, 20, 51]).max() <= 25


def test_between_the_lips_it_is_as_sharp_as_the_network_draws() -> None:
    face, frame = face_at(), skin()
    crop = cut(frame, box_of_mesh(face.mesh, Pads())).astype(np.float32) / np.float32(255)
    row = round(float(in_crop(face)[[13, 14], 1].mean()))
    crop[row, 40:56] *= np.float32(0.2)
    out, _ = speak(frame, face, crop)
    column, middle = (face.mesh[13, :2] + face.mesh[14, :2]) / 2
    seen = out[round(float(middle)) - 6 : round(float(middle)) + 7, round(float(column)), 2]
    assert seen.min() < 0.45 * np.median(seen)


def test_what_moves_away_from_the_lips_stays_sharp() -> None:
    face, frame = face_at(), skin()
    crop = cut(frame, box_of_mesh(face.mesh, Pads())).astype(np.float32) / np.float32(255)
    points = in_crop(face)
    row = round(float(points[152, 1])) - 7
    crop[row : row + 3, 40:56] *= np.float32(0.3)
    out, _ = speak(frame, face, crop)
    column, chin = (round(float(place)) for place in face.mesh[152, :2])
    seen = out[chin - 40 : chin, column, 2]
    assert seen.min() < 0.5 * np.median(seen)


def test_a_soft_mouth_is_sharpened_where_the_frame_is_sharp() -> None:
    face = face_at()
    frame, box = painted(face), box_of_mesh(face.mesh, Pads())
    soft = cv2.GaussianBlur(cut(frame, box).astype(np.float32) / np.float32(255), (0, 0), 0.8).astype(np.float32)
    size, flags = (WIDTH, HEIGHT), cv2.INTER_CUBIC
    enlarged = levels(cv2.warpAffine(soft * np.float32(255), box.to_picture(CROP), size, flags=flags).astype(float))
    out, _ = speak(frame, face, soft)
    lips = hull(face.mesh[list(OUTER_LIPS), :2])
    plain, made, wanted = (
        float((one - cv2.GaussianBlur(one.astype(float), (0, 0), 3))[lips].std()) for one in (enlarged, out, frame)
    )
    assert 1.3 * plain < made < wanted


def test_of_the_old_mouth_nothing_but_grain_is_left() -> None:
    face, plain = face_at(), skin()
    frame = plain.copy()
    lips = hull(face.mesh[list(INNER_LIPS), :2])
    stripes = lips & (np.arange(WIDTH) % 2 > 0)
    frame[stripes] = 30
    generated = cut(plain, box_of_mesh(face.mesh, Pads())).astype(np.float32) / np.float32(255)
    out, _ = speak(frame, face, generated)
    assert np.abs(np.diff(frame[lips].astype(int), axis=0)).mean() > 50
    assert np.abs(out[stripes].astype(int) - plain[stripes]).mean() < 12


def test_the_mask_is_soft_and_reaches_below_the_chin() -> None:
    points = in_crop(face_at())
    mask = lower_face_mask(points)
    chin, mouth = points[152], (points[13] + points[14]) / 2
    column = round(chin[0])
    assert mask[round(mouth[1]), round(mouth[0])] == 1
    assert mask[round(chin[1]), column] > 0.5
    assert mask[min(round(chin[1]) + 2, CROP - 1), column] > 0.1
    assert max(line.max() for line in (mask[0], mask[-1], mask[:, 0], mask[:, -1])) == 0
    steps = np.abs(np.diff(mask, axis=0)).max(), np.abs(np.diff(mask, axis=1)).max()
    assert max(steps) < 0.45
    assert lips_mask(points)[round(mouth[1]), round(mouth[0])] > 0.95
    assert lips_mask(points)[: math.floor(points[4, 1])].max() < 0.05


def test_a_share_is_a_share() -> None:
    face, frame = face_at(), skin()
    _, whole = speak(frame, face, noise())
    _, part = speak(frame, face, noise(), 0.25)
    assert whole is not None
    assert part is not None
    assert np.array_equal(part.colour, whole.colour)
    assert np.allclose(part.alpha, whole.alpha / 4)


@pytest.mark.parametrize(("x", "y"), [(20.0, 240.0), (630.0, 240.0), (320.0, 400.0), (30.0, 400.0)])
def test_a_face_cut_by_the_edge_of_the_frame(x: float, y: float) -> None:
    frame, face = skin(), face_at(200, 10, x, y)
    out, patch = speak(frame, face, noise())
    assert patch is not None
    assert (out != frame).any()


def test_what_was_made_up_beyond_the_frame_has_no_say_in_the_tone() -> None:
    frame, face = skin(), face_at(200, 0, 20)
    box = box_of_mesh(face.mesh, Pads())
    generated = cut(frame, box).astype(np.float32) / np.float32(255)
    edge = round((0 - box.x + box.width / 2) / box.width * CROP)
    assert edge > 30
    generated[:, :edge] *= np.float32(0.8)
    out, _ = speak(frame, face, generated)
    right = np.s_[:, 30:]
    assert np.abs(cv2.blur(out, (9, 9))[right].astype(int) - cv2.blur(frame, (9, 9))[right]).max() <= 3


def test_a_mouth_beyond_the_frame_gives_nothing() -> None:
    _, patch = speak(skin(), face_at(200, 0, 320, 470))
    assert patch is None


def test_the_same_frame_gives_the_same_patch() -> None:
    face, frame = face_at(), skin()
    first, second = (speak(frame, face, noise())[0] for _ in range(2))
    assert np.array_equal(first, second)


def test_the_gain_is_that_of_the_tone_and_not_of_a_mouth() -> None:
    y, x = np.mgrid[0:CROP, 0:CROP].astype(np.float32)
    old = np.repeat((120 + 0.5 * x + 0.3 * y)[..., None], 3, axis=2)
    factor = np.stack([0.9 + 0.001 * (x - 47.5), 1.1 - 0.0005 * (y - 47.5), np.ones_like(x)], axis=-1)
    new = (old / factor).astype(np.float32)
    new[60:76, 36:60] = 30
    gain = tone_gain(new, old, np.ones((CROP, CROP), np.float32))
    assert np.abs(gain - factor).max() < 0.015


def test_the_gain_is_bounded_and_needs_something_to_measure_on() -> None:
    black, white = np.full((CROP, CROP, 3), 2, np.float32), np.full((CROP, CROP, 3), 250, np.float32)
    everywhere = np.ones((CROP, CROP), np.float32)
    assert tone_gain(black, white, everywhere).max() <= 1.4 + 2 * 0.15
    assert tone_gain(white, black, everywhere).min() >= 0.7 - 2 * 0.15
    assert (tone_gain(white, black, np.zeros((CROP, CROP), np.float32)) == 1).all()
    assert np.isfinite(tone_gain(np.zeros_like(black), white, everywhere)).all()
