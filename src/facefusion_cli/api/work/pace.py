"""How long work takes as a rule, and when there will be a place for more."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from facefusion_cli.api.orders import OrderKind

__all__ = ["Pace"]

_REMEMBERED = 16
_FIRST_GUESS: dict[OrderKind, float] = {"faceswap": 2.0, "lipsync": 20.0}
"""Seconds, before there was any."""
_TELLING = 0.05
"""Progress from which on it tells more than what others have taken."""
_LONGEST = 600


class Pace:
    """Remembers the last durations of each kind."""

    def __init__(self) -> None:
        self._last: dict[OrderKind, deque[float]] = defaultdict(lambda: deque(maxlen=_REMEMBERED))

    def add(self, kind: OrderKind, seconds: float) -> None:
        """One is done."""
        self._last[kind].append(seconds)

    def usual(self, kind: OrderKind) -> float:
        """Seconds that it takes on average."""
        last = self._last[kind]
        return sum(last) / len(last) if last else _FIRST_GUESS[kind]

    def left(self, kind: OrderKind, elapsed: float, progress: float) -> float:
        """Seconds that one may still take which is so far after ``elapsed`` seconds."""
        if progress >= _TELLING:
            return elapsed * (1 - progress) / progress
        usual = self.usual(kind)
        return usual - elapsed if elapsed < usual else elapsed  # who is late already will be later still

    def retry_after(self, running: Iterable[tuple[OrderKind, float, float]]) -> int:
        """Whole seconds until the first of those that run, each as ``left`` takes it, makes room for another."""
        soonest = min((self.left(*one) for one in running), default=1.0)
        return min(_LONGEST, max(1, math.ceil(soonest)))
