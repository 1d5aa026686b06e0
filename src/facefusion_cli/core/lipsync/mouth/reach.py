"""How far the mouth of a face can be moved, and why it cannot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.faces.face import MINIMUM_SIZE
from facefusion_cli.core.faces.ramp import rise
from facefusion_cli.core.lipsync.mouth.shape import Mouth

if TYPE_CHECKING:
    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.media.bounds import Bounds

__all__ = ["ASIDE", "BEYOND", "beyond", "reach", "surroundings"]

_LARGE_ENOUGH = 1.25 * MINIMUM_SIZE
"""Width of a face in pixels from which on its mouth moves all the way: a face that comes nearer begins gently."""
_TURNED = 0.62, 0.82
"""Sine of the angle to the side up to which a mouth moves all the way, and from which it is left alone: of a mouth in
profile the mesh knows too little."""
_AROUND = 0.35
"""Of the mesh's longer side, around it: the ring in which all motion ends (1.4 times the face), and an open jaw."""
ASIDE, BEYOND = "the face is seen from the side", "the mouth is beyond the picture"


def reach(face: Face) -> float:
    """0: it is left as it is, to 1: it goes all the way; gradual in size and turn."""
    return rise(face.size, MINIMUM_SIZE, _LARGE_ENOUGH) * (1 - rise(abs(Mouth.of(face.mesh).turn), *_TURNED))


def beyond(face: Face, shape: tuple[int, ...]) -> bool:
    """Whether nothing of its mouth is in a picture of that (height, width)."""
    mouth = Mouth.of(face.mesh)
    (x, y), half, (height, width) = mouth.centre, mouth.width / 2, shape[:2]
    return not (-half <= x <= width - 1 + half and -half <= y <= height - 1 + half)


def surroundings(face: Face) -> Bounds:
    """The part (x1, y1, x2, y2) of a picture that has to do with moving its mouth."""
    left, top, right, bottom = face.box
    more = _AROUND * max(right - left, bottom - top)
    return left - more, top - more, right + more, bottom + more
