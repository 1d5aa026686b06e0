"""What ffmpeg says of a file it opens, line by line: its formats for people are the only ones without ffprobe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from fractions import Fraction

from facefusion_cli.core.media.video.rates import usual_rate

__all__ = ["FrameLine", "Header", "Stream", "parse_frame_line", "parse_header"]

_STREAM = re.compile(r" +Stream #0:(\d+)(?:\[\w+\])?(?:\(\w*\))?: (Video|Audio|Subtitle): ([\w-]+)(.*)")
_INPUT = re.compile(r"Input #0, (\S+), from ")
_DURATION = re.compile(r"  Duration: (?:(\d+):(\d+):(\d+\.\d+)|N/A)")
_CHAPTER = re.compile(r"    Chapter #0:\d+: start ")
_STREAM_DURATION = re.compile(r"      DURATION\s*: (\d+):(\d+):(\d+\.\d+)")
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
_FRAME = re.compile(r"\bn: *\d+ pts: *(-?\d+|NOPTS) ")
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
    chapters: int = 0
    streams: list[Stream] = field(default_factory=list)


def parse_header(lines: list[str]) -> Header:
    """Read ffmpeg's lines about its input, up to where it starts to work on it."""
    header = Header()
    for line in lines:
        if line.startswith(("Stream mapping:", "Output #")):
            break
        if match := _INPUT.match(line):
            header.container = match[1].rstrip(",")
        elif (match := _DURATION.match(line)) and match[1]:
            header.duration = _seconds(match)
        elif _CHAPTER.match(line):
            header.chapters += 1
        elif match := _STREAM.match(line):
            header.streams.append(_stream(int(match[1]), match[2], match[3], match[4]))
        elif header.streams and (match := _STREAM_DURATION.match(line)):
            header.streams[-1].duration = _seconds(match)
    return header


@dataclass(slots=True)
class FrameLine:
    """What the filter showinfo has said so far of the frames that pass it."""

    time_base: Fraction | None = None
    rate: Fraction | None = None
    pixel_format: str = ""
    sar: Fraction = Fraction(1)
    size: tuple[int, int] = (0, 0)
    interlaced: bool = False
    colour: tuple[str, str, str, str] | None = None
    """Range, matrix, primaries, transfer; "" for unknown."""


def parse_frame_line(line: str, known: FrameLine) -> int | str | None:
    """Add what a line tells to ``known``; the stamp ("NOPTS": none) of the frame that it introduces, else None.

    Size, format and colours are those of the first frame; one interlaced frame makes the video interlaced.
    """
    if match := _TIME_BASE.search(line):
        numbers = [int(number) for number in match.groups()]
        known.time_base = Fraction(numbers[0], numbers[1]) if numbers[1] else None
        known.rate = Fraction(numbers[2], numbers[3]) if numbers[2] and numbers[3] else None
        return None
    if known.colour is None and (match := _COLOUR.search(line)):
        colour = ["" if word in {"unknown", "reserved", "unspecified"} else word for word in match.groups()]
        known.colour = (colour[0], colour[1], colour[2], colour[3])
    if not (frame := _FRAME.search(line)):
        return None
    if match := _LOOKS.search(line):
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
        stream.rate, stream.channels = int(match[1]), _channels(match[2])
    return stream


def _number(text: str) -> Fraction:
    return Fraction(text.removesuffix("k")) * (1000 if text.endswith("k") else 1)


def _channels(layout: str) -> int:
    """As many as a layout has: "stereo", "5.1(side)", "6 channels", "7.1.4"."""
    name = layout.strip().split("(")[0].strip()
    if name in _CHANNELS:
        return _CHANNELS[name]
    numbers = [int(number) for number in re.findall(r"\d+", name)]
    return sum(numbers) if "." in name else numbers[0] if numbers else 0


def _seconds(match: re.Match[str]) -> Fraction:
    return int(match[1]) * 3600 + int(match[2]) * 60 + Fraction(match[3])
