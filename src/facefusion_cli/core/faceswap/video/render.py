"""The second pass: frames with new faces in them, a closed piece of video for each segment."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from facefusion_cli.core.faceswap.engine import Task
from facefusion_cli.core.faceswap.overlap import uncovered
from facefusion_cli.core.media.bounds import common, together
from facefusion_cli.core.media.crew import MOST_AT_A_TIME, Crew, done_in_order
from facefusion_cli.core.media.stream import run_stream
from facefusion_cli.core.media.video.encoders import SEGMENT_SUFFIX, encoder_for
from facefusion_cli.core.media.video.layout import Bgr, layout_of
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.core.media.video.writer import FrameWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.tracking.looking import Looked
    from facefusion_cli.core.faceswap.loaded import Loaded
    from facefusion_cli.core.faceswap.video.roles import Role, Roles
    from facefusion_cli.core.media.patch import Patch
    from facefusion_cli.core.media.segments import Segment, Work
    from facefusion_cli.core.media.video.encoders import EncodeOptions
    from facefusion_cli.core.media.video.layout import Layout, View
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.watcher import VideoWatcher

    Frame = NDArray[np.uint8]

__all__ = ["Rendered", "render"]

_IN_FLIGHT = 96 * 2**20
"""Bytes of frames that may wait before the work, be worked on together, or wait behind it."""
_IN_WORK = 192 * 2**20
"""Bytes of frames that are worked on at the same time."""
_MOST_FRAMES = 8
_FACES = 4
"""As many faces as are given to the engine at once, if they come within ``_MOST_FRAMES`` frames."""


class Rendered:
    """Pieces of video in order, and what is in them."""

    def __init__(self) -> None:
        self.pieces: list[Path] = []
        self.frames = 0
        self.swapped = 0
        self.missing = 0
        self.tracks: set[int] = set()
        """Numbers of those that got another face."""
        self.notes: dict[str, None] = {}
        """Sentences that the engine has for the user; in order, each once."""


def render(
    video: Video,
    segments: Sequence[Segment],
    encode: EncodeOptions,
    work: Work,
    loaded: Loaded,
    roles: Roles,
    looked: Looked,
    watcher: VideoWatcher,
) -> Rendered:
    """Make the pieces that an earlier run has not made.

    Raises:
        InputError: the video cannot be decoded any more.
        OutputError: a piece cannot be written.
    """
    rendered = Rendered()
    names = [f"piece-{segment.index:05d}{SEGMENT_SUFFIX}" for segment in segments]
    finished = [name for name in names if work.piece(name) is not None]
    watcher.stage("swapping", sum(work.facts(name)["frames"] for name in finished), sum(looked.counts))
    # Where what cannot be decoded is not the end, pictures are held, or all that follows would lose its sound.
    there = [index for index, count in enumerate(looked.counts) if count]
    first, last = there[0], there[-1]
    begin, layout = 0, layout_of(video, encoder_for(encode.codec))
    with Crew("facefusion-swapper") as crew:
        for index, (segment, name, count) in enumerate(zip(segments, names, looked.counts, strict=True)):
            if index > last:
                rendered.missing += segment.stop - segment.start
                continue
            if work.piece(name) is None:
                watcher.chunk(index + 1, len(segments))
                length = segment.stop - segment.start if index < last else 0
                shown = rendered.pieces[-1] if rendered.pieces else None
                stand_in = partial(_stand_in, video, layout, shown, segments[first])
                swapping = _Swapping(loaded, layout, crew, watcher, length, stand_in)
                _render_piece(video, segment, encode, work, name, swapping, roles.faces(begin, begin + count))
            begin += count
            piece, facts = work.piece(name), work.facts(name)
            assert piece is not None
            rendered.pieces.append(piece)
            rendered.frames += facts["frames"]
            rendered.swapped += facts["swapped"]
            rendered.missing += facts["missing"]
            rendered.tracks.update(facts["tracks"])
            rendered.notes |= dict.fromkeys(facts["notes"])
    return rendered


def _render_piece(
    video: Video,
    segment: Segment,
    encode: EncodeOptions,
    work: Work,
    name: str,
    swapping: _Swapping,
    roles: Iterator[Sequence[Role]],
) -> None:
    layout = swapping.layout
    room = max(1, min(_MOST_FRAMES, _IN_FLIGHT // layout.in_work))
    groups = max(1, min(MOST_AT_A_TIME, _IN_WORK // (layout.in_work * room)))
    with (
        FrameReader(video, segment.start, segment.stop, layout=layout) as reader,
        FrameWriter(work.temporary(name), video, encode, layout) as writer,
    ):
        frames = run_stream(reader, lambda source: swapping.run(source, roles, room, groups), writer.write, ahead=room)
        writer.close()
    facts = {
        "frames": frames,
        "swapped": swapping.swapped,
        "missing": reader.missing,
        "tracks": sorted(swapping.tracks),
        "notes": list(swapping.notes),
    }
    work.finish(name, facts)


def _stand_in(video: Video, layout: Layout, shown: Path | None, first: Segment) -> Frame:
    """A picture for a stretch that has none: the last that was shown, or before any was the first that can be."""
    if shown is None:
        with FrameReader(video, first.start, first.stop, layout=layout) as reader:
            return next(iter(reader))
    piece = probe(shown)
    # Its planes are those that were written; to BGR leads its own way.
    layout = Bgr(piece) if isinstance(layout, Bgr) else layout
    with FrameReader(piece, piece.frames - 1, piece.frames, layout=layout) as reader:
        return next(iter(reader))


class _Swapping:
    """New faces into frame after frame, several faces at a time."""

    def __init__(
        self,
        loaded: Loaded,
        layout: Layout,
        crew: Crew,
        watcher: VideoWatcher,
        length: int,
        stand_in: Callable[[], Frame],
    ) -> None:
        """If fewer than ``length`` frames come, the last is held; ``stand_in`` gives one where none comes."""
        self.layout = layout
        self._engine = loaded.engine
        self._crew = crew
        self._watcher = watcher
        self._length = length
        self._stand_in = stand_in
        self.swapped = 0
        self.tracks: set[int] = set()
        self.notes: dict[str, None] = {}

    def run(self, frames: Iterator[Frame], roles: Iterator[Sequence[Role]], room: int, groups: int) -> Iterator[Frame]:
        """The frames with their faces replaced, in place; at most ``room`` of them together, ``groups`` at a time."""
        last, count = None, 0
        for last in self._swapped(frames, roles, room, groups):
            count += 1
            yield last
        while count < self._length:
            last = self._stand_in() if last is None else last
            count += 1
            yield last
            self._watcher.progress(1, 0)

    def _swapped(
        self, frames: Iterator[Frame], roles: Iterator[Sequence[Role]], room: int, groups: int
    ) -> Iterator[Frame]:
        for group in done_in_order(self._crew, _grouped(frames, roles, room), self._swap, groups):
            while group:
                part = group.popleft()
                self.tracks.update(part.tracks)
                self.swapped += bool(part.tracks)
                self.notes |= part.notes
                yield part.frame
                self._watcher.progress(1, len(part.tracks))

    def _swap(self, group: deque[_Part]) -> None:
        """Paint on the frames of a group. Several groups are worked on at a time, each by itself."""
        views = [(part, *seen) for part in group for seen in self._views(part)]
        tasks = [
            Task(view.picture, role.face.moved(-view.x, -view.y), role.part.identity, role.usual_size)
            for _, view, roles in views
            for role in roles
        ]
        patches = iter(self._engine.swap(tasks) if tasks else [])
        for part, view, roles in views:
            made = [(role, _shown(patch, role, view)) for role in roles if (patch := next(patches)) is not None]
            if made:
                view.paint([patch for _, patch in made])
                part.tracks += [role.number for role, _ in made]
                part.notes |= dict.fromkeys(note for _, patch in made for note in patch.notes)

    def _views(self, part: _Part) -> Iterator[tuple[View, list[Role]]]:
        """What the engine looks at in a frame, and for whom: faces near each other are seen together."""
        bounds = [self._engine.bounds(role.face) for role in part.roles]
        for places in together(bounds):
            reach = common([bounds[place] for place in places])
            yield self.layout.view(part.frame, reach), [part.roles[place] for place in places]


def _shown(patch: Patch, role: Role, view: View) -> Patch:
    """The patch without what lies behind other heads."""
    return uncovered(patch.moved(view.x, view.y), role.covers).moved(-view.x, -view.y) if role.covers else patch


@dataclass(slots=True, eq=False)
class _Part:
    """A frame of a group."""

    frame: Frame
    roles: Sequence[Role]
    """Far (small) faces first, so that near ones cover them."""
    tracks: list[int] = field(default_factory=list)
    """Numbers of those that got another face in it."""
    notes: dict[str, None] = field(default_factory=dict)


def _grouped(frames: Iterator[Frame], roles: Iterator[Sequence[Role]], room: int) -> Iterator[deque[_Part]]:
    group: deque[_Part] = deque()
    for frame, faces in zip(frames, roles, strict=False):
        group.append(_Part(frame, sorted(faces, key=lambda role: role.face.size)))
        if len(group) >= room or sum(len(part.roles) for part in group) >= _FACES:
            yield group
            group = deque()
    if group:
        yield group
