"""Whose lips move, and where her face is in the order in which frames are shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.selection import FaceSelection
from facefusion_cli.core.faces.tracking.tracks import Track
from facefusion_cli.core.lipsync.scene import Scene
from facefusion_cli.core.lipsync.speaker import Speaker, Spoken, chosen_tracks
from facefusion_cli.core.lipsync.timeline import Run
from facefusion_cli.core.lipsync.untouched import add_stretch
from facefusion_cli.core.media.segments import Segment
from facefusion_cli.errors import FaceIndexError, FaceTooSmallError, NoFaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.tracking.tracks import Tracks

ANNA, BERT = np.eye(2, 512, dtype=np.float32)
LARGEST, LEFT, RIGHT = (FaceSelection(rule) for rule in ("largest", "left", "right"))


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


def index(place: int) -> FaceSelection:
    return FaceSelection("indices", (place,))


A = track(0, (0, 99), x=100, size=90)
B = track(1, (0, 99), x=300, size=120)
LATE = track(2, (20, 99), x=50, size=200)
TINY = track(3, (0, 99), x=10, size=20)


def test_meant_in_the_first_frame_with_a_face() -> None:
    scene = [A, B, LATE, TINY]
    assert chosen_tracks(scene, LARGEST) == {1}, "a larger one comes only later"
    assert chosen_tracks(scene, LEFT) == {0}
    assert chosen_tracks(scene, RIGHT) == {1}
    assert chosen_tracks(scene, index(0)) == {0}
    assert chosen_tracks(scene, index(1)) == {1}
    assert chosen_tracks(scene, index(2)) == {1}, "from frame 20 on there are three, and this is the rightmost"
    assert chosen_tracks(scene, index(3)) == set()


def test_who_goes_and_comes_back_is_followed() -> None:
    gone, back = track(0, (0, 30), x=100), track(1, (60, 99), x=400, size=60)
    beside = track(2, (20, 80), x=200)
    assert chosen_tracks([gone, back, beside], LEFT) == {0, 1}
    assert chosen_tracks([gone, back, beside], index(0)) == {0, 1}


def test_nobody_else_is_taken_for_her() -> None:
    assert chosen_tracks([A, track(1, (0, 40), x=300), track(2, (50, 99), x=320)], LEFT) == {0}


def test_each_scene_has_its_own_choice() -> None:
    scenes = [A, B, track(4, (100, 199), x=500, size=50, scene=1), track(5, (100, 199), x=80, size=70, scene=1)]
    assert chosen_tracks(scenes, LARGEST) == {1, 5}
    assert chosen_tracks(scenes, RIGHT) == {1, 4}


class Seen:
    """Stands for ``Tracks``."""

    def __init__(self, tracks: Sequence[Track], frames: int = 100) -> None:
        self.tracks, self.frames = tuple(tracks), frames

    def faces(self, start: int, stop: int) -> Iterator[Mapping[int, Face]]:
        for frame in range(start, min(stop, self.frames)):
            yield {
                one.number: Face(np.full((478, 3), frame, np.float32), 1.0)
                for one in self.tracks
                if one.first <= frame <= one.last
            }


def speaker(
    tracks: Sequence[Track], selection: FaceSelection = LARGEST, who: NDArray[np.float32] | None = None
) -> Speaker:
    return Speaker(cast("Tracks", Seen(tracks)), selection, who, '"talk.mp4"', "1:00 to 1:04")


def frame_of(spoken: Spoken) -> int | str:
    return spoken.reason if spoken.face is None else int(spoken.face.mesh[0, 0])


def test_nobody_there() -> None:
    with pytest.raises(NoFaceError, match=r'no face was found in "talk.mp4", from 1:00 to 1:04'):
        speaker([])
    with pytest.raises(FaceTooSmallError, match="only 20 pixels wide"):
        speaker([TINY])
    with pytest.raises(FaceIndexError, match="no face 2"):
        speaker([A, B], index(2))


def test_by_likeness() -> None:
    anna, bert = track(0, (0, 99), x=100, who=ANNA), track(1, (0, 99), x=300, size=150, who=BERT)
    assert all(spoken.face is not None for spoken in speaker([anna, bert], who=ANNA).faces(0, 5))
    other = track(0, (0, 99), x=100, who=np.eye(3, 512, dtype=np.float32)[2])
    with pytest.raises(NoFaceError, match="nobody in"):
        speaker([other], who=ANNA)


def test_why_a_frame_has_none() -> None:
    here = speaker([track(0, (2, 4), x=0), track(1, (3, 9), x=50, size=50)])
    assert [frame_of(spoken) for spoken in here.faces(0, 7)] == [
        "no face",
        "no face",
        2,
        3,
        4,
        "only other faces",
        "only other faces",
    ]


def scene_of(counts: Sequence[int]) -> Scene:
    """Stretches of five frames from frame 10 on, of which so many were seen."""
    stretches = [Segment(number, 10 + 5 * number, 15 + 5 * number) for number in range(len(counts))]
    return Scene(speaker([track(0, (0, 99), x=0)]), stretches, counts)


def shown(scene: Scene, *runs: Run) -> list[int | str]:
    return [frame_of(spoken) for spoken in scene.faces(runs)]


def test_faces_in_the_order_in_which_frames_are_shown() -> None:
    scene = scene_of([5, 5])
    assert shown(scene, Run(12, 6, 1)) == [2, 3, 4, 5, 6, 7]
    assert shown(scene, Run(17, 6, -1)) == [7, 6, 5, 4, 3, 2]
    assert shown(scene, Run(19, 3, 0)) == [9, 9, 9]
    assert shown(scene, Run(18, 2, 1), Run(18, 2, -1)) == [8, 9, 8, 7]


def test_what_a_damage_hides() -> None:
    scene, gap = scene_of([3, 5]), "damaged pictures"
    assert shown(scene, Run(10, 10, 1)) == [0, 1, 2, gap, gap, 3, 4, 5, 6, 7]
    assert shown(scene, Run(16, 4, -1)) == [4, 3, gap, gap]
    assert shown(scene, Run(14, 2, 0)) == [gap, gap]


def test_stretches_of_frames_are_put_together() -> None:
    found: list[tuple[int, int, str]] = []
    for start, stop, reason in [(0, 1, "a"), (1, 2, "a"), (2, 3, "b"), (5, 6, "b"), (6, 9, "b")]:
        add_stretch(found, start, stop, reason)
    assert found == [(0, 2, "a"), (2, 3, "b"), (5, 9, "b")]
