"""Which faces of a video are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.faces.tracking.appearances import appearances
from facefusion_cli.core.faces.tracking.choosing import places, priority
from facefusion_cli.core.faces.tracking.tracks import Track

if TYPE_CHECKING:
    from numpy.typing import NDArray


def track(
    number: int,
    frames: tuple[int, int],
    *,
    x: float,
    size: float = 100.0,
    scene: int = 0,
    who: NDArray[np.float32] | None = None,
) -> Track:
    first, last = frames
    return Track(number, scene, first, last, last - first + 1, size, x, who)


ANNA, BERT = np.eye(2, 512, dtype=np.float32)
LIKE_ANNA = 0.6 * ANNA + 0.8 * np.eye(3, 512, dtype=np.float32)[2]

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


def test_b57_an_index_stays_with_its_face() -> None:
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


AWAY = {
    "known": (300, 310, ANNA, LIKE_ANNA),
    "known and gone elsewhere": (300, 1200, ANNA, LIKE_ANNA),
    "unknown": (300, 350, None, None),
    "known at first": (300, 350, ANNA, None),
    "known at last": (300, 350, None, ANNA),
}


@pytest.mark.parametrize(("x", "later", "who", "then"), AWAY.values(), ids=AWAY)
def test_who_turns_away_and_comes_back_is_the_same(
    x: float, later: float, who: NDArray[np.float32] | None, then: NDArray[np.float32] | None
) -> None:
    scene = [
        track(0, (0, 199), x=x, size=200, who=who),
        track(1, (100, 279), x=900, size=180, who=None if who is None else BERT),
        track(2, (230, 279), x=later, size=210, who=then),
    ]
    largest = priority(scene, FaceSelection("largest"))
    assert [largest(present) for present in ([0, 1], [1], [1, 2])] == [{0}, {1}, {2}]
    left, right = priority(scene, FaceSelection("left")), priority(scene, FaceSelection("right"))
    assert (left([1, 2]), right([1, 2])) == ({2}, {1}), "by its usual place"
    assert places(scene) == {0: 0, 1: 1, 2: 0}
    first = priority(scene, FaceSelection("indices", (0,)))
    assert [first(present) for present in ([0, 1], [1], [1, 2])] == [{0}, set(), {2}]


OTHERS = {
    "somebody else": track(2, (230, 279), x=300, size=200, who=BERT),
    "at the same time": track(2, (199, 279), x=300, size=200, who=ANNA),
    "another scene": track(2, (230, 279), x=300, size=200, scene=1, who=ANNA),
    "elsewhere": track(2, (230, 279), x=600, size=200),
    "another size": track(2, (230, 279), x=300, size=120),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_others_are_not_taken_for_who_was_there(other: Track) -> None:
    scene = [track(0, (0, 199), x=300, size=200, who=ANNA), track(1, (100, 279), x=900, size=180), other]
    largest = priority(scene, FaceSelection("largest"))
    assert largest([1, 2]) == {1}


def test_who_comes_back_is_who_is_most_alike() -> None:
    """Not who was there last."""
    scene = [
        track(0, (0, 99), x=300, who=ANNA),
        track(1, (0, 99), x=500, who=LIKE_ANNA),
        track(2, (150, 199), x=500, who=ANNA),
        track(3, (150, 199), x=300, who=LIKE_ANNA),
    ]
    assert [[one.number for one in each.tracks] for each in appearances(scene)] == [[0, 2], [1, 3]]


def test_hundreds_of_tracks_of_a_few_people() -> None:
    people = np.eye(3, 512, dtype=np.float32)
    scene = [track(n, (20 * n, 20 * n + 9), x=100, who=people[n % 3]) for n in range(600)]
    assert [[one.number % 3 for one in each.tracks] for each in appearances(scene)] == [[n] * 200 for n in range(3)]


def test_indices_are_those_of_counting_one_by_one() -> None:
    rng = np.random.default_rng(3)
    people = np.eye(40, 512, dtype=np.float32)
    scene = [
        track(n, (int(start), int(start + length)), x=float(x), size=60 + 40 * n, who=people[n])
        for n, (start, length, x) in enumerate(rng.integers(0, 200, (40, 3)))
    ]
    for one in scene:
        frames = range(one.first, one.last + 1)
        left = sum(
            other.first <= i <= other.last
            for other in scene
            if (other.x, other.number) < (one.x, one.number)
            for i in frames
        )
        assert places(scene)[one.number] == int(left / len(frames) + 0.5)


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
