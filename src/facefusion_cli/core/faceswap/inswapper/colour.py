"""The target's tone for a swapped face."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faceswap.lab import from_lab, to_lab, toned, without_colour

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["match_tone"]

_SHARE = np.float32(0.8)
"""How far tone goes from the network's to the target's."""
_FLOOR = 1.0
"""Spread in L*a*b* that is taken for granted: in flat areas there is nothing to compare but noise."""
_CONTRAST = (0.6, 1.5)
"""Limits of the change of contrast."""
_SATURATION = 1.3
"""Highest gain of the spread of colours; there is no lowest, since black and white has none."""
_COLOURLESS = 0.5
"""Distance from grey in L*a*b* that nobody sees."""
_ENOUGH = 32
"""Pixels below which a face gives no measure."""


def match_tone(swapped: NDArray[np.uint8], original: NDArray[np.uint8], where: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """``swapped`` with mean and spread of L*a*b* brought to those of ``original`` (Reinhard et al., 2001).

    Both are measured where the new face shows, so that hair and background do not count. A black-and-white target
    gets a face without colour, a toned one a face in its tone.

    Args:
        swapped: (H, W, 3) uint8 BGR.
        original: (H, W, 3) uint8 BGR.
        where: uint8 mask over the same rectangle, above 0 where to measure; it may have fewer pixels than these.

    Returns:
        (H, W, 3) uint8 BGR.
    """
    if cv2.countNonZero(where) < _ENOUGH:
        return swapped
    small = _reduce(swapped, where.shape)
    lab = to_lab(small)
    mean, spread = _statistics(lab, where)
    wanted_mean, wanted_spread = _statistics(to_lab(_reduce(original, where.shape)), where)
    tonedness = toned(wanted_spread)
    gain = (wanted_spread + _FLOOR) / (spread + _FLOOR)
    gain = np.clip(gain, [_CONTRAST[0], 0, 0], [_CONTRAST[1], _SATURATION, _SATURATION]).astype(np.float32)
    gain[1:] *= 1 - tonedness
    share = np.array([_SHARE, *2 * (_SHARE + (1 - _SHARE) * tonedness,)], np.float32)
    # lab + share * (wanted_mean + gain * (lab - mean) - lab), gathered into one factor and one summand.
    matched = from_lab(lab * (1 + share * (gain - 1)) + share * (wanted_mean - gain * mean))
    # What is finer than the grid keeps its contrast: the difference is added to the crop, not put in its place.
    change = cv2.resize(matched - small, swapped.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    result = np.asarray(cv2.add(swapped, change, dtype=cv2.CV_8U), np.uint8)
    return without_colour(result) if tonedness == 1 and np.hypot(*wanted_mean[1:]) < _COLOURLESS else result


def _statistics(lab: NDArray[np.float32], where: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    mean, spread = cv2.meanStdDev(lab, mask=where)
    return mean[:, 0].astype(np.float32), spread[:, 0].astype(np.float32)


def _reduce(crop: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    if crop.shape[:2] == shape:
        return crop
    return cv2.resize(crop, shape[::-1], interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
