"""Moving the mouth of a face: one picture and its mesh in, new pixels out.

Two maps are made on a small grid: one follows the upper lip, the other the lower lip and the jaw. Away from the lips
they agree. Between the lips comes what ``interior.py`` makes up, or the mouth's own inside where that can be seen,
which hangs from the upper lip as teeth do.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.grid import Grid
from facefusion_cli.core.faces.ramp import smoothstep
from facefusion_cli.core.faces.surface import MESH_POINTS, closed_triangles, with_ring
from facefusion_cli.core.faces.topology import OUTER_LIPS
from facefusion_cli.core.faces.warp import paint_triangles, sample
from facefusion_cli.core.faces.warp import spread as spread_over
from facefusion_cli.core.lipsync.mouth.light import Light
from facefusion_cli.core.lipsync.mouth.lips import draw_lips, gap_between, skin_below
from facefusion_cli.core.lipsync.mouth.shape import RING_SCALE, Motion, Mouth, move
from facefusion_cli.core.media.patch import Patch
from facefusion_cli.errors import NoFaceError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face

__all__ = ["move_mouth"]

_ALL = slice(None), slice(None)
_STILL = 1e-3
"""Widths of the mouth by which something has to go to be worth a patch."""
_UNMOVED, _MOVED = 0.04, 0.5
"""Pixels by which something has to go to be drawn anew at all, and wholly."""
_NOSE_RAMP = 0.08
"""Widths of the mouth, down from the tip of the nose, within which new pixels begin to show."""
_RIM = 0.25
"""Widths of the mouth within the ring where all motion ends."""
_THIN = 0.5
"""Height in pixels of the grid below which a triangle is left to its neighbours: between lips that touch, a field would
run out of it at a steep slope."""
_SMOOTH = 1.0
"""Sigma in pixels of the grid that rounds the creases between triangles."""


def move_mouth(picture: NDArray[np.uint8], face: Face, opening: float, spread: float, weight: float) -> Patch | None:
    """Move the mouth of a face from what it is to what it is wanted to be.

    Args:
        picture: (H, W, 3) BGR, sRGB.
        face: whose mouth; its mesh has to fit well.
        opening: 0 closed to 1, absolute: the gap between the lips is to be 0.62 mouth widths times this. What is wider
            than speech looks is limited.
        spread: -1 round to 1 spread; 0 leaves the width of the mouth.
        weight: 0 to 1, how far to go.

    Returns:
        New pixels, alpha 0 wherever nothing moves and everywhere above the tip of the nose; None if nothing moves or
        the mouth is outside the picture.
    """
    if weight <= 0:
        return None
    light = Light.of(picture, face.mesh)
    mouth = Mouth.of(face.mesh, light.teeth)
    motion = move(face.mesh, mouth, opening, spread, weight)
    if motion.change < _STILL and mouth.gap <= 0:
        return None
    target = mouth.in_picture(motion.target)
    try:
        grid = _grid(target, motion, picture)
        upper, lower = _fields(grid, face.mesh, target, mouth, motion)
    except NoFaceError:
        return None
    alpha = grid.enlarge(_moved_alpha(grid, face.mesh, mouth, upper, lower))
    crop = grid.crop(picture)
    colour = sample(crop, _places(grid, lower, _ALL), cv2.INTER_CUBIC)
    box = _box(grid, target, _squared(upper - lower) > _UNMOVED**2)
    if box is not None:
        lips = sample(crop, _places(grid, upper, box), cv2.INTER_CUBIC)
        y, x = np.mgrid[box].astype(np.float32)
        gap = gap_between(
            mouth.along_grid(x + np.float32(grid.x), y + np.float32(grid.y)), face.mesh, mouth, motion, weight
        )
        draw_lips(colour[box], alpha[box], lips, skin_below(crop, box, mouth), gap, light)
    alpha[alpha < 1 / 255] = 0
    return Patch(grid.x, grid.y, colour, alpha)


def _grid(target: NDArray[np.float64], motion: Motion, picture: NDArray[np.uint8]) -> Grid:
    """The grid over all that moves; NoFaceError if that is outside the picture."""
    moved = (np.abs(motion.upper) + np.abs(motion.lower)).max(axis=1) > 1e-6
    moved[list(OUTER_LIPS)] = True
    touched = closed_triangles()[moved[closed_triangles()].any(axis=1)]
    corners = target[np.unique(touched)].astype(np.float32)
    return Grid.around(corners, (picture.shape[1], picture.shape[0]), 2.0)


def _fields(
    grid: Grid, mesh: NDArray[np.float32], target: NDArray[np.float64], mouth: Mouth, motion: Motion
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Two (rows, columns, 2) fields: by how many pixels of the picture to look elsewhere, for each of the lips.

    Raises:
        NoFaceError: nothing of what moves lies on the grid.
    """
    points = grid.points(target.astype(np.float32))
    triangles = closed_triangles()
    low, high = points[triangles].min(axis=1), points[triangles].max(axis=1)
    drawn = ((high > -1) & (low < grid.size)).all(axis=1) & (_heights(points[triangles]) > _THIN)
    if not drawn.any():
        raise NoFaceError("the mouth lies outside the picture.")
    triangles = triangles[drawn]
    ids = paint_triangles(points, with_ring(mesh, RING_SCALE)[:, 2], triangles, grid.size)
    shifts = np.hstack([mouth.shifts(motion.upper), mouth.shifts(motion.lower)]).astype(np.float32)
    fields = spread_over(ids, points, shifts, triangles, smooth=_SMOOTH)
    # In profile nose and lips reach beyond the ring.
    inside = np.zeros(ids.shape, np.uint8)
    cv2.fillPoly(inside, [np.rint(points[MESH_POINTS:] * 16).astype(np.int32)], 1, shift=4)
    rim = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_5)
    fields *= smoothstep(rim.astype(np.float32, copy=False), 0.0, _RIM * mouth.width * grid.scale)[..., None]
    return np.ascontiguousarray(fields[..., :2]), np.ascontiguousarray(fields[..., 2:])


def _heights(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """(T,) smallest heights of triangles (T, 3, 2)."""
    sides = np.roll(corners, -1, axis=1) - corners
    area = np.abs(sides[:, 0, 0] * sides[:, 1, 1] - sides[:, 0, 1] * sides[:, 1, 0])
    heights: NDArray[np.float32] = area / np.maximum(np.hypot(sides[..., 0], sides[..., 1]).max(axis=1), 1e-6)
    return heights


def _moved_alpha(
    grid: Grid, mesh: NDArray[np.float32], mouth: Mouth, upper: NDArray[np.float32], lower: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(rows, columns) 1 where something moves, fading to 0 where nothing does and at the tip of the nose."""
    way = np.sqrt(np.maximum(_squared(upper), _squared(lower)))
    x = (np.arange(grid.columns, dtype=np.float32) + np.float32(0.5)) * np.float32(grid.width / grid.columns)
    y = (np.arange(grid.rows, dtype=np.float32) + np.float32(0.5)) * np.float32(grid.height / grid.rows)
    down = mouth.along_grid(x[None] + np.float32(grid.x - 0.5), y[:, None] + np.float32(grid.y - 0.5))[..., 1]
    # Enlarging takes from the next pixel of the grid.
    tip = float(mouth.along(mesh[4, :2])[1]) + 2 / (grid.scale * mouth.width)
    return smoothstep(way, _UNMOVED, _MOVED) * smoothstep(down, tip, tip + _NOSE_RAMP)


def _squared(field: NDArray[np.float32]) -> NDArray[np.float32]:
    return field[..., 0] * field[..., 0] + field[..., 1] * field[..., 1]


def _places(grid: Grid, field: NDArray[np.float32], box: tuple[slice, slice]) -> NDArray[np.float32]:
    """(h, w, 2) where in the grid's crop of the picture to look for the pixels of a rectangle of it."""
    places = grid.enlarge(field)[box].copy()
    rows, columns = (range(*part.indices(end)) for part, end in zip(box, (grid.height, grid.width), strict=True))
    places[..., 0] += np.array(columns, np.float32)
    places[..., 1] += np.array(rows, np.float32)[:, None]
    return places


def _box(grid: Grid, target: NDArray[np.float64], mask: NDArray[np.bool_]) -> tuple[slice, slice] | None:
    """The rectangle of the crop that holds the lips and all of a (rows, columns) mask; None if they are elsewhere."""
    lips = grid.points(target[list(OUTER_LIPS)].astype(np.float32))
    spans = []
    for axis, length, count in ((1, grid.height, grid.rows), (0, grid.width, grid.columns)):
        places = np.concatenate([np.flatnonzero(mask.any(axis=axis)), lips[:, axis]])
        factor = length / count
        first, last = math.floor((places.min() - 1) * factor), math.ceil((places.max() + 2) * factor)
        spans.append(slice(max(0, first), min(length, last)))
    rows, columns = spans
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None
