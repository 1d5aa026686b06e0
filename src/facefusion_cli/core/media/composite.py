"""Pasting new pixels into a picture, at the picture's own depth, mode and profile."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.media.colour import grey_of, srgb_to_cmyk
from facefusion_cli.core.media.images import to_srgb

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.media.images import Picture
    from facefusion_cli.core.media.patch import Patch

__all__ = ["composite"]

_CERTAIN = 4.0
"""Levels by which a new colour has to differ before nothing of the old pixel is kept."""

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
        place, visible = _place(bgr, patch)
        if not visible.any():
            continue
        changed = True
        if pixels is bgr:
            _mix(bgr[place], patch.colour, patch.alpha, visible)
        else:
            _mix(pixels[place], _own_colours(picture, patch, pixels[place], bgr[place]), patch.alpha, visible)
            bgr[place] = to_srgb(pixels[place], picture.profile)
    notes = picture.notes
    if changed and picture.mode in _NOTES:
        notes = (*notes, _NOTES[picture.mode])
    return replace(picture, bgr=bgr, pixels=pixels, notes=notes)


def _place(bgr: NDArray[np.uint8], patch: Patch) -> tuple[tuple[slice, slice], NDArray[np.bool_]]:
    height, width = patch.alpha.shape
    inside = patch.x >= 0 and patch.y >= 0 and patch.x + width <= bgr.shape[1] and patch.y + height <= bgr.shape[0]
    if not inside or patch.colour.shape != (height, width, 3):
        raise ValueError("the patch does not fit the picture")
    visible = patch.alpha > 0
    if not (np.isfinite(patch.alpha).all() and np.isfinite(patch.colour[visible]).all()):
        raise ValueError("the patch holds numbers that are not finite")
    return (slice(patch.y, patch.y + height), slice(patch.x, patch.x + width)), visible


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
    colour = patch.colour.clip(0, 255)
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
