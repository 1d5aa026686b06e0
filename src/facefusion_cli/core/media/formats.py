"""Which formats of pictures and videos can be written, and by which suffix each is asked for; suffixes of sounds.

Kept free of heavy imports: names are judged before anything is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "VIDEO_SUFFIXES",
    "WRITABLE_SUFFIXES",
    "Kind",
    "default_suffix",
    "is_sound_suffix",
    "is_video_suffix",
    "output_format",
    "suffix_kind",
]

Kind = Literal["picture", "video"]

_FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".avif": "AVIF",
    ".jp2": "JPEG2000",
    ".ppm": "PPM",
    ".pgm": "PPM",
    ".pnm": "PPM",
}

WRITABLE_SUFFIXES = tuple(_FORMATS)
"""Of pictures: in lower case, with their dot, the commonest first."""

_CONTAINERS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".avi": "avi",
}

VIDEO_SUFFIXES = tuple(_CONTAINERS)
"""Of videos that can be written, likewise."""

_PHONE_SUFFIXES = frozenset({".heic", ".heif", ".hif"})
_READ_ONLY: dict[Kind, str] = {
    "picture": ".heic .heif .hif .gif .apng .avifs .tga .icb .vda .vst .qoi .dds .sgi .rgb .rgba .bw .ras .sun .pcx "
    ".dib .j2k .j2c .jpc .jpf .jpx .pbm",
    "video": ".qt .mpg .mpeg .m2v .vob .ts .mts .m2ts .3gp .3g2 .flv .f4v .wmv .asf .ogv .mxf .mk3d .divx .dv",
}
_HEARD_ONLY = (
    ".wav .wave .bwf .w64 .rf64 .mp3 .mp2 .mpga .flac .ogg .oga .opus .spx .m4a .m4b .m4r .aac .adts .ac3 .eac3 .dts "
    ".aif .aiff .aifc .caf .au .snd .wma .mka .weba .amr .awb .ape .wv .tta .tak .mpc .ra .3ga .voc"
)
_SOUNDS = frozenset(_HEARD_ONLY.split())
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(WRITABLE_SUFFIXES, "picture"),
    **dict.fromkeys(VIDEO_SUFFIXES, "video"),
    **{suffix: kind for kind, suffixes in _READ_ONLY.items() for suffix in suffixes.split()},
}


def is_sound_suffix(path: Path) -> bool:
    """Whether the suffix of ``path`` is that of a file which has sound and, but for a cover, no pictures."""
    return path.suffix.lower() in _SOUNDS


def suffix_kind(path: Path) -> Kind | None:
    """What the suffix of ``path`` says it is: one of the pictures or videos that can be read; None for all else."""
    return _KINDS.get(path.suffix.lower())


def is_video_suffix(path: Path) -> bool:
    """Whether the suffix of ``path`` asks for a video that can be written."""
    return path.suffix.lower() in _CONTAINERS


def output_format(path: Path, kind: Kind = "picture") -> str:
    """Name of the format that the suffix of ``path`` asks for: Pillow's of a picture, ffmpeg's of a video.

    Raises:
        UsageError: the suffix is missing or stands for nothing of that ``kind`` that can be written.
    """
    formats = _FORMATS if kind == "picture" else _CONTAINERS
    suffix = path.suffix.lower()
    if suffix in formats:
        return formats[suffix]
    hint = f"Formats that can be written: {', '.join(formats)}."
    if not suffix:
        raise UsageError(f'the output "{path}" has no suffix to tell the format by.', hint=hint)
    raise UsageError(f'the output "{path}" asks for the format "{suffix}", which cannot be written.', hint=hint)


def default_suffix(target: Path, kind: Kind = "picture") -> str:
    """The suffix for a result that is to look like ``target``: its own where that can be written.

    Phone pictures (HEIC) become JPEG, as phones themselves do when they share them; all other pictures become PNG,
    which loses nothing, and other videos MP4.
    """
    suffix = target.suffix.lower()
    if suffix in (_FORMATS if kind == "picture" else _CONTAINERS):
        return target.suffix
    if kind == "video":
        return ".mp4"
    return ".jpg" if suffix in _PHONE_SUFFIXES else ".png"
