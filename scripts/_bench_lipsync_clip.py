"""What a lip sync is measured with: a portrait that sways and nods, and a voice."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from _bench_faces import _astronaut
from _voice import RATE, speak, write_voice

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["FPS", "moving_portrait", "still_portrait", "voice"]

FPS = 25
_FACE = 0.35
"""Width of the portrait's head in the height of the frame."""
_HEAD = 230, 125, 130
"""Middle and width of the head in the portrait."""
_REACH = 1.3
"""Widths of the head from its middle to where what moves with it fades out."""
_GRAIN = 1.0
"""Levels."""
_GRAINS = 8
"""Pictures of grain that take turns."""


def moving_portrait(path: Path, width: int, height: int, seconds: float) -> Path:
    """Write a clip whose head sways, nods and comes nearer a little, with the grain of a camera; returns its path."""
    frames = _frames(width, height, round(seconds * FPS))
    return _encoded(path, width, height, frames, FPS, "-preset", "medium", "-crf", "23")


def still_portrait(path: Path, width: int, height: int, seconds: int, fps: int) -> Path:
    """Write a clip that moves once a second, to be followed, and costs little to decode; returns its path."""
    scene = _Scene(width, height)
    frames = (scene.at(second / 4) for second in range(seconds))
    return _encoded(path, width, height, frames, 1, "-r", str(fps), "-preset", "ultrafast", "-crf", "23")


def voice(path: Path, seconds: float) -> Path:
    """Write so many seconds of the voice that says its sentence again and again; returns the path."""
    import numpy as np

    return write_voice(path, np.resize(speak(), round(seconds * RATE)))


def _frames(width: int, height: int, count: int) -> Iterator[NDArray[np.uint8]]:
    import cv2
    import numpy as np

    rng = np.random.default_rng(3)
    grains = [rng.normal(0, _GRAIN, (height, width, 3)).astype(np.float32) for _ in range(_GRAINS)]
    scene = _Scene(width, height)
    for number in range(count):
        grain = grains[number % _GRAINS]
        yield cv2.add(scene.at(number / FPS), grain, dtype=cv2.CV_8U).astype(np.uint8, copy=False)


class _Scene:
    """The portrait, large enough to fill the frame; what surrounds its head stands still."""

    def __init__(self, width: int, height: int) -> None:
        import cv2
        import numpy as np

        x, y, side = _HEAD
        scale = _FACE * height / side
        self._height = height
        self._x, self._y = width / 2, 0.42 * height
        matrix = np.array([[scale, 0, self._x - scale * x], [0, scale, self._y - scale * y]])
        flags, border = cv2.INTER_CUBIC, cv2.BORDER_REFLECT
        self._still = cv2.warpAffine(_astronaut(), matrix, (width, height), flags=flags, borderMode=border)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        self._right, self._down = columns - self._x, rows - self._y
        reach = scale * side * _REACH
        self._weight = np.exp(-np.square((np.square(self._right) + np.square(self._down)) / reach**2))

    def at(self, time: float) -> NDArray[np.uint8]:
        """The frame at a time (seconds)."""
        import cv2

        nearer = 1 + 0.03 * math.sin(0.9 * time)
        turn = math.radians(5) * math.sin(1.7 * time)
        cos, sin = math.cos(turn) / nearer, math.sin(turn) / nearer
        right = self._right - 0.03 * self._height * math.sin(2.3 * time)
        down = self._down - 0.02 * self._height * math.sin(3.1 * time)
        x = self._x + self._right + self._weight * (cos * right + sin * down - self._right)
        y = self._y + self._down + self._weight * (cos * down - sin * right - self._down)
        moved = cv2.remap(self._still, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return moved.astype("uint8", copy=False)


def _encoded(path: Path, width: int, height: int, frames: Iterator[NDArray[np.uint8]], fps: int, *options: str) -> Path:
    from facefusion_cli.core.media.video.ffmpeg import file_argument
    from facefusion_cli.core.media.video.process import FfmpegRun

    arguments = [
        *("-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "bgr24", "-video_size", f"{width}x{height}"),
        *("-framerate", str(fps), "-i", "pipe:0", "-c:v", "libx264", "-pix_fmt", "yuv420p"),
        *(*options, file_argument(path)),
    ]
    with FfmpegRun(arguments, feed=True) as run:
        for frame in frames:
            run.stdin.write(frame.data)
        if run.finish():
            raise SystemExit(f"error: the clip to measure with cannot be made: {' '.join(run.tail)}")
    return path
