"""Is a file the weight that it stands for?"""

from __future__ import annotations

import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from facefusion_cli.core.weights.files import not_readable, sha256_of
from facefusion_cli.core.weights.markers import Marker, read_marker

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Weight

__all__ = ["Finding", "State", "inspect", "mismatch"]

State = Literal["missing", "stored", "unverified", "damaged"]
"""unverified: brought by hand with --unverified, its hash is not in the catalog; counts as stored."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a weight's place."""

    state: State
    sha256: str = ""
    """Of what is stored, if that is known."""
    why: str = ""
    """What is wrong with a damaged one, for the end of a sentence."""


def inspect(weight: Weight, place: Path, marker_path: Path, *, whole: bool = False) -> Finding:
    """Look at the file at ``place``: cheaply if its marker fits, else at its whole content; ``whole`` always does that.

    A file that was only touched gets a new marker, and so does an ONNX file that somebody put there by hand, if it is
    the right one. Where no marker can be written, hashing again next time is all it costs.

    Raises:
        WeightsError: it cannot be read.
    """
    try:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            return Finding("damaged", why="it is not an ordinary file")
        marker = read_marker(marker_path)
        if marker and not marker.speaks_of(weight):
            marker = None
        if marker and marker.fits(status) and not whole:
            return _good(marker)
        return _look_inside(weight, place, status, marker_path, marker)
    except (FileNotFoundError, NotADirectoryError):
        return Finding("missing")
    except OSError as error:
        raise not_readable(place, error) from error


def mismatch(found: tuple[int, str], expected: tuple[int, str]) -> str:
    """How a file differs from what it should be, for the end of a sentence; both as (bytes, SHA-256)."""
    if found[0] != expected[0]:
        return f"it has {found[0]} bytes instead of {expected[0]}"
    return f"its SHA-256 begins with {found[1][:8]} instead of {expected[1][:8]}"


def _look_inside(
    weight: Weight, place: Path, status: os.stat_result, marker_path: Path, marker: Marker | None
) -> Finding:
    candidates = [] if marker is None else [marker]
    if weight.form == "onnx":
        candidates.append(Marker(weight.sha256, weight.sha256, weight.bytes, 0, unverified=False))
    if not candidates:
        return Finding("damaged", why="nothing tells what it was made from")
    expected = (candidates[0].bytes, candidates[0].sha256)
    if all(status.st_size != candidate.bytes for candidate in candidates):
        return Finding("damaged", why=mismatch((status.st_size, ""), expected))
    digest = sha256_of(place)
    for candidate in candidates:
        if digest == candidate.sha256:
            with suppress(OSError):
                marker_path.parent.mkdir(exist_ok=True)
                # The time from before it was read: if it was written to meanwhile, the marker does not fit.
                replace(candidate, bytes=status.st_size, mtime_ns=status.st_mtime_ns).write(marker_path)
            return _good(candidate)
    return Finding("damaged", digest, mismatch((status.st_size, digest), expected))


def _good(marker: Marker) -> Finding:
    return Finding("unverified" if marker.unverified else "stored", marker.sha256)
