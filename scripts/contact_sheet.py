"""Make the pictures in docs/images with the embedded engine, from two public-domain portraits.

Usage: .venv/bin/python scripts/contact_sheet.py

swap.jpg shows source, target and result both ways. contact-sheet.jpg sets sources (left) against targets (top): the
portraits as they are, and versions of them with darker and lighter skin, made here since the engine must work for all,
and in black and white. Look at both whenever the engine changes.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from facefusion_cli import find_faces, swap_faces
from facefusion_cli.core.faces.surface import vertex_normals
from facefusion_cli.core.faces.topology import INNER_LIPS, LEFT_EYE, OVAL, RIGHT_EYE
from facefusion_cli.core.faceswap.lab import from_lab, to_lab
from facefusion_cli.core.faceswap.mesh.features import fill
from facefusion_cli.core.faceswap.mesh.skin import skin_maps
from facefusion_cli.core.media.images import read_picture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from facefusion_cli import Face

    Pixels = NDArray[np.uint8]

IMAGES = Path(__file__).resolve().parent.parent / "docs" / "images"


def main() -> None:
    """Write both pictures."""
    collins = _packaged("skimage", "data", "astronaut.png")
    hopper = _packaged("matplotlib", "mpl-data", "sample_data", "grace_hopper.jpg")
    pairs = [
        [_portrait(source, 300), _portrait(target, 300), _portrait(_swapped(source, target), 300)]
        for source, target in ((collins, hopper), (hopper, collins))
    ]
    _write(IMAGES / "swap.jpg", pairs)

    sources = [collins, hopper, _skin(collins, 0.45, 1.2), _skin(hopper, 0.6, 1.1), _grey(collins)]
    targets = [collins, hopper, _skin(collins, 0.45, 1.2), _skin(hopper, 0.6, 1.1), _skin(hopper, 1.12, 0.8)]
    targets += [_grey(hopper), _turned(collins)]
    rows = [[np.full((180, 180, 3), 255, np.uint8), *(_portrait(target, 180) for target in targets)]]
    for source in sources:
        swaps = (_portrait(_swapped(source, target), 180, target) for target in targets)
        rows.append([_portrait(source, 180), *swaps])
    _write(IMAGES / "contact-sheet.jpg", rows)


def _packaged(package: str, *parts: str) -> Pixels:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"error: the portraits need the package {package}: pip install {package}")
    return read_picture(Path(spec.origin).parent.joinpath(*parts)).bgr


def _face(picture: Pixels) -> Face:
    (face,) = find_faces(picture)
    return face


def _swapped(source: Pixels, target: Pixels) -> Pixels:
    image = swap_faces(source, target).image
    assert image is not None
    return image


def _skin(picture: Pixels, lightness: float, chroma: float) -> Pixels:
    """The person with another skin: L* and a*, b* of the face but eyes and teeth, and of neck and ears, multiplied."""
    face, lab = _face(picture), to_lab(picture)
    points, size = face.mesh[:, :2], (picture.shape[1], picture.shape[0])
    soft = 0.02 * face.size
    strict, _ = skin_maps(lab, points, vertex_normals(face.mesh)[:, 2], face.size)
    near = np.arange(size[1])[:, None] > points[8, 1]
    near = near & (np.abs(np.arange(size[0]) - points[152, 0]) < 0.62 * face.size)
    inside = fill(size, points, [OVAL], soft=soft)
    low_forehead = np.clip((np.arange(size[1])[:, None] - points[10, 1]) / (points[8, 1] - points[10, 1]), 0, 1)
    skin = np.maximum(strict * near, inside * np.maximum(strict, low_forehead > 0.7))
    skin = cv2.GaussianBlur(skin.astype(np.float32), (0, 0), soft)
    skin *= 1 - fill(size, points, [LEFT_EYE, RIGHT_EYE, INNER_LIPS], soft=0.3 * soft)
    changed = lab * np.array([lightness, chroma, chroma], np.float32)
    return np.rint(from_lab((lab + skin[..., None] * (changed - lab)).astype(np.float32))).astype(np.uint8)


def _grey(picture: Pixels) -> Pixels:
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.uint8)


def _turned(picture: Pixels) -> Pixels:
    """Lying on the side."""
    return cv2.rotate(picture, cv2.ROTATE_90_CLOCKWISE).astype(np.uint8)


def _portrait(picture: Pixels, side: int, like: Pixels | None = None) -> Pixels:
    """A square around the face that is in ``like``, or else in the picture."""
    face = _face(picture if like is None else like)
    x, y = face.mesh[:468, :2].mean(axis=0)
    scale = side / (2.2 * face.size)
    matrix = np.array([[scale, 0, side / 2 - scale * x], [0, scale, side / 2 - scale * y]])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(picture, matrix, (side, side), flags=how, borderMode=cv2.BORDER_REPLICATE).astype(np.uint8)


def _write(path: Path, rows: Sequence[Sequence[Pixels]]) -> None:
    sheet = np.vstack(
        [
            np.hstack([cv2.copyMakeBorder(p, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for p in row])
            for row in rows
        ]
    )
    if not cv2.imwrite(str(path), sheet, [cv2.IMWRITE_JPEG_QUALITY, 88]):
        raise SystemExit(f"error: {path} could not be written")


if __name__ == "__main__":
    main()
