"""What the sound of a file is, as far as the file says: found out before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.files import check_file
from facefusion_cli.core.media.video.header import Header, parse_header_line
from facefusion_cli.core.media.video.mp4 import looks_like_mp4
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.core.media.video.sounds import sound_arguments
from facefusion_cli.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from facefusion_cli.core.media.video.header import Stream

__all__ = ["SoundFile", "probe_sound"]

_MOST_CHANNELS = 64
"""As ffmpeg's filters take them."""
_PRIMING = Fraction(1, 10)
"""Seconds; a clock that begins less than that before zero does so for what decoders need, and is not heard."""
_LEAST_RATE = 1000
"""Samples a second; less carries no speech, and would be blown up out of all proportion."""


@dataclass(frozen=True, slots=True)
class SoundFile:
    """The first track of sound in a file."""

    path: Path
    codec: str
    """ffmpeg's name: "aac", "pcm_s16le"."""
    rate: int
    channels: int
    pictures: bool
    """Whether the file is a video. Covers do not count."""
    zero: Fraction
    """Second on the file's own clock that is second 0 of what is heard: where the first of its streams begins, so that
    sound that begins after the pictures it comes with is silent up to there; but not what a decoder only needs to
    begin, for which clocks begin a little before zero."""
    promised: Fraction | None
    """Seconds that the file says it has; None where it does not, or would only guess."""


def probe_sound(path: Path) -> SoundFile:
    """Find out what a file says of its sound; nothing is decoded.

    Only the formats of a whitelist are opened, by content, and no file but this one.

    Raises:
        InputError: it cannot be read, is of no format that is read, has no sound, or sound that cannot be understood.
        ProgramError: ffmpeg is missing.
    """
    check_file(path, "a sound file")
    header, said = Header(), []

    def listen(line: str) -> None:
        parse_header_line(line, header)
        if line.startswith("["):
            said.append(line)

    copied = ["-map", "0:a:0", "-c", "copy", "-frames:a", "1", "-f", "null", "-"]
    arguments = ["-loglevel", "repeat+info", *header.arguments, *sound_arguments(path), *copied]
    with FfmpegRun(arguments, said=listen) as run:
        why = run.stopped(run.finish())
    if why:
        raise InputError(f'"{path}" cannot be read: {why}.')
    text = "\n".join(said)
    if not header.container:
        raise _not_opened(path, text)
    stream = next((one for one in header.streams if one.kind == "Audio"), None)
    pictures = any(one.kind == "Video" and not one.attached for one in header.streams)
    if stream is None:
        what = "pictures but no sound" if pictures else "no sound"
        raise InputError(f'"{path}" has {what}.', hint="Give a file that somebody can be heard in.")
    if not stream.rate:  # of a format that is believed by its name, and has nothing of it
        raise _not_opened(path, "")
    _check(path, stream)
    guessed = "Estimating duration from bitrate" in text
    promised = None if guessed else header.duration
    zero = Fraction(0) if -_PRIMING < header.start < 0 else header.start
    return SoundFile(path, stream.codec, stream.rate, stream.channels, pictures, zero, promised)


def _not_opened(path: Path, said: str) -> InputError:
    if "Format not on whitelist" in said or "not in allowed" in said:
        return InputError(f'"{path}" is not a sound or video file of a format that is read.')
    if "moov atom not found" in said and looks_like_mp4(path):
        return InputError(f'"{path}" is damaged: its index is missing.', hint="It was cut off, or never finished.")
    return InputError(f'"{path}" is not a sound or video file, or it is damaged.')


def _check(path: Path, stream: Stream) -> None:
    if stream.codec == "none":
        raise InputError(f'the sound of "{path}" is coded in a way that ffmpeg does not know.')
    if stream.channels > _MOST_CHANNELS:
        raise InputError(
            f'the sound of "{path}" has {stream.channels} channels, where at most {_MOST_CHANNELS} are read.'
        )
    if stream.rate < _LEAST_RATE:
        raise InputError(
            f'the sound of "{path}" has {stream.rate} samples a second, where at least {_LEAST_RATE} are needed.'
        )
