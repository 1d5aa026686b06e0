"""The speaker's face in the order in which a timeline shows the frames of the video."""

from __future__ import annotations

from itertools import accumulate, repeat
from typing import TYPE_CHECKING

from facefusion_cli.core.lipsync.speaker import Spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from facefusion_cli.core.lipsync.speaker import Speaker
    from facefusion_cli.core.lipsync.timeline import Run
    from facefusion_cli.core.media.segments import Segment

__all__ = ["Scene"]

_DAMAGED = Spoken(None, "damaged pictures")
_BACKWARDS = 500
"""Frames whose faces are read at once to be shown in reverse; 6 kB each."""


class Scene:
    """Frames of the video as they were looked at: in stretches, of which a damage may have hidden the end."""

    def __init__(self, speaker: Speaker, stretches: Sequence[Segment], counts: Sequence[int]) -> None:
        """``counts``: how many frames of each of ``stretches`` were seen."""
        self._speaker = speaker
        self._stretches = stretches
        self._counts = counts
        self._begins = [0, *accumulate(counts)]

    def faces(self, runs: Sequence[Run]) -> Iterator[Spoken]:
        """The speaker in each frame of ``runs``.

        Raises:
            OutputError: a file of observations is damaged.
        """
        for run in runs:
            if run.step == 0:
                yield from repeat(next(self._between(run.low, run.stop)), run.length)
            elif run.step > 0:
                yield from self._between(run.low, run.stop)
            else:
                for stop in range(run.stop, run.low, -_BACKWARDS):
                    yield from reversed([*self._between(max(run.low, stop - _BACKWARDS), stop)])

    def _between(self, start: int, stop: int) -> Iterator[Spoken]:
        for stretch, count, begin in zip(self._stretches, self._counts, self._begins, strict=False):
            first, last = max(start, stretch.start), min(stop, stretch.stop)
            if first >= last:
                continue
            seen = min(last, stretch.start + count)
            if first < seen:
                offset = begin - stretch.start
                yield from self._speaker.faces(first + offset, seen + offset)
            yield from repeat(_DAMAGED, last - max(first, seen))
