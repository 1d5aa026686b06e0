"""Faces found so far, and whether two of them are the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2

from facefusion_cli.core.faces.outline import hull
from facefusion_cli.core.faces.topology import OVAL

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["Found", "covered", "distinct", "outline_of", "reading_order"]

_SAME_FACE = 0.5  # share of the smaller outline that lies inside the larger one


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A face with what is needed to compare it with others."""

    face: Face
    evidence: float
    outline: NDArray[np.float32]
    """(N, 2), convex."""

    @property
    def side(self) -> float:
        """Longer side of the face's box."""
        x1, y1, x2, y2 = self.face.box
        return max(x2 - x1, y2 - y1)


def outline_of(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """The convex outline (N, 2) of a (478, 3) mesh."""
    return hull(mesh[list(OVAL), :2])


def covered(found: Sequence[Found], centre: tuple[float, float], side: float) -> bool:
    """Whether what lies around ``centre``, ``side`` pixels large, is a face found already or a part of it."""
    return any(cv2.pointPolygonTest(one.outline, centre, False) >= 0 and side < 1.3 * one.side for one in found)


def distinct(found: Sequence[Found]) -> list[Found]:
    """Of faces that lie on or in one another, the one with the most evidence."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: -one.evidence):
        if all(_overlap(one.outline, other.outline) <= _SAME_FACE for other in kept):
            kept.append(one)
    return kept


def _overlap(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Share of the smaller of two convex outlines that lies in the larger."""
    common, _ = cv2.intersectConvexConvex(one, other)
    return float(common) / max(1e-6, min(cv2.contourArea(one), cv2.contourArea(other)))


def reading_order(face: Face) -> tuple[float, float]:
    """Key that sorts faces from left to right by the middle of their boxes."""
    x1, y1, x2, y2 = face.box
    return x1 + x2, y1 + y2
