"""How a mouth moves to a whole track of sound, read off its mel, 80 times a second.

Vowels are loud between 200 and 4000 Hz, open ones above 500 Hz too, where closed ones and nasals are weak. So the mean
of two levels (dB), of 200 to 4000 and of 500 to 2000 Hz, tells how far the mouth is open; its 5th and 95th percentile
while somebody speaks are closed and open. Whether anybody does is told by the first level, against the loudest of the
track and the quietest around. The energy from 1.8 to 3.5 kHz over that from 0.3 to 1 kHz tells spread lips ("ee") from
round ones ("oo"); what has more of it than a vowel is breath, or comes through closed teeth.

Nothing of this lags: slopes begin before what they lead to, and smoothing is symmetric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.lipsync.mel import BANDS, COLUMNS_A_SECOND

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.mel import Mel

__all__ = ["MARGIN", "Envelope", "hear"]

MARGIN = 40
"""Values (0.5 s) before the first and after the last column: the mouth comes to rest outside the sound too."""

_WIDEST = 0.45
"""Opening at the 95th percentile; more begins to look like a shout."""
_SHAPE = 0.8
_RISE, _FALL = 0.040, 0.090
"""Seconds from closed to ``_WIDEST`` and back, at the fastest; only where the lips close they may be faster."""
_SHUT, _SHUT_LONG = 0.1, 5
"""Below this opening for that many columns (60 ms), lips have closed, as for p, b and m, and are seen to."""

_CALM, _CALM_RAMP, _ROOM, _BLIP = 16, 8, 3, 5
"""Columns: a pause is longer than 0.2 s, the mouth comes to rest within 0.1 s and is ready again 40 ms before somebody
speaks; what is shorter than 60 ms is no speech."""
_HALF_SECOND = COLUMNS_A_SECOND // 2
_ABOVE_FLOOR, _BELOW_LOUD, _HYSTERESIS = 9.0, 28.0, 5.0
"""dB: speech is so far above the quietest around it, and not further below the loudest of the track; it ends so far
below where it began."""
_LIVELY = 6.0
"""dB between loud and quiet while somebody speaks; noise and tones that are switched on and off have less."""
_LEAST_RANGE, _MOST_RANGE = 15.0, 30.0
"""dB from closed to open."""
_LEAST_TILT = 6.0
"""dB by which spread lips at least differ from round ones."""
_HISS = -3.0
"""dB; a tilt above it takes as much away from the openness."""


@dataclass(frozen=True, slots=True, eq=False)
class Envelope:
    """(N,) float32 each, the column t of the mel at place t + ``MARGIN``; as in ``Speech``, before strength."""

    opening: NDArray[np.float32]
    spread: NDArray[np.float32]
    silence: NDArray[np.float32]


def hear(mel: Mel) -> Envelope:
    """The movements for a whole mel, which is read once; a few numbers for each of its columns are kept meanwhile."""
    levels = np.concatenate([_levels(block) for block in mel.blocks()], axis=1)
    loudness, openness, tilt = np.pad(levels, ((0, 0), (MARGIN, MARGIN)), mode="edge")
    active = _active(loudness)
    active[:MARGIN] = active[-MARGIN:] = False
    opening = _opening(openness, active)
    return Envelope(opening, _spread(tilt, opening, active), _silence(active))


def _levels(columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3, N) of columns (N, 80), in dB: loudness, openness, tilt."""
    energy = 10.0 ** (2 * (columns.astype(np.float64) - 2.4) / 1.6) * _WITHOUT_EMPHASIS

    def level(low: float, high: float) -> NDArray[np.float64]:
        chosen = (low <= _CENTRES) & (high > _CENTRES)
        decibels: NDArray[np.float64] = 10 * np.log10(energy[:, chosen].sum(axis=1))
        return decibels

    loudness = level(200, 4000)
    tilt = level(1800, 3500) - level(300, 1000)
    openness = (loudness + level(500, 2000)) / 2 - np.maximum(0, tilt - _HISS)
    return np.stack((loudness, openness, tilt)).astype(np.float32)


def _centres() -> NDArray[np.float64]:
    """Hz in the middle of each of the mel's bands, on Slaney's scale: even up to 1000 Hz, 27 steps for 6.4 above."""
    step, turn, growth = 200 / 3, 1000.0, np.log(6.4) / 27

    def place(hertz: float) -> float:
        return float(hertz / step if hertz < turn else turn / step + np.log(hertz / turn) / growth)

    places = np.linspace(place(55), place(7600), BANDS + 2)[1:-1]
    return np.where(places < turn / step, places * step, turn * np.exp(growth * (places - turn / step)))


_CENTRES = _centres()
_WITHOUT_EMPHASIS = np.abs(1 - 0.97 * np.exp(-2j * np.pi * _CENTRES / 16_000)) ** -2.0


def _active(loudness: NDArray[np.float32]) -> NDArray[np.bool_]:
    """While somebody speaks, and a little before and after."""
    level = _smoothed(loudness, 2)
    floor = _floor(level)
    above = level[level > floor + _ABOVE_FLOOR]
    nothing = np.zeros(loudness.size, np.bool_)
    if above.size < _BLIP:
        return nothing
    begins = np.maximum(floor + _ABOVE_FLOOR, np.quantile(above, 0.95) - _BELOW_LOUD)
    known = (level > begins) | (level < begins - _HYSTERESIS)
    latest = np.maximum.accumulate(np.where(known, np.arange(level.size), 0))
    active: NDArray[np.bool_] = (level > begins)[latest]
    quiet, loud = np.quantile(level[active], (0.1, 0.9)) if active.any() else (0, 0)
    if loud - quiet < _LIVELY:
        return nothing
    for first, last in _runs(active):
        if last - first < _BLIP:
            active[first:last] = False
        else:
            active[max(0, first - _ROOM) : last + _ROOM] = True
    return active


def _floor(level: NDArray[np.float32]) -> NDArray[np.float32]:
    """The quietest from 1.5 s before to 1.5 s after each half second: people pause for breath, noise goes on."""
    size = level.size
    halves = np.pad(level, (0, -size % _HALF_SECOND), mode="edge").reshape(-1, _HALF_SECOND).min(axis=1)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(halves, 3, mode="edge"), 7).min(axis=1)
    return np.repeat(around, _HALF_SECOND)[:size]


def _opening(openness: NDArray[np.float32], active: NDArray[np.bool_]) -> NDArray[np.float32]:
    if not active.any():
        return np.zeros(openness.size, np.float32)
    closed, wide = np.quantile(openness[active], (0.05, 0.95))
    closed = min(max(closed, wide - _MOST_RANGE), wide - _LEAST_RANGE)
    part = np.clip((openness - closed) / (wide - closed), 0, 1)
    wanted = _smoothed(_WIDEST * part**_SHAPE * active, 1)
    shut = wanted < _SHUT
    for first, last in _runs(shut):
        if last - first < _SHUT_LONG:
            shut[first:last] = False
    return np.clip(_smoothed(_slopes(wanted) * ~shut, 1.2), 0, _WIDEST).astype(np.float32)


def _slopes(wanted: NDArray[np.float32]) -> NDArray[np.float64]:
    """The least that is nowhere less than wanted, and rises and falls no faster than a mouth."""
    time = np.arange(wanted.size, dtype=np.float64)
    fall, rise = (_WIDEST / (seconds * COLUMNS_A_SECOND) for seconds in (_FALL, _RISE))
    falling = np.maximum.accumulate(wanted + time * fall) - time * fall
    both: NDArray[np.float64] = np.maximum.accumulate((falling - time * rise)[::-1])[::-1] + time * rise
    return both


def _spread(tilt: NDArray[np.float32], opening: NDArray[np.float32], active: NDArray[np.bool_]) -> NDArray[np.float32]:
    voiced = active & (opening > _WIDEST / 4)
    if not voiced.any():
        return np.zeros(tilt.size, np.float32)
    low, middle, high = np.quantile(tilt[voiced], (0.1, 0.5, 0.9))
    shape = np.clip((tilt - middle) / max((high - low) / 2, _LEAST_TILT), -1, 1)
    return _smoothed(shape * np.clip(opening / (_WIDEST / 4), 0, 1), 3).astype(np.float32)


def _silence(active: NDArray[np.bool_]) -> NDArray[np.float32]:
    silence = np.zeros(active.size, np.float32)
    for first, last in _runs(~active):
        if last - first <= _CALM:
            continue
        place = np.arange(first, last)
        # Before the first column and after the last one nobody speaks for ever.
        begun = place - first + 1 if first else np.full(place.size, _CALM_RAMP)
        left = last - place if last < active.size else np.full(place.size, _CALM_RAMP)
        part = np.minimum(1, np.minimum(begun, left) / _CALM_RAMP)
        silence[first:last] = part * part * (3 - 2 * part)
    return silence


def _runs(chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First place and the one after the last of each stretch that is chosen."""
    borders = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False]))))
    return [(int(first), int(last)) for first, last in borders.reshape(-1, 2)]


def _smoothed(values: NDArray[np.floating], sigma: float) -> NDArray[np.float32]:
    """With a Gaussian, as if the ends went on."""
    reach = int(np.ceil(3 * sigma))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, reach, mode="edge").astype(np.float32)
    return np.convolve(padded, (weights / weights.sum()).astype(np.float32), "valid")
