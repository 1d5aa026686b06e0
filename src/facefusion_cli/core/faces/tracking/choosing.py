"""Which of the faces of a video are meant, so that the choice does not flicker."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from facefusion_cli.core.faces.face import MINIMUM_SIZE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from facefusion_cli.core.faces.selection import FaceSelection
    from facefusion_cli.core.faces.tracking.tracks import Track

__all__ = ["places", "priority"]


def priority(tracks: Sequence[Track], selection: FaceSelection) -> Callable[[Iterable[int]], set[int]]:
    """A function that takes the numbers of the tracks in a frame and returns those of the faces meant there.

    The rules, for the user: a choice is made for each scene as a whole, so that it does not jump to and fro.

    - ``largest``: the face that takes the most room in the scene, counting its size and how long it is there; while it
      is away, the next one.
    - ``left``, ``right``: the face whose usual place in the scene is leftmost (rightmost) among those just visible.
    - an index: faces are counted from the left, from 0. A face keeps its index through a scene, also while others come
      and go: it is the number of faces that were left of it for most of its time.
    - ``all``: every face.

    Faces whose usual width in a scene is below ``MINIMUM_SIZE`` are never meant, though they count for indices.
    """
    room = {track.number: track.frames * track.size for track in tracks}
    x = {track.number: track.x for track in tracks}
    usable = {track.number for track in tracks if track.size >= MINIMUM_SIZE}
    if selection.rule == "all":
        return lambda present: usable.intersection(present)
    if selection.rule == "indices":
        place = places(tracks)
        wanted = set(selection.indices)

        def by_index(present: Iterable[int]) -> set[int]:
            best: dict[int, int] = {}
            for number in present:
                index = place[number]
                if index in wanted and (index not in best or room[number] > room[best[index]]):
                    best[index] = number
            return usable.intersection(best.values())

        return by_index
    rank = {"largest": room, "right": x, "left": {number: -value for number, value in x.items()}}[selection.rule]

    def best_one(present: Iterable[int]) -> set[int]:
        candidates = usable.intersection(present)
        return {max(candidates, key=lambda number: (rank[number], -number))} if candidates else set()

    return best_one


def places(tracks: Sequence[Track]) -> dict[int, int]:
    """For the number of each track its index in its scene, from the left: see ``priority``."""
    scenes: defaultdict[int, list[Track]] = defaultdict(list)
    for track in tracks:
        scenes[track.scene].append(track)
    found = {}
    for scene in scenes.values():
        for track in scene:
            left_of_it = sum(
                _common(track, other) for other in scene if (other.x, other.number) < (track.x, track.number)
            )
            found[track.number] = int(left_of_it / (track.last - track.first + 1) + 0.5)
    return found


def _common(one: Track, other: Track) -> int:
    """Frames in which both are there."""
    return max(0, min(one.last, other.last) - max(one.first, other.first) + 1)
