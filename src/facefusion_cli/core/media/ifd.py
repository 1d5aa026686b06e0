"""TIFF directories (IFD), the form that EXIF data has too.

Fields are carried as the bytes they are, never interpreted, so that nothing is lost or changed on the way.
Format: TIFF 6.0, section 2.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BYTE",
    "LONG",
    "RATIONAL",
    "SHORT",
    "UNDEFINED",
    "ByteOrder",
    "Directory",
    "Field",
    "read_fields",
    "read_header",
    "serialise",
    "whole_numbers",
]

ByteOrder = Literal["<", ">"]
BYTE, SHORT, LONG, RATIONAL, UNDEFINED = 1, 3, 4, 5, 7
_POINTER = 13
_SIZES = {BYTE: 1, 2: 1, SHORT: 2, LONG: 4, RATIONAL: 8, 6: 1, UNDEFINED: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_SIZES |= {_POINTER: 4, 129: 1}
_LONGEST_FIELD = 8192
"""Bytes. Longer ones hold programs' private data or pictures, and all of EXIF has to fit into 64 KB of JPEG."""
_MOST_FIELDS = 512


@dataclass(frozen=True, slots=True)
class Field:
    """One value or list of values: its type by TIFF's number, how many, and their bytes in the file's byte order."""

    kind: int
    count: int
    data: bytes


def read_header(file: BinaryIO) -> tuple[ByteOrder, int] | None:
    """Byte order and place of the first directory; None if ``file`` holds no (classic) TIFF structure."""
    file.seek(0)
    head = file.read(8)
    order: ByteOrder = "<" if head[:2] == b"II" else ">"
    if len(head) < 8 or head[:4] not in (b"II*\0", b"MM\0*"):
        return None
    return order, struct.unpack(f"{order}I", head[4:])[0]


def read_fields(file: BinaryIO, order: ByteOrder, offset: int, *, longest: int = _LONGEST_FIELD) -> dict[int, Field]:
    """The fields of the directory at ``offset`` by tag; damaged ones and those of more bytes are left out."""
    file.seek(offset)
    head = file.read(2)
    if len(head) < 2:
        return {}
    count = min(struct.unpack(f"{order}H", head)[0], _MOST_FIELDS)
    table = file.read(12 * count)
    fields: dict[int, Field] = {}
    for at in range(0, len(table) - 11, 12):
        tag, kind, number = struct.unpack_from(f"{order}HHI", table, at)
        size = _SIZES.get(kind, 0) * number
        if not 0 < size <= longest:
            continue
        data = table[at + 8 : at + 8 + size]
        if size > 4:
            file.seek(struct.unpack_from(f"{order}I", table, at + 8)[0])
            data = file.read(size)
        if len(data) == size:
            fields[tag] = Field(kind, number, data)
    return fields


def whole_numbers(field: Field | None, order: ByteOrder) -> tuple[int, ...]:
    """The values of a field of an unsigned type; () for any other."""
    codes = {BYTE: "B", SHORT: "H", LONG: "I", _POINTER: "I"}
    if field is None or field.kind not in codes:
        return ()
    return struct.unpack(f"{order}{field.count}{codes[field.kind]}", field.data)


Directory: TypeAlias = "Mapping[int, Field | Directory]"
"""Fields and sub-directories by their tag."""


def serialise(directory: Directory, order: ByteOrder, position: int) -> bytes:
    """The bytes of a directory that starts at ``position`` (even) of its file; its sub-directories follow it."""
    table, beyond = bytearray(), bytearray()
    # All fixed-size parts come first, then whatever they point to.
    start = position + 2 + 12 * len(directory) + 4
    for tag, value in sorted(directory.items()):
        place = start + len(beyond)
        if not isinstance(value, Field):
            table += struct.pack(f"{order}HHII", tag, LONG, 1, place)
            beyond += serialise(value, order, place)
        elif len(value.data) <= 4:
            table += struct.pack(f"{order}HHI4s", tag, value.kind, value.count, value.data)
        else:
            table += struct.pack(f"{order}HHII", tag, value.kind, value.count, place)
            beyond += value.data + b"\0" * (len(value.data) % 2)
    return struct.pack(f"{order}H", len(directory)) + bytes(table) + b"\0\0\0\0" + bytes(beyond)
