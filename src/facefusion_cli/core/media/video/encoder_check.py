"""Whether an encoder works on this machine: shown by using it, since being built in says nothing."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from facefusion_cli.core.media.video.encoders import codec_names, encoder_for
from facefusion_cli.core.media.video.ffmpeg import ffmpeg_program
from facefusion_cli.core.media.video.process import FfmpegRun
from facefusion_cli.errors import UsageError

if TYPE_CHECKING:
    from facefusion_cli.core.media.video.encoders import EncodeOptions, Encoder

__all__ = ["check_encoder", "working_codecs"]

_SIDE = 256
"""Pixels; some chips refuse anything much smaller."""
_FRAMES = 3


def check_encoder(options: EncodeOptions, width: int, height: int) -> Encoder:
    """The encoder to use for frames of that size.

    Raises:
        UsageError: it does not work here, or cannot write that size.
    """
    encoder = encoder_for(options.codec)
    problem = _problem(ffmpeg_program(), encoder.name)
    if problem:
        raise UsageError(
            f'the codec "{encoder.name}" cannot be used here: {problem}.',
            hint=f"These work here: {', '.join(working_codecs())}.",
        )
    if (width % 2 or height % 2) and not encoder.odd:
        fitting = ", ".join(name for name in working_codecs() if encoder_for(name).odd)
        raise UsageError(
            f'the codec "{encoder.name}" cannot write frames of {width} x {height} pixels, only of even sizes.',
            hint=f"These can: {fitting}.",
        )
    return encoder


def working_codecs() -> tuple[str, ...]:
    """Names of those that work here."""
    program = ffmpeg_program()
    return tuple(name for name in codec_names() if not _problem(program, name))


@functools.cache
def _problem(_program: str, name: str) -> str:
    """What ffmpeg says when it encodes a few frames; "" if it succeeds."""
    encoder = encoder_for(name)
    arguments = [
        *("-loglevel", "error", *encoder.before),
        *("-f", "lavfi", "-i", f"testsrc2=size={_SIDE}x{_SIDE}:rate=25"),
        *("-frames:v", str(_FRAMES), "-vf", f"format={encoder.even}{encoder.upload}"),
        *("-c:v", encoder.program, *encoder.arguments(18, "medium"), "-f", "null", "-"),
    ]
    with FfmpegRun(arguments) as run:
        code = run.finish()
    if not code and not run.stalled:
        return ""
    # The first line is the nearest to the cause; before it stands who says so.
    said = next((line for line in run.tail if line.strip()), f"ffmpeg ended with {code}")
    return said.rpartition("] ")[2].rstrip(". ")
