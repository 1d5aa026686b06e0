"""Is a file the weight that it stands for?"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from facefusion_cli.core.weights.command import download_command
from facefusion_cli.core.weights.files import not_readable, sha256_of
from facefusion_cli.core.weights.markers import Marker, read_markers, write_markers
from facefusion_cli.errors import WeightsDamagedError, WeightsError, WeightsMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.weights.catalog import Weight

__all__ = ["USABLE", "Finding", "State", "inspect", "mismatch"]

State = Literal["missing", "stored", "unverified", "damaged", "unrecorded", "unreadable"]
"""unverified: brought by hand with --unverified, its hash is not in the catalog; counts as stored.
unrecorded: a converted file without its marker, so that nothing shows whether it is whole."""

USABLE: frozenset[State] = frozenset({"stored", "unverified"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a weight's place."""

    state: State
    marker: Marker | None = None
    """Of a file that is ``USABLE``."""
    problem: WeightsError | None = None
    """Why it is not: what the user is told."""

    def usable(self) -> Marker:
        """The marker; or else the problem is raised."""
        if self.problem is not None:
            raise self.problem
        assert self.marker is not None
        return self.marker


def inspect(weight: Weight, place: Path, marker_path: Path, *, whole: bool = False) -> Finding:
    """Look at the file at ``place``: cheaply if a marker fits, else at its whole content; ``whole`` always does that.

    A file that was only touched gets a new marker, and so does an ONNX file that somebody put there by hand, if it is
    the right one. Where no marker can be written, hashing again next time is all it costs.
    """
    fetch = download_command(place.parent, weight.name)
    try:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _Damaged("it is not an ordinary file")
        known = read_markers(marker_path)
        markers = [marker for marker in known if marker.speaks_of(weight)]
        markers.sort(key=lambda marker: not marker.fits(status))
        if markers and markers[0].fits(status) and not whole:
            if not os.access(place, os.R_OK):
                return Finding("unreadable", problem=not_readable(place, PermissionError()))
            return _good(markers[0])
        if weight.form == "onnx":
            markers.append(Marker(weight.sha256, weight.sha256, weight.bytes, 0, unverified=False))
        if markers:
            return _look_inside(place, status, marker_path, markers)
        if known:
            raise _Damaged(f"it was made from another {weight.file} than the one that is known now")
    except (FileNotFoundError, NotADirectoryError):
        sentence = f'the weights "{weight.name}" are not in "{place.parent}".'
        return Finding("missing", problem=WeightsMissingError(sentence, hint=f"Fetch it with {fetch}."))
    except OSError as error:
        return Finding("unreadable", problem=not_readable(place, error))
    except _Damaged as why:
        sentence = f'"{place}" is damaged: {why}.'
        return Finding("damaged", problem=WeightsDamagedError(sentence, hint=f"Fetch it with {fetch}."))
    sentence = f'"{place}" cannot be verified: the record of what it was converted from is missing.'
    hint = (
        f'If it was copied here, copy the hidden folder "{marker_path.parent.name}" beside it too. Else import '
        f"{weight.file} again, or fetch it with {fetch}."
    )
    return Finding("unrecorded", problem=WeightsDamagedError(sentence, hint=hint))


def mismatch(found: tuple[int, str], expected: tuple[int, str]) -> str:
    """How a file differs from what it should be, for the end of a sentence; both as (bytes, SHA-256)."""
    if found[0] != expected[0]:
        return f"it has {found[0]} bytes instead of {expected[0]}"
    return f"its SHA-256 begins with {found[1][:8]} instead of {expected[1][:8]}"


class _Damaged(Exception):  # noqa: N818, it never leaves this module
    """Why, for the end of a sentence."""


def _look_inside(place: Path, status: os.stat_result, marker_path: Path, markers: list[Marker]) -> Finding:
    expected = (markers[0].bytes, markers[0].sha256)
    if all(status.st_size != marker.bytes for marker in markers):
        raise _Damaged(mismatch((status.st_size, ""), expected))
    digest = sha256_of(place)
    for marker in markers:
        if digest == marker.sha256:
            # The time from before it was read: if it was written to meanwhile, the marker does not fit.
            renewed = replace(marker, bytes=status.st_size, mtime_ns=status.st_mtime_ns)
            with suppress(OSError):
                marker_path.parent.mkdir(exist_ok=True)
                write_markers(marker_path, renewed)
            return _good(renewed)
    raise _Damaged(mismatch((status.st_size, digest), expected))


def _good(marker: Marker) -> Finding:
    return Finding("unverified" if marker.unverified else "stored", marker)
