"""What an uploaded file is, told by its first bytes; nothing a client says of it counts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from facefusion_cli.api.problems import Problem
from facefusion_cli.core.media.kinds import identify, recognise
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["UploadKind", "sniff"]

UploadKind = Literal["picture", "video", "sound"]

_WANTED = {
    frozenset({"picture", "video"}): "neither a picture nor a video",
    frozenset({"sound", "video"}): "neither a sound nor a video",
}
_PICTURES = {
    "JPEG": ".jpg",
    "PNG": ".png",
    "WEBP": ".webp",
    "TIFF": ".tif",
    "BMP": ".bmp",
    "AVIF": ".avif",
    "HEIF": ".heic",
    "JPEG2000": ".jp2",
    "PPM": ".ppm",
}


def sniff(head: bytes, field: str, kinds: Collection[UploadKind]) -> tuple[UploadKind, str]:
    """The kind of a file that begins with ``head``, and a suffix for it; "" where none is needed.

    ``field`` is the form field that it was sent in, ``kinds`` what may be in there.

    Raises:
        Problem: 415, it is something else.
    """
    kind, what = recognise(head)
    if kind == "picture" and kind in kinds:
        return kind, _PICTURES.get(what, "")
    if kind == "video" and kind in kinds:
        return kind, _container(head)
    if kind == "sound" and kind in kinds:
        return kind, ""
    if set(kinds) == {"picture"}:
        try:
            identify(head, Path(field))
        except InputError as error:
            raise Problem(415, "wrong-kind", error.message, hint=error.hint) from None
    raise Problem(415, "wrong-kind", f'"{field}" is {_WANTED[frozenset(kinds)]}.', hint=_hint(kinds))


def _hint(kinds: Collection[UploadKind]) -> str:
    if "sound" in kinds:
        return "Send a WAV, MP3, FLAC, M4A, Ogg, MP4 or MKV file, for example."
    return "Send a JPEG, PNG, WebP, MP4, MOV, MKV or WebM file, for example."


def _container(head: bytes) -> str:
    """The suffix of a video's container, where results can be written in that; else "", which stands for MP4."""
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return ".webm" if b"\x42\x82\x84webm" in head[:64] else ".mkv"
    if head[:4] == b"RIFF":
        return ".avi"
    if (head[4:8] == b"ftyp" and head[8:12] == b"qt  ") or head[4:8] in (b"moov", b"mdat", b"wide", b"pnot"):
        return ".mov"
    return ".mp4"
