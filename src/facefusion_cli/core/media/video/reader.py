"""Frames of a video, decoded by ffmpeg into a pipe."""

from __future__ import annotations

import contextlib
import math
import queue
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.media.video.ffmpeg import input_arguments
from facefusion_cli.core.media.video.frame_memory import FrameMemory
from facefusion_cli.core.media.video.header import FrameLine, parse_frame_line
from facefusion_cli.core.media.video.layout import Bgr
from facefusion_cli.core.media.video.process import STALL_SECONDS, FfmpegRun
from facefusion_cli.core.processor import processor
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.layout import Layout
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["FrameReader"]

_SEEKABLE = {"mov", "matroska"}
"""Containers whose index leads to a frame that needs none before it, and whose stamps stay the same after that."""
_SEEK_SECONDS = 5
"""How much earlier than the first frame decoding starts, so that whatever it refers to is there."""
_LEAD_SECONDS = Fraction(1, 2)
"""How much earlier frames are looked at, in case that the first ones cannot be decoded and one before stands in."""


class FrameReader:
    """Frames ``start`` to ``stop`` (exclusive) of a video, in order, as a context manager and an iterator.

    A frame is upright, its own writable array of uint8: (H, W, 3) BGR, or as another ``layout`` has it. Which frame has
    which number does not depend on ``start``: the frames of any stretch are those of the whole video, bit for bit.
    ``memory``, for frames of that shape, is for readers that follow each other.

    Where frames in the middle cannot be decoded, the one before stays (so that the sound fits), else the first one
    after; at the end of the file frames simply end. ``missing`` counts both.

    Raises:
        InputError: the decoder stops or fails before it has given a frame, or stops for long.
    """

    def __init__(
        self,
        video: Video,
        start: int = 0,
        stop: int | None = None,
        *,
        layout: Layout | None = None,
        memory: FrameMemory | None = None,
    ) -> None:
        self.missing = 0
        """After the last frame: how many of those asked for could not be decoded."""
        self._video = video
        self._start, self._stop = start, video.frames if stop is None else min(stop, video.frames)
        self._layout = layout or Bgr(video)
        self._memory = memory or FrameMemory(self._layout.shape)
        self._cleanup = contextlib.ExitStack()

    def __enter__(self) -> FrameReader:
        self._open(seek=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cleanup.close()
        del self._memory  # for frames to come, which whoever refers to this reader would keep

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        if self._start >= self._stop:
            return
        now, following = None, self._next()
        if following is not None and self._sought and following[0] > self._wanted(self._start):
            # The index led too far: only from the beginning on it is certain what comes when.
            self._cleanup.close()
            self._open(seek=False)
            following = self._next()
        if following is None and self._start == 0:
            raise self._failed("no frame of it can be decoded")
        for place in range(self._start, self._stop):
            wanted = self._wanted(place)
            while following is not None and following[0] <= wanted:
                now = following
                following = self._next() if now[0] < wanted or place + 1 < self._stop else None
            shown = now or following
            if shown is None or (now is not None and following is None and now[0] < wanted):
                self.missing += self._stop - place
                return
            self.missing += shown[0] != wanted
            again = place + 1 < self._stop and (following is None or following[0] > self._wanted(place + 1))
            yield self._memory.copy_of(shown[1]) if again or shown is following else shown[1]

    def _wanted(self, place: int) -> int:
        """Number of the file's frame that is to be seen at a place."""
        timeline = self._video.timeline
        return place if timeline is None else int(timeline.source[place])

    def _number(self, time: Fraction) -> int:
        """Number of the file's frame that is shown at that time (seconds)."""
        video = self._video
        if video.timeline is None:
            return math.floor((time - video.start) * video.fps + Fraction(1, 2))
        return int(np.searchsorted(video.timeline.stamps, round(time / video.timeline.tick)))

    def _time(self, place: int) -> Fraction:
        """When the frame that is to be seen at a place is shown in the file (seconds)."""
        timeline = self._video.timeline
        if timeline is None:
            return self._video.start + place / self._video.fps
        return int(timeline.stamps[timeline.source[place]]) * timeline.tick

    def _open(self, *, seek: bool) -> None:
        video = self._video
        first = self._time(self._start) if self._start < self._stop else video.start
        self._said: queue.SimpleQueue[int | str] = queue.SimpleQueue()
        self._known = FrameLine()
        self._last, self._first_time = -1, None if not video.stamped else Fraction(0)
        self._sought = (
            seek
            and video.stamped
            and not _SEEKABLE.isdisjoint(video.container.split(","))
            and first - video.start > _SEEK_SECONDS
        )
        place = first - _SEEK_SECONDS
        filters = []
        if video.stamped and first - video.start > _LEAD_SECONDS:
            filters.append(f"trim=start={float(first - _LEAD_SECONDS):.6f}")
        if video.interlaced:
            filters.append("bwdif=mode=send_frame:deint=interlaced")
        filters += [self._known.filter, self._layout.decoded()]
        # The other half is for whoever works on the frames: more threads take more time of the processor altogether.
        threads = str(max(1, processor().cores // 2))
        arguments = [
            *("-loglevel", "repeat+info", "-copyts", "-filter_threads", threads, "-threads", threads),
            *(("-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{float(place):.6f}") if self._sought else ()),
            *input_arguments(video.path),
            *("-map", f"0:{video.stream}", "-map_metadata", "-1", "-map_chapters", "-1"),
            *("-vf", ",".join(filters), "-fps_mode", "passthrough"),
            *("-f", "rawvideo", "-pix_fmt", self._layout.pixel_format, "pipe:1"),
        ]
        self._run = self._cleanup.enter_context(FfmpegRun(arguments, read=True, said=self._listen))

    def _listen(self, line: str) -> None:
        stamp = parse_frame_line(line, self._known)
        if stamp is not None:
            self._said.put(stamp)

    def _next(self) -> tuple[int, NDArray[np.uint8]] | None:
        """The next frame and its number in the file; None at the end."""
        while True:
            frame = self._memory.frame()
            with self._run.waiting():
                # BufferedReader goes on until all is there or nothing more comes.
                filled = self._run.stdout.readinto(frame.data.cast("B"))  # type: ignore[attr-defined]
            if filled < frame.nbytes:
                self._ended()
                return None
            number = self._number_of_next()
            if number > self._last:
                self._last = number
                return number, frame

    def _number_of_next(self) -> int:
        try:
            stamp = self._said.get(timeout=STALL_SECONDS)
        except queue.Empty:
            raise self._failed("ffmpeg does not tell which frames it gives") from None
        if not isinstance(stamp, int) or self._known.time_base is None:
            return self._last + 1
        time = stamp * self._known.time_base
        if self._first_time is None:  # only the order counts, from the first that comes
            self._first_time = time - self._video.start
        return self._number(time - self._first_time)

    def _ended(self) -> None:
        code = self._run.finish()
        if self._run.stalled:
            raise self._failed("ffmpeg stopped answering")
        if code < 0:
            raise self._failed(f"ffmpeg was stopped by signal {-code}")

    def _failed(self, why: str) -> InputError:
        return InputError(f'the video "{self._video.path}" cannot be decoded: {why}.')
