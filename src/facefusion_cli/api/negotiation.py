"""Which type a result has: what ``Accept`` asks for, else the target's own (RFC 9110, 12.5.1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from facefusion_cli.core.media.formats import default_suffix

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.formats import Kind

__all__ = ["PICTURES", "VIDEOS", "acceptable", "choose_suffix", "media_type"]

PICTURES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".tif": "image/tiff",
    ".bmp": "image/bmp",
    ".jp2": "image/jp2",
    ".ppm": "image/x-portable-anymap",
}
VIDEOS = {
    ".mp4": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/matroska",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
}
_TYPES = {**PICTURES, **VIDEOS}
_OLD_NAMES = {
    "image/jpg": "image/jpeg",
    "image/x-ms-bmp": "image/bmp",
    "video/x-matroska": "video/matroska",
    "video/avi": "video/x-msvideo",
}
_QUALITY = re.compile(r"0(?:\.\d{0,3})?|1(?:\.0{0,3})?", re.ASCII)


def media_type(path: Path) -> str:
    """The type of a result, by its suffix, which is one of ours."""
    return _TYPES[path.suffix]


def acceptable(accept: str, *kinds: Kind) -> bool:
    """Whether any picture or any video, as ``kinds`` say, would be welcome."""
    ranges = _ranges(accept)
    return any(_quality(ranges, each) > 0 for kind in kinds for each in _offered(kind).values())


def choose_suffix(accept: str, target: Path, kind: Kind) -> str | None:
    """The suffix of the result: the most welcome type, the target's own among equals; None if none is welcome.

    ``accept``: the header, "" for none. ``target``: a name with the suffix that its content has.
    """
    own = default_suffix(target, kind)
    offered = _offered(kind)
    order = [own, *(suffix for suffix in offered if suffix != own)]
    ranges = _ranges(accept)
    best = max(order, key=lambda suffix: _quality(ranges, offered[suffix]))  # of equals the first
    return best if _quality(ranges, offered[best]) > 0 else None


def _offered(kind: Kind) -> dict[str, str]:
    return PICTURES if kind == "picture" else VIDEOS


def _ranges(accept: str) -> dict[str, float]:
    """Ranges of the header with their qualities; what is no range is left out."""
    ranges: dict[str, float] = {}
    for item in accept.split(","):
        name, *parameters = (part.strip().lower() for part in item.split(";"))
        if name.count("/") != 1:
            continue
        quality = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                quality = float(value) if _QUALITY.fullmatch(value.strip()) else 0.0
        ranges[_OLD_NAMES.get(name, name)] = quality
    return ranges or {"*/*": 1.0}


def _quality(ranges: dict[str, float], name: str) -> float:
    """How welcome a type is; the narrowest range that holds it counts."""
    for pattern in (name, f"{name.partition('/')[0]}/*", "*/*"):
        if pattern in ranges:
            return ranges[pattern]
    return 0.0
