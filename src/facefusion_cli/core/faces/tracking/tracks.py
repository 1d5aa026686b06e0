"""From what was seen in each frame to persons: tracks, gaps filled, movements smoothed without lag."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.tracking.gaps import filled
from facefusion_cli.core.faces.tracking.keypoints import Offsets
from facefusion_cli.core.faces.tracking.observations import load
from facefusion_cli.core.faces.tracking.smoothing import Reach, smoothed
from facefusion_cli.core.faces.tracking.survey import Survey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.tracking.observations import Seen, Trace

__all__ = ["Track", "Tracks"]

_LONGEST_GAP = 0.5  # seconds
_FLEETING, _CERTAIN = 3, 0.9  # a face of fewer frames counts only if the mean of its scores is above


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """One face followed without interruption (half a second aside) within one scene. Small, whatever its length."""

    number: int
    """Counted from 0 in the order of first frames, then left to right."""
    scene: int
    first: int
    """Frame, counted from the beginning of the observations."""
    last: int
    frames: int
    """In how many frames it was seen."""
    size: float
    """Median width of the face in pixels (``Face.size``)."""
    x: float
    """Median horizontal position of the face in pixels."""
    embedding: NDArray[np.float32] | None
    """(512,) of length 1: the mean of all that were taken, by size and score; None without recognition."""


class Tracks:
    """All tracks of a video, from files of observations of consecutive stretches.

    A face that is not seen for up to half a second goes on with the same track if its place, size and (where known)
    identity fit. Such a gap is filled where it is no longer than 3 frames or something still looks like the face, too
    blurred to be followed; what has passed before it is left alone. Memory grows with the number of tracks and by a few
    bytes a frame, not with the meshes: those are read again.
    """

    tracks: tuple[Track, ...]
    frames: int

    def __init__(self, files: Sequence[Path], fps: Fraction) -> None:
        """Reads all files once.

        Raises:
            OutputError: a file is damaged.
        """
        self._files = tuple(files)
        self._gap = max(1, round(_LONGEST_GAP * fps))
        self._reach = Reach.at(float(fps))
        survey = Survey(self._files, self._gap)
        self._lengths = survey.lengths
        self.frames = sum(survey.lengths)
        self._starts = survey.starts
        self.tracks, self._numbers = _tracks(survey)
        places, offsets = survey.looks
        frames, numbers = self._frames_of(places), self._numbers[places]
        self._offsets = [
            Offsets(frames[numbers == track.number], offsets[numbers == track.number], float(fps))
            for track in self.tracks
        ]

    def faces(self, start: int, stop: int) -> Iterator[Mapping[int, Face]]:
        """For each frame from ``start`` to ``stop`` the faces in it, by the number of their track: smoothed over
        neighbouring frames (centred, within the scene), gaps filled, with ``keypoints`` (where the detector gives any)
        and the track's embedding.

        The answer for a frame does not depend on ``start``.

        Raises:
            OutputError: a file is damaged.
        """
        first = max(0, start - self._reach.long - self._gap)
        last = min(self.frames, stop + self._reach.long + self._gap)
        seen = filled(self._seen(first, last), self._gap)
        window: deque[dict[int, Face]] = deque()
        begin = first  # of the window
        for frame in range(start, min(stop, self.frames)):
            window.extend(islice(seen, frame + self._reach.long + 1 - begin - len(window)))
            while begin < frame - self._reach.long:
                window.popleft()
                begin += 1
            yield {number: self._face(number, frame, window, frame - begin) for number in sorted(window[frame - begin])}

    def _face(self, number: int, frame: int, window: Sequence[Mapping[int, Face]], place: int) -> Face:
        first = last = place
        while first > 0 and number in window[first - 1]:
            first -= 1
        while last + 1 < len(window) and number in window[last + 1]:
            last += 1
        here = window[place][number]
        meshes = np.stack([window[index][number].mesh for index in range(first, last + 1)])
        face = Face(
            smoothed(meshes, place - first, self._reach, here.size),
            here.score,
            embedding=self.tracks[number].embedding,
        )
        return replace(face, keypoints=self._offsets[number].points(frame, face))

    def _seen(self, start: int, stop: int) -> Iterator[tuple[dict[int, Face], tuple[Trace, ...]]]:
        """The faces of frames ``start`` to ``stop`` as they were observed, by track, and the traces of lost ones."""
        for frame, seen in zip(range(start, stop), self._observed(start), strict=False):
            numbers = self._numbers[self._starts[frame] : self._starts[frame + 1]].tolist()
            faces = zip(numbers, seen.faces, strict=True)
            yield {number: face for number, face in faces if number >= 0}, seen.traces

    def _observed(self, start: int) -> Iterator[Seen]:
        for file, length in zip(self._files, self._lengths, strict=True):
            if start < length:
                yield from load(file, skip=start)
            start = max(0, start - length)

    def _frames_of(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.searchsorted(self._starts, places, side="right") - 1


def _tracks(survey: Survey) -> tuple[tuple[Track, ...], NDArray[np.int32]]:
    """The tracks that count, and for each observation its track's number, -1 for none."""
    linked = np.array(survey.linker.numbers, np.int32)
    facts, starts, scenes = survey.facts, survey.starts, survey.scenes
    frames = np.searchsorted(starts, np.arange(len(linked)), side="right") - 1
    order = np.argsort(linked, kind="stable")
    borders = np.flatnonzero(np.diff(linked[order])) + 1
    groups = np.split(order, borders) if len(linked) else []
    found = []
    for group in groups:
        first, last = int(frames[group[0]]), int(frames[group[-1]])
        scene = int(np.searchsorted(scenes, first, side="right")) - 1
        if len(group) < _FLEETING and float(facts[group, 2].mean()) < _CERTAIN:
            end = scenes[scene + 1] if scene + 1 < len(scenes) else len(starts) - 1
            if end - scenes[scene] >= _FLEETING:
                continue
        person = survey.linker.persons[linked[group[0]]]
        size, x = (float(np.median(facts[group, column])) for column in (0, 1))
        track = Track(0, scene, first, last, len(group), size, x, person.embedding)
        found.append((first, float(facts[group[0], 1]), track, group))
    numbers = np.full(len(linked), -1, np.int32)
    tracks = []
    for number, (_, _, track, group) in enumerate(sorted(found, key=lambda one: one[:2])):
        numbers[group] = number
        tracks.append(replace(track, number=number))
    return tuple(tracks), numbers
