"""Finding every face of a picture with the embedded networks.

The detectors look at the whole picture and, where that is worth it, at overlapping tiles of it; the mesh network has
the last word on each candidate. Faces down to about 2 % of the longer side are found, whichever way they are turned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.faces.detector import FaceDetector
from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.found import Found, covered, distinct, outline_of, reading_order
from facefusion_cli.core.faces.mesh import FaceMesh, Fitted, region_of_detection
from facefusion_cli.core.faces.views import shrunk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.blazeface import Detection

__all__ = ["FaceAnalyser"]

_SMALLEST_PICTURE = 8  # pixels; nothing narrower holds a face
_VIEW = 1280  # longer side in pixels of what the detectors see; their finest tile is then twice their input

_WHOLE, _HALVES, _QUARTERS = 1.0, 4 / 7, 4 / 13  # tiles over the longer side: one, two, four, overlapping by a quarter
_SMALLEST_TILE = 48  # pixels
_LARGE_PICTURE = 640  # pixels of the longer side above which halves are always looked at
_NO_SMALLER = {_WHOLE: 0.20, _HALVES: 0.10}
"""If the smallest face found so far is larger than this share of the longer side, finer tiles are not needed."""

# Evidence for a face is the mesh network's log odds and, at a fixed rate, the detector's probability: either alone
# takes coins for profiles. Where the sum leaves doubt, the mesh is looked at again; if it does not hold still, that
# counts against it. The numbers are from some 400 pictures with faces (frontal, profile, dark, noisy, small, turned)
# and 500 without.
_DETECTOR_RATE = 30.0
_SURELY_NOT, _SURELY = 31.0, 42.0
_UNSTEADY_RATE, _STEADY = 5.0, 2.0
_LYING = 6.0  # less evidence for the first face that stands on its head or lies: pictures are seldom turned
_EVIDENCE_MIDDLE, _EVIDENCE_SPREAD = 30.3, 2.9
_LEAST_SCORE = 0.8


class FaceAnalyser:
    """Finds faces and fits a mesh to each. The networks are loaded when first needed."""

    def load(self) -> None:
        """Load the networks now."""
        _ = self._detector, self._mesh

    @cached_property
    def _detector(self) -> FaceDetector:
        return FaceDetector()

    @cached_property
    def _mesh(self) -> FaceMesh:
        return FaceMesh()

    def find(self, picture: NDArray[np.uint8], known: Sequence[Fitted] = ()) -> list[Face]:
        """All faces of an upright (H, W, 3) BGR picture (sRGB), from left to right by the middle of their boxes.

        Those that are seen where one of ``known`` lies, meshes that were fitted to this picture, have that mesh, the
        same array. The answer depends on nothing else. The picture is not changed.
        """
        if min(picture.shape[:2]) < _SMALLEST_PICTURE:
            return []
        picture = np.ascontiguousarray(picture)
        long_side = max(picture.shape[:2])
        shown = _Shown(picture, shrunk(picture, _VIEW), known)
        found: list[Found] = []
        for share in (_WHOLE, _HALVES, _QUARTERS):
            if share < _WHOLE and share * max(shown.view.shape[:2]) < _SMALLEST_TILE:
                break
            found = self._search(shown, share, found)
            if share == _WHOLE and long_side > _LARGE_PICTURE:
                continue
            if found and min(one.side for one in found) > _NO_SMALLER.get(share, 0.0) * long_side:
                break
        settled = (Face(self._mesh.settle(picture, one.face.mesh, known), one.face.score) for one in found)
        return sorted(settled, key=reading_order)

    def look(self, picture: NDArray[np.uint8], known: Sequence[Fitted] = ()) -> list[Face]:
        """One quick look at the whole picture, for the frames of a video: upright faces that are not small.

        Their meshes are not settled; else as ``find``.
        """
        if min(picture.shape[:2]) < _SMALLEST_PICTURE:
            return []
        picture = np.ascontiguousarray(picture)
        found = self._add(_Shown(picture, shrunk(picture, _VIEW), known), _WHOLE, 0, [])
        return sorted((one.face for one in found), key=reading_order)

    def _search(self, shown: _Shown, share: float, found: list[Found]) -> list[Found]:
        """Add the faces that tiles of one size show, in the orientations of those found already, at first in any."""
        looked: set[int] = set()
        turns = _orientations(found) or ([0, 2, 1, 3] if share > _QUARTERS else [0])
        while turns:
            looked.add(turns[0])
            found = self._add(shown, share, turns[0], found)
            remaining = _orientations(found) if found else turns
            turns = [turn for turn in remaining if turn not in looked]
        return found

    def _add(self, shown: _Shown, share: float, turns: int, found: list[Found]) -> list[Found]:
        """Add the faces that tiles of one size show in one orientation."""
        (height, width), (rows, columns) = shown.picture.shape[:2], shown.view.shape[:2]
        scale = np.array([width / columns, height / rows], np.float32)
        for candidate in self._detector.candidates(shown.view, share, turns):
            found = self._judge(shown, candidate.scaled(scale), found)
        return found

    def _judge(self, shown: _Shown, candidate: Detection, found: list[Found]) -> list[Found]:
        """Add a candidate if it is a face, and a new one."""
        if covered(found, candidate.centre, candidate.side):
            return found
        mesh, presence = self._mesh.fit(shown.picture, region_of_detection(candidate), shown.known)
        evidence = presence + _DETECTOR_RATE * candidate.score
        if _SURELY_NOT < evidence < _SURELY:
            evidence -= _UNSTEADY_RATE * (self._mesh.unsteadiness(shown.picture, mesh) - _STEADY)
        if _orientation(Face(mesh, 0.0)) not in {0, *_orientations(found)}:
            evidence -= _LYING
        score = 0.5 + 0.5 * math.tanh((evidence - _EVIDENCE_MIDDLE) / _EVIDENCE_SPREAD / 2)  # the logistic function
        if score < _LEAST_SCORE:
            return found
        return distinct([*found, Found(Face(mesh, score), evidence, outline_of(mesh))])


@dataclass(frozen=True, slots=True, eq=False)
class _Shown:
    """A picture as the networks see it."""

    picture: NDArray[np.uint8]
    view: NDArray[np.uint8]
    """For the detectors."""
    known: Sequence[Fitted]


def _orientation(face: Face) -> int:
    """Quarter turns counterclockwise after which a face stands upright."""
    return round(face.roll / 90) % 4


def _orientations(found: Sequence[Found]) -> list[int]:
    """Those of several faces, each once."""
    return sorted({_orientation(one.face) for one in found})
