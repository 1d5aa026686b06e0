"""Between a picture's own colours and sRGB.

Whole pictures go through LittleCMS (in Pillow) at 8 bits. What is pasted into them goes the other way in floating
point, so that deep pictures stay deep: by the formulas of ICC.1:2022 (8.3, 10.6 and 10.18) for profiles made of
a matrix and curves, as those of cameras, phones and screens are; through LittleCMS at 8 bits for the others.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageCms

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ColourProfile", "cmyk_to_srgb", "grey_of", "parse_profile", "srgb_to_cmyk"]

# sRGB's primaries relative to D50, the white of ICC profiles (IEC 61966-2-1, Bradford-adapted).
_SRGB_TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)
_GREY_WEIGHTS = np.array([0.114, 0.587, 0.299], np.float32)
"""Rec. 601 luma of BGR."""
_SPACES = {1: "GRAY", 3: "RGB ", 4: "CMYK"}
_MODES = {1: "L", 3: "RGB", 4: "CMYK"}
_LEVELS = 4096
"""Samples of a curve; they are even steps of the encoded value, so that the inverse is exact in the shadows too."""
_SAME = 2
"""Levels of 8 bits; profiles that call themselves sRGB differ by that much from one another."""


@dataclass(frozen=True, slots=True, eq=False)
class ColourProfile:
    """The ICC profile of pixels that are not sRGB."""

    channels: int
    """1 grey, 3 BGR, 4 CMYK."""
    _profile: ImageCms.ImageCmsProfile
    _curves: tuple[NDArray[np.float64], ...]
    """Linear light of each channel's levels, in the profile's order; () if only LittleCMS can compute with it."""
    _from_xyz: NDArray[np.float64] | None

    def to_srgb(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W), (H, W, 3) BGR or (H, W, 4) CMYK, uint8 -> (H, W, 3) BGR sRGB, uint8."""
        modes = _MODES[self.channels], "RGB"
        return _bgr(_transform(_image(pixels), self._profile, _srgb(), modes, blacks_meet=not self._curves))

    def from_srgb(self, colour: NDArray[np.float32]) -> NDArray[np.float32]:
        """(h, w, 3) BGR sRGB, 0 to 255 -> the same with this profile's ``channels`` (2-d for grey), 0 to 255."""
        if not self._curves:
            image = _image(np.rint(colour.clip(0, 255)).astype(np.uint8))
            modes = "RGB", _MODES[self.channels]
            image = _transform(image, _srgb(), self._profile, modes, blacks_meet=True)
            return np.array(_bgr(image) if self.channels == 3 else image, np.float32)
        linear = _srgb_to_linear(colour[..., ::-1].astype(np.float64) / 255)
        levels = np.linspace(0, 255, _LEVELS)
        if self._from_xyz is None:
            return np.asarray(np.interp(linear @ _SRGB_TO_XYZ[1], self._curves[0], levels), np.float32)
        rgb = linear @ (self._from_xyz @ _SRGB_TO_XYZ).T
        encoded = [np.interp(rgb[..., channel], self._curves[channel], levels) for channel in (2, 1, 0)]
        return np.stack(encoded, axis=-1).astype(np.float32)


def parse_profile(icc: bytes, channels: int) -> ColourProfile | None:
    """The profile of pixels with so many ``channels``; None if it is sRGB within two levels.

    Raises:
        ValueError: it is damaged, or meant for another kind of pixels.
    """
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        if profile.profile.xcolor_space != _SPACES[channels]:
            raise ValueError("the profile is for other pixels")
        curves, from_xyz = _matrix_and_curves(icc, channels)
        parsed = ColourProfile(channels, profile, curves, from_xyz)
        if channels == 4:
            return parsed
        sample = _sample(channels)
        given = sample if channels == 3 else np.repeat(sample[..., None], 3, axis=2)
        difference = parsed.to_srgb(sample).astype(np.int16) - given.astype(np.int16)
    except (ImageCms.PyCMSError, OSError, struct.error, LookupError, np.linalg.LinAlgError) as error:
        raise ValueError("the profile is damaged") from error
    return None if np.abs(difference).max() <= _SAME else parsed


def grey_of(colour: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w, 3) BGR -> (h, w): the luma that Pillow's mode "L" and grey JPEG hold."""
    return colour @ _GREY_WEIGHTS


def cmyk_to_srgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, 4) CMYK without a profile -> (H, W, 3) BGR, as Pillow and most programs show it: (1 - ink) (1 - black)."""
    return _bgr(_image(pixels).convert("RGB"))


def srgb_to_cmyk(colour: NDArray[np.float32], black: NDArray[np.float32]) -> NDArray[np.float32]:
    """The inverse of ``cmyk_to_srgb`` that keeps as much of the (h, w) ``black`` that was there as the colour allows.

    With the same share of black as around it, a pasted region blends in without a fringe.
    """
    rgb = colour[..., ::-1].clip(0, 255) / 255
    black = np.minimum(black / 255, 1 - rgb.max(axis=-1))
    inks = 1 - rgb / np.maximum(1 - black, 1e-6)[..., None]
    return np.concatenate([inks.clip(0, 1), black[..., None]], axis=-1).astype(np.float32) * 255


def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


def _transform(
    image: Image.Image,
    source: ImageCms.ImageCmsProfile,
    destination: ImageCms.ImageCmsProfile,
    modes: tuple[str, str],
    *,
    blacks_meet: bool,
) -> Image.Image:
    """``blacks_meet`` makes the darkest ink the screen's black; matrix profiles are converted as they say."""
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION if blacks_meet else ImageCms.Flags.NONE
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    transform = ImageCms.buildTransform(source, destination, *modes, intent, flags)
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # only so when asked to work in place
    return converted


def _image(pixels: NDArray[np.uint8]) -> Image.Image:
    if pixels.ndim == 3 and pixels.shape[2] == 3:
        return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    return Image.fromarray(pixels, "CMYK" if pixels.ndim == 3 else "L")


def _bgr(image: Image.Image) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2BGR), np.uint8)


def _sample(channels: int) -> NDArray[np.uint8]:
    if channels == 1:
        return np.arange(256, dtype=np.uint8)[None]
    levels = np.arange(0, 256, 51, dtype=np.uint8)
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=-1).reshape(1, -1, 3)
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    return np.ascontiguousarray(np.concatenate([cube, greys], axis=1))


def _srgb_to_linear(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1; values beyond 0 to 1 are cut off."""
    encoded = encoded.clip(0, 1)
    return np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)


def _matrix_and_curves(icc: bytes, channels: int) -> tuple[tuple[NDArray[np.float64], ...], NDArray[np.float64] | None]:
    """Curves and matrix of a profile that consists of those alone; ((), None) of any other."""
    (count,) = struct.unpack_from(">I", icc, 128)
    tags = {
        icc[at : at + 4]: icc[place : place + size]
        for at in range(132, 132 + 12 * min(count, 100), 12)
        for place, size in [struct.unpack_from(">II", icc, at + 4)]
    }
    if channels == 4 or icc[20:24] != b"XYZ " or {b"A2B0", b"A2B1", b"B2A0", b"B2A1"} & tags.keys():
        return (), None
    names = (b"kTRC",) if channels == 1 else (b"rTRC", b"gTRC", b"bTRC")
    with np.errstate(all="ignore"):
        curves = tuple(_curve(tags[name]) for name in names if name in tags)
        # Falling curves (or those of damaged numbers) cannot be inverted by interpolation.
        if len(curves) < channels or not all(np.all(np.diff(curve) >= 0) for curve in curves):
            return (), None
    if channels == 1:
        return curves, None
    columns = np.array([struct.unpack_from(">3i", tags[name], 8) for name in (b"rXYZ", b"gXYZ", b"bXYZ")])
    return curves, np.asarray(np.linalg.inv(columns.T / 65536), np.float64)


def _curve(tag: bytes) -> NDArray[np.float64]:
    """Linear light at ``_LEVELS`` even steps of a "curv" or "para" tag (ICC.1:2022, 10.6 and 10.18)."""
    x = np.linspace(0, 1, _LEVELS)
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return x
        values = np.array(struct.unpack_from(f">{count}H", tag, 12))
        if count == 1:
            return np.asarray(x ** (values[0] / 256))
        return np.asarray(np.interp(x, np.linspace(0, 1, count), values / 65535))
    if tag[:4] != b"para":
        raise ValueError("the profile has an unknown kind of curve")
    (kind,) = struct.unpack_from(">H", tag, 8)
    g, *rest = np.array(struct.unpack_from(f">{(1, 3, 4, 5, 7)[kind]}i", tag, 12)) / 65536
    if kind == 0:
        return np.asarray(x**g)
    a, b, *rest = rest
    power = (a * x + b).clip(0) ** g
    if kind < 3:
        c = rest[0] if kind == 2 else 0.0
        return np.asarray(np.where(a * x >= -b, power + c, c))
    c, d, *rest = rest
    e, f = rest if kind == 4 else (0.0, 0.0)
    return np.asarray(np.where(x >= d, power + e, c * x + f))
