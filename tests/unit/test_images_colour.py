"""Colour profiles: known colours come out as published, and pictures keep theirs when something is pasted into them."""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from facefusion_cli.core.media.colour import cmyk_to_srgb, parse_profile, srgb_to_cmyk
from facefusion_cli.core.media.composite import composite
from facefusion_cli.core.media.images import read_picture
from facefusion_cli.core.media.patch import Patch
from facefusion_cli.core.media.tiff import encode_tiff

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_D50 = (0.9642, 1.0, 0.8249)

# Primaries relative to D50, as published in the profiles of these names.
_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
_ADOBE = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
_SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(values: Sequence[float]) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*values)


def _gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256)) + b"\0\0"


def _parametric(kind: int, *values: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + _fixed(*values)


def _table(values: NDArray[np.float64]) -> bytes:
    data = np.rint(values * 65535).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", len(values)) + data + b"\0" * (len(data) % 4)


def _profile(device: bytes, space: bytes, pcs: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    """ICC.1:2022, section 7."""
    description = b"desc\0\0\0\0" + struct.pack(">I", 5) + b"test\0" + bytes(78 + 1)
    tags = {b"desc": description, b"cprt": b"text\0\0\0\0none\0\0\0\0", b"wtpt": _xyz(_D50), **tags}
    place = 128 + 4 + 12 * len(tags)
    table, data = struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", place + len(data), len(value))
        data += value + b"\0" * (-len(value) % 4)
    head = struct.pack(">I4sI", place + len(data), b"\0\0\0\0", 0x04000000) + device + space + pcs
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*_D50)
    return head + bytes(128 - len(head)) + table + data


def rgb_profile(primaries: Sequence[Sequence[float]], curve: bytes) -> bytes:
    tags = {name + b"XYZ": _xyz(values) for name, values in zip((b"r", b"g", b"b"), primaries, strict=True)}
    tags |= {name + b"TRC": curve for name in (b"r", b"g", b"b")}
    return _profile(b"mntr", b"RGB ", b"XYZ ", tags)


def display_p3() -> bytes:
    return rgb_profile(_P3, _parametric(3, *_SRGB_CURVE))


def adobe_rgb() -> bytes:
    return rgb_profile(_ADOBE, _gamma(2.19921875))


def grey_profile(gamma: float) -> bytes:
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"kTRC": _gamma(gamma)})


def srgb() -> bytes:
    return bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())


def _lut8(inputs: int, outputs: int, values: NDArray[np.float64]) -> bytes:
    ramp = bytes(range(256))
    grid = round(values.shape[0] ** (1 / inputs))
    head = b"mft1\0\0\0\0" + bytes([inputs, outputs, grid, 0]) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    grid_values: bytes = np.rint(values.clip(0, 255)).astype(np.uint8).tobytes()
    return head + ramp * inputs + grid_values + ramp * outputs


Mixing = Callable[[NDArray[np.float64]], NDArray[np.float64]]


def lut_profile(space: bytes, channels: int, to_rgb: Mixing, from_rgb: Mixing) -> bytes:
    """A profile of tables; the functions take and give (n, channels) values from 0 to 1, and the same as sRGB."""
    lab, srgb_profile = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")

    def through(transform: ImageCms.ImageCmsTransform, colours: NDArray[Any], mode: str) -> NDArray[np.float64]:
        image = ImageCms.applyTransform(Image.fromarray(np.rint(colours).astype(np.uint8)[None], mode), transform)
        assert image is not None
        values: NDArray[np.float64] = np.array(image, np.float64)[0]
        return values

    def cube(size: int, dimensions: int) -> NDArray[np.float64]:
        axes = np.meshgrid(*[np.linspace(0, 1, size)] * dimensions, indexing="ij")
        return np.stack(axes, axis=-1).reshape(-1, dimensions)

    # Pillow stores a and b as signed numbers, a profile as 128 + a.
    wrap = np.array([0, 128, 128])
    forward = ImageCms.buildTransform(srgb_profile, lab, "RGB", "LAB")
    a_to_b = (through(forward, to_rgb(cube(9, channels)) * 255, "RGB") + wrap) % 256
    backward = ImageCms.buildTransform(lab, srgb_profile, "LAB", "RGB")
    b_to_a = from_rgb(through(backward, (np.rint(cube(17, 3) * 255) + wrap) % 256, "LAB") / 255) * 255
    tags = {b"A2B0": _lut8(channels, 3, a_to_b), b"B2A0": _lut8(3, channels, b_to_a)}
    return _profile(b"prtr", space, b"Lab ", tags)


@functools.cache
def cmyk_profile() -> bytes:
    """A press whose inks multiply; greys are printed half with black, unlike what naive conversion does."""

    def to_rgb(inks: NDArray[np.float64]) -> NDArray[np.float64]:
        return (1 - inks[:, :3]) * (1 - inks[:, 3:])

    def from_rgb(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
        black = (1 - rgb.max(axis=1, keepdims=True)) / 2
        return np.hstack([1 - rgb / np.maximum(1 - black, 1e-6), black])

    return lut_profile(b"CMYK", 4, to_rgb, from_rgb)


@functools.cache
def exchanged_rgb() -> bytes:
    """Tables that exchange red and blue."""
    return lut_profile(b"RGB ", 3, lambda rgb: rgb[:, ::-1], lambda rgb: rgb[:, ::-1])


def gradient(channels: int) -> NDArray[np.uint8]:
    values: NDArray[np.uint8] = np.random.default_rng(2).integers(0, 256, (40, 50, channels), dtype=np.uint8)
    return values


def own_pixels(picture: Any, alpha: float = 1.0) -> Patch:
    shape = picture.bgr.shape[:2]
    return Patch(0, 0, picture.bgr.astype(np.float32), np.full(shape, alpha, np.float32))


@pytest.mark.parametrize(
    ("icc", "own", "shown"),
    [
        (display_p3, (234, 51, 35), (255, 0, 0)),  # sRGB's red in Display P3
        (adobe_rgb, (144, 255, 60), (0, 255, 0)),  # sRGB's green in Adobe RGB
        (display_p3, (117, 251, 76), (0, 255, 0)),
        (exchanged_rgb, (60, 120, 200), (200, 120, 60)),
    ],
)
def test_known_colours(icc: Any, own: tuple[int, int, int], shown: tuple[int, int, int]) -> None:
    profile = parse_profile(icc(), 3)
    assert profile is not None
    pixel = np.array([[own[::-1]]], np.uint8)
    assert np.abs(profile.to_srgb(pixel)[0, 0].astype(int) - shown[::-1]).max() <= (4 if icc is exchanged_rgb else 3)
    back = profile.from_srgb(np.array([[shown[::-1]]], np.float32))[0, 0]
    assert np.abs(back - own[::-1]).max() <= (4 if icc is exchanged_rgb else 1)


def test_grey_of_another_gamma() -> None:
    profile = parse_profile(grey_profile(1.0), 1)
    assert profile is not None
    # Half of the light is level 188 in sRGB.
    assert np.abs(profile.to_srgb(np.array([[128]], np.uint8)).astype(int) - 188).max() <= 1
    assert profile.from_srgb(np.full((1, 1, 3), 188, np.float32))[0, 0] == pytest.approx(128, abs=1)


@pytest.mark.parametrize(
    "curve",
    [
        _gamma(2.2),
        _parametric(0, 1.8),
        _parametric(1, 2.2, 0.9, 0.1),
        _parametric(2, 2.2, 0.9, 0.05, 0.02),
        _parametric(3, *_SRGB_CURVE),
        _parametric(4, 2.2, 0.95, 0.02, 0.1, 0.05, 0.01, 0.004),
        _table(np.linspace(0, 1, 1024) ** 2.0),
        b"curv\0\0\0\0\0\0\0\0",
    ],
    ids=["gamma", "para0", "para1", "para2", "para3", "para4", "table", "linear"],
)
def test_curves_agree_with_littlecms(curve: bytes) -> None:
    profile = parse_profile(rgb_profile(_P3, curve), 3)
    assert profile is not None
    # Colours that both can show, not so dark that 8 bits cannot tell them apart.
    srgb_colours = np.random.default_rng(4).integers(60, 200, (20, 20, 3)).astype(np.float32)
    own = np.rint(profile.from_srgb(srgb_colours)).clip(0, 255).astype(np.uint8)
    assert np.abs(profile.to_srgb(own) - srgb_colours).max() <= 3


@pytest.mark.parametrize(
    "icc",
    [
        srgb(),
        rgb_profile(
            ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)),
            _parametric(3, *_SRGB_CURVE),
        ),
    ],
)
def test_profiles_of_srgb_need_no_conversion(icc: bytes) -> None:
    assert parse_profile(icc, 3) is None


DAMAGED = [b"", b"nonsense", srgb()[:200], srgb()[:130] + b"\xff" * 40, bytes(4000), rgb_profile(_P3, b"what\0\0\0\0")]


@pytest.mark.parametrize("icc", DAMAGED)
def test_damaged_profiles(icc: bytes) -> None:
    with pytest.raises(ValueError, match="profile"):
        parse_profile(icc, 3)


def test_profile_for_other_pixels() -> None:
    with pytest.raises(ValueError, match="other pixels"):
        parse_profile(display_p3(), 1)


def test_cmyk_without_profile_goes_there_and_back() -> None:
    pixels = gradient(4)
    pixels[..., 3] //= 2
    shown = cmyk_to_srgb(pixels)
    back = srgb_to_cmyk(shown.astype(np.float32), pixels[..., 3].astype(np.float32))
    again = cmyk_to_srgb(np.rint(back).astype(np.uint8))
    assert np.abs(again.astype(int) - shown).max() <= 2
    assert np.abs(back - pixels).max() <= 3


def test_cmyk_has_no_more_black_than_the_colour_allows() -> None:
    cmyk = srgb_to_cmyk(np.full((1, 1, 3), 255, np.float32), np.full((1, 1), 200, np.float32))
    assert cmyk.max() == 0


def _save(path: Path, pixels: NDArray[Any], icc: bytes | None) -> None:
    if pixels.dtype == np.uint16:
        path.write_bytes(encode_tiff(pixels, alpha=False, icc=icc or b""))
        return
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[pixels.shape[2]]
    Image.fromarray(pixels.squeeze(), mode).save(path, icc_profile=icc)


KINDS = {
    "grey": (1, 8, None),
    "grey gamma 1.8": (1, 8, functools.partial(grey_profile, 1.8)),
    "grey 16": (1, 16, None),
    "sRGB": (3, 8, None),
    "P3": (3, 8, display_p3),
    "Adobe RGB": (3, 8, adobe_rgb),
    "tables": (3, 8, exchanged_rgb),
    "RGB 16": (3, 16, None),
    "P3 16": (3, 16, display_p3),
    "Adobe RGB 16": (3, 16, adobe_rgb),
    "CMYK": (4, 8, None),
    "CMYK with profile": (4, 8, cmyk_profile),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [1.0, 0.5])
def test_pasting_its_own_pixels_changes_nothing(tmp_path: Path, kind: str, alpha: float) -> None:
    """Not even colours that sRGB cannot show, levels finer than 8 bits, and another separation into inks."""
    channels, bits, icc = KINDS[kind]
    pixels: NDArray[Any] = gradient(channels)
    if bits == 16:
        pixels = np.random.default_rng(2).integers(0, 65536, pixels.shape, dtype=np.uint16)
    _save(tmp_path / "picture.tif", pixels, icc() if icc else None)
    picture = read_picture(tmp_path / "picture.tif")
    assert (picture.profile is not None) == (icc is not None)
    result = composite(picture, [own_pixels(picture, alpha)])
    assert np.array_equal(result.pixels, picture.pixels)
    assert np.array_equal(result.bgr, picture.bgr)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_pasted_looks_the_same_in_every_kind_of_picture(tmp_path: Path, kind: str) -> None:
    channels, bits, icc = KINDS[kind]
    pixels: NDArray[Any] = np.full(
        (8, 8, channels), 20 if bits == 8 else 20 * 257, np.uint8 if bits == 8 else np.uint16
    )
    _save(tmp_path / "picture.tif", pixels, icc() if icc else None)
    picture = read_picture(tmp_path / "picture.tif")
    skin = np.array([120, 150, 200], np.float32)
    if channels == 1:
        skin = np.full(3, 148, np.float32)
    result = composite(picture, [Patch(2, 2, np.full((4, 4, 3), skin), np.ones((4, 4), np.float32))])
    _save(tmp_path / "result.tif", _rgb_order(result.pixels), icc() if icc else None)
    seen = read_picture(tmp_path / "result.tif").bgr
    tolerance = 6 if kind in {"CMYK with profile", "tables"} else 1
    assert np.abs(seen[4, 4].astype(int) - skin).max() <= tolerance
    assert np.array_equal(result.bgr, seen)
    assert np.array_equal(seen[0], picture.bgr[0])


def _rgb_order(pixels: NDArray[Any]) -> NDArray[Any]:
    if pixels.ndim == 2:
        return pixels[..., None]
    return np.ascontiguousarray(pixels[..., ::-1]) if pixels.shape[2] == 3 else pixels


def test_deep_pictures_get_deep_pixels(tmp_path: Path) -> None:
    """A smooth patch stays smooth: 16 bits have far more levels than 8, with a profile too."""
    for icc in (b"", display_p3()):
        (tmp_path / "deep.tif").write_bytes(encode_tiff(np.full((4, 2000, 3), 1000, np.uint16), alpha=False, icc=icc))
        picture = read_picture(tmp_path / "deep.tif")
        ramp = np.linspace(50, 60, 2000, dtype=np.float32)
        colour = np.repeat(np.repeat(ramp[None, :, None], 4, axis=0), 3, axis=2)
        result = composite(picture, [Patch(0, 0, colour, np.ones((4, 2000), np.float32))])
        assert len(np.unique(result.pixels[0, :, 0])) > 1500


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "avif"])
def test_b25_profile_is_read_from_every_format(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"picture.{suffix}"
    image = Image.new("RGB", (16, 16), (234, 51, 35))
    image.save(path, icc_profile=display_p3(), quality=95)
    picture = read_picture(path)
    assert picture.icc == display_p3()
    assert np.abs(picture.bgr[8, 8].astype(int) - (0, 0, 255)).max() <= 8


def test_unfit_profile_is_left_out_with_a_note(tmp_path: Path) -> None:
    path = tmp_path / "grey.jpg"
    Image.new("L", (8, 8), 99).save(path, icc_profile=display_p3())
    picture = read_picture(path)
    assert picture.icc == b""
    assert len(picture.notes) == 1
    assert "colour profile" in picture.notes[0]
    assert (picture.bgr == 99).all()


def test_palette_with_profile(tmp_path: Path) -> None:
    path = tmp_path / "palette.png"
    Image.new("RGB", (8, 8), (234, 51, 35)).convert("P", palette=Image.Palette.ADAPTIVE).save(
        path, icc_profile=display_p3()
    )
    picture = read_picture(path)
    assert picture.icc == display_p3()
    assert np.abs(picture.bgr[4, 4].astype(int) - (0, 0, 255)).max() <= 3


def test_lab_tiff(tmp_path: Path) -> None:
    path = tmp_path / "lab.tif"
    red = Image.new("RGB", (8, 8), (200, 30, 40))
    lab = ImageCms.profileToProfile(
        red, ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
    )
    assert lab is not None
    lab.save(path)
    assert np.abs(read_picture(path).bgr[0, 0].astype(int) - (40, 30, 200)).max() <= 4
