"""Pasting new pixels into a picture, at the picture's own depth, mode and profile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facefusion_cli.core.media.colour import grey_of, srgb_to_cmyk
from facefusion_cli.core.media.images import to_srgb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.media.images import Picture
    from facefusion_cli.core.media.patch import Patch

__all__ = ["composite", "paste_into"]

_CERTAIN = 4.0
"""Levels by which a new colour has to differ before nothing of the old pixel is kept."""

_BAND = 2**16
"""Pixels of a patch that are pasted at once: what is made of them on the way stays in the processor's cache."""

_NOT_FINITE = "the patch holds numbers that are not finite"

_NOTES = {
    "P": "had a palette: the result has full colour.",
    "PA": "had a palette: the result has full colour.",
    "1": "was black and white: the result has greys.",
}


def composite(picture: Picture, patches: Sequence[Patch]) -> Picture:
    """A new picture with ``patches`` in it, one after the other; pixels where every alpha is 0 stay bit for bit.

    Raises:
        ValueError: a patch reaches beyond the picture or holds numbers that are not finite.
    """
    bgr = picture.bgr.copy()
    pixels = bgr if picture.pixels is picture.bgr else picture.pixels.copy()
    changed = False
    for patch in patches:
        place, alpha, visible = _place(bgr, patch)
        if not visible.any():
            continue
        changed = True
        if pixels is bgr:
            _mix(bgr[place], patch.colour.astype(np.float32, copy=False), alpha, visible)
        else:
            _mix(pixels[place], _own_colours(picture, patch, pixels[place], bgr[place]), alpha, visible)
            bgr[place] = to_srgb(pixels[place], picture.profile)
    notes = picture.notes
    if changed and picture.mode in _NOTES:
        notes = (*notes, _NOTES[picture.mode])
    return replace(picture, bgr=bgr, pixels=pixels, notes=notes)


def paste_into(frame: NDArray[np.uint8], patches: Sequence[Patch]) -> None:
    """Write ``patches`` into ``frame``, one after the other; pixels where every alpha is 0 stay bit for bit.

    What ``composite`` does for pictures, for frames of a video: in place, many times as fast, and with results that
    differ from the other's by one level a patch at most.

    Args:
        frame: (H, W, 3) uint8 BGR, writable, C-contiguous.
        patches: with colours within 0 to 255.

    Raises:
        ValueError: the frame is of another kind, a patch reaches beyond it or holds numbers that are not finite.
    """
    if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
        raise ValueError("the frame is not of three channels of 8 bits")
    if not (frame.flags.writeable and frame.flags.c_contiguous):
        raise ValueError("the frame cannot be written into")
    for patch in patches:
        region = frame[_rectangle(frame, patch)]
        colour, shares = _levels(patch), _shares(patch)
        height, width = shares.shape
        band = max(1, _BAND // width)
        for top in range(0, height, band):
            rows = slice(top, top + band)
            for columns, opaque in _stretches(shares[rows]):
                here = rows, columns
                if opaque:
                    region[here] = colour[here]
                else:
                    _move_towards(region[here], colour[here], shares[here])


def _levels(patch: Patch) -> NDArray[np.uint8]:
    """Its colours, rounded."""
    colour: NDArray[Any] = patch.colour
    if colour.dtype != np.uint8:
        if not (_finite(colour) or np.isfinite(colour[patch.mask > 0]).all()):
            raise ValueError(_NOT_FINITE)
        with np.errstate(invalid="ignore"):  # whatever is not a number is not visible
            colour = np.rint(colour).clip(0, 255).astype(np.uint8)
    return colour


def _shares(patch: Patch) -> NDArray[np.uint8]:
    """Its mask in 255 parts."""
    mask: NDArray[Any] = patch.mask
    if mask.dtype != np.uint8:
        if not _finite(mask):
            raise ValueError(_NOT_FINITE)
        mask = np.asarray(cv2.convertScaleAbs(mask, alpha=255), np.uint8)
    return mask


def _stretches(shares: NDArray[np.uint8]) -> Iterator[tuple[slice, bool]]:
    """Columns of a band (h, w) that hold all above 0, each stretch with whether it is 255 throughout.

    A face is opaque but for its rim, and copying is many times as quick as mixing.
    """
    visible = np.flatnonzero(shares.max(axis=0))
    if not len(visible):
        return
    begin, end = int(visible[0]), int(visible[-1]) + 1
    full = np.flatnonzero(shares.min(axis=0) == 255)
    # With gaps between what is opaque, there is little to be won.
    first, last = (int(full[0]), int(full[-1]) + 1) if len(full) else (end, end)
    if last - first > len(full):
        first = last = end
    for start, stop, opaque in ((begin, first, False), (first, last, True), (last, end, False)):
        if start < stop:
            yield slice(start, stop), opaque


def _move_towards(region: NDArray[np.uint8], colour: NDArray[np.uint8], shares: NDArray[np.uint8]) -> None:
    """Mix colours (h, w, 3) into the region, ``shares`` (h, w) of 255 parts; what is exact is at most 1 level away.

    OpenCV has a wide instruction for each of these steps, but none for a mixture: together they take half the time of
    its ``blendLinear``.
    """
    step = cv2.absdiff(colour, region)
    step = cv2.multiply(step, cv2.cvtColor(shares, cv2.COLOR_GRAY2BGR), dst=step, scale=1 / 255)
    # Of a step up and a step down, the one towards the colour lies between the colour and the other.
    up = cv2.add(region, step)
    down = cv2.subtract(region, step, dst=step)
    cv2.max(down, cv2.min(up, colour, dst=up), dst=region)


def _finite(numbers: NDArray[Any]) -> bool:
    """A sum is finite only if all its terms are, and is found faster than asking each of them."""
    return bool(np.isfinite(cv2.sumElems(numbers)).all())


def _rectangle(bgr: NDArray[np.uint8], patch: Patch) -> tuple[slice, slice]:
    height, width = patch.mask.shape
    inside = patch.x >= 0 and patch.y >= 0 and patch.x + width <= bgr.shape[1] and patch.y + height <= bgr.shape[0]
    if not inside or patch.colour.shape != (height, width, 3):
        raise ValueError("the patch does not fit the picture")
    return slice(patch.y, patch.y + height), slice(patch.x, patch.x + width)


def _place(bgr: NDArray[np.uint8], patch: Patch) -> tuple[tuple[slice, slice], NDArray[np.float32], NDArray[np.bool_]]:
    """Its rectangle, its alpha and where that is above 0."""
    place, alpha = _rectangle(bgr, patch), patch.alpha
    visible = alpha > 0
    if not (np.isfinite(alpha).all() and np.isfinite(patch.colour[visible]).all()):
        raise ValueError(_NOT_FINITE)
    return place, alpha, visible


def _mix(
    region: NDArray[Any], colour: NDArray[np.float32], alpha: NDArray[np.float32], visible: NDArray[np.bool_]
) -> None:
    """Write the mix into ``region``, a view of the picture; ``colour`` has its channels and scale."""
    if region.ndim == 3:
        alpha, visible = alpha[..., None], visible[..., None]
    with np.errstate(invalid="ignore"):  # whatever is not a number there is not visible
        mixed = colour - region
        mixed *= alpha
        mixed += region
        np.rint(mixed, out=mixed)
        np.clip(mixed, 0, np.iinfo(region.dtype).max, out=mixed)
        np.copyto(region, mixed.astype(region.dtype), where=visible)


def _own_colours(picture: Picture, patch: Patch, region: NDArray[Any], shown: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The patch in the channels, profile and scale of ``region``, float.

    Where it has about the colour that is ``shown`` there already, the old pixel is (nearly) kept: several mixtures of
    ink look the same, a wide gamut has colours that sRGB cannot tell apart, 16 bits have levels between those of 8.
    """
    scale = np.float32(np.iinfo(region.dtype).max / 255)
    colour = patch.colour.astype(np.float32, copy=False).clip(0, 255)
    if picture.profile is not None:
        own = picture.profile.from_srgb(colour)
    elif region.ndim == 2:
        own = grey_of(colour)
    elif region.shape[2] == 4:
        own = srgb_to_cmyk(colour, (region[..., 3] / scale).astype(np.float32))
    else:
        own = colour
    kept = (1 - np.abs(colour - shown).max(axis=-1) / _CERTAIN).clip(0, 1)
    if region.ndim == 3:
        kept = kept[..., None]
    own = own * scale
    own += kept * (region - own)
    return own
