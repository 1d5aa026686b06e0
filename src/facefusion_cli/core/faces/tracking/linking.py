"""Which observations are of the same face: tracks, as they grow from frame to frame.

Place and size decide, each face being expected where it was heading. Embeddings decide where those are in doubt, and in
the end: where several in a row say that it is somebody else, the track ends at the jump before the first of them. One
alone changes nothing; it may be a blurred face.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.tracking.observations import Place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.tracking.observations import Trace

__all__ = ["Linker", "Person"]

_REACH, _REACH_PER_FRAME, _MOST_REACH = 0.5, 0.08, 1.0  # widths of the face from where it is expected
_GROWTH, _GROWTH_PER_FRAME, _MOST_GROWTH = 0.3, 0.03, 0.6  # of the logarithm of its size
_MOST_FORESIGHT = 5  # frames for which a movement goes on
_STRANGER, _ACQUAINTED = 0.2, 0.35  # cosines: surely not the same person; surely
_SAYING = 2  # embeddings in a row that make another person
_TRUSTED_SIZE = 112.0  # pixels: what recognition wants to see


@dataclass(slots=True, eq=False)
class Person:
    """What is known of whose face a track shows."""

    total: NDArray[np.float64] = field(default_factory=lambda: np.zeros(512))
    doubts: list[tuple[NDArray[np.float64], float]] = field(default_factory=list)
    """Embeddings in a row that say it is somebody else, with their weights."""

    @property
    def embedding(self) -> NDArray[np.float32] | None:
        """The mean so far, of length 1."""
        length = float(np.linalg.norm(self.total))
        return (self.total / length).astype(np.float32) if length > 0 else None

    def similarity(self, embedding: NDArray[np.float32] | None) -> float | None:
        """Cosine to the mean, None where nothing is known."""
        mean = self.embedding
        return None if mean is None or embedding is None else float(mean @ embedding)

    def learn(self, face: Face) -> bool:
        """Take the embedding of another observation; whether it has become clear that it is somebody else."""
        assert face.embedding is not None
        weight = min(1.0, face.size / _TRUSTED_SIZE) ** 2 * face.score
        similarity = self.similarity(face.embedding)
        if similarity is None or similarity >= _STRANGER:
            self.doubts.clear()
            self.total += weight * face.embedding
            return False
        if self.doubts and float(self.doubts[-1][0] @ face.embedding) < _ACQUAINTED:
            self.doubts.clear()  # they do not agree among themselves: blurred
        self.doubts.append((face.embedding.astype(np.float64), weight))
        return len(self.doubts) >= _SAYING

    def other(self) -> Person:
        """Whom the doubts speak of, who leaves this one."""
        other = Person()
        for embedding, weight in self.doubts:
            other.total += weight * embedding
        self.doubts.clear()
        return other


@dataclass(slots=True, eq=False)
class _Open:
    """A track that may go on."""

    number: int
    frame: int
    centre: NDArray[np.float64]
    size: float
    person: Person
    speed: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))
    """Pixels a frame."""
    trace: NDArray[np.float64] | None = None
    """Where it may have been since."""
    jump: float = 0.0
    jumped: int = 0
    """The greatest change since whose face it is was last confirmed, and the frame that begins with it."""


class Linker:
    """Takes frame after frame; grows by a few bytes an observation."""

    def __init__(self, longest_gap: int) -> None:
        """``longest_gap``: frames in which a face may not be seen and still be the same track."""
        self._longest_gap = longest_gap
        self._open: list[_Open] = []
        self.numbers = array("i")
        """For each observation, frame by frame, its track."""
        self.starts = array("q", [0])
        """For each frame the place of its first observation in ``numbers``; one more at the end."""
        self.persons: list[Person] = []
        """For each track."""

    @property
    def frames(self) -> int:
        """How many frames were taken."""
        return len(self.starts) - 1

    def next(self, faces: Sequence[Face], *, cut: bool, traces: Sequence[Trace] = ()) -> None:
        """Take the next frame's faces, and traces of lost ones."""
        frame = self.frames
        if cut:
            self._open = []
        self._open = [one for one in self._open if frame - one.frame <= self._longest_gap + 1]
        for one in self._open:
            seen = Place(float(one.centre[0]), float(one.centre[1]), one.size)
            for trace in traces:
                if trace.leads_to(seen, frame - one.frame):
                    one.trace = np.array(trace.place[:2])
        given = self._matched(frame, faces)
        for index, face in enumerate(faces):
            track = given.get(index)
            if track is None:
                track = self._begin(frame, face)
            else:
                _advance(track, frame, face)
            self.numbers.append(track.number)
            given[index] = track
        self.starts.append(len(self.numbers))
        for index, face in enumerate(faces):
            if face.embedding is not None:
                self._learn(given[index], face, frame)

    def _begin(self, frame: int, face: Face) -> _Open:
        track = _Open(len(self.persons), frame, _centre(face), face.size, Person(), jumped=frame)
        self.persons.append(track.person)
        self._open.append(track)
        return track

    def _matched(self, frame: int, faces: Sequence[Face]) -> dict[int, _Open]:
        """For the indices of faces that go on with a track, which one; the best pairs first."""
        pairs = []
        for track in self._open:
            for index, face in enumerate(faces):
                cost = _cost(track, frame, face)
                if cost is not None:
                    pairs.append((cost, track.number, index, track))
        given: dict[int, _Open] = {}
        taken: set[int] = set()
        for _, number, index, track in sorted(pairs, key=lambda pair: pair[:3]):
            if number not in taken and index not in given:
                given[index] = track
                taken.add(number)
        return given

    def _learn(self, track: _Open, face: Face, frame: int) -> None:
        if track.person.learn(face):
            self._split(track)
        if not track.person.doubts:
            track.jump, track.jumped = 0.0, frame

    def _split(self, track: _Open) -> None:
        """From the jump on it is another track, of somebody else."""
        old, track.number = track.number, len(self.persons)
        track.person = track.person.other()
        self.persons.append(track.person)
        for place in range(self.starts[track.jumped], len(self.numbers)):
            if self.numbers[place] == old:
                self.numbers[place] = track.number


def _advance(track: _Open, frame: int, face: Face) -> None:
    gap = frame - track.frame
    centre = _centre(face)
    speed = (centre - track.centre) / gap
    change = _off(track, frame, face) / face.size
    change += abs(float(np.log(face.size / track.size))) + (1.0 if gap > 1 else 0.0)
    if change > track.jump:
        track.jump, track.jumped = change, frame
    track.speed = speed if gap > 1 else (track.speed + speed) / 2
    track.frame, track.centre, track.size, track.trace = frame, centre, face.size, None


def _cost(track: _Open, frame: int, face: Face) -> float | None:
    """How unlikely it is that the track goes on with this face, None if it does not."""
    gap = frame - track.frame - 1
    apart = _off(track, frame, face) / max(face.size, track.size)
    growth = abs(float(np.log(face.size / track.size)))
    near = apart < min(_MOST_REACH, _REACH + gap * _REACH_PER_FRAME)
    if not near or growth > min(_MOST_GROWTH, _GROWTH + gap * _GROWTH_PER_FRAME):
        return None
    similarity = track.person.similarity(face.embedding)
    if similarity is not None and similarity < _STRANGER and gap > 0:
        return None
    known = 0.0 if similarity is None else np.clip(similarity, 0.0, 0.5)
    return apart + growth - float(known)


def _centre(face: Face) -> NDArray[np.float64]:
    x1, y1, x2, y2 = face.box
    return np.array([(x1 + x2) / 2, (y1 + y2) / 2])


def _off(track: _Open, frame: int, face: Face) -> float:
    """Pixels from where it is expected: where it was heading, or where its last trace is."""
    heading = track.centre + track.speed * min(frame - track.frame, _MOST_FORESIGHT)
    places = [heading] if track.trace is None else [heading, track.trace]
    return min(float(np.linalg.norm(_centre(face) - place)) for place in places)
