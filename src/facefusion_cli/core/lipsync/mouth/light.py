"""What a picture says of the light on a face, of its colours and of how sharp it is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from facefusion_cli.core.faces.ramp import rise

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LUMA", "Light"]

LUMA = np.array([0.114, 0.587, 0.299], np.float32)
"""Weights of B, G and R in brightness."""

# Points of the person's right and left cheek.
_CHEEKS = (50, 205, 36, 101), (280, 425, 266, 330)
_FACE = (70, 300, 50, 280, 205, 425, 152)
"""Points whose bounds hold the face without hair and background, as a rule."""
_BETWEEN = (81, 178), (82, 87), (13, 14), (312, 317), (311, 402)
"""Points of the upper lip's edge and those of the lower one's across from them."""
_TEETH = 0.40, 0.62
"""Brightness between the lips, over that of the cheeks, up to which it is dark, and from which there are teeth."""
_COLOURED = 2.5, 6.0
"""How far a face's colours are from one hue, but for one in fifty, in a toned picture and in a coloured one."""
_THUMBNAIL = 48
_MEASURED = 160
"""Pixels of a face's width at which its sharpness is measured; more would show its skin instead of its edges."""
_BRIGHT = 97.0
"""Percentile of a face that is as bright as the light makes it: gleams and whites of eyes, on any skin."""


@dataclass(frozen=True, slots=True, eq=False)
class Light:
    """The light on one face. Colours are (3,) BGR, 0 to 255."""

    sides: NDArray[np.float32]
    """(2, 3) the cheeks: on the left and on the right as seen on an upright face."""
    bright: NDArray[np.float32]
    """What is white would have about this colour."""
    toned: float
    """0 to 1: how surely the picture is black and white or toned, so that nothing has a colour of its own."""
    blur: float
    """Sigma in pixels of the blur that the picture seems to have."""
    teeth: float
    """0 to 1: how surely what is seen between the lips, if they are apart, is teeth and not darkness."""

    @classmethod
    def of(cls, picture: NDArray[np.uint8], mesh: NDArray[np.float32]) -> Light:
        """The light on the face with the (478, 3) ``mesh`` in a (H, W, 3) BGR picture."""
        part = _part(picture, mesh[list(_FACE), :2])
        thumbnail = cv2.resize(part, (_THUMBNAIL, _THUMBNAIL), interpolation=cv2.INTER_AREA).astype(np.uint8)
        luma = thumbnail.astype(np.float32) @ LUMA
        brightest = luma >= np.percentile(luma, _BRIGHT)
        sides = _sides(picture, mesh)
        return cls(
            sides=sides,
            bright=thumbnail[brightest].mean(axis=0).astype(np.float32),
            toned=_toned(thumbnail),
            blur=_blur(part),
            teeth=_teeth(picture, mesh, float(sides.mean(axis=0) @ LUMA)),
        )

    @property
    def cheek(self) -> NDArray[np.float32]:
        """(3,) mean of both sides."""
        mean: NDArray[np.float32] = self.sides.mean(axis=0)
        return mean

    def tone(self, bgr: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, 3) colours as this picture would have them: those of the skin in one without colours of its own."""
        if self.toned <= 0:
            return bgr
        hue = self.cheek / np.float32(max(float(self.cheek @ LUMA), 1.0))
        toned: NDArray[np.float32] = bgr + np.float32(self.toned) * ((bgr @ LUMA)[..., None] * hue - bgr)
        return toned


def _part(picture: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    """The bounds of points, a view; at least one pixel."""
    height, width = picture.shape[:2]
    low, high = points.min(axis=0), points.max(axis=0)
    left, top = int(np.clip(low[0], 0, width - 1)), int(np.clip(low[1], 0, height - 1))
    right, bottom = int(np.clip(high[0] + 1, left + 1, width)), int(np.clip(high[1] + 1, top + 1, height))
    return picture[top:bottom, left:right]


def _sides(picture: NDArray[np.uint8], mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """(2, 3) colours of the cheeks; one that is turned away takes the other's."""
    side = max(3, round(0.06 * float(np.linalg.norm(mesh[454] - mesh[234]))) | 1)
    colours = []
    for cheek in _CHEEKS:
        patches = [_patch(picture, mesh[point, :2], side) for point in cheek]
        colours.append(np.median(patches, axis=0))
    # A cheek is turned away as far as it is narrower than the other, on the line of the eyes.
    places = mesh[[50, 4, 280], :2].astype(np.float64) @ (mesh[263, :2] - mesh[33, :2]).astype(np.float64)
    wide = np.maximum(np.diff(places), 0)
    seen = np.clip(wide / max(float(wide.sum()), 1e-6) / 0.3, 0, 1)
    trust = (seen**2 / max(float((seen**2).sum()), 1e-6)).reshape(2, 1)
    both = np.stack(colours)
    mean = (both * trust).sum(axis=0)
    return np.asarray(mean + (seen**2).reshape(2, 1) * (both - mean), np.float32)


def _patch(picture: NDArray[np.uint8], point: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """(3,) mean colour around a point; the picture's border goes on beyond it."""
    x, y = (float(value) for value in point)
    patch = cv2.getRectSubPix(picture, (side, side), (x, y), patchType=cv2.CV_32F)
    return np.asarray(patch.mean(axis=(0, 1)), np.float32)


def _toned(bgr: NDArray[np.uint8]) -> float:
    """``toned`` of a ``Light``: how little the colours of a face differ but in brightness."""
    colours = bgr.reshape(-1, 3).astype(np.float32)
    luma = colours @ LUMA
    own = np.abs(colours - luma[:, None] * (colours.mean(axis=0) / max(float(luma.mean()), 1.0))).max(axis=1)
    return 1 - rise(float(np.percentile(own, 98)), *_COLOURED)


def _teeth(picture: NDArray[np.uint8], mesh: NDArray[np.float32], cheek: float) -> float:
    """``teeth`` of a ``Light``, by a line between the lips and how bright the cheeks are."""
    side = max(1, round(0.02 * float(np.linalg.norm(mesh[454] - mesh[234]))))
    between = (
        mesh[upper, :2] + np.float32(share) * (mesh[lower, :2] - mesh[upper, :2])
        for upper, lower in _BETWEEN
        for share in (0.35, 0.5)
    )
    line = np.median([float(_patch(picture, point, side) @ LUMA) for point in between])
    return rise(float(line) / max(cheek, 1.0), *_TEETH)


def _blur(part: NDArray[np.uint8]) -> float:
    """Sigma in pixels of the Gaussian that the strongest edges seem to be blurred with."""
    height, width = part.shape[:2]
    if min(height, width) < 16:
        return 0.0
    factor = max(1.0, width / _MEASURED)
    size = round(width / factor), round(height / factor)
    grey = cv2.resize(cv2.cvtColor(part, cv2.COLOR_BGR2GRAY), size, interpolation=cv2.INTER_AREA)
    ratio = _sharpness(np.asarray(grey, np.float32))
    blurs, ratios = _edges()
    return float(factor * np.interp(-ratio, -ratios, blurs))


def _sharpness(grey: NDArray[Any]) -> float:
    """How much of the coarse detail is fine detail too, where there is most of it."""
    fine, coarse = (grey - cv2.GaussianBlur(grey, (0, 0), sigma) for sigma in (1.0, 4.0))
    together, alone = float((fine * coarse).sum()), float((coarse * coarse).sum())
    return together / max(alone, 1e-3)


@cache
def _edges() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Blurs, and the sharpness of a single edge that is so blurred."""
    blurs = np.linspace(0.3, 8.0, 40)
    edge = np.zeros((1, 201), np.float32)
    edge[:, 100:] = 100.0
    ratios = [_sharpness(cv2.GaussianBlur(edge, (0, 0), blur)) for blur in blurs]
    return blurs - blurs[0], np.array(ratios)
