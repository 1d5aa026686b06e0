"""Who has which part in a video: settled from its tracks before the first frame is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.faces.tracking.choosing import places, priority
from facefusion_cli.core.faceswap.overlap import covers
from facefusion_cli.core.faceswap.video.passing import with_passings
from facefusion_cli.errors import FaceIndexError, FaceTooSmallError, NoFaceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.selection import FaceSelection
    from facefusion_cli.core.faces.tracking.tracks import Tracks
    from facefusion_cli.core.faceswap.casting import Cast, Part
    from facefusion_cli.core.faceswap.overlap import Cover

__all__ = ["Role", "Roles"]


class Role(NamedTuple):
    """One face of one frame and what it gets."""

    number: int
    """Of its track."""
    face: Face
    part: Part
    usual_size: float
    """Width in pixels that the face has as a rule in its track."""
    covers: tuple[Cover, ...]
    """Heads before it, also of those who keep their faces."""


class Roles:
    """The faces of each frame that get another, and which."""

    found: int
    """How many tracks there are."""

    def __init__(self, tracks: Tracks, cast: Cast, selection: FaceSelection, name: str) -> None:
        """``name`` is what to call the video in messages.

        Raises:
            NoFaceError: there is no usable face, or nobody meant.
        """
        self._tracks = tracks
        if not tracks.tracks:
            raise NoFaceError(
                f"no face was found in any of the {tracks.frames} frames of {name}.",
                hint="Use a video in which the face is larger, sharper, lighter or less turned away.",
            )
        usable = [track for track in tracks.tracks if track.size >= MINIMUM_SIZE]
        if not usable:
            raise _too_small("the largest face", max(track.size for track in tracks.tracks), name)
        self._parts = cast.parts_of(usable)
        if not self._parts:
            people = " or ".join(part.name for part in cast.parts)
            raise NoFaceError(
                f"nobody in {name} resembles the person of {people}.",
                hint="Use a picture of the person that is sharper, lighter or more from the front.",
            )
        self._choose = None if cast.by_likeness else priority(tracks.tracks, selection)
        if not cast.by_likeness and selection.rule == "indices":
            place = places(tracks.tracks)
            there = {*place.values()}
            if beyond := [index for index in selection.indices if index not in there]:
                raise FaceIndexError(
                    f"there is no face {beyond[0]} in {name}, which shows {len(there)} at most at a time.",
                    hint=f"Indices count from 0, left to right; the last one is {max(there)}.",
                )
            if not any(place[track.number] in selection.indices for track in usable):
                widest = max(track.size for track in tracks.tracks if place[track.number] in selection.indices)
                raise _too_small(f"face {selection.indices[0]}", widest, name)
        self._sizes = {track.number: track.size for track in tracks.tracks}
        self.found = len(tracks.tracks)

    def faces(self, start: int, stop: int) -> Iterator[Sequence[Role]]:
        """For each frame from ``start`` to ``stop`` the faces that get another, and which."""
        for faces, nearer in with_passings(self._tracks, start, stop):
            numbers = [number for number in faces if number in self._parts]
            chosen = numbers if self._choose is None else self._choose(numbers)
            seen = [*faces]
            known = [(seen.index(near), seen.index(far)) for near, far in nearer]
            hidden = dict(zip(seen, covers([*faces.values()], known), strict=True)) if chosen else {}
            yield [
                Role(number, faces[number], self._parts[number], self._sizes[number], hidden[number])
                for number in sorted(chosen)
            ]


def _too_small(which: str, size: float, name: str) -> FaceTooSmallError:
    return FaceTooSmallError(
        f"{which} in {name} is only {int(size)} pixels wide as a rule, {MINIMUM_SIZE:.0f} are needed.",
        hint="Use a video of higher resolution or choose a larger face.",
    )
