"""The mark as tags of a container, where that holds no XMP: Matroska and WebM."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.media.kinds import read_head
from facefusion_cli.core.media.marking.mark import NOTHING_SAID, Said
from facefusion_cli.core.media.video.ffmpeg import input_arguments
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.core.media.video.tags import MARK_MODEL, MARK_SOURCE, MARK_TOOL, parse_tags
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["is_matroska", "said_in_tags", "tags_of"]

_MATROSKA = b"\x1a\x45\xdf\xa3"


def tags_of(said: Said) -> dict[str, str]:
    """Tags that say this."""
    named = {MARK_SOURCE: said.source_type, MARK_TOOL: said.creator_tool, MARK_MODEL: said.model}
    return {name: value for name, value in named.items() if value}


def said_in_tags(path: Path) -> Said:
    """What the tags of a Matroska file say; nothing for other files, and for those that cannot be read.

    Raises:
        InputError: ffmpeg was stopped meanwhile.
        ProgramError: there is no ffmpeg.
    """
    if not is_matroska(path):
        return NOTHING_SAID
    command = ["-loglevel", "error", *input_arguments(path), "-map_metadata:g", "0:g", "-f", "ffmetadata", "pipe:1"]
    with FfmpegRun(command, read=True) as run:
        text = run.stdout.read().decode("utf-8", "replace")
        code = run.finish()
    if why := run.stopped(code):
        raise InputError(f'"{path}" cannot be read: {why}.')
    tags = {name.upper(): value for name, value in parse_tags(text)[0].items()} if code == 0 else {}
    return Said.by(tags.get(MARK_TOOL, ""), source_type=tags.get(MARK_SOURCE, ""), model=tags.get(MARK_MODEL, ""))


def is_matroska(path: Path) -> bool:
    """Whether it is of the family that WebM belongs to."""
    return read_head(path).startswith(_MATROSKA)
