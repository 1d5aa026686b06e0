"""Finding faces with buffalo_l's SCRFD, through insightface's own class on our session.

The detector looks at the picture as it is used to, then in the sizes and turns in which it may see more, as far as what
it has found gives reason to. The embedded detector is its second opinion. The mesh network has a say in what is a face,
and each face that was not seen in the size and posture in which SCRFD is exact is shown to it once more, upright and
alone.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.alignment import arcface_matrix
from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.faces.five_points import points_of_mesh
from facefusion_cli.core.faces.found import Found, covered, distinct, outline_of, reading_order
from facefusion_cli.core.faces.mesh import FaceMesh, Fitted, Region, region_of_mesh
from facefusion_cli.core.faces.scrfd import SCRFD_SIZE, Scrfd
from facefusion_cli.core.faces.tiles import tiles
from facefusion_cli.core.faces.views import shrunk, turned
from facefusion_cli.core.faces.warped import cut_square

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.analyser import FaceAnalyser
    from facefusion_cli.core.faces.scrfd import Sighting
    from facefusion_cli.core.inference.session import Session

__all__ = ["InsightAnalyser"]

_SMALLEST_PICTURE = 8  # pixels; nothing narrower holds a face

# A face is seen well where it is 15 to 350 pixels large. Shown the picture in half the size, SCRFD sees faces that fill
# it; a face larger than the picture needs less still.
_CLOSE, _VERY_CLOSE = SCRFD_SIZE // 2, SCRFD_SIZE * 3 // 10
# Tiny faces need the picture large: views are doubled as long as there are faces in them beside which there may be some
# that only a larger view shows.
_WORTHWHILE = 1.25  # a picture must be that much larger than a view for the next one to show more
_CROWD = 48.0  # pixels in the view
_LARGEST_EMPTY, _LARGEST_CROWD = 2560, 5120  # pixels of the longer side of the last view
_TURNS = (180, 90, 270, 45, 315, 135, 225)  # degrees counterclockwise
_LYING = 45.0  # degrees of tilt

# Evidence is the mesh network's log odds and, at a fixed rate, the detector's probability; where the sum leaves doubt,
# the mesh is looked at again, and counts less if it does not hold still.
_DETECTOR_RATE = 30.0
_SURELY_NOT, _SURELY = 18.0, 34.0
_UNSTEADY_RATE, _STEADY = 5.0, 2.0
_CLEAR = 14.0  # log odds; on most faces they are above 20
_EVIDENCE_MIDDLE, _EVIDENCE_SPREAD = 24.0, 2.9

_MARGIN = 1.5  # side of the mesh network's region over the face's
# SCRFD's points are best on upright faces of 80 to 250 pixels: at 30 they are off by another 1.5 % of the face.
_EXACT = 80.0, 250.0
_UPRIGHT = 20.0  # degrees
_CLOSER_SIZE, _CLOSER_FACE = 320, 128  # pixels of the second look, and of the face in it
_NEAR, _SIMILAR = 0.25, 1.6  # how far from the middle of that, in sizes of the face, and how many times as large
_ASTRAY = 0.15  # of the face's size: points that far from the mesh's are not believed


class InsightAnalyser:
    """Finds faces with SCRFD, and with the embedded detector where that sees more; fits a mesh to each.

    Looks at several sizes (close-ups fill the view, tiny faces need it large), and turned by quarters and halves of
    them where faces lie or are tilted.
    """

    def __init__(self, session: Session, embedded: FaceAnalyser | None = None) -> None:
        """``session``: SCRFD with nine outputs, its input of any size or fixed."""
        self._detector = Scrfd(session)
        self._mesh = FaceMesh()
        self._embedded = embedded

    def find(self, picture: NDArray[np.uint8], known: Sequence[Fitted] = ()) -> list[Face]:
        """As ``FaceAnalyser.find``; faces have ``keypoints``."""
        if min(picture.shape[:2]) < _SMALLEST_PICTURE:
            return []
        picture = np.ascontiguousarray(picture)
        found = self._add(picture, known, self._detector.detect(picture), [])
        found = self._add(picture, known, self._detector.detect(picture, _CLOSE), found)
        found = self._second_opinion(picture, known, found)
        found = self._search_larger(picture, known, found)
        if not found:
            found = self._add(picture, known, self._detector.detect(picture, _VERY_CLOSE), found)
        found = self._search_turned(picture, known, found)
        settled = (replace(one.face, mesh=self._mesh.settle(picture, one.face.mesh, known)) for one in found)
        return sorted(settled, key=reading_order)

    def look(self, picture: NDArray[np.uint8], known: Sequence[Fitted] = ()) -> list[Face]:
        """One quick look at the whole picture, for the frames of a video: what SCRFD sees at its own size.

        Where that is nothing, a look at half the size follows, for close-ups. Meshes are not settled; else as ``find``.
        """
        if min(picture.shape[:2]) < _SMALLEST_PICTURE:
            return []
        picture = np.ascontiguousarray(picture)
        found = self._add(picture, known, self._detector.detect(picture), [])
        if not found:
            found = self._add(picture, known, self._detector.detect(picture, _CLOSE), found)
        return sorted((one.face for one in found), key=reading_order)

    def _search_larger(self, picture: NDArray[np.uint8], known: Sequence[Fitted], found: list[Found]) -> list[Found]:
        """Look at larger and larger views, or tiles of them, as long as there may be smaller faces."""
        long_side, size = max(picture.shape[:2]), SCRFD_SIZE
        while _WORTHWHILE * size < long_side:
            size *= 2
            found = self._add(picture, known, self._tiled(picture, shrunk(picture, size)), found)
            smallest = min((one.side for one in found), default=0.0) * size / long_side
            if smallest > _CROWD or size >= (_LARGEST_CROWD if found else _LARGEST_EMPTY):
                break
        return found

    def _tiled(self, picture: NDArray[np.uint8], view: NDArray[np.uint8]) -> Iterator[Sighting]:
        """What the tiles of a view show, in pixels of the picture."""
        scale = np.array([picture.shape[1] / view.shape[1], picture.shape[0] / view.shape[0]])
        for rows, columns in tiles(view.shape[1], view.shape[0], self._detector.largest):
            start = np.array([columns.start, rows.start])
            matrix = np.column_stack([np.diag(scale), (start + 0.5) * scale - 0.5])
            tile = view[rows, columns]
            for sighting in self._detector.detect(tile, max(tile.shape[:2])):
                yield sighting.moved(matrix)

    def _search_turned(self, picture: NDArray[np.uint8], known: Sequence[Fitted], found: list[Found]) -> list[Found]:
        """Look at the picture turned: any way where nothing was found, else as the faces lie if none is upright."""
        view = shrunk(picture, SCRFD_SIZE)
        scale = max(picture.shape[:2]) / max(view.shape[:2])
        looked = {0}
        while turns := [turn for turn in _turns_of(found) if turn not in looked]:
            looked.add(turns[0])
            seen, back = turned(view, turns[0])
            back = np.column_stack([back[:, :2] * scale, (back[:, 2] + 0.5) * scale - 0.5])
            for size in (SCRFD_SIZE, _CLOSE):
                sightings = [one.moved(back) for one in self._detector.detect(seen, size)]
                found = self._add(picture, known, sightings, found)
        return found

    def _second_opinion(self, picture: NDArray[np.uint8], known: Sequence[Fitted], found: list[Found]) -> list[Found]:
        """Add what only the embedded detector sees."""
        for face in self._embedded.find(picture, known) if self._embedded else []:
            region = region_of_mesh(face.mesh)
            if covered(found, (region.x, region.y), region.side / _MARGIN):
                continue
            points = self._closer(picture, region)
            points = points_of_mesh(face.mesh) if points is None else points
            found = distinct([*found, Found(replace(face, keypoints=points), -math.inf, outline_of(face.mesh))])
        return found

    def _add(
        self,
        picture: NDArray[np.uint8],
        known: Sequence[Fitted],
        sightings: Iterable[Sighting],
        found: list[Found],
    ) -> list[Found]:
        """Add those that are faces, and new ones."""
        for sighting in sightings:
            x, y = sighting.centre.tolist()
            if covered(found, (x, y), sighting.side):
                continue
            mesh, evidence = self._judge(picture, known, sighting)
            score = 0.5 + 0.5 * math.tanh((evidence - _EVIDENCE_MIDDLE) / _EVIDENCE_SPREAD / 2)  # the logistic function
            if score < 0.5:
                continue
            face = Face(mesh, score, self._exact_points(picture, sighting, mesh))
            found = distinct([*found, Found(face, evidence, outline_of(mesh))])
        return found

    def _judge(
        self, picture: NDArray[np.uint8], known: Sequence[Fitted], sighting: Sighting
    ) -> tuple[NDArray[np.float32], float]:
        """The mesh of what may be a face, and how much there is to say for that."""
        region, told = _region(sighting), _DETECTOR_RATE * sighting.score
        mesh, presence = self._mesh.fit(picture, region, known)
        if presence < _CLEAR:  # SCRFD takes some that stand on their heads for upright ones
            others = (replace(region, angle=region.angle + turn * math.pi / 2) for turn in (1, 2, 3))
            fits = [(mesh, presence), *(self._mesh.fit(picture, one) for one in others)]
            mesh, presence = max(fits, key=lambda fit: fit[1])
        evidence = told + presence
        if _SURELY_NOT < evidence < _SURELY:
            evidence -= _UNSTEADY_RATE * (self._mesh.unsteadiness(picture, mesh) - _STEADY)
        return mesh, evidence

    def _exact_points(
        self, picture: NDArray[np.uint8], sighting: Sighting, mesh: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """The five points (5, 2) of a face: as it was sighted, as a second look shows them, or as the mesh has them."""
        region, told = region_of_mesh(mesh), points_of_mesh(mesh)
        apart = float(np.linalg.norm(sighting.points - told, axis=1).mean())
        believable = apart < _ASTRAY * region.side / _MARGIN
        upright = abs(math.degrees(region.angle)) <= _UPRIGHT
        if believable and upright and _EXACT[0] <= sighting.seen <= _EXACT[1]:
            return sighting.points
        points = self._closer(picture, region)
        if points is None:
            points = sighting.points if believable else told
        return points

    def _closer(self, picture: NDArray[np.uint8], region: Region) -> NDArray[np.float32] | None:
        """The five points of the face in the middle of a region as SCRFD sees it upright and alone, if it does."""
        side = region.side / _MARGIN
        place = Region(region.x, region.y, side * _CLOSER_SIZE / _CLOSER_FACE, region.angle)
        matrix = place.to_picture(_CLOSER_SIZE)
        crop = cut_square(picture, matrix, _CLOSER_SIZE, border=cv2.BORDER_CONSTANT)
        middle = _CLOSER_SIZE / 2 - 0.5
        near = [
            (apart, sighting)
            for sighting in self._detector.detect(crop, _CLOSER_SIZE)
            if (apart := math.hypot(*(sighting.centre - middle))) < _NEAR * _CLOSER_FACE
            and 1 / _SIMILAR < sighting.side / _CLOSER_FACE < _SIMILAR
        ]
        return min(near, key=lambda one: one[0])[1].moved(matrix).points if near else None


def _region(sighting: Sighting) -> Region:
    """Where the mesh network should look for a face that SCRFD sees; the five points give the tilt."""
    matrix = arcface_matrix(sighting.points)
    x, y = sighting.centre.tolist()
    return Region(x, y, _MARGIN * sighting.side, -math.atan2(matrix[1, 0], matrix[0, 0]))


def _turns_of(found: Sequence[Found]) -> list[int]:
    """Degrees by which the picture should be turned counterclockwise to see more."""
    if not found:
        return list(_TURNS)
    if any(abs(one.face.roll) <= _LYING for one in found):
        return []
    return sorted({round(one.face.roll / 45) * 45 % 360 for one in found})
