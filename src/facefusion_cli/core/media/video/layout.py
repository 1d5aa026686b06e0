"""How frames of a video lie in memory: as BGR, or as the planes that decoders give and encoders take.

Whoever paints on a small part of a frame has no need of the rest in BGR. Frames that stay as planes cost half the
memory and half the time in pipes, nothing is converted that nobody looks at, and what is not painted on reaches the
encoder as it left the decoder, bit for bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from facefusion_cli.core.media.composite import paste_into
from facefusion_cli.core.media.video.colour import from_bgr, luma_weights, range_of, to_bgr
from facefusion_cli.core.media.video.planes import Planes

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.media.bounds import Bounds
    from facefusion_cli.core.media.patch import Patch
    from facefusion_cli.core.media.video.encoders import Encoder
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["Bgr", "Layout", "Planes", "View", "layout_of"]

_CONVERTED = {"yuv420p", "nv12"}
"""Forms of pixels that encoders take which hold the same numbers as the planes."""


class View(Protocol):
    """A part of a frame as BGR, and the way back into it."""

    picture: NDArray[np.uint8]
    """(h, w, 3) BGR; when something was painted, with that."""
    x: int
    """Where in the frame its left edge is."""
    y: int

    def paint(self, patches: Sequence[Patch]) -> None:
        """Write patches, in pixels of ``picture``, into the frame, one after the other."""
        ...


class Layout(Protocol):
    """How the frames of a video lie in memory, each an array of uint8 of its own."""

    pixel_format: str
    """ffmpeg's name for it."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        ...

    @property
    def size(self) -> int:
        """Bytes of a frame."""
        ...

    @property
    def in_work(self) -> int:
        """Bytes of a frame that is painted on, as a rule."""
        ...

    def decoded(self) -> str:
        """The filters that make it of what a decoder gives."""
        ...

    def encoded(self, pixel_format: str) -> str:
        """The filters that make of it what an encoder takes."""
        ...

    def view(self, frame: NDArray[np.uint8], bounds: Bounds) -> View:
        """The part of a frame within ``bounds``, or more of it."""
        ...


def layout_of(video: Video, encoder: Encoder) -> Layout:
    """Planes where decoder and encoder have the same, BGR else."""
    even = not (video.width % 2 or video.height % 2)
    same = video.pixel_format == "yuv420p" and range_of(video) == "tv" and not video.hdr
    if even and same and encoder.even in _CONVERTED and (luma := luma_weights(video)) is not None:
        return Planes(video, luma)
    return Bgr(video)


@dataclass(frozen=True)
class Bgr:
    """(H, W, 3) BGR, sRGB-like: the video's own matrix and range undone, HDR tone-mapped."""

    video: Video
    scaled: tuple[int, int] | None = None
    """Width and height, where these are others than those of the video; by area averaging."""
    quick: bool = False
    """A level or two off in colour, for who only looks at it."""
    pixel_format = "bgr24"

    @property
    def shape(self) -> tuple[int, ...]:
        """Height, width, channels."""
        width, height = self.scaled or (self.video.width, self.video.height)
        return height, width, 3

    @property
    def size(self) -> int:
        """See ``Layout``."""
        return math.prod(self.shape)

    in_work = size

    def decoded(self) -> str:
        """See ``Layout``."""
        height, width, _ = self.shape
        return to_bgr(self.video, width, height, quick=self.quick)

    def encoded(self, pixel_format: str) -> str:
        """See ``Layout``."""
        return from_bgr(self.video, pixel_format)

    def view(self, frame: NDArray[np.uint8], bounds: Bounds) -> View:  # noqa: ARG002
        """All of it."""
        return _Whole(frame)


class _Whole:
    """A frame that is BGR."""

    x = y = 0

    def __init__(self, frame: NDArray[np.uint8]) -> None:
        self.picture = frame

    def paint(self, patches: Sequence[Patch]) -> None:
        """See ``View``."""
        paste_into(self.picture, patches)
