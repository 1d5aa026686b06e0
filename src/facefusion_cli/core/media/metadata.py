"""What a picture says about itself besides its pixels and colours."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from facefusion_cli.core.media.exif import Exif, parse_exif
from facefusion_cli.core.media.marking.mark import NOTHING_SAID, Said
from facefusion_cli.core.media.marking.xmp import said_in

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["NO_METADATA", "Metadata", "read_metadata"]

_IPTC_RESOURCE = 0x0404
# An opening without its end is given up at the next one, or many would take quadratic time.
_XMP_THUMBNAILS = re.compile(rb"<(xmp|xap):Thumbnails\b(?:(?!<\1:Thumbnails\b).)*?</\1:Thumbnails>", re.DOTALL)
# Pictures inside, or references to others that are not carried; zeros are UTF-16, in which nothing would be found.
_XMP_PICTURES = (b"Thumbnails", b"GImg:", b"GImage:", b"HasExtendedXMP", b"hdrgm:", b"Container:Directory", b"\0")
_LONGEST_XMP = 65000
"""Bytes: what fits into a segment of JPEG."""
_XMP_ORIENTATION = re.compile(rb"""(tiff:Orientation\s*(?:=\s*["']|>)\s*)[1-8]""")


@dataclass(frozen=True, slots=True)
class Metadata:
    """Kept from the file that was read, to be carried to a result as far as its format allows."""

    exif: Exif | None = None
    xmp: bytes = b""
    """XML without embedded pictures; only carried when asked for, since it may hold places and names."""
    xmp_left_out: bool = False
    """Whether the file has XMP that cannot be carried: too long, or with pictures or references to them."""
    iptc: bytes = b""
    """IPTC-IIM records; only carried when asked for."""
    dpi: tuple[float, float] | None = None
    """Pixels per inch, across and down."""
    said: Said = NOTHING_SAID
    """How the file says that it was made; never private, and carried by what is made from it."""


NO_METADATA = Metadata()


def read_metadata(image: Image.Image, file: BinaryIO) -> tuple[Metadata, int]:
    """What Pillow found in ``file``, and the EXIF orientation, 1 to 8, of the pixels as stored.

    The metadata describe the picture turned upright. Damaged ones are left out, as programs that show pictures do.
    """
    info = image.info
    exif = parse_exif(file if image.format == "TIFF" else _exif_data(info))
    orientation = exif.orientation if exif else 1
    dpi = _dpi(info.get("dpi"))
    xmp = info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    if isinstance(xmp, str):
        xmp = xmp.encode()
    clean = _clean_xmp(bytes(xmp), turned=orientation != 1)
    metadata = Metadata(
        exif=exif,
        xmp=clean,
        xmp_left_out=bool(xmp) and not clean,
        iptc=_iptc(image),
        dpi=dpi[::-1] if dpi and orientation >= 5 else dpi,
        said=said_in(bytes(xmp)),
    )
    return metadata, orientation


def _exif_data(info: dict[Any, Any]) -> bytes:
    data = info.get("exif")
    if isinstance(data, bytes):
        return data
    # How ImageMagick and others put EXIF into PNG before there was a chunk for it: three lines of head, then hex.
    text = info.get("Raw profile type exif")
    if isinstance(text, str):
        digits = "".join(text.split("\n")[3:])
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", digits):
            return bytes.fromhex(digits)
    return b""


def _dpi(value: object) -> tuple[float, float] | None:
    if not isinstance(value, tuple) or len(value) != 2:
        return None
    across, down = (float(number) for number in value)
    good = math.isfinite(across) and math.isfinite(down) and 1 <= across <= 65535 and 1 <= down <= 65535
    return (across, down) if good else None


def _clean_xmp(xmp: bytes, *, turned: bool) -> bytes:
    """Without thumbnails and with the orientation of the pixels; nothing at all if pictures may be left in it."""
    if len(xmp) > _LONGEST_XMP:
        return b""
    xmp = _XMP_THUMBNAILS.sub(b"", xmp)
    if any(mark in xmp for mark in _XMP_PICTURES):
        return b""
    return _XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if turned else xmp


def _iptc(image: Image.Image) -> bytes:
    resources = image.info.get("photoshop")
    if isinstance(resources, dict):
        records = resources.get(_IPTC_RESOURCE, b"")
    elif image.format == "TIFF":
        records = getattr(image, "tag_v2", {}).get(33723, b"")
    else:
        return b""
    return records if isinstance(records, bytes) and len(records) < 60000 else b""
