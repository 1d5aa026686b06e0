"""Upright rectangles of a picture, and which of them meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Bounds", "common", "together"]

Bounds: TypeAlias = tuple[float, float, float, float]
"""x1, y1, x2, y2 in pixels, pixel centres at integers."""

_NEAR = 2
"""Pixels between two of which it is said that they meet: four pixels may share their chroma."""


def together(bounds: Sequence[Bounds]) -> list[list[int]]:
    """Places in ``bounds``, in order, of those that meet, each with all that lie between them; and of those alone."""
    groups: list[list[int]] = []
    for place in range(len(bounds)):
        group, reach = [place], bounds[place]
        while met := [one for one in groups if _meet(common([bounds[other] for other in one]), reach)]:
            groups = [one for one in groups if one not in met]
            group = sorted([*group, *(other for one in met for other in one)])
            reach = common([bounds[other] for other in group])
        groups.append(group)
    return groups


def common(bounds: Sequence[Bounds]) -> Bounds:
    """Bounds around all of several."""
    left, top, right, bottom = zip(*bounds, strict=True)
    return min(left), min(top), max(right), max(bottom)


def _meet(one: Bounds, other: Bounds) -> bool:
    return all(one[axis] <= other[axis + 2] + _NEAR and other[axis] <= one[axis + 2] + _NEAR for axis in (0, 1))
