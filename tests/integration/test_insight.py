"""Finding faces with SCRFD's contract: a detector that sees a painted mark, real meshes, insightface's decoding.

The mark is on a real forehead, and the detector is blind to what is small, large or tilted, so that every step of the
search is needed for some picture. Where the weights of a real SCRFD are at hand, they are asked as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faces.five_points import points_of_mesh
from facefusion_cli.core.faces.insight import InsightAnalyser
from facefusion_cli.core.faces.mesh import Fitted
from facefusion_cli.core.faces.scrfd import Scrfd
from facefusion_cli.core.inference.onnx_runtime import open_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.inference.session import Session, TensorInfo

SCRIPTS = Path(__file__).parents[2] / "scripts"
DETECTOR = Path(os.environ.get("TEST_MODELS", "")) / "scrfd_2.5g_bnkps.onnx"
SIDE = 18  # of the mark


@dataclass(frozen=True)
class Marked:
    """A portrait with a mark on the forehead."""

    picture: NDArray[np.uint8]
    face: Face
    mark: NDArray[np.float64]
    """Middle of the mark."""

    def offsets(self, points: NDArray[Any]) -> NDArray[np.float64]:
        """From the middle of the mark, in its sides."""
        return np.asarray((points - self.mark) / SIDE, np.float64)


def read(path: Path) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path))
    assert picture is not None
    return np.asarray(picture, np.uint8)


@pytest.fixture(scope="session")
def embedded() -> FaceAnalyser:
    return FaceAnalyser()


@pytest.fixture(scope="session")
def marked(astronaut: Path, embedded: FaceAnalyser) -> Marked:
    picture = read(astronaut)
    (face,) = embedded.find(picture)
    x1, y1, x2, y2 = face.box
    x, y = round((x1 + x2 - SIDE) / 2), round(y1 + 0.14 * (y2 - y1) - SIDE / 2)
    picture[y : y + SIDE // 2, x : x + SIDE] = (0, 255, 0)
    picture[y + SIDE // 2 : y + SIDE, x : x + SIDE] = (255, 0, 0)
    (face,) = embedded.find(picture)
    return Marked(picture, face, np.array([x, y]) + SIDE / 2 - 0.5)


def mark_detector(marked: Marked, side: int | None = None) -> bytes:
    x1, y1, x2, y2 = marked.face.box
    (middle,) = marked.offsets(np.array([[(x1 + x2) / 2, (y1 + y2) / 2]])).tolist()
    points = marked.offsets(points_of_mesh(marked.face.mesh)).tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SCRIPTS))
        import _replica_scrfd

        model: bytes = _replica_scrfd.detector(tuple(middle), points, side).SerializeToString()
    return model


@pytest.fixture(scope="session")
def free(marked: Marked) -> Session:
    """Its input may have any size."""
    return open_session(mark_detector(marked))


@pytest.fixture(scope="session")
def fixed(marked: Marked) -> Session:
    """640 x 640."""
    return open_session(mark_detector(marked, 640))


@pytest.fixture(params=["free", "fixed"])
def session(request: pytest.FixtureRequest) -> Session:
    chosen: Session = request.getfixturevalue(request.param)
    return chosen


def scaled(picture: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=method), np.uint8)


def rolled(picture: NDArray[np.uint8], degrees: float) -> NDArray[np.uint8]:
    """Clockwise, on grey."""
    height, width = picture.shape[:2]
    side = int(np.hypot(height, width))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1)
    matrix[:, 2] += [(side - width) / 2, (side - height) / 2]
    turned = cv2.warpAffine(picture, matrix, (side, side), flags=cv2.INTER_CUBIC, borderValue=(90, 90, 90))
    return np.asarray(turned, np.uint8)


def on_canvas(picture: NDArray[np.uint8], width: int, height: int, x: int, y: int) -> NDArray[np.uint8]:
    canvas = np.full((height, width, 3), 120, np.uint8)
    canvas[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return canvas


def off(face: Face) -> float:
    """Mean distance of the keypoints from where the mesh has them, over the face's width."""
    assert face.keypoints is not None
    return float(np.linalg.norm(face.keypoints - points_of_mesh(face.mesh), axis=1).mean()) / face.size


# The detector


@pytest.mark.parametrize("scale", [0.5, 1, 1.3, 2.5])
def test_sightings_are_where_the_mark_says(session: Session, marked: Marked, scale: float) -> None:
    (sighting,) = Scrfd(session).detect(scaled(marked.picture, scale))
    box = (np.array(marked.face.box) + 0.5) * scale - 0.5
    x, y = (box[:2] + box[2:]) / 2
    assert sighting.centre[0] == pytest.approx(x, abs=0.2)  # wrong pixel centres would be off by 0.3 at least
    assert sighting.centre[1] == pytest.approx(y, abs=1.2 * scale + 0.4)  # the mark's edges are soft
    assert sighting.side == pytest.approx(6 * SIDE * scale, rel=0.06)
    points = (points_of_mesh(marked.face.mesh) + 0.5) * scale - 0.5
    assert sighting.points == pytest.approx(points, abs=2 * scale + 0.6)
    assert sighting.score == pytest.approx(0.9)
    assert sighting.seen == pytest.approx(6 * SIDE * 640 / 512, rel=0.06)


def test_a_free_input_is_no_larger_than_needed(marked: Marked, free: Session) -> None:
    seen = Watching(free)
    Scrfd(seen).detect(marked.picture[:300])
    assert seen.shapes == [(1, 3, 384, 640)]


def test_a_fixed_input_shows_less_of_what_is_larger(marked: Marked, fixed: Session, free: Session) -> None:
    assert (Scrfd(fixed).largest, Scrfd(free).largest) == (640, 1280)
    (sighting,) = Scrfd(fixed).detect(marked.picture, 1280)
    assert sighting.seen == pytest.approx(6 * SIDE * 640 / 512, rel=0.03)


def test_sightings_move_with_the_picture(marked: Marked, free: Session) -> None:
    (sighting,) = Scrfd(free).detect(marked.picture)
    quarter = np.array([[0.0, -2.0, 30.0], [2.0, 0.0, 5.0]])
    moved = sighting.moved(quarter)
    assert moved.points == pytest.approx(sighting.points @ quarter[:, :2].T + quarter[:, 2], abs=1e-3)
    x1, y1, x2, y2 = sighting.box.tolist()
    assert moved.box == pytest.approx([30 - 2 * y2, 5 + 2 * x1, 30 - 2 * y1, 5 + 2 * x2], abs=1e-3)


class Watching:
    """A session that knows what it was shown, and may spoil what it answers."""

    def __init__(self, session: Session, spoiled: float | None = None) -> None:
        self._session, self._spoiled = session, spoiled
        self.shapes: list[tuple[int, ...]] = []

    def get_inputs(self) -> Sequence[TensorInfo]:
        return self._session.get_inputs()

    def get_outputs(self) -> Sequence[TensorInfo]:
        return self._session.get_outputs()

    def get_providers(self) -> list[str]:
        return self._session.get_providers()

    def set_providers(self, providers: Sequence[str]) -> None: ...

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        self.shapes.append(input_feed["input.1"].shape)
        answers = self._session.run(output_names, input_feed)
        if self._spoiled is not None:
            answers[3:] = [np.full_like(one, self._spoiled) for one in answers[3:]]
        return answers


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_sightings_without_points_are_none(marked: Marked, free: Session, value: float) -> None:
    assert Scrfd(Watching(free, value)).detect(marked.picture) == []


# The search


def test_a_portrait_needs_nothing_more(marked: Marked, free: Session, capfd: pytest.CaptureFixture[str]) -> None:
    (face,) = InsightAnalyser(free).find(marked.picture)
    assert face.box == pytest.approx(marked.face.box, abs=2)
    assert 0.9 < face.score <= 1
    assert off(face) < 0.04
    assert face.embedding is None
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("degrees", [30, -40, 60, 90, 135, 180, 270])
def test_tilted_heads_are_found_and_their_points_are_upright(marked: Marked, free: Session, degrees: int) -> None:
    picture = rolled(marked.picture, degrees)
    (face,) = InsightAnalyser(free).find(picture)
    assert (face.roll - marked.face.roll - degrees + 180) % 360 - 180 == pytest.approx(0, abs=4)
    assert off(face) < 0.05
    if abs((degrees + 180) % 360 - 180) > 45:
        assert Scrfd(free).detect(picture) == []


def test_a_face_on_its_head_is_not_taken_for_an_upright_one(astronaut: Path, marked: Marked, free: Session) -> None:
    """As SCRFD does now and then."""
    picture = np.ascontiguousarray(read(astronaut)[::-1, ::-1])
    x1, y1, x2, y2 = marked.face.box
    x, y = (
        (511 - np.array([x1 + x2, y1 + y2]) / 2 - (np.array([x1 + x2, y1 + y2]) / 2 - marked.mark)).round().astype(int)
    )
    picture[y - SIDE // 2 : y, x - SIDE // 2 : x + SIDE // 2] = (0, 255, 0)
    picture[y : y + SIDE // 2, x - SIDE // 2 : x + SIDE // 2] = (255, 0, 0)
    (sighting,) = Scrfd(free).detect(picture)
    assert sighting.points[0, 1] < sighting.points[4, 1]
    (face,) = InsightAnalyser(free).look(picture)
    assert abs(face.roll) > 165
    assert off(face) < 0.05


def test_faces_seen_inexactly_are_shown_once_more(marked: Marked, free: Session) -> None:
    portrait, tilted = marked.picture[:, :400], rolled(marked.picture[:, :400], 35)
    for picture, closer in ((portrait, 0), (tilted, 1), (on_canvas(portrait, 1100, 700, 80, 40), 1)):
        seen = Watching(free)
        (face,) = InsightAnalyser(seen).look(picture)
        assert seen.shapes.count((1, 3, 320, 320)) == closer
        assert 1e-4 < off(face) < 0.06  # from the detector


def test_close_ups_are_found(marked: Marked, session: Session) -> None:
    picture = scaled(marked.picture[60:190, 165:285], 5)
    assert Scrfd(session).detect(picture) == []
    analyser = InsightAnalyser(session)
    (face,) = analyser.find(picture)
    assert off(face) < 0.05
    assert face.size == pytest.approx(5 * marked.face.size, rel=0.03)
    assert len(analyser.look(picture)) == 1


@pytest.mark.parametrize(("session", "width"), [("fixed", 1500), ("free", 2800)], indirect=["session"])
def test_tiny_faces_are_found(marked: Marked, session: Session, width: int) -> None:
    """In one view, or in tiles of a larger one."""
    scale = 0.7
    small = scaled(marked.picture, scale)
    picture = on_canvas(small, width, width * 2 // 3, width - small.shape[1] - 31, 240)
    assert Scrfd(session).detect(picture) == []
    (face,) = InsightAnalyser(session).find(picture)
    x, y = (marked.face.mesh[4, :2] + 0.5) * scale - 0.5 + [width - small.shape[1] - 31, 240]
    assert face.mesh[4, :2] == pytest.approx([x, y], abs=3)
    assert off(face) < 0.08


def test_many_faces_come_from_left_to_right_and_once(marked: Marked, free: Session) -> None:
    large, small = scaled(marked.picture, 1.7), scaled(marked.picture, 0.75)
    picture = on_canvas(large, 1900, 1000, 50, 60)
    for x, y in ((950, 20), (1250, 390), (1510, 610)):
        picture[y : y + small.shape[0], x : x + small.shape[1]] = small
    faces = InsightAnalyser(free).find(picture)
    middles = [(face.box[0] + face.box[2]) / 2 for face in faces]
    assert middles == sorted(middles)
    assert [face.size / marked.face.size for face in faces] == pytest.approx([1.7, 0.75, 0.75, 0.75], rel=0.05)


def test_beside_a_lying_face_others_that_lie_are_found(marked: Marked, free: Session, hopper: Path) -> None:
    other, lying = (
        np.asarray(cv2.rotate(one, cv2.ROTATE_90_CLOCKWISE), np.uint8) for one in (read(hopper), marked.picture)
    )
    picture = on_canvas(other, 1200, 512, 0, 0)
    picture[:, -512:] = lying

    class Embedded(FaceAnalyser):
        def find(self, picture: NDArray[np.uint8], known: Sequence[Fitted] = ()) -> list[Face]:
            return super().find(other, known)

    first, second = InsightAnalyser(free, embedded=Embedded()).find(picture)
    assert first.box[2] < 600 < 1200 - 512 < second.box[0]
    assert off(second) < 0.05


def test_what_the_mesh_network_denies_is_none(marked: Marked, free: Session) -> None:
    picture = np.random.default_rng(2).normal(120, 30, (480, 640, 3)).clip(0, 255).astype(np.uint8)
    picture[200:209, 300:318], picture[209:218, 300:318] = (0, 255, 0), (255, 0, 0)
    assert len(Scrfd(free).detect(picture)) == 1
    analyser = InsightAnalyser(free)
    assert analyser.find(picture) == analyser.look(picture) == []


@pytest.mark.parametrize("shape", [(1, 1), (7, 300), (1, 65_000), (65_000, 1), (8, 8), (8, 65_000), (300, 20)])
def test_pictures_that_hold_no_face_are_no_trouble(
    free: Session, embedded: FaceAnalyser, shape: tuple[int, int]
) -> None:
    analyser = InsightAnalyser(free, embedded=embedded)
    picture = np.full((*shape, 3), 130, np.uint8)
    assert analyser.find(picture) == analyser.look(picture) == embedded.look(picture) == []


@pytest.mark.parametrize("value", [0, 255])
def test_pictures_of_one_colour_hold_no_face(free: Session, value: int) -> None:
    analyser = InsightAnalyser(free)
    picture = np.full((480, 640, 3), value, np.uint8)
    assert analyser.find(picture) == analyser.look(picture) == []


def test_views_of_a_picture_will_do(marked: Marked, free: Session, embedded: FaceAnalyser) -> None:
    mirrored = np.ascontiguousarray(marked.picture[:, ::-1])
    view = mirrored[:, ::-1]
    assert not view.flags.c_contiguous
    before = view.copy()
    assert len(InsightAnalyser(free).find(view)) == len(InsightAnalyser(free).look(view)) == 1
    assert len(embedded.look(view)) == 1
    assert (view == before).all()


# The second opinion


def test_the_embedded_detector_adds_what_scrfd_misses(
    marked: Marked, free: Session, hopper: Path, embedded: FaceAnalyser
) -> None:
    """Whose points come from a closer look, where SCRFD sees the face in that, else from the mesh."""
    other = scaled(read(hopper), 512 / 600)
    lying = np.asarray(cv2.rotate(marked.picture, cv2.ROTATE_90_CLOCKWISE), np.uint8)
    canvas = np.full((512, 512 + other.shape[1] + 512, 3), 90, np.uint8)
    canvas[:, :512], canvas[:, -512:] = marked.picture, lying
    canvas[: other.shape[0], 512 : 512 + other.shape[1]] = other
    alone = InsightAnalyser(free).find(canvas)
    assert [round(face.roll / 90) for face in alone] == [0]
    upright, unmarked, turned = InsightAnalyser(free, embedded=embedded).find(canvas)
    assert off(upright) < 0.05
    assert off(unmarked) < 0.01  # only the mesh knows of it
    assert 0.001 < off(turned) < 0.05
    assert round(turned.roll / 90) == 1


def test_a_quick_look_sees_the_same_without_the_trouble(marked: Marked, free: Session) -> None:
    seen = Watching(free)
    analyser = InsightAnalyser(seen)
    (face,) = analyser.look(marked.picture)
    assert len(seen.shapes) == 1
    (thorough,) = analyser.find(marked.picture)
    assert len(seen.shapes) > 2
    assert face.keypoints == pytest.approx(thorough.keypoints)
    assert face.mesh == pytest.approx(thorough.mesh, abs=0.03 * face.size)
    assert analyser.look(rolled(marked.picture, 180)) == []


def test_what_is_known_is_not_fitted_anew(marked: Marked, free: Session) -> None:
    analyser = InsightAnalyser(free)
    (face,) = analyser.find(marked.picture)
    for search in (analyser.find, analyser.look):
        (again,) = search(marked.picture, [Fitted(face.mesh, 20.0)])
        assert again.mesh is face.mesh
        assert again.keypoints == pytest.approx(face.keypoints)
        (anew,) = search(marked.picture, [Fitted(face.mesh + np.float32(0.05 * face.size), 20.0)])
        assert anew.mesh == pytest.approx(face.mesh, abs=0.02 * face.size)


def test_the_embedded_quick_look_sees_upright_faces(group: Path, astronaut: Path, embedded: FaceAnalyser) -> None:
    picture = read(astronaut)
    (face,) = embedded.look(picture)
    (thorough,) = embedded.find(picture)
    assert face.box == pytest.approx(thorough.box, abs=3)
    assert face.keypoints is None
    assert len(embedded.look(read(group))) >= 3
    assert embedded.look(np.ascontiguousarray(picture[::-1, ::-1])) == []


# A real SCRFD


@pytest.fixture(scope="session")
def real() -> Session:
    if not DETECTOR.is_file():
        pytest.skip("TEST_MODELS names no folder with the weights")
    return open_session(DETECTOR)


def test_scrfd_finds_the_six_faces_of_a_picture(real: Session, group: Path, embedded: FaceAnalyser) -> None:
    picture = read(group)
    assert len(Scrfd(real).detect(picture)) == 6
    analyser = InsightAnalyser(real, embedded=embedded)
    faces = analyser.find(picture)
    assert len(faces) == len(analyser.look(picture)) == 6
    assert all(off(face) < 0.06 for face in faces)
    upside_down = analyser.find(np.ascontiguousarray(picture[::-1, ::-1]))
    assert [abs(face.roll) > 120 for face in upside_down] == [True] * 6


def test_points_are_insightfaces_own(real: Session, astronaut: Path) -> None:
    from insightface.model_zoo.scrfd import SCRFD

    picture = read(astronaut)
    _, theirs = SCRFD(session=real).detect(picture, input_size=(640, 640))
    (sighting,) = Scrfd(real).detect(picture)
    assert sighting.points == pytest.approx(theirs[0], abs=0.5)  # pixel centres and another way to enlarge
    (face,) = InsightAnalyser(real).find(picture)
    assert face.keypoints == pytest.approx(theirs[0], abs=2)


@pytest.mark.parametrize("degrees", [75, 120, 180, 225])
def test_scrfd_finds_tilted_heads(real: Session, hopper: Path, degrees: int) -> None:
    (face,) = InsightAnalyser(real).find(rolled(read(hopper), degrees))
    assert (face.roll - degrees + 180) % 360 - 180 == pytest.approx(-3, abs=5)
    assert off(face) < 0.05


def test_mesh_points_are_near_scrfds(real: Session, astronaut: Path, hopper: Path) -> None:
    for path in (astronaut, hopper):
        (face,) = InsightAnalyser(real).find(read(path))
        assert off(face) < 0.025
