"""The same of a video, of which a frame a second is judged."""

from __future__ import annotations

import threading
from itertools import chain, islice
from typing import TYPE_CHECKING

from facefusion_cli.core.content.explicit import LIMIT, explicitness, refusal
from facefusion_cli.core.media.video.words import clock
from facefusion_cli.errors import ContentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.media.segments import Segment
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["Sampling", "is_sample"]

_ENOUGH = 2
"""Frames that are pornographic before a video is: a single one may be a mistake."""


def is_sample(frame: int, fps: Fraction) -> bool:
    """Whether a frame, by its number in the video, is the first that begins in a second."""
    rate, unit = fps.numerator, fps.denominator
    return frame * unit // rate > (frame - 1) * unit // rate


class Sampling:
    """Judges samples of stretches of a video, in several threads at a time.

    Two samples refuse it, wherever they are; one does where there is no second. The first frame of all is a sample.
    """

    def __init__(self, video: Video, segments: Sequence[Segment], name: str, found: Iterable[int] = ()) -> None:
        """``name``: what to call it. ``found``: frames that earlier runs have found pornographic, in stretches that are
        not looked at again.
        """
        self._video, self._name = video, name
        self._first = segments[0].start
        frames = chain.from_iterable(range(one.start, one.stop) for one in segments)
        self._enough = sum(1 for _ in islice(filter(self._wanted, frames), _ENOUGH))
        self._found = [*found]
        self._lock = threading.Lock()

    def passing(self, frames: Iterable[NDArray[np.uint8]], start: int, found: list[int]) -> Iterator[NDArray[np.uint8]]:
        """The ``frames`` (H, W, 3) BGR from number ``start`` on; to ``found`` come those that are pornographic.

        Raises:
            ContentRefusedError: there are enough of them.
            FaceFusionError: see ``explicitness``.
        """
        for number, frame in enumerate(frames, start):
            if self._wanted(number) and explicitness(frame) >= LIMIT:
                found.append(number)
                self._count(number)
            yield frame

    def _wanted(self, frame: int) -> bool:
        return frame == self._first or is_sample(frame, self._video.fps)

    def _count(self, frame: int) -> None:
        with self._lock:
            self._found.append(frame)
            found = sorted(self._found)
        if len(found) < self._enough:
            return
        if self._video.frames == 1:
            raise refusal(self._name)
        times = " and at ".join(clock(one / self._video.fps) for one in found)
        raise ContentRefusedError(
            f"{self._name} seems to show pornography, at {times}, which facefusion does not work on.",
            hint="A stretch without that can be chosen by --start and --duration.",
        )
