"""What the index of an MP4 or QuickTime file says that ffmpeg does not tell.

Format: ISO/IEC 14496-12 (boxes) and 23001-7 (encryption).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Mp4Track", "looks_like_mp4", "video_track"]

_FIRST = {b"ftyp", b"mdat", b"moov", b"free", b"skip", b"wide", b"pnot"}
_LARGEST_INDEX = 256 * 2**20
_HEAD = 8


@dataclass(frozen=True, slots=True)
class Mp4Track:
    """A track of moving pictures."""

    samples: int
    """Coded frames, as the index promises; 0 where it is spread over the file (fragments)."""
    encrypted: bool


def looks_like_mp4(path: Path) -> bool:
    """Whether the file begins as such; ffmpeg goes by the name as well."""
    with path.open("rb") as file:
        return file.read(_HEAD)[4:] in _FIRST


def video_track(path: Path) -> Mp4Track | None:
    """The first track of pictures; None if no index can be read."""
    with path.open("rb") as file:
        index = _index(file)
    for track in _inside(index, b"trak"):
        media = _first(track, b"mdia")
        if _first(media, b"hdlr")[8:12] != b"vide":
            continue
        table = _first(_first(media, b"minf"), b"stbl")
        sizes, entries = _first(table, b"stsz") or _first(table, b"stz2"), _first(table, b"stsd")
        return Mp4Track(int.from_bytes(sizes[8:12], "big"), encrypted=entries[12:16] == b"encv")
    return None


def _index(file: BinaryIO) -> bytes:
    """The content of the box "moov"; empty if there is none."""
    while len(head := file.read(_HEAD)) == _HEAD:
        size, kind, used = int.from_bytes(head[:4], "big"), head[4:], _HEAD
        if size == 1:
            size, used = int.from_bytes(file.read(8), "big"), 16
        if kind == b"moov":
            return file.read(min(size - used, _LARGEST_INDEX)) if size > used else b""
        if size < used:  # up to the end of the file, or damaged
            return b""
        file.seek(size - used, 1)
    return b""


def _inside(content: bytes, wanted: bytes) -> Iterator[bytes]:
    """The contents of the boxes of one kind that lie directly in ``content``."""
    place = 0
    while place + _HEAD <= len(content):
        size = int.from_bytes(content[place : place + 4], "big")
        if size < _HEAD:
            return
        if content[place + 4 : place + 8] == wanted:
            yield content[place + _HEAD : place + size]
        place += size


def _first(content: bytes, wanted: bytes) -> bytes:
    return next(_inside(content, wanted), b"")
