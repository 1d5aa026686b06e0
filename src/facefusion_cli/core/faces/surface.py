"""The face as a closed surface: the mesh's triangles plus what they leave open, and a ring around it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.topology import INNER_LIPS, LEFT_EYE, OVAL, RIGHT_EYE, topology

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["MESH_POINTS", "closed_triangles", "vertex_normals", "with_ring"]

MESH_POINTS = 478
"""Points of the mesh; those of the ring follow."""


def _strip(ring: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """Triangles that close a ring given from one corner round to it again, the opposite corner half way."""
    half = len(ring) // 2
    one, other = ring[: half + 1], (ring[0], *reversed(ring[half:]))
    triangles = []
    for i in range(half):
        triangles += [(one[i], one[i + 1], other[i + 1]), (one[i], other[i + 1], other[i])]
    # At the corners a quadrangle has two corners in one, and one of its halves is nothing.
    return [triangle for triangle in triangles if len(set(triangle)) == 3]


@cache
def closed_triangles() -> NDArray[np.int32]:
    """(970, 3) triangles of the points of ``with_ring``.

    The mesh's 852, then what it leaves open: 18 across the mouth and 14 across each eye, and 72 out to the ring.
    """
    count = len(OVAL)
    ring = []
    for i in range(count):
        j = (i + 1) % count
        ring += [(OVAL[i], OVAL[j], MESH_POINTS + i), (OVAL[j], MESH_POINTS + j, MESH_POINTS + i)]
    across = _strip(INNER_LIPS) + _strip(LEFT_EYE) + _strip(RIGHT_EYE)
    return np.concatenate([topology().triangles, np.array(across + ring, np.int32)])


def with_ring(mesh: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """The mesh (478, 3) and the face oval scaled about its centre (36, 3), as one (514, 3) array."""
    oval = mesh[list(OVAL)]
    centre = oval.mean(axis=0)
    return np.concatenate([mesh, centre + (oval - centre) * np.float32(scale)]).astype(np.float32)


def vertex_normals(mesh: NDArray[np.float32]) -> NDArray[np.float32]:
    """(468, 3) unit normals, area-weighted; the third component is 1 where the face looks straight at the viewer."""
    points = mesh[:468].astype(np.float64)
    triangles = topology().triangles
    a, b, c = (points[triangles[:, k]] for k in range(3))
    faces = np.cross(b - a, c - a)
    normals = np.zeros_like(points)
    for k in range(3):
        np.add.at(normals, triangles[:, k], faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    # The triangles run counter-clockwise as seen from outside: their normals point out, to the viewer where z falls.
    return np.stack([normals[:, 0], normals[:, 1], -normals[:, 2]], axis=1).astype(np.float32)
