"""Which faces of a video are meant."""

from __future__ import annotations

import pytest

from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.faces.tracking.choosing import places, priority
from facefusion_cli.core.faces.tracking.tracks import Track


def track(number: int, frames: tuple[int, int], *, x: float, size: float = 100.0, scene: int = 0) -> Track:
    first, last = frames
    return Track(number, scene, first, last, last - first + 1, size, x, None)


LEFT = track(0, (0, 99), x=100)
MIDDLE = track(1, (0, 49), x=300, size=150)
RIGHT = track(2, (10, 99), x=500, size=140)
SMALL = track(3, (0, 99), x=50, size=20)
SCENE = [LEFT, MIDDLE, RIGHT, SMALL]


def test_the_largest_is_the_one_with_most_room_in_the_scene() -> None:
    choose = priority(SCENE, FaceSelection("largest"))
    assert choose([0, 1, 2, 3]) == {2}, "the middle one is larger, but not there for long"
    assert choose([0, 1, 3]) == {0}
    assert choose([1]) == {1}
    assert choose([3]) == set()
    assert choose([]) == set()


def test_leftmost_and_rightmost_of_those_present() -> None:
    left, right = (priority(SCENE, FaceSelection("left")), priority(SCENE, FaceSelection("right")))
    assert left([0, 1, 2, 3]) == {0}
    assert left([1, 2]) == {1}
    assert right([0, 1, 2]) == {2}
    assert right([0, 1]) == {1}


def test_all_but_the_small_ones() -> None:
    assert priority(SCENE, FaceSelection("all"))([0, 1, 2, 3]) == {0, 1, 2}


def test_an_index_stays_with_its_face() -> None:
    scene = [LEFT, MIDDLE, track(2, (0, 99), x=500)]
    assert places(scene) == {0: 0, 1: 1, 2: 2}, "though the middle one goes half way"
    choose = priority(scene, FaceSelection("indices", (2, 0)))
    assert choose([0, 1, 2]) == choose([0, 2]) == {0, 2}


def test_a_face_in_pieces_counts_as_one() -> None:
    pieces = [track(index, (index * 20, index * 20 + 15), x=100) for index in range(5)]
    assert places([*pieces, track(5, (0, 99), x=300)])[5] == 1


def test_a_face_that_looks_in_shifts_nobody() -> None:
    guest = track(1, (40, 50), x=20)
    assert places([LEFT, guest]) == {0: 0, 1: 0}
    choose = priority([LEFT, guest], FaceSelection("indices", (0,)))
    assert choose([0, 1]) == {0}
    assert choose([1]) == {1}


@pytest.mark.parametrize("rule", ["left", "right", "largest", "all"])
def test_scenes_do_not_mix(rule: str) -> None:
    other = track(4, (100, 150), x=0, size=500, scene=1)
    choose = priority([*SCENE, other], FaceSelection(rule))  # type: ignore[arg-type]
    assert choose([4]) == {4}
    assert places([*SCENE, other])[4] == 0


def test_small_faces_count_for_indices_but_are_never_meant() -> None:
    choose = priority(SCENE, FaceSelection("indices", (0,)))
    assert choose([0, 1, 2, 3]) == set()
    assert priority(SCENE, FaceSelection("indices", (1,)))([0, 1, 2, 3]) == {0}
