"""What a video is: found out once, before any work."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.files import check_file
from facefusion_cli.core.media.video.look import look
from facefusion_cli.core.media.video.packets import read_packets
from facefusion_cli.core.media.video.rates import fit_grid
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from facefusion_cli.core.media.video.look import Look
    from facefusion_cli.core.media.video.packets import Packets
    from facefusion_cli.core.media.video.rates import Grid

__all__ = ["AudioTrack", "ColourTags", "SubtitleTrack", "Timeline", "Video", "probe"]

_HDR = {"smpte2084", "arib-std-b67"}
_DEEP = re.compile(r"(?:p0|p2|p4|gray|p|x2rgb|x2bgr|gbrap?)(9|10|12|14|16)(?:le|be)?$|(48|64)(?:le|be)$")
_ROUNDED = 2
"""Frames that a duration may have too many."""
_BY_ORDER = {"avi", "h264", "hevc", "m4v", "obu", "mpegvideo"}
"""Containers that hold no times of pictures, or of some only."""


@dataclass(frozen=True, slots=True)
class ColourTags:
    """How a video's numbers are to be understood, in ffmpeg's words; "" where the file does not say."""

    range: str
    """"tv" or "pc"."""
    matrix: str
    """As in "bt709", "smpte170m", "bt2020nc"."""
    primaries: str
    transfer: str
    """As in "bt709", "smpte2084" (PQ), "arib-std-b67" (HLG)."""


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """One audio stream."""

    index: int
    """Number of the stream in the file, as ``-map 0:INDEX`` takes it."""
    codec: str
    """ffmpeg's name: "aac", "pcm_s16le"."""
    rate: int
    channels: int


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    """One stream of subtitles."""

    index: int
    codec: str


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Which of a file's frames is seen at which place of the constant rate, where that is not one after the other."""

    stamps: NDArray[np.int64]
    """When each frame of the file is shown, in order, in units of ``tick`` seconds."""
    tick: Fraction
    source: NDArray[np.int64]
    """For each frame as ``FrameReader`` counts them the number of the file's frame."""


@dataclass(frozen=True, slots=True)
class Video:
    """The first moving picture of a file and what comes with it.

    Times are exact. Frames are meant as ``FrameReader`` gives them: upright, at a constant rate, counted from 0.
    """

    path: Path
    container: str
    """ffmpeg's names for the format, as in "mov,mp4,m4a,3gp,3g2,mj2"."""
    stream: int
    """Number of the video stream in the file."""
    codec: str
    width: int
    """Pixels of the upright frame."""
    height: int
    sar: Fraction
    """Width over height of one pixel, upright."""
    fps: Fraction
    """Frames a second: the file's own, or their average where they come irregularly."""
    variable: bool
    """Whether frames come irregularly, so that some are repeated or left out to keep the time."""
    frames: int
    """How many there are; at least 1."""
    promised: int
    """How many the file's header speaks of; more than ``frames`` where the file was cut."""
    start: Fraction
    """Seconds on the file's clock at which the first frame is shown; audio may begin earlier or later."""
    pixel_format: str
    bits: int
    """Of one colour sample."""
    colour: ColourTags
    hdr: bool
    """Whether the transfer is PQ or HLG."""
    interlaced: bool
    audio: tuple[AudioTrack, ...]
    subtitles: tuple[SubtitleTrack, ...]
    chapters: int
    notes: tuple[str, ...]
    """Sentences the user should read: variable rate, HDR, interlaced, a damaged end."""
    timeline: Timeline | None = field(default=None, repr=False, compare=False)
    """None where each frame of the file is one of ours."""
    stamped: bool = True
    """Whether the file says when its frames are shown; else they only follow each other."""

    @property
    def duration(self) -> Fraction:
        """Seconds from the beginning of the first frame to the end of the last."""
        return self.frames / self.fps


def probe(path: Path) -> Video:
    """Find out all about a video; only its first frames are decoded, but all of the file is read.

    Only the formats of a whitelist are opened, by content, and no file but this one.

    Raises:
        InputError: it cannot be read, is no video, has no (moving) picture or no frame, is of a format that is not
            allowed, encrypted, or larger than the limit on pixels.
        ProgramError: ffmpeg is missing.
    """
    check_file(path)
    seen = look(path)
    header, stream, shown = seen.header, seen.stream, seen.shown
    packets = read_packets(path, stream.index, stamped=header.container not in _BY_ORDER)
    stamps = packets.stamps
    if packets.stamped and seen.first is not None and stamps[0] < packets.first_key <= seen.first:
        stamps = stamps[stamps >= packets.first_key]  # what came before refers to what is not in the file
    hints = [*stream.rates]
    if shown.rate:
        hints.insert(0, shown.rate)
    try:
        grid = fit_grid(stamps, packets.tick, packets.last, hints)
    except ValueError as error:
        raise InputError(
            f'the video "{path}" is damaged: by its times {error}.', hint="Let another program copy or repair it."
        ) from error
    colour = ColourTags(*(shown.colour or ("", "", "", "")))
    promised = _promised(seen, grid, packets)
    notes = _notes(grid, colour, shown.pixel_format, shown.interlaced)
    return Video(
        path=path,
        container=header.container,
        stream=stream.index,
        codec=stream.codec,
        width=shown.size[0],
        height=shown.size[1],
        sar=shown.sar,
        fps=grid.fps,
        variable=grid.variable,
        frames=grid.frames,
        promised=promised,
        start=stamps[0].item() * packets.tick,
        pixel_format=shown.pixel_format,
        bits=_bits(shown.pixel_format),
        colour=colour,
        hdr=colour.transfer in _HDR,
        interlaced=shown.interlaced,
        audio=tuple(
            AudioTrack(one.index, one.codec, one.rate, one.channels) for one in header.streams if one.kind == "Audio"
        ),
        subtitles=tuple(SubtitleTrack(one.index, one.codec) for one in header.streams if one.kind == "Subtitle"),
        chapters=header.chapters,
        notes=notes,
        timeline=None if grid.source is None else Timeline(stamps, packets.tick, grid.source),
        stamped=packets.stamped,
    )


def _promised(seen: Look, grid: Grid, packets: Packets) -> int:
    """Frames that the header speaks of. What it says of the whole file is only asked where that ends too early."""
    duration = seen.stream.duration
    if packets.cut:
        if seen.index is not None and seen.index.samples and not grid.variable:
            return max(grid.frames, seen.index.samples)
        duration = duration or seen.header.duration
    # Durations are rounded, and the last frame may be shown for longer.
    promised = 0 if duration is None else round(duration * grid.fps)
    return promised if promised > grid.frames + _ROUNDED else grid.frames


def _bits(pixel_format: str) -> int:
    match = _DEEP.search(pixel_format)
    if match is None:
        return 8
    return int(match[1]) if match[1] else {"48": 16, "64": 16}[match[2]]


def _notes(grid: Grid, colour: ColourTags, pixel_format: str, interlaced: bool) -> tuple[str, ...]:
    notes = []
    if grid.variable:
        notes.append(f"its frames come irregularly: written at a constant {float(grid.fps):.6g} frames a second.")
    if colour.transfer in _HDR:
        notes.append("its high dynamic range (HDR) becomes a standard one.")
    elif _bits(pixel_format) > 8:
        notes.append(f"its colours of {_bits(pixel_format)} bits become 8 bits.")
    if interlaced:
        notes.append("it is interlaced: its lines are put together to whole frames.")
    if pixel_format.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya", "pal8")):
        notes.append("its transparency is left out.")
    return tuple(notes)
