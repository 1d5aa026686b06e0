"""The 478-point face mesh: where to look, cutting that out, and reading the network's answer.

The network is MediaPipe's face mesh with attention: 468 points of the surface, refined around the eyes and lips, and
two irises of five points. It wants an upright face in the middle of a 192-pixel square with a quarter of its size
around it; see "Attention Mesh: High-fidelity Face Mesh Prediction in Real-time" (arXiv 2006.10962).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from facefusion_cli.core.faces.topology import topology
from facefusion_cli.core.faces.warped import cut_square
from facefusion_cli.core.inference.onnx_runtime import open_embedded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.blazeface import Detection
    from facefusion_cli.core.inference.session import Session

__all__ = ["CROP_SIZE", "FaceMesh", "Fitted", "Region", "cut", "region_of_detection", "region_of_mesh"]

CROP_SIZE = 192
"""Side of the network's input in pixels."""
_MARGIN = 1.5  # side of the region over the face's longer side, as the network was trained
_MOST_LOOKS = 4  # the third takes a quarter off the jitter that the second leaves, a fifth would take nothing
_STILL = 0.01  # of the region's side, and in radians
_MOST_SETTLING_LOOKS = 6
_SETTLED = 5e-4  # mean distance of the points over the region's side, about 0.1 % of the eyes' distance
_KNOWN = 0.02  # of the region's side: that near to a known mesh the first look is off by 0.003, and by 0.006 at most
_HOPELESS = -5.0  # log odds that looking again does not mend


@dataclass(frozen=True, slots=True)
class Region:
    """A tilted square in a picture; pixels, pixel centres at integers."""

    x: float
    y: float
    side: float
    angle: float
    """Radians by which the face in it is turned clockwise."""

    def to_picture(self, size: int = CROP_SIZE) -> NDArray[np.float64]:
        """(2, 3) affine map from pixels of a crop of ``size`` pixels to pixels of the picture."""
        scale = self.side / size
        cos, sin = scale * math.cos(self.angle), scale * math.sin(self.angle)
        middle = size / 2 - 0.5
        return np.array(
            [[cos, -sin, self.x - (cos - sin) * middle], [sin, cos, self.y - (sin + cos) * middle]], np.float64
        )


def region_of_detection(detection: Detection) -> Region:
    """Where the mesh network should look for a detected face; the eyes give the tilt."""
    (x1, y1), (x2, y2) = detection.keypoints[:2].tolist()
    x, y = detection.centre
    return Region(x, y, _MARGIN * detection.side, math.atan2(y2 - y1, x2 - x1))


def region_of_mesh(mesh: NDArray[np.float32]) -> Region:
    """Where it should look for a face whose (478, 3) mesh is about known; the outer eye corners give the tilt."""
    points = mesh[:, :2].astype(np.float64)
    dx, dy = points[263] - points[33]
    angle = math.atan2(dy, dx)
    axes = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])  # rows: right, down
    upright = points @ axes.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    x, y = (low + high) / 2 @ axes
    return Region(float(x), float(y), _MARGIN * float((high - low).max()), angle)


def cut(picture: NDArray[np.uint8], region: Region) -> NDArray[np.uint8]:
    """The region as a (CROP_SIZE, CROP_SIZE, 3) upright picture; beyond the picture its border goes on."""
    return cut_square(picture, region.to_picture(), CROP_SIZE, border=cv2.BORDER_REPLICATE)


class Fitted(NamedTuple):
    """What the network says of a region."""

    mesh: NDArray[np.float32]
    """(478, 3) in pixels of the picture; z in the same unit, smaller is nearer."""
    presence: float
    """The logarithm of the odds that it lies on a face: below 0 it hardly does, on a sharp frontal face it is above
    20."""


class FaceMesh:
    """The mesh network with its pre- and postprocessing."""

    def __init__(self, session: Session | None = None) -> None:
        self._session = session or open_embedded("face_mesh.onnx")

    def look(self, picture: NDArray[np.uint8], region: Region) -> Fitted:
        """Fit the mesh to the face in a region of a (H, W, 3) BGR picture, whether there is one or not."""
        landmarks, presence = self._run(cut(picture, region))
        matrix = region.to_picture()
        mesh = np.empty_like(landmarks)
        mesh[:, :2] = landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        mesh[:, 2] = landmarks[:, 2] * (region.side / CROP_SIZE)
        return Fitted(mesh, presence)

    def fit(self, picture: NDArray[np.uint8], region: Region, known: Sequence[Fitted] = ()) -> Fitted:
        """Look again and again, each time where the last mesh lies, until that stays.

        Takes out nearly all of what the first region was off, a tilt by 45 degrees included. What is surely no face is
        given up early. Where the first look comes upon one of ``known``, fitted to this picture, that is the answer.
        """
        fitted = self.look(picture, region)
        for one in known:
            if _apart(fitted.mesh, one.mesh) < _KNOWN * region.side:
                return one
        for _ in range(_MOST_LOOKS - 1):
            following = region_of_mesh(fitted.mesh)
            if fitted.presence < _HOPELESS or _still(region, following):
                break
            region = following
            fitted = self.look(picture, region)
        return fitted

    def settle(
        self, picture: NDArray[np.uint8], mesh: NDArray[np.float32], known: Sequence[Fitted] = ()
    ) -> NDArray[np.float32]:
        """A fitted (478, 3) mesh where it comes to rest, so that it hardly depends on where the search began.

        That of one of ``known`` stays as it is.
        """
        if any(mesh is one.mesh for one in known):
            return mesh
        for _ in range(_MOST_SETTLING_LOOKS):
            region = region_of_mesh(mesh)
            following, _ = self.look(picture, region)
            moved = _apart(following, mesh)
            mesh = following
            if moved < _SETTLED * region.side:
                break
        return mesh

    def unsteadiness(self, picture: NDArray[np.uint8], mesh: NDArray[np.float32]) -> float:
        """How far the points of a fitted mesh move when looked at again, straight and in a mirror.

        Mean distances in percent of the region's side, added up. Faces hold still (0.5 to 1, profiles up to 2), while
        what only resembles one is seen differently each time.
        """
        region = region_of_mesh(mesh)
        matrix = region.to_picture()
        crop = cut(picture, region)
        straight, _ = self._run(crop)
        mirrored, _ = self._run(crop[:, ::-1])
        mirrored = mirrored[topology().flip]
        mirrored[:, 0] = CROP_SIZE - mirrored[:, 0]
        before = (mesh[:, :2] - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T
        moved = np.linalg.norm(straight[:, :2] - before, axis=1).mean()
        differing = np.linalg.norm(straight[:, :2] - mirrored[:, :2], axis=1).mean()
        return float(moved + differing) / CROP_SIZE * 100

    def _run(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        """The network's answer for a crop, in pixels of the crop."""
        tensor = cv2.cvtColor(np.ascontiguousarray(crop), cv2.COLOR_BGR2RGB).astype(np.float32) / 255.0
        feed = {"input": np.ascontiguousarray(tensor.transpose(2, 0, 1))[None]}
        landmarks, presence = self._session.run(["landmarks", "presence"], feed)
        return landmarks, float(presence.item())


def _apart(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Mean distance of the points of two meshes."""
    return float(np.linalg.norm(one[:, :2] - other[:, :2], axis=1).mean())


def _still(before: Region, after: Region) -> bool:
    """Whether two regions are as good as the same."""
    turn = math.remainder(after.angle - before.angle, math.tau)
    shift = math.hypot(after.x - before.x, after.y - before.y)
    return max(shift, abs(after.side - before.side)) < _STILL * before.side and abs(turn) < _STILL
