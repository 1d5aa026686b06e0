"""The embedded networks on real pictures: what must be found, where, and what must not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
import skimage

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faces.blazeface import BlazeFace
from facefusion_cli.core.faces.mesh import FaceMesh, region_of_detection
from facefusion_cli.core.faces.topology import topology

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

    Picture = NDArray[np.uint8]

GROUP_CENTRES = [(113, 334), (324, 213), (520, 349), (795, 423), (962, 142), (1181, 344)]
"""Where the six faces of ``group`` are, by hand."""


@pytest.fixture(scope="module")
def analyser() -> FaceAnalyser:
    return FaceAnalyser()


@pytest.fixture(scope="module")
def portraits(astronaut: Path, hopper: Path) -> dict[str, Picture]:
    return {"astronaut": read(astronaut), "hopper": read(hopper)}


def read(path: Path) -> Picture:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)


def resized(picture: Picture, scale: float) -> Picture:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def eye_distance(mesh: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(mesh[263, :2] - mesh[33, :2]))


def difference(points: NDArray[np.float32], reference: NDArray[np.float32]) -> float:
    """Mean distance of (478, 2 or more) points in percent of the reference's outer eye distance."""
    return 100 * float(np.linalg.norm(points[:, :2] - reference[:, :2], axis=1).mean()) / eye_distance(reference)


def moved(mesh: NDArray[np.float32], x: float, y: float) -> NDArray[np.float32]:
    return (mesh + np.array([x, y, 0], np.float32)).astype(np.float32)


def centres(faces: list[Face]) -> NDArray[np.float64]:
    return np.array([[(x1 + x2) / 2, (y1 + y2) / 2] for x1, y1, x2, y2 in (face.box for face in faces)])


@pytest.mark.parametrize("scale", [1.0, 0.5, 0.25])
def test_all_six_of_a_group_and_nothing_else(analyser: FaceAnalyser, group: Path, scale: float) -> None:
    faces = analyser.find(resized(read(group), scale))
    assert len(faces) == 6
    off = np.linalg.norm(centres(faces) / scale - GROUP_CENTRES, axis=1)
    assert off.max() < 20  # of about 110 pixels of width; in order from left to right
    assert all(80 < face.size / scale < 120 for face in faces)


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_group_turned(analyser: FaceAnalyser, group: Path, turns: int) -> None:
    assert len(analyser.find(np.rot90(read(group), turns))) == 6


def grey(picture: Picture) -> Picture:
    return np.repeat(np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), np.uint8)[..., None], 3, axis=2)


def dark(picture: Picture) -> Picture:
    return (picture * 0.35).astype(np.uint8)


def bright(picture: Picture) -> Picture:
    return (picture * 1.6 + 30).clip(0, 255).astype(np.uint8)


def noisy(picture: Picture) -> Picture:
    return (picture + np.random.default_rng(0).normal(0, 25, picture.shape)).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
@pytest.mark.parametrize("change", [np.copy, grey, dark, bright, noisy])
def test_one_portrait_one_face_in_any_light(
    analyser: FaceAnalyser, portraits: dict[str, Picture], name: str, change: Callable[[Picture], Picture]
) -> None:
    (reference,) = analyser.find(portraits[name])
    (face,) = analyser.find(change(portraits[name]))
    assert difference(face.mesh, reference.mesh) < 4
    assert face.score > 0.9


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_a_mirror_image_gives_the_mirrored_mesh(
    analyser: FaceAnalyser, portraits: dict[str, Picture], name: str
) -> None:
    (reference,) = analyser.find(portraits[name])
    (face,) = analyser.find(portraits[name][:, ::-1])
    mirrored = face.mesh[topology().flip]
    mirrored[:, 0] = portraits[name].shape[1] - 1 - mirrored[:, 0]
    assert difference(mirrored, reference.mesh) < 2


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
@pytest.mark.parametrize("turns", [1, 2, 3])
def test_portraits_turned_by_quarters(
    analyser: FaceAnalyser, portraits: dict[str, Picture], name: str, turns: int
) -> None:
    picture = portraits[name]
    (reference,) = analyser.find(picture)
    (face,) = analyser.find(np.rot90(picture, turns))  # counterclockwise
    height, width = picture.shape[:2]
    x, y = face.mesh[:, 0], face.mesh[:, 1]
    back = {1: (width - 1 - y, x), 2: (width - 1 - x, height - 1 - y), 3: (y, height - 1 - x)}[turns]
    assert difference(np.stack(back, axis=1), reference.mesh) < 3
    assert abs((face.roll - reference.roll + 90 * turns + 180) % 360 - 180) < 3


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
@pytest.mark.parametrize("angle", [-60, -30, 30, 60, 135])
def test_tilted_heads(analyser: FaceAnalyser, portraits: dict[str, Picture], name: str, angle: int) -> None:
    picture = portraits[name]
    (reference,) = analyser.find(picture)
    matrix = cv2.getRotationMatrix2D((300, 300), -angle, 1.0)
    matrix[:, 2] += 100
    turned = np.asarray(cv2.warpAffine(picture, matrix, (800, 800), borderValue=(90, 90, 90)), np.uint8)
    (face,) = analyser.find(turned)
    expected = reference.mesh[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    assert difference(face.mesh, expected.astype(np.float32)) < 3


@pytest.mark.parametrize("name", ["astronaut", "hopper"])
@pytest.mark.parametrize("share", [1.0, 1.15])
def test_a_face_that_fills_the_frame(
    analyser: FaceAnalyser, portraits: dict[str, Picture], name: str, share: float
) -> None:
    picture = portraits[name]
    (reference,) = analyser.find(picture)
    x1, y1, x2, y2 = reference.box
    half = max(x2 - x1, y2 - y1) / share / 2
    left, top = round((x1 + x2) / 2 - half), round((y1 + y2) / 2 - half)
    (face,) = analyser.find(picture[top : top + round(2 * half), left : left + round(2 * half)])
    assert difference(moved(face.mesh, left, top), reference.mesh) < 8


@pytest.mark.parametrize("long_side", [1000, 2400])
@pytest.mark.parametrize("noise", [0.0, 25.0])
@pytest.mark.parametrize("place", [(0.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.25, 0.6), (0.42, 0.3), (0.72, 0.9)])
def test_a_face_of_three_percent_of_the_long_side(
    analyser: FaceAnalyser, portraits: dict[str, Picture], long_side: int, noise: float, place: tuple[float, float]
) -> None:
    head = portraits["astronaut"][:300, 100:400]
    (reference,) = analyser.find(head)
    _, y1, _, y2 = reference.box
    scale = 0.03 * long_side / (y2 - y1)
    small = resized(head, scale)
    canvas = np.full((long_side * 7 // 10, long_side, 3), 120.0)
    canvas += np.random.default_rng(3).normal(0, noise, canvas.shape)
    picture = canvas.clip(0, 255).astype(np.uint8)
    left = round(place[0] * (picture.shape[1] - small.shape[1]))
    top = round(place[1] * (picture.shape[0] - small.shape[0]))
    picture[top : top + small.shape[0], left : left + small.shape[1]] = small
    (face,) = analyser.find(picture)
    expected = ((reference.mesh + 0.5) * scale - 0.5).astype(np.float32)
    assert difference(face.mesh, moved(expected, left, top)) < 6


WITHOUT_FACES = """brick.png cell.png chelsea.png clock_motion.png coffee.png color.png grass.png gravel.png horse.png
hubble_deep_field.jpg ihc.png logo.png moon.png motorcycle_left.png page.png retina.jpg rocket.jpg text.png"""


@pytest.mark.parametrize("name", WITHOUT_FACES.split())
def test_no_face_where_there_is_none(analyser: FaceAnalyser, name: str) -> None:
    # coins.png is left out: it shows heads in relief. So is camera.png, which shows a man in profile.
    assert analyser.find(read(Path(skimage.__file__).parent / "data" / name)) == []


def test_no_face_in_a_landscape(analyser: FaceAnalyser, no_face: Path) -> None:
    assert analyser.find(read(no_face)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 65_000), (65_000, 1), (8, 8), (20, 20), (12, 5000), (60, 33_000)])
def test_b09_pictures_of_any_shape(analyser: FaceAnalyser, shape: tuple[int, int]) -> None:
    picture = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    assert analyser.find(picture) == []


def test_a_portrait_of_30_pixels(analyser: FaceAnalyser, portraits: dict[str, Picture]) -> None:
    (face,) = analyser.find(resized(portraits["astronaut"][50:200, 150:300], 0.2))
    assert 15 < face.size < 21


def test_the_same_picture_gives_the_same_faces(
    analyser: FaceAnalyser, group: Path, portraits: dict[str, Picture]
) -> None:
    pictures = [read(group), portraits["hopper"]]
    before = [picture.copy() for picture in pictures]
    first = [analyser.find(picture) for picture in pictures]
    fresh = FaceAnalyser()
    with ThreadPoolExecutor(2) as pool:
        again = list(pool.map(fresh.find, pictures))
    for one, other in zip(first, again, strict=True):
        assert [face.score for face in one] == [face.score for face in other]
        assert all((a.mesh == b.mesh).all() for a, b in zip(one, other, strict=True))
    assert all((a == b).all() for a, b in zip(pictures, before, strict=True))


GOLDEN = np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz")
GOLDEN_FACES = [(name, index) for name in GOLDEN.files for index in range(len(GOLDEN[name]))]


@pytest.fixture(scope="module")
def golden_pictures(portraits: dict[str, Picture], group: Path) -> dict[str, Picture]:
    return {"astronaut": portraits["astronaut"], "grace_hopper": portraits["hopper"], "t1": read(group)}


@pytest.mark.parametrize(("name", "index"), GOLDEN_FACES)
def test_one_look_agrees_with_the_reference(golden_pictures: dict[str, Picture], name: str, index: int) -> None:
    """As the reference was made: the short-range detector on a crop around the face, and one look from there."""
    golden = GOLDEN[name][index]
    low, high = golden[:, :2].min(axis=0), golden[:, :2].max(axis=0)
    middle, half = (low + high) / 2, 1.25 * (high - low).max()
    left, top = np.maximum(0, middle - half).astype(int)
    right, bottom = (middle + half).astype(int)
    crop = np.ascontiguousarray(golden_pictures[name][top:bottom, left:right])
    mesh, presence = FaceMesh().look(crop, region_of_detection(BlazeFace("short").detect(crop)[0]))
    assert difference(moved(mesh, left, top), golden) < 1.5
    assert presence > 10


@pytest.mark.parametrize(("name", "index"), GOLDEN_FACES)
def test_the_faces_found_lie_near_the_reference(
    analyser: FaceAnalyser, golden_pictures: dict[str, Picture], name: str, index: int
) -> None:
    """Later looks move the points by up to 2 %, away from where the detector's region happened to lie."""
    golden = GOLDEN[name][index]
    nearest = min(difference(face.mesh, golden) for face in analyser.find(golden_pictures[name]))
    assert nearest < (1.5 if name != "t1" else 2.5)
