"""Who speaks in a video: one person, settled from its tracks before the first frame is made."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.faces.tracking.appearances import appearances
from facefusion_cli.core.faces.tracking.likeness import persons_of
from facefusion_cli.errors import FaceIndexError, FaceTooSmallError, NoFaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.selection import FaceSelection
    from facefusion_cli.core.faces.tracking.tracks import Track, Tracks

__all__ = ["Speaker", "Spoken", "chosen_tracks"]

NO_FACE, ANOTHER = "no face", "only other faces"
"""Why a frame is left as it is."""


class Spoken(NamedTuple):
    """The speaker in one frame."""

    face: Face | None
    reason: str
    """Why there is none; "" where there is."""


def chosen_tracks(tracks: Sequence[Track], selection: FaceSelection) -> set[int]:
    """Numbers of the tracks of the person meant.

    In each scene the choice is made in the first frame that has a face of a usable size (for an index: as many as that
    takes), by how large and where those that are there usually are. Whoever was chosen is followed to the end of the
    scene, also where she goes and comes back (see ``appearances``); a face that is never there together with hers is
    taken for hers too. A scene that never has as many faces as an index takes has nobody.
    """
    scenes: defaultdict[int, list[Track]] = defaultdict(list)
    for track in tracks:
        if track.size >= MINIMUM_SIZE:
            scenes[track.scene].append(track)
    people = appearances([track for scene in scenes.values() for track in scene])
    chosen: set[int] = set()
    for scene in scenes.values():
        meant = _first_meant(scene, selection)
        if meant is not None:
            person = [*next(one for one in people if meant in one.tracks).tracks]
            for track in sorted(scene, key=lambda track: (track.first, -track.size)):
                if not any(track.first <= own.last and own.first <= track.last for own in person):
                    person.append(track)
            chosen.update(track.number for track in person)
    return chosen


def _first_meant(scene: Sequence[Track], selection: FaceSelection) -> Track | None:
    index = selection.indices[0] if selection.rule == "indices" else 0
    for frame in sorted({track.first for track in scene}):
        there = sorted((track for track in scene if track.first <= frame <= track.last), key=lambda track: track.x)
        if len(there) > index:
            match selection.rule:
                case "right":
                    return there[-1]
                case "largest":
                    return max(there, key=lambda track: (track.size, -track.number))
                case _:
                    return there[index]
    return None


class Speaker:
    """The face of the person meant in each frame that was looked at."""

    found: int
    """How many tracks there are."""

    def __init__(
        self, tracks: Tracks, selection: FaceSelection, likeness: NDArray[np.float32] | None, name: str, looked_at: str
    ) -> None:
        """``likeness``: the embedding of the person meant, if she was not chosen by place; ``name`` is what to call the
        video in messages, ``looked_at`` from when to when it was looked at.

        Raises:
            NoFaceError: there is no usable face, or nobody meant.
        """
        self._tracks = tracks
        self.found = len(tracks.tracks)
        if not tracks.tracks:
            raise NoFaceError(
                f"no face was found in {name}, from {looked_at}.",
                hint="Use a video in which the face is larger, sharper, lighter or less turned away.",
            )
        widest = max(track.size for track in tracks.tracks)
        if widest < MINIMUM_SIZE:
            raise FaceTooSmallError(
                f"the largest face in {name} is only {int(widest)} pixels wide, {MINIMUM_SIZE:.0f} are needed.",
                hint="Use a video of higher resolution.",
            )
        if likeness is not None:
            usable = [track for track in tracks.tracks if track.size >= MINIMUM_SIZE]
            self._chosen = set(persons_of(usable, [likeness]))
            if not self._chosen:
                raise NoFaceError(
                    f"nobody in {name} resembles the person of the reference picture.",
                    hint="Use a picture of the person that is sharper, lighter or more from the front.",
                )
            return
        self._chosen = chosen_tracks(tracks.tracks, selection)
        if not self._chosen:
            raise FaceIndexError(
                f"there is no face {selection.indices[0]} in {name}, which never shows as many at a time.",
                hint="Indices count from 0, left to right.",
            )

    def faces(self, start: int, stop: int) -> Iterator[Spoken]:
        """The speaker in each frame from ``start`` to ``stop``; does not depend on ``start``.

        Raises:
            OutputError: a file of observations is damaged.
        """
        for faces in self._tracks.faces(start, stop):
            own = [face for number, face in faces.items() if number in self._chosen]
            if own:
                yield Spoken(max(own, key=lambda face: face.size), "")
            else:
                yield Spoken(None, ANOTHER if faces else NO_FACE)
