"""Frames of a video in the order in which a timeline shows them: forwards, backwards, again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.frame_memory import FrameMemory
from facefusion_cli.core.media.video.reader import FrameReader
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.timeline import Run
    from facefusion_cli.core.media.segments import Segment
    from facefusion_cli.core.media.video.layout import Layout
    from facefusion_cli.core.media.video.probe import Video

    Frame = NDArray[np.uint8]

__all__ = ["shown_frames"]

_HELD = 192 * 2**20
"""Bytes of frames that are decoded at once to be shown in reverse, or again and again: fewer mean that much is decoded
several times."""


def shown_frames(video: Video, layout: Layout, stretches: Sequence[Segment], runs: Sequence[Run]) -> Iterator[Frame]:
    """The frames of ``runs``, each its own writable array, as ``layout`` has it.

    ``stretches`` are the pieces in which the video was looked at, in order; it is read in the same, so that what a
    damage hides is the same whatever the runs. Where a picture cannot be had the one shown before stands in, before any
    was shown the next that can be had.

    Raises:
        InputError: the decoder fails, or there is no picture at all.
    """
    source = _Source(video, layout, FrameMemory(layout.shape), stretches)
    held: Frame | None = None
    missing = 0
    for frame in _wanted(source, runs):
        if frame is None:
            if held is None:
                missing += 1
            else:
                yield source.memory.copy_of(held)  # what is yielded may be painted on
            continue
        if held is not None:
            yield held
        for _ in range(missing):
            yield source.memory.copy_of(frame)
        held, missing = frame, 0
    if held is None:
        raise InputError(f'no frame of "{video.path}" can be decoded.', hint="The file is damaged.")
    yield held


@dataclass(frozen=True, slots=True)
class _Source:
    """Where frames come from."""

    video: Video
    layout: Layout
    memory: FrameMemory
    stretches: Sequence[Segment]

    def read(self, start: int, stop: int) -> Iterator[Frame | None]:
        """Frames ``start`` to ``stop`` of the video, None for those that cannot be decoded."""
        for stretch in self.stretches:
            first, last = max(start, stretch.start), min(stop, stretch.stop)
            if first >= last:
                continue
            count = 0
            with FrameReader(self.video, first, last, layout=self.layout, memory=self.memory) as reader:
                for frame in reader:
                    count += 1
                    yield frame
            for _ in range(last - first - count):
                yield None


def _wanted(source: _Source, runs: Sequence[Run]) -> Iterator[Frame | None]:
    """Each frame of the runs, None for those that cannot be decoded."""
    block = max(1, _HELD // source.layout.size)
    low = min(run.low for run in runs)
    if len(runs) > 1 and max(run.stop for run in runs) - low <= block:
        # A decoder begun for each run of a very short video would take longer than all else.
        held = list(source.read(low, max(run.stop for run in runs)))
        for run in runs:
            for number in range(run.length):
                frame = held[run.first + run.step * number - low]
                yield None if frame is None else source.memory.copy_of(frame)
        return
    for run in runs:
        if run.step == 0:
            frame = next(iter(source.read(run.low, run.stop)))
            for _ in range(run.length):
                yield None if frame is None else source.memory.copy_of(frame)
        elif run.step > 0:
            yield from source.read(run.low, run.stop)
        else:
            for stop in range(run.stop, run.low, -block):
                frames = list(source.read(max(run.low, stop - block), stop))
                while frames:
                    yield frames.pop()
