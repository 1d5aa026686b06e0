"""What ffmpeg says of a file it opens, line by line: its formats for people are the only ones without ffprobe.

Among those lines stands whatever the file says about itself, which may be made to look like any of them. So ffmpeg is
made to put a mark, which no file can know, into those that matter most.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field
from fractions import Fraction

from facefusion_cli.core.media.video.rates import usual_rate

__all__ = ["FrameLine", "Header", "Stream", "channels_of", "parse_frame_line", "parse_header_line"]

_STREAM = re.compile(r" +Stream #0:(\d+)(?:\[\w+\])?(?:\(.*\))?: (Video|Audio|Subtitle): ([\w-]+)(.*)")
_INPUT = re.compile(r"Input #0, (\S+), from ")
_DURATION = re.compile(r"  Duration: (?:(\d+):(\d+):(\d+\.\d+)|N/A)(?:, start: (-?\d+\.\d+))?")
_CHAPTER = re.compile(r"    Chapter #0:\d+: start -?[\d.]+, end -?[\d.]+")
_STREAM_DURATION = re.compile(r" {6}DURATION\s*: (\d+):(\d+):(\d+\.\d+)")
_TAGS = re.compile(r"( *)Metadata:")
_SIZE = re.compile(r", (\d+)x(\d+)[, \[]")
_FPS = re.compile(r", (\d+(?:\.\d+)?k?) (fps|tbr)\b")
_SOUND = re.compile(r", (\d+) Hz, ([^,]+)")
_CHANNELS = {
    "mono": 1,
    "stereo": 2,
    "downmix": 2,
    "quad": 4,
    "hexagonal": 6,
    "octagonal": 8,
    "hexadecagonal": 16,
    "cube": 8,
}
_FRAME = re.compile(r"n: *\d+ pts: *(-?\d+|NOPTS) ")
_TIME_BASE = re.compile(r"config in time_base: (\d+)/(\d+), frame_rate: (\d+)/(\d+)")
_LOOKS = re.compile(r"\bfmt:(\S+) .*?\bsar:(\d+)/(\d+) s:(\d+)x(\d+) i:([PTB])")
_COLOUR = re.compile(r"color_range:(\S+) color_space:(\S+) color_primaries:(\S+) color_trc:(\S+)")


@dataclass(slots=True)
class Stream:
    """One stream, as far as its line tells."""

    index: int
    kind: str
    codec: str
    size: tuple[int, int] = (0, 0)
    attached: bool = False
    """Whether it is a still picture that comes with the sound."""
    rates: tuple[Fraction, ...] = ()
    """Guesses, rounded for people and put right where they are usual."""
    rate: int = 0
    channels: int = 0
    duration: Fraction | None = None
    """Its own in seconds, where the file says one."""


@dataclass(slots=True)
class Header:
    """A file as ffmpeg introduces it; ``container`` is "" if it could not open it."""

    container: str = ""
    duration: Fraction | None = None
    start: Fraction = Fraction(0)
    """Second on its own clock at which the first of its streams begins."""
    chapters: int = 0
    streams: list[Stream] = field(default_factory=list)
    mark: str = field(default_factory=lambda: f" <{secrets.token_hex(8)}> ")
    """What ffmpeg puts between the properties of a stream, told so by ``arguments``."""
    _tags: int = 0
    """How far the tags are indented that are being listed; 0: none are."""

    @property
    def arguments(self) -> list[str]:
        """What stands before ``-i``."""
        return ["-dump_separator", self.mark]


def parse_header_line(line: str, header: Header) -> None:
    """Add what a line tells of the input to ``header``.

    Streams of pictures and sound are known by the mark. The other lines are none of those that list tags, of which
    every one is indented.
    """
    if (match := _STREAM.fullmatch(line)) and (header.mark in match[4]):
        header.streams.append(_stream(int(match[1]), match[2], match[3], match[4].replace(header.mark, ", ")))
        header._tags = 0
    elif header._tags and len(line) - len(line.lstrip(" ")) >= header._tags:
        if header.streams and (found := _STREAM_DURATION.match(line)):
            header.streams[-1].duration = _seconds(found)
    else:
        tags = _TAGS.fullmatch(line)
        header._tags = len(tags[1]) + 2 if tags else 0
        if match and match[2] == "Subtitle":
            header.streams.append(Stream(int(match[1]), match[2], match[3]))
        elif _CHAPTER.fullmatch(line):
            header.chapters += 1
        elif not header.container and (found := _INPUT.match(line)):
            header.container = found[1].rstrip(",")
        elif not header.streams and (found := _DURATION.match(line)):
            header.duration = _seconds(found) if found[1] else None
            header.start = Fraction(found[4] or 0)


@dataclass(slots=True)
class FrameLine:
    """What the filter showinfo has said so far of the frames that pass it."""

    name: str = field(default_factory=lambda: f"showinfo@{secrets.token_hex(8)}")
    """Of the filter, with which each of its lines begins."""
    time_base: Fraction | None = None
    rate: Fraction | None = None
    pixel_format: str = ""
    sar: Fraction = Fraction(1)
    size: tuple[int, int] = (0, 0)
    interlaced: bool = False
    colour: tuple[str, str, str, str] | None = None
    """Range, matrix, primaries, transfer; "" for unknown."""

    @property
    def filter(self) -> str:
        """As ``-vf`` takes it."""
        return f"{self.name}=checksum=0"


def parse_frame_line(line: str, known: FrameLine) -> int | str | None:
    """Add what a line tells to ``known``; the stamp ("NOPTS": none) of the frame that it introduces, else None.

    Size, format and colours are those of the first frame; one interlaced frame makes the video interlaced.
    """
    name, _, said = line.partition(" @ ")
    if name != f"[{known.name}":
        return None
    said = said.partition("] ")[2]
    if match := _TIME_BASE.match(said):
        numbers = [int(number) for number in match.groups()]
        known.time_base = Fraction(numbers[0], numbers[1]) if numbers[1] else None
        known.rate = Fraction(numbers[2], numbers[3]) if numbers[2] and numbers[3] else None
        return None
    if known.colour is None and (match := _COLOUR.match(said)):
        colour = ["" if word in {"unknown", "reserved", "unspecified"} else word for word in match.groups()]
        known.colour = (colour[0], colour[1], colour[2], colour[3])
    if not (frame := _FRAME.match(said)):
        return None
    if match := _LOOKS.search(said):
        if not known.pixel_format:
            known.pixel_format, known.size = match[1], (int(match[4]), int(match[5]))
            known.sar = Fraction(int(match[2]), int(match[3])) if int(match[2]) and int(match[3]) else Fraction(1)
        known.interlaced |= match[6] != "P"
    return frame[1] if frame[1] == "NOPTS" else int(frame[1])


def _stream(index: int, kind: str, codec: str, rest: str) -> Stream:
    stream = Stream(index, kind, codec, attached="(attached pic)" in rest or "(still image)" in rest)
    if match := _SIZE.search(rest + ","):
        stream.size = (int(match[1]), int(match[2]))
    if kind == "Video":
        numbers = [match[1] for match in _FPS.finditer(rest)]
        stream.rates = tuple(usual_rate(_number(text)) for text in numbers if _number(text) > 0)
    if match := _SOUND.search(rest):
        stream.rate, stream.channels = int(match[1]), channels_of(match[2])
    return stream


def _number(text: str) -> Fraction:
    return Fraction(text.removesuffix("k")) * (1000 if text.endswith("k") else 1)


def channels_of(layout: str) -> int:
    """As many as a layout has: "stereo", "5.1(side)", "6 channels", "7.1.4"; 0 for one that says nothing."""
    name = layout.strip().split("(")[0].strip()
    if name in _CHANNELS:
        return _CHANNELS[name]
    numbers = [int(number) for number in re.findall(r"\d+", name)]
    return sum(numbers) if "." in name else numbers[0] if numbers else 0


def _seconds(match: re.Match[str]) -> Fraction:
    return int(match[1]) * 3600 + int(match[2]) * 60 + Fraction(match[3])
