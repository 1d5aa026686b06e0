"""PNG as chunks: pixels by OpenCV, which has all depths, and what belongs to them put in front or taken away.

Format: Portable Network Graphics (PNG) Specification, third edition.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["bare_png", "encode_png"]

_HEAD = 8 + 25
"""Bytes of the signature and the header chunk, after which the others may come."""
_INCH = 0.0254
_EFFORT = 4
"""Of 9: files a tenth larger than with 6 in less than half of the time."""
_PIECE = 2**20
"""Bytes of a data chunk, the most that OpenCV allows. With its usual 8 kB writing takes longer, and so does signing
(C2PA), to which each chunk is some calls into Python."""


def encode_png(
    pixels: NDArray[Any],
    alpha: NDArray[Any] | None,
    *,
    icc: bytes = b"",
    exif: bytes = b"",
    xmp: bytes = b"",
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """The bytes of a PNG file of (H, W) grey or (H, W, 3) BGR ``pixels``, uint8 or uint16.

    ``exif`` begins with its TIFF header. Grey with ``alpha`` has to be of 8 bits.
    """
    data = _grey_with_alpha(pixels, alpha) if alpha is not None and pixels.ndim == 2 else _plain(pixels, alpha)
    chunks = []
    if icc:
        chunks.append(_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(icc)))
    if dpi:
        chunks.append(_chunk(b"pHYs", struct.pack(">IIB", *(round(value / _INCH) for value in dpi), 1)))
    if exif:
        chunks.append(_chunk(b"eXIf", exif))
    if xmp:
        chunks.append(_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))
    return b"".join([data[:_HEAD], *chunks, data[_HEAD:]])


def bare_png(data: bytes) -> bytes:
    """A PNG file reduced to its first picture: the critical chunks and the transparent colour.

    libpng prints what it thinks of the others to the standard error stream.
    """
    parts, at = [data[:8]], 8
    while at < len(data):
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        if name[:1].isupper() or name == b"tRNS":
            parts.append(data[at:end])
        at = end
    return b"".join(parts)


def _plain(pixels: NDArray[Any], alpha: NDArray[Any] | None) -> bytes:
    if alpha is not None:
        pixels = cv2.merge([*cv2.split(pixels), alpha])
    how = (cv2.IMWRITE_PNG_COMPRESSION, _EFFORT, cv2.IMWRITE_PNG_ZLIBBUFFER_SIZE, _PIECE)
    whole, file = cv2.imencode(".png", pixels, how)
    assert whole  # it has no reason to fail in memory
    return bytes(file.tobytes())


def _grey_with_alpha(pixels: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> bytes:
    """By Pillow: OpenCV has no such mode."""
    buffer = io.BytesIO()
    Image.fromarray(np.stack([pixels, alpha], axis=-1)).save(buffer, "PNG")
    return buffer.getvalue()


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
