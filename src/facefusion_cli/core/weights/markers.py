"""What is known of a stored file since its whole content was last seen: a small file that makes later starts cheap."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.weights.files import write_whole

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Weight

__all__ = ["Marker", "read_marker"]


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

    def write(self, path: Path) -> None:
        """Write the marker.

        Raises:
            OSError: it cannot be written.
        """
        write_whole(path, json.dumps(asdict(self), indent=1).encode())


def read_marker(path: Path) -> Marker | None:
    """The marker in a file; None where there is none that can be read, which only costs the time of hashing."""
    try:
        facts = json.loads(path.read_bytes())
        marker = Marker(**facts)
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    kinds = {"published_sha256": str, "sha256": str, "bytes": int, "mtime_ns": int, "unverified": bool}
    return marker if all(type(facts[name]) is kind for name, kind in kinds.items()) else None
