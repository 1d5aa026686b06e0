"""Following real faces through clips that are made here."""

from __future__ import annotations

import weakref
from fractions import Fraction
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from facefusion_cli.core.faces.analyser import FaceAnalyser
from facefusion_cli.core.faces.mesh import FaceMesh, Fitted
from facefusion_cli.core.faces.tracking.cuts import GLIMPSES_AFTER, GLIMPSES_BEFORE
from facefusion_cli.core.faces.tracking.observations import Seen, save
from facefusion_cli.core.faces.tracking.observer import observe
from facefusion_cli.core.faces.tracking.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.mesh import Region

    Picture = NDArray[np.uint8]

FPS = Fraction(25)
WIDTH, HEIGHT = 640, 360


class Counting:
    """A finder that keeps count."""

    def __init__(self) -> None:
        self.analyser = FaceAnalyser()
        self.finds = self.looks = 0
        self.fitted_anew = 0
        """Faces in quick looks whose mesh was not known."""

    def find(self, picture: Picture, known: Sequence[Fitted] = ()) -> list[Face]:
        self.finds += 1
        return self.analyser.find(picture, known)

    def look(self, picture: Picture, known: Sequence[Fitted] = ()) -> list[Face]:
        self.looks += 1
        faces = self.analyser.look(picture, known)
        self.fitted_anew += sum(not any(face.mesh is one.mesh for one in known) for face in faces)
        return faces


class Head:
    """A portrait cut out softly, to be laid into frames."""

    def __init__(self, file: Path, analyser: FaceAnalyser) -> None:
        self.pixels = np.asarray(cv2.imread(str(file)), np.uint8)
        (face,) = analyser.find(self.pixels)
        self.mesh, self.size = face.mesh, face.size
        x1, y1, x2, y2 = face.box
        self.middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2])
        mask = np.zeros(self.pixels.shape[:2], np.float32)
        centre = int(self.middle[0]), int(self.middle[1] - 0.15 * self.size)
        cv2.ellipse(mask, centre, (int(0.85 * self.size), int(1.05 * self.size)), 0, 0, 360, 1, -1)
        self.mask = cv2.GaussianBlur(mask, (0, 0), 0.04 * self.size)

    def into(
        self, frame: Picture, x: float, y: float, size: float, degrees: float = 0
    ) -> tuple[Picture, NDArray[np.float64]]:
        """The frame with the head, and where its mesh's points are then (478, 2)."""
        scale, angle = size / self.size, np.deg2rad(degrees)
        turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = np.column_stack([turn, np.array([x, y]) - turn @ self.middle])
        head = cv2.warpAffine(self.pixels, matrix, (WIDTH, HEIGHT))
        alpha = cv2.warpAffine(self.mask, matrix, (WIDTH, HEIGHT))[..., None]
        return (frame * (1 - alpha) + head * alpha).astype(np.uint8), self.mesh[:, :2] @ turn.T + matrix[:, 2]


@pytest.fixture(scope="module")
def finder() -> Counting:
    return Counting()


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    return FaceMesh()


@pytest.fixture(scope="module")
def anna(astronaut: Path, finder: Counting) -> Head:
    return Head(astronaut, finder.analyser)


@pytest.fixture(scope="module")
def bert(hopper: Path, finder: Counting) -> Head:
    return Head(hopper, finder.analyser)


def scenery(seed: int) -> Picture:
    coarse = np.random.default_rng(seed).integers(0, 255, (18, 32, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC), np.uint8)


def grainy(frame: Picture, seed: int) -> Picture:
    return np.clip(frame + np.random.default_rng(seed).normal(0, 4, frame.shape), 0, 255).astype(np.uint8)


class Watch:
    """Observes clips, and counts what that takes."""

    def __init__(self, finder: Counting, mesh: FaceMesh, file: Path) -> None:
        self.finder, self.mesh, self.file = finder, mesh, file

    def __call__(self, frames: Iterable[Picture]) -> tuple[list[Seen], Tracks]:
        self.finder.finds = self.finder.looks = self.finder.fitted_anew = 0
        seen = list(observe(frames, self.finder, self.mesh, FPS))
        save(seen, self.file)
        return seen, Tracks([self.file], FPS)


@pytest.fixture
def watch(finder: Counting, mesh: FaceMesh, tmp_path: Path) -> Watch:
    return Watch(finder, mesh, tmp_path / "faces")


def jitter(meshes: list[NDArray[np.float32]]) -> float:
    return float(np.linalg.norm(np.diff(np.array(meshes)[..., :2], 2, axis=0), axis=2).mean())


def test_a_still_face_is_held_still(watch: Watch, anna: Head) -> None:
    still, _ = anna.into(scenery(1), 320, 180, 110)
    seen, tracks = watch(grainy(still, i) for i in range(30))
    (track,) = tracks.tracks
    assert (track.first, track.last, track.frames) == (0, 29, 30)
    assert [len(one.faces) for one in seen] == [1] * 30
    smooth = [faces[0].mesh for faces in tracks.faces(0, 30)]
    assert jitter(smooth) < 0.15 * jitter([one.faces[0].mesh for one in seen])
    assert watch.finder.finds <= 2, "mostly it is followed"
    assert 1 <= watch.finder.looks <= 4
    assert watch.finder.fitted_anew == 0


def test_a_moving_face_is_where_it_is(watch: Watch, anna: Head) -> None:
    frames, truth = [], []
    for i in range(40):
        t = i / 25
        frame, points = anna.into(
            scenery(1),
            320 + 150 * np.sin(4.4 * t),
            180 + 40 * np.sin(7 * t),
            110 * (1 + 0.25 * np.sin(3 * t)),
            25 * np.sin(5 * t),
        )
        frames.append(grainy(frame, i))
        truth.append(points)
    _, tracks = watch(frames)
    assert [track.frames for track in tracks.tracks] == [40]
    for faces, points in zip(tracks.faces(0, 40), truth, strict=True):
        off = np.linalg.norm(faces[0].mesh[:, :2] - points, axis=1).mean()
        assert off < 0.012 * faces[0].size


def test_what_passes_before_a_face_leaves_no_gap(watch: Watch, anna: Head) -> None:
    frames, truth = [], []
    for i in range(30):
        frame, points = anna.into(scenery(1), 200 + 4 * i, 180, 100)
        if i in (13, 14, 15):
            cv2.rectangle(frame, (125 + 4 * i, 80), (275 + 4 * i, 300), (90, 120, 60), -1)
        frames.append(frame)
        truth.append(points)
    seen, tracks = watch(frames)
    assert [len(one.faces) for one in seen] == [i not in (13, 14, 15) for i in range(30)]
    assert [track.frames for track in tracks.tracks] == [27]
    for faces, points in zip(tracks.faces(0, 30), truth, strict=True):
        assert np.linalg.norm(faces[0].mesh[:, :2] - points, axis=1).mean() < 1.5


@pytest.mark.parametrize("colour", [(120, 150, 200), None], ids=["plain", "patterned"])
def test_what_hides_a_face_for_longer_is_left_alone(
    watch: Watch, anna: Head, colour: tuple[int, int, int] | None
) -> None:
    frames = []
    for i in range(28):
        frame, _ = anna.into(scenery(1), 250 + 2 * i, 180, 100)
        if 7 <= i < 18:
            frame[60:320, 200:400] = scenery(7)[60:320, 200:400] if colour is None else colour
        frames.append(grainy(frame, i))
    _, tracks = watch(frames)
    assert [(track.first, track.last) for track in tracks.tracks] == [(0, 27)]
    assert [index for index, faces in enumerate(tracks.faces(0, 28)) if not faces] == list(range(7, 18))


@pytest.mark.parametrize(
    ("way", "border"),
    [((0, 28), 26), ((40, 20), 26), ((28, 0), 10)],
    ids=["nodding", "aslant", "across two stretches"],
)
def test_a_face_blurred_by_its_movement_goes_on(
    finder: Counting, mesh: FaceMesh, anna: Head, tmp_path: Path, way: tuple[float, float], border: int
) -> None:
    """To and fro within seven frames, over 0.4 to 0.6 of its width in each."""
    frames, truth = [], []
    for i in range(26):
        steps = 3.5 - np.abs(np.linspace(i, i + 1, 9) - 10.5) if 7 <= i < 14 else np.zeros(1)
        shown = [anna.into(scenery(1), 240 + way[0] * step, 130 + way[1] * step, 70) for step in steps]
        frames.append(grainy(np.mean([one for one, _ in shown], axis=0).astype(np.uint8), i))
        truth.append(np.mean([points for _, points in shown], axis=0))
    files = [tmp_path / "a", tmp_path / "b"]
    missed = 0
    for file, part in zip(files, (frames[:border], frames[border:]), strict=True):
        seen = list(observe(part, finder, mesh, FPS))
        missed += sum(not one.faces for one in seen)
        save(seen, file)
    assert missed > 3
    tracks = Tracks(files, FPS)
    assert [(track.first, track.last) for track in tracks.tracks] == [(0, 25)]
    for faces, points in zip(tracks.faces(0, 26), truth, strict=True):
        assert np.linalg.norm(faces[0].mesh[:, :2] - points, axis=1).mean() < 0.2 * 70


def test_a_newcomer_is_followed_back_to_where_it_came_from(watch: Watch, anna: Head) -> None:
    """It comes in from the side, between two looks."""
    places = [-50 + 24 * max(0, i - 4) for i in range(24)]
    frames = [anna.into(scenery(1), x, 180, 100)[0] for x in places]
    _, tracks = watch(frames)
    (track,) = tracks.tracks
    assert places[track.first] < 60, "half of it is still outside"
    assert track.last == 23


def test_a_face_that_leaves_is_let_go(watch: Watch, anna: Head) -> None:
    seen, tracks = watch(anna.into(scenery(1), 500 + 14 * i, 180, 100)[0] for i in range(30))
    (track,) = tracks.tracks
    assert 500 + 14 * track.last < 690
    assert not any(one.faces for one in seen[20:])


def test_a_cut_from_face_to_face_in_the_same_place(watch: Watch, anna: Head, bert: Head) -> None:
    one, points = anna.into(scenery(1), 320, 180, 110)
    other, other_points = bert.into(scenery(2), 325, 185, 110)
    seen, tracks = watch([one] * 11 + [other] * 11)
    assert [index for index, frame in enumerate(seen) if frame.cut] == [11]
    assert [(track.scene, track.first, track.last) for track in tracks.tracks] == [(0, 0, 10), (1, 11, 21)]
    faces = list(tracks.faces(9, 13))
    for index, number, truth in ((0, 0, points), (1, 0, points), (2, 1, other_points), (3, 1, other_points)):
        assert np.linalg.norm(faces[index][number].mesh[:, :2] - truth, axis=1).mean() < 1.5


def test_two_at_once_one_behind_the_other(watch: Watch, anna: Head, bert: Head) -> None:
    frames = []
    for i in range(40):
        frame, _ = bert.into(scenery(1), 500 - 9 * i, 150, 90)
        frames.append(anna.into(frame, 140 + 9 * i, 210, 100)[0])
    _, tracks = watch(frames)
    assert [(track.first, track.last) for track in tracks.tracks] == [(0, 39), (0, 39)]
    faces = list(tracks.faces(0, 40))
    for i in (0, 10, 30, 39):
        middles = [(faces[i][number].box[0] + faces[i][number].box[2]) / 2 for number in (0, 1)]
        assert middles == pytest.approx([140 + 9 * i, 500 - 9 * i], abs=8)


def test_frames_without_a_face_cost_little(watch: Watch) -> None:
    seen, tracks = watch(grainy(scenery(1), i) for i in range(60))
    assert [one.faces for one in seen] == [()] * 60
    assert tracks.tracks == ()
    assert (watch.finder.finds, watch.finder.looks) <= (2, 6)


class Slipping(FaceMesh):
    """Each look is another 4 % of the face too far to the right, until the mesh is settled anew."""

    off = settled = 0

    def look(self, picture: Picture, region: Region) -> Fitted:
        fitted = super().look(picture, region)
        self.off += 1
        shift = min(self.off, 8) * 0.04 * float(np.ptp(fitted.mesh[:, 0]))
        return Fitted(fitted.mesh + np.array([shift, 0, 0], np.float32), fitted.presence)

    def settle(self, picture: Picture, mesh: NDArray[np.float32], known: Sequence[Fitted] = ()) -> NDArray[np.float32]:
        self.settled += 1
        points = FaceMesh().settle(picture, mesh, known)
        self.off = 0
        return points


def test_a_mesh_that_has_slipped_is_put_back(finder: Counting, anna: Head) -> None:
    mesh = Slipping()
    frames = [anna.into(scenery(1), 320, 180, 110) for _ in range(11)]
    seen = list(observe((frame for frame, _ in frames), finder, mesh, FPS))
    off = [float(np.abs(one.faces[0].mesh[:, 0] - frames[0][1][:, 0]).mean()) / 110 for one in seen]
    assert mesh.settled == 2  # when it was new, and at the look that ends the block
    assert off[0] < 0.03
    assert off[9] > 0.2
    assert off[10] < 0.03


def test_what_is_followed_is_not_fitted_anew(
    finder: Counting, mesh: FaceMesh, anna: Head, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    look = FaceMesh.look

    def counted(self: FaceMesh, picture: Picture, region: Region) -> Fitted:
        nonlocal looks
        looks += 1
        return look(self, picture, region)

    frame, _ = anna.into(scenery(1), 320, 180, 110)
    (face,) = finder.look(frame)
    monkeypatch.setattr(FaceMesh, "look", counted)
    (again,) = finder.look(frame, [Fitted(face.mesh, 20.0)])
    assert looks == 1
    assert again.mesh is face.mesh
    assert again.score == pytest.approx(face.score, abs=0.01)
    (thorough,) = finder.find(frame, [Fitted(face.mesh, 20.0)])
    assert thorough.mesh is face.mesh
    (anew,) = finder.find(frame, [Fitted(face.mesh + np.float32(0.05 * face.size), 20.0)])
    assert anew.mesh == pytest.approx(face.mesh, abs=0.02 * face.size)


def test_one_frame(watch: Watch, anna: Head) -> None:
    seen, tracks = watch([anna.into(scenery(1), 320, 180, 110)[0]])
    assert len(tracks.tracks) == 1
    assert [len(faces) for faces in tracks.faces(0, 1)] == [1]
    assert seen[0].glimpse is not None
    assert watch([])[0] == []


def test_glimpses_are_kept_at_both_ends(watch: Watch) -> None:
    seen, _ = watch(scenery(1) for _ in range(40))
    assert [one.glimpse is not None for one in seen] == [
        i < GLIMPSES_AFTER or i >= 40 - GLIMPSES_BEFORE for i in range(40)
    ]


@pytest.mark.parametrize("border", range(9, 13))
def test_a_flash_where_stretches_meet_is_no_cut(
    finder: Counting, mesh: FaceMesh, anna: Head, tmp_path: Path, border: int
) -> None:
    frames = [grainy(anna.into(scenery(1), 320, 180, 110)[0], i) for i in range(20)]
    frames[10] = np.full_like(frames[0], 250)
    files = [tmp_path / "a", tmp_path / "b"]
    save(observe(frames[:border], finder, mesh, FPS), files[0])
    save(observe(frames[border:], finder, mesh, FPS), files[1])
    tracks = Tracks(files, FPS)
    assert [(track.scene, track.first, track.last) for track in tracks.tracks] == [(0, 0, 19)]
    assert [len(faces) for faces in tracks.faces(0, 20)] == [1] * 20


def test_stretches_are_seen_apart_and_fit_together(
    finder: Counting, mesh: FaceMesh, anna: Head, tmp_path: Path
) -> None:
    frames = [grainy(anna.into(scenery(1), 250 + 4 * i, 180, 100)[0], i) for i in range(24)]
    files = [tmp_path / "a", tmp_path / "b"]
    save(observe(frames[:12], finder, mesh, FPS), files[0])
    save(observe(frames[12:], finder, mesh, FPS), files[1])
    again = tmp_path / "again"
    save(observe(iter(frames[12:]), finder, mesh, FPS), again)
    assert again.read_bytes() == files[1].read_bytes()
    assert [track.frames for track in Tracks(files, FPS).tracks] == [24]


def test_only_a_few_frames_are_held(finder: Counting, mesh: FaceMesh, anna: Head) -> None:
    given: list[weakref.ref[Picture]] = []
    most = 0

    def frames() -> Iterator[Picture]:
        nonlocal most
        for i in range(40):
            frame, _ = anna.into(scenery(1), 300 + i, 180, 100)
            given.append(weakref.ref(frame))
            most = max(most, sum(one() is not None for one in given))
            yield frame

    for _ in observe(frames(), finder, mesh, Fraction(60)):
        pass
    assert 1 < most <= 18
