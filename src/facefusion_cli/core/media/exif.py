"""EXIF: what is read of it, and what of it goes into a result.

A result carries when and how a picture was taken, and its copyright notice, which stays even if it names somebody. Not
where, by whom or by which very device it was taken (unless asked to), and never another rendering of the original face:
no thumbnail, and no maker's note, which often holds a preview.
Tags: EXIF 2.32 (CIPA DC-008).
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from facefusion_cli.core.media.ifd import LONG, SHORT, Field, read_fields, read_header, serialise, whole_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from facefusion_cli.core.media.ifd import ByteOrder, Directory

__all__ = ["LONGEST_JPEG_BLOCK", "Exif", "exif_block", "parse_exif"]

_ORIENTATION, _RESOLUTION_UNIT = 274, 296
_EXIF_DIRECTORY, _GPS_DIRECTORY, _INTEROP_DIRECTORY = 0x8769, 0x8825, 0xA005
_WIDTH, _HEIGHT = 0xA002, 0xA003
_MAKER_NOTE = 0x927C

_MAIN_TAGS = frozenset(
    {270, 271, 272, _ORIENTATION, 282, 283, _RESOLUTION_UNIT, 305, 306, 315, 33432}  # description to copyright
    | {18246, 18249}  # rating
    | set(range(40091, 40096))  # the same in Windows' own tags
)
_PRIVATE_TAGS = frozenset(
    {315, 40093}  # artist, the same in Windows' own tags
    | {0xA420, 0xA430, 0xA431, 0xA435}  # unique id, owner, serial numbers of camera and lens
    | {0xA437, 0xA438}  # photographer and editor (EXIF 3.0)
)
_EXIF_TAGS = range(0x829A, 0xA501)
LONGEST_JPEG_BLOCK = 65533
"""Bytes: a JPEG segment without its own length. Real cameras' data without their notes stays far below."""


@dataclass(frozen=True, slots=True)
class Exif:
    """The fields of a picture's EXIF data, as bytes in the byte order ``order``."""

    order: ByteOrder
    main: Mapping[int, Field]
    exif: Mapping[int, Field]
    gps: Mapping[int, Field]
    interop: Mapping[int, Field]

    @property
    def orientation(self) -> int:
        """1 (upright) to 8."""
        values = whole_numbers(self.main.get(_ORIENTATION), self.order)
        return values[0] if values and 1 <= values[0] <= 8 else 1

    def directory(self, width: int, height: int, *, keep_private: bool) -> Directory:
        """What a result of ``width`` x ``height`` upright pixels carries, as the directory of a TIFF file.

        ``keep_private`` keeps GPS data, the names of owner and authors, and serial numbers.
        """
        left_out = frozenset() if keep_private else _PRIVATE_TAGS
        main: dict[int, Field | Directory] = {tag: self.main[tag] for tag in (self.main.keys() & _MAIN_TAGS) - left_out}
        main[_ORIENTATION] = self._number(SHORT, 1)
        exif: dict[int, Field | Directory] = {
            tag: field
            for tag, field in self.exif.items()
            if tag in _EXIF_TAGS and tag != _MAKER_NOTE and tag not in left_out
        }
        for tag, size in ((_WIDTH, width), (_HEIGHT, height)):
            if tag in exif:
                exif[tag] = self._number(LONG, size)
        exif.pop(_INTEROP_DIRECTORY, None)
        if self.interop:
            exif[_INTEROP_DIRECTORY] = self.interop
        if exif:
            main[_EXIF_DIRECTORY] = exif
        if self.gps and keep_private:
            main[_GPS_DIRECTORY] = self.gps
        return main

    def _number(self, kind: int, value: int) -> Field:
        return Field(kind, 1, struct.pack(f"{self.order}{'H' if kind == SHORT else 'I'}", value))


def parse_exif(data: bytes | BinaryIO) -> Exif | None:
    """Read EXIF data, or those of a whole TIFF file; None if there are none. Damaged fields are left out."""
    file = io.BytesIO(re.sub(rb"^(Exif\0\0)+", b"", data)) if isinstance(data, bytes) else data
    header = read_header(file)
    if header is None:
        return None
    order, offset = header
    main = read_fields(file, order, offset)

    def below(parent: Mapping[int, Field], tag: int) -> Mapping[int, Field]:
        place = whole_numbers(parent.get(tag), order)
        return read_fields(file, order, place[0]) if place else {}

    exif = below(main, _EXIF_DIRECTORY)
    return Exif(order, main, exif, below(main, _GPS_DIRECTORY), below(exif, _INTEROP_DIRECTORY)) if main else None


def exif_block(exif: Exif, width: int, height: int, *, keep_private: bool) -> bytes:
    """``Exif.directory`` as the block that JPEG, PNG, WebP and AVIF files embed."""
    directory = exif.directory(width, height, keep_private=keep_private)
    mark = b"II*\0" if exif.order == "<" else b"MM\0*"
    return b"Exif\0\0" + mark + struct.pack(f"{exif.order}I", 8) + serialise(directory, exif.order, 8)
