"""The second pass: frames with new faces in them, a closed piece of video for each segment."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from facefusion_cli.core.faceswap.engine import Task
from facefusion_cli.core.faceswap.overlap import uncovered
from facefusion_cli.core.media.composite import paste_into
from facefusion_cli.core.media.stream import run_stream
from facefusion_cli.core.media.video.encoders import SEGMENT_SUFFIX
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
    from facefusion_cli.core.media.segments import Segment, Work
    from facefusion_cli.core.media.video.encoders import EncodeOptions
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.watcher import VideoWatcher

    Frame = NDArray[np.uint8]

__all__ = ["Rendered", "render"]

_IN_FLIGHT = 96 * 2**20
"""Bytes of frames that may wait at each of three places: before the work, in it and behind it."""
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
    begin = 0
    for index, (segment, name, count) in enumerate(zip(segments, names, looked.counts, strict=True)):
        if index > last:
            rendered.missing += segment.stop - segment.start
            continue
        if work.piece(name) is None:
            watcher.chunk(index + 1, len(segments))
            length = segment.stop - segment.start if index < last else 0
            shown = rendered.pieces[-1] if rendered.pieces else None
            stand_in = partial(_stand_in, video, shown, segments[first])
            swapping = _Swapping(loaded, watcher, length, stand_in)
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
    room = max(1, min(_MOST_FRAMES, _IN_FLIGHT // (3 * video.width * video.height)))
    with (
        FrameReader(video, segment.start, segment.stop) as reader,
        FrameWriter(work.temporary(name), video, encode) as writer,
    ):
        frames = run_stream(reader, lambda source: swapping.run(source, roles, room), writer.write, ahead=room)
        writer.close()
    facts = {
        "frames": frames,
        "swapped": swapping.swapped,
        "missing": reader.missing,
        "tracks": sorted(swapping.tracks),
        "notes": list(swapping.notes),
    }
    work.finish(name, facts)


def _stand_in(video: Video, shown: Path | None, first: Segment) -> Frame:
    """A picture for a stretch that has none: the last that was shown, or before any was the first that can be."""
    if shown is None:
        with FrameReader(video, first.start, first.stop) as reader:
            return next(iter(reader))
    piece = probe(shown)
    with FrameReader(piece, piece.frames - 1, piece.frames) as reader:
        return next(iter(reader))


class _Swapping:
    """New faces into frame after frame, several faces at a time."""

    def __init__(self, loaded: Loaded, watcher: VideoWatcher, length: int, stand_in: Callable[[], Frame]) -> None:
        """If fewer than ``length`` frames come, the last is held; ``stand_in`` gives one where none comes."""
        self._engine = loaded.engine
        self._watcher = watcher
        self._length = length
        self._stand_in = stand_in
        self.swapped = 0
        self.tracks: set[int] = set()
        self.notes: dict[str, None] = {}

    def run(self, frames: Iterator[Frame], roles: Iterator[Sequence[Role]], room: int) -> Iterator[Frame]:
        """The frames with their faces replaced, in place, at most ``room`` of them at a time."""
        last, count = None, 0
        for last in self._swapped(frames, roles, room):
            count += 1
            yield last
        while count < self._length:
            last = self._stand_in() if last is None else last
            count += 1
            yield last
            self._watcher.progress(1, 0)

    def _swapped(self, frames: Iterator[Frame], roles: Iterator[Sequence[Role]], room: int) -> Iterator[Frame]:
        group: list[tuple[Frame, Sequence[Role]]] = []
        for frame, faces in zip(frames, roles, strict=False):
            group.append((frame, faces))
            if len(group) >= room or sum(len(each) for _, each in group) >= _FACES:
                yield from self._swap(group)
                group = []
        yield from self._swap(group)

    def _swap(self, group: Sequence[tuple[Frame, Sequence[Role]]]) -> Iterator[Frame]:
        # Far (small) faces first, so that near ones cover them.
        ordered = [sorted(roles, key=lambda role: role.face.size) for _, roles in group]
        tasks = [
            Task(frame, role.face, role.part.identity, role.usual_size)
            for (frame, _), roles in zip(group, ordered, strict=True)
            for role in roles
        ]
        patches = iter(self._engine.swap(tasks) if tasks else [])
        for (frame, _), roles in zip(group, ordered, strict=True):
            made = [(role, uncovered(patch, role.covers)) for role in roles if (patch := next(patches)) is not None]
            shown = [patch for _, patch in made]
            if made:
                self.tracks.update(role.number for role, _ in made)
                paste_into(frame, shown)
                self.swapped += 1
                self.notes |= dict.fromkeys(note for patch in shown for note in patch.notes)
            yield frame
            self._watcher.progress(1, len(shown))
