"""A download that outlives the run: the bytes so far, and beside them where they came from."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.weights.files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Origin", "Partial"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sent the bytes."""

    url: str
    validator: str
    """What tells the server's versions of the file apart: an ETag or a date; "" if it names none."""
    announced: bool
    """Whether the server said before that the file has the SHA-256 that it should."""


class Partial:
    """What is there of a file of ``size`` bytes. Used with the lock of the file held; methods may raise OSError."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self._notes = path.with_name(f"{path.name}.json")
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

    @property
    def origin(self) -> Origin | None:
        """Where the bytes came from, None if there are none or nobody knows."""
        if self.size == 0:
            return None
        try:
            return Origin(**json.loads(self._notes.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def begin(self, origin: Origin) -> None:
        """Start over."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_bytes(b"")
        write_whole(self._notes, json.dumps(asdict(origin)).encode())

    def discard(self) -> None:
        """Remove what is there."""
        for path in (self.path, self._notes):
            with suppress(FileNotFoundError):
                path.unlink()
