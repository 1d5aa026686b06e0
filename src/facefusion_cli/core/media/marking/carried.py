"""What a file carries that says how it was made: its XMP packet, and whether it has a C2PA manifest.

Found by the structure of the file, without decoding anything. Formats: XMP specification part 3; C2PA specification
2.2, appendix A (where manifests are embedded).
"""

from __future__ import annotations

import contextlib
import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from facefusion_cli.core.media.ifd import read_fields, read_header
from facefusion_cli.core.media.kinds import HEAD_SIZE, recognise
from facefusion_cli.core.media.marking.boxes import XMP_UUID, boxes
from facefusion_cli.core.media.marking.xmp import LONGEST_PACKET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["NOTHING_CARRIED", "Carried", "carried", "media_type"]

_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_XMP = b"XML:com.adobe.xmp\0"
_C2PA_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_TIFF_XMP, _TIFF_C2PA = 700, 52545
_MOST_PIECES = 100_000
_TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "TIFF": "image/tiff",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
    "GIF": "image/gif",
}


@dataclass(frozen=True, slots=True)
class Carried:
    """What was found."""

    xmp: bytes = b""
    manifest: bool = False
    """Whether there is a C2PA manifest; whether it is good is another question."""


NOTHING_CARRIED = Carried()


def media_type(path: Path) -> str:
    """The media type of a file that may hold a C2PA manifest, by its first bytes; "" for all others.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return _media_type(file.read(HEAD_SIZE))


def carried(path: Path) -> Carried:
    """Look through a picture or video; nothing is found in what is damaged or of another kind.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_SIZE)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        if head.startswith(b"\0\0\0\x0cjP  "):
            return _from_boxes(file, size)
        if head.startswith((b"II+\0", b"MM\0+")):  # of larger files; those are not read here
            return NOTHING_CARRIED
        found = _WALKERS.get(_media_type(head), _nothing)(file, size)
    if not found.xmp and _media_type(head) in ("image/avif", "image/heif"):
        return Carried(_by_pillow(path), found.manifest)
    return found


def _media_type(head: bytes) -> str:
    kind, name = recognise(head)
    if kind == "picture":
        return _TYPES.get(name, "")
    if kind == "video" and head[:4] == b"RIFF":
        return "video/x-msvideo"
    if kind == "video" and head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return "video/quicktime" if head[8:12] == b"qt  " or head[4:8] != b"ftyp" else "video/mp4"
    return ""


def _nothing(_file: BinaryIO, _size: int) -> Carried:
    return NOTHING_CARRIED


def _from_jpeg(file: BinaryIO, _size: int) -> Carried:
    xmp, manifest = b"", False
    file.seek(2)
    for _ in range(_MOST_PIECES):
        mark = file.read(2)
        while mark[1:] == b"\xff":  # as many as one likes may come before
            mark = b"\xff" + file.read(1)
        if len(mark) < 2 or mark[0] != 0xFF or mark[1] in (0xD9, 0xDA):
            break
        length = int.from_bytes(file.read(2), "big")
        if length < 2:
            break
        if mark[1] not in (0xE1, 0xEB):
            file.seek(length - 2, os.SEEK_CUR)
            continue
        data = file.read(length - 2)
        if mark[1] == 0xE1 and data.startswith(_JPEG_XMP) and not xmp:
            xmp = data[len(_JPEG_XMP) :]
        if mark[1] == 0xEB and data[:2] == b"JP" and b"c2pa" in data[:64]:
            manifest = True
    return Carried(xmp, manifest)


def _from_png(file: BinaryIO, size: int) -> Carried:
    xmp, manifest, place = b"", False, 8
    for _ in range(_MOST_PIECES):
        file.seek(place)
        head = file.read(8)
        if place + 8 > size or len(head) < 8:
            break
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"iTXt" and not xmp and length <= LONGEST_PACKET:
            xmp = _png_text(file.read(length))
        manifest = manifest or kind == b"caBX"
        place += 12 + length
    return Carried(xmp, manifest)


def _png_text(data: bytes) -> bytes:
    """The packet in a chunk of text; b"" for other texts."""
    if not data.startswith(_PNG_XMP):
        return b""
    packed = data[len(_PNG_XMP) : len(_PNG_XMP) + 1] == b"\1"
    text = data[len(_PNG_XMP) + 2 :].split(b"\0", 2)[-1]  # behind its language, and its name in that
    if not packed:
        return text
    with contextlib.suppress(zlib.error):
        return zlib.decompressobj().decompress(text, LONGEST_PACKET)
    return b""


def _from_riff(file: BinaryIO, size: int) -> Carried:
    xmp, manifest, place = b"", False, 12
    for _ in range(_MOST_PIECES):
        file.seek(place)
        head = file.read(8)
        if place + 8 > size or len(head) < 8:
            break
        length, kind = int.from_bytes(head[4:], "little"), head[:4]
        if kind in (b"XMP ", b"_PMX") and length <= LONGEST_PACKET:
            xmp = file.read(length)
        manifest = manifest or kind == b"C2PA"
        place += 8 + length + length % 2
    return Carried(xmp, manifest)


def _from_tiff(file: BinaryIO, _size: int) -> Carried:
    header = read_header(file)
    if header is None:
        return NOTHING_CARRIED
    order, offset = header
    fields = read_fields(file, order, offset, longest=LONGEST_PACKET)
    xmp = fields.get(_TIFF_XMP)
    return Carried(b"" if xmp is None else xmp.data, _TIFF_C2PA in fields)


def _from_boxes(file: BinaryIO, size: int) -> Carried:
    xmp, manifest = b"", False
    for kind, place, length in boxes(file, size):
        if kind == b"uuid":
            file.seek(place + 8)
            name = file.read(16)
            if name == XMP_UUID and length <= LONGEST_PACKET:
                xmp = file.read(length - 24)
            manifest = manifest or name == _C2PA_UUID
        elif kind == b"moov" and not xmp:
            xmp = _from_user_data(file, place, min(place + length, size))
    return Carried(xmp, manifest)


def _from_user_data(file: BinaryIO, place: int, end: int) -> bytes:
    """Where QuickTime files keep theirs."""
    file.seek(place + 8)
    for kind, start, length in boxes(file, end):
        if kind != b"udta":
            continue
        file.seek(start + 8)
        for inner, at, long in boxes(file, min(start + length, end)):
            if inner == b"XMP_" and long <= LONGEST_PACKET:
                file.seek(at + 8)
                return file.read(long - 8)
    return b""


def _by_pillow(path: Path) -> bytes:
    """Of pictures that are filed as items of a collection."""
    from pi_heif import register_heif_opener
    from PIL import Image

    from facefusion_cli.core.media.decode import pillow_on_our_terms

    register_heif_opener()
    # A damaged file says nothing.
    with contextlib.suppress(Exception), pillow_on_our_terms(), Image.open(path, formats=("AVIF", "HEIF")) as image:
        xmp = image.info.get("xmp")
        return xmp.encode() if isinstance(xmp, str) else xmp or b""
    return b""


_WALKERS: dict[str, Callable[[BinaryIO, int], Carried]] = {
    "image/jpeg": _from_jpeg,
    "image/png": _from_png,
    "image/webp": _from_riff,
    "video/x-msvideo": _from_riff,
    "image/tiff": _from_tiff,
    "image/avif": _from_boxes,
    "image/heif": _from_boxes,
    "video/mp4": _from_boxes,
    "video/quicktime": _from_boxes,
}
