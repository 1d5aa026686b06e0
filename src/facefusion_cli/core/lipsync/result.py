"""What became of one lip sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.video.projection import Projection

__all__ = ["LipSyncResult", "Untouched"]


@dataclass(frozen=True, slots=True)
class Untouched:
    """A stretch of the result in which no lips were moved."""

    start: float
    """Seconds."""
    stop: float
    reason: str
    """As in "no face", "only other faces", "the face is too small"."""


@dataclass(frozen=True, slots=True)
class LipSyncResult:
    """What became of one video and one soundtrack."""

    target: Path
    """The video or picture."""
    audio: Path
    output: Path
    engine: str
    device: str
    """What the engine ran on, as in "cpu"."""
    frames: int
    spoken: int
    """In how many of them the lips were moved."""
    fps: float
    length: float
    """Seconds of the result."""
    faces: int
    """How many faces were followed: one that goes and comes again may be another."""
    decoded: int
    """How many of the video's frames that were needed could be decoded."""
    promised: int
    """How many of them the video speaks of; more than ``decoded`` if it is damaged."""
    untouched: tuple[Untouched, ...]
    stages: dict[str, float]
    """Seconds spent on each stage, by its name in ``Stage``."""
    peak_memory: int
    """Most bytes that this process has had at a time since it began."""
    seconds: float
    notes: tuple[str, ...]
    """Sentences the user should read."""
    projection: Projection | None = None
    """After a preview only."""
