"""The tone of the frame for a generated face."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["tone_gain"]

_LEAST_GAIN, _GREATEST_GAIN = 0.7, 1.4
_SLOPE = 0.15
"""By how much the gain may differ from the middle of the crop to its edge."""
_USUAL = 6.0
"""Levels of difference from the tone found so far at which a pixel counts half: a mouth that moves has no other one."""
_ROUNDS = 3
_ENOUGH = 16.0
"""Pixels below which there is nothing to measure on."""
_STEP = 2
"""Of the pixels every other one is looked at, either way."""
_SEEN = np.s_[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP]
_TIE = 1e-3
"""How much is said for a gain that is 1 everywhere: enough where the pixels do not tell."""


def tone_gain(new: NDArray[np.float32], old: NDArray[np.float32], where: NDArray[np.float32]) -> NDArray[np.float32]:
    """What to multiply a picture by so that its tone is that of another one: for each channel a number and its slopes.

    A factor, not a summand, so that what is dark between the lips stays so and teeth keep the colour of the light.
    Least squares in a few rounds, each of which trusts less what the last one explained badly. Bounded, so that a frame
    in which there is little to measure on does not flash.

    Args:
        new: (S, S, 3) levels of 255.
        old: (S, S, 3), the one whose tone is wanted.
        where: (S, S) how much each pixel counts.

    Returns:
        (S, S, 3) float32; 1 where there is too little to measure on.
    """
    size = new.shape[0]
    weights = trusted = where[_SEEN].reshape(-1)
    if trusted.sum() * _STEP**2 < _ENOUGH:
        return np.ones_like(new)
    terms, base, pairs = _terms(size)
    have, wanted = (np.ascontiguousarray(picture[_SEEN].reshape(-1, 3).T) for picture in (new, old))
    gain = np.zeros((3, 3), np.float32)  # rows: channels, columns: terms; less 1
    for _ in range(_ROUNDS):
        gain = _solved(base, pairs, have, wanted, trusted)
        off = np.abs(have * (1 + gain @ base) - wanted).max(axis=0)
        trusted = weights / (1 + np.square(off / _USUAL))
    return 1 + terms @ gain.T


@cache
def _terms(size: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """What a gain consists of at each pixel: itself, and its slopes across and down.

    As (size, size, 3), as (3, N) for those that are looked at, and (N, 9) products of these with each other.
    """
    place = ((np.arange(size) - (size - 1) / 2) / (size / 2)).astype(np.float32)
    terms = np.stack([np.ones((size, size), np.float32), *np.meshgrid(place, place)], axis=-1)
    seen = terms[_SEEN].reshape(-1, 3)
    made = terms, np.ascontiguousarray(seen.T), (seen[:, :, None] * seen[:, None]).reshape(-1, 9)
    for one in made:
        one.flags.writeable = False
    return made


def _solved(
    base: NDArray[np.float32],
    pairs: NDArray[np.float32],
    have: NDArray[np.float32],
    wanted: NDArray[np.float32],
    weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """(3, 3) by how much the gain of each channel, a row, is above 1, and its slopes."""
    weighted = have * weights
    normal = ((weighted * have) @ pairs).reshape(3, 3, 3)  # one matrix a channel
    normal += _TIE * np.maximum(normal[:, :1, :1], 1) * np.eye(3, dtype=np.float32)
    right = (weighted * (wanted - have)) @ base.T
    low, high = (_LEAST_GAIN - 1, -_SLOPE, -_SLOPE), (_GREATEST_GAIN - 1, _SLOPE, _SLOPE)
    gains = np.linalg.solve(normal, right[..., None])[..., 0]
    return np.asarray(gains.clip(low, high), np.float32)
