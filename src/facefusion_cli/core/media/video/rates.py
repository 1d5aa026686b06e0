"""From the stamps of frames to a constant rate."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Grid", "fit_grid", "usual_rate"]

_USUAL = tuple(
    sorted(
        [Fraction(n) for n in (1, 2, 5, 8, 10, 12, 15, 16, 20, 24, 25, 30, 48, 50, 60, 72, 90, 100, 120, 144, 240)]
        + [Fraction(n * 1000, 1001) for n in (12, 15, 24, 30, 48, 60, 120, 240)]
        + [Fraction(25, 2)]
    )
)
_NEAR = Fraction(1, 2500)
"""How far apart, in parts, rates may be that are the same rounded: 23.98 is 24000/1001, 24 is not."""

_ON_GRID = 0.95
"""Share of steps from frame to frame that must be a multiple of one length for a rate to count as constant."""
_SAME_STEP = 0.8
"""Share of steps that must be of just that length."""
_FITTING = 0.5
"""Share of stretches (of ``_STRETCH`` frames) that must be as long as a rate says, for the rate to be the one."""
_STRETCH = 500
_MILLISECOND = Fraction(1, 1000)
"""Stamps of finer ticks may once have been such, in another container."""
_EXACT = Fraction(1, 10**6)
"""How far apart, in parts, rates may be that are the same in nanoseconds a frame."""
_FINE = 100
"""Ticks; steps that long and all alike are no rounded ones."""
_BLOCK = 1 << 16
_LARGEST_TERM = 100_000
"""In a fraction that an average becomes."""
_MOST_TICKS = 2**61
"""That can be counted with."""
_MOST_FRAMES = 2**25
"""15 days at 25 a second."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Frames at a constant rate, for those of a file."""

    fps: Fraction
    frames: int
    variable: bool
    source: NDArray[np.int64] | None
    """For each frame of the grid the number of the file's frame, in order of time, that is seen there; None: same."""


def usual_rate(rate: Fraction) -> Fraction:
    """The usual rate that a rounded one stands for, else that rate."""
    nearest = min(_USUAL, key=lambda usual: abs(usual - rate))
    return nearest if abs(nearest - rate) <= nearest * _NEAR else rate


def _exact(rate: Fraction) -> Fraction:
    """The usual rate that nanoseconds stand for, else that rate."""
    usual = usual_rate(rate)
    return usual if abs(usual - rate) <= usual * _EXACT else rate


def fit_grid(stamps: NDArray[np.int64], tick: Fraction, last: int, hints: Iterable[Fraction]) -> Grid:
    """The constant rate at which frames with these stamps are shown best.

    ``stamps`` are distinct, in order, in units of ``tick`` seconds; ``last`` is how long the last frame is shown, 0 if
    that is unknown; ``hints`` are rates that the file names, the surest first. A rate is the file's own if nearly all
    steps are of its length, within one tick, or within a millisecond, to which all stamps may have been rounded
    before; a few frames may be missing or come at odd times. Otherwise it is the average with which the file has as
    many frames and lasts as long.

    Raises:
        ValueError: it would be longer than any video is: a time is damaged. The text says how long, as a clause.
    """
    hints = [_exact(hint) for hint in hints]
    if len(stamps) == 1:
        return Grid(hints[0] if hints else Fraction(25), 1, variable=False, source=None)
    if (ticks := int(stamps[-1]) - int(stamps[0])) > _MOST_TICKS:
        raise ValueError(f"it would last {float(ticks * tick):.3g} seconds")
    steps = np.diff(stamps)
    fps = _constant(stamps, steps, tick, hints)
    variable = fps is None
    if fps is None:
        span = ticks + (last or int(np.median(steps)))
        fps = (len(stamps) / (span * tick)).limit_denominator(_LARGEST_TERM) or Fraction(1, _LARGEST_TERM)
        frames = max(1, round(span * tick * fps))
    else:
        frames = round(ticks * tick * fps) + 1
    if frames > _MOST_FRAMES:
        raise ValueError(f"it would have {frames} frames")
    return Grid(fps, frames, variable, _sources(stamps, float(tick * fps), frames))


def _sources(stamps: NDArray[np.int64], per_tick: float, frames: int) -> NDArray[np.int64] | None:
    """Of each place in the grid the last frame whose time, rounded to places, is not later; None: each the next."""
    places = np.empty(len(stamps), np.int64)
    for first in range(0, len(stamps), _BLOCK):
        block = stamps[first : first + _BLOCK] - stamps[0]
        places[first : first + _BLOCK] = np.floor(block * per_tick + 0.5)
    if len(places) == frames and places[-1] == frames - 1 and bool((places[1:] > places[:-1]).all()):
        return None
    return np.searchsorted(places, np.arange(frames), side="right") - 1


def _constant(
    stamps: NDArray[np.int64], steps: NDArray[np.int64], tick: Fraction, hints: list[Fraction]
) -> Fraction | None:
    """The rate that fits, of those that come into question; None if none does."""
    if steps.min() == steps.max() >= _FINE:
        return 1 / (int(steps[0]) * tick)
    length = min(_STRETCH, len(steps))
    every = len(steps) // _BLOCK + 1
    spans = stamps[length::every] - stamps[:-length:every]
    average = length / (Fraction(float(np.median(spans))) * tick)
    common = Fraction(int(np.median(steps[::every]))) * tick
    rates = dict.fromkeys([*hints, 1 / common, *_USUAL, usual_rate(average), average.limit_denominator(1001)])
    near = [rate for rate in rates if rate and abs(1 / rate - 1 / average) <= Fraction(1, 2) / rate]
    best, most = None, 0.0
    for rate in near:
        fitting = _fitting(steps, spans, float(1 / (rate * tick)), 1.0)
        if fitting > most:
            best, most = rate, fitting
    if best is not None or tick >= _MILLISECOND:
        return best
    within = float((_MILLISECOND + min(tick, _MILLISECOND / 10)) / tick)
    found: list[tuple[int, float, Fraction]] = []
    for rate in near:
        step = float(1 / (rate * tick))
        if _fitting(steps, spans, step, within):
            spread = _spread(stamps, length, step)
            if spread <= min(within, 0.9 * step):
                usual = rate in _USUAL
                found.append(
                    (0, 0.0, rate) if usual and rate in hints else (1, spread, rate) if usual else (2, 0.0, rate)
                )
    # The first of those that are as good: hints come in the order in which they can be relied on.
    return min(found, key=lambda one: one[:2])[2] if found else None


def _fitting(steps: NDArray[np.int64], spans: NDArray[np.int64], step: float, within: float) -> float:
    """Share of stretches that are as long as this ``step`` from frame to frame makes them; 0: it is not the step."""
    fitting = _shares(spans, step, within)[1]
    if fitting < _FITTING:
        return 0.0
    single, multiple = _shares(steps, step, within)
    return fitting if single >= _SAME_STEP and multiple >= _ON_GRID else 0.0


def _spread(stamps: NDArray[np.int64], length: int, step: float) -> float:
    """Between what limits most frames of a stretch keep off their places, in ticks; for half the stretches it is less.

    Of numbers that were rounded to milliseconds it is a millisecond, unless the rate is another.
    """
    count = max(1, (len(stamps) - 1) // length)
    spreads = []
    for number in range(0, count, count * length // _BLOCK + 1):
        times = stamps[number * length : (number + 1) * length + 1] - stamps[number * length]
        off = np.sort(times - np.round(times / step) * step)
        odd = len(off) // 50
        spreads.append(off[len(off) - 1 - odd] - off[odd])
    return float(np.median(spreads))


def _shares(steps: NDArray[np.int64], step: float, within: float) -> tuple[float, float]:
    """How many of ``steps``, in parts, are one ``step`` long, and how many any number of it, ``within`` some ticks."""
    single = multiple = 0
    # In blocks: of a long video each array is some 20 MB.
    for block in np.array_split(steps, len(steps) // _BLOCK + 1):
        counts = np.maximum(1.0, np.round(block / step))
        fits = np.abs(block - counts * step) <= min(within, 0.45 * step) + 1e-6
        multiple += int(fits.sum())
        single += int((fits & (counts == 1)).sum())
    return single / len(steps), multiple / len(steps)
