"""What a video says about itself in words, and which of it a result carries.

As with pictures: when and with what it was taken, titles and copyright stay. Where, by whom and by which very device
it was taken does not, unless asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.ffmpeg import input_arguments
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from facefusion_cli.core.media.video.probe import Video

__all__ = [
    "MARK_MODEL",
    "MARK_SOURCE",
    "MARK_TAGS",
    "MARK_TOOL",
    "format_tags",
    "is_private",
    "is_stale",
    "parse_tags",
    "read_tags",
]

MARK_SOURCE, MARK_TOOL, MARK_MODEL = "DIGITAL_SOURCE_TYPE", "CREATOR_TOOL", "AI_SYSTEM_USED"
MARK_TAGS = frozenset({MARK_SOURCE, MARK_TOOL, MARK_MODEL})
"""What a result says of itself where a container has nothing but tags."""
_PRIVATE = re.compile(
    r"location|gps|geo|coordinate|latitude|longitude|altitude|\bxyz\b|serial|imei|udid|uuid|umid|guid|identifier"
    r"|device.?id|camera.?id|unique|owner|author|artist|photographer|\bemail\b|address|xmp|thumbnail|face",
    re.IGNORECASE,
)
_STALE = re.compile(
    r"(major_brand|minor_version|compatible_brands|encoder|encoding_tool|duration|bps|number_of_\w+|source_id"
    r"|_statistics\w*|rotate|timecode)(-\w{2,3})?",
    re.IGNORECASE,
)
_LINE = re.compile(r"((?:[^\\\n]|\\.)*)\n", re.DOTALL)
_TAG = re.compile(r"((?:[^\\=]|\\.)*)=(.*)", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SPECIAL = re.compile(r"[=;#\\\n]")


def is_private(key: str) -> bool:
    """Whether a tag of that name may say where, by whom, or by which very device a video was taken."""
    return _PRIVATE.search(key) is not None


def is_stale(key: str) -> bool:
    """Whether a tag of that name is about the file it is in, and not true of another."""
    return _STALE.fullmatch(key) is not None


def parse_tags(text: str) -> list[dict[str, str]]:
    """The sections of a file of ffmpeg's own "ffmetadata" format: of the whole first, then of each stream in it."""
    sections: list[dict[str, str]] = [{}]
    for line in _LINE.findall(text):
        if line == "[STREAM]":
            sections.append({})
        elif line == "[CHAPTER]":  # these come last
            break
        elif not line.startswith(";") and (tag := _TAG.fullmatch(line)):
            sections[-1][_ESCAPED.sub(r"\1", tag[1])] = _ESCAPED.sub(r"\1", tag[2])
    return sections


def format_tags(sections: Iterable[Mapping[str, str]]) -> str:
    """What ``parse_tags`` reads."""
    texts = (
        "".join(f"{_SPECIAL.sub(_escape, key)}={_SPECIAL.sub(_escape, value)}\n" for key, value in section.items())
        for section in sections
    )
    return ";FFMETADATA1\n" + "[STREAM]\n".join(texts)


def read_tags(original: Video, streams: Sequence[str]) -> list[dict[str, str]]:
    """Tags of the whole file, of its pictures, and of other streams, as ``-map 0:...`` takes them; [] if there is none.

    Raises:
        InputError: ffmpeg was stopped meanwhile.
    """
    maps = [word for stream in (str(original.stream), *streams) for word in ("-map", f"0:{stream}")]
    command = ["-loglevel", "error", *input_arguments(original.path), *maps, "-c", "copy", "-t", "0"]
    command += ["-map_metadata:g", "0:g"]  # asked for, the time of creation is among them
    with FfmpegRun([*command, "-f", "ffmetadata", "pipe:1"], read=True) as run:
        text = run.stdout.read().decode("utf-8", "replace")
        code = run.finish()
    if why := run.stopped(code):
        raise InputError(f'"{original.path}" cannot be read: {why}.')
    return [] if code else parse_tags(text)


def _escape(match: re.Match[str]) -> str:
    return f"\\{match[0]}"
