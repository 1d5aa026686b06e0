"""From observations to persons, on faces that were made up."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.tracking.observations import GLIMPSE_SHAPE, Place, Seen, Trace, save
from facefusion_cli.core.faces.tracking.tracks import Tracks

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

FPS = Fraction(25)
ANNA, BERT, BLUR = np.eye(3, 512, dtype=np.float32)


@pytest.fixture(scope="module")
def shape() -> NDArray[np.float32]:
    with np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz", allow_pickle=False) as data:
        mesh = data["astronaut"][0]
    middle = (mesh.min(axis=0) + mesh.max(axis=0)) / 2
    return np.asarray((mesh - middle) / Face(mesh, 1.0).size, np.float32)


class Stage:
    """Makes faces at places, and tracks of what is shown."""

    def __init__(self, shape: NDArray[np.float32], folder: Path) -> None:
        self.shape, self.folder = shape, folder

    def face(
        self, x: float, y: float = 200, size: float = 100, who: NDArray[np.float32] | None = None, score: float = 0.99
    ) -> Face:
        return Face(self.shape * size + np.array([x, y, 0], np.float32), score, embedding=who)

    def tracks(
        self,
        frames: Iterable[Sequence[Face]],
        *,
        cuts: Iterable[int] = (),
        pieces: Sequence[int] = (),
        traces: Mapping[int, Trace] | None = None,
    ) -> Tracks:
        told = {} if traces is None else traces
        seen = [
            Seen(index in set(cuts), tuple(faces), traces=(told[index],) if index in told else ())
            for index, faces in enumerate(frames)
        ]
        files = []
        borders = [0, *pieces, len(seen)]
        for index, (start, stop) in enumerate(pairwise(borders)):
            files.append(self.folder / f"{index}")
            save(seen[start:stop], files[-1])
        return Tracks(files, FPS)


@pytest.fixture
def stage(shape: NDArray[np.float32], tmp_path: Path) -> Stage:
    return Stage(shape, tmp_path)


def spans(tracks: Tracks) -> list[tuple[int, int]]:
    return [(track.first, track.last) for track in tracks.tracks]


def middle(face: Face) -> float:
    return (face.box[0] + face.box[2]) / 2


def test_facts_of_a_track(stage: Stage) -> None:
    tracks = stage.tracks([[stage.face(100 + 2 * i), stage.face(400, size=60 + i % 2)] for i in range(11)])
    assert tracks.frames == 11
    one, other = tracks.tracks
    assert (one.number, one.scene, one.first, one.last, one.frames) == (0, 0, 0, 10, 11)
    assert [one.size, one.x] == pytest.approx([100, 110], abs=0.1)
    assert [other.size, other.x] == pytest.approx([60, 400], abs=0.1)
    assert one.embedding is None


def test_it_goes_on_across_the_borders_of_stretches(stage: Stage) -> None:
    tracks = stage.tracks([[stage.face(100 + 5 * i)] for i in range(30)], pieces=[10, 11, 20])
    assert (tracks.frames, spans(tracks)) == (30, [(0, 29)])


def test_a_cut_ends_it(stage: Stage) -> None:
    tracks = stage.tracks([[stage.face(100)] for _ in range(20)], cuts=[7])
    assert spans(tracks) == [(0, 6), (7, 19)]
    assert [track.scene for track in tracks.tracks] == [0, 1]


def test_so_does_a_cut_between_two_stretches(stage: Stage) -> None:
    rng = np.random.default_rng(1)
    before, after = rng.integers(0, 255, (2, *GLIMPSE_SHAPE)).astype(np.uint8)
    for second, expected in ((after, [(0, 2), (3, 5)]), (before, [(0, 5)])):
        files = [stage.folder / "a", stage.folder / "b"]
        for file, edge in zip(files, (before, second), strict=True):
            seen = Seen(False, (stage.face(100),))
            save([replace(seen, glimpse=edge), seen, replace(seen, glimpse=edge)], file)
        assert spans(Tracks(files, FPS)) == expected


@pytest.mark.parametrize(("gap", "joined"), [(1, True), (12, True), (13, False)])
def test_who_is_away_for_half_a_second_is_the_same(stage: Stage, gap: int, joined: bool) -> None:
    tracks = stage.tracks([[] if 10 <= i < 10 + gap else [stage.face(100 + 3 * i)] for i in range(40)])
    assert len(tracks.tracks) == (1 if joined else 2)


def place(stage: Stage, index: int) -> Place:
    return Place.of(stage.face(100 + 3 * index))


GAPS = {
    "short": ([3], [], True),
    "long": ([4], [], False),
    "with traces": ([12], range(12), True),
    "with most traces": ([12], [0, 4, 8], True),
    "covered": ([12], [0, 11], False),
    "too long": ([13], range(13), False),
}


@pytest.mark.parametrize("pieces", [(), (12,), (9, 10, 11)])
@pytest.mark.parametrize(("gap", "traced", "filled"), GAPS.values(), ids=GAPS)
def test_gaps_are_filled_where_something_tells_of_the_face(
    stage: Stage, gap: list[int], traced: Iterable[int], filled: bool, pieces: Sequence[int]
) -> None:
    hidden = range(10, 10 + gap[0])
    there = [10 + index for index in traced]
    tracks = stage.tracks(
        [[] if i in hidden else [stage.face(100 + 3 * i)] for i in range(40)],
        pieces=pieces,
        traces={i: Trace(place(stage, i), place(stage, 9), i - 9) for i in there},
    )
    faces = list(tracks.faces(0, 40))
    # A trace at either end fills itself, and no more.
    expected = [i not in hidden or filled or (i in there and gap[0] <= 12) for i in range(40)]
    assert [len(present) == 1 for present in faces] == expected
    for index, present in enumerate(faces):
        for face in present.values():
            assert middle(face) == pytest.approx(100 + 3 * index, abs=0.1)
    assert [len(present) == 1 for present in tracks.faces(13, 20)] == expected[13:20]


def test_traces_elsewhere_tell_nothing(stage: Stage) -> None:
    for origin, late in ((Place(300, 200, 100), 0), (place(stage, 0), 1)):
        frames = [[] if 10 <= i < 16 else [stage.face(100)] for i in range(30)]
        tracks = stage.tracks(frames, traces={i: Trace(place(stage, 0), origin, i - 9 + late) for i in range(10, 16)})
        assert [len(present) for present in tracks.faces(9, 17)] == [1, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("ahead", [True, False])
def test_a_face_in_a_gap_is_where_its_trace_is(stage: Stage, ahead: bool) -> None:
    """It may turn round, and come back where it would not have been expected."""
    path = [*range(100, 200, 10), 230, 260, 290, 290, 260, 230, *range(200, 100, -10)]
    hidden = range(10, 16)

    def at(i: int) -> Place:
        return Place.of(stage.face(path[i]))

    tracks = stage.tracks(
        [[] if i in hidden else [stage.face(x)] for i, x in enumerate(path)],
        traces={i: Trace(at(i), at(9 if ahead else 16), i - (9 if ahead else 16)) for i in (10, 11, 14, 15)},
    )
    assert spans(tracks) == [(0, 25)]
    for index, present in enumerate(tracks.faces(10, 16), 10):
        assert middle(present[0]) == pytest.approx(290 if index in (12, 13) else path[index], abs=35)
    moved = [middle(present[0]) for present in tracks.faces(0, 26)]
    assert max(moved) > 240


def test_a_trace_leads_to_where_it_comes_back(stage: Stage) -> None:
    """After it has turned round unseen."""
    path = [100 + 30 * i for i in range(10)] + [370 - 30 * i for i in range(10)]
    at = Place.of(stage.face(path[9]))
    traces = {10: Trace(Place.of(stage.face(path[10])), at, 1), 11: Trace(Place.of(stage.face(path[11])), at, 2)}
    frames = [[] if i in (10, 11) else [stage.face(x)] for i, x in enumerate(path)]
    assert spans(stage.tracks(frames, traces=traces)) == [(0, 19)]
    assert len(spans(stage.tracks(frames))) == 2


def test_who_comes_back_elsewhere_or_in_another_size_is_new(stage: Stage) -> None:
    frames = [[stage.face(100)]] * 5 + [[]] * 3 + [[stage.face(400)]] * 5 + [[]] * 3 + [[stage.face(400, size=230)]] * 5
    assert spans(stage.tracks(frames)) == [(0, 4), (8, 12), (16, 20)]


def test_somebody_else_after_a_gap_is_new(stage: Stage) -> None:
    frames = [[stage.face(100, who=ANNA)]] * 5 + [[]] * 3 + [[stage.face(100, who=BERT)]] * 5
    tracks = stage.tracks(frames)
    assert spans(tracks) == [(0, 4), (8, 12)]
    assert [np.argmax(track.embedding) for track in tracks.tracks if track.embedding is not None] == [0, 1]


def test_b57_two_who_cross_do_not_swap(stage: Stage) -> None:
    for known in (True, False):
        who = (ANNA, BERT) if known else (None, None)

        def shown(i: int, who: tuple[NDArray[np.float32] | None, ...] = who) -> list[Face]:
            looked = i % 10 == 0
            left = stage.face(100 + 6 * i, 200, who=who[0] if looked else None)
            right = stage.face(490 - 6 * i, 220, who=who[1] if looked else None)
            hidden = abs(100 + 6 * i - 490 + 6 * i) < 40
            return sorted([left] if hidden else [left, right], key=middle)

        tracks = stage.tracks([shown(i) for i in range(66)])
        assert spans(tracks) == [(0, 65), (0, 65)]
        faces = list(tracks.faces(0, 66))
        assert [round(middle(faces[i][0])) for i in (0, 32, 65)] == [100, 292, 490]
        if known:
            assert [np.argmax(track.embedding) for track in tracks.tracks if track.embedding is not None] == [0, 1]


def test_one_strange_embedding_changes_nothing(stage: Stage) -> None:
    said = {0: ANNA, 10: ANNA, 20: BLUR, 30: ANNA, 40: BLUR, 50: BERT, 60: ANNA}
    tracks = stage.tracks([[stage.face(100, who=said.get(i))] for i in range(70)])
    assert spans(tracks) == [(0, 69)]
    assert np.array_equal(tracks.tracks[0].embedding, ANNA)  # type: ignore[arg-type]


def test_another_person_in_the_same_place_is_told_by_embeddings(stage: Stage) -> None:
    said = {0: ANNA, 10: ANNA, 20: BERT, 30: BERT, 40: BERT}
    frames = [[stage.face(100 if i < 17 else 112, who=said.get(i))] for i in range(45)]
    tracks = stage.tracks(frames)
    assert spans(tracks) == [(0, 16), (17, 44)], "where it jumps, not where it was noticed"
    assert [np.argmax(track.embedding) for track in tracks.tracks if track.embedding is not None] == [0, 1]
    # Nothing is smoothed across.
    assert [round(middle(next(iter(faces.values())))) for faces in tracks.faces(15, 19)] == [100, 100, 112, 112]


def test_fleeting_doubtful_faces_are_dropped(stage: Stage) -> None:
    frames = [[stage.face(100)] for _ in range(20)]
    frames[8] = [stage.face(100), stage.face(400, score=0.82)]
    frames[12] = [stage.face(100), stage.face(600, score=0.97)]
    tracks = stage.tracks(frames)
    assert [round(track.x) for track in tracks.tracks] == [100, 600]
    assert [len(faces) for faces in tracks.faces(0, 20)] == [2 if i == 12 else 1 for i in range(20)]


def test_in_a_scene_of_one_frame_a_doubtful_face_counts(stage: Stage) -> None:
    assert spans(stage.tracks([[stage.face(100, score=0.81)]])) == [(0, 0)]
    frames = [[stage.face(100)]] * 5 + [[stage.face(300, score=0.81)]] + [[stage.face(100)]] * 5
    assert spans(stage.tracks(frames, cuts=[5, 6])) == [(0, 4), (5, 5), (6, 10)]


def test_the_answer_does_not_depend_on_the_start(stage: Stage) -> None:
    rng = np.random.default_rng(5)

    def shown(i: int) -> list[Face]:
        face = stage.face(100 + 4 * i + rng.normal(), 200 + rng.normal())
        points = face.points + rng.normal(0, 1, (5, 2)).astype(np.float32)
        return [] if i % 17 in (3, 4, 5) else [replace(face, keypoints=points if i % 10 == 0 else None)]

    tracks = stage.tracks([shown(i) for i in range(90)], cuts=[50], pieces=[40, 41, 60])
    whole = list(tracks.faces(0, 90))
    for start, stop in ((0, 5), (20, 30), (39, 62), (49, 51), (89, 90), (89, 200), (30, 30)):
        part = list(tracks.faces(start, stop))
        assert len(part) == min(stop, 90) - start
        for one, other in zip(part, whole[start:stop], strict=True):
            assert one.keys() == other.keys()
            for number, face in one.items():
                assert np.array_equal(face.mesh, other[number].mesh)
                assert face.keypoints is not None
                assert other[number].keypoints is not None
                assert np.array_equal(face.keypoints, other[number].keypoints)  # type: ignore[arg-type]


def test_five_points_are_where_the_detector_puts_them_but_steady(stage: Stage) -> None:
    rng = np.random.default_rng(6)
    inwards = np.array([[3, 0], [-3, 0], [0, -4], [0, 1], [0, 1]], np.float32)

    def shown(i: int) -> Face:
        face = stage.face(100 + 3 * i)
        eyes = np.stack([(face.mesh[33] + face.mesh[133]) / 2, (face.mesh[263] + face.mesh[362]) / 2])[:, :2]
        true = np.concatenate([eyes, face.mesh[[4, 61, 291], :2]]) + inwards
        wild = 30 if i == 40 else 1
        points = (true + rng.normal(0, wild, (5, 2))).astype(np.float32)
        return replace(face, keypoints=points if i % 8 == 0 else None)

    tracks = stage.tracks([[shown(i)] for i in range(100)])
    offsets = []
    for faces in tracks.faces(0, 100):
        assert faces[0].keypoints is not None
        mesh = faces[0].mesh
        eyes = np.stack([(mesh[33] + mesh[133]) / 2, (mesh[263] + mesh[362]) / 2])[:, :2]
        offsets.append(faces[0].keypoints - np.concatenate([eyes, mesh[[4, 61, 291], :2]]))
    off = np.array(offsets) - inwards
    assert np.abs(off).max() < 2.5
    assert np.abs(np.diff(off, axis=0)).max() < 0.3


def test_without_a_detector_there_are_no_five_points_of_its_own(stage: Stage) -> None:
    tracks = stage.tracks([[stage.face(100)]] * 3)
    assert all(faces[0].keypoints is None for faces in tracks.faces(0, 3))


def test_every_face_has_the_embedding_of_its_track(stage: Stage) -> None:
    tracks = stage.tracks([[stage.face(100, who=ANNA if i % 5 == 0 else None)] for i in range(12)])
    for faces in tracks.faces(0, 12):
        assert np.array_equal(faces[0].embedding, ANNA)  # type: ignore[arg-type]


def test_nothing_at_all(stage: Stage) -> None:
    tracks = stage.tracks([[]] * 4)
    assert (tracks.tracks, tracks.frames, list(tracks.faces(0, 4))) == ((), 4, [{}, {}, {}, {}])
    assert Tracks([], FPS).frames == 0
