"""All packets of a video stream: their times, without decoding one of them."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from facefusion_cli.core.media.video.ffmpeg import input_arguments
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Packets", "read_packets"]

_NO_STAMP = -(2**63)
_KEY, _CORRUPT, _DISCARDED = 1, 2, 4
"""Bits of a packet's flags (libavcodec/packet.h)."""
_BLOCK = 1 << 16
_TRUNCATED = ("partial file", "File ended prematurely", "Packet corrupt", "truncated")


@dataclass(frozen=True, slots=True)
class Packets:
    """Of the pictures that are to be shown, in order of time."""

    stamps: NDArray[np.int64]
    """When each is shown, distinct, in units of ``tick``."""
    stamped: bool
    """Whether the file has those times; else they are those of decoding, which only count."""
    first_key: int
    """Stamp of the first picture that needs no other."""
    tick: Fraction
    last: int
    """How long the last picture is shown, in ticks; 0 where the file does not say."""
    cut: bool
    """Whether ffmpeg noticed that the file ends too early."""


def read_packets(path: Path, stream: int, *, stamped: bool) -> Packets:
    """Read through the file, 8 bytes of memory a frame; ``stamped`` tells whether times in it can be believed.

    Raises:
        InputError: there is no packet, or ffmpeg ended before the file did.
    """
    shown, other = array("q"), array("q")
    tick, last_stamp, last, first_key, broken = Fraction(0), _NO_STAMP, 0, _NO_STAMP, 0
    arguments = [
        *("-loglevel", "repeat+warning", "-copyts", *input_arguments(path)),
        *("-map", f"0:{stream}", "-c", "copy", "-f", "framecrc", "pipe:1"),
    ]
    with FfmpegRun(arguments, read=True) as run:
        for line in _lines(run):
            if line.startswith(b"#"):
                if line.startswith(b"#tb 0: "):
                    tick = Fraction(line[7:].decode().strip())
                continue
            # Stream, time of decoding, time, duration, bytes, checksum; then flags, if not those of a key frame.
            words = line.split(b",")
            flags = int(words[6][5:], 16) if len(words) > 6 and words[6].startswith(b" F=0x") else _KEY
            if flags & _DISCARDED or not int(words[4]):
                continue
            broken = flags & _CORRUPT
            stamp = int(words[2]) if stamped else _NO_STAMP
            if stamp == _NO_STAMP:
                other.append(int(words[1]))
                continue
            shown.append(stamp)
            if first_key == _NO_STAMP and flags & _KEY:
                first_key = stamp
            if stamp > last_stamp:
                last_stamp, last = stamp, int(words[3])
        code = run.finish()
        cut = any(sign in line for line in run.tail for sign in _TRUNCATED)
    if cut and broken and len(shown) > 1:
        shown.pop()  # the file ends in the middle of it
    if why := run.stopped(code):
        raise InputError(f'"{path}" cannot be read: {why}.')
    if not shown and not other:
        raise InputError(f'the video "{path}" has no frames.')
    if code and not cut:
        said = next((line for line in reversed(run.tail) if line.strip()), f"it ended with {code}")
        raise InputError(f'"{path}" cannot be read to its end: ffmpeg says "{said}".')
    if len(other) > len(shown):
        order = np.unique(np.frombuffer(other, np.int64))
        if len(order) < len(other):  # as where none has any time
            order = np.arange(len(other) + len(shown), dtype=np.int64)
        return Packets(order, stamped=False, first_key=int(order[0]), tick=tick, last=0, cut=cut)
    stamps = np.frombuffer(shown, np.int64)
    if not (stamps[1:] > stamps[:-1]).all():
        last = 0  # what stands for a duration there is often the time until the next is decoded
        stamps.sort()  # in place: of a long video each copy is some 20 MB
        if not (stamps[1:] > stamps[:-1]).all():
            stamps = np.unique(stamps)
    return Packets(_completed(stamps, len(other)), True, max(first_key, int(stamps[0])), tick, last, cut)


def _lines(run: FfmpegRun) -> Iterator[bytes]:
    """What it writes; the last line only if it is whole."""
    rest = b""
    while True:
        with run.waiting():
            block = run.stdout.read1(_BLOCK)  # type: ignore[attr-defined]
        if not block:
            return
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _completed(stamps: NDArray[np.int64], missing: int) -> NDArray[np.int64]:
    """With so many more, that have no stamp, in the first gaps that are wide enough, else at the end."""
    if not missing or len(stamps) < 2:
        return stamps
    steps = np.diff(stamps)
    step = int(np.median(steps))
    gaps = stamps[:-1][steps > step * 3 // 2][:missing] + step
    ends = stamps[-1] + step * np.arange(1, missing - len(gaps) + 1)
    return np.sort(np.concatenate([stamps, gaps, ends]))
