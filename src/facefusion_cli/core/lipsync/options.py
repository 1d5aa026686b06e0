"""What the user may choose of a lip sync."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, NamedTuple

from facefusion_cli.core.faces.selection import LARGEST, FaceSelection
from facefusion_cli.core.media.video.options import VideoOptions

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.device import PrecisionWish

__all__ = ["Extend", "Fit", "LipSyncOptions", "Pads"]

Fit = Literal["audio", "video", "longest", "shortest"]
"""Whose length the result has."""
Extend = Literal["pingpong", "loop", "freeze"]
"""What is seen where there is more sound than pictures: to and fro, again from the beginning, or the last one."""


class Pads(NamedTuple):
    """Room around the face that the network is given, in parts of the height (top, bottom) and width of its box."""

    top: float = 0.0
    bottom: float = 0.05
    left: float = 0.0
    right: float = 0.0


_USUAL_PADS = Pads()


@dataclass(frozen=True, slots=True)
class LipSyncOptions:
    """What the user may choose; see ``sync_lips``."""

    engine: str = "auto"
    face: FaceSelection = LARGEST
    """Whose lips move: meant in the first frame of a scene that has a face, then followed. Not "all"."""
    reference: Path | None = None
    """A picture of the person whose lips move, instead of a choice by place; needs recognition weights."""
    soundtrack: Path | None = None
    """What is heard instead of the sound that moves the lips: a mix with music, of the same timing."""
    mix_original: float = 0.0
    """How loud the video's own sound stays under the new one; 1 as it was, 0 not at all."""
    fit: Fit = "audio"
    extend: Extend = "pingpong"
    fps: Fraction = Fraction(25)
    """Of a still picture."""
    sync_offset: int = 0
    """Milliseconds by which the lips move later than the sound; negative: earlier."""
    mouth_strength: float = 1.0
    """How far the mouth moves: 0 to 2, 1 as the engine has it."""
    close_mouth: bool = True
    """Whether the mouth is closed while nobody speaks; else "mouth" leaves it as it is then, and Wav2Lip goes on."""
    pads: Pads = _USUAL_PADS
    """For Wav2Lip."""
    require_face: bool = False
    """Whether a frame without the face is an error."""
    chunk_seconds: Fraction = Fraction(60)
    """Longest piece of video made in one go; at most 60."""
    keep_metadata: bool = False
    mark: bool = True
    """Whether results say that they are synthetic."""
    device: str | None = None
    """As ``select_device`` takes it; None for ``FACEFUSION_DEVICE``, else auto."""
    precision: PrecisionWish = "auto"
    threads: int | None = None
    video: VideoOptions = field(default_factory=VideoOptions)
