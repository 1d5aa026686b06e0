"""What one client asked for, on its way from a route to a worker's process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.faceswap.options import SwapOptions
    from facefusion_cli.core.lipsync.options import LipSyncOptions

__all__ = ["LipSyncOrder", "Order", "OrderKind", "SwapOrder"]

OrderKind = Literal["faceswap", "lipsync"]


@dataclass(frozen=True, slots=True)
class SwapOrder:
    """A face into a picture or a video. All files lie in ``folder`` under names of our own."""

    folder: Path
    """Private to this order, removed with it."""
    source: Path
    target: Path
    output: Path
    """The suffix says the format."""
    options: SwapOptions

    @property
    def kind(self) -> OrderKind:
        """The route it came by."""
        return "faceswap"


@dataclass(frozen=True, slots=True)
class LipSyncOrder:
    """A face made to speak. All files lie in ``folder`` under names of our own."""

    folder: Path
    """Private to this order, removed with it."""
    video: Path
    audio: Path
    output: Path
    """The suffix says the format."""
    options: LipSyncOptions

    @property
    def kind(self) -> OrderKind:
        """The route it came by."""
        return "lipsync"


Order = SwapOrder | LipSyncOrder
