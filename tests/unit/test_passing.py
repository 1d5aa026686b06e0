"""Who passes before whom, on faces that were made up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faceswap.video.passing import with_passings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from facefusion_cli.core.faces.tracking.tracks import Tracks


@pytest.fixture(scope="module")
def make() -> Callable[..., Face]:
    with np.load(Path(__file__).parents[1] / "data" / "face_mesh_478.npz", allow_pickle=False) as data:
        mesh = data["astronaut"][0]
    shape = (mesh - (mesh.min(axis=0) + mesh.max(axis=0)) / 2) / Face(mesh, 1.0).size

    def face(x: float, size: float = 100) -> Face:
        return Face(np.asarray(shape * size + np.array([x, 200, 0]), np.float32), 1.0)

    return face


@dataclass
class Shown:
    """Stands for tracks: faces by number, frame by frame."""

    all: Sequence[Mapping[int, Face]]

    @property
    def frames(self) -> int:
        return len(self.all)

    @property
    def tracks(self) -> list[Any]:
        numbers = {number for faces in self.all for number in faces}
        return [
            SimpleNamespace(number=number, last=max(at for at, faces in enumerate(self.all) if number in faces))
            for number in numbers
        ]

    def faces(self, start: int, stop: int) -> Iterator[Mapping[int, Face]]:
        return iter(self.all[start:stop])


def told(frames: Sequence[Mapping[int, Face]], start: int = 0, stop: int | None = None) -> list[set[tuple[int, int]]]:
    tracks = cast("Tracks", Shown(frames))
    answers = [*with_passings(tracks, start, len(frames) if stop is None else stop)]
    assert [faces for faces, _ in answers] == frames[start:stop]
    return [set(pairs) for _, pairs in answers]


def crossing(make: Callable[..., Face], rear: float, front: float) -> list[Mapping[int, Face]]:
    """Face 0 goes to the right behind face 1 and is not seen in the middle."""
    frames: list[Mapping[int, Face]] = []
    for at in range(41):
        front_one = {1: make(300, front)}
        frames.append(front_one if abs(at - 20) < 5 else {0: make(100 + 10 * at, rear), **front_one})
    return frames


@pytest.mark.parametrize(("rear", "front"), [(80, 120), (100, 100), (150, 90)])
def test_who_is_gone_while_another_is_in_the_place_lies_behind(
    make: Callable[..., Face], rear: float, front: float
) -> None:
    frames = crossing(make, rear, front)
    assert told(frames) == [{(1, 0)} if 0 in faces else set() for faces in frames]


def test_who_is_gone_elsewhere_tells_nothing(make: Callable[..., Face]) -> None:
    frames = crossing(make, 100, 100)
    apart = [{number: make(700) if number == 1 else face for number, face in faces.items()} for faces in frames]
    assert told(apart) == [set()] * len(frames)
    assert told([{0: faces[0]} if 0 in faces else {} for faces in frames]) == [set()] * len(frames)


def test_a_face_that_stays_on_another_lies_before_it(make: Callable[..., Face]) -> None:
    frames = [{0: make(300, 200), 1: make(60 + 10 * at, 80)} for at in range(60)]
    assert told(frames) == [{(1, 0)}] * 60


def test_a_face_carried_over_another_for_three_frames_tells_nothing(make: Callable[..., Face]) -> None:
    frames = [{0: make(300, 200), 1: make(60 + 45 * at, 80)} for at in range(12)]
    assert told(frames) == [set()] * 12


def test_the_nearest_sign_counts_and_none_from_far_away(make: Callable[..., Face]) -> None:
    forth = crossing(make, 100, 100)
    back = [{1 - number: face for number, face in faces.items()} for faces in forth]
    beside: list[Mapping[int, Face]] = [{0: make(100), 1: make(300)}] * 200
    pairs = told([*forth, *back, *beside])
    assert pairs[:15] == [{(1, 0)}] * 15
    assert pairs[30:40] == [{(1, 0)}] * 10
    assert pairs[42:50] == [{(0, 1)}] * 8
    assert pairs[100] == {(0, 1)}
    assert pairs[-1] == set()


@pytest.mark.parametrize("start", [1, 90, 137, 160, 260])
def test_the_answer_does_not_depend_on_where_one_begins(make: Callable[..., Face], start: int) -> None:
    beside: list[Mapping[int, Face]] = [{0: make(100), 1: make(300)}] * 120
    frames = [*beside, *crossing(make, 100, 100), *beside]
    assert told(frames, start) == told(frames)[start:]
    assert told(frames, start, start + 7) == told(frames)[start : start + 7]
