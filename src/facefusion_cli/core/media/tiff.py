"""Writing TIFF: Pillow cannot write colour of 16 bits, OpenCV neither CMYK nor profiles nor metadata.

Format: TIFF 6.0 with Deflate (Adobe's technical notes on Photoshop TIFF) and the horizontal predictor (section 14).
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from facefusion_cli.core.media.ifd import BYTE, LONG, RATIONAL, SHORT, UNDEFINED, Field, serialise
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from facefusion_cli.core.media.ifd import ByteOrder, Directory

__all__ = ["encode_tiff"]

_STRIP_BYTES = 1 << 20
_EFFORT = 4
"""Of 9, as for PNG."""
_LARGEST_FILE = 2**32 - 1
_MINISBLACK, _RGB, _SEPARATED = 1, 2, 5
_DEFLATE, _HORIZONTAL, _INCH, _UNASSOCIATED_ALPHA = 8, 2, 2, 2


def encode_tiff(
    samples: NDArray[Any],
    *,
    alpha: bool,
    order: ByteOrder = "<",
    directory: Directory | None = None,
    icc: bytes = b"",
    xmp: bytes = b"",
    iptc: bytes = b"",
    dpi: tuple[float, float] | None = None,
) -> bytes:
    """The bytes of a TIFF file.

    ``samples`` is (H, W, channels), uint8 or uint16: grey, RGB or CMYK, with one more channel of opacity if ``alpha``.
    ``directory`` holds further fields (EXIF) in the byte order ``order``.

    Raises:
        OutputError: it would be larger than 4 GB, which TIFF cannot be.
    """
    height, width, channels = samples.shape
    bits = samples.dtype.itemsize * 8
    rows = max(1, _STRIP_BYTES // (width * channels * bits // 8))
    strips = [_compress(samples[top : top + rows], order) for top in range(0, height, rows)]
    places = np.cumsum([8, *map(len, strips)])
    end = int(places[-1]) + int(places[-1]) % 2
    colours = channels - alpha

    def numbers(kind: int, *values: int) -> Field:
        return Field(kind, len(values), struct.pack(f"{order}{len(values)}{'H' if kind == SHORT else 'I'}", *values))

    fields: dict[int, Field | Directory] = dict(directory or {})
    fields |= {
        256: numbers(LONG, width),
        257: numbers(LONG, height),
        258: numbers(SHORT, *[bits] * channels),
        259: numbers(SHORT, _DEFLATE),
        262: numbers(SHORT, {1: _MINISBLACK, 3: _RGB, 4: _SEPARATED}[colours]),
        273: numbers(LONG, *map(int, places[:-1])),
        274: numbers(SHORT, 1),
        277: numbers(SHORT, channels),
        278: numbers(LONG, rows),
        279: numbers(LONG, *map(len, strips)),
        284: numbers(SHORT, 1),
        317: numbers(SHORT, _HORIZONTAL),
    }
    if dpi:
        for tag, value in zip((282, 283), dpi, strict=True):
            fields[tag] = Field(RATIONAL, 1, struct.pack(f"{order}II", round(value * 10000), 10000))
        fields[296] = numbers(SHORT, _INCH)
    if alpha:
        fields[338] = numbers(SHORT, _UNASSOCIATED_ALPHA)
    for tag, kind, data in ((700, BYTE, xmp), (33723, UNDEFINED, iptc), (34675, UNDEFINED, icc)):
        if data:
            fields[tag] = Field(kind, len(data), data)
    tail = serialise(fields, order, end)
    if end + len(tail) > _LARGEST_FILE:
        raise OutputError("the picture is too large for TIFF, which ends at 4 GB.", hint="Write it as PNG.")
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return b"".join([mark + struct.pack(f"{order}I", end), *strips, b"\0" * (end - int(places[-1])), tail])


def _compress(samples: NDArray[Any], order: ByteOrder) -> bytes:
    differences = samples.copy()
    differences[:, 1:] -= samples[:, :-1]
    return zlib.compress(differences.astype(samples.dtype.newbyteorder(order)).tobytes(), _EFFORT)
