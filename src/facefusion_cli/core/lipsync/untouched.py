"""Stretches of a result in which no lips were moved."""

from __future__ import annotations

__all__ = ["TOO_SMALL", "Stretch", "add_stretch"]

Stretch = tuple[int, int, str]
"""First frame of the result, the one behind the last, and why."""

TOO_SMALL = "the face is too small"
"""Why no engine moves the lips of a face."""


def add_stretch(found: list[Stretch], start: int, stop: int, reason: str) -> None:
    """Add a stretch behind the others, as part of the last one where that goes on."""
    if found and found[-1][1:] == (start, reason):
        found[-1] = found[-1][0], stop, reason
    else:
        found.append((start, stop, reason))
