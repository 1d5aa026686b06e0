"""Faces for the frames in which they were not seen, if they may be believed to have been there."""

from __future__ import annotations

from collections import deque
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.tracking.observations import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from facefusion_cli.core.faces.tracking.observations import Trace

__all__ = ["filled"]

_BLINDLY = 3  # frames


def filled(frames: Iterable[tuple[dict[int, Face], Sequence[Trace]]], longest_gap: int) -> Iterator[dict[int, Face]]:
    """Faces by their track, those between two sights no more than ``longest_gap`` frames apart interpolated.

    Each frame comes with the traces in it, which show where the face is. Where more than 3 frames in a row have none,
    something else was seen in its place, and they stay without it.
    """
    held: deque[tuple[dict[int, Face], Sequence[Trace]]] = deque()
    last: dict[int, tuple[int, Face]] = {}
    for index, (faces, traces) in enumerate(frames):
        for number, face in faces.items():
            before, earlier = last.get(number, (index, face))
            gap = index - before - 1
            if 0 < gap <= longest_gap:
                missed = [held[step - gap] for step in range(gap)]
                between = _between(earlier, face, [seen for _, seen in missed])
                for one, (present, _) in zip(between, missed, strict=True):
                    if one is not None:
                        present[number] = one
            last[number] = index, face
        held.append((dict(faces), traces))
        last = {number: sight for number, sight in last.items() if index - sight[0] <= longest_gap}
        if len(held) > longest_gap:
            yield held.popleft()[0]
    yield from (faces for faces, _ in held)


def _between(one: Face, other: Face, traces: Sequence[Sequence[Trace]]) -> list[Face | None]:
    """The face in each frame of a gap, None where it is not to be believed in."""
    gap = len(traces)
    begin, end = Place.of(one), Place.of(other)
    shares = [step / (gap + 1) for step in range(1, gap + 1)]
    # How far it is off the straight way, where there is a trace.
    off: dict[float, tuple[float, float]] = {0.0: (0.0, 0.0), 1.0: (0.0, 0.0)}
    for step, (share, seen) in enumerate(zip(shares, traces, strict=True), 1):
        ways = (begin, step), (end, step - gap - 1)
        own = [trace for trace in seen if any(trace.leads_to(*way) for way in ways)]
        if own:
            place = min(own, key=lambda trace: abs(trace.frames)).place
            off[share] = (
                place.x - begin.x - share * (end.x - begin.x),
                place.y - begin.y - share * (end.y - begin.y),
            )
    believed = _believed([share in off for share in shares])
    known = sorted(off)
    shifts = np.zeros((gap, 3), np.float32)
    for axis in (0, 1):
        shifts[:, axis] = np.interp(shares, known, [off[share][axis] for share in known])
    score = min(one.score, other.score)
    return [
        Face(one.mesh + np.float32(share) * (other.mesh - one.mesh) + shift, score) if there else None
        for share, shift, there in zip(shares, shifts, believed, strict=True)
    ]


def _believed(traced: Sequence[bool]) -> list[bool]:
    """Whether the face was there, by whether there is a trace of it."""
    runs = [(there, len(list(run))) for there, run in groupby(traced)]
    return [there or length <= _BLINDLY for there, length in runs for _ in range(length)]
