"""What became of one target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.projection import Projection

__all__ = ["SwapResult", "VideoFacts"]


@dataclass(frozen=True, slots=True)
class VideoFacts:
    """What a swapped video holds."""

    frames: int
    swapped: int
    """In how many frames a face was replaced."""
    fps: float
    decoded: int
    """How many of the frames asked for could be decoded; neighbours stand in for others."""
    promised: int
    """How many of them the target speaks of; more than ``decoded`` if it is damaged."""
    projection: Projection | None = None
    """After a preview only."""


@dataclass(frozen=True, slots=True, eq=False)
class SwapResult:
    """What became of one target."""

    source: Path | None
    """The source's file, None where an array was given, or several persons."""
    target: Path | None
    output: Path | None
    """The file written, None where none was asked for."""
    engine: str
    faces: tuple[int, ...]
    """Indices of the faces replaced, counted from 0, left to right; of a video those of its tracks, as they appear."""
    found: int
    """How many faces the target has; of a video, how many tracks: a face that goes and comes again is another."""
    seconds: float
    notes: tuple[str, ...]
    """Sentences the user should read: what was odd about the files, what to expect of the result."""
    common: tuple[str, ...] = ()
    """Those of ``notes`` that all results of a run share: about the pictures of persons."""
    image: NDArray[np.uint8] | None = None
    """(H, W, 3) BGR, sRGB: the result where no output file was asked for."""
    video: VideoFacts | None = None
    """Of videos only."""
