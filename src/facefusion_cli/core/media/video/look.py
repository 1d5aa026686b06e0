"""A first look at a video: what is in the file, and its first frames as ffmpeg decodes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.ffmpeg import MAX_PIXELS, input_arguments
from facefusion_cli.core.media.video.header import FrameLine, Header, Stream, parse_frame_line, parse_header_line
from facefusion_cli.core.media.video.mp4 import Mp4Track, looks_like_mp4, video_track
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Look", "look"]

_FRAMES = 5
"""To decode: the first ones of interlaced film may be whole."""
_LINES = 1000
"""Of complaints, to remember."""
_TOO_LARGE = re.compile(r"Picture size (\d+)x(\d+) exceeds specified max pixel count")


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen."""

    header: Header
    stream: Stream
    """The one with the moving picture."""
    shown: FrameLine
    index: Mp4Track | None
    """What the index says of it, if it is an MP4 file."""
    first: int | None
    """Stamp of the first frame that could be decoded; None if it has none."""


def look(path: Path) -> Look:
    """Open a file and decode a few frames.

    Raises:
        InputError: it is no video that may be opened, or nothing of it can be decoded.
    """
    lines: list[str] = []
    header, shown = Header(), FrameLine()
    stamps: list[int | str] = []

    def said(line: str) -> None:
        if line.startswith("[") and len(lines) < _LINES:
            lines.append(line)
        parse_header_line(line, header)
        if (stamp := parse_frame_line(line, shown)) is not None:
            stamps.append(stamp)

    arguments = [
        *("-loglevel", "repeat+info", "-copyts", *header.arguments, *input_arguments(path)),
        *("-map", "0:V:0", "-map_metadata", "-1", "-map_chapters", "-1", "-vf", shown.filter),
        *("-frames:v", str(_FRAMES), "-fps_mode", "passthrough", "-f", "null", "-"),
    ]
    with FfmpegRun(arguments, said=said) as run:
        code = run.finish()
    if run.stalled:
        raise InputError(f'"{path}" cannot be read: ffmpeg stopped answering.')
    complaints = [*lines, *(line for line in run.tail if line.startswith("["))]
    if not header.container:
        raise _not_opened(path, complaints, code)
    stream = next((one for one in header.streams if one.kind == "Video" and not one.attached), None)
    if stream is None:
        raise _no_picture(path, header)
    index = video_track(path) if "mov" in header.container.split(",") else None
    if index is not None and index.encrypted:
        raise InputError(f'the video "{path}" is encrypted.')
    if not stamps or not shown.size[0]:
        _check_size(path, stream, complaints)
        raise _not_decoded(path, stream, complaints, code)
    first = next((stamp for stamp in stamps if isinstance(stamp, int)), None)
    return Look(header, stream, shown, index, first)


def _not_opened(path: Path, lines: list[str], code: int) -> InputError:
    text = "\n".join(lines)
    if "Format not on whitelist" in text or "not in allowed" in text:
        return InputError(f'"{path}" is not a video of a format that is read.')
    if "moov atom not found" in text and looks_like_mp4(path):
        return InputError(
            f'the video "{path}" is damaged: its index is missing.', hint="It was cut off, or never finished."
        )
    if code < 0:
        return InputError(f'"{path}" cannot be read: ffmpeg was stopped by signal {-code}.')
    return InputError(f'"{path}" is not a video, or it is damaged.')


def _no_picture(path: Path, header: Header) -> InputError:
    if any(one.kind == "Video" for one in header.streams):
        return InputError(f'"{path}" has no moving picture, only a still one that comes with its sound.')
    if any(one.kind == "Audio" for one in header.streams):
        return InputError(f'"{path}" has sound but no picture.')
    return InputError(f'"{path}" has no picture.')


def _check_size(path: Path, stream: Stream, lines: list[str]) -> None:
    width, height = stream.size
    for line in lines:
        if match := _TOO_LARGE.search(line):
            width, height = int(match[1]), int(match[2])
    if width * height > MAX_PIXELS:
        raise InputError(
            f'the frames of "{path}" are too large: {width} x {height} pixels, where at most 8192 x 4320 are read.'
        )


def _not_decoded(path: Path, stream: Stream, lines: list[str], code: int) -> InputError:
    text = "\n".join(lines)
    if stream.codec == "none" or "Decoder not found" in text or "no decoder found" in text:
        return InputError(f'the video "{path}" is coded in a way that ffmpeg does not know.')
    if code < 0:
        return InputError(f'"{path}" cannot be read: ffmpeg was stopped by signal {-code}.')
    return InputError(f'no frame of the video "{path}" can be decoded.')
