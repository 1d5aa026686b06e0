"""What whoever starts the service may choose."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Limits", "ServeSettings"]

_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What a request may ask for; above that it is refused before any work."""

    swap_bytes: int = 50 * _MB
    """Of a whole request to ``/faceswap``."""
    lipsync_bytes: int = 512 * _MB
    """Of a whole request to ``/lipsync``."""
    picture_bytes: int = 25 * _MB
    picture_pixels: int = 50_000_000
    frame_width: int = 4096
    frame_height: int = 2304
    seconds: float = 600.0
    """Of a video, and of a sound."""
    frames: int = 36_000
    idle_seconds: float = 30.0
    """Without a byte of a request, before its connection is closed."""
    body_seconds: float = 600.0
    """For the whole of a request to arrive."""


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How the service runs."""

    host: str = "127.0.0.1"
    port: int = 8000
    """0 for any that is free."""
    devices: tuple[str | None, ...] = (None,)
    """One worker each; as ``select_device`` takes them, None for ``FACEFUSION_DEVICE``, else auto."""
    engines: tuple[str, ...] = ()
    """Names of engines, one for a job at most; a job without one takes "auto", decided when the service starts."""
    queue: int = 8
    """Jobs that may wait for each worker."""
    api_key: str | None = field(default=None, repr=False)
    insecure: bool = False
    """Whether it may listen beyond this machine without a key."""
    allow_no_mark: bool = False
    """Whether clients may ask for results that do not say that they are synthetic."""
    grace: float = 30.0
    """Seconds that work which is under way gets when the service is told to end."""
    job_seconds: float = 900.0
    """After which a job is given up."""
    keep_seconds: float = 3600.0
    """For which a finished job can be asked for its result."""
    models_dir: Path | None = None
    work_dir: Path | None = None
    """Where the private folder for what is sent and made is put; None for the system's place (``TMPDIR``)."""
    limits: Limits = field(default_factory=Limits)
