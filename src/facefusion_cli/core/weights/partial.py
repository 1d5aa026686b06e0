"""A download that outlives the run.

Nobody notes where the bytes came from: whoever has the file sends the same, and the SHA-256 of the whole decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Partial"]


class Partial:
    """What is there of a file of ``size`` bytes. Used with the lock of the file held; methods may raise OSError."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._expected = size
        if self.size > size:
            self.discard()

    @property
    def size(self) -> int:
        """Bytes so far."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    @property
    def whole(self) -> bool:
        """Whether there are as many bytes as there should be."""
        return self.size == self._expected

    def discard(self) -> None:
        """Remove what is there."""
        self.path.unlink(missing_ok=True)
