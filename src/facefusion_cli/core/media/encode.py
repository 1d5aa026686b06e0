"""Writing pictures: once, with all that the format can take of the original."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from facefusion_cli.core.media.decode import check_file
from facefusion_cli.core.media.exif import LONGEST_JPEG_BLOCK, exif_block
from facefusion_cli.core.media.formats import output_format
from facefusion_cli.core.media.images import to_depth_8
from facefusion_cli.core.media.marking.boxes import box_of
from facefusion_cli.core.media.marking.mark import statement
from facefusion_cli.core.media.marking.xmp import LONGEST_PACKET, packet_for
from facefusion_cli.core.media.png import encode_png
from facefusion_cli.core.media.tiff import encode_tiff
from facefusion_cli.errors import OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from facefusion_cli.core.media.images import Picture
    from facefusion_cli.core.media.marking.mark import Mark

__all__ = ["check_quality", "write_picture"]


@dataclass(frozen=True, slots=True)
class _Format:
    """What a format can hold, besides colour of 8 bits."""

    name: str
    grey: bool = True
    cmyk: bool = False
    deep: bool = False
    alpha: bool = False
    profile: bool = False
    longest_side: int = 2**31 - 1


_FORMATS = {
    "JPEG": _Format("JPEG", cmyk=True, profile=True, longest_side=65500),
    "PNG": _Format("PNG", deep=True, alpha=True, profile=True),
    "WEBP": _Format("WebP", grey=False, alpha=True, profile=True, longest_side=16383),
    "TIFF": _Format("TIFF", cmyk=True, deep=True, alpha=True, profile=True),
    "BMP": _Format("BMP"),
    "AVIF": _Format("AVIF", grey=False, alpha=True, profile=True, longest_side=65536),
    "JPEG2000": _Format("JPEG 2000", alpha=True),
    "PPM": _Format("PPM"),
}
_CARRY_XMP = frozenset({"JPEG", "PNG", "WEBP", "TIFF", "AVIF", "JPEG2000"})
_LONGEST_JPEG_XMP = 65502
"""Bytes: a JPEG segment without its own length and what tells that it is XMP."""


def write_picture(
    picture: Picture, file: Path, *, quality: int = 95, keep_metadata: bool = False, mark: Mark | None = None
) -> tuple[str, ...]:
    """Write ``picture`` in the format that the suffix of ``file`` asks for, and check that it can be read back.

    ``quality``, 1 to 100, is for JPEG, WebP and AVIF; with 100 WebP loses nothing, nor when
    the original is a WebP that lost nothing. JPEG and AVIF keep colour at full
    resolution (4:4:4). All other formats lose nothing but what they cannot hold; the returned sentences for the user
    say what that was. Of the metadata goes along what tells neither place nor owner, all with ``keep_metadata``;
    thumbnails and makers' notes never, since they show the original. ``mark`` says in XMP who made it; without one,
    and where the original says that it is synthetic, it says so still.

    Raises:
        UsageError: an unknown suffix, or a quality beyond 1 to 100.
        OutputError: the format cannot hold so large a picture, or what was written cannot be read back.
        OSError: the disk says no; ``AtomicOutput`` turns that into an OutputError with the file's final name.
    """
    check_quality(quality)
    kind = output_format(file)
    form = _FORMATS[kind]
    if max(picture.width, picture.height) > form.longest_side:
        raise OutputError(
            f"a picture of {picture.width} x {picture.height} pixels is too large for {form.name}.",
            hint="Write it as PNG.",
        )
    fitted, notes = _fit(picture, form)
    exif = _exif(picture, keep_metadata)
    if kind == "JPEG" and len(exif) > LONGEST_JPEG_BLOCK:
        exif = b""
        notes = (*notes, "the EXIF data are too long for JPEG: left out.")
    if keep_metadata and picture.metadata.xmp_left_out and kind in _CARRY_XMP:
        notes = (*notes, "the XMP data are too long or hold pictures of the original: left out.")
    xmp, more = _xmp(picture, kind, mark, keep_metadata)
    notes = (*notes, *more)
    file.write_bytes(_encode(fitted, kind, picture, exif, xmp, quality, keep_metadata))
    check_file(file, kind, picture.width, picture.height)
    return notes


def check_quality(quality: int) -> None:
    """See to it that ``write_picture`` will take this quality.

    Raises:
        UsageError: it is not from 1 to 100.
    """
    if not 1 <= quality <= 100:
        raise UsageError(f"{quality} is no image quality.", hint="Give a number from 1 to 100.")


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """Pixels as the format takes them: (H, W), (H, W, 3) BGR or (H, W, 4) CMYK."""

    pixels: NDArray[Any]
    alpha: NDArray[Any] | None
    icc: bytes


def _fit(picture: Picture, form: _Format) -> tuple[_Fitted, tuple[str, ...]]:
    pixels, alpha, icc = picture.pixels, picture.alpha, picture.icc
    notes = []
    is_cmyk = pixels.ndim == 3 and pixels.shape[2] == 4
    if pixels.dtype != np.uint8 and not form.deep:
        notes.append(f"{form.name} holds 8 bits per colour: the original has 16.")
    lost = (is_cmyk and not form.cmyk) or (picture.profile is not None and not form.profile)
    if lost or (pixels.ndim == 2 and not form.grey):
        if lost:
            notes.append(f"{form.name} cannot hold its kind of colours: converted to sRGB.")
        pixels, icc = picture.bgr, b""
    if not form.deep:
        pixels = to_depth_8(pixels)
    elif alpha is not None and pixels.ndim == 2 and pixels.dtype != np.uint8:
        # Grey of 16 bits with opacity is a mode that no library here reads and writes.
        if picture.profile is None:
            pixels, icc = cv2.merge([pixels] * 3), b""
        else:
            notes.append("grey of 16 bits with transparency is written at 8 bits.")
            pixels = to_depth_8(pixels)
    if alpha is not None:
        alpha = to_depth_8(alpha) if pixels.dtype == np.uint8 else alpha
        if not form.alpha:
            notes.append(f"{form.name} has no transparency: laid on white.")
            pixels, alpha = _on_white(pixels, alpha), None
    return _Fitted(pixels, alpha, icc if form.profile else b""), tuple(notes)


def _on_white(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    opacity = alpha.astype(np.uint16) if pixels.ndim == 2 else alpha.astype(np.uint16)[..., None]
    return ((pixels * opacity + 255 * (255 - opacity) + 127) // 255).astype(np.uint8)


def _exif(picture: Picture, keep: bool) -> bytes:
    exif = picture.metadata.exif
    return exif_block(exif, picture.width, picture.height, keep_private=keep) if exif else b""


def _xmp(picture: Picture, kind: str, mark: Mark | None, keep: bool) -> tuple[bytes, tuple[str, ...]]:
    """The packet, b"" for none, and what the user should know of it."""
    about = picture.metadata
    said = statement(mark, about.said)
    if kind not in _CARRY_XMP:
        return b"", (f"{_FORMATS[kind].name} cannot say that it is synthetic: not marked.",) if said.source_type else ()
    longest = _LONGEST_JPEG_XMP if kind == "JPEG" else LONGEST_PACKET
    kept = about.xmp if keep else b""
    if kept and mark is None and about.said.source_type == said.source_type:
        return kept, ()
    packet, note = packet_for(said, kept, longest=longest)
    return packet, (note,) if note else ()


def _encode(fitted: _Fitted, kind: str, picture: Picture, exif: bytes, xmp: bytes, quality: int, keep: bool) -> bytes:
    about = picture.metadata
    iptc = about.iptc if keep else b""
    if kind == "PNG":
        exif = exif.removeprefix(b"Exif\0\0")
        return encode_png(fitted.pixels, fitted.alpha, icc=fitted.icc, exif=exif, xmp=xmp, dpi=about.dpi)
    if kind == "TIFF":
        return encode_tiff(
            _samples(fitted),
            alpha=fitted.alpha is not None,
            order=about.exif.order if about.exif else "<",
            directory=about.exif.directory(picture.width, picture.height, keep_private=keep) if about.exif else None,
            icc=fitted.icc,
            xmp=xmp,
            iptc=iptc,
            dpi=about.dpi,
        )
    options: dict[str, Any] = {}
    if kind in {"JPEG", "WEBP", "AVIF"}:
        options |= {"quality": quality}
        options |= {key: value for key, value in (("icc_profile", fitted.icc), ("exif", exif), ("xmp", xmp)) if value}
    if kind == "JPEG":
        options |= {"subsampling": 0, "extra": _iptc_segment(iptc) if iptc else b""}
    elif kind == "WEBP":
        # Colours under full transparency are kept: they may be shown again.
        options |= {"lossless": quality == 100 or picture.lossless, "exact": True, "use_sharp_yuv": True}
    elif kind == "AVIF":
        options |= {"subsampling": "4:4:4"}
    if kind in {"JPEG", "BMP"} and about.dpi:
        options |= {"dpi": tuple(map(round, about.dpi))}
    buffer = io.BytesIO()
    try:
        _image(fitted).save(buffer, kind, **options)
    except (OSError, ValueError) as error:
        raise OutputError(f"the picture cannot be written as {_FORMATS[kind].name}: {error}.") from error
    return buffer.getvalue() + (box_of(xmp) if xmp and kind == "JPEG2000" else b"")


def _samples(fitted: _Fitted) -> NDArray[Any]:
    """(H, W, channels) for TIFF: grey, RGB or CMYK, then opacity."""
    if fitted.pixels.ndim == 3 and fitted.pixels.shape[2] == 4:
        return fitted.pixels
    planes = [fitted.pixels] if fitted.pixels.ndim == 2 else list(cv2.split(fitted.pixels))[::-1]
    if fitted.alpha is None:
        return np.stack(planes, axis=-1)
    return np.stack([*planes, fitted.alpha], axis=-1)


def _image(fitted: _Fitted) -> Image.Image:
    pixels, alpha = fitted.pixels, fitted.alpha
    if pixels.ndim == 2:
        return Image.fromarray(pixels if alpha is None else np.stack([pixels, alpha], axis=-1))
    if pixels.shape[2] == 4:
        return Image.fromarray(pixels, "CMYK")
    if alpha is None:
        return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    blue, green, red = cv2.split(pixels)
    return Image.fromarray(cv2.merge([red, green, blue, alpha]))


def _iptc_segment(records: bytes) -> bytes:
    """A JPEG segment for Photoshop's resource 0x0404, the usual place of IPTC records."""
    data = b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(records)) + records
    data += b"\0" * (len(records) % 2)
    return b"\xff\xed" + struct.pack(">H", len(data) + 2) + data
