"""Where a generated mouth shows: the lower face below the nose, softly, and a little below the chin."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.outline import BITS, drawn, hull
from facefusion_cli.core.faces.ramp import smoothstep
from facefusion_cli.core.faces.topology import OUTER_LIPS, OVAL
from facefusion_cli.core.lipsync.wav2lip.crops import CROP

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["lips_mask", "lower_face_mask"]

# Pixels of the crop throughout: nothing in a mask is finer.
_FEATHER = 2.5
"""Sigma of the edge on the cheeks and along the jaw; alpha goes from 0 to 0.95 over two of them."""
_BORDER = 5.0
"""Over how many pixels the mask fades to the crop's border."""
_PHILTRUM = 0.7
"""Share of the way from the nose to the upper lip over which the mask begins."""
_LEAST_PHILTRUM = 3.0
_BELOW_CHIN = 0.12 * CROP
"""By how much the outline is drawn down at the chin: a mouth that opens brings its own there, one that closes has to
hide the old one."""
_LIPS_MARGIN = 2
"""Width around the lips of what still belongs to the mouth."""
_LIPS_FEATHER = 2.0
_NOSE_BASE, _CHIN = 2, 152


def lower_face_mask(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """(CROP, CROP) share of the generated face, 0 to 1; 0 along the crop's border, outside the face and from the base
    of the nose upwards.

    Args:
        points: (478, 2) the mesh in pixels of the crop; may reach beyond it.
    """
    inside = np.zeros((CROP, CROP), np.uint8)
    cv2.fillConvexPoly(inside, drawn(hull(_with_room_below(points))), 255, cv2.LINE_AA, shift=BITS)
    # Beyond the crop the face goes on, as far as it says; its border is minded apart.
    blurred = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), _FEATHER, borderType=cv2.BORDER_REPLICATE)
    mask = np.clip(blurred * np.float32(2 / 255) - 1, 0, 1)
    rows = np.arange(CROP, dtype=np.float64)
    from_border = smoothstep(np.minimum(rows, CROP - 1 - rows), 0, _BORDER)
    return np.asarray(mask * (from_border * _below_nose(points))[:, None] * from_border, np.float32)


def lips_mask(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """(CROP, CROP) 1 on the lips and between them, fading to 0 around them.

    Args:
        points: (478, 2) the mesh in pixels of the crop; may reach beyond it.
    """
    inside = np.zeros((CROP, CROP), np.uint8)
    cv2.fillConvexPoly(inside, drawn(hull(points[list(OUTER_LIPS)])), 255, cv2.LINE_AA, shift=BITS)
    side = 2 * _LIPS_MARGIN + 1
    inside = np.asarray(cv2.dilate(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))), np.uint8)
    return cv2.GaussianBlur(inside.astype(np.float32) / np.float32(255), (0, 0), _LIPS_FEATHER).astype(np.float32)


def _below_nose(points: NDArray[np.float64]) -> NDArray[np.float32]:
    """(CROP,) for each row 0 down to the nose's base, rising to 1 before the upper lip.

    The first row below the base is 0 as well: between two rows that are 0 nothing shows however the mask is sampled.
    """
    nose = float(points[_NOSE_BASE, 1])
    lip = float(points[list(OUTER_LIPS), 1].min())
    first = math.ceil(nose)
    ramp = max(_PHILTRUM * (lip - nose), _LEAST_PHILTRUM)
    return smoothstep(np.arange(CROP, dtype=np.float64), first, first + ramp)


def _with_room_below(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """(36, 2) the face's outline, drawn down from the mouth on, at the chin the most."""
    outline = points[list(OVAL)].copy()
    mouth = float(points[list(OUTER_LIPS), 1].mean())
    chin = float(points[_CHIN, 1])
    outline[:, 1] += _BELOW_CHIN * smoothstep(outline[:, 1], mouth, max(chin, mouth + 1))
    return outline
