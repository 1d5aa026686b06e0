"""What becomes known of an order while it is worked on: how far it is, what each stage took, and whether to go on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from facefusion_cli.api.work.guards import check_frames, check_seconds
from facefusion_cli.api.work.messages import Progress
from facefusion_cli.core.batch.run import Cancelled

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from facefusion_cli.api.orders import OrderKind
    from facefusion_cli.api.settings import Limits

__all__ = ["CHECKING", "Reporter"]

CHECKING = "checking"
"""The stage before those of core."""

_SHARES: dict[OrderKind, dict[str, float]] = {
    "faceswap": {CHECKING: 0.01, "probing": 0.01, "looking": 0.42, "swapping": 0.55, "joining": 0.01},
    "lipsync": {CHECKING: 0.01, "probing": 0.01, "listening": 0.09, "looking": 0.39, "speaking": 0.46, "joining": 0.04},
}
"""Of the time that an order takes, as measured with the embedded engines on a video of 20 seconds."""
_STEP = 0.002
_SECONDS = 0.2
"""Between reports, unless so much was done or another stage begins."""


class Reporter:
    """Watches one order; a ``VideoWatcher``."""

    def __init__(
        self, kind: OrderKind, limits: Limits, send: Callable[[Progress], None], stop: threading.Event
    ) -> None:
        """``stop``: set when the work is to end."""
        self.seconds: dict[str, float] = {}
        """What each stage has taken."""
        self._shares = _SHARES[kind]
        self._limits = limits
        self._send = send
        self._stop = stop
        self._stage, self._since = "", time.perf_counter()
        self._done = self._total = 0
        self._told, self._told_at = 0.0, 0.0

    def plan(self, sentence: str) -> None:  # noqa: ARG002
        """See ``VideoWatcher``; nobody reads plans."""
        self.check()

    def stage(self, stage: str, done: int, total: int) -> None:
        """See ``VideoWatcher``.

        Raises:
            TooLargeError: there are more frames to do than are taken.
        """
        self.check()
        self.finish()
        self._stage, self._done, self._total = stage, done, total
        self._tell(self._before())
        if stage in ("looking", "swapping", "speaking"):
            check_frames("the result" if stage == "speaking" else "the video", total, self._limits)

    def chunk(self, number: int, count: int) -> None:  # noqa: ARG002
        """See ``VideoWatcher``."""
        self.check()

    def progress(self, frames: int, faces: int) -> None:  # noqa: ARG002
        """See ``VideoWatcher``.

        Raises:
            TooLargeError: more is heard than is taken.
        """
        self.check()
        self._done += frames
        if self._stage == "listening":
            check_seconds("the audio", self._done, self._limits)
        if self._total:
            so_far = self._before() + self._shares.get(self._stage, 0.0) * min(1.0, self._done / self._total)
            if so_far > self._told + _STEP and time.monotonic() > self._told_at + _SECONDS:
                self._tell(so_far)

    def note(self, sentence: str) -> None:  # noqa: ARG002
        """See ``VideoWatcher``; what matters is in the result's notes as well."""
        self.check()

    def check(self) -> None:
        """See ``VideoWatcher``.

        Raises:
            Cancelled: the work is to end.
        """
        if self._stop.is_set():
            raise Cancelled

    def finish(self) -> None:
        """The stage is over."""
        now = time.perf_counter()
        if self._stage:
            self.seconds[self._stage] = self.seconds.get(self._stage, 0.0) + now - self._since
        self._stage, self._since = "", now

    def _before(self) -> float:
        """The share of all stages before this one."""
        names = [*self._shares]
        end = names.index(self._stage) if self._stage in self._shares else 0
        return sum(self._shares[name] for name in names[:end])

    def _tell(self, so_far: float) -> None:
        self._told, self._told_at = max(self._told, so_far), time.monotonic()
        self._send(Progress(self._stage, self._told))
