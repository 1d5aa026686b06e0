"""Pasting: only what a patch covers changes, in whatever kind of pixels the picture has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facefusion_cli.core.media.composite import composite
from facefusion_cli.core.media.encode import write_picture
from facefusion_cli.core.media.images import picture_from_array, read_picture
from facefusion_cli.core.media.patch import Patch

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plain(height: int = 40, width: int = 60) -> Any:
    pixels = np.random.default_rng(8).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return picture_from_array(pixels, Path("plain.png"))


def soft_patch(x: int, y: int, height: int, width: int, seed: int = 1) -> Patch:
    generator = np.random.default_rng(seed)
    alpha = generator.uniform(-0.5, 1.5, (height, width)).clip(0, 1).astype(np.float32)
    return Patch(x, y, generator.uniform(0, 255, (height, width, 3)).astype(np.float32), alpha)


def test_the_formula() -> None:
    picture = plain()
    patch = soft_patch(7, 5, 20, 30)
    result = composite(picture, [patch])
    old = picture.bgr[5:25, 7:37].astype(np.float64)
    mixed = old + (patch.colour - old) * patch.alpha[..., None]
    assert np.abs(result.bgr[5:25, 7:37] - mixed).max() <= 0.5 + 1e-3


def test_nothing_else_changes_and_the_original_stays() -> None:
    picture = plain()
    before = picture.bgr.copy()
    patch = soft_patch(7, 5, 20, 30)
    result = composite(picture, [patch])
    outside = np.ones(before.shape[:2], bool)
    outside[5:25, 7:37] = patch.alpha == 0
    assert np.array_equal(result.bgr[outside], before[outside])
    assert np.array_equal(picture.bgr, before)
    assert result.pixels is result.bgr
    assert not np.shares_memory(result.bgr, picture.bgr)


def test_patches_go_on_top_of_one_another() -> None:
    picture = plain()
    patches = [soft_patch(0, 0, 20, 20), soft_patch(10, 10, 20, 20, seed=2)]
    together = composite(picture, patches)
    in_turn = composite(composite(picture, patches[:1]), patches[1:])
    assert np.array_equal(together.bgr, in_turn.bgr)


def test_no_patches() -> None:
    picture = plain()
    assert np.array_equal(composite(picture, []).bgr, picture.bgr)


def test_colours_beyond_the_range_are_cut_off() -> None:
    colour = np.full((4, 4, 3), (-40, 300, 128), np.float32)
    result = composite(plain(), [Patch(0, 0, colour, np.ones((4, 4), np.float32))])
    assert result.bgr[0, 0].tolist() == [0, 255, 128]


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (0, -1), (45, 0), (0, 25)])
def test_patches_have_to_lie_inside(x: int, y: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        composite(plain(), [soft_patch(x, y, 20, 20)])


def test_b32_what_is_not_a_number_may_only_be_where_it_is_not_seen() -> None:
    patch = soft_patch(0, 0, 4, 4)
    colour = patch.colour.copy()
    colour[0, 0] = np.nan
    alpha = np.ones((4, 4), np.float32)
    with pytest.raises(ValueError, match="not finite"):
        composite(plain(), [Patch(0, 0, colour, alpha)])
    alpha[0, 0] = 0
    result = composite(plain(), [Patch(0, 0, colour, alpha)])
    assert np.array_equal(result.bgr[0, 0], plain().bgr[0, 0])
    with pytest.raises(ValueError, match="not finite"):
        composite(plain(), [Patch(0, 0, patch.colour, np.full((4, 4), np.nan, np.float32))])


def _file(folder: Path, kind: str) -> Path:
    """A picture of that kind with a smooth content, transparent in one half where it can be."""
    y, x = np.mgrid[0:40, 0:60]
    rgb = np.stack([x * 4, y * 6, 240 - x * 2], axis=-1).astype(np.uint8)
    path = folder / ("picture.jpg" if kind == "CMYK" else "picture.png")
    if kind.endswith("16"):
        deep = (rgb.astype(np.uint16) * 257) ^ np.uint16(0x35)
        deep = np.dstack([deep, np.where(x < 30, 65535, 7).astype(np.uint16)]) if kind == "RGBA16" else deep
        cv2.imwrite(str(path), deep[..., 0] if kind == "L16" else deep)
        return path
    image = Image.fromarray(rgb).convert(kind)
    if kind.endswith("A"):
        image.putalpha(Image.fromarray(np.where(x < 30, 255, 7).astype(np.uint8)))
    image.save(path, quality=95, subsampling=0)
    return path


@pytest.mark.parametrize("kind", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "L16", "RGB16", "RGBA16"])
def test_every_kind_of_pixels(tmp_path: Path, kind: str) -> None:
    picture = read_picture(_file(tmp_path, kind))
    patch = soft_patch(7, 5, 20, 30)
    result = composite(picture, [patch])
    assert result.pixels.dtype == picture.pixels.dtype
    assert result.pixels.shape == picture.pixels.shape
    outside = np.ones(picture.bgr.shape[:2], bool)
    outside[5:25, 7:37] = patch.alpha == 0
    assert np.array_equal(result.pixels[outside], picture.pixels[outside])
    assert not np.array_equal(result.pixels, picture.pixels)
    assert result.alpha is picture.alpha
    assert bool(result.notes) == (kind in {"1", "P"})


def test_lossless_formats_keep_all_other_pixels_bit_for_bit(tmp_path: Path) -> None:
    for kind in ("L", "LA", "RGB", "RGBA", "L16", "RGB16", "RGBA16"):
        path = _file(tmp_path, kind)
        picture = read_picture(path)
        patch = soft_patch(7, 5, 20, 30)
        for suffix in ("png", "tif"):
            write_picture(composite(picture, [patch]), tmp_path / f"result.{suffix}")
            again = read_picture(tmp_path / f"result.{suffix}")
            assert again.pixels.dtype == picture.pixels.dtype
            outside = np.ones(picture.bgr.shape[:2], bool)
            outside[5:25, 7:37] = patch.alpha == 0
            assert np.array_equal(again.pixels[outside], picture.pixels[outside])
            if picture.alpha is not None:
                assert again.alpha is not None
                assert np.array_equal(again.alpha, picture.alpha)


def test_grey_gets_the_luma(tmp_path: Path) -> None:
    picture = read_picture(_file(tmp_path, "L"))
    colour = np.full((4, 4, 3), (30, 90, 210), np.float32)
    result = composite(picture, [Patch(0, 0, colour, np.ones((4, 4), np.float32))])
    expected = np.asarray(Image.new("RGB", (1, 1), (210, 90, 30)).convert("L"))[0, 0]
    assert abs(int(result.pixels[0, 0]) - int(expected)) <= 1


def test_large_jpeg(tmp_path: Path) -> None:
    path, out = tmp_path / "large.jpg", tmp_path / "result.jpg"
    y, x = np.mgrid[0:3000, 0:2000]
    smooth = np.stack([x // 8, y // 12, (x + y) // 20], axis=-1).astype(np.uint8)
    Image.fromarray(smooth).save(path, quality=95, subsampling=0)
    picture = read_picture(path)
    colour = np.full((600, 500, 3), (60, 90, 200), np.float32)
    patch = Patch(800, 1200, colour, np.ones((600, 500), np.float32))
    write_picture(composite(picture, [patch]), out)
    seen = read_picture(out).bgr
    assert np.abs(seen[1300:1700, 900:1200].astype(int) - (60, 90, 200)).max() <= 2
    assert np.abs(seen[:1100].astype(int) - picture.bgr[:1100]).max() <= 3


@given(
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    x=st.integers(0, 8),
    y=st.integers(0, 8),
    seed=st.integers(0, 2**16),
    deep=st.booleans(),
    grey=st.booleans(),
)
def test_untouched_pixels_stay_whatever_the_patch(
    height: int, width: int, x: int, y: int, seed: int, deep: bool, grey: bool
) -> None:
    pixels: NDArray[Any] = np.random.default_rng(seed).integers(0, 256, (20, 20, 3)).astype(np.uint8)
    bgr = pixels
    if grey:
        pixels = pixels[..., 0]
        bgr = np.repeat(pixels[..., None], 3, axis=2)
    if deep:
        pixels = pixels.astype(np.uint16) * 257
    picture = replace(picture_from_array(bgr, Path("x.png")), pixels=pixels)
    patch = soft_patch(x, y, height, width, seed)
    result = composite(picture, [patch])
    outside = np.ones((20, 20), bool)
    outside[y : y + height, x : x + width] = patch.alpha == 0
    assert np.array_equal(result.pixels[outside], picture.pixels[outside])
    assert np.array_equal(result.bgr[outside], picture.bgr[outside])
