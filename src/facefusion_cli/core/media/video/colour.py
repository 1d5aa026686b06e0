"""From a video's numbers to BGR and back, without a shift in colour.

swscale's quick ways are off by two levels; ``accurate_rnd``, ``full_chroma_int`` and ``full_chroma_inp`` together make
a way there and back that is off by rounding only. zimg (``zscale``) is as exact on the way to RGB, in less than half
the time; it takes planar numbers only, and sizes that its chroma divides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.ffmpeg import ffmpeg_answer, ffmpeg_program
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from facefusion_cli.core.media.video.probe import Video

__all__ = ["from_bgr", "from_planes", "luma_weights", "matrix_of", "range_of", "to_bgr", "to_planes"]

_EXACT = "accurate_rnd+full_chroma_int+full_chroma_inp"
_SD_LINES, _HD_LENGTH = 576, 1280
"""Up to so many lines, and shorter than that, untagged video is of standard definition (as mpv decides)."""
_SCALE_MATRIX = {
    "bt709": "bt709",
    "smpte170m": "smpte170m",
    "bt470bg": "bt470bg",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020nc",
}
_ZIMG_MATRIX = {"bt709": "709", "smpte170m": "170m", "bt470bg": "470bg"}
_LUMA = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt470bg": (0.299, 0.114)}
"""ITU-R BT.709 and BT.601."""
_ZIMG_FORMATS = {"yuv420p": 2, "yuvj420p": 2, "yuv444p": 1}
"""Sides of the squares of pixels that share their chroma."""
_PRIMARIES = {"smpte170m": "smpte170m", "bt470bg": "bt470bg", "smpte240m": "smpte240m", "bt2020nc": "bt2020"}
"""What goes with a matrix where a file names nothing else."""
_TRANSFERS = {"smpte170m": "smpte170m", "bt470bg": "smpte170m", "smpte240m": "smpte240m", "bt2020nc": "bt2020-10"}
_ZSCALE_MATRICES = {*_SCALE_MATRIX, "ycgco", "chroma-derived-nc", "ictcp"}
"""That zscale can undo by themselves."""
_TONE_MAPPED = (
    "zscale=transfer=linear:npl=203,format=gbrpf32le,zscale=primaries=bt709,"
    "tonemap=tonemap=mobius:param=0.6:desat=0:peak=5,zscale=transfer=bt709:matrix=bt709:range=tv,format=yuv444p"
)
"""HDR to SDR: white, at 203 nits (ITU-R BT.2408), stays about where it is; up to 1000 all above is pressed together."""
_TONE_MAPPED_BY_SCALE = (
    "scale=out_primaries=bt709:out_transfer=bt709:out_color_matrix=bt709:out_range=tv:intent=perceptual"
)
"""For builds without zimg: darker."""


def matrix_of(video: Video) -> str:
    """The matrix between its numbers and RGB, as players see it."""
    named = _SCALE_MATRIX.get(video.colour.matrix)
    if named is not None:
        return named
    short, long = sorted((video.width, video.height))
    return "bt709" if short > _SD_LINES or long >= _HD_LENGTH else "smpte170m"


def range_of(video: Video) -> str:
    """ "tv" or "pc"; what is not tagged is the former, and so is what we make of RGB."""
    if is_rgb(video.pixel_format):
        return "tv"
    return "pc" if video.colour.range == "pc" or video.pixel_format.startswith("yuvj") else "tv"


def is_rgb(pixel_format: str) -> bool:
    """Whether the numbers are red, green and blue already."""
    return pixel_format.startswith(
        ("rgb", "bgr", "gbr", "argb", "abgr", "0rgb", "0bgr", "x2rgb", "x2bgr", "pal8", "mono")
    )


def to_bgr(video: Video, width: int, height: int, *, quick: bool = False) -> str:
    """The filters that make (height, width, 3) BGR of a decoded frame; ``quick`` ones are not exact.

    Raises:
        InputError: it is of high dynamic range, which this ffmpeg cannot undo.
    """
    scaled = (width, height) != (video.width, video.height)
    if not (quick or scaled) and (matrix := _ZIMG_MATRIX.get(matrix_of(video))) and _suits_zimg(video):
        span = "full" if range_of(video) == "pc" else "limited"
        # In the middle of its pixels is where swscale, which leads back, takes chroma to be.
        colours = f"matrixin={matrix}:rangein={span}:chromalin=center:matrix=gbr:range=full"
        return f"zscale=w={width}:h={height}:filter=bicubic:{colours},format=gbrp,format=bgr24"
    scale = f"scale={width}:{height}:flags={'area' if scaled else 'bicubic'}{'' if quick else f'+{_EXACT}'}"
    if video.hdr:
        return f"{_completed(video)}{_tone_mapped(video)},{scale}:in_color_matrix=bt709:in_range=tv,format=bgr24"
    if not is_rgb(video.pixel_format):
        scale += f":in_color_matrix={matrix_of(video)}:in_range={range_of(video)}"
    return f"{scale},format=bgr24"


def from_bgr(video: Video, pixel_format: str) -> str:
    """The filters that make numbers of BGR, with the matrix of ``video``; they carry the tags that say so.

    The range is always "tv", also where that of ``video`` is "pc": it looks the same, more players understand it, and
    swscale's way to "pc" cuts off half a level of chroma.
    """
    matrix = "bt709" if video.hdr else matrix_of(video)
    scale = f"scale=flags=bicubic+{_EXACT}:out_color_matrix={matrix}:out_range=tv"
    return f"{scale},format={pixel_format},{_tagged(video, matrix)}"


def to_planes(video: Video) -> str:
    """The filters that give decoded frames as they are, as three planes with a quarter of the chroma.

    They do something only where the file's pictures change their size, form or colours in the middle.
    """
    return f"scale={video.width}:{video.height}:flags=bicubic+{_EXACT},format=yuv420p"


def from_planes(video: Video, pixel_format: str) -> str:
    """The filters that give an encoder the planes of ``to_planes`` with the tags of ``video``."""
    return f"format={pixel_format},{_tagged(video, matrix_of(video))}"


def luma_weights(video: Video) -> tuple[float, float] | None:
    """Shares of red and blue in the luma of its matrix; None where that is not one of the usual ones."""
    return _LUMA.get(video.colour.matrix or matrix_of(video))


def _tagged(video: Video, matrix: str) -> str:
    primaries, transfer = ("", "") if video.hdr else (video.colour.primaries, video.colour.transfer)
    return (
        f"setparams=range=tv:colorspace={matrix}:color_primaries={primaries or _PRIMARIES.get(matrix, 'bt709')}"
        f":color_trc={transfer or _TRANSFERS.get(matrix, 'bt709')}"
    )


def _suits_zimg(video: Video) -> bool:
    side = _ZIMG_FORMATS.get(video.pixel_format)
    return side is not None and not (video.width % side or video.height % side) and _has_zscale(ffmpeg_program())


def _has_zscale(program: str) -> bool:
    return " zscale " in ffmpeg_answer(program, "-filters")


def _completed(video: Video) -> str:
    """What names the colours that an HDR video leaves unnamed, or names wrongly: those of ITU-R BT.2100."""
    colour, rgb = video.colour, is_rgb(video.pixel_format)
    missing = []
    if not colour.range:
        missing.append(f"range={range_of(video)}")
    if colour.matrix not in ({"gbr"} if rgb else _ZSCALE_MATRICES):
        missing.append(f"colorspace={'gbr' if rgb else 'bt2020nc'}")
    if not colour.primaries:
        missing.append("color_primaries=bt2020")
    return f"setparams={':'.join(missing)}," if missing else ""


def _tone_mapped(video: Video) -> str:
    program = ffmpeg_program()
    if _has_zscale(program) and " tonemap " in ffmpeg_answer(program, "-filters"):
        return _TONE_MAPPED
    if "out_transfer" in ffmpeg_answer(program, "-h", "filter=scale"):
        return f"{_TONE_MAPPED_BY_SCALE},format=yuv444p"
    raise InputError(
        f'the video "{video.path}" is of high dynamic range (HDR), which this ffmpeg cannot turn into a standard one.',
        hint="The ffmpeg that comes with imageio-ffmpeg can.",
    )
