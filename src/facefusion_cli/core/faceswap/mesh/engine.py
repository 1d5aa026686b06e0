"""The mesh engine: source and target meshes in, a patch for the target out.

One swap, in order: draw the target's mesh with some of the source's proportions; map every pixel back to the source and
to its mirror image; blend the two by how well each shows what the target would show; match colours and light; decide
where the result may show. All but the final sampling happens on a grid of at most 256 pixels, so that the cost hardly
grows with the face.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli.core.faces.grid import Grid
from facefusion_cli.core.faces.surface import closed_triangles, vertex_normals, with_ring
from facefusion_cli.core.faces.warp import paint_triangles, sample, spread
from facefusion_cli.core.faceswap.lab import from_lab, to_lab, without_colour
from facefusion_cli.core.faceswap.mesh.colour import detail_gain, greyness, match_mean, relight
from facefusion_cli.core.faceswap.mesh.features import inner_features, mouth_open, mouth_openness
from facefusion_cli.core.faceswap.mesh.glasses import frame_contrast, glasses_share, hide_ends, wears_glasses
from facefusion_cli.core.faceswap.mesh.mask import face_alpha, mouth_area
from facefusion_cli.core.faceswap.mesh.reliability import (
    mirrored_with_ring,
    per_ring_vertex,
    share_of_mirror,
    visibility,
)
from facefusion_cli.core.faceswap.mesh.shape import MOUTH_MIX, mix_shapes
from facefusion_cli.core.faceswap.mesh.skin import skin_maps
from facefusion_cli.core.faceswap.mesh.source import RING_SCALE, MeshIdentity
from facefusion_cli.core.media.patch import Patch
from facefusion_cli.errors import NoFaceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli.core.faces.face import Face
    from facefusion_cli.core.faceswap.engine import Source, SwapSettings, Task
    from facefusion_cli.core.media.bounds import Bounds

__all__ = ["MeshSwapper"]


_MARGIN = 0.03
"""Widths of the face around its mesh that are worked on too."""


@dataclass(frozen=True, slots=True, eq=False)
class _Warp:
    """Where each pixel of the grid comes from in the source, and how reliable that is."""

    direct: NDArray[np.float32]
    """(h, w, 2) x, y in the source's crop."""
    mirrored: NDArray[np.float32]
    """(h, w, 2) the place of its mirror image."""
    share: NDArray[np.float32]
    """(h, w) how much of the mirror image to take."""
    reliable: NDArray[np.float32]
    """(h, w) how far to trust the blend of the two."""


class MeshSwapper:
    """A classical swap without any generative network: quick, honest, of basic quality.

    Hair and outline stay the target's; so do its expression and most of its head's shape.
    """

    name = "mesh"

    def __init__(self, settings: SwapSettings) -> None:
        self._strength = settings.strength
        self._keep_mouth = settings.keep_mouth
        asked_for_boost = settings.boost > 1
        self.notes = ("the mesh engine has no pixel boost: it works at the picture's own size.",) * asked_for_boost

    def prepare(self, sources: Sequence[Source]) -> MeshIdentity:
        """Take from the source picture all that ``swap`` will need, once.

        Raises:
            UsageError: there are several.
        """
        if len(sources) != 1:
            raise UsageError(
                "the mesh engine takes one picture of a person, not several.",
                hint="Choose --engine inswapper, which makes one face of all of them.",
            )
        return MeshIdentity.take(sources[0].picture, sources[0].face)

    def bounds(self, face: Face) -> Bounds:
        """See ``FaceSwapper``."""
        left, top, right, bottom = face.box
        more = 2 + 2 * _MARGIN * face.size
        return left - more, top - more, right + more, bottom + more

    def swap(self, tasks: Sequence[Task[MeshIdentity]]) -> list[Patch | None]:
        """New pixels for each face, None for one that lies outside its picture."""
        return [self._swap(task.picture, task.face, task.identity) for task in tasks]

    def _swap(self, picture: NDArray[np.uint8], face: Face, identity: MeshIdentity) -> Patch | None:
        height, width = picture.shape[:2]
        try:
            grid = Grid.around(face.mesh[:468, :2], (width, height), _MARGIN * face.size)
        except NoFaceError:
            return None
        face_size = face.size * grid.scale
        points = grid.points(face.mesh[:, :2])
        facing = vertex_normals(face.mesh)[:, 2]
        warp = _warp(grid, face.mesh, facing, identity, face_size)

        small = grid.reduce(picture)
        target = to_lab(small)
        skin = skin_maps(target, points, facing, face_size)
        alpha, shape = face_alpha(grid.size, points, face_size, skin, warp.reliable, face.mesh, identity)
        if self._keep_mouth:
            alpha = alpha * (1 - mouth_area(grid.size, points, face_size))
        plain = 1 - inner_features(grid.size, points, face_size)
        weight = _light_weight(plain * (shape > 0.01), skin[1], warp.reliable)

        coarse, coarse_scale = identity.at(face.size * grid.scale, 0.9)
        direct = to_lab(sample(coarse, warp.direct, cv2.INTER_LINEAR, coarse_scale))
        mirrored = to_lab(sample(coarse, warp.mirrored, cv2.INTER_LINEAR, coarse_scale))
        matched = match_mean(mirrored, direct, weight * (1 - warp.share))
        blended = direct + warp.share[..., None] * (matched - direct)
        change = from_lab(relight(blended, target, plain, weight, face_size)) - from_lab(blended)

        fine, fine_scale = identity.at(face.size, 1 / 1.4)
        colour = sample(fine, grid.enlarge(warp.direct), cv2.INTER_CUBIC, fine_scale).astype(np.float32)
        if float(warp.share.max()) > 0.02:
            other = sample(fine, grid.enlarge(warp.mirrored), cv2.INTER_CUBIC, fine_scale).astype(np.float32)
            other += grid.enlarge(from_lab(matched) - from_lab(mirrored))
            colour += grid.enlarge(warp.share)[..., None] * (other - colour)
        colour += grid.enlarge(change)
        colour = detail_gain(colour, grid.crop(picture), grid.enlarge(weight), face.size)
        grey = greyness(small)
        if grey > 0:
            colour += np.float32(grey) * (without_colour(colour) - colour)
        np.clip(colour, 0, 255, out=colour)
        alpha = np.clip(grid.enlarge(alpha), 0, 1)
        notes = []
        contrast = frame_contrast(target, points, face_size)
        ends = 0.0 if identity.glasses else glasses_share(contrast)
        if ends > 0:
            painted, cover = hide_ends(small, target, points, face_size)
            cover *= np.float32(ends)
            colour, alpha = _over(colour, alpha, grid.enlarge(painted), grid.enlarge(cover))
        if wears_glasses(contrast) and not identity.glasses:
            notes.append("the target seems to wear glasses: traces of them may show beside the new face.")
        alpha *= np.float32(self._strength)
        alpha[alpha < 1 / 255] = 0
        return Patch(grid.x, grid.y, colour, alpha, tuple(notes))


def _over(
    colour: NDArray[np.float32], alpha: NDArray[np.float32], under: NDArray[np.float32], cover: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One layer of colour and alpha instead of two, ``under`` below ``colour``."""
    rest = (1 - alpha) * cover
    total = np.minimum(alpha + rest, np.float32(1))
    share = (rest / np.maximum(total, np.float32(1e-6)))[..., None]
    return colour + share * (under - colour), total


def _light_weight(
    plain: NDArray[np.float32], skin: NDArray[np.float32], reliable: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(h, w) where to compare the light on both faces.

    Where nothing is surely skin the likeliest has to do: its light is nearer the truth than the face's average.
    """
    return (plain * (0.05 + 0.95 * skin * (0.4 + 0.6 * reliable))).astype(np.float32)


def _warp(
    grid: Grid,
    target: NDArray[np.float32],
    facing: NDArray[np.float32],
    identity: MeshIdentity,
    face_size: float,
) -> _Warp:
    # A shut mouth keeps its own proportions: a gap would show a line of teeth.
    mouth_mix = MOUTH_MIX * mouth_open(mouth_openness(target))
    drawn = with_ring(mix_shapes(target, identity.mesh, mouth_mix), RING_SCALE)
    points, triangles = grid.points(drawn[:, :2]), closed_triangles()
    ids = paint_triangles(points, drawn[:, 2], triangles, grid.size)
    source = with_ring(identity.mesh, RING_SCALE)[:, :2]
    mirror = mirrored_with_ring()
    seen = np.stack([visibility(identity.facing, facing), visibility(identity.facing[mirror[:468]], facing)], axis=1)
    fields = spread(ids, points, np.hstack([source, source[mirror], per_ring_vertex(seen)]), triangles)
    direct, mirrored = np.ascontiguousarray(fields[..., :2]), np.ascontiguousarray(fields[..., 2:4])
    trust = [
        np.clip(fields[..., 4 + k], 0, 1) * sample(identity.trust, places, cv2.INTER_LINEAR, identity.trust_scale)
        for k, places in enumerate((direct, mirrored))
    ]
    share = share_of_mirror(trust[0], trust[1], face_size)
    return _Warp(direct, mirrored, share, trust[0] + share * (trust[1] - trust[0]))
