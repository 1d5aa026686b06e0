"""What a mouth is like, and where the face's points go when it opens, closes, rounds or spreads.

Everything is measured along the face's own axes, so that a tilted head is like an upright one. Lengths are in widths
of the mouth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.ramp import rise, smoothstep
from facefusion_cli.core.faces.surface import MESH_POINTS, with_ring
from facefusion_cli.core.faces.topology import OVAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["GAP", "LOWER_INNER", "RING_SCALE", "UPPER_INNER", "Motion", "Mouth", "move"]

GAP = 0.62
"""Gap between the lips, in widths of the mouth, at an opening of 1."""
RING_SCALE = 1.4
"""Size of the ring around the face oval that stays where it is: the neck gives way to the chin."""

# fmt: off
# Four rings of eleven points from the person's right corner of the mouth to the left one, the outermost first.
_LOWER = (
    (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291), (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306),
    (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292), (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308),
)
_UPPER = (
    (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291), (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306),
    (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292), (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308),
)
# fmt: on
UPPER_INNER, LOWER_INNER = _UPPER[-1], _LOWER[-1]

_JAW, _LIP = 0.86, 0.14
"""Shares of the lower and of the upper lip in a change of the gap."""
_CORNER = 0.28
"""How far the corners follow the lower lip as the mouth opens."""
_JAW_CLOSING = 0.45
"""How far the chin follows lips that close: a smile is shut by the lips more than by the jaw."""
_SPREAD, _NARROWING = 0.10, 0.07
"""How far each corner goes out for the widest shape, and in for the widest opening."""
_OWN = 0.05, 0.12
"""Gap up to which a mouth shows nothing of its inside, and from which it shows all that is needed."""
_MOST_MADE, _MOST_OWN = 0.55, 0.7
"""Largest openings: with an inside that is made up, and with the mouth's own. More looks like a shout."""
_TOUCHING = 0.012
"""Gap that the mesh sees between closed lips."""
_HIDDEN = 0.9
"""How far the inner edges of closing lips are taken from the lips themselves: the mesh is off by a little, and an edge
would bring a line of teeth along. In distances to the next ring."""


@dataclass(frozen=True, slots=True, eq=False)
class Mouth:
    """A mouth as it is in the picture."""

    centre: NDArray[np.float64]
    """(2,) between the lips' middles."""
    axes: NDArray[np.float64]
    """(2, 2) unit vectors right and down along the face, as rows."""
    width: float
    """Pixels between the corners in space: the same when the head turns. Unit of lengths along the face."""
    seen: float
    """Width as seen in the picture over ``width``; 1 on a frontal face."""
    turn: float
    """Sine of the angle by which the mouth faces aside; positive where its right corner (as seen) is farther away."""
    gap: float
    """Between the lips' middles, 0 where they touch."""
    own: float
    """0 to 1: how far its own teeth can be seen, so that none have to be made up."""

    @classmethod
    def of(cls, mesh: NDArray[np.float32], teeth: float = 0.0) -> Mouth:
        """Measure the mouth of a (478, 3) mesh; ``teeth`` 0 to 1: whether they are seen where it is open."""
        points = mesh.astype(np.float64)
        down = points[152, :2] - points[10, :2]
        down = down / max(float(np.linalg.norm(down)), 1e-6)
        right = np.array([down[1], -down[0]])
        across = points[291] - points[61]
        width = max(float(np.linalg.norm(across)), 1e-3)
        gap = max(0.0, float((points[14, :2] - points[13, :2]) @ down) / width - _TOUCHING)
        return cls(
            centre=(points[13, :2] + points[14, :2]) / 2,
            axes=np.stack([right, down]),
            width=width,
            seen=float(np.linalg.norm(across[:2])) / width,
            turn=float(across[2]) / width,
            gap=gap,
            own=teeth * rise(gap, *_OWN),
        )

    def along(self, points: NDArray[np.floating]) -> NDArray[np.float64]:
        """Picture points (..., 2) along the face's axes: right and down from the centre, in widths of the mouth."""
        placed: NDArray[np.float64] = (points - self.centre) @ self.axes.T / self.width
        return placed

    def along_grid(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """``along`` for pixels at ``x`` and ``y``, of shapes that go together to (h, w): (h, w, 2)."""
        x, y = x - np.float32(self.centre[0]), y - np.float32(self.centre[1])
        axes = (self.axes / self.width).astype(np.float32)
        return np.stack([x * axis[0] + y * axis[1] for axis in axes], axis=-1)

    def in_picture(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """The inverse of ``along``."""
        return self.centre + self.shifts(places)

    def shifts(self, shifts: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shifts (..., 2) along the axes, in widths of the mouth, as pixels of the picture."""
        placed: NDArray[np.float64] = shifts @ self.axes * self.width
        return placed

    def wanted_gap(self, opening: float) -> float:
        """The gap for an ``opening`` of 0 to 1, which is limited to what looks like speech."""
        return GAP * float(np.clip(opening, 0, _MOST_MADE + self.own * (_MOST_OWN - _MOST_MADE)))


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Where the points of a mesh with its ring (see ``with_ring``) go, and what is seen there afterwards."""

    target: NDArray[np.float64]
    """(514, 2) new places along the face's axes."""
    upper: NDArray[np.float64]
    """(514, 2) where to look for the upper lip and all that is fixed to the skull, from the new places: the lower lip's
    points continue what the upper lip does."""
    lower: NDArray[np.float64]
    """(514, 2) the same for the lower lip and the jaw."""
    gap: float
    """New gap between the lips' middles."""
    change: float
    """How far anything goes, 0 for not at all."""


@cache
def _lips() -> NDArray[np.bool_]:
    lips = np.zeros(MESH_POINTS + len(OVAL), bool)
    lips[np.ravel(_LOWER + _UPPER)] = True
    return lips


def move(mesh: NDArray[np.float32], mouth: Mouth, opening: float, spread: float, weight: float) -> Motion:
    """The motion from the mouth of a (478, 3) ``mesh`` to one that is open by ``opening`` and of shape ``spread``.

    Args:
        mesh: the face.
        mouth: its mouth.
        opening: 0 to 1, absolute.
        spread: -1 round to 1 spread.
        weight: 0 to 1 of the way.
    """
    ringed = with_ring(mesh, RING_SCALE)
    places = mouth.along(ringed[:, :2])
    across = _across(ringed)
    change = weight * (mouth.wanted_gap(opening) - mouth.gap)
    shift = np.zeros_like(places)
    shift[:, 0] = _sideways(across, places[:, 1], weight * _SPREAD * spread - _NARROWING / GAP * change) * mouth.seen
    shift[:, 1] = _jaw(places, across) * _JAW * change * (1.0 if change > 0 else _JAW_CLOSING)
    _move_lips(places, across, shift, mouth, change)
    target = places + shift
    upper, lower = _looked_up(places, shift, mouth.gap, change)
    largest = max(abs(change), float(np.abs(shift).max()))
    return Motion(target, upper, lower, mouth.gap + change, largest)


def _across(ringed: NDArray[np.float32]) -> NDArray[np.float64]:
    """(514,) how far points are from the mouth's middle towards its corner 291, -0.5 to 0.5 between the corners.

    In space: on a turned head half of the mouth is seen in little width.
    """
    points = ringed.astype(np.float64)
    line = points[291] - points[61]
    across: NDArray[np.float64] = (points - (points[13] + points[14]) / 2) @ line / max(float(line @ line), 1e-6)
    return across


def _move_lips(
    places: NDArray[np.float64],
    across: NDArray[np.float64],
    shift: NDArray[np.float64],
    mouth: Mouth,
    change: float,
) -> None:
    """Write into ``shift`` how the lips go up and down."""
    gaps = np.maximum(places[list(LOWER_INNER), 1] - places[list(UPPER_INNER), 1], 0)
    for ring in range(4):
        upper, lower = list(_UPPER[ring]), list(_LOWER[ring])
        if change > 0:
            down = _JAW * change * (1 - (1 - _CORNER) * smoothstep(_aside(across, lower), 0.25, 1.0))
            up = _LIP * change * (1 - smoothstep(_aside(across, upper), 0.2, 1.0))
        else:
            # Lips that meet do so at their whole length, however much each point of them has to go.
            closed = -change / max(mouth.gap, 1e-6) * gaps
            down, up = -_JAW * closed, -_LIP * closed
        shift[upper, 1] = -up * (0.55, 0.7, 0.85, 1.0)[ring]
        shift[lower, 1] = down


def _looked_up(
    places: NDArray[np.float64], shift: NDArray[np.float64], gap: float, change: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """``upper`` and ``lower`` of a ``Motion``."""
    upper, lower = -shift, -shift
    upper, lower = upper.copy(), lower.copy()
    for ring in range(4):
        upper[list(_LOWER[ring][1:-1])] = upper[list(UPPER_INNER[1:-1])]
        lower[list(_UPPER[ring][1:-1])] = lower[list(LOWER_INNER[1:-1])]
    hidden = _HIDDEN * rise(-change, 0.0, 0.06) * (1 - rise(gap + change, 0.01, 0.08))
    if hidden > 0:
        for field, rings in ((upper, _UPPER), (lower, _LOWER)):
            inner, outer = list(rings[3][1:-1]), list(rings[2][1:-1])
            field[inner] += hidden * (places[outer] - places[inner])
    return upper, lower


def _aside(across: NDArray[np.float64], points: Sequence[int]) -> NDArray[np.float64]:
    """How far points are from the middle of the mouth, 1 at the corner of their side."""
    x = across[list(points)]
    right, left = max(float(across[291]), 0.1), max(-float(across[61]), 0.1)
    aside: NDArray[np.float64] = np.clip(np.where(x > 0, x / right, -x / left), 0, 1)
    return aside


def _jaw(places: NDArray[np.float64], across: NDArray[np.float64]) -> NDArray[np.float64]:
    """(514,) how far each point follows the jaw: 0 from the nose up and on the ring, 1 at the chin."""
    # As seen: on the outline of a turned head the far cheek goes with what it is seen beside.
    x, y = places.T
    chin = max(float(y[152]), 0.1)
    begin = min(max(-0.25 * chin, 0.6 * float(y[2])), 0.0)
    half = max((float(across[397]) - float(across[172])) / 2, 0.1)
    follows = smoothstep(y, begin, 0.3 * chin) * (1 - 0.75 * smoothstep(np.abs(x) / half, 0.35, 1.1))
    follows[MESH_POINTS:] = 0
    return follows.astype(np.float64)


def _sideways(across: NDArray[np.float64], y: NDArray[np.float64], amount: float) -> NDArray[np.float64]:
    """(514,) how far each point goes to the right where the corners of the mouth go outwards by ``amount``."""
    half = np.where(across > 0, max(float(across[291]), 0.1), max(-float(across[61]), 0.1))
    beyond = np.maximum(np.abs(across) - half, 0)
    height = np.where(y > 0, 0.4, np.clip(-float(y[2]), 0.1, 0.4))
    near = np.exp(-((beyond / 0.3) ** 2)) * (1 - smoothstep(np.abs(y) / height, 0.3, 1.0))
    near = np.where(_lips(), 1.0, near)
    near[MESH_POINTS:] = 0
    sideways: NDArray[np.float64] = amount * np.clip(across / half, -1, 1) * near
    return sideways
