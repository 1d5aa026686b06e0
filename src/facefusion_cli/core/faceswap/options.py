"""What the user may choose of a swap."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facefusion_cli.core.faces.selection import LARGEST, FaceSelection
from facefusion_cli.core.faceswap.engine import SwapSettings
from facefusion_cli.core.media.video.options import VideoOptions

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.device import PrecisionWish

__all__ = ["People", "SwapOptions"]


@dataclass(frozen=True, slots=True)
class People:
    """Who is replaced by whom, where it is not simply a face chosen by its place."""

    extra_sources: tuple[Path, ...] = ()
    """More pictures of the person whose face is wanted."""
    reference: Path | None = None
    """A picture of the only person whose face is replaced."""
    pairs: tuple[tuple[Path, Path], ...] = ()
    """Pictures of persons, each with one of the person whose face it gets; instead of a source."""

    @property
    def by_likeness(self) -> bool:
        """Whether faces are chosen by whom they show."""
        return self.reference is not None or bool(self.pairs)

    @property
    def asked(self) -> str:
        """What of this needs an engine that tells persons apart, in words; "" for nothing."""
        if self.pairs:
            return "mapping persons to faces"
        if self.reference is not None:
            return "choosing a person by a reference picture"
        return "averaging several source pictures" if self.extra_sources else ""


@dataclass(frozen=True, slots=True)
class SwapOptions:
    """What the user may choose; see ``swap_faces``."""

    engine: str = "auto"
    face: FaceSelection = LARGEST
    source_face: FaceSelection = LARGEST
    """The rule must be one that takes a single face."""
    image_quality: int = 95
    keep_metadata: bool = False
    mark: bool = True
    """Whether results say that they are synthetic."""
    device: str | None = None
    """As ``select_device`` takes it; None for ``FACEFUSION_DEVICE``, else auto."""
    precision: PrecisionWish = "auto"
    threads: int | None = None
    settings: SwapSettings = field(default_factory=SwapSettings)
    people: People = field(default_factory=People)
    video: VideoOptions = field(default_factory=VideoOptions)
