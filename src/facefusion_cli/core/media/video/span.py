"""Which frames of a video are wanted."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from facefusion_cli.core.media.video.options import VideoOptions
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["wanted_frames"]


def wanted_frames(video: Video, options: VideoOptions) -> tuple[int, int]:
    """First frame and the one behind the last; at least one.

    A frame belongs to the stretch if it begins within it. A preview lies in the middle of what would be done without.

    Raises:
        UsageError: the stretch holds no frame.
    """
    start = 0 if options.start is None else _frame_at(options.start, video)
    stop = video.frames
    if options.duration is not None:
        stop = min(stop, _frame_at((options.start or Fraction(0)) + options.duration, video))
    if start >= video.frames:
        raise UsageError(
            f'"{video.path}" is {float(video.duration):.2f} seconds long, so nothing of it comes after'
            f" {float(options.start or 0):g} seconds."
        )
    if start >= stop:
        raise UsageError(
            f"{float(options.duration or 0):g} seconds are shorter than a frame of {video.path.name}.",
            hint="Take a longer duration.",
        )
    if options.preview is not None:
        frames = max(1, round(options.preview * video.fps))
        start = start + max(0, stop - start - frames) // 2
        stop = min(stop, start + frames)
    return start, stop


def _frame_at(seconds: Fraction, video: Video) -> int:
    """The first frame that begins at that time or after."""
    return -(-(seconds * video.fps).numerator // (seconds * video.fps).denominator)
