"""Taking the trembling out of a mesh without lag: centred local polynomials (Savitzky and Golay, 1964).

A straight line through the neighbouring frames takes out the most noise and is right for what rests or moves evenly; a
parabola also follows what turns around; the frame itself is right for what is over in three frames, such as a blink.
Each steps in for the one before where they differ by more than noise explains. The movement of the whole face in the
picture plane is smoothed apart from the movement of its points, so that a nodding head may speak.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.faces.topology import INNER_LIPS, LEFT_EYE, LEFT_IRIS, OUTER_LIPS, RIGHT_EYE, RIGHT_IRIS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Reach", "local_weights", "smoothed"]

_LONG, _SHORT = 0.12, 0.07  # seconds to either side
_NOISE_PIXELS, _NOISE_SHARE = 0.3, 0.0025  # of the mesh network's points: in pixels, and of the face's width
_WHOLE_TOLERANCE, _TOLERANCE, _QUICK_TOLERANCE = 1.0, 2.0, 1.2  # times that noise

_QUICK = [*INNER_LIPS, *OUTER_LIPS, *LEFT_EYE, *RIGHT_EYE, *LEFT_IRIS, *RIGHT_IRIS]
_RIGID = np.setdiff1d(np.arange(468), _QUICK)
_TOLERANCES = np.full(478, _TOLERANCE)
_TOLERANCES[_QUICK] = _QUICK_TOLERANCE


@dataclass(frozen=True, slots=True)
class Reach:
    """How many frames to either side are looked at."""

    long: int
    short: int

    @classmethod
    def at(cls, fps: float) -> Reach:
        """For a frame rate."""
        return cls(max(1, round(_LONG * fps)), max(1, round(_SHORT * fps)))


@lru_cache(maxsize=1024)
def local_weights(first: int, last: int, degree: int) -> NDArray[np.float64]:
    """Weights of frames ``first`` (<= 0) to ``last`` (>= 0) that give the value at 0 of the polynomial of that degree.

    Frames count less the farther off they are (a cosine bell); with too few frames the degree is lowered.
    """
    t = np.arange(first, last + 1)
    reach = max(-first, last) + 1
    bell = np.cos(np.pi / 2 * t / reach) ** 2
    powers = t[:, None] ** np.arange(min(degree, len(t) - 1) + 1)
    weights = np.linalg.pinv(powers * np.sqrt(bell)[:, None])[0] * np.sqrt(bell)
    weights.setflags(write=False)
    return np.asarray(weights, np.float64)


def smoothed(meshes: NDArray[np.float32], place: int, reach: Reach, size: float) -> NDArray[np.float32]:
    """The mesh of one frame, smoothed over its neighbours.

    Args:
        meshes: (N, 478, 3) of consecutive frames.
        place: which of them.
        reach: how far to look; frames beyond are ignored.
        size: width of the face in pixels (``Face.size``).

    Returns:
        (478, 3) float32.
    """
    first, last = max(0, place - reach.long), min(len(meshes), place + reach.long + 1)
    meshes, place = meshes[first:last].astype(np.float64), place - first
    points = meshes[..., 0] + 1j * meshes[..., 1]
    noise = _NOISE_PIXELS + _NOISE_SHARE * size

    # The whole face: where its middle is, and (as one complex logarithm) how much larger and how far turned it is.
    middles = points[:, _RIGID].mean(axis=1)
    shapes = points - middles[:, None]
    own = shapes[place, _RIGID]
    factors = np.einsum("np,p->n", shapes[:, _RIGID], own.conj()) / np.vdot(own, own).real
    whole = np.stack([middles - middles[place], np.log(factors) * (size / 2)], axis=1)
    steady, turning = _fit(whole, place, reach.long, 1), _fit(whole, place, reach.long, 2)
    sudden = _fit(whole, place, reach.short, 2)
    turning = sudden + _gate(np.abs(turning - sudden).max(), _WHOLE_TOLERANCE * noise) * (turning - sudden)
    moved, grown = turning + _gate(np.abs(steady - turning).max(), _WHOLE_TOLERANCE * noise) * (steady - turning)

    # Its points, as they would be if it had not moved.
    shapes = shapes / factors[:, None]
    steady, turning = _fit(shapes, place, reach.long, 1), _fit(shapes, place, reach.short, 2)
    tolerance = _TOLERANCES * noise
    quick = shapes[place] + _gate(np.abs(turning - shapes[place]), tolerance) * (turning - shapes[place])
    shape = quick + _gate(np.abs(steady - quick), tolerance) * (steady - quick)
    factor = np.exp(grown / (size / 2))
    plane = middles[place] + moved + factor * shape

    depth = _fit(meshes[..., 2] / np.abs(factors)[:, None], place, reach.long, 1)
    return np.stack([plane.real, plane.imag, depth * abs(factor)], axis=1).astype(np.float32)


def _fit(values: NDArray[Any], place: int, frames: int, degree: int) -> NDArray[Any]:
    """The value at ``place`` by a polynomial through its neighbours; ``values`` (N, ...)."""
    first, last = max(0, place - frames), min(len(values) - 1, place + frames)
    weights = local_weights(first - place, last - place, degree)
    return np.asarray(np.einsum("n,n...->...", weights, values[first : last + 1]))  # too little for BLAS's threads


def _gate(difference: NDArray[np.float64] | float, tolerance: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Near 1 where a difference may be noise, near 0 where it cannot."""
    return np.asarray(1 / (1 + (difference / tolerance) ** 4))
