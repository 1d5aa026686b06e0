"""A still picture as a video of one frame, so that all that follows knows of videos only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.video.ffmpeg import file_argument
from facefusion_cli.core.media.video.probe import probe
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.core.media.video.unwritten import unwritten
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from facefusion_cli.core.media.segments import Work
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["STILL", "video_of_still"]

STILL = "still.mkv"
"""The piece that it becomes."""
_LONGEST = 1920
"""Pixels: a photograph is larger than most players can show as a video, and than a face needs to be."""
_LEAST = 16
"""Pixels that encoders want on each side."""


def video_of_still(path: Path, fps: Fraction, work: Work) -> tuple[Video, tuple[str, ...]]:
    """A lossless video with the picture as its only frame, at that rate, in the work folder; and notes for the user.

    Upright, sRGB, 8 bits, without transparency. Large pictures are reduced to 1920 pixels. Both sides are even, as most
    players want them: an odd row or column is cut off.

    Raises:
        InputError: it cannot be read, or is too small.
        OutputError: the video cannot be written.
    """
    if work.piece(STILL) is None:
        picture = read_picture(path)
        pixels, notes = _fitting(picture.bgr, path)
        notes = (*picture.notes, *notes)
        _write(pixels, fps, work.temporary(STILL))
        work.finish(STILL, {"notes": notes})
    piece = work.piece(STILL)
    assert piece is not None
    return probe(piece), tuple(work.facts(STILL)["notes"])


def _fitting(pixels: np.ndarray, path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    height, width = pixels.shape[:2]
    scale = _LONGEST / max(width, height)
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        notes = (f"its {width} x {height} pixels become {size[0]} x {size[1]}, as much as a video commonly has.",)
    height, width = (side - side % 2 for side in pixels.shape[:2])
    if min(width, height) < _LEAST:
        raise InputError(
            f'"{path}" is too small for a video, which needs {_LEAST} pixels on each side.',
            hint="Use a picture of higher resolution.",
        )
    return np.ascontiguousarray(pixels[:height, :width]), notes


def _write(pixels: np.ndarray, fps: Fraction, path: Path) -> None:
    height, width = pixels.shape[:2]
    arguments = [
        *("-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "bgr24", "-video_size", f"{width}x{height}"),
        *("-r", f"{fps.numerator}/{fps.denominator}", "-i", "pipe:0", "-frames:v", "1"),
        # Of formats that lose nothing FFV1 is the one that takes any size.
        *("-c:v", "ffv1", "-pix_fmt", "bgr0", "-y", file_argument(path)),
    ]
    with FfmpegRun(arguments, feed=True) as run:
        try:
            with run.waiting():
                run.stdin.write(pixels.data.cast("B"))
        except BrokenPipeError:
            pass  # why it ended early it says itself
        code = run.finish()
        said = run.stopped(code) or " ".join(run.tail)
    if code:
        raise unwritten(path, said, what="the picture as a video", task="make a video of the picture")
