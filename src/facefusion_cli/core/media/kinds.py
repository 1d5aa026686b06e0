"""What a file is, told by its first bytes: names and suffixes lie."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Literal

from facefusion_cli.core.media.formats import is_sound_suffix, suffix_kind
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.formats import Kind

__all__ = ["HEAD_SIZE", "identify", "is_animated", "is_sound", "kind_of", "read_head", "recognise"]

HEAD_SIZE = 4096
"""Bytes that ``identify`` wants to see: an SVG may begin with a long comment."""

_READABLE: tuple[tuple[bytes, str], ...] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"qoif", "QOI"),
    (b"DDS ", "DDS"),
    (b"\x01\xda", "SGI"),
    (b"\x59\xa6\x6a\x95", "SUN"),
    *((b"P%d%c" % (number, space), "PPM") for number in range(1, 7) for space in b" \t\r\n"),
    *((b"\x0a%c\x01" % version, "PCX") for version in (0, 2, 3, 4, 5)),
)
_TGA_SUFFIXES = frozenset({".tga", ".icb", ".vda", ".vst"})
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIF_BRANDS = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1", b"mif2"}
)

_VIDEOS = (
    b"\x1a\x45\xdf\xa3",  # Matroska, WebM
    b"FLV\1",
    b"\0\0\1\xba",  # MPEG program stream
    b"\0\0\1\xb3",  # MPEG video
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11",  # ASF, WMV
    b"OggS",
    b"\x06\x0e\x2b\x34\x02\x05\x01\x01\x0d\x01\x02",  # MXF
)
_QUICKTIME = frozenset({b"moov", b"mdat", b"wide", b"pnot"})
"""What a QuickTime file may begin with that is older than the mark "ftyp"; the length comes before it."""

_OGG = b"OggS"
_OGG_VIDEOS = (b"\x80theora", b"BBCD\0", b"\x01video", b"OVP80\1")
_OGG_SOUNDS = (b"\x01vorbis", b"OpusHead", b"\x7fFLAC", b"Speex   ", b"\x01audio", b"CELT    ")
"""Marks of codecs in an Ogg file: each track has one at its beginning, and all tracks begin before anything else."""
_SOUND_BRANDS = frozenset({b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "})
_SOUNDS = (
    b"ID3",  # MP3, and others, after what they say of themselves
    b"fLaC",
    b"caff",
    b".snd",
    b"MAC ",
    b"wvpk",
    b"TTA1",
    b"TTA2",
    b"tBaK",
    b"MPCK",
    b"MP+",
    b"#!AMR",
    b".ra\xfd",
    b"\x0b\x77",  # AC-3
    b"\x7f\xfe\x80\x01",  # DTS
    b"Creative Voice File\x1a",
    b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb",  # Wave64
)

_REFUSED: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"8BPS", "a Photoshop document (PSD)"),
    (b"\0\0\1\0", "an icon (ICO)"),
    (b"gimp xcf", "a GIMP document (XCF)"),
    (b"%!PS", "a PostScript document (EPS)"),
    (b"\xc5\xd0\xd3\xc6", "a PostScript document (EPS)"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
    (b"\x76\x2f\x31\x01", "a high dynamic range picture (OpenEXR)"),
    (b"#?RADIANCE", "a high dynamic range picture (Radiance HDR)"),
    (b"#?RGBE", "a high dynamic range picture (Radiance HDR)"),
    (b"PF\n", "a high dynamic range picture (PFM)"),
    (b"Pf\n", "a high dynamic range picture (PFM)"),
    (b"FUJIFILMCCD-RAW", "a raw photograph"),
    (b"IIRO", "a raw photograph"),
    (b"IIRS", "a raw photograph"),
    (b"IIU\0", "a raw photograph"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a compressed file"),
)


def identify(head: bytes, path: Path) -> str:
    """Pillow's name for the format of a picture that starts with ``head``.

    ``path`` is for the messages, and for TGA, which has nothing to be told by but its suffix.

    Raises:
        InputError: it is something else, which the message names if it is well known.
    """
    kind, what = recognise(head)
    if kind == "picture":
        return what
    if kind == "unknown":
        if path.suffix.lower() in _TGA_SUFFIXES:
            return "TGA"
        raise InputError(
            f'"{path}" is not a picture.',
            hint="Give a JPEG, PNG, WebP, TIFF, HEIC, AVIF, BMP or GIF file, for example.",
        )
    if kind == "video":
        raise InputError(
            f'"{path}" is a video, where a picture is needed.', hint="Take a frame of it, and give that as a picture."
        )
    hint = "" if kind == "sound" else "Convert it to JPEG or PNG first."
    raise InputError(f'"{path}" is {what}, which cannot be used as a picture.', hint=hint)


def kind_of(path: Path) -> Kind:
    """Whether to take the file at ``path`` for a picture or a video: by its content, else by its suffix.

    Never raises. What is neither, or cannot be read, is a picture unless its suffix is a video's: reading it will find
    the words.
    """
    kind, _ = recognise(read_head(path))
    if kind == "picture" or kind == "video":
        return kind
    return suffix_kind(path) or "picture"


def is_sound(path: Path) -> bool:
    """Whether to take the file at ``path`` for one that has nothing but sound: by its content, else by its suffix.

    Never raises. Containers that hold videos as well (Matroska, ASF) are told by the suffix alone.
    """
    kind, _ = recognise(read_head(path))
    return kind == "sound" or (kind in ("video", "unknown") and is_sound_suffix(path))


def is_animated(head: bytes) -> bool:
    """Whether a picture that starts with ``head`` says of itself that it moves, in a way that ffmpeg reads as a video.

    Every GIF may.
    """
    if head.startswith((b"GIF87a", b"GIF89a")):
        return True
    if head.startswith(b"\x89PNG"):
        return b"acTL" in head.partition(b"IDAT")[0]
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & 2)


def read_head(path: Path) -> bytes:
    """The first bytes of an ordinary file; nothing of one that cannot be read, or where reading might wait for ever."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return b""
        with path.open("rb", buffering=0) as file:
            return file.read(HEAD_SIZE)
    except (OSError, ValueError):  # a name may hold what no file system takes
        return b""


def recognise(head: bytes) -> tuple[Literal["picture", "video", "sound", "other", "unknown"], str]:
    """What a file is that starts with ``head``: its kind, and Pillow's name for a picture, else words."""
    for magic, name in _READABLE:
        if head.startswith(magic):
            if name == "TIFF" and head[8:10] == b"CR":
                return "other", "a raw photograph"
            return "picture", name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "picture", "WEBP"
    if head[4:8] == b"ftyp":
        return _recognise_media(_brands(head))
    if _is_sound(head):
        return "sound", "a sound file"
    if (
        head.startswith(_VIDEOS)
        or (head[:4] == b"RIFF" and head[8:12] == b"AVI ")
        or head[4:8] in _QUICKTIME
        or _is_transport_stream(head)
    ):
        return "video", "a video"
    for magic, what in _REFUSED:
        if head.startswith(magic):
            return "other", what
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "other", "a web page"
    if text.startswith(b"<") and b"<svg" in text:
        return "other", "an SVG drawing"
    return "unknown", ""


def _is_sound(head: bytes) -> bool:
    if head.startswith(_OGG):
        return any(mark in head for mark in _OGG_SOUNDS) and not any(mark in head for mark in _OGG_VIDEOS)
    if head[:4] in (b"RIFF", b"RIFX", b"RF64", b"BW64"):
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    return head.startswith(_SOUNDS) or _is_mpeg_sound(head)


def _is_mpeg_sound(head: bytes) -> bool:
    """MP3, MP2 and AAC without a tag: eleven bits of mark, then a layer, a rate and a frequency that exist.

    Not Layer I, which nothing has any more: text in UTF-16 begins as it does.
    """
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    if layer == 0:  # AAC has these bits at 0, and twelve of the mark
        return head[1] & 0xF6 == 0xF0 and head[2] >> 2 & 15 < 13
    return layer != 3 and version != 1 and head[2] >> 4 not in (0, 15) and head[2] >> 2 & 3 != 3


def _recognise_media(brands: set[bytes]) -> tuple[Literal["picture", "video", "sound", "other"], str]:
    """Tell apart the kinds of ISO media file by the brands they claim; the first may be the neutral "mif1"."""
    if brands & _AVIF_BRANDS:
        return "picture", "AVIF"
    if brands & _HEIF_BRANDS:
        return "picture", "HEIF"
    if brands & _SOUND_BRANDS:
        return "sound", "a sound file"
    return ("other", "a raw photograph") if b"crx " in brands else ("video", "a video")


def _brands(head: bytes) -> set[bytes]:
    size = min(int.from_bytes(head[:4], "big"), len(head))
    return {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}


def _is_transport_stream(head: bytes) -> bool:
    """MPEG-TS: packets of 188 bytes that begin with "G", in recordings of camcorders each after 4 bytes of time."""
    return any(
        len(head) > start + 2 * size and all(head[start + number * size] == 0x47 for number in range(3))
        for start, size in ((0, 188), (4, 192))
    )
