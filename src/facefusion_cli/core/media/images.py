"""Reading pictures."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from facefusion_cli.core.media.colour import ColourProfile, cmyk_to_srgb, parse_profile
from facefusion_cli.core.media.decode import decode
from facefusion_cli.core.media.files import refuse_others, unreadable
from facefusion_cli.core.media.kinds import HEAD_SIZE, identify
from facefusion_cli.core.media.metadata import NO_METADATA, Metadata
from facefusion_cli.core.media.sized import SizedReader
from facefusion_cli.errors import InputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "DEFAULT_PIXEL_LIMIT",
    "Picture",
    "picture_from_array",
    "read_picture",
    "to_depth_8",
    "to_srgb",
]

DEFAULT_PIXEL_LIMIT = 100_000_000
_LIMIT_VARIABLE = "FACEFUSION_MAX_PIXELS"


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """A picture as its file has it, and beside that as faces are found in it. Nobody changes its arrays."""

    path: Path
    format: str
    """Pillow's name: "JPEG", "PNG", "HEIF" ..."""
    bgr: NDArray[np.uint8]
    """(H, W, 3) sRGB, upright, C-contiguous; where the picture is transparent the colours hidden there."""
    notes: tuple[str, ...]
    """Sentences for the user about what is not as the file has it."""
    pixels: NDArray[Any]
    """The original, upright: (H, W) grey, (H, W, 3) BGR or (H, W, 4) CMYK (255: full ink), uint8 or uint16.

    The very same array as ``bgr`` where that is all there is.
    """
    alpha: NDArray[Any] | None = None
    """(H, W) opacity, of the type of ``pixels``."""
    icc: bytes = b""
    """The colour profile of ``pixels``; b"" means sRGB, or whatever a program takes grey and CMYK for."""
    profile: ColourProfile | None = None
    """The same for computing; None also if ``icc`` is sRGB."""
    mode: str = "RGB"
    """Pillow's name for the pixels in the file: "RGB", "P", "1" ..."""
    metadata: Metadata = NO_METADATA
    lossless: bool = False
    """Whether its file is a WebP that lost nothing."""

    @property
    def width(self) -> int:
        """Pixels across, upright."""
        return int(self.bgr.shape[1])

    @property
    def height(self) -> int:
        """Pixels down, upright."""
        return int(self.bgr.shape[0])


def read_picture(path: Path) -> Picture:
    """Read the picture at ``path``, whatever its name says it is.

    Raises:
        InputError: missing, not an ordinary file, empty, not a picture, damaged, larger than the pixel limit (from the
            environment variable FACEFUSION_MAX_PIXELS, else 100 million).
        UsageError: that variable is not a number above 0.
    """
    limit = _pixel_limit()
    with _open(path) as file:
        head = file.read(HEAD_SIZE)
        if not head:
            raise InputError(f'"{path}" is empty.')
        decoded = decode(file, path, identify(head, path), limit)
    icc, profile, notes = decoded.icc, None, list(decoded.notes)
    if icc:
        try:
            profile = parse_profile(icc, decoded.pixels.shape[2] if decoded.pixels.ndim == 3 else 1)
        except ValueError:
            icc = b""
            notes.append("its colour profile is damaged or for another kind of picture: left out.")
    return Picture(
        path=path,
        format=decoded.format,
        bgr=to_srgb(decoded.pixels, profile),
        notes=tuple(notes),
        pixels=decoded.pixels,
        alpha=decoded.alpha,
        icc=icc,
        profile=profile,
        mode=decoded.mode,
        metadata=decoded.metadata,
        lossless=decoded.lossless,
    )


def picture_from_array(bgr: NDArray[np.uint8], path: Path) -> Picture:
    """A picture of nothing but (H, W, 3) sRGB pixels; ``path`` is what messages call it."""
    return Picture(path=path, format="", bgr=bgr, notes=(), pixels=bgr)


def to_depth_8(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Rounded to 8 bits; 8-bit pixels as they are."""
    if pixels.dtype == np.uint8:
        return pixels
    # 65535 = 255 * 257, so x / 257 is exact; in 32 bits because of the sum.
    return ((pixels + np.uint32(128)) // np.uint32(257)).astype(np.uint8)


def to_srgb(pixels: NDArray[Any], profile: ColourProfile | None) -> NDArray[np.uint8]:
    """``Picture.bgr`` of such ``pixels``: the same array if they are that already."""
    shallow = to_depth_8(pixels)
    if profile is not None:
        return profile.to_srgb(shallow)
    if shallow.ndim == 2:
        return np.repeat(shallow[..., None], 3, axis=2)
    return cmyk_to_srgb(shallow) if shallow.shape[2] == 4 else shallow


def _pixel_limit() -> int:
    text = os.environ.get(_LIMIT_VARIABLE, "")
    if not text:
        return DEFAULT_PIXEL_LIMIT
    try:
        limit = int(text)
    except ValueError:
        limit = 0
    if limit <= 0:
        raise UsageError(f'{_LIMIT_VARIABLE} must be a whole number above 0, not "{text}".')
    return limit


@contextlib.contextmanager
def _open(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file; anything else is refused unopened, since opening a pipe would wait for ever."""
    try:
        refuse_others(path, path.stat().st_mode, "a picture")
        with SizedReader(path) as file:
            yield file
    except OSError as error:
        if error.filename is not None and str(error.filename) != str(path):
            raise  # about another file
        raise unreadable(path, error) from error
