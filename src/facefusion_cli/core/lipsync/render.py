"""The second pass: frames whose mouths speak, a closed piece of video for each chunk."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facefusion_cli.core.lipsync.engine import SpeechTask
from facefusion_cli.core.lipsync.pictures import shown_frames
from facefusion_cli.core.lipsync.untouched import add_stretch
from facefusion_cli.core.media.crew import MOST_AT_A_TIME, Crew, done_in_order
from facefusion_cli.core.media.stream import run_stream
from facefusion_cli.core.media.video.encoders import SEGMENT_SUFFIX, encoder_for
from facefusion_cli.core.media.video.layout import layout_of
from facefusion_cli.core.media.video.writer import FrameWriter
from facefusion_cli.core.memory import give_back_freed

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.engine import LipSyncer
    from facefusion_cli.core.lipsync.scene import Scene
    from facefusion_cli.core.lipsync.speaker import Spoken
    from facefusion_cli.core.lipsync.speech import Voice
    from facefusion_cli.core.lipsync.timeline import Timeline
    from facefusion_cli.core.lipsync.untouched import Stretch
    from facefusion_cli.core.media.segments import Segment, Work
    from facefusion_cli.core.media.video.encoders import EncodeOptions
    from facefusion_cli.core.media.video.layout import Layout, View
    from facefusion_cli.core.media.video.probe import Video
    from facefusion_cli.core.media.video.watcher import VideoWatcher

    Frame = NDArray[np.uint8]

__all__ = ["Rendered", "Take", "render"]

_IN_FLIGHT = 96 * 2**20
"""Bytes of frames that may wait before the work, and behind it."""
_IN_WORK = 256 * 2**20
"""Bytes of frames that are worked on at the same time."""
_MOST_FRAMES = 8


@dataclass(frozen=True, slots=True)
class Take:
    """All that the frames of a result are made from."""

    video: Video
    stretches: Sequence[Segment]
    """The pieces in which the video was looked at."""
    timeline: Timeline
    scene: Scene
    voice: Voice
    engine: LipSyncer
    encode: EncodeOptions


@dataclass(slots=True)
class Rendered:
    """Pieces of video in order, and what is in them."""

    pieces: list[Path] = field(default_factory=list)
    frames: int = 0
    spoken: int = 0
    untouched: list[Stretch] = field(default_factory=list)
    notes: dict[str, None] = field(default_factory=dict)
    """Sentences that the engine has for the user; in order, each once."""


def render(take: Take, chunks: Sequence[Segment], work: Work, watcher: VideoWatcher) -> Rendered:
    """Make the pieces that an earlier run has not made.

    Raises:
        InputError: the video cannot be decoded any more.
        OutputError: a piece cannot be written.
    """
    rendered = Rendered()
    names = [f"piece-{chunk.index:05d}{SEGMENT_SUFFIX}" for chunk in chunks]
    finished = [name for name in names if work.piece(name) is not None]
    done = sum(work.facts(name)["frames"] for name in finished)
    watcher.stage("speaking", done, chunks[-1].stop - chunks[0].start)
    # The same threads for all chunks: each thread that computes takes memory of its own, which is not given back.
    with Crew("facefusion-speaker") as crew:
        for chunk, name in zip(chunks, names, strict=True):
            if work.piece(name) is None:
                watcher.chunk(chunk.index + 1, len(chunks))
                give_back_freed()  # of looking, or of the chunk before
                _render_piece(take, chunk, work, name, crew, watcher)
            piece, facts = work.piece(name), work.facts(name)
            assert piece is not None
            rendered.pieces.append(piece)
            rendered.frames += facts["frames"]
            rendered.spoken += facts["spoken"]
            rendered.notes |= dict.fromkeys(facts["notes"])
            for start, stop, reason in facts["untouched"]:
                add_stretch(rendered.untouched, start, stop, reason)
    return rendered


def _render_piece(take: Take, chunk: Segment, work: Work, name: str, crew: Crew, watcher: VideoWatcher) -> None:
    layout = layout_of(take.video, encoder_for(take.encode.codec))
    ahead = max(1, min(_MOST_FRAMES, _IN_FLIGHT // layout.size))
    runs = list(take.timeline.runs(chunk.start, chunk.stop))
    speaking = _Speaking(take, layout, crew, watcher)
    source = shown_frames(take.video, layout, take.stretches, runs)
    with FrameWriter(work.temporary(name), take.video, take.encode, layout) as writer:
        frames = run_stream(
            source, lambda frames: speaking.run(frames, take.scene.faces(runs), chunk), writer.write, ahead=ahead
        )
        writer.close()
    facts = {
        "frames": frames,
        "spoken": speaking.spoken,
        "untouched": speaking.untouched,
        "notes": list(speaking.notes),
    }
    work.finish(name, facts)


class _Speaking:
    """Mouths moved in frame after frame, several frames at a time.

    Each frame has its own place among those given to the engine together, by its number in the whole result: so it is
    the same in whatever chunks that is made.
    """

    def __init__(self, take: Take, layout: Layout, crew: Crew, watcher: VideoWatcher) -> None:
        self._take = take
        self._layout = layout
        self._shape = take.video.height, take.video.width
        self._crew = crew
        self._watcher = watcher
        self._room = max(1, min(take.engine.batch, _IN_WORK // layout.in_work))
        self._groups = max(1, min(MOST_AT_A_TIME, _IN_WORK // (layout.in_work * self._room)))
        self.spoken = 0
        self.untouched: list[Stretch] = []
        self.notes: dict[str, None] = {}

    def run(self, frames: Iterator[Frame], faces: Iterator[Spoken], chunk: Segment) -> Iterator[Frame]:
        """The frames of a chunk, painted on in place."""
        for group in done_in_order(self._crew, self._grouped(frames, faces, chunk), self._speak, self._groups):
            while group:
                part = group.popleft()
                if part.reason:
                    add_stretch(self.untouched, part.index, part.index + 1, part.reason)
                else:
                    self.spoken += 1
                    self.notes |= part.notes
                yield part.frame
                self._watcher.progress(1, 0 if part.spoken.face is None else 1)

    def _grouped(self, frames: Iterator[Frame], faces: Iterator[Spoken], chunk: Segment) -> Iterator[deque[_Part]]:
        group: deque[_Part] = deque()
        for index, (frame, spoken) in enumerate(zip(frames, faces, strict=True), chunk.start):
            group.append(_Part(index, frame, spoken))
            if (index + 1) % self._room == 0 or index + 1 == chunk.stop:
                yield group
                group = deque()

    def _speak(self, group: deque[_Part]) -> None:
        """Paint on the frames of a group. Several groups are worked on at a time, each by itself."""
        engine = self._take.engine
        tasks: list[SpeechTask | None] = [None] * self._room
        for part in group:
            face = part.spoken.face
            part.reason = part.spoken.reason if face is None else engine.left_alone(face, self._shape)
            if face is not None and not part.reason:
                part.view = view = self._layout.view(part.frame, engine.bounds(face))
                task = SpeechTask(view.picture, face.moved(-view.x, -view.y), self._take.voice.speech(part.index))
                tasks[part.index % self._room] = task
        made = engine.speak(tasks) if any(tasks) else []
        for part in group:
            if part.view is not None and (patches := made[part.index % self._room]):
                part.view.paint(patches)
                part.notes = dict.fromkeys(note for patch in patches for note in patch.notes)
            part.view = None


@dataclass(slots=True, eq=False)
class _Part:
    """A frame of a group."""

    index: int
    frame: Frame
    spoken: Spoken
    reason: str = ""
    """Why it is left as it is."""
    view: View | None = None
    """The part of it that is painted on; None where none is, or it has been."""
    notes: dict[str, None] = field(default_factory=dict)
