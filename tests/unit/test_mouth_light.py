"""What a picture says of the light on a face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.lipsync.mouth.light import Light

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@pytest.fixture(scope="module")
def mesh(request: pytest.FixtureRequest) -> NDArray[np.float32]:
    """(478, 3) of the astronaut, in pixels of a picture of 512."""
    data: Path = request.path.parents[1] / "data" / "face_mesh_478.npz"
    with np.load(data) as meshes:
        astronaut: NDArray[np.float32] = meshes["astronaut"][0]
    return astronaut


@pytest.fixture(scope="module")
def picture(mesh: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Skin with pale lips, a white gleam and bluish eyes, lit from the right."""
    picture = np.full((512, 512, 3), (120, 150, 200), np.uint8)
    for point, colour in ((33, (160, 120, 60)), (263, (160, 120, 60)), (13, (90, 80, 190)), (9, (250, 250, 250))):
        x, y = (int(value) for value in mesh[point, :2])
        picture[y - 5 : y + 6, x - 6 : x + 7] = colour
    shade = np.where(np.arange(512) < mesh[4, 0], 0.7, 1.0)
    return (picture * shade[None, :, None]).astype(np.uint8)


def test_each_side_has_its_light(picture: NDArray[np.uint8], mesh: NDArray[np.float32]) -> None:
    light = Light.of(picture, mesh)
    assert light.sides[1] == pytest.approx([120, 150, 200], abs=2)
    assert light.sides[0] == pytest.approx([84, 105, 140], abs=2)
    assert light.cheek == pytest.approx([102, 127, 170], abs=3)
    assert light.bright.min() >= 119


def test_a_cheek_that_is_turned_away_takes_the_others_light(mesh: NDArray[np.float32]) -> None:
    away = mesh.copy()
    right = [50, 205, 36, 101]
    away[right, 0] = mesh[4, 0] - 1
    picture = np.full((512, 512, 3), (120, 150, 200), np.uint8)
    picture[:, : int(mesh[4, 0]) + 4] = (255, 0, 0)
    light = Light.of(picture, away)
    assert light.sides[0] == pytest.approx(light.sides[1], abs=12)


def test_grey_and_toned_pictures_have_no_colours_of_their_own(
    picture: NDArray[np.uint8], mesh: NDArray[np.float32]
) -> None:
    assert Light.of(picture, mesh).toned == 0
    grey = np.asarray(cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)
    sepia = (grey * np.array([0.6, 0.8, 1.0])).astype(np.uint8)
    red = np.full((2, 2, 3), (10, 20, 120), np.float32)
    assert np.array_equal(Light.of(picture, mesh).tone(red), red)
    assert np.ptp(Light.of(grey, mesh).tone(red), axis=2).max() < 0.5
    toned = Light.of(sepia, mesh).tone(red)[0, 0]
    assert toned / toned[2] == pytest.approx([0.6, 0.8, 1.0], abs=0.03)


def test_blur_is_seen(picture: NDArray[np.uint8], mesh: NDArray[np.float32]) -> None:
    blurred = (np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8) for sigma in (0.3, 1.0, 2.0, 3.0))
    blurs = [Light.of(one, mesh).blur for one in blurred]
    assert blurs[0] < 0.3
    assert np.diff(blurs).min() > 0.2
    assert Light.of(picture, mesh * np.float32(0.05)).blur == 0


@pytest.mark.parametrize(("colour", "teeth"), [((190, 210, 220), 1.0), ((10, 12, 30), 0.0)])
def test_teeth_are_told_from_darkness(
    colour: tuple[int, int, int], teeth: float, picture: NDArray[np.uint8], mesh: NDArray[np.float32]
) -> None:
    mouth = picture.copy()
    between = mesh[[78, 81, 13, 311, 308, 402, 14, 178], :2]
    cv2.fillConvexPoly(mouth, np.rint(between).astype(np.int32), colour)
    assert Light.of(mouth, mesh).teeth == teeth


def test_a_face_beside_the_picture_is_no_error(picture: NDArray[np.uint8], mesh: NDArray[np.float32]) -> None:
    for shift in (-5000, 5000):
        light = Light.of(picture, mesh + np.float32(shift))
        assert np.isfinite(light.sides).all()
        assert np.isfinite(light.bright).all()
