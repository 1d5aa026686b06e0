"""From meshes to boxes, and from boxes to what the network sees."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.lipsync.options import Pads
from facefusion_cli.core.lipsync.wav2lip.boxes import FaceBox, box_of_mesh
from facefusion_cli.core.lipsync.wav2lip.crops import CROP, cut, network_input

if TYPE_CHECKING:
    from numpy.typing import NDArray

MESH = np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz")["astronaut"][0].astype(np.float32)
DETECTED = 180.1, 56.2, 271.1, 177.7
"""Edges of the same face by SCRFD 2.5G: left, top, right, lower; mean of what it says of the picture in three sizes."""
NONE = Pads(0.0, 0.0, 0.0, 0.0)


def turned(mesh: NDArray[np.float32], degrees: float, factor: float = 1.0) -> NDArray[np.float32]:
    """Clockwise about the picture's origin, and larger."""
    cos, sin = factor * math.cos(math.radians(degrees)), factor * math.sin(math.radians(degrees))
    moved = mesh * np.float32(factor)
    moved[:, :2] = mesh[:, :2] @ np.array([[cos, sin], [-sin, cos]])
    return moved.astype(np.float32)


def over(left: int, top: int, right: int, bottom: int) -> FaceBox:
    """The box over whole pixels of a picture, right and lower edge excluded."""
    return FaceBox((left + right - 1) / 2, (top + bottom - 1) / 2, right - left, bottom - top, 0.0)


def noise(height: int, width: int, seed: int = 5) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_the_box_is_where_a_detector_has_it() -> None:
    box = box_of_mesh(MESH, NONE)
    edges = box.x - box.width / 2, box.y - box.height / 2, box.x + box.width / 2, box.y + box.height / 2
    width, height = DETECTED[2] - DETECTED[0], DETECTED[3] - DETECTED[1]
    off = np.abs(np.subtract(edges, DETECTED)) / [width, height, width, height]
    assert (off <= [0.03, 0.04, 0.03, 0.02]).all()


@pytest.mark.parametrize("degrees", [-170.0, -90.0, -20.0, 15.0, 60.0, 120.0])
def test_a_box_turns_and_grows_with_the_face(degrees: float) -> None:
    upright, other = box_of_mesh(MESH, Pads()), box_of_mesh(turned(MESH, degrees, 1.5), Pads())
    assert math.remainder(other.angle - upright.angle - math.radians(degrees), math.tau) == pytest.approx(0, abs=1e-4)
    assert (other.width, other.height) == pytest.approx((1.5 * upright.width, 1.5 * upright.height), rel=1e-4)
    place = turned(np.array([[upright.x, upright.y, 0]], np.float32), degrees, 1.5)[0]
    assert (other.x, other.y) == pytest.approx((float(place[0]), float(place[1])), abs=0.05)


def test_a_jaw_that_falls_moves_the_lower_edge_alone_and_less() -> None:
    fallen = MESH.copy()
    below = fallen[:, 1] > fallen[14, 1] - 0.5
    fallen[below, 1] += 10
    before, after = box_of_mesh(MESH, NONE), box_of_mesh(fallen, NONE)
    assert after.angle == before.angle
    assert after.width == pytest.approx(before.width, abs=0.5)
    assert 7 <= after.height - before.height <= 9
    assert (after.y - before.y) * 2 == pytest.approx(after.height - before.height, abs=0.2)


def test_pads_are_parts_of_the_box() -> None:
    plain, padded = box_of_mesh(MESH, NONE), box_of_mesh(MESH, Pads(top=0.1, bottom=0.3, left=0.2, right=0.4))
    assert padded.width == pytest.approx(1.6 * plain.width)
    assert padded.height == pytest.approx(1.4 * plain.height)
    right = np.array([math.cos(plain.angle), math.sin(plain.angle)])
    down = np.array([-right[1], right[0]])
    moved = np.array([padded.x - plain.x, padded.y - plain.y])
    assert moved @ right == pytest.approx(0.1 * plain.width)
    assert moved @ down == pytest.approx(0.1 * plain.height)


def test_a_mesh_without_extent_has_a_box_nevertheless() -> None:
    box = box_of_mesh(np.full((478, 3), 7, np.float32), Pads())
    assert box.width > 0
    assert box.height > 0
    assert np.isfinite(box.to_picture(CROP)).all()


def test_how_much_of_a_box_is_in_sight() -> None:
    assert FaceBox(50, 50, 40, 60, 0.4).in_sight((100, 120, 3)) == pytest.approx(1)
    assert FaceBox(-0.5, 50, 40, 60, 0.0).in_sight((100, 120)) == pytest.approx(0.5)
    assert FaceBox(119.5, 99.5, 40, 60, 0.0).in_sight((100, 120)) == pytest.approx(0.25)
    assert FaceBox(-300, 50, 40, 60, 0.2).in_sight((100, 120)) == 0


@pytest.mark.parametrize(
    "edges", [(50, 60, 170, 210), (30, 50, 222, 242), (11, 22, 200, 133), (0, 0, 96, 96), (204, 108, 300, 300)]
)
def test_an_upright_crop_is_what_resizing_gives(edges: tuple[int, int, int, int]) -> None:
    picture, (left, top, right, bottom) = noise(300, 300), edges
    expected = cv2.resize(picture[top:bottom, left:right], (CROP, CROP), interpolation=cv2.INTER_LINEAR)
    assert np.abs(cut(picture, over(*edges)).astype(int) - expected.astype(int)).max() <= 1


def test_a_large_face_is_averaged_before_it_is_sampled() -> None:
    # Plain sampling, between four pixels of each 36, leaves half the noise; what is averaged before is calmer.
    crop = cut(noise(600, 600), over(12, 12, 588, 588))
    assert crop.std() < 0.4 * noise(96, 96).std()
    assert crop.mean() == pytest.approx(127.5, abs=2)


def test_a_tilted_crop_is_upright() -> None:
    y, x = np.mgrid[0:300, 0:300]
    angle = math.radians(30)
    down = -math.sin(angle) * (x - 150) + math.cos(angle) * (y - 140)
    picture = np.repeat(np.clip(128 + down, 0, 255)[..., None], 3, axis=2).astype(np.uint8)
    crop = cut(picture, FaceBox(150, 140, 80, 120, angle)).astype(float)
    expected = 127.5 + (np.arange(CROP) - 47.5) * 120 / CROP
    assert np.abs(crop[..., 0] - expected[:, None]).max() <= 1.1


def test_beyond_the_picture_its_border_goes_on() -> None:
    picture = noise(100, 100)
    picture[:, :1] = 200
    crop = cut(picture, over(-48, 2, 48, 98))
    assert (crop[:, :48] == 200).all()


def test_the_network_sees_the_upper_half_and_the_whole() -> None:
    crop = noise(CROP, CROP)
    planes = network_input(crop)
    assert planes.shape == (6, CROP, CROP)
    assert planes.dtype == np.float32
    assert np.array_equal(np.rint(planes[3:] * 255).astype(np.uint8), crop.transpose(2, 0, 1))
    assert np.array_equal(planes[:3, :48], planes[3:, :48])
    assert not planes[:3, 48:].any()
