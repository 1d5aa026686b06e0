"""Drawing the lips where they are wanted, and what is between them.

Lengths are in widths of the mouth, along the face's axes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import rise, smoothstep
from facefusion_cli.core.lipsync.mouth.interior import Gap, paint, shaded
from facefusion_cli.core.lipsync.mouth.light import LUMA
from facefusion_cli.core.lipsync.mouth.shape import LOWER_INNER, UPPER_INNER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.mouth.light import Light
    from facefusion_cli.core.lipsync.mouth.shape import Motion, Mouth

__all__ = ["draw_lips", "gap_between", "skin_below"]

_FRESH = 0.3
"""Weight from which on what is made up between the lips takes the place of darkness that was there."""
_SHUT = 0.08, 0.04
"""How far lips have come together, and what gap they may leave, for the shadow that they throw where they meet."""
_SHADOW = 0.2
_LOOKED_INTO = 0.004, 0.028
"""Gap up to which lips touch, and from which one looks between them."""
_CORNER = 0.05
"""How far inwards from its corners one looks into a mouth."""
_MARGIN = 0.02
"""How far above its own lower lip the inside of a mouth ends that hangs from the upper one."""
_CHIN = 0.45
"""How far below the lips the skin is whose noise they get."""


def gap_between(
    points: NDArray[np.float32], mesh: NDArray[np.float32], mouth: Mouth, motion: Motion, weight: float
) -> Gap:
    """The gap after the motion, for the pixels at ``points`` (h, w, 2), which are along the face's axes."""
    upper, lower = motion.target[list(UPPER_INNER)], motion.target[list(LOWER_INNER)]
    # The mouth's own lower edge, hanging from the upper lip.
    places = mouth.along(mesh[:, :2])
    hanging = places[list(LOWER_INNER)] + upper - places[list(UPPER_INNER)]
    across, down = points[..., 0], points[..., 1]
    seen = np.float32(max(mouth.seen, 0.1))
    edges = [_curve(edge, across) for edge in (upper, lower, hanging)]
    return Gap(
        across=across / seen,
        below=down - edges[0],
        above=edges[1] - down,
        inwards=np.minimum(across - np.float32(upper[:, 0].min()), np.float32(upper[:, 0].max()) - across) / seen,
        hanging=edges[2] - down,
        middle=motion.gap,
        turn=mouth.turn,
        width=mouth.width,
        own=mouth.own,
        fresh=rise(weight, 0.0, _FRESH),
        shut=rise(mouth.gap - motion.gap, 0.0, _SHUT[0]) * (1 - rise(motion.gap, 0.0, _SHUT[1])),
    )


def draw_lips(
    colour: NDArray[np.uint8],
    alpha: NDArray[np.float32],
    upper: NDArray[np.uint8],
    skin: NDArray[np.uint8],
    gap: Gap,
    light: Light,
) -> None:
    """Draw what is between the lips, and the upper one with what hangs from it, over a picture of the lower one.

    Args:
        colour: (h, w, 3) BGR, the lower lip and jaw; changed in place.
        alpha: (h, w) where anything is new; changed in place.
        upper: (h, w, 3) BGR, the upper lip and all that moves as it does.
        skin: (h, w, 3) BGR, skin that has the picture's noise.
        gap: where the lips are.
        light: what the inside is made up from.
    """
    edge = max(0.010, 0.7 / gap.width, min(1.5 * light.blur / gap.width, 0.04))
    under_upper, over_lower = _inside(gap.below, edge), _inside(gap.above, edge)
    own = np.float32(gap.own) * _inside(gap.hanging - np.float32(_MARGIN), _MARGIN)
    above = 1 - under_upper * (1 - over_lower * own)
    made = under_upper * over_lower * (1 - own) * np.float32(gap.fresh)
    made *= smoothstep(gap.below + gap.above, *_LOOKED_INTO) * smoothstep(gap.inwards, 0.0, _CORNER)
    lower = colour.astype(np.float32)
    mixed = lower + above[..., None] * (upper.astype(np.float32) - lower)
    area = _bounds(made > 0)
    if area is not None:
        parts = {name: getattr(gap, name)[area] for name in ("across", "below", "above", "inwards", "hanging")}
        inside = paint(replace(gap, **parts), light)
        lit = np.minimum(inside @ LUMA / np.float32(max(float(light.cheek @ LUMA), 1.0)), 1)
        inside += _noise(skin[area]) * (np.float32(0.35) + np.float32(0.65) * lit)[..., None]
        mixed[area] += made[area][..., None] * (inside - lower[area])
    if gap.shut > 0:
        # Lips that meet throw a shadow, which theirs never did.
        line = np.exp(-(((gap.above - gap.below) / (2 * max(0.012, 0.6 / gap.width))) ** 2))
        line *= smoothstep(gap.inwards, 0.0, 0.1)
        mixed += light.tone(shaded(mixed, 1 - np.float32(_SHADOW * gap.shut) * line)) - light.tone(mixed)
    colour[:] = np.rint(mixed).clip(0, 255).astype(np.uint8)
    np.maximum(alpha, made, out=alpha)


def skin_below(crop: NDArray[np.uint8], box: tuple[slice, slice], mouth: Mouth) -> NDArray[np.uint8]:
    """The chin's skin for the pixels of a ``box`` around the lips, as far as it is in the picture."""
    shift = np.rint(mouth.shifts(np.array([0.0, _CHIN]))).astype(int)
    rows, columns = (
        np.clip(np.arange(part.start, part.stop) + by, 0, end - 1)
        for part, by, end in zip(box, shift[::-1].tolist(), crop.shape[:2], strict=True)
    )
    return crop[np.ix_(rows, columns)]


def _noise(skin: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w, 3) what is fine in a picture of skin, without what stands out."""
    fine = skin.astype(np.float32)
    fine -= cv2.GaussianBlur(fine, (0, 0), 1.0)
    limit = 2.5 * float(np.median(np.abs(fine[..., 1])))
    return np.asarray(np.clip(fine, -limit, limit), np.float32)


def _curve(points: NDArray[np.float64], across: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) height, at the places ``across``, of the smooth curve through (11, 2) points from left to right."""
    # Of a head in profile the far end of the lips folds back behind what is seen.
    points = points[int(points[:, 0].argmin()) : int(points[:, 0].argmax()) + 1]
    if len(points) < 2:
        return np.full_like(across, points[0, 1] if len(points) else 0.0)
    before, after = 2 * points[:1] - points[1:2], 2 * points[-1:] - points[-2:-1]
    p = np.concatenate([before, points, after])[:, None]
    t = np.linspace(0, 1, 6)[None, :-1, None]
    a, b, c, d = p[:-3], p[1:-2], p[2:-1], p[3:]
    # Catmull and Rom's spline.
    curve = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    curve = np.concatenate([curve.reshape(-1, 2), points[-1:]])
    x = np.maximum.accumulate(curve[:, 0]) + np.arange(len(curve)) * 1e-6
    return np.asarray(np.interp(across, x, curve[:, 1]), np.float32)


def _inside(distance: NDArray[np.float32], soft: float) -> NDArray[np.float32]:
    """0 to 1 where a signed distance says inside, with an edge of twice ``soft``."""
    return smoothstep(distance, -soft, soft)


def _bounds(mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The rectangle that holds all of a mask, None if there is nothing."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
