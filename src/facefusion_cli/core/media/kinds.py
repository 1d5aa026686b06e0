"""What a file is, told by its first bytes: names and suffixes lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["HEAD_SIZE", "identify"]

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
    (b"\x1a\x45\xdf\xa3", "a video"),
    (b"FLV\1", "a video"),
    (b"\0\0\1\xba", "a video"),
    (b"\0\0\1\xb3", "a video"),
    (b"PK\3\4", "a ZIP archive"),
    (b"\x1f\x8b", "a compressed file"),
)


def identify(head: bytes, path: Path) -> str:
    """Pillow's name for the format of a picture that starts with ``head``.

    ``path`` is for the messages, and for TGA, which has nothing to be told by but its suffix.

    Raises:
        InputError: it is something else, which the message names if it is well known.
    """
    for magic, name in _READABLE:
        if head.startswith(magic):
            if name == "TIFF" and head[8:10] == b"CR":
                raise _refused(path, "a raw photograph")
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _identify_media(head, path)
    for magic, what in _REFUSED:
        if head.startswith(magic):
            raise _refused(path, what)
    if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
        raise _refused(path, "a video")
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        raise _refused(path, "a web page")
    if text.startswith(b"<") and b"<svg" in text:
        raise _refused(path, "an SVG drawing")
    if path.suffix.lower() in _TGA_SUFFIXES:
        return "TGA"
    raise InputError(
        f'"{path}" is not a picture.', hint="Give a JPEG, PNG, WebP, TIFF, HEIC, AVIF, BMP or GIF file, for example."
    )


def _identify_media(head: bytes, path: Path) -> str:
    """Tell apart the kinds of ISO media file by the brands they claim; the first may be the neutral "mif1"."""
    size = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, size - 3, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    if brands & _HEIF_BRANDS:
        return "HEIF"
    raise _refused(path, "a raw photograph" if b"crx " in brands else "a video")


def _refused(path: Path, what: str) -> InputError:
    return InputError(
        f'"{path}" is {what}, which cannot be used as a picture.', hint="Convert it to JPEG or PNG first."
    )
