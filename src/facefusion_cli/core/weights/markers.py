"""What is known of a stored file since its whole content was last seen: a small file that makes later starts cheap."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.small_files import write_whole

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Weight

__all__ = ["Marker", "read_markers", "write_markers"]


@dataclass(frozen=True, slots=True)
class Marker:
    """Facts about a stored file."""

    published_sha256: str
    """Of the file as it was published, which a converted one no longer is."""
    sha256: str
    """Of the file as it is stored."""
    bytes: int
    mtime_ns: int
    unverified: bool
    """Taken on the user's word: the hash of what was published is not in the catalog."""

    def speaks_of(self, weight: Weight) -> bool:
        """Whether it is about that weight as the catalog has it now, which may be another than then."""
        return self.unverified or self.published_sha256 == weight.sha256

    def fits(self, status: os.stat_result) -> bool:
        """Whether the file looks untouched."""
        return self.bytes == status.st_size and self.mtime_ns == status.st_mtime_ns


def write_markers(path: Path, *markers: Marker) -> None:
    """Write down what is known: of several, one tells of the file that is there, another of the one to come.

    Raises:
        OSError: it cannot be written.
    """
    write_whole(path, json.dumps([asdict(marker) for marker in markers], indent=1).encode())


def read_markers(path: Path) -> tuple[Marker, ...]:
    """What is known; nothing where it cannot be read."""
    try:
        return tuple(_marker(facts) for facts in json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError):
        return ()


def _marker(facts: dict[str, object]) -> Marker:
    marker = Marker(**facts)  # type: ignore[arg-type]
    if any(type(facts[name]) is not kind for name, kind in _KINDS.items()):
        raise TypeError(facts)
    return marker


_KINDS = {"published_sha256": str, "sha256": str, "bytes": int, "mtime_ns": int, "unverified": bool}
