"""Files within a video: fonts for its subtitles, and cover pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.ffmpeg import file_argument, input_arguments
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from facefusion_cli.core.media.video.probe import Video

__all__ = ["Cover", "extract_covers", "is_font"]

_FONT = re.compile(r"font|opentype|truetype", re.IGNORECASE)
_FONT_SUFFIXES = {".ttf", ".otf", ".ttc", ".otc", ".pfb", ".woff", ".woff2"}
_LONGEST_NAME = 200
_BEGINNINGS = {b"\xff\xd8\xff": ("image/jpeg", ".jpg"), b"\x89PNG": ("image/png", ".png")}


@dataclass(frozen=True, slots=True)
class Cover:
    """A picture that was taken out of a video into a file."""

    path: Path
    kind: str
    """Its MIME type."""
    name: str
    """For who takes it out of the result."""

    @property
    def argument(self) -> str:
        """What ffmpeg calls it."""
        return file_argument(self.path)


def is_font(tags: Mapping[str, str]) -> bool:
    """Whether an attached file of these tags is one."""
    kind, name = tags.get("mimetype", ""), tags.get("filename", "")
    return _FONT.search(kind) is not None or Path(name).suffix.lower() in _FONT_SUFFIXES


def extract_covers(original: Video, tags: Sequence[Mapping[str, str]], folder: Path) -> list[Cover]:
    """Write cover pictures, of as many as there are ``tags``, into ``folder``; those that are JPEG or PNG.

    Raises:
        InputError: ffmpeg was stopped meanwhile.
    """
    paths = [folder / f"cover-{number}" for number in range(len(tags))]
    outputs: list[str] = []
    for number, path in enumerate(paths):
        outputs += ["-map", f"0:disp:attached_pic:{number}", "-c", "copy", "-f", "data", "-y", file_argument(path)]
    with FfmpegRun(["-loglevel", "error", *input_arguments(original.path), *outputs]) as run:
        why = run.stopped(run.finish())
    if why:
        raise InputError(f'"{original.path}" cannot be read: {why}.')
    covers: list[Cover] = []
    for path, known in zip(paths, tags, strict=True):
        begins = path.read_bytes()[:4] if path.is_file() else b""
        for beginning, (kind, suffix) in _BEGINNINGS.items():
            if begins.startswith(beginning):
                name = f"cover{suffix}" if not covers else f"cover-{len(covers) + 1}{suffix}"
                covers.append(Cover(path, kind, known.get("filename", name)[:_LONGEST_NAME]))
    return covers
