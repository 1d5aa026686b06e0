"""Which frames of a video are wanted."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.video.options import VideoOptions
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["wanted_frames", "wanted_stretch", "work_place"]


def wanted_frames(video: Video, options: VideoOptions) -> tuple[int, int]:
    """As ``wanted_stretch``, of all frames of a video."""
    return wanted_stretch(video.frames, video.fps, options, f'"{video.path}"')


def wanted_stretch(frames: int, fps: Fraction, options: VideoOptions, name: str) -> tuple[int, int]:
    """Of so many frames the first that is wanted and the one behind the last; at least one.

    A frame belongs to the stretch if it begins within it. A preview lies in the middle of what would be done without.
    ``name`` is what is so long, for messages.

    Raises:
        UsageError: the stretch holds no frame.
    """
    start = 0 if options.start is None else _frame_at(options.start, fps)
    stop = frames
    if options.duration is not None:
        stop = min(stop, _frame_at((options.start or Fraction(0)) + options.duration, fps))
    if start >= frames:
        raise UsageError(
            f"{name} is {float(frames / fps):.2f} seconds long, so nothing of it comes after"
            f" {float(options.start or 0):g} seconds."
        )
    if start >= stop:
        raise UsageError(
            f"{float(options.duration or 0):g} seconds are shorter than a frame of {name}.",
            hint="Take a longer duration.",
        )
    if options.preview is not None:
        wanted = max(1, round(options.preview * fps))
        start = start + max(0, stop - start - wanted) // 2
        stop = min(stop, start + wanted)
    return start, stop


def work_place(output: Path, options: VideoOptions) -> Path:
    """What the work folder of an output is named after; a preview leaves alone what the whole has done so far."""
    return output if options.preview is None else output.with_name(f"{output.stem}.preview{output.suffix}")


def _frame_at(seconds: Fraction, fps: Fraction) -> int:
    """The first frame that begins at that time or after."""
    return -(-(seconds * fps).numerator // (seconds * fps).denominator)
