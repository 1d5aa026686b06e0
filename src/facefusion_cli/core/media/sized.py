"""Reading files that lie about their sizes."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SizedReader"]

_LEAST = 2**20
"""Bytes that may be asked for in any case: not every file system says how long a file is."""


class SizedReader(io.BufferedReader):
    """The file at ``path``, open for reading, of which no read takes much more memory than the file has bytes.

    Python makes room for as much as is asked for before it reads, and what libraries ask for is what a damaged header
    says: gigabytes.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path.open("rb", buffering=0))
        self._most = max(os.fstat(self.fileno()).st_size, _LEAST)

    def read(self, size: int | None = -1, /) -> bytes:
        """As ``io.BufferedReader`` reads."""
        return super().read(size if size is None or size < 0 else min(size, self._most))
