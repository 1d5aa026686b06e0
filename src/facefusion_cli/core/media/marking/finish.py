"""What is done to a result when all else is in it: the mark of videos, and the signature."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING

from facefusion_cli.core.media.disk_errors import why_not_written
from facefusion_cli.core.media.marking.boxes import add_box, add_chunk
from facefusion_cli.core.media.marking.carried import carried, media_type
from facefusion_cli.core.media.marking.identity import CERTIFICATE_VARIABLE, extra_installed
from facefusion_cli.core.media.marking.mark import NOTHING_SAID, statement
from facefusion_cli.core.media.marking.tags import said_in_tags, tags_of
from facefusion_cli.core.media.marking.xmp import packet_for, said_in
from facefusion_cli.core.media.video.containers import container_of
from facefusion_cli.errors import FaceFusionError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.atomic import AtomicFile
    from facefusion_cli.core.media.marking.mark import Mark, Said

__all__ = ["VideoMark", "sign"]

_INSTALL = 'install "facefusion-cli[c2pa]" for that'
_PARENT = "the signed manifest (C2PA) of the target"


class VideoMark:
    """How one video is marked: ``tags`` go into it when it is joined, and ``write`` comes after that."""

    def __init__(self, target: Path, mark: Mark | None, *, keep_metadata: bool) -> None:
        """``target``: the video or picture it is made from. ``mark``: None for none but the target's own.

        ``keep_metadata`` keeps all that the target's XMP says.

        Raises:
            OSError: the target cannot be read.
        """
        self._target, self._mark, self._keep = target, mark, keep_metadata

    @cached_property
    def said(self) -> Said:
        """What the result says about itself."""
        return statement(self._mark, self._before)

    @property
    def tags(self) -> dict[str, str]:
        """For containers that keep tags instead of XMP."""
        return tags_of(self.said)

    def write(self, file: AtomicFile) -> tuple[str, ...]:
        """Put the mark into the joined video, and sign it; returns sentences for the user.

        Raises:
            OSError: it cannot be written.
        """
        notes = []
        container = container_of(file.temporary)
        if container.is_mp4 or container.muxer == "avi":
            packet, note = packet_for(self.said, carried(self._target).xmp if self._keep else b"")
            notes += [note] if note else []
            if packet and not (add_box if container.is_mp4 else add_chunk)(file.temporary, packet):
                notes.append(f"such a file of {container.name} has no room for a mark: not marked.")
        return (*notes, *sign(file, self._target, self.said, wanted=self._mark is not None))

    @cached_property
    def _before(self) -> Said:
        said = said_in(carried(self._target).xmp)
        return said_in_tags(self._target) if said == NOTHING_SAID else said


def sign(file: AtomicFile, target: Path | None, said: Said, *, wanted: bool) -> tuple[str, ...]:
    """Sign a result that is complete, where the packages for it are there; returns sentences for the user.

    ``said``: what it says about itself. Not ``wanted``: it is not marked. Whatever goes wrong, the result stays as it
    was, and a sentence says what it lacks.

    Raises:
        OSError: a file cannot be read.
    """
    had = target is not None and carried(target).manifest
    if not wanted:
        return (f"{_PARENT} is not kept, since the result is not marked.",) if had else ()
    if not extra_installed():
        if os.environ.get(CERTIFICATE_VARIABLE):
            return (f"the result is not signed, though {CERTIFICATE_VARIABLE} is set: {_INSTALL}.",)
        return (f"{_PARENT} is not kept: {_INSTALL}.",) if had else ()
    if not media_type(file.temporary):
        kind = file.temporary.suffix[1:].upper()
        return (f"{_PARENT} is not kept: files of the kind {kind} hold none.",) if had else ()
    from facefusion_cli.core.media.marking.signing import write_signed

    try:
        with file.rewriting() as unsigned:
            lost = write_signed(unsigned, file.temporary, target, said)
    except Exception as error:  # noqa: BLE001  (the result without a signature is better than none)
        also = f"; {_PARENT} is lost" if had else ""
        return (f"the result is not signed (C2PA){also}: {_why(error).strip().rstrip('.')}.",)
    return (f"{_PARENT} cannot be read and is not kept.",) if lost else ()


def _why(error: Exception) -> str:
    if isinstance(error, FaceFusionError):
        return f"{error.message} {error.hint}"
    return why_not_written(error) if isinstance(error, OSError) else str(error)
