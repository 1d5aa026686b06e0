"""Who passes before whom in a video, where that shows: whatever the widths of their faces say."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from facefusion_cli.core.faces.outline import hull
from facefusion_cli.core.faceswap.overlap import area, common, head_outline, lies_on

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tracking.tracks import Tracks

    Faces = Mapping[int, Face]
    """The faces of one frame by the numbers of their tracks."""

__all__ = ["with_passings"]

_NEAR = 100
"""Frames before and after one in which something may show that tells of it."""
_COVERED = 0.4
"""Share of a face that another's head covers in the middle of the time that it is not seen: then it lies behind."""
_STEADY = 5
"""Frames in a row from which on a face on another's is believed: tracks fill gaps of three through what hides them."""


class _Sign(NamedTuple):
    first: int
    last: int
    nearer: int


def with_passings(tracks: Tracks, start: int, stop: int) -> Iterator[tuple[Faces, Collection[tuple[int, int]]]]:
    """``tracks.faces`` with numbers of pairs of tracks, a nearer and a farther one, that can be told apart.

    A face that is gone for a moment while another's head is in its place lies behind that; a face that is seen on
    another's lies before it. The sign nearest in time counts, up to ``_NEAR`` frames away. The answer for a frame does
    not depend on ``start``.

    Raises:
        OutputError: a file of observations is damaged.
    """
    first, last = max(0, start - _NEAR), min(tracks.frames, stop + _NEAR)
    signs = _Signs({track.number: track.last for track in tracks.tracks})
    waiting: deque[Faces] = deque()
    frame = start
    for index, faces in enumerate(tracks.faces(first, last), first):
        signs.look(index, faces)
        if start <= index < stop:
            waiting.append(faces)
        if index == frame + _NEAR:
            yield waiting[0], signs.known(frame, waiting.popleft())
            frame += 1
    for place, faces in enumerate(waiting):
        yield faces, signs.known(frame + place, faces)


class _Signs:
    """What was seen lately that tells nearer from farther tracks."""

    def __init__(self, ends: Mapping[int, int]) -> None:
        """``ends`` are the last frames of all tracks."""
        self._ends = ends
        self._signs: dict[tuple[int, int], deque[_Sign]] = {}
        self._seen: dict[int, tuple[int, Face]] = {}
        self._held: deque[tuple[int, Faces]] = deque()
        """Frames since the first of the gaps that are open."""
        self._on: dict[tuple[int, int], int] = {}
        """Since when a face lies on another: (upper, lower)."""

    def known(self, frame: int, faces: Faces) -> set[tuple[int, int]]:
        """Pairs of faces of a frame of which it is known: (nearer, farther)."""
        found = set()
        for pair, signs in [*self._signs.items()]:
            while signs and signs[0].first < frame - _NEAR:
                signs.popleft()
            if not signs:
                del self._signs[pair]
                continue
            there = [sign for sign in signs if sign.last <= frame + _NEAR]
            if there and pair[0] in faces and pair[1] in faces:
                nearer = min(there, key=lambda sign: abs(sign.first + sign.last - 2 * frame)).nearer
                found.add(pair if nearer == pair[0] else pair[::-1])
        return found

    def look(self, index: int, faces: Faces) -> None:
        """Take the next frame."""
        for number, face in faces.items():
            before, known = self._seen.get(number, (index, face))
            if index - before > 1:
                self._uncovered(number, before, known, index, face)
            self._seen[number] = index, face
        self._held.append((index, faces))
        self._seen = {number: seen for number, seen in self._seen.items() if self._ends[number] > index}
        oldest = min((at for at, _ in self._seen.values()), default=index)
        while self._held[0][0] < oldest:
            self._held.popleft()
        self._lying(index, faces)

    def _uncovered(self, number: int, start: int, before: Face, stop: int, after: Face) -> None:
        """Look for who has hidden a face that was not seen between ``start`` and ``stop``."""
        gap: Sequence[tuple[int, Faces]] = [one for one in self._held if one[0] > start]
        frame, faces = gap[len(gap) // 2]
        first, last = (face.mesh[:, :2].mean(axis=0) for face in (before, after))
        there = hull(before.mesh[:, :2] + np.float32((frame - start) / (stop - start)) * (last - first))
        for other in set.intersection(*(set(each) for _, each in gap)):
            if common(there, head_outline(faces[other])) >= _COVERED * area(there):
                self._note(other, number, _Sign(start, stop, other))

    def _lying(self, index: int, faces: Faces) -> None:
        """Look for faces on others."""
        numbers = [*faces]
        pairs = {(numbers[one], numbers[other]) for one, other in lies_on([*faces.values()])}
        self._on = {pair: self._on.get(pair, index) for pair in pairs}
        for (upper, lower), since in self._on.items():
            if index - since >= _STEADY - 1:
                self._note(upper, lower, _Sign(index - _STEADY + 1, index, upper))

    def _note(self, nearer: int, farther: int, sign: _Sign) -> None:
        self._signs.setdefault((min(nearer, farther), max(nearer, farther)), deque()).append(sign)
