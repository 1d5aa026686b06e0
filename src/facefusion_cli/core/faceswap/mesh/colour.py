"""The source's colours and grain under the target's light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import rise
from facefusion_cli.core.faceswap.lab import toned

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["detail_gain", "greyness", "match_mean", "relight"]

_LIGHT_OFFSET = np.float32(8)
"""Added to lightness before gains, so that a gain does not turn the noise of deep shadows into light."""
_LIGHT_SCALE = 0.14
"""Sigma, in widths of the face, above which a change of lightness counts as light."""
_HUE_SCALE = 0.10
"""The same for hue."""
_COLOURED = 2.0, 6.0
"""Largest difference of two channels, but for one pixel in a hundred, of a grey picture and of a coloured one."""


def greyness(bgr: NDArray[np.uint8]) -> float:
    """How surely (H, W, 3) BGR is a black-and-white picture, 0 to 1; 1 in spite of what lossy formats make of one."""
    return 1 - rise(float(np.percentile(bgr.max(axis=2) - bgr.min(axis=2), 99)), *_COLOURED)


def match_mean(
    lab: NDArray[np.float32], reference: NDArray[np.float32], weight: NDArray[np.float32]
) -> NDArray[np.float32]:
    """``lab`` (h, w, 3) shifted so that its mean over ``weight`` (h, w) is that of ``reference``."""
    if float(weight.sum()) < 1:
        return lab
    return lab + (_mean(reference, weight) - _mean(lab, weight))


def relight(
    source: NDArray[np.float32],
    target: NDArray[np.float32],
    plain: NDArray[np.float32],
    weight: NDArray[np.float32],
    face_size: float,
) -> NDArray[np.float32]:
    """Match the warped source's colours and light to the target's.

    What changes slowly across the face is light: a lamp from one side, the shadow of a hat; it is taken from the
    target. What is left is the face; only its contrast is matched, by the ratio of spreads (as Reinhard et al., 2001,
    do for whole pictures), and how its hue goes with its lightness: shadows are warm in one picture and grey in the
    next. Hue follows the target at a finer scale than light: a patch of wrong hue shows at once.

    Args:
        source: (h, w, 3) L*a*b*, the source warped onto the target.
        target: (h, w, 3) L*a*b*.
        plain: (h, w) what is neither eye, brow nor lip, 0 to 1.
        weight: (h, w) where both are plain skin, 0 to 1.
        face_size: width of the face in pixels of these arrays.
    """
    if float(weight.sum()) < 1:
        return source
    slow_source, slow_target = (_slow(lab, weight, face_size) for lab in (source, target))
    source_rest, target_rest = source - slow_source, target - slow_target
    # Light multiplies; the limit keeps the darkest hollows from being lit up to noise.
    dim, lit = slow_source[..., 0], slow_target[..., 0]
    gain = np.clip((lit + _LIGHT_OFFSET) / (dim + _LIGHT_OFFSET), 0.05, 2.2)
    # More light makes for more contrast; beyond that the target's wrinkles are no reason to carve the source's.
    most = 1.3 * max(1.0, float(_mean(gain[..., None], weight)[0]))
    ratio = (_spread(target_rest, weight) + 0.5) / (_spread(source_rest, weight) + 0.5)
    ratio = np.clip(ratio, [0.1, 0.7, 0.7], [most, 1.1, 1.1]).astype(np.float32)
    source_toned, target_toned = toned(_spread(source, weight)), toned(_spread(target, weight))
    # In a black-and-white or toned target the source must lose its own colours.
    ratio[1:] *= 1 - target_toned * (1 - source_toned)

    result = np.empty_like(source)
    contrast = plain * ratio[0] + (1 - plain) * gain
    # What is brighter than skin has to find room below white: eyes and teeth would glow.
    headroom = np.minimum(contrast, (105 - np.minimum(lit, 100)) / (105 - np.minimum(dim, 100)))
    rest = source_rest[..., 0] * np.where(source_rest[..., 0] > 0, headroom, contrast)
    result[..., 0] = (dim + _LIGHT_OFFSET) * gain - _LIGHT_OFFSET + rest

    slope = np.clip(_slope(target_rest, weight) - ratio[1:] * _slope(source_rest, weight), -0.6, 0.6)
    own = source_rest[..., 1:] * ratio[1:] * np.minimum(gain, 1)[..., None]
    hue = slow_target[..., 1:] + own + (plain * rest)[..., None] * slope
    # A light's hue shows on what reflects it: pupils, lashes and black frames stay black. A toned picture's hue is
    # everywhere.
    reflecting = np.clip((source[..., :1] / np.maximum(slow_source[..., :1], 1) - 0.05) / 0.25, 0, 1)
    reflecting = np.maximum(reflecting, max(source_toned, target_toned))
    result[..., 1:] = source[..., 1:] + reflecting * (hue - source[..., 1:])
    # Highlights bend instead of burning out, but for what is as bright as the target's own skin.
    knee = np.clip(lit, 92, 99)
    room = 100 - knee
    burning = np.maximum(result[..., 0] - knee, 0)
    result[..., 0] = np.minimum(result[..., 0], knee) + room * (1 - np.exp(-burning / room))
    return result


def detail_gain(
    colour: NDArray[np.float32], target: NDArray[np.uint8], weight: NDArray[np.float32], face_size: float
) -> NDArray[np.float32]:
    """Bring the finest detail of the new pixels to the strength it has in the target's skin.

    A source sharper than the target looks cut out, a softer one looks waxed.

    Args:
        colour: (H, W, 3) BGR, 0 to 255, the new pixels.
        target: (H, W, 3) BGR, those they replace.
        weight: (H, W) where both are skin.
        face_size: width of the face in these pixels.
    """
    skin = weight > 0.5
    if int(skin.sum()) < 64:
        return colour
    sigma = max(0.012 * face_size, 0.8)
    detail = colour - _blur(colour, sigma)
    green = target[..., 1].astype(np.float32)
    there = np.abs(green - _blur(green, sigma))[skin].mean()
    here = np.abs(detail[..., 1])[skin].mean()
    gain = np.float32(np.clip((there + 0.2) / (here + 0.2), 0.25, 1.4))
    detail *= gain - 1
    detail += colour
    return detail


def _mean(lab: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """(C,) mean over ``weight``."""
    mean: NDArray[np.float32] = np.tensordot(weight / weight.sum(), lab, axes=2)
    return mean


def _spread(lab: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """(3,) standard deviation over ``weight``."""
    return np.sqrt(_mean((lab - _mean(lab, weight)) ** 2, weight))


def _slope(lab: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2,) change of a* and b* per unit of L*, by least squares over ``weight``."""
    lightness = lab[..., 0]
    together, alone = _mean(lab[..., 1:] * lightness[..., None], weight), _mean(lab**2, weight)[0]
    slope: NDArray[np.float32] = together / (alone + 1)
    return slope


def _slow(lab: NDArray[np.float32], weight: NDArray[np.float32], face_size: float) -> NDArray[np.float32]:
    """(h, w, 3) what changes slowly, seen over ``weight`` only; the mean where there is nothing to see."""
    height, width = weight.shape
    # So smooth a field needs few pixels: the narrowest Gaussian keeps a sigma of three of them.
    step = max(1.0, _HUE_SCALE * face_size / 3)
    size = max(2, round(width / step)), max(2, round(height / step))
    mean = _mean(lab, weight)
    seen = _reduce(np.dstack([lab * weight[..., None], weight]), size)
    slow = np.empty((size[1], size[0], 3), np.float32)
    floor = np.float32(1e-3)
    for channels, scale in ((slice(0, 1), _LIGHT_SCALE), (slice(1, 3), _HUE_SCALE)):
        blurred = _blur(seen, scale * face_size / step)
        slow[..., channels] = (blurred[..., channels] + floor * mean[channels]) / (blurred[..., 3:] + floor)
    if size == (width, height):
        return slow
    return cv2.resize(slow, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float32, copy=False)


def _reduce(field: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return cv2.resize(field, size, interpolation=cv2.INTER_AREA).astype(np.float32, copy=False)


def _blur(field: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    blurred = cv2.GaussianBlur(field, (0, 0), max(sigma, 0.5), borderType=cv2.BORDER_REFLECT)
    return blurred.astype(np.float32, copy=False)
