"""Cutting a picture into overlapping squares, so that what is small in it becomes large enough to be seen."""

from __future__ import annotations

import math

__all__ = ["tiles"]

_OVERLAP = 0.25  # of a tile's side: a face up to that size lies wholly inside one of two neighbours


def tiles(width: int, height: int, side: int) -> list[tuple[slice, slice]]:
    """Index pairs (rows, columns) of squares of ``side`` pixels, evenly spread, that cover a picture row by row.

    Where the picture is narrower than ``side`` they are as narrow as it.
    """
    return [(rows, columns) for rows in _spans(height, side) for columns in _spans(width, side)]


def _spans(length: int, side: int) -> list[slice]:
    if side >= length:
        return [slice(0, length)]
    step = side * (1 - _OVERLAP)
    count = 1 + math.ceil((length - side) / step)
    return [slice(start, start + side) for start in (round(i * (length - side) / (count - 1)) for i in range(count))]
