"""Pieces of sound put where they belong in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["BLOCK", "Placer"]

BLOCK = 16_000
"""Samples of every block but the last."""
_APART = 800
"""Samples (50 ms) that a stamp may be off before it counts: many files round theirs."""
_AGAIN = 8000
"""Samples (0.5 s) that a stamp may be behind before it is one of a clock that has begun anew."""


class Placer:
    """Makes blocks of equal size of pieces that come with stamps.

    What is missing between two pieces, or before the first one, is silence; what was heard already is left out. Where
    stamps go far back, or leap beyond ``end``, another clock has begun: such a piece follows the one before. Stamps and
    ``end`` are in samples, from where the sound is to begin.
    """

    def __init__(self, end: int | None = None) -> None:
        self.position = 0
        """Samples placed so far."""
        self._end, self._shift = end, 0
        self._block = np.zeros(BLOCK, np.float32)

    def place(self, piece: NDArray[np.float32], stamp: int | None) -> Iterator[NDArray[np.float32]]:
        """Blocks that are full with the samples ``piece`` (N,), which ``stamp`` says belong there (None: go on)."""
        if stamp is not None:
            stamp -= self._shift
            gap = stamp - self.position
            leaps = gap > _APART and self._end is not None and stamp > self._end
            if leaps or (self.position and gap < -_AGAIN):
                self._shift += gap
            elif self.position == 0 or abs(gap) > _APART:
                while gap > 0:
                    silence = np.zeros(min(gap, BLOCK), np.float32)
                    gap -= silence.size
                    yield from self._add(silence)
                piece = piece[-gap:] if gap < 0 else piece
        yield from self._add(piece)

    def rest(self) -> NDArray[np.float32]:
        """What is left after the last full block."""
        return self._block[: self.position % BLOCK]

    def _add(self, piece: NDArray[np.float32]) -> Iterator[NDArray[np.float32]]:
        while piece.size:
            at = self.position % BLOCK
            part = piece[: BLOCK - at]
            self._block[at : at + part.size] = part
            self.position += part.size
            piece = piece[part.size :]
            if self.position % BLOCK == 0:
                full, self._block = self._block, np.zeros(BLOCK, np.float32)
                yield full
