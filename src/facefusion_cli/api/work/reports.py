"""What the service says of itself: whether it can work, and what it has done."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facefusion_cli.api.orders import OrderKind

__all__ = ["OUTCOMES", "Readiness", "Stats", "Summary"]

OUTCOMES = ("done", "cancelled")
"""Codes of jobs that did not fail, beside those of ``Failure``."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether work can be done now: at least one worker has its device proven and its engines loaded."""

    ready: bool
    reasons: tuple[str, ...]
    """Why not, in sentences without paths; () if it is ready. Of several workers also those of one that is not, while
    others are."""
    engines: dict[OrderKind, str]
    """The engine of each route, as in {"faceswap": "mesh", "lipsync": "mouth"}; {} before the first worker knows."""
    notes: tuple[str, ...]
    """What whoever runs the service should know: that "auto" took the embedded engine, and how to get the better one;
    what the device lacks."""
    device: str
    """As in "cpu" or "cuda:0", several with ", " between; "" before it is known."""
    device_refused: bool
    """Whether a device that was asked for by name cannot be had; that hardly mends itself."""


@dataclass(slots=True)
class Summary:
    """Durations: how many, and their sum in seconds."""

    count: int = 0
    seconds: float = 0.0

    def add(self, seconds: float) -> None:
        """One more."""
        self.count += 1
        self.seconds += seconds


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts since the service began, and how things stand now."""

    queued: int
    running: int
    reserved: int
    """Places in the queue that wait for their uploads."""
    capacity: int
    """Places there are: running, queued and reserved together are never more."""
    workers: int
    workers_ready: int
    restarts: int
    """How often a worker's process has been started again, for whatever reason."""
    jobs: dict[tuple[OrderKind, str], int] = field(default_factory=dict)
    """Jobs that ended, by kind and code: "done", "cancelled", or that of the failure."""
    stages: dict[tuple[OrderKind, str], Summary] = field(default_factory=dict)
    """Seconds spent, by kind and stage: "waiting" in the queue, "checking", then those of core."""
    durations: dict[OrderKind, Summary] = field(default_factory=dict)
    """Seconds from begin to end of jobs that were done, by kind."""
    weights: dict[str, bool] = field(default_factory=dict)
    """Weights of all engines by name, and whether they are stored and whole; as the workers saw them last."""
    kept: int = 0
    """Finished jobs whose results or failures can be asked for."""
