"""Which picture formats can be written, and by which suffix each is asked for.

Kept free of heavy imports: names are judged before anything is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["WRITABLE_SUFFIXES", "default_suffix", "output_format"]

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
"""In lower case, with their dot, the commonest first."""

_PHONE_SUFFIXES = frozenset({".heic", ".heif", ".hif"})


def output_format(path: Path) -> str:
    """Name of the format (as Pillow has it) that the suffix of ``path`` asks for.

    Raises:
        UsageError: the suffix is missing or stands for nothing that can be written.
    """
    suffix = path.suffix.lower()
    if suffix in _FORMATS:
        return _FORMATS[suffix]
    hint = f"Formats that can be written: {', '.join(WRITABLE_SUFFIXES)}."
    if not suffix:
        raise UsageError(f'the output "{path}" has no suffix to tell the format by.', hint=hint)
    raise UsageError(f'the output "{path}" asks for the format "{suffix}", which cannot be written.', hint=hint)


def default_suffix(target: Path) -> str:
    """The suffix for a result that is to look like ``target``: its own where that can be written.

    Phone pictures (HEIC) become JPEG, as phones themselves do when they share them; everything else becomes PNG, which
    loses nothing.
    """
    suffix = target.suffix.lower()
    if suffix in _FORMATS:
        return target.suffix
    return ".jpg" if suffix in _PHONE_SUFFIXES else ".png"
