"""Looking at a stretch of video: faces found now and then, and followed by their mesh in between.

The finder's looks cut the stretch into blocks of less than half a second. A face that a look brings up was there
before, as a rule: it is followed back through the block, so that it does not appear late. The same brings back a face
that was lost for a while, from the first frame on in which it can be seen again. In between its traces are noted, which
tell a blurred face from a covered one.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np

from facefusion_cli.core.faces.found import reading_order
from facefusion_cli.core.faces.mesh import Fitted
from facefusion_cli.core.faces.tracking.cuts import GLIMPSES_AFTER, GLIMPSES_BEFORE, Frame, with_cuts
from facefusion_cli.core.faces.tracking.following import Followed, distinct, same_face, same_place
from facefusion_cli.core.faces.tracking.nearby import look_near
from facefusion_cli.core.faces.tracking.observations import Place, Seen, Trace
from facefusion_cli.core.faces.tracking.tracer import Tracer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faces.mesh import FaceMesh
    from facefusion_cli.core.faces.recognition import Recogniser

__all__ = ["FaceFinder", "observe"]

_LOOK_EVERY = 0.4  # seconds
_LONGEST_BLOCK = 12  # frames: those of a block are in memory at the same time
_FIND_AFTER, _FIND_AT_LEAST_EVERY = 0.8, 6.4  # seconds; doubled each time
_MISSED_FOR, _TRACED_FOR = 1.0, 0.5  # seconds for which a lost face is looked for where it was, and its traces
_DOUBTED = 2  # looks that did not see a face which the mesh is not sure of
_SEEN = 20.0  # log odds of a face that the finder has seen
_FAR = 0.15  # of the face's width: a mesh that far from where the finder sees the face has slipped


class FaceFinder(Protocol):
    """``FaceAnalyser`` and ``InsightAnalyser``."""

    def find(self, picture: NDArray[np.uint8], known: Sequence[Fitted] = ()) -> list[Face]:
        """All faces, as thoroughly as a picture deserves; those that lie where ``known`` ones do with their meshes."""
        ...

    def look(self, picture: NDArray[np.uint8], known: Sequence[Fitted] = ()) -> list[Face]:
        """One quick look."""
        ...


def observe(
    frames: Iterable[NDArray[np.uint8]],
    finder: FaceFinder,
    mesh: FaceMesh,
    fps: Fraction,
    recogniser: Recogniser | None = None,
) -> Iterator[Seen]:
    """What each of ``frames`` (H, W, 3) BGR shows, which depends on nothing else: stretches can be seen apart.

    The finder looks at the first and last frame of each scene, when a face was lost, and a few times a second for
    newcomers: thoroughly at the beginning of a scene and then ever more rarely, quickly else. In between meshes follow.
    Embeddings are taken when the finder has looked.

    At most 16 frames are held at a time; their arrays must not change after they were given.
    """
    observer = _Observer(finder, mesh, fps, recogniser)
    held: deque[Seen] = deque()
    given = 0
    for frame in with_cuts(frames):
        for seen in observer.next(frame):
            held.append(seen)
            if len(held) > GLIMPSES_BEFORE:
                first = held.popleft()
                yield first if given < GLIMPSES_AFTER else replace(first, glimpse=None)
                given += 1
    yield from held


@dataclass(slots=True, eq=False)
class _Waiting:
    """A frame of the block that the next look ends."""

    frame: Frame
    faces: list[Followed]
    traces: list[Trace]

    def seen(self) -> Seen:
        """All that is known of it."""
        faces = tuple(sorted((one.face for one in self.faces), key=reading_order))
        places = [Place.of(face) for face in faces]
        traces = (one for one in self.traces if not any(same_place(one.place, place) for place in places))
        return Seen(self.frame.cut, faces, self.frame.glimpse, tuple(traces))


@dataclass(slots=True, eq=False)
class _Missed:
    """A face that was lost."""

    face: Face
    since: int
    tracer: Tracer


@dataclass(slots=True)
class _Schedule:
    """When to look, in frames."""

    fps: float
    next_look: int = 0
    next_find: int = 0
    pause: float = _FIND_AFTER

    def looked(self, index: int) -> None:
        block = min(_LONGEST_BLOCK, max(1, round(_LOOK_EVERY * self.fps)))
        self.next_look = index + block

    def found(self, index: int, *, anew: bool) -> None:
        self.pause = _FIND_AFTER if anew else min(2 * self.pause, _FIND_AT_LEAST_EVERY)
        self.next_find = index + max(1, round(self.pause * self.fps))


@dataclass(slots=True, eq=False)
class _Observer:
    finder: FaceFinder
    mesh: FaceMesh
    fps: Fraction
    recogniser: Recogniser | None
    index: int = -1
    followed: list[Followed] = field(default_factory=list)
    missed: list[_Missed] = field(default_factory=list)
    block: list[_Waiting] = field(default_factory=list)
    numbers: int = 0
    schedule: _Schedule = field(init=False)
    before: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((1, 1, 3), np.uint8))
    """The last frame's picture."""

    def __post_init__(self) -> None:
        self.schedule = _Schedule(float(self.fps))

    def next(self, frame: Frame) -> Iterator[Seen]:
        """Take the next frame; what is known for good comes out."""
        self.index += 1
        if frame.cut:
            self.followed, self.missed = [], []
        lost = self._follow(frame.picture)
        waiting = _Waiting(frame, self.followed, self._trace(frame.picture))
        self.before = frame.picture
        self.block.append(waiting)
        anew = frame.cut or self.index == 0
        if not (anew or lost or frame.ends or self.index >= self.schedule.next_look):
            return
        thorough = anew or self.index >= self.schedule.next_find
        self._look(frame.picture, thorough=thorough)
        self.schedule.looked(self.index)
        if thorough:
            self.schedule.found(self.index, anew=anew)
        waiting.faces = self.followed
        yield from (one.seen() for one in self.block)
        self.block = []

    def _follow(self, picture: NDArray[np.uint8]) -> bool:
        """All faces into the next frame; whether one was lost."""
        kept = []
        lost = False
        for one in self.followed:
            following = one.next(self.mesh, picture)
            if following is None:
                lost = True
                self.missed.append(_Missed(one.face, self.index, Tracer.of(self.before, one.face)))
            else:
                kept.append(following)
        self.followed = distinct(kept)
        return lost

    def _trace(self, picture: NDArray[np.uint8]) -> list[Trace]:
        """Where lost faces seem to be in the next frame."""
        traces = []
        for one in self.missed:
            tracer = one.tracer.next(picture) if self.index - one.since < _TRACED_FOR * self.fps else None
            if tracer is not None:
                one.tracer = tracer
                traces.append(tracer.trace(self.index - one.since + 1))
        return traces

    def _look(self, picture: NDArray[np.uint8], *, thorough: bool) -> None:
        """Let the finder look at the frame that the block ends with."""
        known = [Fitted(one.face.mesh, one.presence) for one in self.followed]
        seen = self.finder.find(picture, known) if thorough else self.finder.look(picture, known)
        confirmed = []
        for one in self.followed:
            match = _nearest(one.face, seen)
            if match is not None:
                seen = [face for face in seen if face is not match]
            else:
                match = _nearest(one.face, look_near(self.finder, picture, one.face.mesh))
            confirmed.append(self._confirmed(one, match, picture))
        self.followed = distinct(one for one in confirmed if one is not None)
        seen += self._missed_again(picture)
        for face in seen:
            if not any(same_face(face, one.face) for one in self.followed):
                self._welcome(face, picture)

    def _confirmed(self, one: Followed, match: Face | None, picture: NDArray[np.uint8]) -> Followed | None:
        """A followed face with what the finder says of it, if anything; None if there is no reason to believe in it."""
        if match is None:
            one = replace(one, unseen=one.unseen + 1)
            return one if one.sure or one.unseen < _DOUBTED else None
        apart = float(np.linalg.norm(match.mesh[:, :2] - one.face.mesh[:, :2], axis=1).mean())
        slipped = apart > _FAR * match.size
        points = self.mesh.settle(picture, match.mesh) if slipped else one.face.mesh
        face = self._recognised(replace(match, mesh=points), picture)
        return replace(one, face=face, before=None if slipped else one.before, unseen=0)

    def _missed_again(self, picture: NDArray[np.uint8]) -> list[Face]:
        """Lost faces that are seen where they were; those lost too long ago are forgotten."""
        self.missed = [one for one in self.missed if self.index - one.since <= _MISSED_FOR * self.fps]
        found = []
        for one in self.missed:
            if not any(same_face(one.face, other.face) for other in self.followed):
                found += look_near(self.finder, picture, one.face.mesh)[:1]
        return found

    def _welcome(self, face: Face, picture: NDArray[np.uint8]) -> None:
        """Follow a new face, first back through the block."""
        face = replace(face, mesh=self.mesh.settle(picture, face.mesh))
        newcomer = Followed(self.numbers, self._recognised(face, picture), _SEEN)
        self.numbers += 1
        self.followed = [*self.followed, newcomer]
        self.missed = [one for one in self.missed if not same_face(one.face, face)]
        for index in range(len(self.block) - 2, -1, -1):
            waiting = self.block[index]
            back = newcomer.next(self.mesh, waiting.frame.picture)
            if back is None:
                self._trace_back(newcomer.face, index + 1)
                break
            if any(same_face(back.face, other.face) for other in waiting.faces):
                break
            waiting.faces = [*waiting.faces, back]
            newcomer = back

    def _trace_back(self, face: Face, begin: int) -> None:
        """Where a face seems to have been before the frame of the block from which on it is seen."""
        tracer = Tracer.of(self.block[begin].frame.picture, face)
        for index in range(begin - 1, -1, -1):
            found = tracer.next(self.block[index].frame.picture)
            if found is not None:
                tracer = found
                self.block[index].traces.append(found.trace(index - begin))

    def _recognised(self, face: Face, picture: NDArray[np.uint8]) -> Face:
        if self.recogniser is None or face.embedding is not None:
            return face
        return self.recogniser.embed(picture, [face])[0]


def _nearest(face: Face, others: Iterable[Face]) -> Face | None:
    """The one of ``others`` that is this face, None if none is."""
    same = [other for other in others if same_face(face, other)]
    middle = face.mesh[:, :2].mean(axis=0)
    return min(same, key=lambda one: float(np.linalg.norm(one.mesh[:, :2].mean(axis=0) - middle)), default=None)
