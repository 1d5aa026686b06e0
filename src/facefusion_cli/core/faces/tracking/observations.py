"""What was seen of the faces in each frame of a stretch of video, and files of that.

A file is a signature, then one record a frame and an empty record for the end, numbers in little-endian order:

    record   length of the payload (4), CRC-32 of the payload (4), payload
    payload  flags (1: a cut, 2: with a glimpse), number of faces (2), of traces (2), the glimpse, the faces, the traces
    face     flags (1: five points, 2: embedding, 4: wide mesh), score (4), lowest x, y, z of the mesh (3 x 8), the mesh
             as multiples of 1/32 pixel above that (2 bytes a number, 4 if wide), five points (5 x 2 x 4), embedding
    trace    x, y, size (3 x 4), the same where the face was seen well, frames since (4)

So a frame with one face takes 3 kB, and no coordinate is off by more than 1/64 pixel.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, NoReturn

import numpy as np

from facefusion_cli.core.faces.face import Face
from facefusion_cli.core.media.disk_errors import output_error
from facefusion_cli.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["GLIMPSE_SHAPE", "Place", "Seen", "Trace", "load", "save"]

GLIMPSE_SHAPE = (36, 64, 3)
"""Rows, columns and BGR of the small picture that tells where another scene begins."""

_SIGNATURE = b"faces seen 2\n"
_RECORD = struct.Struct("<II")
_FRAME = struct.Struct("<BHH")
_FACE = struct.Struct("<Bf3d")
_TRACE = struct.Struct("<6fi")
_MOST = 1 << 26  # bytes of a payload; more is no record of ours
_STEP = 1 / 32  # pixels
_SAME_ORIGIN = 0.05  # widths of the face
_POINTS, _KEYPOINTS, _EMBEDDING = (478, 3), (5, 2), (512,)


class Place(NamedTuple):
    """Where a face is, and how large, in pixels."""

    x: float
    y: float
    """Middle of its box."""
    size: float
    """``Face.size``."""

    @classmethod
    def of(cls, face: Face) -> Place:
        """Where that face is."""
        x1, y1, x2, y2 = face.box
        return cls((x1 + x2) / 2, (y1 + y2) / 2, face.size)


class Trace(NamedTuple):
    """Something that looks like a face that was lost, too blurred perhaps for its mesh to be told."""

    place: Place
    origin: Place
    """Where the face was seen well."""
    frames: int
    """How long ago that was; negative if it comes later."""

    def leads_to(self, place: Place, frames: int) -> bool:
        """Whether it is of the face that was seen there that many frames ago."""
        apart = max(abs(self.origin.x - place.x), abs(self.origin.y - place.y))
        return frames == self.frames and apart < _SAME_ORIGIN * place.size


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What one frame shows."""

    cut: bool
    """Whether another scene begins with this frame. A stretch cannot tell that of its first frame."""
    faces: tuple[Face, ...]
    """From left to right. The detector saw those with ``keypoints`` in this very frame if it gives any; the others
    were followed by their mesh."""
    glimpse: NDArray[np.uint8] | None = None
    """The frame at ``GLIMPSE_SHAPE``, given for the first and last few frames of a stretch: two stretches' tell whether
    another scene begins where they meet."""
    traces: tuple[Trace, ...] = ()
    """Of faces that are not among those."""

    def scaled(self, x: float, y: float) -> Seen:
        """The same in a frame that is ``x`` times as wide and ``y`` times as high."""
        scale = np.array([x, y, (x + y) / 2], np.float32)
        shift = np.array([0.5, 0.5, 0], np.float32)

        def grown(face: Face) -> Face:
            points = face.keypoints
            return replace(
                face,
                mesh=(face.mesh + shift) * scale - shift,
                keypoints=None if points is None else (points + shift[:2]) * scale[:2] - shift[:2],
            )

        def moved(place: Place) -> Place:
            return Place((place.x + 0.5) * x - 0.5, (place.y + 0.5) * y - 0.5, place.size * (x + y) / 2)

        return replace(
            self,
            faces=tuple(grown(face) for face in self.faces),
            traces=tuple(Trace(moved(one.place), moved(one.origin), one.frames) for one in self.traces),
        )


def save(frames: Iterable[Seen], path: Path) -> int:
    """Write one record a frame, as they come (memory does not grow); returns the number of frames.

    Raises:
        OutputError: the file cannot be written.
    """
    count = 0
    try:
        with path.open("wb") as file:
            file.write(_SIGNATURE)
            for seen in frames:
                _write(file, _packed(seen))
                count += 1
            _write(file, b"")
    except OSError as error:
        raise output_error(path, error) from error
    return count


def load(path: Path, skip: int = 0) -> Iterator[Seen]:
    """Read them again, one by one, without the first ``skip`` (which are passed over quickly).

    Raises:
        OutputError: the file is damaged, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_SIGNATURE)) != _SIGNATURE:
                _damaged(path)
            while True:
                head = file.read(_RECORD.size)
                if len(head) < _RECORD.size:
                    _damaged(path)
                length, checksum = _RECORD.unpack(head)
                if length > _MOST:
                    _damaged(path)
                if length == 0:
                    break
                if skip > 0:
                    skip -= 1
                    file.seek(length, 1)
                    continue
                payload = file.read(length)
                if len(payload) < length or zlib.crc32(payload) != checksum:
                    _damaged(path)
                try:
                    seen = _unpacked(payload)
                except (struct.error, ValueError):
                    _damaged(path)
                yield seen
            if file.read(1):
                _damaged(path)
    except OSError as error:
        raise OutputError(f'cannot read "{path}": {(error.strerror or str(error)).lower()}.') from error


def _damaged(path: Path) -> NoReturn:
    raise OutputError(
        f'"{path}" is damaged.', hint="Remove the folder it lies in, or run the command with --no-resume."
    ) from None


def _write(file: BinaryIO, payload: bytes) -> None:
    file.write(_RECORD.pack(len(payload), zlib.crc32(payload)))
    file.write(payload)


def _packed(seen: Seen) -> bytes:
    glimpse = b"" if seen.glimpse is None else np.ascontiguousarray(seen.glimpse, np.uint8).tobytes()
    flags = int(seen.cut) | 2 * bool(glimpse)
    head = _FRAME.pack(flags, len(seen.faces), len(seen.traces))
    faces, traces = (
        map(_packed_face, seen.faces),
        (_TRACE.pack(*one.place, *one.origin, one.frames) for one in seen.traces),
    )
    return b"".join([head, glimpse, *faces, *traces])


def _packed_face(face: Face) -> bytes:
    low = face.mesh.min(axis=0).astype(np.float64)
    steps = np.rint((face.mesh - low) / _STEP)
    wide = bool(steps.max() > np.iinfo(np.uint16).max)
    flags = (face.keypoints is not None) | 2 * (face.embedding is not None) | 4 * wide
    parts = [_FACE.pack(flags, face.score, *low), steps.astype("<u4" if wide else "<u2").tobytes()]
    parts += [np.asarray(one, "<f4").tobytes() for one in (face.keypoints, face.embedding) if one is not None]
    return b"".join(parts)


class _Payload:
    """A payload, read from its beginning to its end."""

    def __init__(self, data: bytes) -> None:
        self._data, self.place = data, 0

    def numbers(self, layout: struct.Struct) -> tuple[float, ...]:
        self.place += layout.size
        return layout.unpack_from(self._data, self.place - layout.size)

    def array(self, kind: str, shape: tuple[int, ...]) -> NDArray[np.generic]:
        count = int(np.prod(shape))
        array = np.frombuffer(self._data, kind, count, self.place).reshape(shape)
        self.place += array.nbytes
        return array


def _unpacked(data: bytes) -> Seen:
    payload = _Payload(data)
    flags, count, traced = (int(number) for number in payload.numbers(_FRAME))
    glimpse = np.asarray(payload.array("u1", GLIMPSE_SHAPE), np.uint8) if flags & 2 else None
    faces = tuple(_unpacked_face(payload) for _ in range(count))
    traces = tuple(_unpacked_trace(payload) for _ in range(traced))
    if payload.place != len(data):
        raise ValueError
    return Seen(bool(flags & 1), faces, glimpse, traces)


def _unpacked_face(payload: _Payload) -> Face:
    numbers = payload.numbers(_FACE)
    flags = int(numbers[0])
    steps = payload.array("<u4" if flags & 4 else "<u2", _POINTS)
    mesh = (np.asarray(steps, np.float64) * _STEP + numbers[2:]).astype(np.float32)
    keypoints = payload.array("<f4", _KEYPOINTS).astype(np.float32) if flags & 1 else None
    embedding = payload.array("<f4", _EMBEDDING).astype(np.float32) if flags & 2 else None
    return Face(mesh, numbers[1], keypoints, embedding)


def _unpacked_trace(payload: _Payload) -> Trace:
    *places, frames = payload.numbers(_TRACE)
    return Trace(Place(*places[:3]), Place(*places[3:]), int(frames))
