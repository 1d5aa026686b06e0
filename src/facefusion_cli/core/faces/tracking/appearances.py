"""Persons within a scene: the tracks of each, who may have turned away in between, and where they are as a rule."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from facefusion_cli.core.faces.tracking.tracks import Track

__all__ = ["Appearance", "appearances", "indices_of"]

_ALIKE = 0.5  # cosine of the embeddings
_NEAR, _LIKE_SIZE = 0.75, 1.35  # without them: in widths of the larger face, and of one over the other
_AT_ONCE = 256  # tracks whose likeness to all others is worked out in one go


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """One person in one scene."""

    tracks: tuple[Track, ...]
    """In the order of their frames; no two at the same time."""

    @property
    def room(self) -> float:
        """Width of the face in pixels, summed up over the frames it was seen in."""
        return sum(track.frames * track.size for track in self.tracks)

    @property
    def x(self) -> float:
        """Usual horizontal position in pixels."""
        return sum(track.frames * track.x for track in self.tracks) / sum(track.frames for track in self.tracks)


def appearances(tracks: Sequence[Track]) -> list[Appearance]:
    """The tracks of each scene put together by person.

    Two that are never there at the same time are the same person if their embeddings are alike; where one has none, if
    place and size are about the same.
    """
    scenes: defaultdict[int, list[Track]] = defaultdict(list)
    for track in sorted(tracks, key=lambda track: (track.first, track.number)):
        scenes[track.scene].append(track)
    found = []
    for scene in scenes.values():
        people = _People(scene)
        for index in range(len(scene)):
            people.take(index)
        found += [Appearance(tuple(one)) for one in people.tracks]
    return found


class _People:
    """Those seen so far in a scene, in arrays, since there may be thousands."""

    def __init__(self, scene: Sequence[Track]) -> None:
        """``scene``: its tracks in the order of their first frames."""
        self.tracks: list[list[Track]] = []
        self._scene = scene
        unknown = np.zeros(512, np.float32)  # like nobody
        self._embeddings = np.stack([unknown if one.embedding is None else one.embedding for one in scene])
        self._likeness = np.zeros((0, 0), np.float32)  # of a few tracks to all before them
        self._last = np.zeros((len(scene), 3))  # of each person: frame, x and size
        self._known = np.zeros(len(scene), bool)
        self._told_by = np.zeros(len(scene), np.int64)  # of those known: which track

    def take(self, index: int) -> None:
        """Add the next track of the scene."""
        if index % _AT_ONCE == 0:
            end = index + _AT_ONCE
            self._likeness = self._embeddings[index:end] @ self._embeddings[:end].T
        track = self._scene[index]
        number = self._of(index, track)
        if number is None:
            number = len(self.tracks)
            self.tracks.append([])
        self.tracks[number].append(track)
        self._last[number] = track.last, track.x, track.size
        if track.embedding is not None and not self._known[number]:
            self._known[number], self._told_by[number] = True, index

    def _of(self, index: int, track: Track) -> int | None:
        """Who it is, None if somebody new."""
        count = len(self.tracks)
        away = self._last[:count, 0] < track.first
        if track.embedding is not None:
            known = self._known[:count]
            if known.any():
                cosines = self._likeness[index % _AT_ONCE, self._told_by[:count]]
                cosines = np.where(away & known, cosines, -1.0)
                best = int(np.argmax(cosines))
                if cosines[best] >= _ALIKE:
                    return best
            away = away & ~known
        (unknown,) = np.nonzero(away)
        _, x, size = self._last[unknown].T
        apart = np.abs(x - track.x) / np.maximum(size, track.size)
        near = (apart < _NEAR) & (np.abs(np.log(size / track.size)) < math.log(_LIKE_SIZE))
        return int(unknown[near][np.argmin(apart[near])]) if near.any() else None


def indices_of(found: Sequence[Appearance]) -> list[int]:
    """For each person how many others of the scene were left of it for most of its time."""
    scenes: defaultdict[int, list[int]] = defaultdict(list)
    for number in sorted(range(len(found)), key=lambda number: (found[number].x, found[number].tracks[0].number)):
        scenes[found[number].tracks[0].scene].append(number)
    indices = [0] * len(found)
    for scene in scenes.values():
        spans = [[(track.first, track.last + 1) for track in found[number].tracks] for number in scene]
        times = np.unique([time for one in spans for span in one for time in span])
        frames = np.diff(times)
        there = np.zeros(len(frames), np.int64)  # how many of those farther left, from one of the times to the next
        for number, one in zip(scene, spans, strict=True):
            parts = [slice(*np.searchsorted(times, span).tolist()) for span in one]
            left_of_it = sum(int(there[part] @ frames[part]) for part in parts)
            indices[number] = int(left_of_it / sum(stop - start for start, stop in one) + 0.5)
            for part in parts:
                there[part] += 1
    return indices
