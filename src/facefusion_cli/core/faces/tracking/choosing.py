"""Which of the faces of a video are meant, so that the choice does not flicker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.faces.tracking.appearances import appearances, indices_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from facefusion_cli.core.faces.selection import FaceSelection
    from facefusion_cli.core.faces.tracking.tracks import Track

__all__ = ["places", "priority"]


def priority(tracks: Sequence[Track], selection: FaceSelection) -> Callable[[Iterable[int]], set[int]]:
    """A function that takes the numbers of the tracks in a frame and returns those of the faces meant there.

    The rules, for the user: a choice is made for each scene as a whole, so that it does not jump to and fro. A person
    who turns away and comes back counts as one face: told by recognition, or without it by place and size.

    - ``largest``: the face that takes the most room in the scene, counting its size and how long it is there; while it
      is away, the next one.
    - ``left``, ``right``: the face whose usual place in the scene is leftmost (rightmost) among those just visible.
    - an index: faces are counted from the left, from 0. A face keeps its index through a scene, also while others come
      and go: it is the number of faces that were left of it for most of its time.
    - ``all``: every face.

    Tracks whose usual width is below ``MINIMUM_SIZE`` are never meant, though they count for indices.
    """
    usable = {track.number for track in tracks if track.size >= MINIMUM_SIZE}
    if selection.rule == "all":
        return lambda present: usable.intersection(present)
    found = appearances(tracks)
    face = {track.number: number for number, one in enumerate(found) for track in one.tracks}
    if selection.rule == "indices":
        index = indices_of(found)
        wanted = set(selection.indices)

        def by_index(present: Iterable[int]) -> set[int]:
            best: dict[int, int] = {}
            for number in present:
                place = index[face[number]]
                if place in wanted and (place not in best or found[face[number]].room > found[face[best[place]]].room):
                    best[place] = number
            return usable.intersection(best.values())

        return by_index
    rank = {
        "largest": [one.room for one in found],
        "right": [one.x for one in found],
        "left": [-one.x for one in found],
    }[selection.rule]

    def best_one(present: Iterable[int]) -> set[int]:
        candidates = usable.intersection(present)
        return {max(candidates, key=lambda number: (rank[face[number]], -number))} if candidates else set()

    return best_one


def places(tracks: Sequence[Track]) -> dict[int, int]:
    """For the number of each track the index of its face in its scene, from the left: see ``priority``."""
    found = appearances(tracks)
    indices = indices_of(found)
    return {track.number: index for one, index in zip(found, indices, strict=True) for track in one.tracks}
