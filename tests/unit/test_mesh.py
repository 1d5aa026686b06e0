from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.blazeface import Detection
from facefusion_cli.core.faces.mesh import CROP_SIZE, FaceMesh, Fitted, Region, cut, region_of_detection, region_of_mesh

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


def smooth_picture(height: int, width: int) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([100 + 60 * np.sin(x / 40), 100 + 60 * np.cos(y / 30), 60 + (x + y) / 10], axis=-1).astype(np.uint8)


def sample(picture: NDArray[np.uint8], region: Region) -> NDArray[np.float64]:
    """What ``cut`` should give for a smooth picture, one nearest pixel at a time."""
    ticks = np.arange(CROP_SIZE)
    grid = np.stack([*np.meshgrid(ticks, ticks), np.ones((CROP_SIZE, CROP_SIZE))], axis=-1) @ region.to_picture().T
    x = grid[..., 0].round().astype(int).clip(0, picture.shape[1] - 1)
    y = grid[..., 1].round().astype(int).clip(0, picture.shape[0] - 1)
    return np.asarray(picture[y, x], np.float64)


class FixedMesh:
    """A network that always answers with the same points of its crop."""

    def __init__(self, landmarks: NDArray[np.float32], logit: float) -> None:
        self.landmarks, self.logit = landmarks, logit
        self.seen: NDArray[Any] = np.empty(0)

    def get_inputs(self) -> list[Any]:
        return []

    def get_outputs(self) -> list[Any]:
        return []

    def get_providers(self) -> list[str]:
        return []

    def set_providers(self, providers: Sequence[str]) -> None:
        pass

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        assert output_names == ["landmarks", "presence"]
        self.seen = input_feed["input"]
        return [self.landmarks, np.array([[self.logit]], np.float32)]


def test_a_region_of_the_crops_own_size_is_cut_out_as_it_is() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (300, 400, 3), np.uint8)
    crop = cut(picture, Region(100 + 95.5, 50 + 95.5, CROP_SIZE, 0.0))
    np.testing.assert_array_equal(crop, picture[50:242, 100:292])


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_quarter_turns_are_exact(turns: int) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (192, 192, 3), np.uint8)
    crop = cut(picture, Region(95.5, 95.5, CROP_SIZE, turns * math.pi / 2))
    difference = np.abs(crop.astype(int) - np.rot90(picture, turns).astype(int))
    assert difference.max() <= 1


@pytest.mark.parametrize("side", [60.0, 192.0, 280.0, 300.0, 900.0, 2500.0])
@pytest.mark.parametrize("angle", [0.0, 0.3, -2.0])
@pytest.mark.parametrize("centre", [(700.0, 500.0), (0.0, 0.0), (1400.0, 500.0)])
def test_any_region_is_sampled_where_it_lies_with_the_border_carried_on(
    side: float, angle: float, centre: tuple[float, float]
) -> None:
    picture = smooth_picture(1000, 1400)
    region = Region(*centre, side, angle)
    difference = np.abs(cut(picture, region) - sample(picture, region))
    # Shrinking averages; a band beside the picture's border may be off by a pixel of the shrunk picture.
    assert difference.mean() < 2.5
    assert np.quantile(difference, 0.99) < 20


@pytest.mark.parametrize("side", [300.0, 390.0, 460.0, 500.0, 900.0, 2500.0])
@pytest.mark.parametrize("angle", [0.0, 0.7])
def test_what_is_cut_out_lies_where_it_should_to_a_fraction_of_a_pixel(side: float, angle: float) -> None:
    y, x = np.mgrid[:1600, :1600]
    region, place = Region(800.0, 800.0, side, angle), np.array([790.3, 810.7])
    wide = 6 * side / CROP_SIZE
    spot = 250 * np.exp(-((x - place[0]) ** 2 + (y - place[1]) ** 2) / 2 / wide**2)
    crop = cut(np.repeat(spot[..., None], 3, axis=2).round().astype(np.uint8), region)[..., 0].astype(float)
    crop[crop < 3] = 0
    y, x = np.mgrid[:CROP_SIZE, :CROP_SIZE]
    found = np.array([(x * crop).sum(), (y * crop).sum()]) / crop.sum()
    matrix = region.to_picture()
    assert found == pytest.approx(np.linalg.inv(matrix[:, :2]) @ (place - matrix[:, 2]), abs=0.05)


def test_a_crop_does_not_become_softer_at_once() -> None:
    """Not where means of more pixels begin to be taken."""
    grain = np.random.default_rng(0).normal(128, 40, (1400, 1400, 3)).clip(0, 255).astype(np.uint8)
    sides = [CROP_SIZE * shrink for shrink in np.arange(1.9, 6.3, 0.05)]
    spread = np.array([cut(grain, Region(700.0, 700.0, side, 0.3)).std() for side in sides])
    assert (spread[:-1] - spread[1:]).max() < 0.1 * spread[0]
    assert spread[-1] < 0.6 * spread[0]


def test_a_large_region_is_averaged_not_skipped() -> None:
    picture = np.zeros((1920, 1920, 3), np.uint8)
    picture[::2, ::2] = picture[1::2, 1::2] = 255  # a chessboard of single pixels: grey from afar
    crop = cut(picture, Region(960, 960, 1920, 0.0))
    assert np.abs(crop.astype(int) - 128).max() < 40


def test_a_region_far_outside_shows_the_nearest_border() -> None:
    picture = np.full((40, 50, 3), 9, np.uint8)
    picture[0, 0] = 77
    assert (cut(picture, Region(-5000, -5000, 100, 0.2)) == 77).all()


def test_pictures_wider_than_opencv_can_warp() -> None:
    picture = np.zeros((200, 40_000, 3), np.uint8)
    picture[:, 39_000:39_200] = 255
    assert cut(picture, Region(39_100, 100, 150, 0.0)).min() == 255
    assert cut(picture, Region(20_000, 100, 40_000, 0.0)).max() <= 255


def test_region_of_a_detection_follows_the_eyes() -> None:
    keypoints = np.zeros((6, 2), np.float32)
    keypoints[0], keypoints[1] = (10, 10), (20, 20)
    region = region_of_detection(Detection(np.array([10, 20, 50, 40], np.float32), keypoints, 0.9))
    assert (region.x, region.y, region.side) == pytest.approx((30, 30, 60))
    assert region.angle == pytest.approx(math.pi / 4)


def test_region_of_a_mesh_turns_with_it() -> None:
    mesh = np.random.default_rng(3).uniform(-50, 50, (478, 3)).astype(np.float32)
    mesh[33, :2], mesh[263, :2] = (-30, 0), (30, 0)
    mesh[0, :2], mesh[1, :2] = (-60, -80), (70, 100)
    upright = region_of_mesh(mesh)
    assert (upright.x, upright.y, upright.side, upright.angle) == pytest.approx((5, 10, 270, 0), abs=1e-4)
    angle = 2.5
    turned = mesh.copy()
    cos, sin = math.cos(angle), math.sin(angle)
    turned[:, :2] = mesh[:, :2] @ np.array([[cos, sin], [-sin, cos]], np.float32) + (300, 200)
    region = region_of_mesh(turned)
    assert region.angle == pytest.approx(angle, abs=1e-5)
    assert region.side == pytest.approx(upright.side, rel=1e-5)
    assert (region.x, region.y) == pytest.approx((300 + 5 * cos - 10 * sin, 200 + 5 * sin + 10 * cos), abs=1e-2)


def test_look_feeds_rgb_and_maps_back_to_the_picture() -> None:
    landmarks = np.random.default_rng(5).uniform(0, 192, (478, 3)).astype(np.float32)
    picture = np.zeros((400, 400, 3), np.uint8)
    picture[..., 0] = 255  # blue
    region = Region(210.0, 190.0, 384.0, math.pi / 2)
    net = FixedMesh(landmarks, 2.0)
    mesh, presence = FaceMesh(net).look(picture, region)
    assert net.seen.shape == (1, 3, 192, 192)
    assert net.seen.dtype == np.float32
    assert net.seen[0, :, 90, 90].tolist() == [0, 0, 1]
    assert presence == 2.0
    x, y, z = landmarks[17]
    # Turned a quarter clockwise, right in the crop is down in the picture.
    assert mesh[17].tolist() == pytest.approx([210 - 2 * (y - 95.5), 190 + 2 * (x - 95.5), 2 * z], abs=1e-3)


class Wandering:
    """A network whose face lies ``x``, ``y`` pixels from the middle of whatever crop it is shown, ``times`` times."""

    def __init__(self, x: float, y: float, times: int, logit: float = 20.0) -> None:
        self.x, self.y, self.times, self.logit = x, y, times, logit
        self.looks = 0

    def get_inputs(self) -> list[Any]:
        return []

    def get_outputs(self) -> list[Any]:
        return []

    def get_providers(self) -> list[str]:
        return []

    def set_providers(self, providers: Sequence[str]) -> None:
        pass

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        assert output_names == ["landmarks", "presence"]
        assert input_feed["input"].shape == (1, 3, CROP_SIZE, CROP_SIZE)
        self.looks += 1
        away = self.looks <= self.times
        landmarks = np.full((478, 3), (CROP_SIZE - 1) / 2, np.float32)
        landmarks[33, 0] -= 64
        landmarks[263, 0] += 64
        landmarks[:, :2] += (self.x, self.y) if away else (0, 0)
        return [landmarks, np.array([[self.logit]], np.float32)]


@pytest.mark.parametrize(("times", "looks"), [(0, 1), (1, 2), (2, 3), (50, 4)])
def test_fit_looks_until_the_region_stays_but_not_for_ever(times: int, looks: int) -> None:
    net = Wandering(19.2, 0.0, times)
    mesh, presence = FaceMesh(net).fit(np.zeros((300, 300, 3), np.uint8), Region(100.0, 100.0, 192.0, 0.0))
    assert net.looks == looks
    assert presence == 20.0
    assert mesh[0, 0] == pytest.approx(100 + 19.2 * min(times, 4), abs=1e-3)


def test_fit_gives_up_what_is_surely_no_face() -> None:
    net = Wandering(19.2, 0.0, 50, logit=-9.0)
    _, presence = FaceMesh(net).fit(np.zeros((300, 300, 3), np.uint8), Region(100.0, 100.0, 192.0, 0.0))
    assert (net.looks, presence) == (1, -9.0)


def test_what_the_first_look_comes_upon_is_not_fitted_anew() -> None:
    picture, region = np.zeros((300, 300, 3), np.uint8), Region(100.0, 100.0, 192.0, 0.0)
    first = FaceMesh(Wandering(19.2, 0.0, 1)).look(picture, region).mesh
    near, far = (Fitted(first + np.array([off, 0, 0], np.float32), 5.0) for off in (3.0, 5.0))
    net = Wandering(19.2, 0.0, 1)
    assert FaceMesh(net).fit(picture, region, [far, near]) is near
    assert net.looks == 1
    net = Wandering(19.2, 0.0, 1)
    assert FaceMesh(net).fit(picture, region, [far]).presence == 20.0
    assert net.looks == 2


def test_what_is_known_is_at_rest() -> None:
    net = Wandering(0.0, 0.0, 0)
    picture, mesh = np.zeros((300, 300, 3), np.uint8), FaceMesh(net)
    known = mesh.look(picture, Region(100.0, 100.0, 192.0, 0.0))
    assert mesh.settle(picture, known.mesh, [known]) is known.mesh
    assert net.looks == 1
    assert mesh.settle(picture, known.mesh.copy(), [known]) is not known.mesh
    assert net.looks == 2


def test_unsteadiness_adds_the_movement_and_the_difference_in_a_mirror() -> None:
    picture = np.zeros((300, 300, 3), np.uint8)
    mesh, _ = FaceMesh(Wandering(0.0, 0.0, 0)).look(picture, Region(100.0, 100.0, 192.0, 0.0))
    assert FaceMesh(Wandering(0.0, 0.0, 0)).unsteadiness(picture, mesh) < 1.0
    # Down by 19.2 pixels, 10 % of the region, in both looks: movement, but a mirror shows the same.
    assert FaceMesh(Wandering(0.0, 19.2, 9)).unsteadiness(picture, mesh) == pytest.approx(10, abs=1.0)
    # To the right in both looks: in a mirror that is to the left.
    assert FaceMesh(Wandering(19.2, 0.0, 9)).unsteadiness(picture, mesh) == pytest.approx(30, abs=1.0)


def test_cut_does_not_change_the_picture() -> None:
    picture = smooth_picture(300, 300)
    before = picture.copy()
    cut(picture, Region(10, 20, 700, 1.0))
    assert (picture == before).all()
    assert cv2.mean(picture)[:3] == cv2.mean(before)[:3]
