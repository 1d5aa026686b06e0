"""Which side of the source face to believe: the one seen, or the mirror image of the other."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.surface import MESH_POINTS
from facefusion_cli.core.faces.topology import OVAL, topology

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["mirrored_with_ring", "per_ring_vertex", "share_of_mirror", "visibility"]


@cache
def mirrored_with_ring() -> NDArray[np.int32]:
    """(514,) mirror table of the mesh and its ring."""
    flip = topology().flip
    place = {vertex: index for index, vertex in enumerate(OVAL)}
    ring = [MESH_POINTS + place[int(flip[vertex])] for vertex in OVAL]
    return np.concatenate([flip, np.array(ring, np.int32)])


@cache
def _smoother() -> NDArray[np.float32]:
    """(468, 468) matrix that averages every vertex with its neighbours, twice."""
    triangles = topology().triangles
    matrix = np.eye(468, dtype=np.float32)
    for a, b in ((0, 1), (1, 2), (2, 0)):
        matrix[triangles[:, a], triangles[:, b]] = 1
        matrix[triangles[:, b], triangles[:, a]] = 1
    matrix /= matrix.sum(axis=1, keepdims=True)
    return (matrix @ matrix).astype(np.float32)


def visibility(source_facing: NDArray[np.float32], target_facing: NDArray[np.float32]) -> NDArray[np.float32]:
    """(468,) how well the source shows what the target would show, 0 to 1.

    Both are third components of normals. What the target hides as well need not be seen.
    """

    # The ratio of the two is how much narrower the source shows a piece of skin than the target would.
    ratio = np.maximum(source_facing, 0.0) / np.maximum(target_facing, 0.15)
    share = np.clip((ratio - 0.15) / 0.45, 0, 1)
    return (_smoother() @ share).astype(np.float32)


def per_ring_vertex(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(468, C) values extended to the irises (their eye's) and the ring (its oval point's): (514, C)."""
    irises = np.repeat(values[[33, 263]], 5, axis=0)
    return np.concatenate([values, irises, values[list(OVAL)]])


def share_of_mirror(
    direct: NDArray[np.float32], mirrored: NDArray[np.float32], face_size: float
) -> NDArray[np.float32]:
    """(h, w) how much of the mirror image to take: where it is clearly the more reliable, with soft borders."""
    share = np.clip((mirrored - direct - 0.1) / 0.4, 0, 1)
    softened: NDArray[np.float32] = cv2.GaussianBlur(share, (0, 0), max(0.04 * face_size, 0.5))
    return softened
