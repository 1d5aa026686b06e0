"""Reading pictures: every format, mode, depth and orientation comes in upright and looking as it should."""

from __future__ import annotations

import base64
import struct
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image

from facefusion_cli.core.media.images import picture_from_array, read_picture
from facefusion_cli.core.media.tiff import encode_tiff
from facefusion_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# 64 x 48 pixels of a smooth gradient, HEVC; the second is stored lying on its side (EXIF orientation 6).
HEIC = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAX1tZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAACJpbG9jAA"
    "AAAERAAAEAAQAAAAABoQABAAAAAAAAAFkAAAAjaWluZgAAAAAAAQAAABVpbmZlAgAAAAABAABodmMxAAAAAA5waXRtAAAAAAABAAAA/WlwcnAA"
    "AADdaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGEABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkA"
    "AAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkAAAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAA"
    "AAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEHBpeGkAAAAAAwgICAAAABhpcG1hAAAAAAAAAAEAAQWBAgMFhAAAAG"
    "FtZGF0AAAAVSgBr1jm//RPASqQFNgFyZ3IC1EH+7OStvgSFNhXrdQKhh3QQfxUXpcIhUnxx1I7BahX/L9K4O8UmrK99Z+4WsJcg+2zxUaKwvnA"
    "A+iyFHaEPvSQ4Ww="
)
HEIC_TURNED = base64.b64decode(
    "AAAAHGZ0eXBoZWljAAAAAG1pZjFoZWljbWlhZgAAAchtZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAAADRpbG9jAA"
    "AAAERAAAIAAQAAAAAB7AABAAAAAAAAAJwAAgAAAAACiAABAAAAAAAAADAAAAA4aWluZgAAAAAAAgAAABVpbmZlAgAAAAABAABodmMxAAAAABVp"
    "bmZlAgAAAQACAABFeGlmAAAAAA5waXRtAAAAAAABAAABB2lwcnAAAADmaXBjbwAAAHZodmNDAQNwAAAAkAAAAAAAHvAA/P34+AAADwNgAAEAGE"
    "ABDAH//wNwAAADAJAAAAMAAAMAHroCQGEAAQAqQgEBA3AAAAMAkAAAAwAAAwAeoCCBBZbq5Ka5uAhoMCAAAAMDIAAAAwAhYgABAAZEAcFzwIkA"
    "AAATY29scm5jbHgAAQANAAaAAAAAFGlzcGUAAAAAAAAAQAAAAEAAAAAoY2xhcAAAAEAAAAABAAAAMAAAAAEAAAAAAAAAAv////AAAAACAAAAEH"
    "BpeGkAAAAAAwgICAAAAAlpcm90AwAAABlpcG1hAAAAAAAAAAEAAQaBAgMFhIYAAAAaaXJlZgAAAAAAAAAOY2RzYwACAAEAAQAAANRtZGF0AAAA"
    "mCgBrwngPg6bnk4QdLDGLPFI8ozNOrnPj2SRCXM4O1FShnriFgB0A4uNWwibARBHbbWihpfoVF3Ji5W7XVK0Bt2G6npbGVQZqYUVJqkHcmvJAt"
    "njghCIcGQGeIxpeHvMOMDL89qyNa9iTvvn/cTyy1ZHwnW+pSvA2wmZsB9yXewrrxGxS4KDcs11tO6CF1IM1kp9ox6m7Ox4AAAABkV4aWYAAE1N"
    "ACoAAAAIAAIBDwACAAAABENhbQABEgADAAAAAQAGAAAAAAAA"
)

# 16 x 16 grey pixels of 10 bits.
AVIF_DEEP = base64.b64decode(
    "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGljdAAAAAAAAAAAAAAAAAAAAAAOcG"
    "l0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAGwAAAChpaW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABq"
    "aXBycAAAAEtpcGNvAAAAFGlzcGUAAAAAAAAAEAAAABAAAAAQcGl4aQAAAAADCgoKAAAADGF2MUOBIEAAAAAAE2NvbHJuY2x4AAIAAgAGgAAAAB"
    "dpcG1hAAAAAAAAAAEAAQQBAoMEAAAAI21kYXQSAAoIOAz/28CAgaQyDRlCYwTAADQAABB1hWE="
)


def gradient(height: int = 48, width: int = 64) -> NDArray[np.uint8]:
    """RGB, smooth, so that lossy formats keep it, and different in all four corners."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 255 / (width - 1), y * 255 / (height - 1), 255 - x * 128 / (width - 1)]
    return np.stack(planes, axis=-1).astype(np.uint8)


def deep(height: int = 48, width: int = 64, channels: int = 3) -> NDArray[np.uint16]:
    values: NDArray[np.uint16] = np.random.default_rng(1).integers(0, 65536, (height, width, channels), dtype=np.uint16)
    return values


def difference(one: NDArray[Any], other: NDArray[Any]) -> int:
    return int(np.abs(one.astype(int) - other.astype(int)).max())


LOSSLESS = ["png", "bmp", "tif", "ppm", "tga", "jp2", "qoi", "sgi", "pcx"]


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_lossless_formats_come_in_exactly(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    Image.fromarray(gradient(64, 64)).save(path)
    picture = read_picture(path)
    assert np.array_equal(picture.bgr[..., ::-1], gradient(64, 64))
    assert picture.notes == ()
    assert picture.bgr.flags.c_contiguous


@pytest.mark.parametrize(("suffix", "name"), [("jpg", "JPEG"), ("webp", "WEBP"), ("avif", "AVIF"), ("gif", "GIF")])
def test_b22_lossy_formats_come_in_nearly(tmp_path: Path, suffix: str, name: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    options: dict[str, Any] = {"subsampling": 0} if suffix == "jpg" else {}
    Image.fromarray(gradient()).save(path, quality=95, **options)
    picture = read_picture(path)
    assert picture.format == name
    assert (picture.width, picture.height) == (64, 48)
    assert np.abs(picture.bgr[..., ::-1].astype(int) - gradient()).mean() < (12 if suffix == "gif" else 3)


def test_b23_phone_pictures_come_in_upright(tmp_path: Path) -> None:
    plain, turned = tmp_path / "plain.heic", tmp_path / "turned.heic"
    plain.write_bytes(HEIC)
    turned.write_bytes(HEIC_TURNED)
    picture = read_picture(plain)
    assert (picture.format, picture.width, picture.height, picture.notes) == ("HEIF", 64, 48, ())
    y, x = np.mgrid[0:48, 0:64]
    original = np.stack([x * 4, y * 5, 255 - x * 2], axis=-1)
    assert np.abs(picture.bgr[..., ::-1] - original).mean() < 4
    upright = read_picture(turned)
    assert (upright.width, upright.height) == (48, 64)
    assert np.abs(upright.bgr[..., ::-1] - np.rot90(original, -1)).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_b14_b15_exif_orientation_is_honoured(tmp_path: Path, suffix: str, orientation: int) -> None:
    path = tmp_path / f"turned.{suffix}"
    exif = Image.Exif()
    exif[274] = orientation
    Image.fromarray(gradient()).save(path, exif=exif, quality=100, lossless=True)
    turns: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: lambda a: np.swapaxes(a, 0, 1),
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(np.swapaxes(a, 0, 1), 2),
        8: lambda a: np.rot90(a, 1),
    }
    picture = read_picture(path)
    expected = turns[orientation](gradient())
    assert picture.bgr.shape == expected.shape
    assert np.abs(picture.bgr[..., ::-1].astype(int) - expected).mean() < (3 if suffix == "jpg" else 0.01)


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_b15_deep_tiff_is_turned_once(tmp_path: Path, orientation: int) -> None:
    path = tmp_path / "turned.tif"
    data = bytearray(encode_tiff(deep(), alpha=False))
    entry = data.index(struct.pack("<HHI", 274, 3, 1))
    data[entry + 8] = orientation
    path.write_bytes(data)
    picture = read_picture(path)
    turned = np.rot90(deep(), {3: 2, 6: -1, 8: 1}[orientation])
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels[..., ::-1], turned)


def test_b24_content_decides_not_the_suffix(tmp_path: Path) -> None:
    path = tmp_path / "really-a-png.jpg"
    Image.fromarray(gradient()).save(path, "PNG")
    assert read_picture(path).format == "PNG"
    bare = tmp_path / "no suffix"
    Image.fromarray(gradient()).save(bare, "WEBP", lossless=True)
    assert read_picture(bare).format == "WEBP"


@pytest.mark.parametrize(
    ("suffix", "mode"),
    [(suffix, mode) for suffix in ("png", "tif") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")] + [("tif", "CMYK")],
)
def test_b16_modes_look_as_pillow_shows_them(tmp_path: Path, mode: str, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    image = Image.fromarray(gradient()).convert(mode)
    image.save(path)
    picture = read_picture(path)
    assert picture.mode == mode
    assert np.array_equal(picture.bgr[..., ::-1], np.asarray(image.convert("RGB")))
    assert (picture.alpha is not None) == mode.endswith("A")
    assert picture.pixels.shape[2:] == {"1": (), "L": (), "LA": (), "CMYK": (4,)}.get(mode, (3,))
    assert (picture.pixels is picture.bgr) == (mode in {"P", "RGB", "RGBA"})


def test_b17_cmyk_jpeg_has_the_right_sign(tmp_path: Path) -> None:
    """Adobe stores inks inverted; read the wrong way the picture is a negative."""
    path = tmp_path / "cmyk.jpg"
    Image.fromarray(gradient()).convert("CMYK").save(path, quality=100, subsampling=0)
    assert b"Adobe" in path.read_bytes()
    picture = read_picture(path)
    assert picture.pixels.shape == (48, 64, 4)
    assert difference(picture.bgr[..., ::-1], gradient()) <= 6


def test_b20_colours_under_transparency_are_seen_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "hidden.png"
    rgba = np.dstack([gradient(), np.zeros((48, 64), np.uint8)])
    rgba[:, 32:, 3] = 200
    Image.fromarray(rgba).save(path)
    picture = read_picture(path)
    assert np.array_equal(picture.bgr[..., ::-1], gradient())
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, rgba[..., 3])


def test_transparent_palette_entry_becomes_alpha(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    image = Image.fromarray(np.array([[0, 1], [2, 1]], np.uint8), "P")
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    image.save(path, transparency=1)
    picture = read_picture(path)
    assert picture.alpha is not None
    assert picture.alpha.tolist() == [[255, 0], [255, 0]]
    assert picture.bgr[1, 0].tolist() == [255, 0, 0]


def test_transparent_colour_becomes_alpha(tmp_path: Path) -> None:
    path = tmp_path / "key.png"
    Image.fromarray(gradient()).save(path, transparency=tuple(map(int, gradient()[5, 7])))
    picture = read_picture(path)
    assert picture.alpha is not None
    assert picture.alpha[5, 7] == 0
    assert picture.alpha.mean() > 250


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_b18_deep_png_keeps_all_bits(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "deep.png"
    pixels = deep(channels=channels).squeeze()
    cv2.imwrite(str(path), pixels)
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, pixels[..., :3] if channels > 1 else pixels)
    assert (picture.alpha is not None) == (channels == 4)
    if channels == 4:
        assert picture.alpha is not None
        assert np.array_equal(picture.alpha, pixels[..., 3])
    shown = picture.bgr if channels > 1 else picture.bgr[..., 0]
    assert np.array_equal(shown, np.rint(picture.pixels / 257).astype(np.uint8))
    assert picture.notes == ()


def test_deep_grey_png_with_alpha(tmp_path: Path) -> None:
    path = tmp_path / "la16.png"
    samples = deep(channels=2)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    header = struct.pack(">IIBBBBB", 64, 48, 16, 4, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    picture = read_picture(path)
    assert np.array_equal(picture.pixels, np.repeat(samples[..., :1], 3, axis=2))
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, samples[..., 1])


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_b18_deep_tiff_keeps_all_bits(tmp_path: Path, channels: int, order: Any) -> None:
    path = tmp_path / "deep.tif"
    samples = deep(channels=channels)
    path.write_bytes(encode_tiff(samples, alpha=channels == 4, order=order))
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, samples[..., 2::-1] if channels > 1 else samples[..., 0])
    assert (picture.alpha is not None) == (channels == 4)


def _uncompressed_tiff(samples: bytes, width: int, height: int, bits: int, photometric: int, kind: int = 1) -> bytes:
    tags = [
        (256, width),
        (257, height),
        (258, bits),
        (259, 1),
        (262, photometric),
        (273, 8),
        (277, 1),
        (278, height),
        (279, len(samples)),
        (339, kind),
    ]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    directory = struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", 8 + len(samples)) + samples + directory


def test_grey_tiff_where_white_is_zero(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    path.write_bytes(_uncompressed_tiff(deep(channels=1).tobytes(), 64, 48, 16, photometric=0))
    assert np.array_equal(read_picture(path).pixels, 65535 - deep(channels=1)[..., 0])


def test_grey_tiff_of_12_bits_uses_the_whole_range(tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    # Two samples in three bytes: 0xFFF, 0x800.
    path.write_bytes(_uncompressed_tiff(bytes([0xFF, 0xF8, 0x00]), 2, 1, 12, photometric=1))
    picture = read_picture(path)
    assert picture.bgr[0, :, 0].tolist() == [255, 128]


def test_deep_tiff_with_premultiplied_colours_is_read_at_8_bits(tmp_path: Path) -> None:
    """OpenCV gives the colours as they are in the file, Pillow as they look: the second is meant."""
    path = tmp_path / "premultiplied.tif"
    data = bytearray(encode_tiff(np.full((4, 4, 4), 32896, np.uint16), alpha=True))
    data[data.index(struct.pack("<HHI", 338, 3, 1)) + 8] = 1
    path.write_bytes(data)
    picture = read_picture(path)
    assert picture.notes == ("16 bits per colour: read at 8.",)
    assert (picture.bgr == 255).all()
    assert picture.alpha is not None
    assert (picture.alpha == 128).all()


def test_transparent_colour_of_16_bits_becomes_alpha(tmp_path: Path) -> None:
    path = tmp_path / "key.png"
    pixels = deep()
    plain = cv2.imencode(".png", pixels)[1].tobytes()
    key = b"tRNS" + pixels[5, 7, ::-1].astype(">u2").tobytes()
    path.write_bytes(plain[:33] + struct.pack(">I", 6) + key + struct.pack(">I", zlib.crc32(key)) + plain[33:])
    picture = read_picture(path)
    assert np.array_equal(picture.pixels, pixels)
    assert picture.alpha is not None
    assert (picture.alpha[5, 7], picture.alpha[0, 0]) == (0, 65535)


@pytest.mark.parametrize("maximum", [65535, 4095])
def test_deep_pgm(tmp_path: Path, maximum: int) -> None:
    path = tmp_path / "deep.pgm"
    values = np.array([[0, maximum // 2, maximum]], ">u2")
    path.write_bytes(f"P5\n3 1\n{maximum}\n".encode() + values.tobytes())
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint16
    assert difference(picture.pixels, np.array([[0, 32767, 65535]])) <= 16


@pytest.mark.parametrize(("name", "bits"), [("deep.ppm", 16), ("deep.jp2", 16), ("deep.avif", 10)])
def test_deep_colour_of_other_formats_is_announced(tmp_path: Path, name: str, bits: int) -> None:
    contents = {
        "deep.ppm": b"P6\n64 48\n65535\n" + deep().astype(">u2").tobytes(),
        "deep.jp2": cv2.imencode(".jp2", deep())[1].tobytes(),
        "deep.avif": AVIF_DEEP,
    }
    path = tmp_path / name
    path.write_bytes(contents[name])
    picture = read_picture(path)
    assert picture.pixels.dtype == np.uint8
    assert picture.notes == (f"{bits} bits per colour: read at 8.",)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "avif"])
def test_b21_animations_give_their_first_frame_and_say_so(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"moving.{suffix}"
    first = Image.new("RGB", (32, 32), (250, 10, 10))
    options: dict[str, Any] = {"quality": 95, "lossless": True} if suffix == "webp" else {}
    first.save(path, save_all=True, append_images=[Image.new("RGB", (32, 32), (10, 10, 250))], **options)
    picture = read_picture(path)
    assert picture.notes == ("animated: only the first frame is used.",)
    assert difference(picture.bgr[16, 16], np.array([10, 10, 250])) <= 4


def test_pages_give_the_first_and_say_so(tmp_path: Path) -> None:
    path = tmp_path / "pages.tif"
    Image.new("L", (8, 8), 10).save(path, save_all=True, append_images=[Image.new("L", (8, 8), 200)])
    picture = read_picture(path)
    assert picture.notes == ("several pages: only the first is used.",)
    assert (picture.bgr == 10).all()


def test_camera_files_of_several_pictures_are_jpeg(tmp_path: Path) -> None:
    path = tmp_path / "stereo.jpg"
    Image.new("RGB", (16, 16), "red").save(path, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 16))])
    picture = read_picture(path)
    assert picture.format == "JPEG"
    assert picture.notes == ("several pictures in one file: only the main one is used.",)


@pytest.mark.parametrize("size", [(1, 1), (65000, 1), (1, 65000)])
def test_b09_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "odd.png"
    Image.new("RGB", size, (1, 2, 3)).save(path)
    picture = read_picture(path)
    assert (picture.width, picture.height) == size
    assert (picture.bgr == (3, 2, 1)).all()


def test_pixel_limit_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture.png"
    Image.new("L", (101, 100)).save(path)
    monkeypatch.setenv("FACEFUSION_MAX_PIXELS", "10100")
    assert read_picture(path).width == 101
    monkeypatch.setenv("FACEFUSION_MAX_PIXELS", "10099")
    with pytest.raises(InputError, match=r"101 x 100 .* limit") as raised:
        read_picture(path)
    assert "FACEFUSION_MAX_PIXELS" in raised.value.hint


@pytest.mark.parametrize("value", ["many", "0", "-5", "1e6", "1.5"])
def test_senseless_pixel_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("FACEFUSION_MAX_PIXELS", value)
    with pytest.raises(UsageError, match="FACEFUSION_MAX_PIXELS must be a whole number above 0"):
        read_picture(tmp_path / "picture.png")


def test_pillows_own_limit_neither_warns_nor_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "picture.tif"
    Image.new("RGB", (100, 100)).save(path)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_picture(path).width == 100
    assert Image.MAX_IMAGE_PIXELS == 1000


def test_damaged_exif_neither_warns_nor_fails(tmp_path: Path) -> None:
    path = tmp_path / "picture.jpg"
    Image.fromarray(gradient()).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0" * 9)
    assert read_picture(path).width == 64


def test_picture_from_array() -> None:
    bgr = gradient()
    picture = picture_from_array(bgr, Path("array"))
    assert picture.bgr is bgr
    assert picture.pixels is bgr
    assert (picture.width, picture.height) == (64, 48)
