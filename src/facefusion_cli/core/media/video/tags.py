"""What a video says about itself in words, and which of it a result carries.

As with pictures: when and with what it was taken, titles and copyright stay. Where, by whom and by which very device
it was taken does not, unless asked for.
"""

from __future__ import annotations

import re

__all__ = ["is_private", "is_stale", "parse_tags"]

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
