"""How long each stage takes, on the way to who watches."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from facefusion_cli.core.media.video.watcher import Stage, VideoWatcher

__all__ = ["Clockwork"]


class Clockwork:
    """A watcher that passes everything on and times the stages."""

    def __init__(self, watcher: VideoWatcher) -> None:
        self._watcher = watcher
        self._stage: Stage | None = None
        self._began = 0.0
        self._spent: dict[str, float] = {}
        self.plan, self.chunk, self.progress = watcher.plan, watcher.chunk, watcher.progress
        self.note, self.check = watcher.note, watcher.check

    def stage(self, stage: Stage, done: int, total: int) -> None:
        """See ``VideoWatcher``."""
        self._end()
        self._stage = stage
        self._watcher.stage(stage, done, total)

    @property
    def spent(self) -> dict[str, float]:
        """Seconds of each stage so far."""
        self._end()
        return {stage: round(seconds, 3) for stage, seconds in self._spent.items()}

    def _end(self) -> None:
        now = time.perf_counter()
        if self._stage is not None:
            self._spent[self._stage] = self._spent.get(self._stage, 0.0) + now - self._began
        self._began = now
