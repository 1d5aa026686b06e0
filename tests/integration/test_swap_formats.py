"""A swap from file to file: what the target's file is, the result's file is too."""

from __future__ import annotations

import base64
import functools
import io
import struct
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from facefusion_cli import find_faces, swap_faces
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.tiff import encode_tiff

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.images import Picture

DISPLAY_P3 = base64.b64decode(
    "AAACEAAAAAAEAAAAbW50clJHQiBYWVogB+QAAQABAAAAAAAAYWNzcAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAPbWAAEAAAAA0y0AAAAA"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAJZGVzYwAAAPAAAABgY3BydAAAAVAAAAAQd3RwdAAAAWAAAAAU"
    "clhZWgAAAXQAAAAUZ1hZWgAAAYgAAAAUYlhZWgAAAZwAAAAUclRSQwAAAbAAAAAgZ1RSQwAAAdAAAAAgYlRSQwAAAfAAAAAgZGVzYwAAAAAAAAAF"
    "dGVzdAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "dGV4dAAAAABub25lAAAAAFhZWiAAAAAAAAD21gABAAAAANMtWFlaIAAAAAAAAIPfAAA9v////7tYWVogAAAAAAAASr8AALE3AAAKuVhZWiAAAAAA"
    "AAAoOAAAEQsAAMi5cGFyYQAAAAAAAwAAAAJmZgAA8qcAAA1ZAAAT0AAACltwYXJhAAAAAAADAAAAAmZmAADypwAADVkAABPQAAAKW3BhcmEAAAAA"
    "AAMAAAACZmYAAPKnAAANWQAAE9AAAApb"
)


def portrait(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def deep(rgb: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Not only multiples of 257, so that going through 8 bits would show."""
    noise = np.random.default_rng(4).integers(0, 256, rgb.shape, dtype=np.uint16)
    return rgb.astype(np.uint16) * 256 + noise


def alpha_png(rgb: NDArray[np.uint8], path: Path) -> None:
    opacity = np.tile(np.linspace(0, 255, rgb.shape[1]).astype(np.uint8), (rgb.shape[0], 1))
    Image.fromarray(np.dstack([rgb, opacity])).save(path)


def deep_png(rgb: NDArray[np.uint8], path: Path) -> None:
    cv2.imwrite(str(path), deep(rgb)[..., ::-1])


def deep_tiff(rgb: NDArray[np.uint8], path: Path) -> None:
    path.write_bytes(encode_tiff(deep(rgb), alpha=False))


def wide_png(rgb: NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(rgb).save(path, icc_profile=DISPLAY_P3)


def cmyk_jpeg(rgb: NDArray[np.uint8], path: Path) -> None:
    Image.fromarray(rgb).convert("CMYK").save(path, quality=95)


FILES: list[tuple[str, Callable[[NDArray[np.uint8], Path], None]]] = [
    ("alpha.png", alpha_png),
    ("deep.png", deep_png),
    ("deep.tif", deep_tiff),
    ("wide.png", wide_png),
    ("cmyk.jpg", cmyk_jpeg),
]


def difference(before: Picture, after: Picture) -> NDArray[np.float64]:
    """(H, W): the largest of the channels, as a share of the whole range."""
    assert before.pixels.dtype == after.pixels.dtype
    assert before.pixels.shape == after.pixels.shape
    distance = np.abs(before.pixels.astype(np.float64) - after.pixels).max(axis=2)
    share: NDArray[np.float64] = distance / np.iinfo(before.pixels.dtype).max
    return share


def face_of(picture: Picture) -> NDArray[np.bool_]:
    """(H, W): the hull of the face, and the pixels next to it."""
    (face,) = find_faces(picture.bgr)
    hull = cv2.convexHull(np.rint(face.mesh[:468, :2]).astype(np.int32))
    filled = cv2.fillPoly(np.zeros(picture.bgr.shape[:2], np.uint8), [hull], 1)
    return np.asarray(cv2.dilate(filled, np.ones((5, 5), np.uint8)) > 0)


@pytest.mark.parametrize(("name", "make"), FILES, ids=[name for name, _ in FILES])
def test_b17_b18_b20_b25_the_kind_of_file_is_kept(
    name: str, make: Callable[[NDArray[np.uint8], Path], None], astronaut: Path, hopper: Path, tmp_path: Path
) -> None:
    target, output = tmp_path / name, tmp_path / f"out_{name}"
    make(portrait(astronaut), target)
    swap_faces(hopper, target, output)
    before, after = read_picture(target), read_picture(output)
    assert (after.format, after.mode, after.icc) == (before.format, before.mode, before.icc)
    if name.startswith("wide"):
        assert after.icc == DISPLAY_P3
        assert after.profile is not None
    if name.startswith("alpha"):
        assert before.alpha is not None
        assert after.alpha is not None
        assert np.array_equal(before.alpha, after.alpha)
    if name.startswith("deep"):
        assert after.pixels.dtype == np.uint16
    changes, face = difference(before, after), face_of(before)
    assert (changes[face] > 0.02).mean() > 0.4
    if name.startswith("cmyk"):
        assert after.pixels.shape[2] == 4
        assert changes[~face].mean() < 0.01  # JPEG
    else:
        assert not changes[~face].any()


def camera_picture(rgb: NDArray[np.uint8], path: Path) -> None:
    """Lying on its side, as a phone stores it, with its place and a small rendering of the face."""
    exif = Image.Exif()
    exif[271], exif[274] = "Maker", 6
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (48.0, 51.0, 30.0)})
    small = io.BytesIO()
    Image.fromarray(rgb).resize((64, 64)).save(small, "JPEG")
    data = with_thumbnail(exif.tobytes(), small.getvalue())
    Image.fromarray(np.ascontiguousarray(np.rot90(rgb))).save(path, quality=95, exif=data)


def with_thumbnail(exif: bytes, jpeg: bytes) -> bytes:
    """Append a second directory that points to ``jpeg``, which Pillow does not write; the byte order is its own."""
    body = bytearray(exif.removeprefix(b"Exif\0\0"))
    (first,) = struct.unpack_from(">I", body, 4)
    (count,) = struct.unpack_from(">H", body, first)
    body += bytes(len(body) % 2)
    second = len(body)
    start = second + 2 + 2 * 12 + 4
    body += struct.pack(">HHHIIHHIII", 2, 0x201, 4, 1, start, 0x202, 4, 1, len(jpeg), 0) + jpeg
    struct.pack_into(">I", body, first + 2 + 12 * count, second)
    return b"Exif\0\0" + bytes(body)


def directory(path: Path, name: ExifTags.IFD) -> dict[int, Any]:
    with Image.open(path) as image:
        return dict(image.getexif().get_ifd(name))


def place(path: Path) -> dict[int, Any]:
    return directory(path, ExifTags.IFD.GPSInfo)


def pictures_in(path: Path) -> int:
    return path.read_bytes().count(b"\xff\xd8\xff")


@pytest.fixture(scope="module")
def camera(astronaut: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("camera") / "camera.jpg"
    camera_picture(portrait(astronaut), path)
    return path


def test_b14_b26_a_camera_picture_comes_out_upright_and_without_its_place(
    camera: Path, hopper: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jpg"
    assert place(camera)
    assert directory(camera, ExifTags.IFD.IFD1)[0x202] > 500
    assert pictures_in(camera) == 2
    swap_faces(hopper, camera, output)
    with Image.open(output) as image:
        exif = image.getexif()
        assert (exif[271], exif[274]) == ("Maker", 1)
        stored = np.asarray(image)
    assert not place(output)
    assert not directory(output, ExifTags.IFD.IFD1)
    assert pictures_in(output) == 1
    before, after = read_picture(camera), read_picture(output)
    assert np.array_equal(stored, after.bgr[..., ::-1])
    changes, face = difference(before, after), face_of(before)
    assert changes[face].mean() > 4 * changes[~face].mean()
    assert changes[~face].mean() < 0.01


def test_metadata_are_kept_when_asked_for(camera: Path, hopper: Path, tmp_path: Path) -> None:
    swap_faces(hopper, camera, tmp_path / "out.jpg", keep_metadata=True)
    assert place(tmp_path / "out.jpg") == place(camera)
    assert pictures_in(tmp_path / "out.jpg") == 1


@functools.cache
def tables(quality: int) -> dict[int, list[int]]:
    """The quantization tables of JPEG of that quality."""
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        return dict(image.quantization)  # type: ignore[attr-defined]


@pytest.mark.parametrize("quality", [40, 95])
def test_the_quality_reaches_the_file(quality: int, astronaut: Path, hopper: Path, tmp_path: Path) -> None:
    swap_faces(astronaut, hopper, tmp_path / "out.jpg", image_quality=quality)
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.quantization == tables(quality)  # type: ignore[attr-defined]
