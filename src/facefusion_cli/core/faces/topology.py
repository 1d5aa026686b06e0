"""The face mesh's fixed facts: its triangles, its mirror image and the names of its parts.

Sides are the person's own, as in MediaPipe's documents: the left eye is on the right in an upright picture. All rings
are closed (the last point is next to the first). Those of eyes and lips start at a corner and run along the upper side
first, the opposite corner half way.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "INNER_LIPS",
    "LEFT_BROW",
    "LEFT_EYE",
    "LEFT_IRIS",
    "OUTER_LIPS",
    "OVAL",
    "RIGHT_BROW",
    "RIGHT_EYE",
    "RIGHT_IRIS",
    "Topology",
    "topology",
]

# fmt: off
OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)
"""Outline of the face: top of the forehead, the person's left cheek, chin (half way), right cheek."""
LEFT_EYE = (263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249)
"""Lids of the person's left eye from the outer corner; the upper lid first."""
RIGHT_EYE = (33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7)
"""Lids of the person's right eye from the outer corner; the upper lid first. Mirror image of ``LEFT_EYE``."""
OUTER_LIPS = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146)
"""Outer edge of the lips from the person's right corner; the upper lip first."""
INNER_LIPS = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95)
"""Inner edge of the lips from the person's right corner; the upper lip first."""
LEFT_BROW = (276, 283, 282, 295, 285, 336, 296, 334, 293, 300)
"""Outline of the person's left brow from its outer end: the lower edge inwards, the upper edge back."""
RIGHT_BROW = (46, 53, 52, 65, 55, 107, 66, 105, 63, 70)
"""Outline of the person's right brow; mirror image of ``LEFT_BROW``."""
LEFT_IRIS = (473, 474, 475, 476, 477)
"""Centre of the person's left iris and four points on its edge."""
RIGHT_IRIS = (468, 469, 470, 471, 472)
"""Centre of the person's right iris and four points on its edge."""
# fmt: on


@dataclass(frozen=True, slots=True, eq=False)
class Topology:
    """How the mesh's points hang together. The arrays are shared: never write to them."""

    triangles: NDArray[np.int32]
    """(852, 3) point indices, all with the same orientation; mouth and eyes stay open."""
    flip: NDArray[np.int32]
    """(478,) for each point the one it becomes in a mirror."""


@cache
def topology() -> Topology:
    """The tables that come inside the package, read once."""
    with (
        resources.files("facefusion_cli").joinpath("assets", "face_topology.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as tables,
    ):
        triangles, flip = tables["triangles"].astype(np.int32), tables["flip"].astype(np.int32)
    for table in (triangles, flip):
        table.setflags(write=False)
    return Topology(triangles, flip)
