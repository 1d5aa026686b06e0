"""Writing: each format keeps what it can hold, and says what it cannot."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from facefusion_cli.core.media import encode
from facefusion_cli.core.media.colour import parse_profile
from facefusion_cli.core.media.encode import write_picture
from facefusion_cli.core.media.formats import WRITABLE_SUFFIXES
from facefusion_cli.core.media.images import picture_from_array, read_picture
from facefusion_cli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.media.images import Picture


def smooth(height: int = 60, width: int = 80) -> NDArray[np.uint8]:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([255 - x * 2, y * 4, x * 3], axis=-1).astype(np.uint8)


def plain(height: int = 60, width: int = 80) -> Picture:
    return picture_from_array(smooth(height, width), Path("plain.png"))


def saved(folder: Path, name: str, image: Image.Image, **options: Any) -> Picture:
    image.save(folder / name, **options)
    return read_picture(folder / name)


@pytest.mark.parametrize("suffix", WRITABLE_SUFFIXES)
def test_b22_every_suffix(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"result{suffix.upper()}"
    assert write_picture(plain(), path) == ()
    again = read_picture(path)
    lossy = suffix in {".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif"}
    difference = np.abs(again.bgr.astype(int) - smooth())
    assert difference.mean() <= (2 if lossy else 0)


def test_png_is_in_few_pieces(tmp_path: Path) -> None:
    """Each of them makes signing slower."""
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    write_picture(picture_from_array(noise, Path("noise.png")), tmp_path / "result.png")
    assert (tmp_path / "result.png").read_bytes().count(b"IDAT") == 1


def test_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="heic"):
        write_picture(plain(), tmp_path / "result.heic")


@pytest.mark.parametrize("quality", [0, 101])
def test_senseless_quality(tmp_path: Path, quality: int) -> None:
    with pytest.raises(UsageError, match=f"{quality} is no image quality"):
        write_picture(plain(), tmp_path / "result.jpg", quality=quality)


def test_jpeg_keeps_colour_at_full_resolution(tmp_path: Path) -> None:
    write_picture(plain(), tmp_path / "result.jpg")
    with Image.open(tmp_path / "result.jpg") as image:
        layers = image.layer  # type: ignore[attr-defined]
        assert [layer[1:3] for layer in layers] == [(1, 1)] * 3
        tables = image.quantization  # type: ignore[attr-defined]
    Image.fromarray(smooth()).save(tmp_path / "reference.jpg", quality=95)
    with Image.open(tmp_path / "reference.jpg") as image:
        assert tables == image.quantization  # type: ignore[attr-defined]


@pytest.mark.parametrize("suffix", ["jpg", "webp", "avif"])
def test_quality_counts(tmp_path: Path, suffix: str, astronaut: Path) -> None:
    picture = read_picture(astronaut)
    sizes = []
    for quality in (30, 95):
        path = tmp_path / f"{quality}.{suffix}"
        write_picture(picture, path, quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes[0] * 2 < sizes[1]


def test_webp_of_full_quality_loses_nothing(tmp_path: Path) -> None:
    write_picture(plain(), tmp_path / "result.webp", quality=100)
    assert np.array_equal(read_picture(tmp_path / "result.webp").bgr, smooth())


@pytest.mark.parametrize("kind", ["simple", "extended", "animated"])
@pytest.mark.parametrize("lossless", [True, False])
def test_webp_that_lost_nothing_stays_so(tmp_path: Path, kind: str, lossless: bool) -> None:
    options: dict[str, Any] = {"lossless": lossless}
    if kind == "extended":
        options["exif"] = Image.Exif()
        options["exif"][271] = "Maker"
    elif kind == "animated":
        options |= {"save_all": True, "append_images": [Image.fromarray(smooth()[::-1])]}
    picture = saved(tmp_path, "original.webp", Image.fromarray(smooth()), **options)
    changed = replace(picture, bgr=smooth()[::-1], pixels=smooth()[::-1])
    write_picture(changed, tmp_path / "result.webp", quality=80)
    again = read_picture(tmp_path / "result.webp")
    assert again.lossless == picture.lossless == lossless
    assert np.array_equal(again.bgr, changed.bgr) == lossless


@pytest.mark.parametrize("suffix", ["png", "webp", "tif", "avif", "jp2"])
def test_b20_alpha_is_kept(tmp_path: Path, suffix: str) -> None:
    rgba = np.dstack([smooth(), np.tile(np.arange(80, dtype=np.uint8), (60, 1))])
    picture = saved(tmp_path, "original.png", Image.fromarray(rgba))
    assert write_picture(picture, tmp_path / f"result.{suffix}", quality=100) == ()
    again = read_picture(tmp_path / f"result.{suffix}")
    assert again.alpha is not None
    assert np.abs(again.alpha.astype(int) - rgba[..., 3]).max() <= (1 if suffix == "avif" else 0)
    if suffix != "avif":
        assert np.array_equal(again.bgr, picture.bgr)


@pytest.mark.parametrize("suffix", ["jpg", "bmp", "ppm"])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_b20_alpha_is_laid_on_white(tmp_path: Path, suffix: str, mode: str) -> None:
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 255)).convert(mode)
    image.putalpha(Image.fromarray(np.repeat(np.array([0, 128, 255, 255], np.uint8), 8)[None].repeat(32, axis=0)))
    picture = saved(tmp_path, "original.png", image)
    (note,) = write_picture(picture, tmp_path / f"result.{suffix}")
    assert "laid on white" in note
    seen = read_picture(tmp_path / f"result.{suffix}").bgr[16, [3, 11, 28], 0].astype(int)
    assert np.abs(seen - [255, 127, 0]).max() <= 2


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize(("suffix", "bits"), [("png", 16), ("tif", 16), ("jpg", 8), ("webp", 8), ("bmp", 8)])
def test_depth(tmp_path: Path, suffix: str, bits: int, channels: int) -> None:
    deep = np.random.default_rng(6).integers(0, 65536, (20, 30, channels), dtype=np.uint16).squeeze()
    cv2.imwrite(str(tmp_path / "original.png"), deep)
    picture = read_picture(tmp_path / "original.png")
    notes = write_picture(picture, tmp_path / f"result.{suffix}", quality=100)
    again = read_picture(tmp_path / f"result.{suffix}")
    if bits == 16:
        assert notes == ()
        assert np.array_equal(again.pixels, picture.pixels)
        assert (again.alpha is None) == (picture.alpha is None)
        if again.alpha is not None and picture.alpha is not None:
            assert np.array_equal(again.alpha, picture.alpha)
    else:
        assert any("8 bits per colour" in note for note in notes)
        if suffix == "bmp" and channels == 1:
            assert np.array_equal(again.pixels, np.rint(picture.pixels / 257).astype(np.uint8))


def test_deep_grey_with_transparent_level(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    picture = saved(tmp_path, "original.png", Image.fromarray(ramp), transparency=int(ramp[3, 4]))
    assert picture.pixels.ndim == 2
    for suffix in ("png", "tif"):
        write_picture(picture, tmp_path / f"result.{suffix}")
        again = read_picture(tmp_path / f"result.{suffix}")
        assert np.array_equal(again.pixels[..., 0], ramp)
        assert again.alpha is not None
        assert (again.alpha[3, 4], again.alpha[0, 0]) == (0, 65535)


def test_deep_grey_with_transparent_level_and_profile(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 600).astype(np.uint16).reshape(20, 30)
    icc = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    icc[16:20] = b"GRAY"
    curve = icc.index(b"rTRC", 128)
    icc[curve : curve + 4] = b"kTRC"
    picture = saved(
        tmp_path, "original.png", Image.fromarray(ramp), transparency=int(ramp[3, 4]), icc_profile=bytes(icc)
    )
    picture = replace(picture, profile=parse_profile(_exchanged_rgb(), 3))
    (note,) = write_picture(picture, tmp_path / "result.png")
    assert "8 bits" in note
    again = read_picture(tmp_path / "result.png")
    assert again.mode == "LA"
    assert again.icc == bytes(icc)


@pytest.mark.parametrize(("suffix", "mode"), [("jpg", "CMYK"), ("tif", "CMYK"), ("png", "RGB"), ("webp", "RGB")])
def test_cmyk_stays_where_it_can(tmp_path: Path, suffix: str, mode: str) -> None:
    picture = saved(tmp_path, "original.jpg", Image.fromarray(smooth()).convert("CMYK"), quality=100)
    notes = write_picture(picture, tmp_path / f"result.{suffix}", quality=100)
    again = read_picture(tmp_path / f"result.{suffix}")
    assert again.mode == mode
    assert len(notes) == (mode == "RGB")
    assert np.abs(again.bgr.astype(int) - picture.bgr).mean() <= 2


@pytest.mark.parametrize(
    ("suffix", "mode"), [("jpg", "L"), ("png", "L"), ("tif", "L"), ("bmp", "L"), ("webp", "RGB"), ("ppm", "L")]
)
def test_grey_stays_where_it_can(tmp_path: Path, suffix: str, mode: str) -> None:
    picture = saved(tmp_path, "original.png", Image.fromarray(smooth()).convert("L"))
    assert write_picture(picture, tmp_path / f"result.{suffix}") == ()
    again = read_picture(tmp_path / f"result.{suffix}")
    assert again.mode == mode
    assert np.abs(again.bgr.astype(int) - picture.bgr).mean() <= 1


@functools.cache  # the profile holds the time at which it was made
def _exchanged_rgb() -> bytes:
    """A profile with red and blue exchanged: nothing looks as it would without."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    entries = [profile.index(name, 128) for name in (b"rXYZ", b"bXYZ")]
    red, blue = (bytes(profile[at + 4 : at + 12]) for at in entries)
    profile[entries[0] + 4 : entries[0] + 12], profile[entries[1] + 4 : entries[1] + 12] = blue, red
    return bytes(profile)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif", "bmp", "ppm", "jp2"])
def test_b25_profile_is_carried_or_converted(tmp_path: Path, suffix: str) -> None:
    picture = saved(tmp_path, "original.png", Image.fromarray(smooth()), icc_profile=_exchanged_rgb())
    assert picture.profile is not None
    path = tmp_path / f"result.{suffix}"
    notes = write_picture(picture, path, quality=100)
    again = read_picture(path)
    carried = suffix not in {"bmp", "ppm", "jp2"}
    assert again.icc == (_exchanged_rgb() if carried else b"")
    assert len(notes) == (not carried)
    assert np.abs(again.bgr.astype(int) - picture.bgr).mean() <= 2


def test_srgb_profile_is_carried_too(tmp_path: Path) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = saved(tmp_path, "original.jpg", Image.fromarray(smooth()), icc_profile=icc)
    assert picture.pixels is picture.bgr
    write_picture(picture, tmp_path / "result.png")
    assert read_picture(tmp_path / "result.png").icc == icc


@pytest.mark.parametrize(("suffix", "longest"), [("jpg", 65500), ("webp", 16383)])
def test_too_large_for_the_format(tmp_path: Path, suffix: str, longest: int) -> None:
    path = tmp_path / f"result.{suffix}"
    with pytest.raises(OutputError, match="too large for"):
        write_picture(plain(1, longest + 1), path)
    assert not path.exists()
    write_picture(plain(1, longest), path)
    assert read_picture(path).width == longest


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_what_was_written_is_checked(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    whole = encode._encode

    def cut(*args: Any) -> bytes:
        data = whole(*args)
        return data[: len(data) * 2 // 3]

    monkeypatch.setattr(encode, "_encode", cut)
    with pytest.raises(OutputError, match="cannot be read back"):
        write_picture(picture_from_array(noise, Path("x")), tmp_path / f"result.{suffix}")


def test_the_size_of_what_was_written_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.png"
    write_picture(plain(10, 10), other)
    monkeypatch.setattr(encode, "_encode", lambda *_: other.read_bytes())
    with pytest.raises(OutputError, match="10 x 10 pixels instead of 80 x 60"):
        write_picture(plain(), tmp_path / "result.png")


def test_one_lossy_generation_only(tmp_path: Path, hopper: Path) -> None:
    """What is written again unchanged differs from the original by no more than one write at that quality."""
    picture = read_picture(hopper)
    write_picture(picture, tmp_path / "result.jpg")
    again = read_picture(tmp_path / "result.jpg")
    error = np.mean((again.bgr.astype(float) - picture.bgr) ** 2)
    assert 10 * np.log10(255**2 / error) > 44
