"""Following one face from frame to frame by its mesh, and telling when it is lost."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.mesh import Region, region_of_mesh
from facefusion_cli.core.faces.tracking.observations import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.mesh import FaceMesh

__all__ = ["Followed", "distinct", "same_face", "same_place"]

# Log odds of the mesh network: 20 to 28 on a face in the middle of its region, 8 where the region is off by a fifth,
# below -6 on anything else.
_PRESENT, _SURE = 2.0, 10.0
_MUCH_SURER = 4.0
_OFF = 0.04  # of the region's side, or in radians: how far off the region must have been to be worth a second look
_MOST_SHIFT, _MOST_GROWTH, _MOST_TURN = 0.3, 1.35, math.radians(30)  # between prediction and answer
_MOST_BENDING = 0.06  # of the region's side: mean movement of the points besides that of the whole face
_LEAST_INSIDE = 0.35  # share of the points that lie in the picture
_NEAR, _LIKE_SIZE = 0.45, 1.7  # in widths of the larger face, and of one over the other: the same face


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """A face in one frame, with what is needed to find it in the next."""

    number: int
    face: Face
    presence: float
    """Log odds of the last look."""
    before: Region | None = None
    """Where it was in the frame before this one."""
    unseen: int = 0
    """How often the finder has looked in vain."""

    @property
    def sure(self) -> bool:
        """Whether the mesh alone is enough to believe in the face."""
        return self.presence > _SURE

    def next(self, mesh: FaceMesh, picture: NDArray[np.uint8]) -> Followed | None:
        """The face in the next frame (or the one before), None if it is lost. At most two looks."""
        last = region_of_mesh(self.face.mesh)
        expected = _continued(self.before, last)
        points, presence = mesh.look(picture, expected)
        found = region_of_mesh(points)
        if presence <= _PRESENT and self.before is not None:
            points, presence = mesh.look(picture, last)  # it has stopped or turned back
        elif _distance(expected, found) > _OFF and presence > -_PRESENT:
            points, presence = mesh.look(picture, found)
        found = region_of_mesh(points)
        lost = (
            presence <= _PRESENT
            or not _plausible(expected, last, found)
            or _bending(self.face.mesh, points) > _MOST_BENDING * last.side
            or _inside(points, picture) < _LEAST_INSIDE
        )
        if lost:
            return None
        score = min(self.face.score, 1 / (1 + math.exp(-presence / 2)))
        return replace(self, face=Face(points, score), presence=presence, before=last)


def same_face(one: Face, other: Face) -> bool:
    """Whether two meshes in one frame lie on the same face."""
    return same_place(Place.of(one), Place.of(other))


def same_place(one: Place, other: Place) -> bool:
    """Whether there is room for one face only."""
    small, large = sorted((one.size, other.size))
    return math.hypot(other.x - one.x, other.y - one.y) < _NEAR * large and large < _LIKE_SIZE * small


def distinct(faces: Iterable[Followed]) -> list[Followed]:
    """Of meshes that ran onto the same face only one: the surer, or the one that was there before."""
    kept: list[Followed] = []
    for one in sorted(faces, key=lambda one: (-round(one.presence / _MUCH_SURER), one.number)):
        if not any(same_face(one.face, other.face) for other in kept):
            kept.append(one)
    return kept


def _continued(before: Region | None, last: Region) -> Region:
    """Where a face goes that moves on as it did."""
    if before is None:
        return last
    return Region(
        2 * last.x - before.x,
        2 * last.y - before.y,
        last.side * min(_MOST_GROWTH, max(1 / _MOST_GROWTH, last.side / before.side)),
        last.angle + math.remainder(last.angle - before.angle, math.tau),
    )


def _distance(one: Region, other: Region) -> float:
    turn = abs(math.remainder(other.angle - one.angle, math.tau))
    shift = math.hypot(other.x - one.x, other.y - one.y)
    return max(max(shift, abs(other.side - one.side)) / one.side, turn)


def _plausible(expected: Region, last: Region, found: Region) -> bool:
    """Whether a face can have come there: near where it was heading, or where it was."""
    return any(
        math.hypot(found.x - one.x, found.y - one.y) < _MOST_SHIFT * one.side
        and 1 / _MOST_GROWTH < found.side / one.side < _MOST_GROWTH
        and abs(math.remainder(found.angle - one.angle, math.tau)) < _MOST_TURN
        for one in (expected, last)
    )


def _bending(before: NDArray[np.float32], after: NDArray[np.float32]) -> float:
    """Mean distance of the points in pixels after the best similarity has been taken out."""
    old, new = (points[:, 0].astype(np.float64) + 1j * points[:, 1] for points in (before, after))
    old, new = old - old.mean(), new - new.mean()
    factor = np.vdot(old, new) / max(float(np.vdot(old, old).real), 1e-9)
    return float(np.abs(new - factor * old).mean())


def _inside(points: NDArray[np.float32], picture: NDArray[np.uint8]) -> float:
    height, width = picture.shape[:2]
    x, y = points[:, 0], points[:, 1]
    return float(((x >= 0) & (y >= 0) & (x <= width - 1) & (y <= height - 1)).mean())
