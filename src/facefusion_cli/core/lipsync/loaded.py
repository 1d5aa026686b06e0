"""Everything a lip sync needs, in memory: one for all videos of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.recognition import Recogniser
    from facefusion_cli.core.faces.tracking.observer import FaceFinder
    from facefusion_cli.core.lipsync.engine import LipSyncer
    from facefusion_cli.core.lipsync.options import LipSyncOptions

__all__ = ["Loaded"]


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """Engine and finder, ready for videos."""

    engine: LipSyncer
    device: str
    """What the engine runs on, as in "cpu"."""
    finder: FaceFinder
    recogniser: Recogniser | None
    """Where a person is looked for."""
    likeness: NDArray[np.float32] | None
    """(512,) embedding of that person."""
    options: LipSyncOptions
    notes: tuple[str, ...]
    """Sentences about the picture of that person."""
