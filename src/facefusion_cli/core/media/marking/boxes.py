"""XMP in files of ISO media and JPEG 2000, and in AVI: a piece of its own at the end.

Formats: XMP specification part 3; ISO/IEC 14496-12 (boxes); RIFF.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["XMP_UUID", "add_box", "add_chunk", "box_of", "boxes"]

XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_HEAD = 8
_MOST_PIECES = 100_000
"""At the top of a file; more are nothing that a program writes."""
_LONGEST_RIFF = 2**32 - 1


def box_of(packet: bytes) -> bytes:
    """A box that holds an XMP packet."""
    return struct.pack(">I", _HEAD + len(XMP_UUID) + len(packet)) + b"uuid" + XMP_UUID + packet


def add_box(path: Path, packet: bytes) -> bool:
    """Append ``packet`` to a file of boxes, whose other bytes stay where they are; false: its last box has no end."""
    with path.open("r+b") as file:
        size, end = file.seek(0, os.SEEK_END), 0
        file.seek(0)
        for _, start, length in boxes(file, size):
            end = start + length
        if end != size:
            return False
        file.seek(size)
        file.write(box_of(packet))
    return True


def add_chunk(path: Path, packet: bytes) -> bool:
    """Append ``packet`` to an AVI file; false: it has several parts, as those of more than a gigabyte do."""
    chunk = b"_PMX" + struct.pack("<I", len(packet)) + packet + b"\0" * (len(packet) % 2)
    with path.open("r+b") as file:
        head = file.read(_HEAD)
        size = file.seek(0, os.SEEK_END)
        length = int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or length + _HEAD != size or size + len(chunk) > _LONGEST_RIFF:
            return False
        file.write(chunk)
        file.seek(4)
        file.write(struct.pack("<I", length + len(chunk)))
    return True


def boxes(file: BinaryIO, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, place and length (heads included) of the boxes from where ``file`` is up to ``end``.

    Where the consumer leaves ``file`` does not matter. A box that ends nowhere, and one that is damaged, is the last.
    """
    place = file.tell()
    for _ in range(_MOST_PIECES):
        file.seek(place)
        head = file.read(_HEAD)
        if place + _HEAD > end or len(head) < _HEAD:
            return
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if length == 1:
            length = int.from_bytes(file.read(8), "big")
        if length < _HEAD:
            return
        yield kind, place, length
        place += length
