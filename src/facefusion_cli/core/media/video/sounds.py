"""Tracks of sound: how they begin, and whether they are to be heard in a stretch."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from facefusion_cli.core.media.video.ffmpeg import FORMATS, file_argument
from facefusion_cli.core.media.video.header import channels_of
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = ["SEEK_SECONDS", "Sound", "first_heard", "read_sounds", "seek_arguments", "sound_arguments"]

SEEK_SECONDS = 2
"""Before a range, at which reading the sound begins."""
_SOUND_FORMATS = (
    *FORMATS,
    *("wav", "w64", "aiff", "au", "caf", "flac", "wv", "tta", "ape", "tak"),
    *("mp3", "aac", "ac3", "eac3", "dts", "dtshd", "amr", "amrnb", "amrwb", "mpc", "mpc8"),
)
"""Those that read sound from the very file they are given and from nowhere else, and keep its clock when they seek."""


@dataclass(frozen=True, slots=True)
class Sound:
    """How a track of sound begins."""

    codec: str
    start: Fraction | None
    """Seconds on the file's clock; None: there is not one packet."""
    channels: int
    rate: int
    """Samples a second."""


class _Packet(NamedTuple):
    track: int
    begin: Fraction
    """Seconds."""
    end: Fraction


def sound_arguments(path: Path) -> list[str]:
    """As ``input_arguments``, for a file of sound."""
    return [
        *("-protocol_whitelist", "file"),
        *("-format_whitelist", ",".join(_SOUND_FORMATS)),
        *("-i", file_argument(path)),
    ]


def seek_arguments(begin: Fraction) -> list[str]:
    """What stands before an input of which nothing is needed that comes before that second of its clock.

    Whoever reads it gets more than that and has to cut by himself: ffmpeg would do so by a clock that ``-itsoffset``
    has moved since.
    """
    return ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{float(begin - SEEK_SECONDS):.6f}"]


def read_sounds(path: Path, source: Sequence[str], streams: Sequence[str]) -> list[Sound]:
    """How each of these tracks (as ``-map 0:...`` takes them) of a file begins. Reads no further than to there.

    ``source`` is what names the file to ffmpeg.

    Raises:
        InputError: ffmpeg was stopped meanwhile.
    """
    if not streams:
        return []
    codecs, channels, rates = ["unknown"] * len(streams), [2] * len(streams), [0] * len(streams)
    starts: dict[int, Fraction] = {}
    arguments = [*source, *_maps(streams), "-frames:a", "1"]
    with FfmpegRun(_listed(arguments), read=True) as run:
        for words in _lines(run):
            match words:
                case _Packet(track, begin, _):
                    starts.setdefault(track, begin)
                case ["#codec_id", number, codec]:
                    codecs[int(number.rstrip(":"))] = codec
                case ["#sample_rate", number, rate]:
                    rates[int(number.rstrip(":"))] = int(rate)
                case ["#channel_layout_name", number, *layout]:
                    channels[int(number.rstrip(":"))] = channels_of(" ".join(layout)) or 2
        _check_end(run, path)
    return [Sound(codecs[index], starts.get(index), channels[index], rates[index]) for index in range(len(streams))]


def first_heard(
    path: Path, source: Sequence[str], streams: Sequence[str], begin: Fraction, end: Fraction | None
) -> list[Fraction | None]:
    """How many seconds after ``begin`` each track has its first packet in the stretch; None: it has none there.

    ``begin`` and ``end`` are on the file's clock; ``source`` names the file to ffmpeg, and may seek.

    Raises:
        InputError: ffmpeg was stopped meanwhile.
    """
    found: dict[int, Fraction | None] = {}
    with FfmpegRun(_listed([*source, *_maps(streams)]), read=True) as run:
        for words in _lines(run):
            if isinstance(words, _Packet) and words.end > begin:
                inside = end is None or words.begin < end
                found.setdefault(words.track, max(Fraction(0), words.begin - begin) if inside else None)
                if len(found) == len(streams):
                    break
        else:
            _check_end(run, path)
    return [found.get(index) for index in range(len(streams))]


def _maps(streams: Sequence[str]) -> list[str]:
    return [word for stream in streams for word in ("-map", f"0:{stream}")]


def _listed(arguments: Sequence[str]) -> list[str]:
    """A command that lists packets."""
    return ["-loglevel", "error", "-copyts", *arguments, "-c", "copy", "-f", "framecrc", "pipe:1"]


def _lines(run: FfmpegRun) -> Iterator[list[str] | _Packet]:
    """Words of lines about tracks, and packets."""
    ticks: dict[int, Fraction] = {}
    for line in run.stdout:
        words = line.decode("utf-8", "replace").replace(",", " ").split()
        match words:
            case ["#tb", number, tick]:
                ticks[int(number.rstrip(":"))] = Fraction(tick)
            case [number, _, stamp, duration, *_] if not number.startswith("#"):
                unit = ticks[int(number)]
                yield _Packet(int(number), int(stamp) * unit, (int(stamp) + int(duration)) * unit)
            case _:
                yield words


def _check_end(run: FfmpegRun, path: Path) -> None:
    why = run.stopped(run.finish())
    if why:
        raise InputError(f'"{path}" cannot be read: {why}.')
