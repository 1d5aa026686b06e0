"""What the user may choose of how a video is read and written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.encoders import EncodeOptions
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["VideoOptions"]


@dataclass(frozen=True, slots=True)
class VideoOptions:
    """How a video is treated."""

    encode: EncodeOptions = field(default_factory=EncodeOptions)
    start: Fraction | None = None
    """Seconds from the beginning at which the result begins."""
    duration: Fraction | None = None
    """Seconds that it lasts at most."""
    preview: Fraction | None = None
    """Seconds from the middle to do instead of the whole."""
    resume: bool = True
    """Go on with what an interrupted run has left."""
    strict: bool = False
    """Refuse a video of which frames are missing, instead of keeping what there is."""

    def __post_init__(self) -> None:
        for name, seconds in (("duration", self.duration), ("preview", self.preview)):
            if seconds is not None and seconds <= 0:
                raise UsageError(f"a {name} of {float(seconds):g} seconds cannot be.", hint="Take more than 0.")
        if self.start is not None and self.start < 0:
            raise UsageError(f"it cannot start at {float(self.start):g} seconds.", hint="0 is the beginning.")
