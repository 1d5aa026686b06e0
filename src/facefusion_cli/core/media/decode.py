"""From a file to pixels: each mode and depth as it is, upright."""

from __future__ import annotations

import contextlib
import struct
import threading
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageCms

from facefusion_cli.core.media.kinds import HEAD_SIZE
from facefusion_cli.core.media.metadata import Metadata, read_metadata
from facefusion_cli.core.media.png import bare_png
from facefusion_cli.core.media.webp import is_lossless
from facefusion_cli.errors import InputError, OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Decoded", "check_file", "decode", "pillow_on_our_terms"]

# What Pillow and its plugins raise for damaged files (found by feeding them damaged files).
_DAMAGE = (
    ArithmeticError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
)
_PILLOW = threading.Lock()
_LONG_NAMES = {"MPO": "JPEG", "JPEG2000": "JPEG 2000", "WEBP": "WebP", "HEIF": "HEIC"}


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """A file's pixels, upright."""

    format: str
    mode: str
    """Pillow's name for the kind of pixels in the file."""
    pixels: NDArray[Any]
    """(H, W) grey, (H, W, 3) BGR or (H, W, 4) CMYK (255: full ink), uint8 or uint16, C-contiguous."""
    alpha: NDArray[Any] | None
    """(H, W) opacity, of the same type."""
    icc: bytes
    metadata: Metadata
    notes: tuple[str, ...]
    lossless: bool = False
    """Whether it is a WebP that lost nothing; of the other formats each is always or never so."""


def decode(file: BinaryIO, path: Path, format: str, limit: int) -> Decoded:
    """Read a picture of a known ``format`` (Pillow's name) of at most ``limit`` pixels; ``path`` is for the messages.

    Raises:
        InputError: damaged, too large, or of a kind that cannot be used.
    """
    if format == "HEIF":
        from pi_heif import register_heif_opener

        register_heif_opener()
    name = _LONG_NAMES.get(format, format)
    file.seek(0)
    head = file.read(HEAD_SIZE)
    with pillow_on_our_terms():
        try:
            image = Image.open(file, formats=(format,))
        except _DAMAGE as error:
            raise InputError(f'"{path}" looks like a {name} file, but is damaged or of an unusual kind.') from error
        with image:
            _refuse_large(path, "has", image.size, limit)
            try:
                _refuse_large(path, "is made of tiles of", _tile_size(image), limit)
                metadata, orientation = read_metadata(image, file)
                notes = list(_notes(image))
                bits = _bits(image, head)
                image.load()
            except MemoryError as error:
                raise InputError(f'"{path}" needs more memory than there is.') from error
            except _DAMAGE as error:
                hint = "Where a picture viewer still shows a part of it, save that anew from there."
                raise InputError(f'"{path}" is damaged or incomplete.', hint=hint) from error
            mode = image.mode
            _refuse_unusable(image, path, bits)
            pixels, alpha = _deep(image, file, bits) or _arrays(image, bits)
            if bits > 8 and pixels.dtype == np.uint8:
                notes.append(f"{bits} bits per colour: read at 8.")
            icc = image.info.get("icc_profile")
    if format == "TIFF":
        orientation = 1  # Pillow and OpenCV both turn these themselves
    return Decoded(
        format=format,
        mode=mode,
        pixels=_upright(pixels, orientation),
        alpha=None if alpha is None else _upright(alpha, orientation),
        icc=icc if isinstance(icc, bytes) else b"",
        metadata=metadata,
        notes=tuple(notes),
        lossless=format == "WEBP" and is_lossless(file),
    )


def check_file(file: Path, format: str, width: int, height: int) -> None:
    """Make sure that a file just written is a whole picture of that size.

    Raises:
        OutputError: it is not.
    """
    with pillow_on_our_terms():
        try:
            with Image.open(file, formats=(format,)) as image:
                size = image.size
                # JPEG: all of the data is read, but only an eighth of the picture computed.
                image.draft(None, (max(1, width // 8), max(1, height // 8)))
                image.load()
        except _DAMAGE as error:
            raise OutputError("what was written cannot be read back.", hint="Check the disk.") from error
    if size != (width, height):
        raise OutputError(f"what was written has {size[0]} x {size[1]} pixels instead of {width} x {height}.")


@contextlib.contextmanager
def pillow_on_our_terms() -> Iterator[None]:
    """No warnings about what is reported otherwise or does not matter, and no pixel limit besides ours.

    Both are settings of the whole process, so one thread at a time has them and puts them back.
    """
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _refuse_large(path: Path, what: str, size: tuple[int, int], limit: int) -> None:
    width, height = size
    if width * height > limit:
        raise InputError(
            f'"{path}" {what} {width} x {height} = {width * height / 1e6:.4g} million pixels; '
            f"the limit is {limit / 1e6:g} million.",
            hint="Make it smaller, or raise the limit with the environment variable FACEFUSION_MAX_PIXELS.",
        )


def _tile_size(image: Image.Image) -> tuple[int, int]:
    """Of a TIFF of tiles, which may be far larger than the picture and are decoded whole; (0, 0) of anything else."""
    tags = getattr(image, "tag_v2", {})
    return int(tags.get(322, 0)), int(tags.get(323, 0))


def _notes(image: Image.Image) -> Iterator[str]:
    if not getattr(image, "is_animated", False):
        return
    if image.format in {"GIF", "PNG", "WEBP", "AVIF"}:
        yield "animated: only the first frame is used."
    elif image.format == "TIFF":
        yield "several pages: only the first is used."
    else:
        yield "several pictures in one file: only the main one is used."


def _bits(image: Image.Image, head: bytes) -> int:
    """Bits per colour in the file, which begins with ``head``; 8 where neither that nor Pillow tells."""
    tags = getattr(image, "tag_v2", None)
    if tags is not None:
        return int(max(tags.get(258, (1,))))
    if isinstance(image.info.get("bit_depth"), int):
        return int(image.info["bit_depth"])
    if image.format == "AVIF" and (at := head.find(b"pixi")) > 0:
        return head[at + 9]  # after version, flags and the number of channels (ISO/IEC 23008-12, 6.5.6)
    if image.format == "JPEG2000" and (at := head.find(b"ihdr")) > 0:
        return (head[at + 14] & 127) + 1  # after height, width and the number of channels (ISO/IEC 15444-1, I.5.3.1)
    tile = getattr(image, "tile", None)
    arguments = tile[0][3] if tile else ""
    if image.format == "PPM" and isinstance(arguments, tuple) and isinstance(arguments[-1], int):
        return arguments[-1].bit_length()
    return 16 if image.mode.startswith("I;16") or ";16" in str(arguments) else 8


def _refuse_unusable(image: Image.Image, path: Path, bits: int) -> None:
    tags = getattr(image, "tag_v2", {})
    # A digital negative (DNG), or a camera's own TIFF with a small preview in front (NEF, ARW).
    if 50706 in tags or tags.get(254, 0) & 1:
        raise InputError(f'"{path}" is a raw photograph.', hint="Convert it to JPEG or PNG first.")
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        raise InputError(
            f'"{path}" has floating point or 32-bit pixels.', hint="Save it with 8 or 16 bits per colour first."
        )
    if bits > 8 and tags.get(284) == 2:  # Pillow and OpenCV both mix up the colours of these
        raise InputError(f'"{path}" is a TIFF with separate 16-bit planes.', hint="Save it with interleaved colours.")


def _arrays(image: Image.Image, bits: int) -> tuple[NDArray[Any], NDArray[Any] | None]:
    """Pixels and alpha of what Pillow has at full depth: everything but colour of more than 8 bits."""
    if image.mode.startswith("I"):
        return _deep_grey(image, bits)
    if image.mode == "LAB":
        to_srgb = (ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"))
        converted = ImageCms.profileToProfile(image, *to_srgb, outputMode="RGB")
        assert converted is not None  # only so when asked to work in place
        converted.info.pop("icc_profile", None)
        image.info.pop("icc_profile", None)
        image = converted
    transparent = "transparency" in image.info or image.mode in {"LA", "La", "PA", "RGBA", "RGBa"}
    grey = image.mode in {"1", "L", "LA", "La"}
    if image.mode == "CMYK":
        return np.array(image), None
    if grey:
        if not transparent:
            return np.array(image.convert("L")), None
        both = np.asarray(image.convert("LA"))
        return both[..., 0].copy(), both[..., 1].copy()
    colours = np.asarray(image.convert("RGBA" if transparent else "RGB"))
    alpha = colours[..., 3].copy() if transparent else None
    return cv2.cvtColor(colours, cv2.COLOR_RGBA2BGR if transparent else cv2.COLOR_RGB2BGR), alpha


def _deep_grey(image: Image.Image, bits: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16] | None]:
    pixels = np.asarray(image).clip(0, 65535).astype(np.uint16)
    tags = getattr(image, "tag_v2", None)
    key = image.info.get("transparency")
    alpha = np.where(pixels == key, 0, 65535).astype(np.uint16) if isinstance(key, int) else None
    if tags is not None:
        if bits < 16:
            pixels = (pixels * np.uint32(65535) // np.uint32(2**bits - 1)).astype(np.uint16)
        if tags.get(262) == 0:  # white is zero, which Pillow heeds at 8 bits only
            pixels = 65535 - pixels
    return pixels, alpha


def _deep(image: Image.Image, file: BinaryIO, bits: int) -> tuple[NDArray[Any], NDArray[Any] | None] | None:
    """16-bit colour, which Pillow cuts to 8 bits, by OpenCV; None if there is none or the two disagree about it."""
    if bits != 16 or image.format not in {"PNG", "TIFF"} or image.mode not in {"RGB", "RGBA"}:
        return None
    file.seek(0)
    data = file.read()
    if image.format == "PNG":
        data = bare_png(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    shallow = np.asarray(image)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3 or pixels.shape[:2] != shallow.shape[:2]:
        return None
    alpha = pixels[..., 3].copy() if image.mode == "RGBA" and pixels.shape[2] == 4 else None
    colours: NDArray[np.uint16] = np.ascontiguousarray(pixels[..., :3])
    if not np.array_equal(colours >> 8, shallow[..., 2::-1]):
        return None
    key = image.info.get("transparency")
    if alpha is None and isinstance(key, tuple):
        alpha = np.where((colours == key[::-1]).all(axis=-1), 0, 65535).astype(np.uint16)
    return colours, alpha


def _upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn and mirror as EXIF orientation 1 to 8 asks for (EXIF 2.32, tag 274)."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in {3, 4, 7, 8}:
        pixels = pixels[::-1]
    if orientation in {2, 3, 6, 7}:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)
