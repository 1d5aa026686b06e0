"""What is seen between lips that are opened: darkness, a tongue, teeth.

Made up from nothing but the light on the face, plain enough not to catch the eye. Lengths are in widths of the mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import rise, smoothstep
from facefusion_cli.core.lipsync.mouth.light import LUMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.lipsync.mouth.light import Light

__all__ = ["Gap", "paint", "shaded"]

# BGR, under the light that makes a cheek of lightness 70.
_SHADE, _THROAT = np.array([14.0, 19.0, 56.0], np.float32), np.array([6.0, 8.0, 24.0], np.float32)
_GUMS = np.array([32.0, 40.0, 100.0], np.float32)
_TONGUE = np.array([50.0, 57.0, 128.0], np.float32)
_USUAL_WHITE = np.array([0.80, 0.88, 1.0], np.float32)
_FLESH = np.array([1.35, 1.25, 1.0], np.float32)
_IVORY = np.array([0.87, 0.955, 1.0], np.float32)

# The upper teeth lie on half an ellipse behind the lips.
_ARCH_WIDTH, _ARCH_DEPTH, _BEHIND = 0.52, 0.5, 0.11
_BORDERS = 0.0, 0.33, 0.58, 0.80, 0.94
"""Where one tooth ends and the next begins, from the middle outwards, over half the width of the arch."""
_TEETH = 0.105
"""How far they show at most."""
_SHOWN = 0.42
"""How far they show at most, of the gap."""


@dataclass(frozen=True, slots=True, eq=False)
class Gap:
    """The gap between the lips, on the pixels of a rectangle."""

    across: NDArray[np.float32]
    """(h, w) how far each pixel is to the right of the mouth's middle, as if the head were not turned."""
    below: NDArray[np.float32]
    """(h, w) how far it is below the upper lip's edge."""
    above: NDArray[np.float32]
    """(h, w) how far it is above the lower lip's edge."""
    inwards: NDArray[np.float32]
    """(h, w) how far it is from the nearer corner of the mouth, towards the middle."""
    hanging: NDArray[np.float32]
    """(h, w) how far it is above the lower lip's old edge, had that moved as the upper lip has."""
    middle: float
    """Height of the gap in the middle."""
    turn: float
    """As in ``Mouth``."""
    width: float
    """Pixels of the unit of lengths."""
    own: float
    """As in ``Mouth``: how far the mouth's own inside will be laid over what is made up."""
    fresh: float
    """0 to 1: how far what is made up takes the place of darkness that was there."""
    shut: float
    """0 to 1: how far lips that were apart have been brought together."""


def paint(gap: Gap, light: Light) -> NDArray[np.float32]:
    """(h, w, 3) BGR, 0 to 255: the inside of a mouth."""
    brightness = float(np.clip(light.cheek @ LUMA / 165, 0.02, 1.3))
    colour = _hollow(gap, brightness)
    _lay(colour, *_tongue(gap, brightness))
    colour *= light.bright / max(float(light.bright.max()), 1.0) / _USUAL_WHITE
    _lay(colour, *_lower_teeth(gap, light))
    _lay(colour, *_upper_teeth(gap, light))
    # What is just below the upper lip lies in its shadow.
    colour = shaded(colour, 1 - 0.5 * np.exp(-np.maximum(gap.below, 0) / 0.02))
    sigma = max(0.006 * gap.width, min(light.blur, 0.04 * gap.width), 0.3)
    soft = cv2.GaussianBlur(colour, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return light.tone(soft.astype(np.float32, copy=False))


def _lay(colour: NDArray[np.float32], over: NDArray[np.float32], alpha: NDArray[np.float32]) -> None:
    """Lay a colour over ``colour``, in place."""
    colour += alpha[..., None] * (over - colour)


def shaded(colour: NDArray[np.float32], shade: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Darker by ``shade`` (h, w), and redder: what light there is has been reflected by flesh."""
    darker: NDArray[np.float32] = colour * shade.astype(np.float32, copy=False)[..., None] ** _FLESH
    return darker


def _hollow(gap: Gap, brightness: float) -> NDArray[np.float32]:
    """The wet inside of the lower lip, and ever darker behind it."""
    edge = np.minimum(np.minimum(gap.below, gap.above), 0.9 * gap.inwards)
    depth = smoothstep(edge, -0.01, 0.09)[..., None]
    lip = (0.75 * np.exp(-((np.maximum(gap.above, 0) / 0.025) ** 2)))[..., None]
    dark = _SHADE + depth * (_THROAT - _SHADE)
    return ((dark + lip * (_GUMS - dark)) * brightness).astype(np.float32)


def _tongue(gap: Gap, brightness: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Its back, low in a mouth that is open wide enough."""
    height = min(0.34 * gap.middle, 0.13)
    x = (gap.across + 0.06 * gap.turn) / 0.27
    y = (gap.above + 0.01) / max(height, 1e-3)
    distance = np.sqrt(x * x + y * y)
    alpha = (1 - smoothstep(distance, 0.45, 1.1)) * np.float32(0.85 * rise(gap.middle, 0.12, 0.24))
    shade = (0.72 + 0.28 * (1 - np.clip(np.abs(y - 0.45), 0, 1)) - 0.12 * np.exp(-((x / 0.12) ** 2)))[..., None]
    return (shade * _TONGUE * brightness).astype(np.float32), alpha


def _upper_teeth(gap: Gap, light: Light) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    along, outwards = _arch(gap)
    # A tooth that is only a few pixels wide has no border to be seen.
    tooth = _BORDERS[1] * _ARCH_WIDTH * gap.width
    clear = rise(tooth, 5.0, 14.0)
    distance = np.minimum.reduce([np.abs(outwards - np.float32(border)) for border in _BORDERS])
    between = np.exp(-((distance / 0.035) ** 2)).astype(np.float32) * np.float32(clear)
    local = np.maximum(gap.below + gap.above, 0)
    full = min(_TEETH, _SHOWN * gap.middle)
    length = np.minimum(full * (1 - smoothstep(outwards, 0.42, 0.98) ** 1.5), 0.55 * local)
    length = length * (1 - 0.10 * between)
    # The side incisors are a little shorter than their neighbours.
    length = length * (1 - 0.10 * np.exp(-(((outwards - 0.455) / 0.11) ** 2)) * np.float32(clear))
    soft = max(0.010, 0.55 / gap.width)
    alpha = smoothstep(length - gap.below, -soft, soft) * smoothstep(length, 0.004, 0.03)
    alpha *= np.float32((1 - rise(gap.own, 0.5, 1.0)) * rise(gap.middle, 0.05, 0.14))
    alpha *= smoothstep(gap.inwards, 0.0, 0.10)
    down = np.clip(gap.below / max(full, 1e-3), 0, 1)
    shade = 0.82 + 0.18 * smoothstep(down, 0.0, 0.5) - 0.08 * smoothstep(down, 0.75, 1.0)
    shade = shade * (1 - 0.55 * smoothstep(outwards, 0.2, 0.95)) * (1 - 0.16 * between)
    # Little light falls into a mouth that is hardly open.
    shade = shade * np.float32(0.5 + 0.5 * rise(gap.middle, 0.05, 0.20))
    return shaded(_enamel(light, along), shade), alpha


def _lower_teeth(gap: Gap, light: Light) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Their edges, dim behind the lower lip."""
    along, outwards = _arch(gap)
    length = 0.045 * (1 - smoothstep(outwards, 0.3, 0.75))
    soft = max(0.012, 0.55 / gap.width)
    alpha = smoothstep(length - gap.above, -soft, soft) * smoothstep(length, 0.005, 0.03)
    alpha *= np.float32(0.4 * (1 - gap.own) * rise(gap.middle, 0.2, 0.34))
    shade = 0.5 * (1 - 0.4 * smoothstep(outwards, 0.1, 0.7))
    return shaded(_enamel(light, along), shade), alpha


def _arch(gap: Gap) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(h, w) where each pixel meets the row of teeth, over half its width: to the right, and away from its middle.

    Of a turned head the row's far half is foreshortened, and all of it lies farther from where the head looks to than
    the lips do.
    """
    angles = np.linspace(-1.45, 1.45, 117)
    depth = _BEHIND + _ARCH_DEPTH * (1 - np.cos(angles))
    turn = float(np.clip(gap.turn, -0.9, 0.9))
    seen = _ARCH_WIDTH * np.sin(angles) - depth * turn / max(1 - turn * turn, 0.2) ** 0.5
    seen = np.maximum.accumulate(seen) + np.arange(len(seen)) * 1e-6
    along = np.interp(gap.across, seen, np.sin(angles)).astype(np.float32)
    return along, np.abs(along)


def _enamel(light: Light, along: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, 3) the colour of teeth under this light, with a little more of it on the brighter side."""
    white, skin = (colour / max(float(colour.max()), 1.0) for colour in (light.bright, light.cheek))
    tint = 0.55 * _IVORY + 0.25 * white + 0.2 * skin
    sides = light.sides.max(axis=1)
    level = max(float(sides.mean()), 0.74 * float(light.bright.max()))
    lean = float(np.clip((sides[1] - sides[0]) / max(float(sides.sum()), 1.0), -0.25, 0.25))
    lit = np.float32(0.98 * min(level, 230.0)) * (1 + np.float32(lean) * along)
    enamel: NDArray[np.float32] = lit[..., None] * tint
    return enamel
