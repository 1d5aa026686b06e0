"""Which frame of the video is seen when, for as long as the result lasts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from facefusion_cli.core.lipsync.options import Extend, Fit

__all__ = ["Run", "Timeline", "plan_timeline"]


class Run(NamedTuple):
    """Frames of the video that follow each other."""

    first: int
    length: int
    step: int
    """From one to the next: 1, -1, or 0 for the same one again and again."""

    @property
    def low(self) -> int:
        """The earliest of them."""
        return self.first if self.step >= 0 else self.first - self.length + 1

    @property
    def stop(self) -> int:
        """The one behind the latest of them."""
        return self.first + 1 if self.step <= 0 else self.first + self.length


@dataclass(frozen=True, slots=True)
class Timeline:
    """All frames of the result, counted from 0 whatever part of it is made."""

    fps: Fraction
    frames: int
    """Of the result; at least 1."""
    pictures: int
    """Frames of the video that can be shown; at least 1."""
    extend: Extend

    def runs(self, start: int, stop: int) -> Iterator[Run]:
        """What is seen from frame ``start`` to ``stop`` of the result, in order."""
        while start < stop:
            run = self._from(start, stop - start)
            yield run
            start += run.length

    def needed(self, start: int, stop: int) -> tuple[int, int]:
        """First frame of the video that is seen from ``start`` to ``stop``, and the one behind the last."""
        low, high = self.pictures, 0
        for run in self.runs(start, stop):
            low, high = min(low, run.low), max(high, run.stop)
            if (low, high) == (0, self.pictures):
                break
        return low, high

    def _from(self, frame: int, most: int) -> Run:
        """The run that begins at a frame of the result, not longer than ``most``."""
        count = self.pictures
        if frame < count:
            return Run(frame, min(most, count - frame), 1)
        if self.extend == "freeze" or count == 1:
            return Run(count - 1, most, 0)
        if self.extend == "loop":
            place = frame % count
            return Run(place, min(most, count - place), 1)
        # To and fro: neither end is seen twice in a row.
        place = frame % (2 * count - 2)
        if place < count - 1:
            return Run(place, min(most, count - 1 - place), 1)
        back = 2 * count - 2 - place
        return Run(back, min(most, back), -1)


def plan_timeline(fps: Fraction, pictures: int, sound: Fraction, fit: Fit, extend: Extend) -> Timeline:
    """The timeline for a video of that many frames and ``sound`` seconds of sound.

    The sound lasts for ``round(sound * fps)`` frames, one at least.
    """
    heard = max(1, round(sound * fps))
    frames = {
        "audio": heard,
        "video": pictures,
        "longest": max(heard, pictures),
        "shortest": min(heard, pictures),
    }[fit]
    return Timeline(fps, frames, pictures, extend)
